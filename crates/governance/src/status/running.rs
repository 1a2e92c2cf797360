//! What is shown on the running system.

use super::{Claim, Fold, Outcome};
use crate::state::State;
use seatrial_model::event::{DrillDone, ProbeRun, TraceAudited};
use seatrial_model::{Body, ElementPath, EventId, PrincipalKind, Side, Span};
use std::collections::BTreeSet;

impl<'a> Fold<'a> {
    pub(super) fn enforces(&self, claims: &[Claim<'a>]) -> Outcome {
        let steps = &self.input.workflow.steps;
        let wanted: BTreeSet<&ElementPath> =
            steps.iter().flat_map(|s| s.forbid.iter().chain(&s.never)).map(|r| &r.path).collect();
        let judge = |run: &ProbeRun| {
            let enforced: BTreeSet<&ElementPath> = run.probes.iter().filter(|p| p.enforced).map(|p| &p.rule).collect();
            let through: Vec<String> =
                run.probes.iter().filter(|p| !p.enforced).map(|p| format!("`{}`", p.rule)).collect();
            let silent: Vec<String> =
                wanted.iter().filter(|w| !enforced.contains(**w)).map(|w| format!("`{w}`")).collect();
            if !through.is_empty() {
                (State::Failed, format!("not enforced: {}", through.join(", ")))
            } else if !silent.is_empty() {
                (State::Open, format!("not probed: {}", silent.join(", ")))
            } else {
                (
                    State::Discharged,
                    format!("{} rule(s) provoked and enforced by program {}", wanted.len(), run.program.short()),
                )
            }
        };
        newest(claims, "not probed yet", |body| match body {
            Body::ProbeRun(run) => Some(judge(run)),
            _ => None,
        })
    }

    pub(super) fn trace(&self, claims: &[Claim<'a>]) -> Outcome {
        let production = self.in_production();
        let judge = |t: &TraceAudited| {
            let figures = format!("{} of {} verdicts and {} findings recompute", t.verdicts, t.sampled, t.findings);
            if t.sampled == 0 {
                (State::Open, "no decision was sampled".to_owned())
            } else if t.verdicts < t.sampled || (production && t.findings < t.sampled) {
                (State::Failed, figures)
            } else {
                (State::Discharged, figures)
            }
        };
        newest(claims, "no decision was reconstructed yet", |body| match body {
            Body::TraceAudited(audited) => Some(judge(audited)),
            _ => None,
        })
    }

    /// A drill counts once and for all under its key: a later one that failed does not undo it, but stands beside it.
    pub(super) fn drill(&self, control: &str, claims: &[Claim<'a>]) -> Outcome {
        let mut best: Option<EventId> = None;
        let mut worst: Option<(EventId, String)> = None;
        let mut considered = Vec::new();
        for claim in claims {
            let Body::DrillDone(drill) = &claim.logged.event.body else { continue };
            if drill.control != control {
                continue;
            }
            let refusal = if claim.current {
                self.drill_refusal(claim, drill)
            } else {
                Some(claim.outdated("what it exercised has changed"))
            };
            let done = || match control {
                "stop" => format!("effective after {} ms, {} request(s) refused", drill.effective_ms, drill.refused),
                _ => format!("done after {} ms, in {} event(s)", drill.effective_ms, drill.events.len()),
            };
            considered.push(claim.considered(refusal.is_none(), refusal.clone().unwrap_or_else(done)));
            match refusal {
                None => best = Some(claim.id()),
                Some(why) if claim.current => worst = Some((claim.id(), why)),
                Some(_) => {}
            }
        }
        let mut out = match (best, worst) {
            (Some(event), _) => Outcome::new(State::Discharged, "exercised").on([event]),
            (None, Some((event, why))) => {
                Outcome::new(State::Failed, format!("the drill does not count: {why}")).on([event])
            }
            (None, None) => Outcome::new(State::Open, "not exercised yet"),
        };
        if let (State::Discharged, Some(last)) = (out.state, considered.iter().rev().find(|c| c.counts)) {
            out.why = format!("by {}: {}", last.by, last.why);
        }
        out.considered = considered;
        out
    }

    fn drill_refusal(&self, claim: &Claim<'a>, drill: &DrillDone) -> Option<String> {
        if drill.control == "stop" && drill.refused == 0 {
            return Some("no request was refused, so nothing shows that it took effect".to_owned());
        }
        if drill.control != "stop" && drill.events.is_empty() {
            return Some("it cites no event, so nothing shows that it happened".to_owned());
        }
        if !self.in_production() {
            return None;
        }
        if let Some(why) = self.not_by_receivers(claim, drill) {
            return Some(why);
        }
        let allowed = self.input.workflow.gates.production.as_ref().and_then(|g| g.drills.get(&drill.control));
        let late = |allowed: &&Span| drill.effective_ms > allowed.as_millis();
        allowed.filter(late).map(|allowed| format!("it took {} ms, the spec allows {allowed}", drill.effective_ms))
    }

    /// Why a drill was not one of those who take over, alone.
    pub(super) fn not_by_receivers(&self, claim: &Claim<'a>, drill: &DrillDone) -> Option<String> {
        let actor = &claim.logged.event.actor;
        if actor.side != Side::Receiving || actor.kind != PrincipalKind::Person {
            return Some("production needs a person of the receiving side".to_owned());
        }
        let helped = drill.events.iter().find_map(|id| self.by_delivery.get(id));
        helped.map(|logged| format!("`{}` of the delivery side acted in it", logged.event.actor.id))
    }
}

/// The newest measurement of a kind under the key of today decides.
pub(super) fn newest(claims: &[Claim<'_>], none: &str, judge: impl Fn(&Body) -> Option<(State, String)>) -> Outcome {
    let mut out = Outcome::new(State::Open, none);
    let mut considered = Vec::new();
    for claim in claims {
        let Some((state, why)) = judge(&claim.logged.event.body) else { continue };
        if claim.current {
            considered.push(claim.considered(state == State::Discharged, why.clone()));
            out = Outcome::new(state, why).on([claim.id()]);
        } else {
            considered.push(claim.considered(false, claim.outdated("what it measured has changed")));
        }
    }
    out.considered = considered;
    out
}
