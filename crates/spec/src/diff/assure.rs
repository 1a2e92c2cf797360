//! Differences of what is promised, measured and answered for: everything beside steps and gates.

use super::compare::Pair;
use super::rules::{holds_back, must_hold};
use super::said::{Direction, Said, code, moved, none, option};
use super::sets;
use crate::expr::rises_with;
use crate::workflow::{Assumption, Bar, BarOp, Expr, Question, Responsibility, Slice, Threshold, Truth, Workflow};
use seatrial_model::{Span, Stage};
use std::collections::BTreeMap;

pub(super) fn said(pair: Pair<'_>, section: &str, rest: &[&str]) -> Said {
    let Pair { old, new } = pair;
    match (section, rest) {
        ("title", []) => Said::neutral(moved("title", &old.title, &new.title)),
        ("purpose", []) => in_words("what it is for", &old.purpose, &new.purpose),
        ("population", []) => in_words("whom it is about", &old.population, &new.population),
        ("outcomes", [name]) => outcome(pair, name),
        ("types", [name]) => schema(pair, name),
        ("roles", [name]) => role(pair, name),
        ("thresholds", [name]) => threshold_as_a_whole(pair, name),
        ("thresholds", [name, part]) => match (old.thresholds.get(*name), new.thresholds.get(*name)) {
            (Some(a), Some(b)) => threshold(pair, name, part, a, b),
            _ => Said::nothing(),
        },
        ("slices", [name]) => slice(old.slices.get(*name), new.slices.get(*name)),
        ("examples", [name]) => sets::examples(pair, name),
        ("risks", rest) => risks(pair, rest),
        ("questions", [name]) => question(old.questions.get(*name), new.questions.get(*name)),
        ("assumptions", [name]) => assumption(old.assumptions.get(*name), new.assumptions.get(*name)),
        ("responsibilities", [name]) => {
            responsibility(old.responsibilities.get(*name), new.responsibilities.get(*name))
        }
        _ => Said::nothing(),
    }
}

fn in_words(name: &str, old: &str, new: &str) -> Said {
    Said::unclear(format!("{}: in words, so only a person can tell", moved(name, old, new)))
}

/// A bar that has to be met. The less it asks for, the wider.
pub(super) fn bar(name: &str, old: Option<Bar>, new: Option<Bar>) -> Said {
    let show = |b: &Bar| {
        let sign = match b.op {
            BarOp::AtLeast => ">=",
            BarOp::AtMost => "<=",
            BarOp::Above => ">",
            BarOp::Below => "<",
        };
        format!("{sign} {}", b.value)
    };
    let why = moved(name, &option(old.as_ref(), show), &option(new.as_ref(), show));
    let (Some(a), Some(b)) = (old, new) else {
        return match (old, new) {
            (Some(_), None) => Said::widens(why),
            (None, Some(_)) => Said::narrows(why),
            _ => Said::nothing(),
        };
    };
    if a == b {
        return Said::nothing();
    }
    let upwards = |op| matches!(op, BarOp::AtLeast | BarOp::Above);
    if upwards(a.op) != upwards(b.op) {
        return Said::unclear(why);
    }
    let strict = |op| matches!(op, BarOp::Above | BarOp::Below);
    let harder = if a.value.total_cmp(&b.value).is_eq() { strict(b.op) } else { (b.value > a.value) == upwards(b.op) };
    if harder { Said::narrows(why) } else { Said::widens(why) }
}

fn outcome(pair: Pair<'_>, name: &str) -> Said {
    match (pair.old.outcomes.get(name), pair.new.outcomes.get(name)) {
        (None, Some(new)) => Said::neutral(format!("a new outcome: {}", code(&new.measure))),
        (Some(old), None) => Said::widens(format!("an outcome is no longer asked for: {}", code(&old.measure))),
        (Some(old), Some(new)) => {
            let mut said = bar("target", Some(old.target), Some(new.target));
            said.differs(Direction::Unclear, "measure", &old.measure, &new.measure, Clone::clone);
            said.differs(Direction::Unclear, "today", &old.today, &new.today, |t| option(t.as_ref(), f64::to_string));
            said
        }
        (None, None) => Said::nothing(),
    }
}

