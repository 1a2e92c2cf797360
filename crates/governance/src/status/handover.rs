//! The handover: who changes alone, whose the rights are, the pack, the transfer index.

use super::human::{Approvals, both_sides};
use super::measured::wanted;
use super::{Claim, Fold, InForceNow, Outcome, name_some};
use crate::people::{present, today};
use crate::state::State;
use seatrial_model::event::{LogKeyRotated, RightsEnded};
use seatrial_model::{Body, Digest, EventId, Logged, PrincipalKind, Side, Span, Stage};
use seatrial_spec::workflow::Person;
use std::collections::BTreeSet;

/// Below so many actions a share says nothing: with twenty, one action moves it by a twentieth.
pub const TRANSFER_ACTIONS_MIN: u64 = 20;

/// How many days a restore holds: what was restored a year ago was another log, by other hands.
pub const RESTORED_DAYS: u64 = 365;

/// A day in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// The end of a side's rights, as the log has it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RightsEnd<'a> {
    /// The entry that says so.
    pub logged: &'a Logged,
    /// What it says.
    pub body: &'a RightsEnded,
}

/// How the rights of the delivery side end: the newest word, unless it was taken back. It may still be to come.
#[must_use]
pub fn rights_end(events: &[Logged]) -> Option<RightsEnd<'_>> {
    let mut end: Option<RightsEnd<'_>> = None;
    for logged in events {
        match &logged.event.body {
            Body::RightsEnded(body) if body.side == Side::Delivery => end = Some(RightsEnd { logged, body }),
            Body::RightsKept(kept) if end.is_some_and(|e| e.logged.event.id == kept.ended) => end = None,
            _ => {}
        }
    }
    end
}

impl<'a> Fold<'a> {
    /// At least one change of the spec, after the first release, whose way from edit to release no delivery principal had a
    /// hand in: not its submission, not its measurements, not its approval, not its cut.
    pub(super) fn unaided(&self) -> Outcome {
        let mut considered = Vec::new();
        let mut found: Vec<EventId> = Vec::new();
        let mut seen: BTreeSet<Digest> = BTreeSet::new();
        let mut any = false;
        for logged in self.input.events {
            let Body::ReleaseCut(cut) = &logged.event.body else { continue };
            if !matches!(cut.stage, Stage::Pilot | Stage::Production) {
                continue;
            }
            // The same spec for another stage is no change; the first release is the build, not a change of it.
            let change = any && !seen.contains(&cut.spec);
            (any, _) = (true, seen.insert(cut.spec));
            if !change {
                continue;
            }
            let refusal = self.aided(logged, cut.spec);
            let why = refusal.clone().unwrap_or_else(|| format!("spec {} for {}", cut.spec.short(), cut.stage));
            considered.push(super::considered(logged, refusal.is_none(), why));
            if refusal.is_none() {
                found = vec![logged.event.id];
            }
        }
        let last = considered.last().filter(|c| !c.counts);
        let mut out = if found.is_empty() {
            let none = "no change was released after the first release".to_owned();
            let why = last.map_or(none, |c| format!("entry {} does not count: {}", c.index, c.why));
            Outcome::new(State::Open, why)
        } else {
            let unaided = considered.iter().rev().find(|c| c.counts);
            let why = unaided.map(|c| format!("entry {} by {}: {}", c.index, c.by, c.why)).unwrap_or_default();
            Outcome::new(State::Discharged, why)
        };
        out.considered = considered;
        out.on(found)
    }

    /// Why a released change was not the receiving side's alone; none where it was.
    fn aided(&self, cut: &Logged, spec: Digest) -> Option<String> {
        let actor = &cut.event.actor;
        if actor.side != Side::Receiving || actor.kind != PrincipalKind::Person {
            return Some(format!("`{}`, who cut it, is not of the receiving side", actor.id));
        }
        let of_spec = || {
            let all = self.input.events.iter();
            all.filter(move |e| e.event.spec == Some(spec) && e.index < cut.index)
        };
        if let Some(helped) = of_spec().find(|e| e.event.actor.side == Side::Delivery && is_act(e)) {
            let (who, what) = (&helped.event.actor.id, helped.event.body.kind());
            return Some(format!("`{who}` of the delivery side acted on it: entry {}, `{what}`", helped.index));
        }
        if !of_spec().any(|e| matches!(e.event.body, Body::SpecSubmitted(_))) {
            return Some("this log does not say who submitted it".to_owned());
        }
        let approved = of_spec().any(|e| matches!(e.event.body, Body::ApprovalGiven(_)));
        (!approved).then(|| "nobody approved anything of it".to_owned())
    }

