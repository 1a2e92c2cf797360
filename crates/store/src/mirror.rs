//! Comparing what is kept beside the events' bytes with the bytes: ids, indexes, tiles, the log's row, blobs, payloads.

use crate::batch::{Erased, Held, Payload};
use crate::contract::{Entry, LogInfo, View};
use crate::error::StoreError;
use crate::fold::each_entry;
use seatrial_ledger::tile::{HASH_BYTES, width_at};
use seatrial_ledger::{Frontier, Tile, leaf_hash};
use seatrial_model::{Body, Commitment, DecisionId, Digest, Event};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How many contradictions a check of the mirror names before it ends.
pub const PROBLEMS_MAX: usize = 100;

/// How many digests are listed at a time.
const PAGE: usize = 1_000;

/// Compares all that is kept beside the events' bytes with the bytes.
pub(crate) fn check_mirror(view: &dyn View, info: &LogInfo) -> Result<Vec<String>, StoreError> {
    let mut problems = Problems::default();
    let mut named = Named::default();
    let mut frontier = Frontier::new();
    let entries = each_entry(view, |entries| {
        let mut leaves = Vec::with_capacity(entries.len());
        for entry in &entries {
            if entry.index != frontier.size() + leaves.len() as u64 {
                problems.add(format!("an entry is numbered {}, which leaves a gap", entry.index));
            }
            leaves.push(leaf_hash(&entry.bytes));
            if let Some(event) = check_entry(view, info, entry, &mut problems)? {
                named.note(entry.index, &event);
            }
        }
        for tile in frontier.extend(&leaves).tiles {
            check_tile(view, info.size, &tile, &mut problems)?;
        }
        Ok(())
    })?;
    if entries != info.size {
        problems.add(format!("the log says that it has {} entries, and {entries} are there", info.size));
    }
    if let Some(said) = named.key.as_ref().filter(|key| **key != info.key) {
        problems.add(format!("the log's row says that its key is `{}`; its entries say `{said}`", info.key));
    }
    if frontier.root() != info.root {
        problems.add(format!("the log says that its root is {}, its entries have {}", info.root, frontier.root()));
    }
    check_blobs(view, &mut problems)?;
    named.check(view, &mut problems)?;
    Ok(problems.0)
}

/// What was found, as far as it is listed.
#[derive(Default)]
pub(crate) struct Problems(pub(crate) Vec<String>);

impl Problems {
    pub(crate) fn add(&mut self, what: String) {
        if self.0.len() < PROBLEMS_MAX {
            self.0.push(what);
        }
    }
}

/// Checks one entry; gives its event, where it is one.
fn check_entry(
    view: &dyn View,
    info: &LogInfo,
    entry: &Entry,
    problems: &mut Problems,
) -> Result<Option<Event>, StoreError> {
    let index = entry.index;
    let event = match entry.event(view.log()) {
        Ok(event) => event,
        Err(error) => {
            problems.add(error.to_string());
            return Ok(None);
        }
    };
    if event.leaf().ok().as_deref() != Some(entry.bytes.as_slice()) {
        problems.add(format!("the bytes of entry {index} are not canonical"));
    }
    if event.log != *view.log() {
        problems.add(format!("entry {index} says that it belongs to the log `{}`", event.log));
    }
    match view.event_index(event.id)? {
        Some(found) if found == index => {}
        found => problems.add(format!("entry {index} has the id `{}`, which is kept for {found:?}", event.id)),
    }
    if let Body::LogOpened(opened) = &event.body
        && opened.origin != info.origin
    {
        problems.add(format!(
            "the log's row says that it is `{}`; entry {index} opened it as `{}`",
            info.origin, opened.origin
        ));
    }
    Ok(Some(event))
}

