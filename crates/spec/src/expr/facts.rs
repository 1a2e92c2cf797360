//! What is known where: `has(x) && x > 3` reads `x` only where it is there.

use super::infer::path_of;
use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, operators};
use std::collections::BTreeSet;

/// Paths that are there, and paths that are not null.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) present: BTreeSet<String>,
    pub(super) not_null: BTreeSet<String>,
}

impl Facts {
    pub(super) fn and(&self, more: &Self) -> Self {
        Self {
            present: self.present.union(&more.present).cloned().collect(),
            not_null: self.not_null.union(&more.not_null).cloned().collect(),
        }
    }

    fn both(&self, other: &Self) -> Self {
        Self {
            present: self.present.intersection(&other.present).cloned().collect(),
            not_null: self.not_null.intersection(&other.not_null).cloned().collect(),
        }
    }
}

/// What follows when the expression is true (`holds`) or false.
pub(super) fn when(e: &IdedExpr, holds: bool) -> Facts {
    let Expr::Call(call) = &e.expr else { return Facts::default() };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::LOGICAL_NOT, [inner]) => when(inner, !holds),
        (operators::LOGICAL_AND, [a, b]) if holds => when(a, true).and(&when(b, true)),
        (operators::LOGICAL_AND, [a, b]) => when(a, false).both(&when(b, false)),
        (operators::LOGICAL_OR, [a, b]) if !holds => when(a, false).and(&when(b, false)),
        (operators::LOGICAL_OR, [a, b]) => when(a, true).both(&when(b, true)),
        (operators::HAS, [field]) if holds && call.target.is_none() => {
            Facts { present: path_of(field).into_iter().collect(), ..Facts::default() }
        }
        (operators::NOT_EQUALS, [a, b]) if holds => null_test(a, b),
        (operators::EQUALS, [a, b]) if !holds => null_test(a, b),
        _ => Facts::default(),
    }
}

fn null_test(a: &IdedExpr, b: &IdedExpr) -> Facts {
    let is_null = |e: &IdedExpr| matches!(e.expr, Expr::Literal(LiteralValue::Null));
    let path = if is_null(b) {
        path_of(a)
    } else if is_null(a) {
        path_of(b)
    } else {
        None
    };
    Facts { not_null: path.into_iter().collect(), ..Facts::default() }
}
