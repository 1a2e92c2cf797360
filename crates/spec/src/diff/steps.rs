//! Differences of steps: how far AI may reach, and what holds it back.

use super::compare::Pair;
use super::said::{Direction, Said, code, moved, option, value};
use super::{rules, tools};
use crate::workflow::{Actor, Audit, Limits, ModelRef, Review, Step, StreamMode, Trace, Workflow};
use seatrial_model::event::Entry;
use seatrial_model::{Influence, Span};

pub(super) fn said(pair: Pair<'_>, name: &str, rest: &[&str]) -> Said {
    match (pair.old.step(name), pair.new.step(name)) {
        (Some(old), Some(new)) => part(pair, old, new, rest),
        (None, Some(step)) => new_step(step),
        (Some(step), None) => gone_step(step),
        (None, None) => Said::nothing(),
    }
}

fn new_step(step: &Step) -> Said {
    match step.actor {
        Actor::Ai => Said::widens(format!("a new step in which AI may {}", step.influence)),
        Actor::Person => Said::neutral("a new step that a person does"),
        Actor::System => Said::unclear("a new step that a program does"),
    }
}

fn gone_step(step: &Step) -> Said {
    match step.actor {
        Actor::Ai => Said::narrows("AI does this step no longer"),
        Actor::Person => Said::widens("a person does this step no longer"),
        Actor::System => Said::unclear("a program does this step no longer"),
    }
}

fn part(pair: Pair<'_>, old: &Step, new: &Step, rest: &[&str]) -> Said {
    let said = match rest {
        ["does"] => Said::neutral(moved("says", &old.does, &new.does)),
        ["actor"] => actor(old.actor, new.actor),
        ["influence"] => influence(old.influence, new.influence),
        ["reversible"] => reversible(new.reversible),
        ["per_day"] => per_day(old, new),
        [part @ ("input" | "output")] => type_name(part, old, new),
        ["model"] => model(old.model.as_ref(), new.model.as_ref()),
        ["prompt"] => prompt(old, new),
        ["withhold"] => withhold(old, new),
        ["attempts"] => attempts(old.attempts, new.attempts),
        ["within"] => bounded("the step's time", old.within, new.within),
        ["stream"] => stream(old.stream, new.stream),
        ["confidence"] => confidence(old, new),
        ["audit"] => audit(old.audit.as_ref(), new.audit.as_ref()),
        ["review"] => review(&old.review, &new.review),
        ["override"] => overrides(old, new),
        ["fallback"] => fallback(old, new),
        ["limits"] => limits(&old.limits, &new.limits),
        ["trace"] => trace(&old.trace, &new.trace),
        ["requires"] => requires(old, new),
        ["serves"] => serves(old, new),
        ["tools", rest @ ..] => tools::said(old, new, rest),
        ["escalate", name] => rules::escalation(old, new, name),
        [list, name] => rules::rule(old, new, list, name),
        _ => Said::nothing(),
    };
    if new_answerer(pair, old, new) { reserved(said) } else { said }
}

/// Where nobody was asked so far, what escalates was denied: whatever names somebody turns a denial into a question.
fn new_answerer(pair: Pair<'_>, old: &Step, new: &Step) -> bool {
    let asks = |w: &Workflow, s: &Step| {
        let somebody = !s.escalate.is_empty() || s.fallback.is_some() || s.review.late.is_some() || s.audit.is_some();
        (somebody, w.step(&s.name).is_some() && (somebody || s.rules().any(|r| r.to.is_some())))
    };
    let ((always_before, _), (_, sometimes_now)) = (asks(pair.old, old), asks(pair.new, new));
    !always_before && sometimes_now
}

fn reserved(mut said: Said) -> Said {
    if said.direction == Direction::Narrows {
        said.add(Direction::Unclear, "until now nobody was asked for this step, and what would escalate was denied");
    }
    said
}

fn actor(old: Actor, new: Actor) -> Said {
    let word = |a| match a {
        Actor::Ai => "ai",
        Actor::Person => "person",
        Actor::System => "system",
    };
    let why = moved("who does it", word(old), word(new));
    match (old, new) {
        (_, Actor::Ai) => Said::widens(why),
        (Actor::Ai, _) => Said::narrows(why),
        (Actor::Person, _) => Said::unclear(why),
        (_, _) => Said::neutral(why),
    }
}

fn influence(old: Influence, new: Influence) -> Said {
    let why = moved("how far AI may reach", old.as_str(), new.as_str());
    if new > old { Said::widens(why) } else { Said::narrows(why) }
}

fn reversible(new: bool) -> Said {
    if new {
        Said::unclear("its effect counts as one that can be taken back, so less has to be shown for it")
    } else {
        Said::widens("its effect cannot be taken back any more")
    }
}

fn per_day(old: &Step, new: &Step) -> Said {
    let show = |n: Option<u64>| n.map_or_else(super::said::none, |n| n.to_string());
    Said::neutral(moved("cases a day that are expected", &show(old.per_day), &show(new.per_day)))
}

