//! A page of the log: read, decided again, counted. Nothing of it is kept but the counts.

use seatrial_guard::replay::{Change, Outcome, Payloads, Recorded, Replay, Tally, Triage, in_parallel};
use seatrial_model::event::DecisionOverridden;
use seatrial_model::{Commitment, DecisionId, Digest, Time};
use seatrial_store::{ENTRIES_READ_MAX, Entry, Payload, StoreError, View};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Entries of a log, and from which time on their decisions count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The first entry.
    pub(super) from: u64,
    /// The one after the last.
    pub(super) until: u64,
    /// Decisions before that are left out.
    pub(super) since: Option<Time>,
}

impl Window {
    pub(super) const fn entries(&self) -> (u64, u64) {
        (self.from, self.until)
    }

    /// The entries from a time on, and of these as many as hold so many decisions, from the end.
    pub(super) fn find(view: &dyn View, since: Option<Time>, limit: Option<u64>) -> Result<Self, StoreError> {
        let until = view.size()?;
        let mut from = match since {
            Some(since) => first_since(view, until, since)?,
            None => 0,
        };
        if let Some(limit) = limit {
            from = first_of_newest(view, from, until, limit)?;
        }
        Ok(Self { from, until, since })
    }
}

/// The first entry of that time or later. Entries stand in the order of their times, as far as the node's clock did.
fn first_since(view: &dyn View, size: u64, since: Time) -> Result<u64, StoreError> {
    let (mut low, mut high) = (0, size);
    while low < high {
        let middle = low + (high - low) / 2;
        let entry = view.entry(middle)?;
        let before = match &entry {
            Some(entry) => leaf(view, entry)?.time < since,
            None => false,
        };
        if before { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

/// Where the newest `limit` decisions begin.
fn first_of_newest(view: &dyn View, from: u64, until: u64, limit: u64) -> Result<u64, StoreError> {
    let (mut end, mut left) = (until, limit);
    while end > from && left > 0 {
        let start = from.max(end.saturating_sub(ENTRIES_READ_MAX as u64));
        let entries = view.entries(start, (end - start) as usize)?;
        for entry in entries.iter().rev() {
            let leaf = leaf(view, entry)?;
            if leaf.kind == DECISION && !is_rehearsal(leaf.body) {
                left -= 1;
            }
            if left == 0 {
                return Ok(entry.index);
            }
        }
        end = start;
    }
    Ok(end)
}

const DECISION: &str = "decision.made/1";
const OVERRIDE: &str = "decision.overridden/1";

/// What replay reads of an event's envelope: most of it is passed over.
#[derive(Deserialize)]
struct Leaf<'a> {
    kind: &'a str,
    time: Time,
    #[serde(default)]
    spec: Option<Digest>,
    #[serde(default, borrow)]
    payloads: Option<&'a RawValue>,
    #[serde(borrow)]
    body: &'a RawValue,
}

fn leaf<'a>(view: &dyn View, entry: &'a Entry) -> Result<Leaf<'a>, StoreError> {
    serde_json::from_slice(&entry.bytes).map_err(|e| damaged(view, entry.index, &e))
}

fn damaged(view: &dyn View, index: u64, error: &serde_json::Error) -> StoreError {
    StoreError::Damaged { log: view.log().clone(), what: format!("entry {index} cannot be replayed: {error}") }
}

fn is_rehearsal(body: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Body {
        facts: Facts,
    }
    #[derive(Deserialize)]
    struct Facts {
        #[serde(default)]
        rehearsal: bool,
    }
    serde_json::from_str::<Body>(body.get()).is_ok_and(|b| b.facts.rehearsal)
}

/// What a page came to.
pub(super) struct Page {
    pub(super) tally: Tally,
    /// Decisions that were overridden there.
    pub(super) overridden: Vec<DecisionId>,
}

/// One entry, read.
enum Seen {
    Decision(Box<Seat>),
    Overridden(DecisionId),
    Other,
}

/// A recorded decision on its way.
struct Seat {
    index: u64,
    time: Time,
    recorded: Recorded,
    change: Option<Arc<Change>>,
    triage: Triage,
    /// Commitments of input and output, where they are needed.
    wanted: [Option<Commitment>; 3],
    held: [Option<Vec<u8>>; 3],
}