fn schema(pair: Pair<'_>, name: &str) -> Said {
    let compiled =
        |w: &Workflow| w.element(&seatrial_model::ElementPath::from("types").child(name)).map(|e| e.compiled);
    match (pair.old.types.contains_key(name), pair.new.types.contains_key(name)) {
        (false, true) => Said::neutral("a new type; what uses it is listed by itself"),
        (true, false) => Said::neutral("a type is gone; what used it is listed by itself"),
        _ if compiled(pair.old) == compiled(pair.new) => Said::neutral("descriptions only; it accepts the same values"),
        _ => Said::unclear("it accepts other values, and expressions read them"),
    }
}

fn role(pair: Pair<'_>, name: &str) -> Said {
    match (pair.old.roles.get(name), pair.new.roles.get(name)) {
        (None, Some(_)) => Said::neutral("a new role"),
        (Some(_), None) => Said::neutral("a role is gone; what asked it is listed by itself"),
        (Some(old), Some(new)) => Said::neutral(moved("description", old, new)),
        (None, None) => Said::nothing(),
    }
}

fn threshold_as_a_whole(pair: Pair<'_>, name: &str) -> Said {
    if pair.new.thresholds.contains_key(name) {
        Said::neutral("a new threshold; the escalations that read it are listed by themselves")
    } else {
        Said::neutral("a threshold is gone; the escalations that read it are listed by themselves")
    }
}

/// Whether every `when` that reads the threshold, old or new, holds wherever it held before once the threshold rises.
fn escalates_below(pair: Pair<'_>, name: &str) -> bool {
    let path = seatrial_model::ElementPath::from("thresholds").child(name);
    let steps = pair.old.steps.iter().chain(&pair.new.steps);
    let reads: Vec<&Expr> =
        steps.flat_map(|s| &s.escalate).filter(|e| e.thresholds.contains(&path)).map(|e| &e.when).collect();
    let risen = |e: &&Expr| rises_with(&e.promoted, name);
    reads.iter().all(risen)
}

fn threshold(pair: Pair<'_>, name: &str, part: &str, old: &Threshold, new: &Threshold) -> Said {
    let mut said = Said::nothing();
    let share = |n: &f64| n.to_string();
    match part {
        "at" => return threshold_at(pair, name, old.at, new.at),
        "max_wrong" => said.bound("wrong ones allowed", old.max_wrong.as_ref(), new.max_wrong.as_ref(), share),
        "assurance" => {
            // The more is assured, the narrower: a bound from below.
            let turned = |n: Option<f64>| n.map(|n| -n);
            let show = |n: &f64| (-n).to_string();
            said.bound("assurance", turned(old.assurance).as_ref(), turned(new.assurance).as_ref(), show);
        }
        "wrong_when" => match (&old.wrong_when, &new.wrong_when) {
            (Some(a), Some(b)) => said.join(holds_back("what counts as wrong", a, b)),
            (Some(a), None) => {
                said.add(Direction::Widens, format!("nothing counts as wrong; it was {}", code(&a.source)))
            }
            (None, Some(b)) => said.add(Direction::Narrows, format!("what counts as wrong: {}", code(&b.source))),
            (None, None) => {}
        },
        "examples" => {
            let show = |e: &Option<String>| option(e.as_ref(), |e| code(e));
            said.differs(Direction::Unclear, "calibrated on", &old.examples, &new.examples, show);
        }
        "method" => said.differs(Direction::Unclear, "method", &old.method, &new.method, |m| m.as_str().to_owned()),
        "grid" => said.differs(Direction::Unclear, "grid", &old.grid, &new.grid, |g| match g.as_slice() {
            [] => none(),
            g => g.iter().map(f64::to_string).collect::<Vec<_>>().join(", "),
        }),
        "attempts" => {
            // More attempts are more chances, and each of them has less to spend.
            said.differs(
                Direction::Unclear,
                "attempts on the same examples",
                &old.attempts,
                &new.attempts,
                u64::to_string,
            );
        }
        "truth" => {
            let direction = if new.truth.is_none() { Direction::Widens } else { Direction::Unclear };
            said.differs(direction, "how truth becomes known", &old.truth, &new.truth, |t| match t {
                None => none(),
                Some(Truth::BlindReview) => "blind reviews".to_owned(),
                Some(Truth::Outcome { matures }) => format!("outcomes, after {matures}"),
            });
        }
        "detect_within" => {
            said.bound(
                "an error is noticed within",
                old.detect_within.as_ref(),
                new.detect_within.as_ref(),
                Span::to_string,
            );
        }
        _ => {}
    }
    said
}

