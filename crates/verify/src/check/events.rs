//! Each entry as an event: its bytes, its place in the log, its time, and what it names.

use super::held::Holdings;
use super::keys::Keys;
use super::recompute::Recompute;
use super::signed::Signatures;
use crate::report::Verified;
use crate::source::Source;
use seatrial_ledger::tile::width_at;
use seatrial_ledger::{Checkpoint, TILE_WIDTH, TilePath, TileTree};
use seatrial_model::event::{ENVELOPE_VERSION, LogOpened};
use seatrial_model::words::FactoryKind;
use seatrial_model::{Body, DecisionId, Event, EventId, LogPoint, Time};
use std::collections::{HashMap, HashSet};

/// How far a node's clock may go back between two entries, or be ahead of the auditor's: clocks of a fleet differ,
/// and are set.
pub(super) const CLOCK_MS_MAX: i64 = 300_000;

/// The prefix of a simulation's origins.
const SIMULATION: &str = "simulation/";

/// Everything that is known about the entries so far.
pub(super) struct Events<'a, S: ?Sized> {
    origin: String,
    size: u64,
    now: Option<Time>,
    latest: Option<Time>,
    ids: HashMap<EventId, u64>,
    decisions: HashSet<DecisionId>,
    /// What events say of the log itself at an earlier size.
    points: Vec<(String, LogPoint)>,
    keys: Keys,
    source: &'a S,
    signatures: Signatures,
    holdings: Holdings<'a, S>,
    recompute: Recompute,
    listed: bool,
}

impl<'a, S: Source + ?Sized> Events<'a, S> {
    pub(super) fn new(source: &'a S, checkpoint: &Checkpoint, now: Option<Time>) -> Self {
        Self {
            origin: checkpoint.origin.clone(),
            size: checkpoint.size,
            now,
            latest: None,
            ids: HashMap::new(),
            decisions: HashSet::new(),
            points: Vec::new(),
            keys: Keys::default(),
            source,
            signatures: Signatures::default(),
            holdings: Holdings::new(source),
            recompute: Recompute::default(),
            listed: false,
        }
    }

    /// Where an entry is.
    fn place(&self, index: u64) -> String {
        let n = index / TILE_WIDTH as u64;
        let path = TilePath { tree: TileTree::Entries, n, width: width_at(self.size, 0, n) };
        format!("entry {index} ({path})")
    }

    /// Checks one entry.
    pub(super) fn visit(&mut self, index: u64, leaf: &[u8], report: &mut Verified) {
        if !self.listed {
            self.listed = true;
            self.holdings.list(report);
        }
        let place = self.place(index);
        let event: Event = match serde_json::from_slice(leaf) {
            Ok(event) => event,
            Err(e) => return report.problem(place, format!("it is not an event: {e}")),
        };
        match event.leaf() {
            Ok(canonical) if canonical == leaf => {}
            Ok(_) => report.problem(&place, "its bytes are not the canonical form of the event"),
            Err(e) => report.problem(&place, format!("its event has no canonical form: {e}")),
        }
        for what in self.envelope(index, &event, report) {
            report.problem(&place, what);
        }
        match &event.body {
            Body::NodeRecovered(b) => self.point(index, &place, &b.signed, report),
            Body::PackGenerated(b) => self.point(index, &place, &b.log, report),
            Body::LogKeyRotated(b) => self.point(index, &place, &b.point, report),
            Body::LogRestored(b) => self.point(index, &place, &b.point, report),
            Body::CheckpointCosigned(b) => self.point(index, &place, &b.point, report),
            _ => {}
        }
        let of_keys = match &event.body {
            Body::LogOpened(b) if index == 0 => self.keys.opened(&b.key),
            Body::LogKeyRotated(b) => self.keys.rotated(b).map(|()| report.rotations += 1),
            Body::LogRestored(b) => self.keys.restored(index, b),
            Body::CheckpointCosigned(b) => self.keys.cosigned(&self.origin, b).map(|()| report.cosigned += 1),
            _ => Ok(()),
        };
        of_keys.unwrap_or_else(|what| report.problem(&place, what));
        self.signatures.visit((index, &place), &event, &self.origin, self.source, report);
        super::attested::visit(&place, &event, self.source, report);
        let held = self.holdings.visit(&place, &event, report);
        self.recompute.visit(&place, &event, &held, &mut self.holdings, report);
    }