    /// Four things: the others' rights end in time, no token of theirs outlives that, the log's key is held by somebody who
    /// takes over, and they restored the log from its export.
    pub(super) fn access(&self) -> Outcome {
        let Some(now) = &self.input.running.handover else {
            return Outcome::new(State::Open, "tokens and the release in force are not known");
        };
        let end = rights_end(self.input.events);
        let (key, restored) = (self.newest_key(), self.restored());
        let missing: Vec<String> = [
            self.rights_missing(end, now.in_force.as_ref()),
            end.and_then(|end| self.outliving(end)),
            self.key_missing(key),
            restored.as_ref().err().cloned(),
        ]
        .into_iter()
        .flatten()
        .collect();
        let events = end.map(|e| e.logged.event.id).into_iter();
        let events = events.chain(key.map(|(l, _)| l.event.id)).chain(restored.ok().map(|l| l.event.id));
        let events: Vec<EventId> = events.collect();
        let Some(end) = end.filter(|_| missing.is_empty()) else {
            return Outcome::new(State::Open, missing.join("; ")).on(events);
        };
        let from = end.body.from;
        let ended = if self.input.now >= from { "ended" } else { "end" };
        let elsewhere = match now.elsewhere.as_slice() {
            [] => String::new(),
            others => format!("; they go on in {}", name_some(others)),
        };
        let why = format!(
            "the delivery side's rights {ended} on {from}{elsewhere}; key and restore are the receiving side's"
        );
        Outcome::new(State::Discharged, why).on(events)
    }

    /// Why the rights do not end, or end too late.
    fn rights_missing(&self, end: Option<RightsEnd<'_>>, in_force: Option<&InForceNow>) -> Option<String> {
        let Some(end) = end else {
            return Some("the rights of the delivery side do not end: `seatrial handover end-rights`".to_owned());
        };
        let actor = &end.logged.event.actor;
        if actor.side != Side::Receiving || actor.kind != PrincipalKind::Person {
            return Some(format!("their end was not said by the receiving side: entry {}", end.logged.index));
        }
        let until = in_force.and_then(|release| release.until);
        let late = until.filter(|until| end.body.from > *until);
        late.map(|until| {
            format!("the delivery side's rights end on {}, after hypercare's end on {until}", end.body.from)
        })
    }

    /// Tokens of the delivery side that outlive the end of its rights.
    fn outliving(&self, end: RightsEnd<'_>) -> Option<String> {
        let now = self.input.running.handover.as_ref()?;
        if !now.elsewhere.is_empty() {
            // They serve other workflows as well; here they can only read.
            return None;
        }
        let ended = self.input.now >= end.body.from;
        // What the end names is revoked with it; until then it may live on.
        let outlives =
            |t: &&super::LiveToken| t.expires > end.body.from && (ended || !end.body.tokens.contains(&t.token));
        let named: Vec<String> =
            now.tokens.iter().filter(outlives).map(|t| format!("`{}` of {}", t.token, t.principal)).collect();
        (!named.is_empty()).then(|| format!("token(s) of the delivery side outlive its rights: {}", name_some(&named)))
    }

    fn newest_key(&self) -> Option<(&'a Logged, &'a LogKeyRotated)> {
        self.input.events.iter().rev().find_map(|logged| match &logged.event.body {
            Body::LogKeyRotated(rotated) => Some((logged, rotated)),
            _ => None,
        })
    }