/// Reads the entries, decides again, counts.
pub(super) fn replay(view: &dyn View, replay: &Replay, part: Window, threads: usize) -> Result<Page, StoreError> {
    let mut entries = Vec::new();
    let mut next = part.from;
    while next < part.until {
        let page = view.entries(next, usize::try_from(part.until - next).unwrap_or(ENTRIES_READ_MAX))?;
        let Some(last) = page.last() else { break };
        next = last.index + 1;
        entries.extend(page);
    }
    let seen =
        in_parallel(entries, threads, |entry| read(replay, &entry, part.since).map_err(|error| (entry.index, error)));
    let mut page = Page { tally: Tally::default(), overridden: Vec::new() };
    let mut seats = Vec::new();
    for one in seen {
        match one.map_err(|(index, error)| damaged(view, index, &error))? {
            Seen::Decision(mut seat) => {
                for (held, wanted) in seat.held.iter_mut().zip(&seat.wanted) {
                    if let Some(commitment) = wanted {
                        *held = view.payload(commitment)?.and_then(Payload::held).map(|h| h.bytes);
                    }
                }
                seats.push(seat);
            }
            Seen::Overridden(decision) => page.overridden.push(decision),
            Seen::Other => {}
        }
    }
    let decided = in_parallel(seats, threads, |mut seat| {
        let outcome = decide(&mut seat);
        (seat, outcome)
    });
    for (seat, outcome) in &decided {
        page.tally.add(seat.index, seat.time, &seat.recorded, outcome);
    }
    Ok(page)
}

/// A decision's event, read in one pass: what most entries are.
#[derive(Deserialize)]
struct Whole<'a> {
    kind: &'a str,
    time: Time,
    #[serde(default)]
    spec: Option<Digest>,
    #[serde(default, borrow)]
    payloads: Option<&'a RawValue>,
    body: Recorded,
}

fn read(replay: &Replay, entry: &Entry, since: Option<Time>) -> Result<Seen, serde_json::Error> {
    let text = std::str::from_utf8(&entry.bytes).unwrap_or_default();
    let whole: Whole<'_> = match serde_json::from_str(text) {
        Ok(whole) => whole,
        // Another kind of event, most likely.
        Err(_) => {
            let leaf: Leaf<'_> = serde_json::from_str(text)?;
            if leaf.kind == OVERRIDE {
                return Ok(Seen::Overridden(serde_json::from_str::<DecisionOverridden>(leaf.body.get())?.decision));
            }
            if leaf.kind != DECISION {
                return Ok(Seen::Other);
            }
            let (kind, time, spec, payloads) = (leaf.kind, leaf.time, leaf.spec, leaf.payloads);
            Whole { kind, time, spec, payloads, body: serde_json::from_str(leaf.body.get())? }
        }
    };
    let (time, recorded) = (whole.time, whole.body);
    if whole.kind != DECISION || recorded.facts.rehearsal || since.is_some_and(|since| time < since) {
        return Ok(Seen::Other);
    }
    let change = replay.change(whole.spec, &recorded.step).cloned();
    let triage = change.as_ref().map_or(Triage::Facts, |c| c.triage(&recorded));
    let wanted = match (triage, whole.payloads) {
        (Triage::Payloads { input, output }, Some(payloads)) => {
            let named: BTreeMap<&str, Commitment> = serde_json::from_str(payloads.get())?;
            let one = |name: &str, wanted: bool| named.get(name).copied().filter(|_| wanted);
            [one("input", input), one("output", output), one("aside", output)]
        }
        _ => [None, None, None],
    };
    let index = entry.index;
    Ok(Seen::Decision(Box::new(Seat { index, time, recorded, change, triage, wanted, held: [None, None, None] })))
}

fn decide(seat: &mut Seat) -> Outcome {
    let Some(change) = &seat.change else { return Outcome::Gone };
    if let Triage::Output(why) = seat.triage {
        return Outcome::NeedsOutput(why);
    }
    let [input, output, aside] = &seat.held;
    let held = Payloads { input: input.as_deref(), output: output.as_deref(), aside: aside.as_deref() };
    change.decide(&mut seat.recorded, held)
}
