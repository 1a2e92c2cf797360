//! Operators: logic, comparison, arithmetic, membership.

use super::facts::{self, Facts};
use super::infer::{Checker, Reading, Truth, Typed, join, path_of, unknown};
use super::print::{Binds, bracketed, quoted};
use super::{Comparison, Operand};
use crate::diagnostic::{Code, did_you_mean};
use crate::types::{Bounds, Ty, Words};
use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use std::collections::BTreeSet;

impl Checker<'_> {
    pub(super) fn call(&mut self, e: &IdedExpr, call: &CallExpr, facts: &Facts) -> Typed {
        let name = call.func_name.as_str();
        if call.target.is_some() {
            return self.function(e, call, facts);
        }
        match (name, call.args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [a, b]) => self.logic(name, a, b, facts),
            (operators::LOGICAL_NOT, [a]) => self.not(a, facts),
            (operators::CONDITIONAL, [a, b, c]) => self.conditional(e, [a, b, c], facts),
            (operators::EQUALS | operators::NOT_EQUALS, [a, b]) => self.equality(e, name, a, b, facts),
            (operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS, [a, b]) => {
                self.order(e, name, a, b, facts)
            }
            (
                operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO,
                [a, b],
            ) => self.arithmetic(e, name, a, b, facts),
            (operators::NEGATE, [a]) => self.negate(a, facts),
            (operators::IN, [a, b]) => self.membership(e, a, b, facts),
            (operators::INDEX, [a, b]) => self.index(e, a, b, facts),
            _ => self.function(e, call, facts),
        }
    }

    fn condition(&mut self, e: &IdedExpr, facts: &Facts) -> Typed {
        let typed = self.infer(e, facts);
        let ty = self.known(e, typed.ty.clone(), facts);
        let typed = Typed { ty, ..typed };
        self.wants_bool(e, &typed);
        typed
    }

    fn logic(&mut self, op: &str, a: &IdedExpr, b: &IdedExpr, facts: &Facts) -> Typed {
        let and = op == operators::LOGICAL_AND;
        let left = self.condition(a, facts);
        let right = self.condition(b, &facts.and(&facts::when(a, and)));
        let (decisive, neutral) = if and { (Truth::Never, Truth::Always) } else { (Truth::Always, Truth::Never) };
        let truth = match (left.truth, right.truth) {
            (x, y) if x == decisive || y == decisive => decisive,
            (x, y) if x == neutral && y == neutral => neutral,
            _ => Truth::Open,
        };
        let (sign, binds) = if and { ("&&", Binds::And) } else { ("||", Binds::Or) };
        let text = format!("{} {sign} {}", left.place(binds), right.place(binds));
        Typed { truth, ..Typed::new(Ty::Bool, text, binds) }
    }

    fn not(&mut self, a: &IdedExpr, facts: &Facts) -> Typed {
        let inner = self.condition(a, facts);
        let truth = match inner.truth {
            Truth::Always => Truth::Never,
            Truth::Never => Truth::Always,
            Truth::Open => Truth::Open,
        };
        Typed { truth, ..Typed::new(Ty::Bool, format!("!{}", inner.place(Binds::Member)), Binds::Unary) }
    }

    fn conditional(&mut self, e: &IdedExpr, [test, yes, no]: [&IdedExpr; 3], facts: &Facts) -> Typed {
        let condition = self.condition(test, facts);
        let a = self.infer(yes, &facts.and(&facts::when(test, true)));
        let b = self.infer(no, &facts.and(&facts::when(test, false)));
        let (a, b) = promote_both(a, b);
        if !compatible(&a.ty, &b.ty) {
            let message = format!("both sides of `? :` are of one type; here are {} and {}", a.ty.name(), b.ty.name());
            self.report(Code::ExprType, e, message);
        }
        let text = format!("{} ? {} : {}", condition.place(Binds::Or), a.place(Binds::Or), b.place(Binds::Or));
        let ty = if matches!(a.ty, Ty::Dyn) { b.ty } else { super::infer::widened(a.ty) };
        Typed::new(ty, text, Binds::Conditional)
    }

    fn equality(&mut self, e: &IdedExpr, op: &str, a: &IdedExpr, b: &IdedExpr, facts: &Facts) -> Typed {
        let left = self.infer(a, facts);
        let right = self.infer(b, facts);
        let strip = |t: Typed| match t.ty {
            Ty::Nullable(inner) => (Typed { ty: (*inner).clone(), ..t }, true),
            _ => (t, false),
        };
        let ((left, left_null), (right, right_null)) = (strip(left), strip(right));
        let (left, right) = promote_both(left, right);
        let null_test = matches!(left.ty, Ty::Null) || matches!(right.ty, Ty::Null);
        if null_test {
            self.null_test(e, (&left, left_null), (&right, right_null));
        } else if compatible(&left.ty, &right.ty) {
            self.enumerated(b, &left, &right);
            self.enumerated(a, &right, &left);
        } else {
            let message = format!("{} is never equal to {}", left.ty.name(), right.ty.name());
            let help = number_help(&left, &right);
            self.finding(Code::ExprType, self.range(e), message, help, None);
        }
        let mut truth = if null_test { Truth::Open } else { equal_truth(&left.ty, &right.ty) };
        if truth == Truth::Always && (left_null || right_null) {
            truth = Truth::Open;
        }
        let (sign, truth) = match (op, truth) {
            (operators::EQUALS, truth) => ("==", truth),
            (_, Truth::Always) => ("!=", Truth::Never),
            (_, Truth::Never) => ("!=", Truth::Always),
            (_, Truth::Open) => ("!=", Truth::Open),
        };
        let text = format!("{} {sign} {}", left.place(Binds::Add), right.place(Binds::Add));
        Typed { truth, ..Typed::new(Ty::Bool, text, Binds::Relation) }
    }

    fn null_test(&mut self, e: &IdedExpr, left: (&Typed, bool), right: (&Typed, bool)) {
        let value = if matches!(left.0.ty, Ty::Null) { right } else { left };
        if !value.1 && !matches!(value.0.ty, Ty::Dyn | Ty::Null) {
            let message = format!("`{}` is never null by the schema", value.0.text);
            self.finding(Code::ExprType, self.range(e), message, Some("remove the test".to_owned()), None);
        }
    }

    /// A literal text beside a value whose words the schema lists.
    fn enumerated(&mut self, e: &IdedExpr, value: &Typed, literal: &Typed) {
        let (Ty::Text(words), Some(word)) = (&value.ty, &literal.word) else { return };
        if value.word.is_some() {
            return;
        }
        self.check_word(e, words, word, &value.text);
    }

    fn check_word(&mut self, e: &IdedExpr, words: &Words, word: &str, value: &str) {
        let Some(allowed) = &words.allowed else { return };
        if !allowed.iter().any(|w| w == word) {
            let message =
                format!("the schema does not allow `{}` in `{value}`, so this never holds", crate::yaml::clip(word));
            let help = did_you_mean(word, allowed.iter().map(String::as_str).collect::<Vec<_>>());
            self.finding(Code::ExprEnum, self.range(e), message, help, words.place.clone());
        }
    }

    fn order(&mut self, e: &IdedExpr, op: &str, a: &IdedExpr, b: &IdedExpr, facts: &Facts) -> Typed {
        let left = self.ready(a, facts);
        let right = self.ready(b, facts);
        let (left, right) = promote_both(left, right);
        let sides = (&left.ty, &right.ty);
        if !matches!(
            sides,
            (Ty::Int(_) | Ty::Double(_) | Ty::Dyn, Ty::Int(_) | Ty::Double(_) | Ty::Dyn)
                | (Ty::Text(_) | Ty::Dyn, Ty::Text(_) | Ty::Dyn)
        ) {
            let message = format!("{} is not compared with {}", left.ty.name(), right.ty.name());
            let help = number_help(&left, &right);
            self.finding(Code::ExprType, self.range(e), message, help, None);
        }
        let sign = sign(op);
        let truth = match (bounds(&left.ty), bounds(&right.ty)) {
            (Some(x), Some(y)) => order_truth(sign, x, y),
            _ => Truth::Open,
        };
        let text = format!("{} {sign} {}", left.place(Binds::Add), right.place(Binds::Add));
        Typed { truth, ..Typed::new(Ty::Bool, text, Binds::Relation) }
    }

    /// A value that is neither null nor missing.
    pub(super) fn ready(&mut self, e: &IdedExpr, facts: &Facts) -> Typed {
        let typed = self.infer(e, facts);
        let ty = self.known(e, typed.ty.clone(), facts);
        Typed { ty, ..typed }
    }

    fn arithmetic(&mut self, e: &IdedExpr, op: &str, a: &IdedExpr, b: &IdedExpr, facts: &Facts) -> Typed {
        let (left, right) = promote_both(self.ready(a, facts), self.ready(b, facts));
        let ty = match (op, &left.ty, &right.ty) {
            (_, Ty::Dyn, Ty::Dyn) => Ty::Dyn,
            (_, Ty::Int(_) | Ty::Dyn, Ty::Int(_)) | (_, Ty::Int(_), Ty::Dyn) => Ty::Int(Bounds::default()),
            (operators::MODULO, ..) => self.mismatch(e, "%", &left, &right),
            (_, Ty::Double(_) | Ty::Dyn, Ty::Double(_)) | (_, Ty::Double(_), Ty::Dyn) => Ty::Double(Bounds::default()),
            (operators::ADD, Ty::Text(_) | Ty::Dyn, Ty::Text(_)) | (operators::ADD, Ty::Text(_), Ty::Dyn) => {
                Ty::Text(Words { size: Bounds::between(0.0, f64::INFINITY), ..Words::default() })
            }
            (operators::ADD, Ty::List(item, _), Ty::List(other, _)) if compatible(item, other) => {
                Ty::List(item.clone(), Bounds::between(0.0, f64::INFINITY))
            }
            _ => self.mismatch(e, sign(op), &left, &right),
        };
        let binds = if matches!(op, operators::ADD | operators::SUBSTRACT) { Binds::Add } else { Binds::Multiply };
        // The right side in brackets also where it binds as tightly: `a - (b - c)`.
        let right_text = if right.binds == binds { format!("({})", right.text) } else { right.place(binds) };
        let text = format!("{} {} {right_text}", left.place(binds), sign(op));
        Typed::new(ty, text, binds)
    }

    fn mismatch(&mut self, e: &IdedExpr, sign: &str, left: &Typed, right: &Typed) -> Ty {
        let message = format!("`{sign}` does not combine {} and {}", left.ty.name(), right.ty.name());
        self.report(Code::ExprType, e, message);
        Ty::Dyn
    }

    fn negate(&mut self, a: &IdedExpr, facts: &Facts) -> Typed {
        let inner = self.ready(a, facts);
        let ty = match inner.ty.clone() {
            Ty::Int(b) => Ty::Int(Bounds::between(-b.high, -b.low)),
            Ty::Double(b) => Ty::Double(Bounds::between(-b.high, -b.low)),
            Ty::Dyn => Ty::Dyn,
            other => {
                self.report(Code::ExprType, a, format!("`-` needs a number, and this is {}", other.name()));
                Ty::Dyn
            }
        };
        let literal = inner.literal.and_then(i64::checked_neg);
        let text = format!("-{}", bracketed(&inner.text, inner.binds, Binds::Member));
        Typed { literal, ..Typed::new(ty, text, Binds::Unary) }
    }

    fn membership(&mut self, e: &IdedExpr, a: &IdedExpr, b: &IdedExpr, facts: &Facts) -> Typed {
        let list = self.ready(b, facts);
        let item = self.infer(a, facts);
        let plain = match &item.ty {
            Ty::Nullable(inner) => (**inner).clone(),
            ty => ty.clone(),
        };
        let mut truth = Truth::Open;
        match &list.ty {
            Ty::List(of, _) => {
                let numbers = matches!((&plain, &**of), (Ty::Int(_) | Ty::Double(_), Ty::Int(_) | Ty::Double(_)));
                if !numbers && !compatible(&plain, of) {
                    let message = format!("{} is never in a list of {}", plain.name(), of.name());
                    self.report(Code::ExprType, e, message);
                }
                if let (Ty::Text(value), Expr::List(literal)) = (&plain, &b.expr) {
                    for word in &literal.elements {
                        if let Expr::Literal(LiteralValue::String(s)) = &word.expr {
                            self.check_word(word, value, s.inner(), &item.text);
                        }
                    }
                    truth = all_listed(value, of, matches!(item.ty, Ty::Nullable(_)));
                }
                if let (Ty::Text(words), Some(word)) = (&**of, &item.word) {
                    self.check_word(a, words, word, &list.text);
                }
            }
            Ty::Object(_) | Ty::Dyn => {}
            other => {
                let message = format!("`in` needs a list, and this is {}", other.name());
                self.report(Code::ExprType, b, message);
            }
        }
        let text = format!("{} in {}", item.place(Binds::Add), list.place(Binds::Add));
        Typed { truth, ..Typed::new(Ty::Bool, text, Binds::Relation) }
    }

    fn index(&mut self, e: &IdedExpr, a: &IdedExpr, b: &IdedExpr, facts: &Facts) -> Typed {
        let of = self.infer(a, facts);
        if let Expr::Literal(LiteralValue::String(key)) = &b.expr {
            let ty = self.field(e, a, &of.ty, key.inner(), facts, Reading::Value);
            let name = key.inner();
            let text = if super::print::is_identifier(name) {
                format!("{}.{name}", of.place(Binds::Member))
            } else {
                format!("{}[{}]", of.place(Binds::Member), quoted(name))
            };
            return Typed::new(ty, text, Binds::Member);
        }
        let key = self.ready(b, facts);
        let ty = match self.known(a, of.ty.clone(), facts) {
            Ty::List(item, _) => {
                if !matches!(key.ty, Ty::Int(_) | Ty::Dyn) {
                    self.report(
                        Code::ExprType,
                        b,
                        format!("the place in a list is an integer, and this is {}", key.ty.name()),
                    );
                }
                (*item).clone()
            }
            Ty::Dyn => Ty::Dyn,
            other => {
                self.report(Code::ExprType, e, format!("`[…]` needs a list, and this is {}", other.name()));
                return unknown();
            }
        };
        Typed::new(ty, format!("{}[{}]", of.place(Binds::Member), key.text), Binds::Member)
    }
}

