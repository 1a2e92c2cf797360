//! Expressions: Common Expression Language, checked against the JSON Schemas before anything runs.
//!
//! The parser is that of the `cel` crate, with its macros switched off, so that `has()` and `exists()` are still what
//! was written. What comes out is CEL again, in one normal spelling: integers beside doubles are promoted, because CEL
//! itself does not, and two spellings of one expression become the same text.

mod facts;
mod functions;
mod imply;
mod infer;
mod operators;
mod print;

pub(crate) use functions::REGEX_BYTES_MAX;
pub(crate) use imply::{apart, narrower, relate, rises_with};

use crate::diagnostic::{Code, Place, Report};
use crate::types::Ty;
use crate::workflow::Expr;
use crate::yaml::Node;
use infer::{Checker, Truth};
use seatrial_model::ElementPath;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The longest expression: a rule that needs more is several rules.
pub const EXPRESSION_BYTES_MAX: usize = 4_096;
/// The deepest nesting of brackets: the parser goes some ten calls deeper with each.
pub const EXPRESSION_DEPTH_MAX: u16 = 24;

/// The most operators, dots included: a chain of them is as deep a tree as brackets are.
pub const EXPRESSION_OPERATORS_MAX: usize = 200;
/// The most expressions of one spec: each is parsed, and evaluated for every case.
pub const EXPRESSIONS_MAX: usize = 1_000;
/// The stack for the parser: reserved address space, of which only what is used becomes memory.
const PARSER_STACK_BYTES: usize = 32 << 20;
/// How many operators one `? :` counts as.
const CONDITION_WEIGHT: usize = 24;

/// What an expression may read: its variables with their types.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) variables: BTreeMap<&'static str, Ty>,
    /// Why a variable that exists elsewhere does not exist here.
    pub(crate) absent: BTreeMap<&'static str, &'static str>,
}

/// One finding within an expression.
pub(crate) struct Finding {
    pub(crate) code: Code,
    pub(crate) range: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) other: Option<Place>,
}

/// A checked expression with what the checker learnt.
#[derive(Clone, Debug)]
pub(crate) struct CheckedExpr {
    pub(crate) expr: Expr,
    /// By the schema's bounds alone it always (`true`) or never (`false`) holds.
    pub(crate) constant: Option<bool>,
    /// The dotted paths that it reads.
    pub(crate) reads: BTreeSet<String>,
    /// What it says as one comparison with a literal: for shadowing and contradictions.
    pub(crate) comparison: Option<Comparison>,
}

/// `path op number`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Comparison {
    pub(crate) path: String,
    pub(crate) op: &'static str,
    pub(crate) value: Operand,
}

/// What is compared with.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Operand {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// Parses and checks one expression; without errors, the expression.
pub(crate) fn check(source: &str, scope: &Scope) -> (Option<CheckedExpr>, Vec<Finding>) {
    let whole = 0..source.len();
    let finding =
        |code, range: Range<usize>, message: String| Finding { code, range, message, help: None, other: None };
    if source.len() > EXPRESSION_BYTES_MAX {
        let message = format!("the expression has {} bytes; at most {EXPRESSION_BYTES_MAX} are read", source.len());
        return (None, vec![finding(Code::ExprTooLarge, whole, message)]);
    }
    if let Some((code, range)) = refused(source) {
        let message = match code {
            Code::ExprSyntax => "this text is not closed".to_owned(),
            _ => format!(
                "the expression is nested more than {EXPRESSION_DEPTH_MAX} levels deep, or has more than {EXPRESSION_OPERATORS_MAX} operators"
            ),
        };
        return (None, vec![finding(code, range, message)]);
    }
    on_parser_stack(|| parse_and_infer(source, scope)).unwrap_or_else(|| {
        let message = "the expression was not read: no stack for its parser could be had".to_owned();
        (None, vec![finding(Code::ExprTooLarge, whole, message)])
    })
}

/// Runs something that parses CEL, on a stack that is large enough for every expression within the limits.
///
/// The parser of the `cel` crate needs up to 150 KiB for each level of brackets in a debug build, which is more than a
/// usual thread has. None where no such stack could be had, or where `f` panicked.
pub fn on_parser_stack<T: Send>(f: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("cel".to_owned()).stack_size(PARSER_STACK_BYTES);
        thread.spawn_scoped(scope, f).ok()?.join().ok()
    })
}

fn parse_and_infer(source: &str, scope: &Scope) -> (Option<CheckedExpr>, Vec<Finding>) {
    let finding =
        |code, range: Range<usize>, message: String| Finding { code, range, message, help: None, other: None };
    let parser = cel::Env::default().with_optional_support(false).parser();
    let (ast, info) = match parser.parse_with_source_info(source) {
        Ok(parsed) => parsed,
        Err(errors) => {
            let found = errors.errors.iter().take(1).map(|e| {
                let range = position(source, e.pos);
                finding(Code::ExprSyntax, range, said(&e.msg))
            });
            return (None, found.collect());
        }
    };
    let mut checker = Checker::new(source, &info, scope);
    let typed = checker.infer(&ast, &facts::Facts::default());
    checker.wants_bool(&ast, &typed);
    if !checker.findings.is_empty() {
        return (None, checker.findings);
    }
    let constant = match typed.truth {
        Truth::Always => Some(true),
        Truth::Never => Some(false),
        Truth::Open => None,
    };
    let comparison = operators::comparison(&ast);
    let expr = Expr { source: source.trim().to_owned(), promoted: typed.text };
    (Some(CheckedExpr { expr, constant, reads: checker.reads, comparison }), Vec::new())
}

