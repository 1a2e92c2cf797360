//! Types of expressions, bottom up; what does not fit is reported and then taken as unknown.

use super::facts::Facts;
use super::print::{Binds, bracketed, double, is_identifier, quoted};
use super::{Finding, Scope};
use crate::diagnostic::{Code, Place, did_you_mean, nearest};
use crate::types::{Bounds, Object, Ty, Words};
use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, SelectExpr, SourceInfo, operators};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Whether a condition is decided by the bounds of the schema alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Truth {
    Always,
    Never,
    Open,
}

/// A checked expression: its type, its text, and what is known of its value.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub(super) ty: Ty,
    pub(super) text: String,
    pub(super) binds: Binds,
    pub(super) truth: Truth,
    /// An integer literal, which becomes a double beside one.
    pub(super) literal: Option<i64>,
    /// A text literal.
    pub(super) word: Option<String>,
}

impl Typed {
    pub(super) fn new(ty: Ty, text: String, binds: Binds) -> Self {
        Self { ty, text, binds, truth: Truth::Open, literal: None, word: None }
    }

    pub(super) fn place(&self, place: Binds) -> String {
        bracketed(&self.text, self.binds, place)
    }

    /// As a double: a literal is written as one, anything else converted.
    pub(super) fn promoted(mut self) -> Self {
        if let Ty::Int(bounds) = self.ty {
            self.ty = Ty::Double(bounds);
            match self.literal.take() {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "CEL's own conversion, and beyond 2^53 as exact as a double is"
                )]
                Some(literal) => self.text = double(literal as f64),
                None => {
                    self.text = format!("double({})", self.text);
                    self.binds = Binds::Member;
                }
            }
        }
        self
    }
}

pub(super) struct Checker<'c> {
    source: &'c str,
    info: &'c SourceInfo,
    scope: &'c Scope,
    /// Variables of `exists(x, …)` and the like, innermost last.
    pub(super) locals: Vec<(String, Ty)>,
    pub(super) findings: Vec<Finding>,
    pub(super) reads: BTreeSet<String>,
}

impl<'c> Checker<'c> {
    pub(super) fn new(source: &'c str, info: &'c SourceInfo, scope: &'c Scope) -> Self {
        Self { source, info, scope, locals: Vec::new(), findings: Vec::new(), reads: BTreeSet::new() }
    }

    pub(super) fn infer(&mut self, e: &IdedExpr, facts: &Facts) -> Typed {
        match &e.expr {
            Expr::Literal(literal) => self.literal(e, literal),
            Expr::Ident(name) => self.ident(e, name),
            Expr::Select(select) => self.select(e, select, facts),
            Expr::Call(call) => self.call(e, call, facts),
            Expr::List(list) => {
                let items: Vec<Typed> = list.elements.iter().map(|i| self.infer(i, facts)).collect();
                self.list(e, items)
            }
            Expr::Map(_) | Expr::Struct(_) | Expr::Comprehension(_) | Expr::Unspecified => {
                self.report(Code::ExprSyntax, e, "maps and structures are not part of this language");
                unknown()
            }
        }
    }