fn type_name(part: &str, old: &Step, new: &Step) -> Said {
    let of = |s: &Step| option(if part == "input" { s.input.as_ref() } else { s.output.as_ref() }, Clone::clone);
    Said::unclear(format!(
        "{}: expressions read another type",
        moved(&format!("type of the {part}"), &of(old), &of(new))
    ))
}

fn model(old: Option<&ModelRef>, new: Option<&ModelRef>) -> Said {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(new)) => return Said::unclear(format!("a model is named: {}", code(&new.name))),
        (Some(old), None) => return Said::unclear(format!("no model is named any more; it was {}", code(&old.name))),
        (None, None) => return Said::nothing(),
    };
    let mut said = Said::nothing();
    let other = Direction::Unclear;
    said.differs(other, "another model answers", &old.name, &new.name, |n| code(n));
    said.differs(other, "provider", &old.provider, &new.provider, |n| code(n));
    let number = |t: &Option<f64>| option(t.as_ref(), f64::to_string);
    said.differs(other, "temperature", &old.temperature, &new.temperature, number);
    let list = |names: &Vec<String>| if names.is_empty() { super::said::none() } else { names.join(", ") };
    said.differs(other, "models that stand in", &old.fallback, &new.fallback, list);
    let train =
        |t: &Option<crate::workflow::Train>| option(t.as_ref(), |t| format!("label `{}` of `{}`", t.label, t.examples));
    said.differs(other, "learns from", &old.train, &new.train, train);
    said
}

fn prompt(old: &Step, new: &Step) -> Said {
    Said::unclear(match (&old.prompt, &new.prompt) {
        (None, Some(_)) => "the step has a prompt of its own now",
        (Some(_), None) => "the prompt is gone: the caller writes it",
        _ => "the prompt's text changed: the same input may give another output",
    })
}

fn withhold(old: &Step, new: &Step) -> Said {
    // `customer` withholds `customer.age`, too.
    let covered = |field: &str, by: &[String]| {
        by.iter().any(|b| b == field || field.strip_prefix(b.as_str()).is_some_and(|rest| rest.starts_with('.')))
    };
    let mut said = Said::nothing();
    for field in old.withhold.iter().filter(|f| !covered(f, &new.withhold)) {
        said.add(Direction::Widens, format!("the model sees {} now", code(field)));
    }
    for field in new.withhold.iter().filter(|f| !covered(f, &old.withhold)) {
        said.add(Direction::Narrows, format!("the model does not see {} any more", code(field)));
    }
    said
}

fn attempts(old: u32, new: u32) -> Said {
    let why = moved("attempts", &old.to_string(), &new.to_string());
    if new > old {
        Said::widens(format!("{why}: more chances to pass the same rules"))
    } else {
        Said::unclear(format!("{why}: an earlier output is the one that is judged"))
    }
}

fn bounded(name: &str, old: Option<Span>, new: Option<Span>) -> Said {
    let mut said = Said::nothing();
    said.bound(name, old.as_ref(), new.as_ref(), Span::to_string);
    said
}

fn stream(old: StreamMode, new: StreamMode) -> Said {
    let show = |s| match s {
        StreamMode::Buffer => "buffer".to_owned(),
        StreamMode::Window(bytes) => format!("windows of {bytes} bytes"),
    };
    let seen = |s| match s {
        StreamMode::Buffer => u64::MAX,
        StreamMode::Window(bytes) => u64::from(bytes),
    };
    let why = moved("what is looked at before anything leaves", &show(old), &show(new));
    if seen(new) < seen(old) { Said::widens(why) } else { Said::narrows(why) }
}

fn serves(old: &Step, new: &Step) -> Said {
    let mut said = Said::nothing();
    let word = |way: &Entry| match way {
        Entry::Run => "run",
        Entry::Proxy => "proxy",
        Entry::Decide => "decide",
    };
    for way in old.serves.iter().filter(|way| !new.serves.contains(way)) {
        said.add(Direction::Narrows, format!("it is served by {} no longer", code(word(way))));
    }
    for way in new.serves.iter().filter(|way| !old.serves.contains(way)) {
        said.add(Direction::Widens, format!("it is served by {}, too", code(word(way))));
    }
    said
}

fn confidence(old: &Step, new: &Step) -> Said {
    let show = |s: &Step| s.confidence.as_ref().map_or_else(super::said::none, |c| c.label());
    Said::unclear(format!("{}: thresholds mean something else", moved("confidence", &show(old), &show(new))))
}

