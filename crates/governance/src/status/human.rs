//! What people judge. An approval counts while its key is the key of today, it was not withdrawn, and whoever gave it
//! was entitled to: a person, in a role they held, sure enough for the stage, and no author of what they approved.

use super::{Claim, Fold, Outcome};
use crate::define::{Obligation, quorum};
use crate::key::matches;
use crate::state::{Considered, State};
use seatrial_model::event::{ApprovalGiven, QuestionSettled, SpecSubmitted};
use seatrial_model::words::FactoryKind;
use seatrial_model::{Assurance, Body, Digest, ElementPath, Event, EventId, Logged, PrincipalKind, Side, Stage};
use std::collections::{BTreeMap, BTreeSet};

/// Somebody whose approvals count.
pub(super) struct Approver<'a> {
    side: Side,
    /// The roles in which they approved; one person may hold, and approve in, several.
    roles: BTreeSet<&'a str>,
    events: Vec<EventId>,
}

/// The approvals of one obligation, sorted out.
pub(super) struct Approvals<'a> {
    /// By person: nobody counts twice.
    pub(super) by: BTreeMap<&'a str, Approver<'a>>,
    considered: Vec<Considered>,
    /// Withdrawn under the key of today: (who withdrew, event).
    withdrawn: Vec<(String, EventId)>,
}

impl<'a> Approvals<'a> {
    fn events(&self) -> impl Iterator<Item = EventId> + '_ {
        self.by.values().flat_map(|a| a.events.iter().copied())
    }

    pub(super) fn on_side(&self, side: Side) -> bool {
        self.by.values().any(|a| a.side == side)
    }

    /// The outcome: discharged where nothing is missing.
    pub(super) fn outcome(self, missing: Vec<String>) -> Outcome {
        let people: Vec<&str> = self.by.keys().copied().collect();
        let given = if people.is_empty() {
            "nobody approved it".to_owned()
        } else {
            format!("approved by {}", people.join(", "))
        };
        let mut out = if missing.is_empty() {
            Outcome::new(State::Discharged, given)
        } else if let (true, Some((who, event))) = (self.by.is_empty(), self.withdrawn.last()) {
            Outcome::new(State::Revoked, format!("the approval was withdrawn by {who}")).on([*event])
        } else {
            let refused = self.considered.iter().rev().find(|c| !c.counts && self.by.is_empty());
            let refused =
                refused.map(|c| format!(" (entry {} does not count: {})", c.index, c.why)).unwrap_or_default();
            Outcome::new(State::Open, format!("{given}{refused}; missing: {}", missing.join(", ")))
        };
        if out.state != State::Revoked {
            out = out.on(self.events().collect::<Vec<_>>());
        }
        out.considered = self.considered;
        out
    }
}

