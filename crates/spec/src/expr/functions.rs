//! Functions and macros of the language.

use super::facts::Facts;
use super::infer::{Checker, Reading, Typed, unknown};
use super::print::Binds;
use crate::diagnostic::{Code, did_you_mean};
use crate::types::{Bounds, Ty, Words};
use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue};
use std::sync::Arc;

/// The functions of the language, with how each is called.
const FUNCTIONS: [(&str, &str); 14] = [
    ("size", "size(text or list)"),
    ("contains", "text.contains(text)"),
    ("startsWith", "text.startsWith(text)"),
    ("endsWith", "text.endsWith(text)"),
    ("matches", "text.matches('pattern')"),
    ("int", "int(number or text)"),
    ("double", "double(number or text)"),
    ("string", "string(value)"),
    ("has", "has(object.field)"),
    ("all", "list.all(x, condition)"),
    ("exists", "list.exists(x, condition)"),
    ("exists_one", "list.exists_one(x, condition)"),
    ("map", "list.map(x, value)"),
    ("filter", "list.filter(x, condition)"),
];

/// The largest compiled pattern: it bounds memory, and matching is linear in the text anyway.
pub(crate) const REGEX_BYTES_MAX: usize = 1 << 20;

impl Checker<'_> {
    pub(super) fn function(&mut self, e: &IdedExpr, call: &CallExpr, facts: &Facts) -> Typed {
        let name = call.func_name.as_str();
        match (name, call.target.as_deref(), call.args.as_slice()) {
            ("size", Some(of), []) | ("size", None, [of]) => self.size(of, facts),
            ("contains" | "startsWith" | "endsWith", Some(of), [part]) => self.text_test(name, of, part, facts),
            ("matches", Some(of), [pattern]) | ("matches", None, [of, pattern]) => self.matches(of, pattern, facts),
            ("int" | "double" | "string", None, [of]) => self.conversion(name, of, facts),
            ("has", None, [field]) => self.has(field, facts),
            ("all" | "exists" | "exists_one" | "map" | "filter", Some(of), [variable, body]) => {
                self.comprehension(name, of, (variable, body), facts)
            }
            _ => {
                self.wrong_call(e, name, facts, call);
                unknown()
            }
        }
    }

    fn wrong_call(&mut self, e: &IdedExpr, name: &str, facts: &Facts, call: &CallExpr) {
        for part in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
            self.infer(part, facts);
        }
        if let Some((_, shape)) = FUNCTIONS.iter().find(|(f, _)| *f == name) {
            let help = Some(format!("write `{shape}`"));
            self.finding(Code::ExprArguments, self.range(e), format!("`{name}` is not called like this"), help, None);
        } else {
            let help = did_you_mean(name, FUNCTIONS.iter().map(|(f, _)| *f).collect::<Vec<_>>());
            let message = format!("there is no function `{}`", crate::yaml::clip(name));
            self.finding(Code::ExprFunction, self.range(e), message, help, None);
        }
    }

    fn size(&mut self, of: &IdedExpr, facts: &Facts) -> Typed {
        let typed = self.ready(of, facts);
        let bounds = match &typed.ty {
            Ty::Text(words) => match &words.allowed {
                Some(allowed) => sizes_of(allowed, words.size),
                None => words.size,
            },
            Ty::List(_, size) => *size,
            Ty::Object(_) | Ty::Dyn => Bounds::between(0.0, f64::INFINITY),
            other => {
                let message = format!("`size` needs a text or a list, and this is {}", other.name());
                self.report(Code::ExprType, of, message);
                Bounds::default()
            }
        };
        Typed::new(Ty::Int(bounds), format!("size({})", typed.text), Binds::Member)
    }

    fn text(&mut self, e: &IdedExpr, facts: &Facts, function: &str) -> Typed {
        let typed = self.ready(e, facts);
        if !matches!(typed.ty, Ty::Text(_) | Ty::Dyn) {
            let message = format!("`{function}` needs a text, and this is {}", typed.ty.name());
            self.report(Code::ExprType, e, message);
        }
        typed
    }

    fn text_test(&mut self, name: &str, of: &IdedExpr, part: &IdedExpr, facts: &Facts) -> Typed {
        let of = self.text(of, facts, name);
        let part = self.text(part, facts, name);
        Typed::new(Ty::Bool, format!("{}.{name}({})", of.place(Binds::Member), part.text), Binds::Member)
    }

    fn matches(&mut self, of: &IdedExpr, pattern: &IdedExpr, facts: &Facts) -> Typed {
        let of = self.text(of, facts, "matches");
        let Expr::Literal(LiteralValue::String(text)) = &pattern.expr else {
            let message = "the pattern of `matches` is written out, not read from a case";
            self.report(Code::ExprArguments, pattern, message);
            return unknown();
        };
        if let Err(error) = regex::RegexBuilder::new(text.inner()).size_limit(REGEX_BYTES_MAX).build() {
            let said = error.to_string();
            let said = said.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned();
            self.report(Code::BadRegex, pattern, format!("this is not a regular expression: {said}"));
        }
        let text = format!("{}.matches({})", of.place(Binds::Member), super::print::quoted(text.inner()));
        Typed::new(Ty::Bool, text, Binds::Member)
    }

    fn conversion(&mut self, name: &str, of: &IdedExpr, facts: &Facts) -> Typed {
        let typed = self.ready(of, facts);
        let allowed = match name {
            "string" => matches!(typed.ty, Ty::Text(_) | Ty::Int(_) | Ty::Double(_) | Ty::Bool | Ty::Dyn),
            _ => matches!(typed.ty, Ty::Text(_) | Ty::Int(_) | Ty::Double(_) | Ty::Dyn),
        };
        if !allowed {
            self.report(Code::ExprType, of, format!("`{name}` does not convert {}", typed.ty.name()));
        }
        let number = match &typed.ty {
            Ty::Int(b) | Ty::Double(b) => *b,
            _ => Bounds::default(),
        };
        let ty = match name {
            "int" => Ty::Int(Bounds::between(number.low.floor(), number.high.ceil())),
            "double" => Ty::Double(number),
            _ => Ty::Text(Words { size: Bounds::between(0.0, f64::INFINITY), ..Words::default() }),
        };
        Typed::new(ty, format!("{name}({})", typed.text), Binds::Member)
    }

    fn has(&mut self, field: &IdedExpr, facts: &Facts) -> Typed {
        let Expr::Select(select) = &field.expr else {
            let help = Some("write `has(input.field)`".to_owned());
            self.finding(Code::ExprArguments, self.range(field), "`has` asks for a field".to_owned(), help, None);
            return unknown();
        };
        let of = self.infer(&select.operand, facts);
        self.field(field, &select.operand, &of.ty, &select.field, facts, Reading::Presence);
        if !super::print::is_identifier(&select.field) {
            self.report(Code::ExprArguments, field, "`has` cannot ask for a field of this name");
        }
        Typed::new(Ty::Bool, format!("has({}.{})", of.place(Binds::Member), select.field), Binds::Member)
    }

    fn comprehension(
        &mut self,
        name: &str,
        of: &IdedExpr,
        (variable, body): (&IdedExpr, &IdedExpr),
        facts: &Facts,
    ) -> Typed {
        let list = self.ready(of, facts);
        let item = match &list.ty {
            Ty::List(item, _) => (**item).clone(),
            Ty::Dyn => Ty::Dyn,
            other => {
                self.report(Code::ExprType, of, format!("`{name}` needs a list, and this is {}", other.name()));
                Ty::Dyn
            }
        };
        let Expr::Ident(local) = &variable.expr else {
            let help = Some("write `list.exists(x, condition)`".to_owned());
            self.finding(
                Code::ExprArguments,
                self.range(variable),
                format!("the first argument of `{name}` is a new name"),
                help,
                None,
            );
            return unknown();
        };
        if self.is_taken(local) {
            self.report(
                Code::ExprArguments,
                variable,
                format!("`{local}` is already a variable here; choose another name"),
            );
            return unknown();
        }
        self.locals.push((local.clone(), item.clone()));
        let inner = self.infer(body, facts);
        self.locals.pop();
        if name != "map" {
            self.wants_bool(body, &inner);
        }
        let any = Bounds::between(0.0, f64::INFINITY);
        let ty = match name {
            "map" => Ty::List(Arc::new(super::infer::widened(inner.ty.clone())), any),
            "filter" => Ty::List(Arc::new(item), any),
            _ => Ty::Bool,
        };
        Typed::new(ty, format!("{}.{name}({local}, {})", list.place(Binds::Member), inner.text), Binds::Member)
    }
}

#[expect(clippy::cast_precision_loss, reason = "lengths of words in a schema of at most 1 MiB")]
fn sizes_of(words: &[String], size: Bounds) -> Bounds {
    let lengths = words.iter().map(|w| w.chars().count() as f64);
    let low = lengths.clone().fold(f64::INFINITY, f64::min);
    let high = lengths.fold(0.0, f64::max);
    if low > high { size } else { Bounds::between(low.max(size.low), high.min(size.high)) }
}