pub(super) fn promote_both(a: Typed, b: Typed) -> (Typed, Typed) {
    match (&a.ty, &b.ty) {
        (Ty::Double(_), Ty::Int(_)) => (a, b.promoted()),
        (Ty::Int(_), Ty::Double(_)) => (a.promoted(), b),
        _ => (a, b),
    }
}

pub(super) fn compatible(a: &Ty, b: &Ty) -> bool {
    match (a, b) {
        (Ty::Dyn, _)
        | (_, Ty::Dyn)
        | (Ty::Null, Ty::Null | Ty::Nullable(_))
        | (Ty::Nullable(_), Ty::Null)
        | (Ty::Bool, Ty::Bool)
        | (Ty::Int(_), Ty::Int(_))
        | (Ty::Double(_), Ty::Double(_))
        | (Ty::Text(_), Ty::Text(_))
        | (Ty::Object(_), Ty::Object(_)) => true,
        (Ty::Nullable(x), y) | (y, Ty::Nullable(x)) => compatible(x, y),
        (Ty::List(x, _), Ty::List(y, _)) => compatible(x, y),
        _ => false,
    }
}

fn number_help(a: &Typed, b: &Typed) -> Option<String> {
    let kinds: BTreeSet<String> = [a.ty.name(), b.ty.name()].into();
    match (&a.ty, &b.ty) {
        (Ty::Text(_), Ty::Int(_) | Ty::Double(_)) | (Ty::Int(_) | Ty::Double(_), Ty::Text(_)) => {
            Some(format!("compare values of one type; these are {}: a number stands without quotes", join(&kinds)))
        }
        _ => None,
    }
}

