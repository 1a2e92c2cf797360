//! What is measured on examples. The newest measurement under the key of today decides; only outputs that the engine
//! itself obtained count for evaluations and certificates.

use super::{Claim, Fold, Outcome, name_some};
use crate::define::{Input, Obligation};
use crate::key::UNKNOWN;
use crate::state::State;
use seatrial_model::event::{EvaluationRecorded, RuleExercise, ThresholdTested};
use seatrial_model::{Body, ElementPath};
use seatrial_spec::workflow::{Actor, Bar, Drawn};
use std::collections::BTreeMap;

/// What an evaluation's `outputs` says when the engine obtained them itself.
const OBTAINED: &str = "obtained";

impl<'a> Fold<'a> {
    pub(super) fn exercised(&self, claims: &[Claim<'a>]) -> Outcome {
        let mut rules: BTreeMap<&ElementPath, RuleExercise> = BTreeMap::new();
        let (mut events, mut considered) = (Vec::new(), Vec::new());
        for claim in claims {
            let Body::EvaluationRecorded(evaluation) = &claim.logged.event.body else { continue };
            let why = if claim.current {
                format!("the set `{}`", evaluation.set)
            } else {
                claim.outdated("what it measured has changed")
            };
            considered.push(claim.considered(claim.current, why));
            if !claim.current {
                continue;
            }
            events.push(claim.id());
            for (path, exercise) in &evaluation.rules {
                let sum = rules.entry(path).or_default();
                sum.caught = sum.caught.saturating_add(exercise.caught);
                sum.passed = sum.passed.saturating_add(exercise.passed);
            }
        }
        let silent: Vec<String> = self
            .rule_paths()
            .into_iter()
            .filter_map(|path| {
                let exercise = rules.get(&path).copied().unwrap_or_default();
                match (exercise.caught, exercise.passed) {
                    (0, 0) => Some(format!("`{path}` saw nothing")),
                    (0, _) => Some(format!("`{path}` caught nothing")),
                    (_, 0) => Some(format!("`{path}` passed nothing")),
                    _ => None,
                }
            })
            .collect();
        let mut out = if silent.is_empty() && !events.is_empty() {
            Outcome::new(
                State::Discharged,
                format!("{} rule(s), each caught an example and passed one", self.rule_paths().len()),
            )
        } else if events.is_empty() {
            Outcome::new(State::Open, "no evaluation of this spec")
        } else {
            Outcome::new(State::Open, name_some(&silent))
        };
        out.considered = considered;
        out.on(events)
    }

    /// Every rule of the AI steps. An escalation over a threshold that is `none` holds by design: it passes nothing.
    fn rule_paths(&self) -> Vec<ElementPath> {
        let steps = self.input.workflow.steps.iter().filter(|s| s.actor == Actor::Ai);
        steps
            .flat_map(|s| {
                let rules = [&s.refuse_input, &s.require, &s.forbid, &s.never].into_iter().flatten().map(|r| &r.path);
                let none =
                    |t: &ElementPath| self.input.workflow.thresholds.get(t.name()).is_some_and(|t| t.at.is_none());
                let open = s.escalate.iter().filter(|e| !e.thresholds.iter().any(none));
                rules.chain(open.map(|e| &e.path)).cloned().collect::<Vec<_>>()
            })
            .collect()
    }

    pub(super) fn evaluated(&self, set: &str, obligation: &Obligation, claims: &[Claim<'a>]) -> Outcome {
        let (latest, mut considered) = newest_evaluation(claims, set);
        let Some((claim, evaluation)) = latest else {
            let mut out = Outcome::new(State::Open, "not evaluated with outputs that the engine obtained itself");
            out.considered = considered;
            return out;
        };
        let production = self.input.workflow.gates.production.as_ref();
        let bar = production.and_then(|g| g.evaluation.get(set)).filter(|_| self.in_production());
        let drawn = self.input.workflow.examples.get(set).map_or(Drawn::Curated, |s| s.drawn);
        let (state, why) = match (bar, self.unfit_model(obligation)) {
            (_, Some(why)) => (State::Open, why),
            (None, None) => (State::Discharged, format!("reported: {}", figures(evaluation))),
            (Some(bar), None) => against(bar, drawn, evaluation),
        };
        let (state, why) = match unjudged(evaluation) {
            Some(unjudged) if state == State::Discharged => (State::Inconclusive, format!("{unjudged}; {why}")),
            _ => (state, why),
        };
        if state != State::Discharged
            && let Some(last) = considered.iter_mut().find(|c| c.event == claim.id())
        {
            last.why.clone_from(&why);
        }
        let mut out = Outcome::new(state, why).on([claim.id()]);
        out.considered = considered;
        out
    }

    pub(super) fn forbidden(
        &self,
        category: &str,
        sets: &[String],
        obligation: &Obligation,
        claims: &[Claim<'a>],
    ) -> Outcome {
        let (mut events, mut all) = (Vec::new(), Vec::new());
        let (mut missing, mut through, mut labelled, mut unlabelled) = (Vec::new(), 0_u64, 0_u64, Vec::new());
        let mut unseen = Vec::new();
        for set in sets {
            let (latest, considered) = newest_evaluation(claims, set);
            all.extend(considered);
            let Some((claim, evaluation)) = latest else {
                missing.push(format!("`{set}`"));
                continue;
            };
            events.push(claim.id());
            through = through.saturating_add(evaluation.let_through.k);
            labelled = labelled.saturating_add(evaluation.let_through.n);
            if evaluation.let_through.n == 0 {
                unlabelled.push(format!("`{set}`"));
            }
            unseen.extend(unjudged(evaluation).map(|unjudged| format!("`{set}`: {unjudged}")));
        }
        let (state, why) = if through > 0 {
            (
                State::Failed,
                format!("{through} of {labelled} `{category}` examples that must not pass were let through"),
            )
        } else if !missing.is_empty() {
            (State::Open, format!("not evaluated with outputs that the engine obtained itself: {}", missing.join(", ")))
        } else if let Some(why) = self.unfit_model(obligation) {
            (State::Open, why)
        } else if !unseen.is_empty() {
            (State::Inconclusive, unseen.join("; "))
        } else if !unlabelled.is_empty() {
            (State::Inconclusive, format!("no example is labelled `must_not_pass` in {}", unlabelled.join(", ")))
        } else {
            (State::Discharged, format!("none of {labelled} was let through"))
        };
        let mut out = Outcome::new(state, why).on(events);
        all.sort_by_key(|c| c.index);
        all.dedup();
        out.considered = all;
        out
    }

    pub(super) fn certified(&self, name: &str, obligation: &Obligation, claims: &[Claim<'a>]) -> Outcome {
        let Some(threshold) = self.input.workflow.thresholds.get(name) else {
            return Outcome::new(State::Open, "the spec has no such threshold");
        };
        let Some(at) = threshold.at else {
            return Outcome::new(State::Discharged, "`at: none`: nothing passes without a person");
        };
        if let Some(step) = crate::define::claimed_confidence(self.input.workflow, name) {
            return Outcome::new(
                State::Failed,
                format!(
                    "the confidence of `{step}` is what the caller claims; such a number cannot back a certificate: write `at: none`, or another source"
                ),
            );
        }
        let mut considered = Vec::new();
        let mut latest: Option<(Claim<'a>, &ThresholdTested)> = None;
        for claim in claims {
            let Body::ThresholdTested(tested) = &claim.logged.event.body else { continue };
            let of_this = tested.certificate.threshold.as_str() == format!("thresholds.{name}");
            let counts = claim.current && of_this && tested.certificate.at == Some(at);
            let why = match (counts, tested.certified) {
                (false, _) => claim.outdated("another number, or what it measured has changed"),
                (true, true) => "certified".to_owned(),
                (true, false) => "tested, not certified".to_owned(),
            };
            considered
                .push(claim.considered(counts && tested.certified && !self.revoked.contains_key(&claim.id()), why));
            if counts {
                latest = Some((*claim, tested));
            }
        }
        let mut out = match latest {
            None => Outcome::new(State::Open, format!("no certificate for {at}")),
            Some((claim, tested)) => self.certificate(obligation, claim, tested),
        };
        out.considered = considered;
        out
    }

    fn certificate(&self, obligation: &Obligation, claim: Claim<'a>, tested: &ThresholdTested) -> Outcome {
        let c = &tested.certificate;
        let figures = format!(
            "{} wrong of {} at {}, at most {:.4} with assurance {}",
            c.errors,
            c.examples,
            c.at.unwrap_or(1.0),
            c.bound,
            c.assurance
        );
        if let Some((reason, event)) = self.revoked.get(&claim.id()) {
            return Outcome::new(
                State::Revoked,
                format!("the certificate was revoked ({reason}): everything escalates"),
            )
            .on([claim.id(), *event]);
        }
        if !tested.certified {
            let (attempt, attempts) = (c.attempt, c.attempts);
            let why = match c.withheld {
                true => format!("attempt {attempt} of {attempts} was not certified at {}", c.at.unwrap_or(1.0)),
                false => format!("attempt {attempt} was not certified: {figures}"),
            };
            return Outcome::new(State::Failed, why).on([claim.id()]);
        }
        match self.unfit_model(obligation) {
            Some(why) => Outcome::new(State::Open, why).on([claim.id()]),
            None => Outcome::new(State::Discharged, format!("certified: {figures}")).on([claim.id()]),
        }
    }

    /// Why what was measured on these models cannot count for the stage: nobody knows which model answers, or it is
    /// only an alias.
    fn unfit_model(&self, obligation: &Obligation) -> Option<String> {
        obligation.inputs.iter().find_map(|input| {
            let Input::Model(step) = input else { return None };
            match self.input.inputs.models.get(step) {
                // A step without a model of its own (the caller owns the call) has no identity to know.
                None if self.input.workflow.step(step).is_some_and(|s| s.model.is_none()) => None,
                None => Some(format!("the model of `{step}` is {UNKNOWN}")),
                Some(model) if model.alias && self.in_production() => Some(format!(
                    "`{}` is an alias: another model may answer under it tomorrow; name a dated version",
                    model.text
                )),
                Some(_) => None,
            }
        })
    }
}

/// The newest evaluation of a set under the key of today whose outputs the engine obtained.
fn newest_evaluation<'c, 'a>(
    claims: &'c [Claim<'a>],
    set: &str,
) -> (Option<(&'c Claim<'a>, &'a EvaluationRecorded)>, Vec<crate::state::Considered>) {
    let (mut latest, mut considered) = (None, Vec::new());
    for claim in claims {
        let Body::EvaluationRecorded(evaluation) = &claim.logged.event.body else { continue };
        if evaluation.set != set {
            continue;
        }
        let refusal = if !claim.current {
            Some(claim.outdated("what it measured has changed"))
        } else if evaluation.outputs != OBTAINED {
            Some("its outputs came with the examples".to_owned())
        } else {
            None
        };
        considered.push(claim.considered(refusal.is_none(), refusal.clone().unwrap_or_else(|| figures(evaluation))));
        if refusal.is_none() {
            latest = Some((claim, evaluation));
        }
    }
    (latest, considered)
}

/// What an evaluation cannot say of the examples that must not pass: a model that was not there stopped nothing.
fn unjudged(e: &EvaluationRecorded) -> Option<String> {
    (e.unjudged > 0).then(|| {
        format!(
            "{} of {} examples that must not pass got no answer that could be judged; evaluate `{}` again when its model answers",
            e.unjudged, e.let_through.n, e.set
        )
    })
}

fn figures(e: &EvaluationRecorded) -> String {
    let lower = e.lower.map(|l| format!(", at least {l:.4}")).unwrap_or_default();
    let unclear = if e.inconclusive > 0 { format!(", {} inconclusive", e.inconclusive) } else { String::new() };
    format!("{} of {} passed{lower}{unclear}", e.passed.k, e.passed.n)
}

/// Whether an evaluation meets a bar, as the gate will read it.
#[must_use]
pub fn meets(bar: &Bar, drawn: Drawn, evaluation: &EvaluationRecorded) -> bool {
    unjudged(evaluation).is_none() && against(bar, drawn, evaluation).0 == State::Discharged
}

/// A random sample meets its bar by the lower confidence bound; a set drawn otherwise by its exact count, where what is
/// inconclusive counts as not passed.
fn against(bar: &Bar, drawn: Drawn, e: &EvaluationRecorded) -> (State, String) {
    let asked = wanted(bar);
    let share = |k: u64, n: u64| if n == 0 { None } else { Some(ratio(k, n)) };
    // What is inconclusive is counted in `n` already; never fewer than what is told apart.
    let all = e.passed.n.max(e.passed.k.saturating_add(e.inconclusive));
    let (worst, best) = match drawn {
        Drawn::Random => (e.lower, share(e.passed.k, e.passed.n)),
        Drawn::Curated | Drawn::Generated => {
            (share(e.passed.k, all), share(e.passed.k.saturating_add(e.inconclusive), all))
        }
    };
    let figures = figures(e);
    match (worst, best) {
        (Some(worst), _) if bar.is_met_by(worst) => (State::Discharged, format!("{figures}; the bar is {asked}")),
        (None, None) => (State::Inconclusive, "no example of the set has an expectation".to_owned()),
        (_, Some(best)) if bar.is_met_by(best) => {
            let why =
                if drawn == Drawn::Random { "too few examples for the lower bound" } else { "too many inconclusive" };
            (State::Inconclusive, format!("{figures}; the bar is {asked}: {why}"))
        }
        _ => (State::Failed, format!("{figures}; the bar is {asked}")),
    }
}

/// A bar as it is written.
pub(super) fn wanted(bar: &Bar) -> String {
    format!("{} {}", bar_op(bar), bar.value)
}

fn bar_op(bar: &Bar) -> &'static str {
    use seatrial_spec::workflow::BarOp;
    match bar.op {
        BarOp::AtLeast => ">=",
        BarOp::AtMost => "<=",
        BarOp::Above => ">",
        BarOp::Below => "<",
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of examples stay far below 2^53")]
fn ratio(k: u64, n: u64) -> f64 {
    k as f64 / n as f64
}
