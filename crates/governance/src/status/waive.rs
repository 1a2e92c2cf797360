//! Waivers: a person's acceptance, until a date, that one obligation is not discharged.
//!
//! A waiver holds for what was shown: it is bound to the obligation's key as an approval is. It is asked for by one person
//! and granted by another, who is entitled to approve for the stage and is no author of what the obligation looks at. Its
//! days are counted in all, over every waiver that it renews, and a renewal needs a higher role.

use super::{Fold, StatusInput};
use crate::define::{Obligation, approving_roles, obligations, waiver_limit_days};
use crate::state::{ObligationState, State, WaiverState};
use seatrial_model::event::{WaiverGranted, WaiverRequested};
use seatrial_model::{Body, Digest, Event, EventId, Logged, Principal, PrincipalKind, Side, Stage, Time};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// How a waiver stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaiverStanding {
    /// Asked for, and not granted.
    Asked,
    /// In force.
    InForce,
    /// Its end has passed.
    Expired,
    /// It was ended before its time.
    Ended,
    /// It waives nothing, and says why.
    Void,
}

impl WaiverStanding {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::InForce => "in_force",
            Self::Expired => "expired",
            Self::Ended => "ended",
            Self::Void => "void",
        }
    }
}

/// One waiver of a stage.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WaiverRecord {
    /// The event that asked for it.
    pub request: EventId,
    /// The obligation.
    pub obligation: String,
    /// The stage.
    pub stage: Stage,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub requested_at: Time,
    /// Its end, as asked for.
    pub until: Time,
    /// The waiver that it renews: the one it names, or the one before it over the same state of things.
    pub renews: Option<EventId>,
    /// The key that was shown.
    pub key: Digest,
    /// The event that granted it.
    pub granted: Option<EventId>,
    /// Who granted it, and in which role.
    pub granted_by: Option<(String, String)>,
    /// How many days it comes to in all, with the waivers that it renews.
    pub days: u64,
    /// How it stands.
    pub standing: WaiverStanding,
    /// Why, for people.
    pub why: String,
}

/// The events about waivers.
#[derive(Default)]
pub(super) struct Waivers<'a> {
    requests: Vec<&'a Logged>,
    grants: BTreeMap<EventId, Vec<&'a Logged>>,
    ended: BTreeMap<EventId, &'a Logged>,
}

impl<'a> Waivers<'a> {
    pub(super) fn read(&mut self, logged: &'a Logged) {
        match &logged.event.body {
            Body::WaiverRequested(_) => self.requests.push(logged),
            Body::WaiverGranted(g) => self.grants.entry(g.waiver).or_default().push(logged),
            // Only a person ends one; the first end counts.
            Body::WaiverEnded(e) if logged.event.actor.kind == PrincipalKind::Person => {
                self.ended.entry(e.waiver).or_insert(logged);
            }
            _ => {}
        }
    }
}

/// A waiver that was granted, as those that renew it see it.
#[derive(Clone)]
struct Granted<'a> {
    request: EventId,
    key: Digest,
    by: &'a Principal,
    role: &'a str,
    /// When it ceased, or will.
    ends: Time,
    /// Milliseconds in all.
    total_ms: i64,
}

/// Every waiver of the stage that the log knows, oldest first, and how it stands.
#[must_use]
pub fn waivers(input: &StatusInput<'_>) -> Vec<WaiverRecord> {
    let fold = Fold::new(input);
    let of_stage = obligations(input.workflow, input.factory).into_iter().filter(|o| o.is_for(input.stage));
    let states = super::status(input);
    let key_of = |id: &str| states.iter().find(|s| s.obligation.id == id).map(|s| s.key);
    let mut out: Vec<(usize, WaiverRecord)> = Vec::new();
    for obligation in of_stage {
        let Some(key) = key_of(&obligation.id) else { continue };
        out.extend(fold.waivers_of(&obligation, key));
    }
    // Of obligations that the spec has no more.
    let known: Vec<EventId> = out.iter().map(|(_, w)| w.request).collect();
    for (at, logged) in fold.waivers.requests.iter().enumerate() {
        if let Body::WaiverRequested(asked) = &logged.event.body
            && asked.stage == input.stage.measure()
            && !known.contains(&logged.event.id)
        {
            let mut record = record(logged, asked);
            record.why = format!("{} has no obligation `{}`", input.stage, asked.obligation);
            record.standing = WaiverStanding::Void;
            out.push((at, record));
        }
    }
    out.sort_by_key(|(at, _)| *at);
    out.into_iter().map(|(_, record)| record).collect()
}