fn bounds(ty: &Ty) -> Option<Bounds> {
    match ty {
        Ty::Int(b) | Ty::Double(b) => Some(*b),
        _ => None,
    }
}

fn order_truth(sign: &str, a: Bounds, b: Bounds) -> Truth {
    let (always, never) = match sign {
        "<" => (a.high < b.low, a.low >= b.high),
        "<=" => (a.high <= b.low, a.low > b.high),
        ">" => (a.low > b.high, a.high <= b.low),
        _ => (a.low >= b.high, a.high < b.low),
    };
    // An end at infinity is not a value that anything reaches.
    let finite = |x: f64| x.is_finite();
    match (always, never) {
        (true, _) if finite(a.low) || finite(a.high) => Truth::Always,
        (_, true) if finite(a.low) || finite(a.high) => Truth::Never,
        _ => Truth::Open,
    }
}

fn equal_truth(a: &Ty, b: &Ty) -> Truth {
    if let (Some(x), Some(y)) = (bounds(a), bounds(b)) {
        return if x.high < y.low || y.high < x.low {
            Truth::Never
        } else if x.low >= x.high && x == y {
            Truth::Always
        } else {
            Truth::Open
        };
    }
    let (Ty::Text(x), Ty::Text(y)) = (a, b) else { return Truth::Open };
    if x.size.high < y.size.low || y.size.high < x.size.low {
        return Truth::Never;
    }
    let (Some(x), Some(y)) = (&x.allowed, &y.allowed) else { return Truth::Open };
    match (x.as_slice(), y.as_slice()) {
        ([one], [other]) if one == other => Truth::Always,
        (x, y) if !x.iter().any(|w| y.contains(w)) => Truth::Never,
        _ => Truth::Open,
    }
}

