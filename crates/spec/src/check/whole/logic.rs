//! Rules that decide nothing, or that leave nothing over.

use super::{Learnt, RuleKind};
use crate::check::reader::Reader;
use crate::diagnostic::Code;
use crate::expr::{CheckedExpr, apart, narrower};
use seatrial_model::Stage;

/// Rules that the bounds of the schema decide alone.
pub(super) fn constants(r: &mut Reader, learnt: &Learnt) {
    for (path, kind, checked, range) in learnt.rules.iter().chain(&learnt.judged) {
        let Some(holds) = checked.constant else { continue };
        let consequence = match (kind, holds) {
            (RuleKind::Require, true) => "it always holds, so it requires nothing",
            (RuleKind::Require, false) => "it can never hold, so no output passes",
            (_, true) => "it always holds, so nothing passes",
            (_, false) => "it can never hold, so it stops nothing",
        };
        r.at = path.clone();
        let message = format!("by the bounds of the schema alone, {consequence}");
        r.find(Code::ExprConstant, range.clone(), message).warns(Some(Stage::Production)).done();
    }
    // An escalation that always holds is a way to say that everything goes to a person.
    for (path, _, range) in learnt.escalations.iter().filter(|(_, checked, _)| checked.constant == Some(false)) {
        r.at = path.clone();
        let message = "by the bounds of the schema alone, it can never hold, so it escalates nothing";
        r.find(Code::ExprConstant, range.clone(), message).warns(Some(Stage::Production)).done();
    }
}

/// Escalations within another one of the same step.
pub(super) fn shadowed(r: &mut Reader, learnt: &Learnt) {
    for (i, (path, checked, range)) in learnt.escalations.iter().enumerate() {
        let wider = learnt.escalations.iter().enumerate().find(|(j, (other, wide, _))| {
            let same_step = i != *j && step_of(path) == step_of(other);
            // Of two that say the same, the later one is shadowed.
            same_step && implies(checked, wide) && (!implies(wide, checked) || j < &i)
        });
        let Some((_, (other, _, place))) = wider else { continue };
        r.at = path.clone();
        let message = format!("`{}` holds only where `{}` holds already", path.name(), other.name());
        let file = r.file;
        r.find(Code::Shadowed, range.clone(), message)
            .other(file, place.clone(), "the wider one")
            .warns(Some(Stage::Production))
            .done();
    }
}

/// A `require` whose outputs a `forbid` or a `never` forbids, and two that exclude each other.
pub(super) fn contradictions(r: &mut Reader, learnt: &Learnt) {
    for (i, (path, kind, checked, range)) in learnt.rules.iter().enumerate() {
        if *kind != RuleKind::Require {
            continue;
        }
        let against = learnt.rules.iter().enumerate().find(|(j, (other, kind, rule, _))| {
            about(path) == about(other)
                && match kind {
                    RuleKind::Forbid | RuleKind::Never => implies(checked, rule),
                    RuleKind::Require => j > &i && exclude(checked, rule),
                    RuleKind::RefuseInput => false,
                }
        });
        let Some((_, (other, _, _, place))) = against else { continue };
        r.at = path.clone();
        let message =
            format!("`{}` and `{}` contradict each other: no output can pass both", path.name(), other.name());
        let file = r.file;
        r.find(Code::Contradiction, range.clone(), message)
            .other(file, place.clone(), "the other one")
            .warns(Some(Stage::Pilot))
            .done();
    }
}

/// The step, or the tool of a step, that a rule belongs to.
fn about(path: &seatrial_model::ElementPath) -> Option<&str> {
    let (list, _) = path.as_str().rsplit_once('.')?;
    list.rsplit_once('.').map(|(owner, _)| owner)
}

fn step_of(path: &seatrial_model::ElementPath) -> Option<&str> {
    path.segments().nth(1)
}

/// Whether `a` holds only where `b` does: the same text, or one interval within the other.
fn implies(a: &CheckedExpr, b: &CheckedExpr) -> bool {
    a.expr.promoted == b.expr.promoted
        || a.comparison.as_ref().zip(b.comparison.as_ref()).is_some_and(|(a, b)| narrower(a, b))
}

/// Whether `a` and `b` never hold together.
fn exclude(a: &CheckedExpr, b: &CheckedExpr) -> bool {
    a.comparison.as_ref().zip(b.comparison.as_ref()).is_some_and(|(a, b)| apart(a, b))
}