/// Why a request or a grant that is about to be recorded would waive nothing; none where it is in order. The event has
/// its id, time and actor; it stands after all others.
#[must_use]
pub fn waiver_refusal(input: &StatusInput<'_>, event: &Event) -> Option<String> {
    let index = input.events.last().map_or(0, |last| last.index.saturating_add(1));
    let mut events = input.events.to_vec();
    events.push(Logged { index, event: Arc::new(event.clone()) });
    let request = match &event.body {
        Body::WaiverRequested(_) => event.id,
        Body::WaiverGranted(granted) => granted.waiver,
        _ => return Some("it is neither a request nor a grant".to_owned()),
    };
    let after = waivers(&StatusInput { events: &events, ..*input });
    let Some(record) = after.into_iter().find(|w| w.request == request) else {
        return Some(format!("there is no waiver `{request}` for {}", input.stage));
    };
    let is_grant = matches!(event.body, Body::WaiverGranted(_));
    match record.standing {
        WaiverStanding::InForce if !is_grant || record.granted == Some(event.id) => None,
        WaiverStanding::InForce => Some("it was granted before".to_owned()),
        WaiverStanding::Asked if !is_grant => None,
        WaiverStanding::Asked | WaiverStanding::Expired | WaiverStanding::Ended | WaiverStanding::Void => {
            Some(record.why)
        }
    }
}

fn record(logged: &Logged, asked: &WaiverRequested) -> WaiverRecord {
    WaiverRecord {
        request: logged.event.id,
        obligation: asked.obligation.clone(),
        stage: asked.stage,
        requested_by: logged.event.actor.id.clone(),
        requested_at: logged.event.time,
        until: asked.until,
        renews: asked.renews,
        key: asked.shown,
        granted: None,
        granted_by: None,
        days: 0,
        standing: WaiverStanding::Asked,
        why: "nobody granted it".to_owned(),
    }
}

impl<'a> Fold<'a> {
    /// Turns what is not settled into `waived` where a waiver in force covers it. What it is beneath stays beside it.
    pub(super) fn mark_waived(&self, out: &mut ObligationState) {
        if out.state.is_settled() || self.waivers.requests.is_empty() {
            return;
        }
        let all = self.waivers_of(&out.obligation, out.key);
        let Some((_, waiver)) = all.into_iter().rev().find(|(_, w)| w.standing == WaiverStanding::InForce) else {
            return;
        };
        if let Some(why) = out.obligation.no_waiver(out.under) {
            out.why = format!("{}; a waiver does not help: {why}", out.why);
            return;
        }
        let (Some(granted), Some((by, role))) = (waiver.granted, waiver.granted_by) else { return };
        out.state = State::Waived;
        out.why = format!(
            "waived until {} by {by} as `{role}`, asked for by {} ({} day(s) in all); beneath it is {}: {}",
            waiver.until.day(),
            waiver.requested_by,
            waiver.days,
            out.under,
            out.why
        );
        out.events = vec![waiver.request, granted];
        out.waiver = Some(WaiverState {
            request: waiver.request,
            granted,
            until: waiver.until,
            requested_by: waiver.requested_by,
            granted_by: by,
            role,
            days: waiver.days,
        });
    }

    /// Every waiver of an obligation, with the place of its request.
    fn waivers_of(&self, obligation: &Obligation, key: Digest) -> Vec<(usize, WaiverRecord)> {
        let mut before: Vec<Granted<'a>> = Vec::new();
        let mut out = Vec::new();
        for (at, logged) in self.waivers.requests.iter().enumerate() {
            let Body::WaiverRequested(asked) = &logged.event.body else { continue };
            if asked.obligation == obligation.id && asked.stage == self.input.stage.measure() {
                let (record, granted) = self.waiver(obligation, key, logged, asked, &before);
                before.extend(granted);
                out.push((at, record));
            }
        }
        out
    }

