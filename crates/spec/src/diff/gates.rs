//! Differences of gates: what bounds a pilot, and what has to be shown.

use super::assure::bar;
use super::compare::Pair;
use super::rules::must_hold;
use super::said::{Direction, Said, code, moved, none};
use crate::workflow::{GateApproval, HandoverGate, PilotGate, ProductionGate};
use seatrial_model::facts::{OnLapse, ReviewAll};
use seatrial_model::{Day, PathPattern, Span};

pub(super) fn said(pair: Pair<'_>, rest: &[&str]) -> Said {
    let (old, new) = (&pair.old.gates, &pair.new.gates);
    match rest {
        ["pilot", rest @ ..] => match (&old.pilot, &new.pilot) {
            (Some(a), Some(b)) => pilot(a, b, rest),
            (a, _) => whole("a pilot", a.is_some()),
        },
        ["production", rest @ ..] => match (&old.production, &new.production) {
            (Some(a), Some(b)) => production(a, b, rest),
            (a, _) => whole("production", a.is_some()),
        },
        ["handover"] => match (&old.handover, &new.handover) {
            (Some(a), Some(b)) => handover(a, b),
            (a, _) => whole("the handover", a.is_some()),
        },
        _ => Said::nothing(),
    }
}

fn whole(what: &str, was_there: bool) -> Said {
    if was_there {
        Said::widens(format!("what bounds {what} and has to be shown for it is gone"))
    } else {
        Said::neutral(format!("what bounds {what} and has to be shown for it is said now"))
    }
}

fn pilot(old: &PilotGate, new: &PilotGate, rest: &[&str]) -> Said {
    let mut said = Said::nothing();
    match rest {
        ["until"] => said.bound("the pilot's end", old.until.as_ref(), new.until.as_ref(), Day::to_string),
        ["per_day"] => said.bound("cases a day", old.per_day.as_ref(), new.per_day.as_ref(), u64::to_string),
        ["mode"] if new.shadow => {
            said.add(Direction::Unclear, "mode: live → shadow: the guard judges, and holds nothing back");
        }
        ["mode"] => said.add(Direction::Unclear, "mode: shadow → live: what the guard says takes effect"),
        ["review"] => {
            let weight = |r: Option<ReviewAll>| match r {
                Some(ReviewAll::Before) => 2,
                Some(ReviewAll::After) => 1,
                None => 0,
            };
            let show = |r: Option<ReviewAll>| match r {
                Some(ReviewAll::Before) => "all, before",
                Some(ReviewAll::After) => "all, after",
                None => "none",
            };
            let direction =
                if weight(new.review) < weight(old.review) { Direction::Widens } else { Direction::Narrows };
            said.add(direction, moved("what people review", show(old.review), show(new.review)));
        }
        ["continue_if"] => match (&old.continue_if, &new.continue_if) {
            (Some(a), Some(b)) => said.join(must_hold("the pilot goes on if", a, b)),
            (Some(a), None) => {
                said.add(Direction::Widens, format!("nothing says when the pilot goes on; it was {}", code(&a.source)));
            }
            (None, Some(b)) => said.add(Direction::Narrows, format!("the pilot goes on if {}", code(&b.source))),
            (None, None) => {}
        },
        ["approvals"] => said.join(approvals(&old.approvals, &new.approvals)),
        _ => {}
    }
    said
}

fn production(old: &ProductionGate, new: &ProductionGate, rest: &[&str]) -> Said {
    let mut said = Said::nothing();
    match rest {
        ["evaluation", name] => {
            let of = |g: &ProductionGate| g.evaluation.get(*name).copied();
            said.join(bar("bar", of(old), of(new)));
        }
        ["drills", name] => {
            said.bound("longest time", old.drills.get(*name), new.drills.get(*name), Span::to_string);
        }
        ["hypercare"] => {
            said.bound("time until the handover", old.hypercare.as_ref(), new.hypercare.as_ref(), Span::to_string);
        }
        ["on_lapse"] => {
            let weight = |l| match l {
                OnLapse::Warn => 0,
                OnLapse::Escalate => 1,
                OnLapse::Stop => 2,
            };
            let show = |l| match l {
                OnLapse::Warn => "warn",
                OnLapse::Escalate => "escalate",
                OnLapse::Stop => "stop",
            };
            let why = moved("when the release lapses", show(old.on_lapse), show(new.on_lapse));
            let direction =
                if weight(new.on_lapse) < weight(old.on_lapse) { Direction::Widens } else { Direction::Narrows };
            said.add(direction, why);
        }
        ["approvals"] => said.join(approvals(&old.approvals, &new.approvals)),
        _ => {}
    }
    said
}

/// Approvals by role and pattern. One is gone where no pattern of the same role covers it any more.
fn approvals(old: &[GateApproval], new: &[GateApproval]) -> Said {
    fn pairs(list: &[GateApproval]) -> Vec<(&str, &PathPattern)> {
        list.iter().flat_map(|a| a.over.iter().map(|p| (a.by.as_str(), p))).collect()
    }
    let (before, after) = (pairs(old), pairs(new));
    let is_in = |list: &[(&str, &PathPattern)], (role, pattern): (&str, &PathPattern)| {
        list.iter().any(|(r, p)| *r == role && covers(p, pattern))
    };
    let mut said = Said::nothing();
    for (role, pattern) in before.iter().copied().filter(|p| !is_in(&after, *p)) {
        said.add(Direction::Widens, format!("{} approves {} no longer", code(role), code(pattern.as_str())));
    }
    for (role, pattern) in after.iter().copied().filter(|p| !is_in(&before, *p)) {
        said.add(Direction::Narrows, format!("{} approves {}, too", code(role), code(pattern.as_str())));
    }
    if said.is_empty() {
        said.add(Direction::Neutral, "the approvals are listed otherwise, over the same elements");
    }
    said
}

/// Whether everything that `inner` matches, `outer` matches.
fn covers(outer: &PathPattern, inner: &PathPattern) -> bool {
    let mut segments = inner.as_str().split('.').filter(|s| !s.is_empty());
    outer
        .as_str()
        .split('.')
        .filter(|s| !s.is_empty())
        .all(|want| segments.next().is_some_and(|have| want == "*" || want == have))
}

fn handover(old: &HandoverGate, new: &HandoverGate) -> Said {
    let mut said = bar("transfer index", old.transfer_index, new.transfer_index);
    if old.over != new.over {
        let show = |s: Option<Span>| s.map_or_else(none, |s| s.to_string());
        said.add(Direction::Unclear, moved("its window", &show(old.over), &show(new.over)));
    }
    said
}