/// `x in ['a', 'b']`: always, where the list holds every word that the schema allows.
fn all_listed(value: &Words, list: &Ty, nullable: bool) -> Truth {
    let Ty::Text(Words { allowed: Some(listed), .. }) = list else { return Truth::Open };
    let Some(allowed) = &value.allowed else { return Truth::Open };
    if !allowed.iter().any(|w| listed.contains(w)) {
        Truth::Never
    } else if !nullable && allowed.iter().all(|w| listed.contains(w)) {
        Truth::Always
    } else {
        Truth::Open
    }
}

fn sign(op: &str) -> &'static str {
    match op {
        operators::LESS => "<",
        operators::LESS_EQUALS => "<=",
        operators::GREATER => ">",
        operators::GREATER_EQUALS => ">=",
        operators::EQUALS => "==",
        operators::NOT_EQUALS => "!=",
        operators::ADD => "+",
        operators::SUBSTRACT => "-",
        operators::MULTIPLY => "*",
        operators::DIVIDE => "/",
        _ => "%",
    }
}

/// The expression as one comparison of a path with a literal, whichever side that stands on.
pub(super) fn comparison(e: &IdedExpr) -> Option<Comparison> {
    let Expr::Call(call) = &e.expr else { return None };
    let [a, b] = call.args.as_slice() else { return None };
    let op = match call.func_name.as_str() {
        operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS => {
            sign(&call.func_name)
        }
        operators::EQUALS | operators::NOT_EQUALS => sign(&call.func_name),
        _ => return None,
    };
    let flipped = match op {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        same => same,
    };
    if let (Some(path), Some(value)) = (subject(a), operand(b)) {
        return Some(Comparison { path, op, value });
    }
    Some(Comparison { path: subject(b)?, op: flipped, value: operand(a)? })
}

/// A path, or the size of one.
fn subject(e: &IdedExpr) -> Option<String> {
    if let Expr::Call(call) = &e.expr
        && call.func_name == "size"
    {
        let of = call.target.as_deref().or_else(|| call.args.first())?;
        return path_of(of).map(|p| format!("size({p})"));
    }
    path_of(e)
}

/// The greatest integer up to which every one is a double of its own.
const EXACT_MAX: u64 = 1 << 53;

#[expect(clippy::cast_precision_loss, reason = "only integers that are exact as doubles")]
fn operand(e: &IdedExpr) -> Option<Operand> {
    match &e.expr {
        Expr::Literal(LiteralValue::Int(i)) => {
            Some(*i.inner()).filter(|i| i.unsigned_abs() <= EXACT_MAX).map(|i| Operand::Number(i as f64))
        }
        Expr::Literal(LiteralValue::Double(d)) => Some(Operand::Number(*d.inner())),
        Expr::Literal(LiteralValue::String(s)) => Some(Operand::Text(s.inner().to_owned())),
        _ => None,
    }
}