    fn waiver(
        &self,
        obligation: &Obligation,
        key: Digest,
        logged: &'a Logged,
        asked: &'a WaiverRequested,
        before: &[Granted<'a>],
    ) -> (WaiverRecord, Option<Granted<'a>>) {
        let mut record = record(logged, asked);
        // Whoever leaves the name out renews all the same, as long as it is the same state of things.
        let renewed = match asked.renews {
            Some(named) => before.iter().find(|g| g.request == named),
            None => before.iter().rev().find(|g| g.key == asked.shown),
        };
        record.renews = renewed.map(|g| g.request).or(asked.renews);
        let total_ms = |from: Time| {
            let (since, so_far) = renewed.map_or((from, 0), |g| (from.max(g.ends), g.total_ms));
            so_far.saturating_add(asked.until.millis_since(since).max(0))
        };
        record.days = days(total_ms(logged.event.time));
        if let Some(why) = self.request_refusal(obligation, logged, asked, renewed, record.days) {
            (record.standing, record.why) = (WaiverStanding::Void, why);
            return (record, None);
        }
        let granted = self.waivers.grants.get(&logged.event.id).into_iter().flatten().find_map(|grant| {
            let Body::WaiverGranted(body) = &grant.event.body else { return None };
            match self.grant_refusal(obligation, logged, asked, grant, body, renewed) {
                None => Some((*grant, body)),
                Some(why) => {
                    record.why = format!("the grant by {} does not count: {why}", grant.event.actor.id);
                    None
                }
            }
        });
        let Some((grant, body)) = granted else {
            if self.input.now > asked.until {
                (record.standing, record.why) = (WaiverStanding::Expired, "it was never granted".to_owned());
            }
            return (record, None);
        };
        let total_ms = total_ms(grant.event.time);
        record.days = days(total_ms);
        record.granted = Some(grant.event.id);
        record.granted_by = Some((grant.event.actor.id.clone(), body.role.clone()));
        let ended = self.waivers.ended.get(&logged.event.id);
        (record.standing, record.why) = match ended {
            Some(end) => {
                (WaiverStanding::Ended, format!("ended by {} on {}", end.event.actor.id, end.event.time.day()))
            }
            None if self.input.now > asked.until => {
                (WaiverStanding::Expired, format!("its end was {}", asked.until.day()))
            }
            None if asked.shown != key => (WaiverStanding::Void, "what was waived has changed since".to_owned()),
            None => (WaiverStanding::InForce, format!("until {}", asked.until.day())),
        };
        let ends = ended.map_or(asked.until, |end| asked.until.min(end.event.time));
        let granted = Granted {
            request: logged.event.id,
            key: asked.shown,
            by: &grant.event.actor,
            role: &body.role,
            ends,
            // Days that were given back are not counted.
            total_ms: total_ms.saturating_sub(asked.until.millis_since(ends).max(0)),
        };
        (record, Some(granted))
    }

    fn request_refusal(
        &self,
        obligation: &Obligation,
        logged: &Logged,
        asked: &WaiverRequested,
        renewed: Option<&Granted<'a>>,
        days: u64,
    ) -> Option<String> {
        let limit = waiver_limit_days(self.input.stage.measure());
        if !obligation.waivable {
            return Some("this obligation is never waived".to_owned());
        }
        if logged.event.actor.kind != PrincipalKind::Person {
            return Some("agents and services never waive".to_owned());
        }
        if let (Some(named), None) = (asked.renews, renewed) {
            return Some(format!("`{named}`, which it renews, is no granted waiver of `{}`", obligation.id));
        }
        if asked.until <= logged.event.time {
            return Some("its end lies before its request".to_owned());
        }
        if days > limit {
            return Some(format!("it would come to {days} days in all; {} allows {limit}", self.input.stage));
        }
        self.too_unsure(&logged.event)
    }

    fn grant_refusal(
        &self,
        obligation: &Obligation,
        logged: &Logged,
        asked: &WaiverRequested,
        grant: &'a Logged,
        body: &WaiverGranted,
        renewed: Option<&Granted<'a>>,
    ) -> Option<String> {
        let actor = &grant.event.actor;
        if actor.kind != PrincipalKind::Person {
            return Some("agents and services never grant a waiver".to_owned());
        }
        if actor.id == logged.event.actor.id {
            return Some("whoever asks for a waiver never grants it".to_owned());
        }
        if grant.event.time > asked.until {
            return Some("its end had passed".to_owned());
        }
        if !actor.has_role(&body.role) {
            return Some(format!("`{}` was not a role of theirs", body.role));
        }
        if !approving_roles(self.input.workflow, self.input.stage).contains(&body.role) {
            return Some(format!("`{}` approves nothing for {}", body.role, self.input.stage));
        }
        if self.in_production() && actor.side == Side::Delivery {
            return Some("the delivery side grants no waiver for production".to_owned());
        }
        if self.authors(obligation).contains(actor.id.as_str()) {
            return Some("an author never waives what their own change left open".to_owned());
        }
        if let Some(before) = renewed
            && !is_higher(before, actor, &body.role)
        {
            return Some(format!(
                "a renewal needs a higher role than `{}`: another receiving role and person, or the independent side",
                before.role
            ));
        }
        self.too_unsure(&grant.event)
    }
}

/// Days, begun ones counted.
fn days(ms: i64) -> u64 {
    u64::try_from(ms.saturating_add(DAY_MS - 1) / DAY_MS).unwrap_or(0)
}

/// Whether a renewal is granted by a higher role: a side above (delivery, receiving, independent); on the receiving side
/// another role, by another person; above the independent side there is nobody, so another person of it.
fn is_higher(before: &Granted<'_>, actor: &Principal, role: &str) -> bool {
    let rank = |side: Side| match side {
        Side::Delivery => 0,
        Side::Receiving => 1,
        Side::Independent => 2,
    };
    let (was, is) = (rank(before.by.side), rank(actor.side));
    let another = actor.id != before.by.id;
    is > was || (is == was && another && (is == 2 || (is == 1 && role != before.role)))
}

#[cfg(test)]
mod tests;