fn threshold_at(pair: Pair<'_>, name: &str, old: Option<f64>, new: Option<f64>) -> Said {
    let show = |at: Option<f64>| at.map_or_else(none, |at| at.to_string());
    let why = moved("what may pass without a person", &show(old), &show(new));
    // `none` is above every number: nothing passes.
    let height = |at: Option<f64>| at.unwrap_or(f64::INFINITY);
    if !escalates_below(pair, name) {
        return Said::unclear(format!("{why}; not every escalation that reads it asks for more where it is higher"));
    }
    if height(new) < height(old) {
        let said = Said::widens(why);
        if old.is_none() { said.and(Direction::Widens, "until now nothing passed without a person") } else { said }
    } else {
        Said::narrows(why)
    }
}

fn slice(old: Option<&Slice>, new: Option<&Slice>) -> Said {
    match (old, new) {
        (None, Some(s)) if s.required => Said::narrows("a new slice that needs a certificate of its own"),
        (None, Some(_)) => Said::neutral("a new slice whose figures are reported"),
        (Some(s), None) if s.required => Said::widens("a slice that needed a certificate of its own is gone"),
        (Some(_), None) => Said::widens("a slice's figures are reported no longer"),
        (Some(a), Some(b)) => {
            let mut said = Said::nothing();
            if a.condition.promoted != b.condition.promoted {
                said.add(
                    Direction::Unclear,
                    format!(
                        "{}: it is another part of the population",
                        moved("where", &a.condition.source, &b.condition.source)
                    ),
                );
            }
            match (a.required, b.required) {
                (true, false) => said.add(Direction::Widens, "it needs no certificate of its own any more"),
                (false, true) => said.add(Direction::Narrows, "it needs a certificate of its own"),
                _ => {}
            }
            said
        }
        (None, None) => Said::nothing(),
    }
}

fn risks(pair: Pair<'_>, rest: &[&str]) -> Said {
    let (old, new) = (&pair.old.risks, &pair.new.risks);
    match rest {
        [] | ["tier"] => {
            let why = moved("tier", old.tier.as_str(), new.tier.as_str());
            match new.tier.cmp(&old.tier) {
                std::cmp::Ordering::Less => Said::widens(why),
                std::cmp::Ordering::Greater => Said::narrows(why),
                std::cmp::Ordering::Equal => risk_items(pair),
            }
        }
        ["items"] => risk_items(pair),
        _ => Said::nothing(),
    }
}

fn risk_items(pair: Pair<'_>) -> Said {
    fn named(w: &Workflow) -> BTreeMap<&str, &crate::workflow::Risk> {
        w.risks.items.iter().map(|i| (i.risk.as_str(), i)).collect()
    }
    let (old, new) = (named(pair.old), named(pair.new));
    let mut said = Said::nothing();
    for (name, risk) in &old {
        match new.get(name) {
            None => said.add(Direction::Widens, format!("a risk is listed no longer: {}", code(name))),
            Some(now) => {
                said.differs(Direction::Unclear, "measure", &risk.measure, &now.measure, Clone::clone);
                said.differs(Direction::Unclear, "residual risk", &risk.residual, &now.residual, Clone::clone);
                said.differs(Direction::Unclear, "accepted by", &risk.accepted_by, &now.accepted_by, |r| code(r));
            }
        }
    }
    for name in new.keys().filter(|name| !old.contains_key(*name)) {
        said.add(Direction::Neutral, format!("a risk more is listed: {}", code(name)));
    }
    said
}