/// A tile of a part of the log is the beginning of the tile of all of it.
fn check_tile(view: &dyn View, size: u64, tile: &Tile, problems: &mut Problems) -> Result<(), StoreError> {
    let stored = view.tile(tile.level, tile.n)?.unwrap_or_default();
    let width = usize::from(width_at(size, tile.level, tile.n));
    if !stored.starts_with(&tile.to_bytes()) || stored.len() != width * HASH_BYTES {
        problems.add(format!("the tile {} is not what the entries hash to", tile.path()));
    }
    Ok(())
}

fn check_blobs(view: &dyn View, problems: &mut Problems) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = view.blobs(after, PAGE)?;
        for digest in &page {
            if view.blob(digest)?.is_none_or(|bytes| Digest::of(&bytes) != *digest) {
                problems.add(format!("the blob {digest} holds other bytes"));
            }
        }
        after = page.last().copied();
        if page.len() < PAGE {
            return Ok(());
        }
    }
}

/// A payload, as the first event that commits to it names it.
struct Claim {
    index: u64,
    kind: String,
    decision: Option<DecisionId>,
}

/// What events say of payloads.
#[derive(Default)]
struct Named {
    claims: BTreeMap<Commitment, Claim>,
    cases: HashMap<DecisionId, String>,
    /// The case of each erasure, by the index of the event that says so.
    erasures: BTreeMap<u64, String>,
    /// Entries that say that the log was restored: payloads that did not come along are gone by them.
    restored: BTreeSet<u64>,
    /// The key that the entries so far say.
    key: Option<String>,
}

impl Named {
    fn note(&mut self, index: u64, event: &Event) {
        match &event.body {
            Body::DecisionMade(made) => {
                self.cases.insert(made.decision, made.case.clone());
            }
            Body::PayloadErased(erased) => {
                self.erasures.insert(index, erased.case.clone());
            }
            Body::LogOpened(opened) => self.key = Some(opened.key.clone()),
            Body::LogKeyRotated(rotated) => self.key = Some(rotated.new.clone()),
            Body::LogRestored(restored) => {
                self.restored.insert(index);
                if let Some(key) = &restored.key {
                    self.key = Some(key.clone());
                }
            }
            _ => {}
        }
        for (kind, commitment) in &event.payloads {
            let claim = || Claim { index, kind: kind.clone(), decision: event.subject.decision };
            self.claims.entry(*commitment).or_insert_with(claim);
        }
    }

    /// Each is held as the event says, or was erased by an event. One that is simply gone would be a silent gap.
    fn check(&self, view: &dyn View, problems: &mut Problems) -> Result<(), StoreError> {
        for (commitment, claim) in &self.claims {
            let wrong = match view.payload(commitment)? {
                Some(Payload::Held(held)) => self.held(commitment, claim, &held),
                Some(Payload::Erased(erased)) => self.erased(claim, &erased),
                None => Some("is neither held nor erased".to_owned()),
            };
            if let Some(wrong) = wrong {
                problems.add(format!("the payload {commitment} (`{}` of entry {}) {wrong}", claim.kind, claim.index));
            }
        }
        Ok(())
    }

    fn case(&self, claim: &Claim) -> Option<&String> {
        claim.decision.and_then(|decision| self.cases.get(&decision))
    }

    fn held(&self, commitment: &Commitment, claim: &Claim, held: &Held) -> Option<String> {
        let case = self.case(claim);
        if Commitment::of(&held.salt, &held.bytes) != *commitment {
            return Some("holds other bytes".to_owned());
        }
        // Erasure goes by case: kept for another one, it would outlive the erasure of its own.
        (case.is_some() && held.case.as_ref() != case).then(|| "is kept for another case than its event's".to_owned())
    }

    fn erased(&self, claim: &Claim, erased: &Erased) -> Option<String> {
        let by = erased.by;
        if by > claim.index && self.restored.contains(&by) {
            return None;
        }
        let Some(case) = self.erasures.get(&by).filter(|_| by > claim.index) else {
            return Some(format!("is gone, and entry {by}, which is said to have erased it, erases nothing"));
        };
        self.case(claim)
            .filter(|own| *own != case)
            .map(|_| format!("is gone, and entry {by}, which is said to have erased it, is about another case"))
    }
}
