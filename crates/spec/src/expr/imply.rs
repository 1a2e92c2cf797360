//! What one expression says of another: only what can be proved from their form, without the schema and without values.
//!
//! The proof goes through `&&`, `||` and comparisons of one path with a literal, and holds for both ways in which an
//! expression that cannot be evaluated is read: as holding (`forbid`, `when`) and as not holding (`require`). That rests on
//! CEL's logic, where a decisive side absorbs the fault of the other.

use super::operators::comparison;
use super::{Comparison, Operand, on_parser_stack};
use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr, operators};

/// The most steps of one proof: two expressions of two hundred operators each take fewer.
const STEPS_MAX: u32 = 50_000;

/// How two expressions relate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Relation {
    /// Where the first holds, the second does.
    pub(crate) forwards: bool,
    /// Where the second holds, the first does.
    pub(crate) backwards: bool,
}

/// Relates two checked expressions, in their promoted form.
pub(crate) fn relate(a: &str, b: &str) -> Relation {
    on_parser_stack(|| {
        let (Some(a), Some(b)) = (parse(a), parse(b)) else { return Relation::default() };
        let (loops_a, loops_b) = (loops(&a), loops(&b));
        // A loop may exhaust its budget, and what is exhausted objects. An expression with fewer loops is not shown to
        // object wherever one with more does.
        Relation {
            forwards: loops_a == loops_b && Proof::default().implies(&a, &b),
            backwards: loops_a == loops_b && Proof::default().implies(&b, &a),
        }
    })
    .unwrap_or_default()
}

/// Whether a `when` holds wherever it held before, once the threshold of that name is raised: the threshold stands only
/// on the greater side of comparisons, and these only below `&&` and `||`.
pub(crate) fn rises_with(when: &str, threshold: &str) -> bool {
    fn rises(e: &IdedExpr, path: &str) -> bool {
        if !mentions(e, path) {
            return true;
        }
        let Expr::Call(call) = &e.expr else { return false };
        let [a, b] = call.args.as_slice() else { return false };
        match call.func_name.as_str() {
            operators::LOGICAL_AND | operators::LOGICAL_OR => rises(a, path) && rises(b, path),
            operators::LESS | operators::LESS_EQUALS => is_path(b, path) && !mentions(a, path),
            operators::GREATER | operators::GREATER_EQUALS => is_path(a, path) && !mentions(b, path),
            _ => false,
        }
    }
    let path = format!("thresholds.{threshold}");
    on_parser_stack(|| parse(when).is_some_and(|e| rises(&e, &path))).unwrap_or(false)
}

fn parse(text: &str) -> Option<IdedExpr> {
    let mut parsed = cel::Env::default().with_optional_support(false).parser().parse(text).ok()?;
    anonymous(&mut parsed);
    Some(parsed)
}

/// Every node without its number, so that two trees of one meaning are equal.
fn anonymous(e: &mut IdedExpr) {
    e.id = 0;
    for_children(e, &mut anonymous);
}

fn for_children(e: &mut IdedExpr, f: &mut impl FnMut(&mut IdedExpr)) {
    match &mut e.expr {
        Expr::Call(call) => {
            call.target.iter_mut().for_each(|t| f(t));
            call.args.iter_mut().for_each(f);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(f),
        Expr::Select(select) => f(&mut select.operand),
        Expr::Map(map) => {
            for entry in &mut map.entries {
                entry.id = 0;
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    f(&mut entry.key);
                    f(&mut entry.value);
                }
            }
        }
        // Not of the language, and the parser's macros are off: two of these are never taken for equal.
        Expr::Comprehension(_) | Expr::Struct(_) => {}
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
}

fn count(e: &IdedExpr, wanted: &impl Fn(&IdedExpr) -> bool) -> usize {
    let of = |e: &IdedExpr| count(e, wanted);
    let below: usize = match &e.expr {
        Expr::Call(call) => call.target.iter().map(|t| of(t)).chain(call.args.iter().map(of)).sum(),
        Expr::List(list) => list.elements.iter().map(of).sum(),
        Expr::Select(select) => of(&select.operand),
        Expr::Map(map) => map
            .entries
            .iter()
            .map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => of(&entry.key) + of(&entry.value),
                EntryExpr::StructField(_) => 0,
            })
            .sum(),
        Expr::Comprehension(_) | Expr::Struct(_) | Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => 0,
    };
    below + usize::from(wanted(e))
}

fn loops(e: &IdedExpr) -> usize {
    const LOOPS: [&str; 5] = ["all", "exists", "exists_one", "map", "filter"];
    count(e, &|e| matches!(&e.expr, Expr::Call(c) if c.target.is_some() && LOOPS.contains(&c.func_name.as_str())))
}