fn audit(old: Option<&Audit>, new: Option<&Audit>) -> Said {
    let share = |a: &Audit| format!("{} of what passes", a.sample);
    match (old, new) {
        (Some(old), None) => Said::widens(format!("nobody audits any more; it was {}", share(old))),
        (None, Some(new)) => Said::narrows(format!("{} is audited", share(new))),
        (Some(old), Some(new)) => {
            let mut said = Said::nothing();
            if new.sample < old.sample {
                said.add(Direction::Widens, moved("share audited", &old.sample.to_string(), &new.sample.to_string()));
            } else if new.sample > old.sample {
                said.add(Direction::Narrows, moved("share audited", &old.sample.to_string(), &new.sample.to_string()));
            }
            match (old.blind, new.blind) {
                (true, false) => said.add(Direction::Widens, "audits are not blind any more"),
                (false, true) => said.add(Direction::Narrows, "audits are blind now"),
                _ => {}
            }
            said.differs(Direction::Unclear, "who audits", &old.to, &new.to, |r| code(r));
            said
        }
        (None, None) => Said::nothing(),
    }
}

fn review(old: &Review, new: &Review) -> Said {
    let mut said = Said::nothing();
    let people = || moved("people who answer a review", &old.people.to_string(), &new.people.to_string());
    if new.people < old.people {
        said.add(Direction::Widens, people());
    } else if new.people > old.people {
        said.add(Direction::Narrows, people());
    }
    let time = |t: &Option<Span>| option(t.as_ref(), Span::to_string);
    said.differs(Direction::Neutral, "a review is late after", &old.within, &new.within, time);
    let direction = if new.late.is_none() { Direction::Widens } else { Direction::Unclear };
    said.differs(direction, "who takes late reviews", &old.late, &new.late, |r| option(r.as_ref(), |r| code(r)));
    said.differs(Direction::Neutral, "a call waits for the answer", &old.hold, &new.hold, Span::to_string);
    said
}

fn overrides(old: &Step, new: &Step) -> Said {
    match (&old.overrides, &new.overrides) {
        (Some(_), None) => Said::widens("nobody may override its decisions any more"),
        (None, Some(new)) => Said::unclear(format!(
            "its decisions may be overridden, also those that held back: by {}",
            value(&new.by.join(", "))
        )),
        (Some(old), Some(new)) => {
            let mut said = Said::nothing();
            let list = |l: &Vec<String>| l.join(", ");
            said.differs(Direction::Unclear, "who may override", &old.by, &new.by, list);
            said.differs(Direction::Neutral, "reasons to choose from", &old.reasons, &new.reasons, list);
            said
        }
        (None, None) => Said::nothing(),
    }
}

fn fallback(old: &Step, new: &Step) -> Said {
    match (&old.fallback, &new.fallback) {
        (Some(old), None) => {
            Said::unclear(format!("nobody does the work when it is stopped; it was {}", code(&old.to)))
        }
        (None, Some(new)) => {
            Said::unclear(format!("{} does the work when it is stopped; until now it was denied", code(&new.to)))
        }
        (Some(old), Some(new)) => {
            let mut said = Said::nothing();
            said.differs(Direction::Unclear, "who does the work when it is stopped", &old.to, &new.to, |r| code(r));
            let number = |n: &Option<u64>| option(n.as_ref(), u64::to_string);
            said.differs(Direction::Neutral, "cases a day by hand", &old.per_day, &new.per_day, number);
            if said.is_empty() {
                said.add(Direction::Neutral, "the runbook's text changed");
            }
            said
        }
        (None, None) => Said::nothing(),
    }
}

fn limits(old: &Limits, new: &Limits) -> Said {
    let mut said = Said::nothing();
    said.bound("calls a minute", old.per_minute.as_ref(), new.per_minute.as_ref(), u64::to_string);
    said.bound("tokens a day", old.tokens_per_day.as_ref(), new.tokens_per_day.as_ref(), u64::to_string);
    let money = |l: &Limits| {
        let text = l.money_per_day.clone()?;
        let (amount, currency) = text.split_once(' ')?;
        Some((amount.parse::<f64>().ok()?, currency.to_owned()))
    };
    let (before, after) = (money(old), money(new));
    let show = |(amount, currency): &(f64, String)| format!("{amount} {currency}");
    match (&before, &after) {
        (Some(a), Some(b)) if a.1 != b.1 => said.add(Direction::Unclear, moved("money a day", &show(a), &show(b))),
        (a, b) => said.bound("money a day", a.as_ref(), b.as_ref(), show),
    }
    said
}

fn trace(old: &Trace, new: &Trace) -> Said {
    let mut said = Said::nothing();
    for (name, a, b) in [("events", old.keep, new.keep), ("payloads", old.payloads, new.payloads)] {
        let direction = if b < a { Direction::Unclear } else { Direction::Neutral };
        let show = |t: &Option<Span>| option(t.as_ref(), Span::to_string);
        said.differs(direction, &format!("how long {name} are kept"), &a, &b, show);
    }
    said
}

fn requires(old: &Step, new: &Step) -> Said {
    match (&old.requires, &new.requires) {
        (Some(old), None) => Said::widens(format!("it waits for nothing any more; it was {}", code(&old.source))),
        (None, Some(new)) => Said::narrows(format!("it waits until {}", code(&new.source))),
        (Some(old), Some(new)) => rules::must_hold("it waits until", old, new),
        (None, None) => Said::nothing(),
    }
}