    /// A point of this log that an event speaks of lies before the event.
    fn point(&mut self, index: u64, place: &str, point: &LogPoint, report: &mut Verified) {
        if point.size > index {
            report.problem(place, format!("it speaks of the log at `{}` entries, which it had not yet", point.size));
        } else {
            self.points.push((place.to_owned(), point.clone()));
        }
    }

    /// What is wrong with an event's envelope.
    fn envelope(&mut self, index: u64, event: &Event, report: &mut Verified) -> Vec<String> {
        let mut wrong = Vec::new();
        if event.v != ENVELOPE_VERSION {
            wrong.push(format!("its envelope has the version `{}`, and `{ENVELOPE_VERSION}` is known", event.v));
        }
        if let Some(first) = self.ids.insert(event.id, index) {
            wrong.push(format!("its id `{}` is that of entry {first}, too", event.id));
        }
        let of_the_origin = self.origin.rsplit('/').next() == Some(event.log.as_str());
        if !of_the_origin {
            wrong.push(format!("it is of the log `{}`, and this is `{}`", event.log, self.origin));
        }
        if event.simulation != self.origin.starts_with(SIMULATION) {
            wrong.push("it and the log's origin differ in whether this is a simulation".to_owned());
        }
        report.simulation |= event.simulation;
        self.time(event, &mut wrong);
        match (&event.body, index) {
            (Body::LogOpened(opened), 0) => self.opened(opened, report, &mut wrong),
            (Body::LogOpened(_), _) => wrong.push("it opens the log a second time".to_owned()),
            (_, 0) => wrong.push("the log does not begin with `log.opened`".to_owned()),
            _ => {}
        }
        if let Body::DecisionMade(made) = &event.body
            && !self.decisions.insert(made.decision)
        {
            wrong.push(format!("its decision `{}` was made before", made.decision));
        }
        wrong
    }

    fn opened(&self, opened: &LogOpened, report: &mut Verified, wrong: &mut Vec<String>) {
        report.simulation |= opened.kind == FactoryKind::Simulation;
        if opened.origin != self.origin {
            wrong.push(format!("it opens the log `{}`, and the checkpoint is of `{}`", opened.origin, self.origin));
        }
        if (opened.kind == FactoryKind::Simulation) != self.origin.starts_with(SIMULATION) {
            wrong.push(format!("it is of a factory of kind `{}`, and the origin says otherwise", opened.kind));
        }
    }

    fn time(&mut self, event: &Event, wrong: &mut Vec<String>) {
        let time = event.time;
        if let Some(latest) = self.latest
            && latest.millis_since(time) > CLOCK_MS_MAX
        {
            wrong.push(format!("its time `{time}` is more than 5 minutes before that of an earlier entry, `{latest}`"));
        }
        // A simulation's clock can be moved forward.
        if let Some(now) = self.now.filter(|_| !event.simulation)
            && time.millis_since(now) > CLOCK_MS_MAX
        {
            wrong.push(format!("its time `{time}` has not come yet"));
        }
        self.latest = self.latest.max(Some(time));
    }

    /// What is known only at the end. Returns what events say of the log at earlier points, and of its keys.
    pub(super) fn finish(mut self, report: &mut Verified) -> (Vec<(String, LogPoint)>, Keys) {
        if !self.listed {
            self.holdings.list(report);
        }
        self.holdings.finish(report);
        (self.points, self.keys)
    }
}
