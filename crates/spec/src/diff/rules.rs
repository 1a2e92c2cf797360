//! Differences of rules, escalations and other conditions.

use super::said::{Direction, Said, code, moved, option};
use crate::expr::relate;
use crate::workflow::{Check, Else, Expr, Rule, Step};

/// A condition that holds something back where it holds: `forbid`, `never`, `refuse_input`, `when`.
pub(super) fn holds_back(name: &str, old: &Expr, new: &Expr) -> Said {
    condition(name, old, new, Direction::Narrows, Direction::Widens)
}

/// A condition that lets something through where it holds: `require`, `continue_if`, `watch`.
pub(super) fn must_hold(name: &str, old: &Expr, new: &Expr) -> Said {
    condition(name, old, new, Direction::Widens, Direction::Narrows)
}

/// `wider`: the direction where the new one holds wherever the old one did.
fn condition(name: &str, old: &Expr, new: &Expr, wider: Direction, tighter: Direction) -> Said {
    if old.promoted == new.promoted {
        return Said::nothing();
    }
    let why = moved(name, &code(&old.source), &code(&new.source));
    let relation = relate(&old.promoted, &new.promoted);
    match (relation.forwards, relation.backwards) {
        (true, true) => Said::neutral(format!("{why}, which says the same")),
        (true, false) => Said::one(wider, format!("{why}, which holds in more cases")),
        (false, true) => Said::one(tighter, format!("{why}, which holds in fewer cases")),
        (false, false) => Said::unclear(format!("{why}; neither follows from the other by its form")),
    }
}

/// A rule of a step, by the name of its list.
pub(super) fn rule(old: &Step, new: &Step, list: &str, name: &str) -> Said {
    named(rules_of(old, list), rules_of(new, list), list, name)
}

/// A rule by its name, of two lists of one kind.
pub(super) fn named(old: &[Rule], new: &[Rule], list: &str, name: &str) -> Said {
    let find = |rules: &[Rule]| rules.iter().find(|r| r.name == name).cloned();
    match (find(old).as_ref(), find(new).as_ref()) {
        (Some(old), Some(new)) => changed(list, old, new),
        (None, Some(rule)) => Said::narrows(format!("a new rule: {}; else {}", shown(rule), word(rule.otherwise))),
        (Some(rule), None) => Said::widens(format!("a rule is gone: {}; else {}", shown(rule), word(rule.otherwise))),
        (None, None) => Said::nothing(),
    }
}

fn rules_of<'s>(step: &'s Step, list: &str) -> &'s [Rule] {
    match list {
        "refuse_input" => &step.refuse_input,
        "require" => &step.require,
        "forbid" => &step.forbid,
        "never" => &step.never,
        _ => &[],
    }
}

fn changed(list: &str, old: &Rule, new: &Rule) -> Said {
    let mut said = check(list, &old.check, &new.check);
    if strictness(new.otherwise) != strictness(old.otherwise) {
        let direction =
            if strictness(new.otherwise) < strictness(old.otherwise) { Direction::Widens } else { Direction::Narrows };
        said.add(direction, moved("where it objects", word(old.otherwise), word(new.otherwise)));
    }
    // A rule that warns or denies asks nobody, before or after.
    if asks(old) && asks(new) {
        said.differs(Direction::Unclear, "who answers", &old.to, &new.to, |r| option(r.as_ref(), |r| code(r)));
    }
    said.differs(Direction::Neutral, "reason given", &old.because, &new.because, |b| option(b.as_ref(), Clone::clone));
    said
}

/// `never` is a person's own decision, whether it escalates or denies; the order is that of verdicts.
const fn strictness(otherwise: Else) -> u8 {
    match otherwise {
        Else::Warn => 0,
        Else::Modify => 1,
        Else::Escalate => 2,
        Else::Deny => 3,
    }
}

const fn asks(rule: &Rule) -> bool {
    matches!(rule.otherwise, Else::Escalate | Else::Modify)
}

const fn word(otherwise: Else) -> &'static str {
    match otherwise {
        Else::Warn => "warn",
        Else::Modify => "modify",
        Else::Escalate => "escalate",
        Else::Deny => "deny",
    }
}