fn question(old: Option<&Question>, new: Option<&Question>) -> Said {
    match (old, new) {
        (None, Some(q)) => Said::neutral(format!("a question was raised: {}", code(&q.ask))),
        (Some(q), None) => Said::widens(format!("a question is asked no longer: {}", code(&q.ask))),
        (Some(a), Some(b)) => {
            let mut said = Said::nothing();
            if a.blocks != b.blocks {
                let weight = |stage: Option<Stage>| match stage {
                    Some(Stage::Pilot) => 2,
                    Some(_) => 1,
                    None => 0,
                };
                let show = |stage: Option<Stage>| stage.map_or_else(none, |s| s.as_str().to_owned());
                let direction =
                    if weight(b.blocks) < weight(a.blocks) { Direction::Widens } else { Direction::Narrows };
                said.add(direction, moved("blocks", &show(a.blocks), &show(b.blocks)));
            }
            said.differs(Direction::Unclear, "asks", &a.ask, &b.ask, Clone::clone);
            let list = |about: &Vec<seatrial_model::PathPattern>| {
                about.iter().map(seatrial_model::PathPattern::as_str).collect::<Vec<_>>().join(", ")
            };
            said.differs(Direction::Neutral, "about", &a.about, &b.about, list);
            said.differs(Direction::Neutral, "owner", &a.owner, &b.owner, |o| option(o.as_ref(), |o| code(o)));
            said
        }
        (None, None) => Said::nothing(),
    }
}

fn assumption(old: Option<&Assumption>, new: Option<&Assumption>) -> Said {
    match (old, new) {
        (None, Some(a)) => Said::neutral(format!("an assumption more is stated: {}", code(&a.text))),
        (Some(a), None) => Said::widens(format!("an assumption is stated no longer: {}", code(&a.text))),
        (Some(a), Some(b)) => {
            let mut said = Said::nothing();
            match (&a.watch, &b.watch) {
                (Some(x), Some(y)) => said.join(must_hold("watched", x, y)),
                (Some(x), None) => {
                    said.add(Direction::Widens, format!("it is watched no longer; it was {}", code(&x.source)))
                }
                (None, Some(y)) => said.add(Direction::Narrows, format!("it is watched: {}", code(&y.source))),
                (None, None) => {}
            }
            said.differs(Direction::Unclear, "window", &a.over, &b.over, |s| option(s.as_ref(), Span::to_string));
            said.differs(Direction::Unclear, "text", &a.text, &b.text, Clone::clone);
            said.differs(Direction::Neutral, "owner", &a.owner, &b.owner, |o| option(o.as_ref(), |o| code(o)));
            said
        }
        (None, None) => Said::nothing(),
    }
}

fn responsibility(old: Option<&Responsibility>, new: Option<&Responsibility>) -> Said {
    match (old, new) {
        (None, Some(_)) => Said::neutral("somebody answers for it now"),
        (Some(_), None) => Said::unclear("nobody answers for it any more"),
        (Some(a), Some(b)) => {
            let mut said = Said::nothing();
            let role = |r: &Option<String>| option(r.as_ref(), |r| code(r));
            said.differs(Direction::Unclear, "delivery", &a.delivery, &b.delivery, role);
            said.differs(Direction::Unclear, "receiving", &a.receiving, &b.receiving, role);
            let direction = if b.challenged_by.is_none() { Direction::Widens } else { Direction::Unclear };
            said.differs(direction, "challenged by", &a.challenged_by, &b.challenged_by, role);
            if said.is_empty() {
                said.add(Direction::Neutral, "the runbook changed");
            }
            said
        }
        (None, None) => Said::nothing(),
    }
}
