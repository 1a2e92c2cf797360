//! The four questions of a sprint, each answered from what was counted.

use super::{CITED_MAX, Direction, Figure, Move, Moves, Reading, SprintAnswer, SprintInput, Tallies};
use seatrial_model::event::{Event, Share, SprintOpened};
use seatrial_model::{Body, ElementPath, EventId};
use std::collections::BTreeMap;

/// The most elements or rules that one figure names; how many there are stands in its number.
const NAMED_MAX: usize = 8;

pub(super) fn four(within: &[&Event], opened: &SprintOpened, input: &SprintInput<'_>) -> Vec<SprintAnswer> {
    let (before, during) = (input.before, input.during);
    vec![
        answer("Did the team clarify the workflow's boundary?", boundary(within, input.moves)),
        answer("Did the system become easier to review?", review(before, during)),
        answer("Did the output path become more governable?", output_path(within, during)),
        answer("Did ambiguity around handoff, escalation and override fall?", ambiguity(within, opened, input)),
    ]
}

fn answer(question: &str, figures: Vec<Figure>) -> SprintAnswer {
    let any = |direction| figures.iter().any(|f| f.direction == direction);
    let reading = match (any(Direction::For), any(Direction::Against)) {
        (true, true) => Reading::Mixed,
        (true, false) => Reading::Yes,
        (false, true) => Reading::No,
        (false, false) if figures.is_empty() => Reading::Unknown,
        (false, false) => Reading::Unchanged,
    };
    SprintAnswer { question: question.to_owned(), reading, figures }
}

/// Collects figures; a count of none says nothing and is left out.
#[derive(Default)]
struct Figures(Vec<Figure>);

impl Figures {
    fn count(&mut self, what: &str, direction: Direction, events: Vec<EventId>) {
        self.number(what, direction, events.len() as u64, events);
    }

    fn number(&mut self, what: &str, direction: Direction, number: u64, mut events: Vec<EventId>) {
        if number > 0 {
            events.truncate(CITED_MAX);
            self.0.push(Figure { what: what.to_owned(), value: number.to_string(), direction, events });
        }
    }

    fn text(&mut self, what: &str, direction: Direction, value: String, events: Vec<EventId>) {
        self.0.push(Figure { what: what.to_owned(), value, direction, events });
    }

    /// A measure before and during the sprint, of which less (or more) is better.
    fn moved(&mut self, what: &str, before: Option<f64>, during: Option<f64>, less_is_better: bool, unit: &str) {
        let Some(now) = during else { return };
        let show = |x: f64| format!("{}{unit}", (x * 10.0).round() / 10.0);
        let Some(then) = before else {
            return self.text(what, Direction::Neither, format!("{} (nothing to compare with)", show(now)), Vec::new());
        };
        let direction = if show(then) == show(now) {
            Direction::Neither
        } else if (now < then) == less_is_better {
            Direction::For
        } else {
            Direction::Against
        };
        self.text(what, direction, format!("{}, before {}", show(now), show(then)), Vec::new());
    }
}

fn boundary(within: &[&Event], moves: Option<&Moves>) -> Vec<Figure> {
    let mut figures = Figures::default();
    let settled = |withdrawn: bool| {
        let fits = |e: &&&Event| matches!(&e.body, Body::QuestionSettled(s) if s.withdrawn == withdrawn);
        within.iter().filter(fits).map(|e| e.id).collect()
    };
    figures.count("questions answered", Direction::For, settled(false));
    figures.count("questions withdrawn", Direction::Neither, settled(true));
    let changes = Changes::of(within);
    let is_question = |p: &ElementPath| p.as_str().starts_with("questions.") && p.segments().count() == 2;
    // To raise a question is progress: an unknown that nobody had written down.
    figures.paths("questions raised", Direction::For, &changes.added, is_question);
    figures.paths("questions removed without an answer", Direction::Against, &changes.removed, |p| {
        is_question(p) && !within.iter().any(|e| matches!(&e.body, Body::QuestionSettled(s) if s.question == *p))
    });
    figures.paths("rules added (narrowing)", Direction::For, &changes.added, is_rule);
    figures.paths("rules removed (widening)", Direction::Against, &changes.removed, is_rule);
    figures.paths("rules changed", Direction::Neither, &changes.changed, is_rule);
    figures.paths("influence of AI changed", Direction::Neither, &changes.changed, |p| p.name() == "influence");
    figures.paths("elements that gained a meaning", Direction::Neither, &changes.added, |_| true);
    figures.paths("elements that lost their meaning", Direction::Neither, &changes.removed, |_| true);
    if let Some(moves) = moves {
        figures.moves("changes that narrow what AI may do", Direction::For, &moves.narrows);
        // What was widened on purpose and approved is no less clear: it is said, and the approvals judge it.
        figures.moves("changes that widen what AI may do", Direction::Neither, &moves.widens);
        figures.moves("changes of which it cannot be told", Direction::Neither, &moves.unclear);
    }
    figures.0
}

