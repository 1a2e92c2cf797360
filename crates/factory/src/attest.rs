//! What others attest, taken in as evidence for an obligation of the factory's own.

use crate::api::{Caller, Refused};
use crate::approve::newest;
use crate::factory::Factory;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_governance::{Duty, ObligationState};
use seatrial_ledger::attestation::{self, Attested};
use seatrial_model::event::AttestationAccepted;
use seatrial_model::{Body, Digest, EventId, Evidence, Logged, Stage, Time};
use seatrial_spec::workflow::AttestationAsked;
use serde::Serialize;
use std::sync::Arc;

/// How far ahead of ours the clock may be that an attestor wrote its time from.
const AHEAD_MS_MAX: i64 = 300_000;

/// The most subjects that a refusal names.
const SUBJECTS_SHOWN: usize = 3;

/// An attestation that was accepted.
#[derive(Clone, Debug, Serialize)]
pub struct AcceptedAttestation {
    /// Its event.
    pub event: EventId,
    /// The obligation.
    pub obligation: String,
    /// Blob: the envelope.
    pub envelope: Digest,
    /// The id of the key that signed it.
    pub key: Digest,
    /// The type of its predicate.
    pub predicate: String,
    /// What it is about.
    pub subject: Digest,
    /// From when on its age counts.
    pub since: Time,
}

/// An obligation that asks for an attestation, as it stands.
struct Asking<'a> {
    stage: Stage,
    state: &'a ObligationState,
    role: &'a str,
    asked: &'a AttestationAsked,
    about: Option<Digest>,
}

impl Factory {
    /// Accepts a signed statement of somebody else as evidence for an obligation that asks for it: for the one named, or
    /// for the only one that asks for one.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn accept_attestation(
        &self,
        caller: &Caller,
        workflow: &str,
        obligation: Option<&str>,
        envelope: Vec<u8>,
    ) -> Result<AcceptedAttestation, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        let states: Vec<(Stage, ObligationState)> = [Stage::Pilot, Stage::Production]
            .into_iter()
            .flat_map(|stage| self.states(&gathered, stage).into_iter().map(move |state| (stage, state)))
            .collect();
        let asking = the_one(&states, obligation)?;
        let id = &asking.state.obligation.id;
        let circumstances = Circumstances {
            stage: Some(asking.stage),
            role: Some(asking.role.to_owned()),
            obligation: Some(id.clone()),
            simulation: self.is_simulation(),
            token: caller.token,
            ..Circumstances::default()
        };
        served.authorize(&caller.principal, Act::FileDocument, &circumstances)?;
        let attested = attestation::open(&envelope, &asking.asked.keys)
            .map_err(|e| Refused::Invalid(format!("the attestation was not accepted for `{id}`: {e}")))?;
        let accepted = accepted(&asking, &attested, &envelope, &gathered.events, self.now())
            .map_err(|why| Refused::Invalid(format!("the attestation was not accepted for `{id}`: {why}")))?;
        let (key, inputs) = (asking.state.key, asking.state.inputs.clone());
        let evidence = vec![Evidence { obligation: id.clone(), key, inputs }];
        let body = Body::AttestationAccepted(accepted.clone());
        let event = self.judgement(caller, &handle.log, &served, body, evidence).await?;
        self.would_count(&gathered, asking.stage, id, &event)?;
        let seen = newest(&gathered.events);
        let event = self.append_judgement(&handle.log, event, Vec::new(), vec![envelope], seen).await?;
        let AttestationAccepted { obligation, envelope, key, predicate, subject, since, .. } = accepted;
        Ok(AcceptedAttestation { event, obligation, envelope, key: key.id(), predicate, subject, since })
    }
}

/// The obligation named, or the only one that asks for an attestation.
fn the_one<'a>(states: &'a [(Stage, ObligationState)], named: Option<&str>) -> Result<Asking<'a>, Refused> {
    let asking = |(stage, state): &'a (Stage, ObligationState)| match &state.obligation.duty {
        Duty::Attested { role, asked, about } => Some(Asking { stage: *stage, state, role, asked, about: *about }),
        _ => None,
    };
    let mut all: Vec<Asking<'_>> = states.iter().filter_map(asking).collect();
    // One that both stages list has one key, and is one.
    let mut ids: Vec<&str> = all.iter().map(|a| a.state.obligation.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let known = || if ids.is_empty() { "none does".to_owned() } else { format!("these do: {}", ids.join(", ")) };
    let wanted = match (named, ids.as_slice()) {
        (Some(named), _) => named,
        (None, [only]) => only,
        (None, _) => {
            return Err(Refused::Invalid(format!(
                "name the obligation that the attestation is for; of those that ask for one, {}",
                known()
            )));
        }
    };
    let at = all.iter().position(|a| a.state.obligation.id == wanted);
    at.map(|at| all.swap_remove(at))
        .ok_or_else(|| Refused::NotFound(format!("no obligation `{wanted}` asks for an attestation; {}", known())))
}

/// What is recorded of it, once it is what the obligation asks for.
fn accepted(
    asking: &Asking<'_>,
    attested: &Attested,
    envelope: &[u8],
    events: &[Logged],
    now: Time,
) -> Result<AttestationAccepted, String> {
    let Attested { key, payload, statement } = attested;
    let (asked, obligation) = (asking.asked, &asking.state.obligation);
    if statement.predicate_type != asked.predicate {
        let got: String = statement.predicate_type.chars().take(120).collect();
        return Err(format!("its predicate is of the type `{got}`, and `{}` is asked for", asked.predicate));
    }
    let subject =
        asking.about.ok_or("the spec has not the file that it has to be about; correct `subject` in `factory.yaml`")?;
    if !statement.is_about(&subject) {
        let found: Vec<String> =
            statement.subject.iter().filter_map(|s| s.sha256()).take(SUBJECTS_SHOWN).map(|d| d.to_string()).collect();
        let found = if found.is_empty() { "nothing that has a SHA-256".to_owned() } else { found.join(", ") };
        return Err(format!("it has to be about `{subject}`, and is about {found}"));
    }
    let since = match &asked.time {
        Some(path) => statement
            .time_at(path)
            .ok_or_else(|| format!("its predicate states no time at `{path}`, and its age is asked for"))?,
        None => first_accepted(events, &obligation.id, *payload).unwrap_or(now),
    };
    let age = now.millis_since(since);
    if age < -AHEAD_MS_MAX {
        return Err(format!("it is of {since}, which is yet to come"));
    }
    if let Some(max) = obligation.max_age.filter(|max| age > max.signed_millis()) {
        return Err(format!("its age counts from {since}, and it holds for {max}: have a new one signed"));
    }
    Ok(AttestationAccepted {
        obligation: obligation.id.clone(),
        envelope: Digest::of(envelope),
        statement: *payload,
        key: *key,
        predicate: statement.predicate_type.clone(),
        subject,
        subjects: statement.subject.len() as u64,
        since,
    })
}

/// When this statement was accepted for the first time, in whatever envelope: adding it again makes it no younger.
fn first_accepted(events: &[Logged], obligation: &str, statement: Digest) -> Option<Time> {
    let of = |logged: &Logged| match &logged.event.body {
        Body::AttestationAccepted(a) if a.obligation == obligation && a.statement == statement => {
            Some(logged.event.time)
        }
        _ => None,
    };
    events.iter().find_map(of)
}
