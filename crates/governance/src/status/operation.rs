//! What operation shows: outcomes, the pilot, the load of reviews, oversight, completeness, runbooks, drills.

use super::running::newest;
use super::{Claim, Fold, Outcome, name_some};
use crate::define::{Duty, Obligation, Which, runbooks};
use crate::key::digest_of;
use crate::state::{ObligationState, State};
use seatrial_model::event::OutcomeMeasured;
use seatrial_model::{Body, ElementPath, EventId, Side, Stage};
use seatrial_spec::workflow::{Actor, Provider};
use std::collections::BTreeSet;

/// The least share of seeded known-bad items that reviewers catch, by its lower confidence bound. A reviewer who misses
/// every fifth planted fault is no control that anybody should lean on.
pub const OVERSIGHT_BAR: f64 = 0.8;

impl<'a> Fold<'a> {
    /// For a pilot it is known how things stand today; for production the newest figure meets the target, or the
    /// business accepted that very figure.
    pub(super) fn outcome(&self, name: &str, obligation: &Obligation, claims: &[Claim<'a>]) -> Outcome {
        let Some(wanted) = self.input.workflow.outcomes.get(name) else {
            return Outcome::new(State::Open, "the spec has no such outcome");
        };
        let mut considered = Vec::new();
        let mut latest: Option<(Claim<'a>, &OutcomeMeasured)> = None;
        for claim in claims {
            let Body::OutcomeMeasured(measured) = &claim.logged.event.body else { continue };
            let refusal = if !claim.current {
                Some(claim.outdated("the outcome was changed since"))
            } else if measured.outcome.name() != name {
                Some("another outcome was measured".to_owned())
            } else if !measured.value.is_finite() {
                Some("its figure is no number".to_owned())
            } else {
                None
            };
            let figure = || format!("{} from {} to {}", measured.value, measured.from.day(), measured.until.day());
            considered.push(claim.considered(refusal.is_none(), refusal.clone().unwrap_or_else(figure)));
            if refusal.is_none() {
                latest = Some((*claim, measured));
            }
        }
        let target = format!("the target is {}", super::measured::wanted(&wanted.target));
        let mut out = match (latest, wanted.today) {
            (None, Some(today)) if self.input.stage == Stage::Pilot => {
                Outcome::new(State::Discharged, format!("today it is {today}; {target}"))
            }
            (None, _) => Outcome::new(State::Open, format!("not measured; {target}")),
            (Some((claim, measured)), _) if self.input.stage == Stage::Pilot => {
                Outcome::new(State::Discharged, format!("measured: {}; {target}", measured.value)).on([claim.id()])
            }
            (Some((claim, measured)), _) if wanted.target.is_met_by(measured.value) => {
                Outcome::new(State::Discharged, format!("{}: {target}", measured.value)).on([claim.id()])
            }
            (Some((claim, measured)), _) => self.accepted_as_it_is(obligation, claims, claim, measured, &target),
        };
        considered.append(&mut out.considered);
        considered.sort_by_key(|c| c.index);
        out.considered = considered;
        out
    }

    /// A missed target may be accepted by the business: by an approval that saw this very figure.
    fn accepted_as_it_is(
        &self,
        obligation: &Obligation,
        claims: &[Claim<'a>],
        missed: Claim<'a>,
        measured: &OutcomeMeasured,
        target: &str,
    ) -> Outcome {
        let business = self.input.workflow.responsibilities.get("workflow").and_then(|r| r.receiving.as_deref());
        let since: Vec<Claim<'a>> = claims.iter().filter(|c| c.logged.index > missed.logged.index).copied().collect();
        let approvals = self.approvals(obligation, &since, Some(business.as_slice()));
        let accepted = business.is_some() && approvals.on_side(Side::Receiving);
        let people: Vec<&str> = approvals.by.keys().copied().collect();
        let (state, why) = if accepted {
            (State::Discharged, format!("{}: {target}; accepted as it is by {}", measured.value, people.join(", ")))
        } else {
            (State::Failed, format!("{}: {target}, and nobody of the business accepted it as it is", measured.value))
        };
        let mut out = approvals.outcome(Vec::new());
        (out.state, out.why) = (state, why);
        out.on([missed.id()])
    }

    pub(super) fn findings(&self, obligation: &Obligation, claims: &[Claim<'a>]) -> Outcome {
        let Some((logged, report)) = self.report else {
            return Outcome::new(State::Open, "no pilot was reported: `seatrial pilot report`");
        };
        if let Some(now) = self.input.running.pilot.filter(|now| now.number != report.pilot) {
            let why = format!("the newest report is on pilot {}, the pilot is {}", report.pilot, now.number);
            return Outcome::new(State::Open, why);
        }
        let figures = format!("pilot {}, {} decision(s)", report.pilot, report.decisions);
        match report.continues {
            Some(false) => {
                let why = format!("{figures}: the criterion to go on, fixed before its first decision, is not met");
                return Outcome::new(State::Failed, why).on([logged.event.id]);
            }
            _ if report.decisions == 0 => {
                return Outcome::new(State::Inconclusive, format!("{figures}: it showed nothing"))
                    .on([logged.event.id]);
            }
            None if self.input.workflow.gates.pilot.as_ref().is_some_and(|g| g.continue_if.is_some()) => {
                let why = format!("{figures}: the figures do not tell whether the criterion to go on is met");
                return Outcome::new(State::Inconclusive, why).on([logged.event.id]);
            }
            None | Some(true) => {}
        }
        let approvals = self.approvals(obligation, claims, None);
        let missing = if approvals.on_side(Side::Receiving) {
            Vec::new()
        } else {
            vec!["one person of the receiving side, over the report".to_owned()]
        };
        let mut out = approvals.outcome(missing);
        out.why = format!("{figures}: {}", out.why);
        if out.state == State::Discharged { out.on([logged.event.id]) } else { out }
    }

    pub(super) fn review_load(&self) -> Outcome {
        let Some(load) = self.input.running.review_load else {
            return Outcome::new(
                State::Open,
                "the expected reviews a day are not known: volume, certificate or capacity is missing",
            );
        };
        let (expected, capacity) = (load.expected_per_day, load.capacity_per_day);
        let figures = format!("{expected:.1} expected a day, {capacity:.1} can be answered");
        // A figure that is no number is within nothing.
        if expected.is_finite() && capacity.is_finite() && expected <= capacity {
            Outcome::new(State::Discharged, figures)
        } else {
            Outcome::new(State::Failed, figures)
        }
    }

    pub(super) fn oversight(&self) -> Outcome {
        let Some(seen) = self.input.running.oversight.filter(|o| o.seeded > 0) else {
            return Outcome::new(State::Open, "no seeded known-bad item was reviewed");
        };
        let figures = format!(
            "{} of {} caught, at least {:.4}; the bar is {OVERSIGHT_BAR}",
            seen.caught, seen.seeded, seen.lower
        );
        #[expect(clippy::cast_precision_loss, reason = "counts of reviews stay far below 2^53")]
        let share = seen.caught as f64 / seen.seeded as f64;
        if seen.lower >= OVERSIGHT_BAR && share >= seen.lower {
            Outcome::new(State::Discharged, figures)
        } else if share >= OVERSIGHT_BAR {
            Outcome::new(State::Inconclusive, format!("{figures}: too few"))
        } else {
            Outcome::new(State::Failed, figures)
        }
    }

    /// Cases are reconciled with the system of record; where a provider bills its calls, these as well.
    pub(super) fn complete(&self, claims: &[Claim<'a>]) -> Outcome {
        let reconciled = |of: &'static str| {
            let none = format!("`{of}` were not reconciled");
            newest(claims, &none, |body| match body {
                Body::ReconciliationDone(done) if done.of == of => {
                    let figures = format!("{} {of} there, {} here", done.theirs, done.ours);
                    Some(if done.theirs == 0 {
                        (State::Inconclusive, format!("{figures}: an empty window shows nothing"))
                    } else if done.unrecorded > 0 {
                        (State::Failed, format!("{figures}: {} of theirs were not recorded", done.unrecorded))
                    } else {
                        (State::Discharged, format!("{figures}, none unrecorded"))
                    })
                }
                _ => None,
            })
        };
        let cases = reconciled("cases");
        let billed = self.input.workflow.steps.iter().filter(|s| s.actor == Actor::Ai).any(|s| {
            let provider = s.model.as_ref().and_then(|m| self.input.factory.providers.get(&m.provider));
            matches!(provider, Some(Provider::Http(_)))
        });
        if !billed {
            return cases;
        }
        let mut calls = reconciled("calls");
        let state = [cases.state, calls.state].into_iter().find(|s| *s != State::Discharged);
        let mut out = Outcome::new(state.unwrap_or(State::Discharged), format!("{}; {}", cases.why, calls.why));
        out.considered = cases.considered;
        out.considered.append(&mut calls.considered);
        out.considered.sort_by_key(|c| c.index);
        out.on(cases.events.into_iter().chain(calls.events))
    }

    /// A runbook is exercised where a drill of the receiving side followed it as it is written today. Each is looked at by
    /// itself: another text of one does not ask for the others again.
    pub(super) fn runbooks(&self, claims: &[Claim<'a>]) -> Outcome {
        let wanted: BTreeSet<ElementPath> = runbooks(self.input.workflow).into_iter().collect();
        let mut followed: BTreeSet<&ElementPath> = BTreeSet::new();
        let mut before: BTreeSet<&ElementPath> = BTreeSet::new();
        let (mut events, mut considered) = (Vec::new(), Vec::new());
        for claim in claims {
            let Body::DrillDone(drill) = &claim.logged.event.body else { continue };
            let refusal = self.not_by_receivers(claim, drill);
            let named = drill.runbooks.iter().filter_map(|p| wanted.get(p));
            let (same, other): (Vec<_>, Vec<_>) = named.partition(|path| self.is_as_it_was(path, claim));
            let counts = refusal.is_none() && !same.is_empty();
            let why = match (&refusal, same.is_empty(), other.is_empty()) {
                (Some(why), ..) => why.clone(),
                (None, true, true) => "it names no runbook of this spec".to_owned(),
                (None, true, false) => "the runbook was changed since".to_owned(),
                (None, false, _) => format!("followed {}", quoted(same.iter().copied())),
            };
            considered.push(claim.considered(counts, why));
            if refusal.is_none() {
                before.extend(other);
                if counts {
                    events.push(claim.id());
                }
                followed.extend(same);
            }
        }
        let missing: Vec<&ElementPath> = wanted.iter().filter(|p| !followed.contains(p)).collect();
        let changed: Vec<ElementPath> = missing.iter().filter(|p| before.contains(*p)).map(|p| (*p).clone()).collect();
        let mut out = if missing.is_empty() {
            Outcome::new(State::Discharged, format!("followed: {}", quoted(wanted.iter())))
        } else if changed.len() == missing.len() {
            Outcome::new(State::Stale, format!("changed since it was followed: {}", quoted(changed.iter())))
        } else {
            Outcome::new(
                State::Open,
                format!("not followed in a drill of the receiving side: {}", quoted(missing.into_iter())),
            )
        };
        out.changed = changed;
        out.considered = considered;
        out.on(events)
    }

    /// Whether an element is written as it was when a claim was made.
    fn is_as_it_was(&self, path: &ElementPath, claim: &Claim<'a>) -> bool {
        let spec = claim.logged.event.spec;
        let now = self.input.workflow.element(path).map(|e| digest_of(e, Which::Written));
        if spec == Some(self.input.workflow.digest) {
            return now.is_some();
        }
        let table = spec.and_then(|s| self.input.old_elements.get(&s));
        let then = table.and_then(|t| t.iter().find(|e| e.path == *path)).map(|e| digest_of(e, Which::Written));
        now.is_some() && now == then
    }
}

fn quoted<'p>(paths: impl Iterator<Item = &'p ElementPath>) -> String {
    name_some(&paths.map(|p| format!("`{p}`")).collect::<Vec<_>>())
}

/// Every control that applies was exercised for production. One that is waived is left to its waiver, which is shown.
pub(super) fn drills(others: &[ObligationState]) -> Outcome {
    let of_drills = || others.iter().filter(|s| matches!(s.obligation.duty, Duty::Drill { .. }));
    let missing: Vec<&ObligationState> = of_drills().filter(|s| !s.state.is_settled()).collect();
    let events: Vec<EventId> = of_drills().flat_map(|s| s.events.iter().copied()).collect();
    let named = |state: State| -> Vec<String> {
        of_drills().filter(|s| s.state == state).map(|s| format!("`{}`", s.obligation.id)).collect()
    };
    let waived = named(State::Waived);
    let waived = if waived.is_empty() { String::new() } else { format!("; waived: {}", waived.join(", ")) };
    let Some(first) = missing.first() else {
        let why = format!("exercised: {}{waived}", name_some(&named(State::Discharged)));
        return Outcome::new(State::Discharged, why).on(events);
    };
    // Stale only where nothing else is missing: then what changed is the whole reason.
    let all_stale = missing.iter().all(|s| s.state == State::Stale);
    let each: Vec<String> = missing.iter().map(|s| format!("`{}` is {}", s.obligation.id, s.state)).collect();
    let state = if missing.iter().any(|s| s.state == State::Failed) {
        State::Failed
    } else if all_stale {
        first.state
    } else {
        State::Open
    };
    let mut out = Outcome::new(state, format!("{}{waived}", name_some(&each))).on(events);
    out.changed = missing.iter().flat_map(|s| s.changed.iter().cloned()).collect();
    out.changed.sort();
    out.changed.dedup();
    out
}

#[cfg(test)]
mod tests;
