//! What others attest: whether a statement that was accepted is what the obligation asks for today.

use super::{Claim, Fold, Outcome};
use crate::define::Obligation;
use crate::state::State;
use seatrial_model::event::AttestationAccepted;
use seatrial_model::{Body, Digest, Event, Time};
use seatrial_spec::workflow::{AttestationAsked, AttestedSubject};

/// From when on the age of evidence counts. A statement that was signed long ago is not young because it was added today.
pub(super) fn counts_from(event: &Event) -> Time {
    match &event.body {
        Body::AttestationAccepted(accepted) => accepted.since.min(event.time),
        _ => event.time,
    }
}

impl<'a> Fold<'a> {
    /// A statement by a key that is asked for today. Its signature was checked when it was accepted, and an auditor
    /// checks it again from the envelope.
    pub(super) fn attested(
        &self,
        asked: &AttestationAsked,
        about: Option<Digest>,
        obligation: &Obligation,
        claims: &[Claim<'a>],
    ) -> Outcome {
        let (mut newest, mut considered) = (None, Vec::new());
        for claim in claims {
            let Body::AttestationAccepted(accepted) = &claim.logged.event.body else { continue };
            let refusal = if claim.current {
                refused(accepted, asked, about, obligation)
            } else {
                Some(claim.outdated("what it is about has changed"))
            };
            let named = || format!("signed by the key {}", accepted.key.id().short());
            considered.push(claim.considered(refusal.is_none(), refusal.clone().unwrap_or_else(named)));
            if refusal.is_none() {
                newest = Some((*claim, accepted));
            }
        }
        let mut out = match (newest, about, &asked.subject) {
            (Some((claim, accepted)), ..) => {
                let (key, day) = (accepted.key.id().short(), accepted.since.day());
                Outcome::new(State::Discharged, format!("attested by the key {key}, counted from {day}"))
                    .on([claim.id()])
            }
            (None, None, AttestedSubject::File(file)) => {
                Outcome::new(State::Open, format!("the spec has no file `{file}`: correct `subject` in `factory.yaml`"))
            }
            (None, ..) => match considered.last() {
                Some(last) => Outcome::new(State::Open, format!("entry {} does not count: {}", last.index, last.why)),
                None => Outcome::new(State::Open, format!("nothing of the type `{}` was accepted", asked.predicate)),
            },
        };
        out.considered = considered;
        out
    }
}

/// Why a statement is not what the obligation asks for.
fn refused(
    accepted: &AttestationAccepted,
    asked: &AttestationAsked,
    about: Option<Digest>,
    obligation: &Obligation,
) -> Option<String> {
    if accepted.obligation != obligation.id {
        return Some(format!("it was accepted for `{}`", accepted.obligation));
    }
    if accepted.predicate != asked.predicate {
        return Some(format!("it is of the type `{}`", accepted.predicate));
    }
    if !asked.keys.contains(&accepted.key) {
        return Some(format!("the key {} is none of those that are asked for", accepted.key.id().short()));
    }
    (about != Some(accepted.subject)).then(|| format!("it is about {}", accepted.subject.short()))
}

#[cfg(test)]
mod tests;
