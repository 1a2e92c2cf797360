//! The four findings, from the cases.

use super::{CITED_MAX, LISTED_MAX, PilotAnswer, PilotCase, PilotFigure, PilotFinding, PilotInput};
use crate::stats::{lower_bound, upper_bound};
use seatrial_model::{EventId, Verdict};
use std::collections::BTreeMap;

/// One minus the assurance of the intervals that say that a group differs from the whole.
const DELTA: f64 = 0.05;

pub(super) fn four(input: &PilotInput<'_>) -> Vec<PilotFinding> {
    vec![worth_it(input), where_it_helps(input), variability(input), controls(input)]
}

fn figure(what: impl Into<String>, value: impl Into<String>, events: Vec<EventId>) -> PilotFigure {
    PilotFigure { what: what.into(), value: value.into(), events }
}

fn cite<'c>(cases: impl Iterator<Item = &'c PilotCase>) -> Vec<EventId> {
    cases.take(CITED_MAX).map(|c| c.event).collect()
}

/// A share as people read it, with the count.
fn share(k: u64, n: u64) -> String {
    if n == 0 {
        return "0 of 0".to_owned();
    }
    format!("{k} of {n} ({:.1} %)", k as f64 / n as f64 * 100.0)
}

/// A number without needless digits.
fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// 1: is it worth going on.
fn worth_it(input: &PilotInput<'_>) -> PilotFinding {
    let mut figures = vec![figure("decisions", input.cases.len().to_string(), cite(input.cases.iter()))];
    if let Some(criterion) = input.continue_if {
        for (name, value) in input.metrics {
            let named = criterion.contains(&format!("metrics.{name}"));
            if named {
                figures.push(figure(format!("metrics.{name}"), number(*value), cite(input.cases.iter())));
            }
        }
    }
    for outcome in input.outcomes {
        let today = outcome.today.map_or_else(|| "not stated".to_owned(), number);
        let (value, events) = match &outcome.measured {
            Some((value, met, event)) => {
                let met = if *met { "met" } else { "missed" };
                (format!("{} (today {today}, target {}: {met})", number(*value), outcome.target), vec![*event])
            }
            None => (format!("not measured (today {today}, target {})", outcome.target), Vec::new()),
        };
        figures.push(figure(format!("outcomes.{}", outcome.name), value, events));
    }
    let turned_out: Vec<&PilotCase> = input.cases.iter().filter(|c| c.wrong.is_some()).collect();
    let wrong = turned_out.iter().filter(|c| c.wrong == Some(true)).count() as u64;
    if !turned_out.is_empty() {
        let events = cite(turned_out.iter().copied());
        figures.push(figure("decisions that turned out wrong", share(wrong, turned_out.len() as u64), events));
    }
    let (answer, says) = match (input.continue_if, input.continues) {
        (None, _) => (
            PilotAnswer::Unknown,
            "The spec has no `gates.pilot.continue_if`: nobody said before what would be worth it.".to_owned(),
        ),
        (Some(text), Some(true)) => {
            (PilotAnswer::Yes, format!("The criterion fixed before the first decision is met: `{text}`."))
        }
        (Some(text), Some(false)) => {
            (PilotAnswer::No, format!("The criterion fixed before the first decision is not met: `{text}`."))
        }
        (Some(text), None) => {
            (PilotAnswer::Unknown, format!("The figures do not tell whether the criterion is met: `{text}`."))
        }
    };
    PilotFinding { question: "Is it worth going on?".to_owned(), answer, says, figures }
}

#[derive(Default)]
struct Group<'c> {
    cases: Vec<&'c PilotCase>,
}

impl Group<'_> {
    fn judged(&self) -> (u64, u64) {
        let judged = self.cases.iter().filter_map(|c| c.agreed);
        judged.fold((0, 0), |(k, n), agreed| (k + u64::from(!agreed), n + 1))
    }

    fn count(&self, which: impl Fn(&PilotCase) -> bool) -> u64 {
        self.cases.iter().filter(|c| which(c)).count() as u64
    }
}