    fn literal(&mut self, e: &IdedExpr, literal: &LiteralValue) -> Typed {
        match literal {
            LiteralValue::Boolean(b) => {
                let truth = if *b.inner() { Truth::Always } else { Truth::Never };
                Typed { truth, ..Typed::new(Ty::Bool, b.inner().to_string(), Binds::Member) }
            }
            LiteralValue::Null => Typed::new(Ty::Null, "null".to_owned(), Binds::Member),
            LiteralValue::Int(i) => {
                let value = *i.inner();
                #[expect(clippy::cast_precision_loss, reason = "bounds are only compared")]
                let ty = Ty::Int(Bounds::exactly(value as f64));
                let binds = if value < 0 { Binds::Unary } else { Binds::Member };
                Typed { literal: Some(value), ..Typed::new(ty, value.to_string(), binds) }
            }
            LiteralValue::Double(d) => {
                let value = *d.inner();
                let binds = if value < 0.0 { Binds::Unary } else { Binds::Member };
                Typed::new(Ty::Double(Bounds::exactly(value)), double(value), binds)
            }
            LiteralValue::String(s) => {
                #[expect(clippy::cast_precision_loss, reason = "an expression has at most 4096 bytes")]
                let size = Bounds::exactly(s.inner().chars().count() as f64);
                let words = Words { allowed: Some(Arc::new(vec![s.inner().to_owned()])), size, place: None };
                let word = Some(s.inner().to_owned());
                Typed { word, ..Typed::new(Ty::Text(words), quoted(s.inner()), Binds::Member) }
            }
            LiteralValue::UInt(_) | LiteralValue::Bytes(_) => {
                self.report(Code::ExprSyntax, e, "unsigned and byte literals are not part of this language");
                unknown()
            }
        }
    }

    fn list(&mut self, e: &IdedExpr, items: Vec<Typed>) -> Typed {
        let doubles = items.iter().any(|i| matches!(i.ty, Ty::Double(_)));
        let items: Vec<Typed> = if doubles { items.into_iter().map(Typed::promoted).collect() } else { items };
        let kinds: BTreeSet<String> = items.iter().map(|i| i.ty.name()).collect();
        if kinds.len() > 1 {
            let message = format!("the items of a list are of one type; here are {}", join(&kinds));
            self.report(Code::ExprType, e, message);
        }
        let texts: Vec<&str> = items.iter().map(|i| i.text.as_str()).collect();
        #[expect(clippy::cast_precision_loss, reason = "an expression has at most 4096 bytes")]
        let size = Bounds::exactly(items.len() as f64);
        let text = format!("[{}]", texts.join(", "));
        let words: Option<Vec<String>> = items.iter().map(|i| i.word.clone()).collect();
        let item = match (words, items.into_iter().next()) {
            (Some(words), Some(_)) => Ty::Text(Words { allowed: Some(Arc::new(words)), ..Words::default() }),
            (_, Some(first)) => widened(first.ty),
            (_, None) => Ty::Dyn,
        };
        Typed::new(Ty::List(Arc::new(item), size), text, Binds::Member)
    }

    fn ident(&mut self, e: &IdedExpr, name: &str) -> Typed {
        if let Some((_, ty)) = self.locals.iter().rev().find(|(n, _)| n == name) {
            return Typed::new(ty.clone(), name.to_owned(), Binds::Member);
        }
        if let Some(ty) = self.scope.variables.get(name) {
            self.reads.insert(name.to_owned());
            return Typed::new(ty.clone(), name.to_owned(), Binds::Member);
        }
        let known: Vec<&str> = self.scope.variables.keys().copied().collect();
        let why = self.scope.absent.get(name).map(|why| format!(": {why}")).unwrap_or_default();
        let help = did_you_mean(name, known);
        self.finding(
            Code::ExprVariable,
            self.range(e),
            format!("there is no variable `{}` here{why}", crate::yaml::clip(name)),
            help,
            None,
        );
        unknown()
    }

    fn select(&mut self, e: &IdedExpr, select: &SelectExpr, facts: &Facts) -> Typed {
        let operand = self.infer(&select.operand, facts);
        let text = if is_identifier(&select.field) {
            format!("{}.{}", operand.place(Binds::Member), select.field)
        } else {
            format!("{}[{}]", operand.place(Binds::Member), quoted(&select.field))
        };
        let ty = self.field(e, &select.operand, &operand.ty, &select.field, facts, Reading::Value);
        Typed::new(ty, text, Binds::Member)
    }