/// `steps.<step>.<kind>.<rule>` of a kind that bounds what AI may do.
fn is_rule(path: &ElementPath) -> bool {
    let segments: Vec<&str> = path.segments().collect();
    matches!(segments.as_slice(), ["steps", _, "refuse_input" | "require" | "forbid" | "never" | "escalate", _])
}

/// Paths added, removed and changed over the sprint, with the last event that did so; what came and went is neither.
#[derive(Default)]
struct Changes {
    added: BTreeMap<ElementPath, EventId>,
    removed: BTreeMap<ElementPath, EventId>,
    changed: BTreeMap<ElementPath, EventId>,
}

impl Changes {
    fn of(within: &[&Event]) -> Self {
        let mut changes = Self::default();
        for event in within {
            let Body::SpecSubmitted(spec) = &event.body else { continue };
            for path in &spec.added {
                if changes.removed.remove(path).is_some() {
                    changes.changed.insert(path.clone(), event.id);
                } else {
                    changes.added.insert(path.clone(), event.id);
                }
            }
            for path in &spec.removed {
                changes.changed.remove(path);
                if changes.added.remove(path).is_none() {
                    changes.removed.insert(path.clone(), event.id);
                }
            }
            for path in spec.changed.iter().filter(|p| !changes.added.contains_key(*p)).collect::<Vec<_>>() {
                changes.changed.insert(path.clone(), event.id);
            }
        }
        changes
    }
}

impl Figures {
    fn paths(
        &mut self,
        what: &str,
        direction: Direction,
        paths: &BTreeMap<ElementPath, EventId>,
        which: impl Fn(&ElementPath) -> bool,
    ) {
        let found: Vec<(&ElementPath, EventId)> =
            paths.iter().filter(|(p, _)| which(p)).map(|(p, e)| (p, *e)).collect();
        if found.is_empty() {
            return;
        }
        let names: Vec<&str> = found.iter().take(CITED_MAX).map(|(p, _)| p.as_str()).collect();
        let mut events: Vec<EventId> = found.iter().map(|(_, e)| *e).collect();
        events.sort_unstable();
        events.dedup();
        events.truncate(CITED_MAX);
        self.text(what, direction, format!("{} ({})", found.len(), names.join(", ")), events);
    }
}

impl Figures {
    /// The first of the elements with the reason for each, and how many there are.
    fn moves(&mut self, what: &str, direction: Direction, moves: &[Move]) {
        if moves.is_empty() {
            return;
        }
        let named: Vec<String> = moves.iter().take(NAMED_MAX).map(|m| format!("{}: {}", m.path, m.why)).collect();
        let more = if moves.len() > NAMED_MAX { "; …" } else { "" };
        self.text(what, direction, format!("{} ({}{more})", moves.len(), named.join("; ")), Vec::new());
    }

    /// How often each rule was seen, the most frequent first.
    fn by_rule(&mut self, what: &str, rules: &BTreeMap<ElementPath, u64>) {
        let mut rules: Vec<(&ElementPath, u64)> = rules.iter().map(|(rule, n)| (rule, *n)).collect();
        rules.sort_by_key(|(rule, n)| (std::cmp::Reverse(*n), *rule));
        if rules.is_empty() {
            return;
        }
        let more = if rules.len() > NAMED_MAX { ", …" } else { "" };
        let named: Vec<String> = rules.iter().take(NAMED_MAX).map(|(rule, n)| format!("{rule} {n}")).collect();
        self.text(what, Direction::Neither, format!("{}{more}", named.join(", ")), Vec::new());
    }
}

fn review(before: Option<&Tallies>, during: Option<&Tallies>) -> Vec<Figure> {
    let mut figures = Figures::default();
    let each = |measure: fn(&Tallies) -> Option<f64>| (before.and_then(measure), during.and_then(measure));
    let (then, now) = each(|t| t.review_ms_median.map(|ms| ms as f64 / 1000.0));
    figures.moved("time to review a case, median", then, now, true, " s");
    let (then, now) = each(|t| percent(t.agreement));
    figures.moved("reviewers agree with the output", then, now, false, " %");
    let (then, now) = each(|t| percent(t.explained));
    figures.moved("findings that give their reason", then, now, false, " %");
    let (then, now) = each(|t| percent(Share { k: t.reviews_opened, n: t.decisions }));
    figures.moved("decisions that need a person", then, now, true, " %");
    if let Some(tallies) = during.filter(|t| t.days > 0.0) {
        let load = tallies.reviews_opened as f64 / tallies.days;
        let value = format!("{} a day over {} days", tenths(load), tenths(tallies.days));
        figures.text("reviews opened", Direction::Neither, value, Vec::new());
    }
    figures.0
}

