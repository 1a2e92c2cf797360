//! Payloads and blobs: what is held opens its commitment, what is named is held, what is gone was erased by an event.

use crate::report::Verified;
use crate::source::{Held, Source, blob_place, blobs_of, payload_place};
use seatrial_model::{Body, Commitment, DecisionId, Digest, Event};
use std::collections::{HashMap, HashSet};

/// What is held, and what events say of it.
pub(super) struct Holdings<'a, S: ?Sized> {
    source: &'a S,
    /// Payloads held that no event has named so far.
    unnamed: HashSet<Commitment>,
    /// The case of each decision: later events about the decision belong to it.
    cases: HashMap<DecisionId, String>,
    /// Payloads not held: how many by case (none: of no case).
    missing: HashMap<Option<String>, u64>,
    erased: HashSet<String>,
    blobs: HashMap<Digest, bool>,
}

impl<'a, S: Source + ?Sized> Holdings<'a, S> {
    pub(super) fn new(source: &'a S) -> Self {
        Self {
            source,
            unnamed: HashSet::new(),
            cases: HashMap::new(),
            missing: HashMap::new(),
            erased: HashSet::new(),
            blobs: HashMap::new(),
        }
    }

    /// Lists what is held, and checks every blob against its digest.
    pub(super) fn list(&mut self, report: &mut Verified) {
        match self.source.payloads() {
            Ok(all) => self.unnamed = all.into_iter().collect(),
            Err(e) => report.problem(e.place, e.reason),
        }
        match self.source.blobs() {
            Ok(all) => all.iter().for_each(|digest| {
                self.blob(digest, report);
            }),
            Err(e) => report.problem(e.place, e.reason),
        }
    }

    /// A blob, where it is held and is what its digest says; each is counted, or complained about, once.
    pub(super) fn blob(&mut self, digest: &Digest, report: &mut Verified) -> Option<Vec<u8>> {
        let known = self.blobs.get(digest).copied();
        if known == Some(false) {
            return None;
        }
        let checked = match self.source.blob(digest) {
            Ok(Some(bytes)) if Digest::of(&bytes) == *digest => Ok(bytes),
            Ok(Some(_)) => Err("its bytes have another digest".to_owned()),
            Ok(None) => Err("it is missing, and blobs are never erased".to_owned()),
            Err(e) => Err(e.reason),
        };
        self.blobs.insert(*digest, checked.is_ok());
        match checked {
            Ok(bytes) => {
                report.blobs += u64::from(known.is_none());
                Some(bytes)
            }
            Err(what) => {
                report.problem(blob_place(digest), what);
                None
            }
        }
    }

    /// Checks everything that an event names; returns the payloads that are held, by name.
    pub(super) fn visit(&mut self, place: &str, event: &Event, report: &mut Verified) -> HashMap<String, Held> {
        for (what, digest) in blobs_of(&event.body) {
            if !self.blobs.contains_key(&digest) && self.blob(&digest, report).is_none() {
                report.problem(place, format!("{what} (`{}`) is not held as its digest says", blob_place(&digest)));
            }
        }
        let case = self.case_of(&event.body);
        if let Body::PayloadErased(erased) = &event.body {
            self.erased.insert(erased.case.clone());
        }
        let mut held = HashMap::new();
        for (name, commitment) in &event.payloads {
            self.unnamed.remove(commitment);
            match self.payload(name, commitment) {
                Ok(Some(payload)) => {
                    report.payloads.held += 1;
                    held.insert(name.clone(), payload);
                }
                Ok(None) => *self.missing.entry(case.clone()).or_default() += 1,
                Err(what) => report.problem(payload_place(commitment), format!("`{name}` of {place}: {what}")),
            }
        }
        held
    }

    fn payload(&self, name: &str, commitment: &Commitment) -> Result<Option<Held>, String> {
        let Some(held) = self.source.payload(commitment).map_err(|e| e.reason)? else { return Ok(None) };
        if Commitment::of(&held.salt, &held.bytes) != *commitment {
            return Err("its salt and bytes do not open the commitment".to_owned());
        }
        if held.kind != name {
            return Err(format!("it says that it is `{}`", held.kind));
        }
        Ok(Some(held))
    }

    fn case_of(&mut self, body: &Body) -> Option<String> {
        let decision = match body {
            Body::DecisionMade(b) => {
                self.cases.insert(b.decision, b.case.clone());
                b.decision
            }
            Body::StreamOpened(b) => {
                self.cases.insert(b.decision, b.case.clone());
                b.decision
            }
            Body::StepAdmitted(b) => return Some(b.case.clone()),
            Body::DecisionOverridden(b) => b.decision,
            Body::OutcomeRecorded(b) => b.decision,
            Body::ReviewAnswered(b) => b.decision,
            Body::ReviewClaimed(b) => b.decision,
            Body::DecisionEffect(b) => b.decision,
            _ => return None,
        };
        self.cases.get(&decision).cloned()
    }

    /// Says what became of the payloads that are not held, and complains of those that belong to no event.
    pub(super) fn finish(self, report: &mut Verified) {
        for (case, count) in self.missing {
            match case {
                Some(case) if self.erased.contains(&case) => report.payloads.erased += count,
                _ => report.payloads.absent += count,
            }
        }
        let mut unnamed: Vec<Commitment> = self.unnamed.into_iter().collect();
        unnamed.sort_unstable();
        for commitment in unnamed {
            report.problem(payload_place(&commitment), "no event commits to it");
        }
    }
}