fn shown(rule: &Rule) -> String {
    match &rule.check {
        Check::Rule(e) => code(&e.source),
        Check::Detect { detectors, regexes, within } => {
            let all: Vec<&str> = detectors.iter().chain(regexes).map(String::as_str).collect();
            let place = within.as_deref().unwrap_or("all text");
            format!("finds {} in {}", code(&all.join(", ")), code(place))
        }
        Check::Grounded { quote, within } => format!("{} stands in {}", code(quote), code(within)),
        Check::Judge { step, rule } => format!("{} judges {}", code(step), code(&rule.source)),
    }
}

fn check(list: &str, old: &Check, new: &Check) -> Said {
    match (old, new) {
        _ if old == new => Said::nothing(),
        (Check::Rule(a), Check::Rule(b)) if list == "require" => must_hold("it must hold that", a, b),
        (Check::Rule(a), Check::Rule(b)) => holds_back("it objects where", a, b),
        (Check::Judge { step: was, rule: a }, Check::Judge { step: is, rule: b }) if was == is => {
            if list == "require" {
                must_hold("it must hold that", a, b)
            } else {
                holds_back("it objects where", a, b)
            }
        }
        // In `require` something has to be found, so more to look for is not more to object to.
        (Check::Detect { .. }, Check::Detect { .. }) if list != "require" => detect(old, new),
        _ => Said::unclear("it checks in another way"),
    }
}

/// A detector that objects to what it finds.
fn detect(old: &Check, new: &Check) -> Said {
    let (
        Check::Detect { detectors, regexes, within },
        Check::Detect { detectors: new_detectors, regexes: new_regexes, within: new_within },
    ) = (old, new)
    else {
        return Said::nothing();
    };
    let mut said = Said::nothing();
    for gone in detectors.iter().filter(|d| !new_detectors.contains(d)) {
        said.add(Direction::Widens, format!("it looks for {} no longer", code(gone)));
    }
    for more in new_detectors.iter().filter(|d| !detectors.contains(d)) {
        said.add(Direction::Narrows, format!("it looks for {}, too", code(more)));
    }
    let gone: Vec<&String> = regexes.iter().filter(|d| !new_regexes.contains(d)).collect();
    let more: Vec<&String> = new_regexes.iter().filter(|d| !regexes.contains(d)).collect();
    // One pattern in another's place may be wider or narrower.
    let lost = if more.is_empty() { Direction::Widens } else { Direction::Unclear };
    gone.iter().for_each(|g| said.add(lost, format!("it looks for {} no longer", code(g))));
    more.iter().for_each(|m| said.add(Direction::Narrows, format!("it looks for {}, too", code(m))));
    if within != new_within {
        let show = |w: &Option<String>| w.clone().unwrap_or_else(|| "all text".to_owned());
        let direction = match (within, new_within) {
            (Some(_), None) => Direction::Narrows,
            (None, Some(_)) => Direction::Widens,
            _ => Direction::Unclear,
        };
        said.add(direction, moved("where it looks", &show(within), &show(new_within)));
    }
    said
}

/// An escalation of a step.
pub(super) fn escalation(old: &Step, new: &Step, name: &str) -> Said {
    let find = |step: &Step| step.escalate.iter().find(|e| e.name == name).cloned();
    match (find(old), find(new)) {
        (Some(a), Some(b)) => {
            let mut said = holds_back("it escalates where", &a.when, &b.when);
            said.differs(Direction::Unclear, "who answers", &a.to, &b.to, |r| code(r));
            said.differs(Direction::Neutral, "reason given", &a.because, &b.because, |b| {
                option(b.as_ref(), Clone::clone)
            });
            said
        }
        (None, Some(e)) => Said::narrows(format!("a new escalation: {} asks {}", code(&e.when.source), code(&e.to))),
        (Some(e), None) => {
            Said::widens(format!("an escalation is gone: {} asked {}", code(&e.when.source), code(&e.to)))
        }
        (None, None) => Said::nothing(),
    }
}