impl<'a> Fold<'a> {
    pub(super) fn intent(&self, obligation: &Obligation, claims: &[Claim<'a>]) -> Outcome {
        let approvals = self.approvals(obligation, claims, None);
        let missing = match (self.input.stage.measure(), self.input.factory.profile.as_str()) {
            (Stage::Production, "small") => two_people(&approvals),
            (Stage::Production, _) => both_sides(&approvals),
            _ if approvals.by.is_empty() => vec!["one sign-off".to_owned()],
            _ => Vec::new(),
        };
        approvals.outcome(missing)
    }

    pub(super) fn approval(&self, role: &str, obligation: &Obligation, claims: &[Claim<'a>]) -> Outcome {
        let approvals = self.approvals(obligation, claims, Some(&[role]));
        let gate = obligation.parameters.contains_key("stage");
        let wanted = if gate { quorum(&self.input.factory.profile) } else { 1 };
        let missing = match wanted.saturating_sub(approvals.by.len()) {
            0 => Vec::new(),
            1 if wanted == 1 => vec![format!("a holder of `{role}`")],
            n => vec![format!("{n} more holder(s) of `{role}`")],
        };
        approvals.outcome(missing)
    }

    pub(super) fn release(&self, obligation: &Obligation, claims: &[Claim<'a>]) -> Outcome {
        let approvals = self.approvals(obligation, claims, None);
        let missing = match (self.input.stage, self.input.factory.profile.as_str()) {
            (Stage::Owned, profile) => self.handed_over(&approvals, profile),
            (Stage::Production, "small")
                if approvals.on_side(Side::Receiving) || approvals.on_side(Side::Independent) =>
            {
                Vec::new()
            }
            (Stage::Production, "small") => vec!["one person of the receiving or the independent side".to_owned()],
            (Stage::Production, _) => both_sides(&approvals),
            _ if approvals.by.is_empty() => vec!["one person who is no author".to_owned()],
            _ => Vec::new(),
        };
        approvals.outcome(missing)
    }

    pub(super) fn risks(&self, obligation: &Obligation, claims: &[Claim<'a>]) -> Outcome {
        let risks = &self.input.workflow.risks;
        if !self.in_production() {
            return Outcome::new(State::Discharged, format!("the tier is named: {}", risks.tier));
        }
        if risks.items.is_empty() {
            return Outcome::new(State::Open, format!("the tier is {}, and the register names no risk", risks.tier));
        }
        let roles: BTreeSet<&str> = risks.items.iter().map(|r| r.accepted_by.as_str()).collect();
        let roles: Vec<&str> = roles.into_iter().collect();
        let approvals = self.approvals(obligation, claims, Some(&roles));
        let held = |role: &&str| approvals.by.values().any(|a| a.roles.contains(*role));
        let missing = roles.iter().filter(|r| !held(r)).map(|r| format!("a holder of `{r}`")).collect();
        approvals.outcome(missing)
    }

    pub(super) fn questions(&self) -> Outcome {
        let workflow = self.input.workflow;
        let (mut open, mut unowned, mut cited) = (Vec::new(), Vec::new(), Vec::new());
        let mut considered = Vec::new();
        for (name, question) in &workflow.questions {
            let path = ElementPath::new(format!("questions.{name}"));
            if question.owner.is_none() {
                unowned.push(format!("`{path}`"));
            }
            let element = workflow.element(&path).map(|e| e.written);
            match self.settled(&path, element, &mut considered) {
                Some(event) => cited.push(event),
                None if question.blocks.is_some_and(|stage| stage <= self.input.stage) => {
                    open.push(format!("`{path}`"))
                }
                None => {}
            }
        }
        let mut why = Vec::new();
        if !unowned.is_empty() {
            why.push(format!("without an owner: {}", unowned.join(", ")));
        }
        if !open.is_empty() {
            why.push(format!("open, and blocking {}: {}", self.input.stage, open.join(", ")));
        }
        let mut out = if why.is_empty() {
            Outcome::new(
                State::Discharged,
                format!("{} question(s), none that blocks is open", workflow.questions.len()),
            )
        } else {
            Outcome::new(State::Open, why.join("; "))
        };
        out.considered = considered;
        out.on(cited)
    }

    /// The event that settled this very question: another question under the same name is not settled by it.
    fn settled(
        &self,
        path: &ElementPath,
        element: Option<Digest>,
        considered: &mut Vec<Considered>,
    ) -> Option<EventId> {
        let mut found = None;
        for (logged, settled) in self.settled.get(path).into_iter().flatten() {
            let QuestionSettled { element: then, withdrawn, cites, .. } = settled;
            let refusal = if Some(*then) != element {
                Some("the question was changed since")
            } else if !withdrawn && cites.is_empty() {
                Some("the answer cites nothing")
            } else if logged.event.actor.kind != PrincipalKind::Person {
                Some("it was not settled by a person")
            } else {
                None
            };
            let why = refusal.unwrap_or(if *withdrawn { "withdrawn" } else { "answered" });
            considered.push(super::considered(logged, refusal.is_none(), why));
            if refusal.is_none() {
                found = Some(logged.event.id);
            }
        }
        found
    }

    /// Sorts out the approvals. `roles`: in which of these they must have been given; any role that was held otherwise.
    pub(super) fn approvals(
        &self,
        obligation: &Obligation,
        claims: &[Claim<'a>],
        roles: Option<&[&str]>,
    ) -> Approvals<'a> {
        let authors = self.authors(obligation);
        let mut out = Approvals { by: BTreeMap::new(), considered: Vec::new(), withdrawn: Vec::new() };
        for claim in claims {
            let event: &'a Event = &claim.logged.event;
            let Body::ApprovalGiven(given) = &event.body else { continue };
            let refusal = self.refusal(obligation, claim, given, roles, &authors);
            if let (true, Some(withdrawn)) = (claim.current, self.withdrawn.get(&event.id)) {
                out.withdrawn.push(withdrawn.clone());
            }
            out.considered
                .push(claim.considered(refusal.is_none(), refusal.clone().unwrap_or_else(|| self.given_as(given))));
            if refusal.is_none() {
                let fresh = || Approver { side: event.actor.side, roles: BTreeSet::new(), events: Vec::new() };
                let approver = out.by.entry(&event.actor.id).or_insert_with(fresh);
                approver.roles.insert(&given.role);
                approver.events.push(event.id);
            }
        }
        out
    }

    fn refusal(
        &self,
        obligation: &Obligation,
        claim: &Claim<'a>,
        given: &ApprovalGiven,
        roles: Option<&[&str]>,
        authors: &BTreeSet<&str>,
    ) -> Option<String> {
        let actor = &claim.logged.event.actor;
        if let Some((who, _)) = self.withdrawn.get(&claim.id()) {
            return Some(format!("withdrawn by {who}"));
        }
        if !claim.current {
            return Some(claim.outdated("what was approved has changed"));
        }
        // One event carries the keys of both stages where a role approves in both; it was given for one of them.
        if !self.is_for_this_stage(obligation, claim) {
            return Some(format!("given for {}", given.stage));
        }
        if actor.kind != PrincipalKind::Person {
            return Some("agents and services never approve".to_owned());
        }
        if obligation.is_for(Stage::Owned) && !obligation.is_for(Stage::Production) && actor.side == Side::Delivery {
            return Some("whoever hands over does not take over: the delivery side has no part in it".to_owned());
        }
        if !actor.has_role(&given.role) {
            return Some(format!("`{}` was not a role of theirs", given.role));
        }
        if roles.is_some_and(|roles| !roles.contains(&given.role.as_str())) {
            return Some(format!("given as `{}`, which is not asked for", given.role));
        }
        if authors.contains(actor.id.as_str()) {
            return Some("an author never approves their own change".to_owned());
        }
        self.reaffirms_nothing(obligation, given).or_else(|| self.too_unsure(&claim.logged.event))
    }

    /// Why a reaffirmation does not hold: what it names is no approval of this obligation, or was withdrawn.
    fn reaffirms_nothing(&self, obligation: &Obligation, given: &ApprovalGiven) -> Option<String> {
        let named = given.reaffirms?;
        let Some((logged, first)) = self.approvals.get(&named) else {
            return Some("what it reaffirms is no approval".to_owned());
        };
        let of_this = logged.event.evidence.iter().any(|e| e.obligation == obligation.id);
        if !of_this || (obligation.parameters.contains_key("stage") && first.stage != given.stage) {
            return Some(format!("what it reaffirms is no approval of `{}`", obligation.id));
        }
        self.withdrawn.get(&named).map(|(who, _)| format!("what it reaffirms was withdrawn by {who}"))
    }

    fn given_as(&self, given: &ApprovalGiven) -> String {
        let first = given.reaffirms.and_then(|id| self.approvals.get(&id));
        match first {
            Some((logged, _)) => {
                format!("as `{}`, reaffirming entry {}: re-read, still holds", given.role, logged.index)
            }
            None => format!("as `{}`", given.role),
        }
    }

    /// Whether who acted is not certain enough for the stage. In a simulation everything says `simulation` instead.
    pub(super) fn too_unsure(&self, event: &Event) -> Option<String> {
        let simulation = self.input.factory.kind == FactoryKind::Simulation;
        let assurance = event.actor.assurance;
        let least = if self.in_production() { Assurance::Token } else { Assurance::Local };
        if simulation {
            return (!event.simulation).then(|| "the event does not say that it is simulated".to_owned());
        }
        if event.simulation || assurance == Assurance::Simulated {
            return Some("a simulated approval counts in a simulation only".to_owned());
        }
        (assurance < least).then(|| format!("{} needs a token, single sign-on or a signature", self.input.stage))
    }

    /// Who wrote what an obligation judges: whoever submitted a spec that changed its scope since the stage's last
    /// release, and whoever submitted the very spec that is judged if nothing else is known of it. An obligation
    /// without a scope judges the whole.
    pub(super) fn authors(&self, obligation: &Obligation) -> BTreeSet<&'a str> {
        let scope: BTreeSet<ElementPath> = self.keys.scope(obligation).into_iter().map(|e| e.0).collect();
        let touches = |s: &SpecSubmitted| {
            let mut paths = s.added.iter().chain(&s.removed).chain(&s.changed);
            // A first spec lists no changes: all of it is new.
            s.previous.is_none()
                || obligation.scope.is_empty()
                || paths.any(|p| {
                    matches(&obligation.scope, p)
                        || scope.iter().any(|e| e.is_within(p) || (!e.as_str().is_empty() && p.is_within(e)))
                })
        };
        let released = self.released(obligation);
        let since = |logged: &Logged| released.is_none_or(|released| logged.index > released);
        let submissions = self.submissions.iter().filter(|(logged, s)| since(logged) && touches(s));
        let submissions = submissions.map(|(logged, _)| logged.event.actor.id.as_str());
        submissions.collect()
    }
}

pub(super) fn both_sides(approvals: &Approvals<'_>) -> Vec<String> {
    let wanted = [(Side::Receiving, "receiving"), (Side::Independent, "independent")];
    let missing = wanted.into_iter().filter(|(side, _)| !approvals.on_side(*side));
    missing.map(|(_, name)| format!("one person of the {name} side")).collect()
}

fn two_people(approvals: &Approvals<'_>) -> Vec<String> {
    let mut missing = Vec::new();
    if approvals.by.len() < 2 {
        missing.push("a second person".to_owned());
    }
    if !approvals.on_side(Side::Receiving) {
        missing.push("one person of the receiving side".to_owned());
    }
    missing
}

#[cfg(test)]
mod tests;