/// Parses and checks the expression in a scalar, with findings at its place in the file.
pub(crate) fn check_node(
    report: &mut Report,
    file: &str,
    node: &Node,
    at: &ElementPath,
    scope: &Scope,
) -> Option<CheckedExpr> {
    let Some(scalar) = node.as_scalar().filter(|_| !node.is_null()) else {
        report
            .add(
                Code::WrongKind,
                file,
                node.range.clone(),
                format!("an expression is wanted here, found {}", node.described()),
            )
            .help("write it in quotes, as in `\"size(input.text) > 20\"`")
            .element(at)
            .done();
        return None;
    };
    report.expressions += 1;
    if report.expressions > EXPRESSIONS_MAX {
        if report.expressions == EXPRESSIONS_MAX + 1 {
            let message =
                format!("a spec has at most {EXPRESSIONS_MAX} expressions; this one and what follows was not read");
            report.add(Code::Limit, file, node.range.clone(), message).element(at).done();
        }
        return None;
    }
    let (expr, findings) = check(&scalar.text, scope);
    if report.is_full() {
        return None;
    }
    for f in findings {
        let text = report.sources.get(file).unwrap_or("").to_owned();
        report
            .add(f.code, file, node.inner(&text, f.range), f.message)
            .maybe_help(f.help)
            .maybe_other(f.other)
            .element(at)
            .done();
    }
    expr
}

/// Where brackets nest too deep, or operators chain too long: found on the text, before any recursive parser.
fn refused(source: &str) -> Option<(Code, Range<usize>)> {
    let bytes = source.as_bytes();
    let (mut depth, mut operators) = (0_u16, 0_usize);
    let mut i = 0;
    while let Some(b) = bytes.get(i) {
        match b {
            b'\'' | b'"' => {
                // The parser would read on behind a quote that is never closed, so this is where it ends.
                let Some(after) = after_text(bytes, i) else { return Some((Code::ExprSyntax, i..bytes.len())) };
                i = after;
                continue;
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            // A chain of conditions nests to the right, as brackets do.
            b'?' => operators += CONDITION_WEIGHT,
            b'!' | b'-' | b':' | b'.' | b'+' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' | b'&' | b'|' => operators += 1,
            _ => {}
        }
        if depth > EXPRESSION_DEPTH_MAX || operators > EXPRESSION_OPERATORS_MAX {
            return Some((Code::ExprTooLarge, i..i + 1));
        }
        i += 1;
    }
    None
}

/// The offset behind the text literal that starts here: plain, raw (`r'…'`), or with three quotes; none where it is
/// not closed.
fn after_text(bytes: &[u8], start: usize) -> Option<usize> {
    let quote = bytes.get(start)?;
    let before = |n: usize| start.checked_sub(n).and_then(|i| bytes.get(i)).copied().unwrap_or(b' ');
    let is_raw_at = |n: usize| before(n).eq_ignore_ascii_case(&b'r');
    let is_b_at = |n: usize| before(n).eq_ignore_ascii_case(&b'b');
    let raw = is_raw_at(1) || (is_b_at(1) && is_raw_at(2));
    let triple = bytes.get(start + 1) == Some(quote) && bytes.get(start + 2) == Some(quote);
    let mut i = start + if triple { 3 } else { 1 };
    while let Some(b) = bytes.get(i) {
        if *b == b'\\' && !raw {
            i += 2;
            continue;
        }
        let closes = b == quote && (!triple || bytes.get(i + 1) == Some(quote) && bytes.get(i + 2) == Some(quote));
        if closes {
            return Some(i + if triple { 3 } else { 1 });
        }
        if matches!(b, b'\n' | b'\r') && !triple {
            return None;
        }
        i += 1;
    }
    None
}

/// The place of a parser's (line, column): lines and columns in characters; what lies outside is the whole.
fn position(source: &str, (line, column): (isize, isize)) -> Range<usize> {
    let Ok(line) = usize::try_from(line.saturating_sub(1)) else { return 0..source.len() };
    let column = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    let mut start = 0;
    for (i, text) in source.split_inclusive('\n').enumerate() {
        if i == line {
            let offset = text.char_indices().nth(column).map_or(text.len(), |(i, _)| i);
            let at = (start + offset).min(source.len());
            let end = source.get(at..).and_then(|s| s.chars().next()).map_or(at, |c| at + c.len_utf8());
            return at..end;
        }
        start += text.len();
    }
    0..source.len()
}

/// What the parser says, in our words: its own lists every token that it knows.
fn said(message: &str) -> String {
    let quoted = message.split_once('\'').and_then(|(_, rest)| rest.split_once('\'')).map(|(text, _)| text);
    match quoted {
        Some("<EOF>") => "the expression ends too early".to_owned(),
        Some(text) if message.contains("input") || message.contains("token") || message.contains("alternative") => {
            format!("this is not an expression: `{}` is not expected here", crate::yaml::clip(text.trim()))
        }
        _ => format!("this is not an expression: {}", crate::yaml::clip(message.lines().next().unwrap_or("").trim())),
    }
}

#[cfg(test)]
mod tests;