/// 2: where AI helps, and where it adds too much risk.
fn where_it_helps(input: &PilotInput<'_>) -> PilotFinding {
    let mut groups: BTreeMap<String, Group<'_>> = BTreeMap::new();
    let mut all = Group::default();
    for case in input.cases {
        all.cases.push(case);
        let slices = case.slices.iter().map(|s| format!("slices.{s}"));
        let rules = case.because.iter().map(ToString::to_string);
        for name in std::iter::once(format!("steps.{}", case.step)).chain(slices).chain(rules) {
            groups.entry(name).or_default().cases.push(case);
        }
    }
    let (against, judged) = all.judged();
    let mut figures = vec![figure(
        "people disagreed, in all",
        share(against, judged),
        cite(input.cases.iter().filter(|c| c.agreed == Some(false))),
    )];
    let (mut riskier, mut better) = (Vec::new(), Vec::new());
    let whole = if judged == 0 { 0.0 } else { against as f64 / judged as f64 };
    let listed = groups.len().min(LISTED_MAX);
    for (name, group) in groups.iter().take(LISTED_MAX) {
        let (k, n) = group.judged();
        // Whether the group differs from the whole by more than chance would.
        let reading = if n == 0 || groups.len() == 1 {
            ""
        } else if lower_bound(k, n, DELTA) > whole {
            riskier.push(format!("`{name}`"));
            "; more than in all"
        } else if upper_bound(k, n, DELTA) < whole {
            better.push(format!("`{name}`"));
            "; less than in all"
        } else {
            ""
        };
        let escalated = group.count(|c| c.verdict == Verdict::Escalate);
        let overridden = group.count(|c| c.overridden.is_some());
        let value = format!(
            "{} decisions; people disagreed in {}{reading}; {escalated} escalated; {overridden} overridden",
            group.cases.len(),
            share(k, n)
        );
        let against = group.cases.iter().copied().filter(|c| c.agreed == Some(false) || c.overridden.is_some());
        figures.push(figure(name, value, cite(against)));
    }
    let more = groups.len() - listed;
    if more > 0 {
        figures.push(figure("rules and slices besides", more.to_string(), Vec::new()));
    }
    let (answer, says) = if judged == 0 {
        (PilotAnswer::Unknown, "Nobody has judged any decision of this pilot.".to_owned())
    } else {
        let risk = named(&riskier, "nowhere more than in all");
        let help = named(&better, "nowhere less than in all");
        let text =
            format!("People disagreed more often than in all with {risk}; less often with {help} (95 % assurance).");
        (PilotAnswer::Listed, text)
    };
    let question = "Where does AI help, and where does it add too much risk?".to_owned();
    PilotFinding { question, answer, says, figures }
}

fn named(names: &[String], none: &str) -> String {
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}

/// 3: which variability is acceptable.
fn variability(input: &PilotInput<'_>) -> PilotFinding {
    let mut figures = Vec::new();
    let (mut unstable, mut asked) = (0, 0);
    for run in input.repeats {
        unstable += run.repeats.unstable;
        asked += run.examples;
        let value = format!(
            "{} did not get the same verdict {} times",
            share(run.repeats.unstable, run.examples),
            run.repeats.times
        );
        figures.push(figure(format!("examples.{}", run.set), value, vec![run.event]));
    }
    let (answer, says) = match (input.repeats.is_empty(), unstable) {
        (true, _) => (
            PilotAnswer::Unknown,
            "No evaluation asked an example more than once: `seatrial eval --repeat 3` does.".to_owned(),
        ),
        (false, 0) => (PilotAnswer::Yes, format!("Each of {asked} examples got the same verdict every time.")),
        (false, n) => (
            PilotAnswer::Listed,
            format!("{n} of {asked} examples did not get the same verdict every time; whoever approves accepts that."),
        ),
    };
    PilotFinding { question: "Which variability is acceptable?".to_owned(), answer, says, figures }
}

/// 4: which controls operation needs.
fn controls(input: &PilotInput<'_>) -> PilotFinding {
    let mut rules: BTreeMap<String, Vec<&PilotCase>> = BTreeMap::new();
    let mut reasons: BTreeMap<&str, Vec<&PilotCase>> = BTreeMap::new();
    for case in input.cases {
        for path in &case.because {
            rules.entry(path.to_string()).or_default().push(case);
        }
        if let Some(reason) = &case.overridden {
            reasons.entry(reason).or_default().push(case);
        }
    }
    let mut figures = Vec::new();
    let mut fired: Vec<(&String, &Vec<&PilotCase>)> = rules.iter().collect();
    fired.sort_by_key(|(path, cases)| (std::cmp::Reverse(cases.len()), (*path).clone()));
    for (path, cases) in fired.iter().take(LISTED_MAX) {
        let value = format!("fired {} times", cases.len());
        figures.push(figure(path.as_str(), value, cite(cases.iter().copied())));
    }
    for (reason, cases) in reasons.iter().take(LISTED_MAX) {
        figures.push(figure(format!("overridden: {reason}"), cases.len().to_string(), cite(cases.iter().copied())));
    }
    let late: Vec<&PilotCase> = input.cases.iter().filter(|c| c.late).collect();
    figures.push(figure("late reviews", late.len().to_string(), cite(late.iter().copied())));
    let silent: Vec<&PilotCase> = input.cases.iter().filter(|c| c.no_candidate).collect();
    let text = share(silent.len() as u64, input.cases.len() as u64);
    figures.push(figure("without a usable answer of the model", text, cite(silent.iter().copied())));
    figures.push(figure("refused by the ceiling or the end", input.refused_by_bounds.to_string(), Vec::new()));
    figures.push(figure("stops", input.stops.len().to_string(), input.stops.iter().take(CITED_MAX).copied().collect()));
    let (answer, says) = if input.cases.is_empty() {
        (PilotAnswer::Unknown, "The pilot has decided nothing.".to_owned())
    } else {
        let text = format!(
            "{} rules fired, {} reasons to override were given, {} reviews were late.",
            rules.len(),
            reasons.len(),
            late.len()
        );
        (PilotAnswer::Listed, text)
    };
    PilotFinding { question: "Which controls does operation need?".to_owned(), answer, says, figures }
}