fn output_path(within: &[&Event], during: Option<&Tallies>) -> Vec<Figure> {
    let mut figures = Figures::default();
    let last = within.iter().rev().find_map(|e| match &e.body {
        Body::EvaluationRecorded(evaluation) => Some((e.id, evaluation)),
        _ => None,
    });
    if let Some((id, evaluation)) = last {
        let exercised = evaluation.rules.values().filter(|r| r.caught > 0 && r.passed > 0).count();
        let of = evaluation.rules.len();
        let direction = if exercised > 0 { Direction::For } else { Direction::Neither };
        let what = "rules that caught an example and passed one, in the last evaluation";
        figures.text(what, direction, format!("{exercised} of {of}"), vec![id]);
    }
    let mut let_through = Vec::new();
    let mut must_not = 0;
    for event in within {
        if let Body::EvaluationRecorded(e) = &event.body
            && e.let_through.k > 0
        {
            let_through.push(event.id);
            must_not += e.let_through.k;
        }
    }
    figures.number(
        "examples let through that must not pass, in all evaluations",
        Direction::Against,
        must_not,
        let_through,
    );
    let tested = |given: bool| {
        let fits = |e: &&&Event| matches!(&e.body, Body::ThresholdTested(t) if t.certified == given);
        within.iter().filter(fits).map(|e| e.id).collect()
    };
    figures.count("threshold certificates given", Direction::For, tested(true));
    figures.count("threshold certificates refused", Direction::Neither, tested(false));
    let revoked = within.iter().filter(|e| matches!(e.body, Body::CertificateRevoked(_))).map(|e| e.id).collect();
    figures.count("threshold certificates revoked", Direction::Against, revoked);
    figures.paths("what is never delegated, added", Direction::For, &Changes::of(within).added, |p| {
        is_rule(p) && p.segments().nth(2) == Some("never")
    });
    let probes = within.iter().rev().find_map(|e| match &e.body {
        Body::ProbeRun(run) => Some((e.id, run)),
        _ => None,
    });
    if let Some((id, run)) = probes {
        let enforced = run.probes.iter().filter(|p| p.enforced).count();
        let all = enforced == run.probes.len() && enforced > 0;
        let direction = if all { Direction::For } else { Direction::Against };
        figures.text(
            "live probes that were stopped",
            direction,
            format!("{enforced} of {}", run.probes.len()),
            vec![id],
        );
    }
    if let Some(share) = during.and_then(|t| percent(t.inspected)) {
        let value = format!("{} %", (share * 10.0).round() / 10.0);
        figures.text("decisions whose every part was inspected", Direction::Neither, value, Vec::new());
    }
    figures.0
}

fn ambiguity(within: &[&Event], opened: &SprintOpened, input: &SprintInput<'_>) -> Vec<Figure> {
    let (before, during) = (input.before, input.during);
    let mut figures = Figures::default();
    roles(&mut figures, opened.roles, input.roles);
    let accepted = within.iter().filter(|e| matches!(e.body, Body::ResponsibilityAccepted(_))).map(|e| e.id).collect();
    figures.count("responsibilities accepted", Direction::For, accepted);
    let drills = |good: bool| {
        let fits = |e: &&&Event| match &e.body {
            Body::DrillDone(d) => d.allowed_ms.is_none_or(|allowed| d.effective_ms <= allowed) == good,
            _ => false,
        };
        within.iter().filter(fits).map(|e| e.id).collect()
    };
    figures.count("drills within the spec's time", Direction::For, drills(true));
    figures.count("drills over the spec's time", Direction::Against, drills(false));
    let of_kind = |kind: &str| within.iter().filter(|e| e.body.kind() == kind).map(|e| e.id).collect();
    figures.count("releases that lapsed", Direction::Against, of_kind("release.lapsed/1"));
    figures.count("releases rolled back", Direction::Neither, of_kind("release.rolled-back/1"));
    let late = |t: &Tallies| percent(Share { k: t.reviews_late, n: t.reviews_opened });
    figures.moved("reviews unanswered past their time", before.and_then(late), during.and_then(late), true, " %");
    let overridden = |t: &Tallies| percent(Share { k: t.overridden(), n: t.decisions });
    figures.moved("decisions overridden", before.and_then(overridden), during.and_then(overridden), true, " %");
    if let Some(tallies) = during {
        figures.by_rule("overridden, by rule", &tallies.overrides);
        figures.by_rule("escalated, by rule", &tallies.escalations);
    }
    figures.0
}

/// Roles that somebody present holds, at the start and at the end.
fn roles(figures: &mut Figures, start: Option<Share>, end: Option<Share>) {
    let Some(end) = end else { return };
    let value = match start {
        Some(start) => format!("{} of {}, before {} of {}", end.k, end.n, start.k, start.n),
        None => format!("{} of {} (nothing to compare with)", end.k, end.n),
    };
    let direction = match start.map(|start| (end.n - end.k).cmp(&(start.n - start.k))) {
        Some(std::cmp::Ordering::Less) => Direction::For,
        Some(std::cmp::Ordering::Greater) => Direction::Against,
        _ => Direction::Neither,
    };
    figures.text("roles of the spec that somebody present holds", direction, value, Vec::new());
}

/// A number with one decimal.
fn tenths(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

fn percent(share: Share) -> Option<f64> {
    (share.n > 0).then(|| 100.0 * share.k as f64 / share.n as f64)
}