    fn key_missing(&self, key: Option<(&Logged, &LogKeyRotated)>) -> Option<String> {
        let Some((logged, rotated)) = key else {
            return Some(
                "the log is signed with the key that it was opened with: `seatrial log rotate-key`".to_owned(),
            );
        };
        let holder = self.input.factory.person(&rotated.holder);
        let theirs = holder.is_some_and(|p| p.side == Side::Receiving && self.is_there(p));
        (!theirs).then(|| {
            format!(
                "the log's key is held by `{}` (entry {}), who is nobody present of the receiving side",
                rotated.holder, logged.index
            )
        })
    }

    fn is_there(&self, person: &Person) -> bool {
        let on = today(self.input.factory, self.input.now);
        person.roles.iter().any(|role| present(self.input.factory, role, on).iter().any(|p| p.id == person.id))
    }

    /// The newest restore by the receiving side that is young enough.
    fn restored(&self) -> Result<&'a Logged, String> {
        let drills = self.input.events.iter().rev().filter(
            |logged| matches!(&logged.event.body, Body::DrillDone(d) if d.control == "restore" && d.restored.is_some()),
        );
        let mut drills =
            drills.filter(|l| l.event.actor.side == Side::Receiving && l.event.actor.kind == PrincipalKind::Person);
        let Some(newest) = drills.next() else {
            return Err(
                "the receiving side never restored the log from its export: `seatrial drill restore`".to_owned()
            );
        };
        let age = Span::from_millis(RESTORED_DAYS * DAY_MS);
        if self.input.now.millis_since(newest.event.time) > age.signed_millis() {
            return Err(format!(
                "the log was restored on {}, more than {RESTORED_DAYS} days ago",
                newest.event.time.day()
            ));
        }
        Ok(newest)
    }

    /// The newest pack of this very spec, generated after its production release, and acknowledged over its page.
    pub(super) fn pack(&self, claims: &[Claim<'a>]) -> Outcome {
        let Some(release) = self.production_release() else {
            return Outcome::new(
                State::Open,
                "no production release of this spec was cut: the pack states what is in production",
            );
        };
        let (mut events, mut considered, mut by) = (Vec::new(), Vec::new(), "");
        for claim in claims {
            let Body::PackAcknowledged(taken) = &claim.logged.event.body else { continue };
            let refusal = self.acknowledgement_refusal(claim, taken, release);
            let why = refusal.clone().unwrap_or_else(|| format!("as `{}`", taken.role));
            considered.push(claim.considered(refusal.is_none(), why));
            if refusal.is_none() {
                by = &claim.logged.event.actor.id;
                events = vec![claim.id(), taken.pack];
            }
        }
        let generated = self.input.events.iter().rev().find(|l| self.is_pack_of(l, release));
        let mut out = match (events.is_empty(), generated) {
            (false, _) => Outcome::new(State::Discharged, format!("acknowledged by {by}")).on(events),
            (true, Some(pack)) => {
                let why = format!("the pack of entry {} was not acknowledged by the receiving side", pack.index);
                Outcome::new(State::Open, why)
            }
            (true, None) => Outcome::new(
                State::Open,
                format!(
                    "no pack was generated since the production release (entry {release}): `seatrial handover pack`"
                ),
            ),
        };
        out.considered = considered;
        out
    }

    fn acknowledgement_refusal(
        &self,
        claim: &Claim<'a>,
        taken: &seatrial_model::event::PackAcknowledged,
        release: u64,
    ) -> Option<String> {
        let actor = &claim.logged.event.actor;
        if !claim.current {
            return Some(claim.outdated("the spec that it states has changed"));
        }
        if actor.side != Side::Receiving || actor.kind != PrincipalKind::Person {
            return Some("only people of the receiving side acknowledge a pack".to_owned());
        }
        let mut responsible = self.input.workflow.responsibilities.values().filter_map(|r| r.receiving.as_deref());
        if !actor.has_role(&taken.role) || !responsible.any(|role| role == taken.role) {
            return Some(format!("`{}` was no responsible role of theirs", taken.role));
        }
        let pack = self.input.events.iter().find(|l| l.event.id == taken.pack);
        match pack.map(|l| (l, &l.event.body)) {
            Some((l, Body::PackGenerated(_))) if !self.is_pack_of(l, release) => {
                Some(format!("the pack of entry {} is older than the production release, or of another spec", l.index))
            }
            Some((_, Body::PackGenerated(pack))) if pack.page == taken.shown => self.too_unsure(&claim.logged.event),
            Some((_, Body::PackGenerated(_))) => Some("what was shown is not the pack's page".to_owned()),
            _ => Some("what it acknowledges is no pack".to_owned()),
        }
    }

    /// The newest production release of this spec.
    fn production_release(&self) -> Option<u64> {
        self.input.events.iter().rev().find_map(|l| match &l.event.body {
            Body::ReleaseCut(cut) if cut.stage == Stage::Production && cut.spec == self.input.workflow.digest => {
                Some(l.index)
            }
            _ => None,
        })
    }

    fn is_pack_of(&self, logged: &Logged, release: u64) -> bool {
        matches!(logged.event.body, Body::PackGenerated(_))
            && logged.event.spec == Some(self.input.workflow.digest)
            && logged.index > release
    }

    /// The receiving side's share against the bar as production releases wrote it down: less than that never counts.
    pub(super) fn transfer_index(&self) -> Outcome {
        let transfer = self.input.running.handover.as_ref().and_then(|h| h.transfer.as_ref());
        let Some(transfer) = transfer else {
            return Outcome::new(
                State::Open,
                "no bar was written: `gates.handover.transfer_index` in the spec, before production is released",
            );
        };
        let bar = transfer.bar;
        let by = bar.fixed_by.map(|entry| format!(" (entry {entry})")).unwrap_or_default();
        let lowered = match (bar.lowered_to, bar.dropped) {
            (Some(to), _) => format!(
                "; the spec says `{}` now: a bar lowered after production was released{by} does not count",
                wanted(&to)
            ),
            (None, true) => {
                format!(
                    "; the spec says nothing of it now: a bar dropped after production was released{by} still holds"
                )
            }
            (None, false) => String::new(),
        };
        let all = transfer.receiving.saturating_add(transfer.delivery);
        let figures = format!(
            "{} of {all} operating action(s) since {} by the receiving side; the bar is `{}`{lowered}",
            transfer.receiving,
            transfer.since,
            wanted(&bar.bar)
        );
        if all < TRANSFER_ACTIONS_MIN {
            return Outcome::new(
                State::Inconclusive,
                format!("{figures}; fewer than {TRANSFER_ACTIONS_MIN} tell nothing"),
            );
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of actions stay far below 2^53")]
        let share = transfer.receiving as f64 / all as f64;
        // A bar that is no number is reached by nothing.
        let state = if bar.bar.is_met_by(share) { State::Discharged } else { State::Failed };
        Outcome::new(state, figures)
    }

    /// What is missing of the handover's approval: somebody who takes over, somebody who answers for risks from outside (in a
    /// small house the first will do), and something in production that they approve.
    pub(super) fn handed_over(&self, approvals: &Approvals<'a>, profile: &str) -> Vec<String> {
        let mut missing: Vec<String> = self.nothing_stands().into_iter().collect();
        if profile != "small" {
            missing.extend(both_sides(approvals));
        } else if !approvals.on_side(Side::Receiving) {
            missing.push("one person of the receiving side".to_owned());
        }
        missing
    }

    /// Why nothing can be handed over: only a production release of this very spec, in force and standing, can be.
    fn nothing_stands(&self) -> Option<String> {
        let in_force = self.input.running.handover.as_ref().and_then(|h| h.in_force.as_ref());
        match in_force {
            None => Some("a production release in force".to_owned()),
            Some(release) if release.spec != self.input.workflow.digest => {
                Some(format!("a production release of this spec: in force is {}", release.spec.short()))
            }
            Some(release) if !release.lost.is_empty() => {
                Some(format!("a release that stands: the one in force lapsed ({})", name_some(&release.lost)))
            }
            Some(_) => None,
        }
    }
}

/// Whether an event is something that was done to a spec, and not looking at it.
fn is_act(logged: &Logged) -> bool {
    !matches!(logged.event.body, Body::PackGenerated(_))
}

#[cfg(test)]
mod tests;
