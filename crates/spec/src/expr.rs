//! Expressions: Common Expression Language, checked against the JSON Schemas before anything runs.
//!
//! The parser is that of the `cel` crate, with its macros switched off, so that `has()` and `exists()` are still what
//! was written. What comes out is CEL again, in one normal spelling: integers beside doubles are promoted, because CEL
//! itself does not, and two spellings of one expression become the same text.

mod facts;
mod functions;
mod infer;
mod operators;
mod print;

pub(crate) use functions::REGEX_BYTES_MAX;

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
/// The deepest nesting of an expression.
pub const EXPRESSION_DEPTH_MAX: u16 = 32;

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
    if let Some(range) = nesting(source) {
        let message = format!("the expression is nested more than {EXPRESSION_DEPTH_MAX} levels deep");
        return (None, vec![finding(Code::ExprTooLarge, range, message)]);
    }
    let parser = cel::Env::default().with_optional_support(false).parser();
    let (ast, info) = match parser.parse_with_source_info(source) {
        Ok(parsed) => parsed,
        Err(errors) => {
            let found = errors.errors.iter().take(1).map(|e| {
                let range = position(source, e.pos);
                finding(Code::ExprSyntax, range, format!("this is not an expression: {}", first_line(&e.msg)))
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
    let (expr, findings) = check(&scalar.text, scope);
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

/// Where brackets or prefix operators nest deeper than allowed: checked on the text, before any recursive parser.
fn nesting(source: &str) -> Option<Range<usize>> {
    let mut depth = 0_u16;
    let mut prefixes = 0_u16;
    let mut quote: Option<u8> = None;
    let mut escaped = false;
    for (i, b) in source.bytes().enumerate() {
        if let Some(q) = quote {
            if !escaped && b == q {
                quote = None;
            }
            escaped = !escaped && b == b'\\';
            continue;
        }
        match b {
            b'\'' | b'"' => quote = Some(b),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        prefixes = match b {
            b'!' | b'-' | b'?' | b':' => prefixes.saturating_add(1),
            _ => prefixes,
        };
        if depth > EXPRESSION_DEPTH_MAX || prefixes > EXPRESSION_DEPTH_MAX * 2 {
            return Some(i..i + 1);
        }
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

fn first_line(message: &str) -> String {
    crate::yaml::clip(message.lines().next().unwrap_or("").trim())
}

#[cfg(test)]
mod tests;