fn is_path(e: &IdedExpr, path: &str) -> bool {
    super::infer::path_of(e).is_some_and(|p| p == path)
}

/// Whether a path is read anywhere, also as `thresholds` alone, through which anything below it could be.
fn mentions(e: &IdedExpr, path: &str) -> bool {
    if is_path(e, path) {
        return true;
    }
    let other_path = super::infer::path_of(e).is_some_and(|p| p.contains('.'));
    match &e.expr {
        _ if other_path => false,
        Expr::Ident(name) => path.split('.').next() == Some(name.as_str()),
        _ => children(e).any(|child| mentions(child, path)),
    }
}

fn children(e: &IdedExpr) -> Box<dyn Iterator<Item = &IdedExpr> + '_> {
    match &e.expr {
        Expr::Call(call) => Box::new(call.target.iter().map(AsRef::as_ref).chain(&call.args)),
        Expr::List(list) => Box::new(list.elements.iter()),
        Expr::Select(select) => Box::new(std::iter::once(select.operand.as_ref())),
        Expr::Map(map) => Box::new(map.entries.iter().flat_map(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
            EntryExpr::StructField(_) => Vec::new(),
        })),
        _ => Box::new(std::iter::empty()),
    }
}

#[derive(Default)]
struct Proof {
    steps: u32,
}

impl Proof {
    fn implies(&mut self, a: &IdedExpr, b: &IdedExpr) -> bool {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return false;
        }
        if a == b {
            return true;
        }
        if let Some((x, y)) = sides(a, operators::LOGICAL_OR) {
            return self.implies(x, b) && self.implies(y, b);
        }
        if let Some((x, y)) = sides(b, operators::LOGICAL_AND) {
            return self.implies(a, x) && self.implies(a, y);
        }
        if let Some((x, y)) = sides(b, operators::LOGICAL_OR)
            && (self.implies(a, x) || self.implies(a, y))
        {
            return true;
        }
        if let Some((x, y)) = sides(a, operators::LOGICAL_AND)
            && (self.implies(x, b) || self.implies(y, b))
        {
            return true;
        }
        match (comparison(a), comparison(b)) {
            (Some(a), Some(b)) => narrower(&a, &b),
            _ => false,
        }
    }
}

fn sides<'e>(e: &'e IdedExpr, operator: &str) -> Option<(&'e IdedExpr, &'e IdedExpr)> {
    let Expr::Call(call) = &e.expr else { return None };
    match call.args.as_slice() {
        [a, b] if call.func_name == operator && call.target.is_none() => Some((a, b)),
        _ => None,
    }
}

/// Whether one comparison holds only where the other does: one interval within the other.
pub(crate) fn narrower(a: &Comparison, b: &Comparison) -> bool {
    if a.path != b.path {
        return false;
    }
    match (interval(a), interval(b)) {
        (Some(x), Some(y)) => x.low >= y.low && x.high <= y.high,
        _ => match (&a.value, &b.value) {
            // `x == 'a'` lies within `x != 'b'`.
            (Operand::Text(x), Operand::Text(y)) => a.op == "==" && b.op == "!=" && x != y,
            _ => false,
        },
    }
}

/// Whether two comparisons never hold together.
pub(crate) fn apart(a: &Comparison, b: &Comparison) -> bool {
    if a.path != b.path {
        return false;
    }
    match (interval(a), interval(b)) {
        (Some(x), Some(y)) => x.high < y.low || y.high < x.low,
        _ => match (&a.value, &b.value) {
            (Operand::Text(x), Operand::Text(y)) => match (a.op, b.op) {
                ("==", "==") => x != y,
                ("==", "!=") | ("!=", "==") => x == y,
                _ => false,
            },
            _ => false,
        },
    }
}

/// The numbers for which a comparison holds. An open end lies half a step inside: of (value, side) the order is that
/// of the number line.
struct Interval {
    low: (f64, i8),
    high: (f64, i8),
}

fn interval(c: &Comparison) -> Option<Interval> {
    let Operand::Number(n) = c.value else { return None };
    let (all_low, all_high) = ((f64::NEG_INFINITY, 0), (f64::INFINITY, 0));
    Some(match c.op {
        "<" => Interval { low: all_low, high: (n, -1) },
        "<=" => Interval { low: all_low, high: (n, 0) },
        ">" => Interval { low: (n, 1), high: all_high },
        ">=" => Interval { low: (n, 0), high: all_high },
        "==" => Interval { low: (n, 0), high: (n, 0) },
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