    /// The type of a field, with everything that can be wrong about reading it.
    pub(super) fn field(
        &mut self,
        e: &IdedExpr,
        of: &IdedExpr,
        ty: &Ty,
        name: &str,
        facts: &Facts,
        reading: Reading,
    ) -> Ty {
        let path = path_of(e);
        if let Some(path) = &path {
            self.reads.insert(path.clone());
        }
        let ty = self.known(of, ty.clone(), facts);
        let object = match ty {
            Ty::Dyn => return Ty::Dyn,
            Ty::Object(object) => object,
            other => {
                let message = format!("{} has no fields, so there is no `{}`", other.name(), crate::yaml::clip(name));
                self.report(Code::ExprField, e, message);
                return Ty::Dyn;
            }
        };
        let Some(field) = object.fields.get(name) else {
            return self.other_field(e, of, &object, name, path, facts, reading);
        };
        let there = path.as_ref().is_some_and(|p| facts.present.contains(p));
        if !field.required && !there && reading == Reading::Value {
            let shown = path.clone().unwrap_or_else(|| name.to_owned());
            let message = format!("`{shown}` is optional in the schema, and the expression fails where it is missing");
            let help = format!("write `has({shown}) && …` before it, or make the field required in the schema");
            self.finding(Code::ExprOptional, self.range(e), message, Some(help), field.place.clone());
        }
        match (&field.ty, &path) {
            (Ty::Nullable(inner), Some(p)) if facts.not_null.contains(p) => (**inner).clone(),
            (ty, _) => ty.clone(),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the same facts as `field`, which it ends")]
    fn other_field(
        &mut self,
        e: &IdedExpr,
        of: &IdedExpr,
        object: &Object,
        name: &str,
        path: Option<String>,
        facts: &Facts,
        reading: Reading,
    ) -> Ty {
        let there = path.as_ref().is_some_and(|p| facts.present.contains(p));
        if let Some(rest) = &object.rest {
            if reading == Reading::Value && !there && !matches!(rest, Ty::Dyn) {
                let shown = path.unwrap_or_else(|| name.to_owned());
                let message = format!("`{shown}` may be missing, and the expression fails where it is");
                self.finding(
                    Code::ExprOptional,
                    self.range(e),
                    message,
                    Some(format!("write `has({shown}) && …` before it")),
                    None,
                );
            }
            return rest.clone();
        }
        let owner = path_of(of).map_or_else(|| "this object".to_owned(), |p| format!("`{p}`"));
        let message = format!("{owner} has no field `{}`", crate::yaml::clip(name));
        let names: Vec<&str> = object.fields.keys().map(String::as_str).collect();
        let near =
            nearest(name, names.iter().copied()).and_then(|n| object.fields.get(n)).and_then(|f| f.place.clone());
        let place: Option<Place> = near.or_else(|| object.place.clone());
        // `thresholds.by-team` is `thresholds.by` minus `team`.
        let hyphen = names.iter().find(|n| n.strip_prefix(name).is_some_and(|rest| rest.starts_with('-')));
        let help = match (hyphen, path_of(of)) {
            (Some(full), Some(owner)) => Some(format!("`-` is a minus here: write `{owner}['{full}']`")),
            _ => did_you_mean(name, names),
        };
        self.finding(Code::ExprField, self.range(e), message, help, place);
        Ty::Dyn
    }

    /// The type with null taken off, reported where null is possible.
    pub(super) fn known(&mut self, e: &IdedExpr, ty: Ty, facts: &Facts) -> Ty {
        let Ty::Nullable(inner) = ty else { return ty };
        let path = path_of(e);
        if !path.as_ref().is_some_and(|p| facts.not_null.contains(p)) {
            let shown = path.unwrap_or_else(|| "this value".to_owned());
            let help = format!("write `{shown} != null && …` before it");
            self.finding(
                Code::ExprNull,
                self.range(e),
                format!("`{shown}` may be null, and the expression fails where it is"),
                Some(help),
                None,
            );
        }
        (*inner).clone()
    }

    pub(super) fn wants_bool(&mut self, e: &IdedExpr, typed: &Typed) {
        if !matches!(typed.ty, Ty::Bool | Ty::Dyn) {
            let message = format!("a condition is wanted here, and this is {}", typed.ty.name());
            self.report(Code::ExprNotBool, e, message);
        }
    }

    /// Whether a name already means something here.
    pub(super) fn is_taken(&self, name: &str) -> bool {
        self.scope.variables.contains_key(name) || self.locals.iter().any(|(n, _)| n == name)
    }

    pub(super) fn report(&mut self, code: Code, e: &IdedExpr, message: impl Into<String>) {
        self.finding(code, self.range(e), message.into(), None, None);
    }

    pub(super) fn finding(
        &mut self,
        code: Code,
        range: Range<usize>,
        message: String,
        help: Option<String>,
        other: Option<Place>,
    ) {
        // Said once of a field is enough, however often it is read.
        if !self.findings.iter().any(|f| f.code == code && f.message == message) {
            self.findings.push(Finding { code, range, message, help, other });
        }
    }

    /// The bytes that an expression was written in: from its first to its last token.
    pub(super) fn range(&self, e: &IdedExpr) -> Range<usize> {
        let own = self.info.offset_for(e.id).map(|(start, stop)| {
            let (start, stop) = (to_usize(start), to_usize(stop));
            self.boundary(start)..self.boundary(stop.saturating_add(1)).max(self.boundary(start))
        });
        let mut range = own.unwrap_or(0..self.source.len());
        let mut widen = |part: Range<usize>| range = range.start.min(part.start)..range.end.max(part.end);
        match &e.expr {
            Expr::Select(select) => {
                widen(self.range(&select.operand));
                let end = range.end;
                let found = self.source.get(end..).and_then(|s| s.find(select.field.as_str()));
                if found.is_some_and(|gap| gap < 4) {
                    range.end = end + found.unwrap_or(0) + select.field.len();
                }
            }
            Expr::Call(call) => {
                for part in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
                    widen(self.range(part));
                }
                let named = call.func_name.starts_with(|c: char| c.is_ascii_alphabetic());
                if named || call.func_name == operators::INDEX {
                    let behind = self.source.get(range.end..).unwrap_or("");
                    let closes = behind.trim_start().starts_with([')', ']']);
                    range.end += if closes { behind.len() - behind.trim_start().len() + 1 } else { 0 };
                }
                if call.target.is_none() {
                    let name = self.source.get(..range.start).filter(|s| s.ends_with(call.func_name.as_str()));
                    range.start -= name.map_or(0, |_| call.func_name.len());
                }
            }
            _ => {}
        }
        range.start.min(self.source.len())..range.end.min(self.source.len())
    }

    /// The offset of the parser, held to a boundary between characters.
    fn boundary(&self, offset: usize) -> usize {
        let mut at = offset.min(self.source.len());
        while !self.source.is_char_boundary(at) {
            at += 1;
        }
        at
    }
}

/// Whether a field's value is read, or only whether it is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reading {
    Value,
    Presence,
}

fn to_usize(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// After a finding: nothing more is said about what follows from it.
pub(super) fn unknown() -> Typed {
    Typed::new(Ty::Dyn, "null".to_owned(), Binds::Member)
}

pub(super) fn join(words: &BTreeSet<String>) -> String {
    words.iter().cloned().collect::<Vec<_>>().join(" and ")
}

/// The type without what one literal says of its value.
pub(super) fn widened(ty: Ty) -> Ty {
    match ty {
        Ty::Int(_) => Ty::Int(Bounds::default()),
        Ty::Double(_) => Ty::Double(Bounds::default()),
        Ty::Text(_) => Ty::Text(Words { size: Bounds::between(0.0, f64::INFINITY), ..Words::default() }),
        other => other,
    }
}

/// The dotted path that an expression spells.
pub(super) fn path_of(e: &IdedExpr) -> Option<String> {
    match &e.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) => path_of(&select.operand).map(|p| format!("{p}.{}", select.field)),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [of, IdedExpr { expr: Expr::Literal(LiteralValue::String(key)), .. }] => {
                path_of(of).map(|p| format!("{p}.{}", key.inner()))
            }
            _ => None,
        },
        _ => None,
    }
}
