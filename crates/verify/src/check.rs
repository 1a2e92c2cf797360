//! The checks, in their order: the checkpoint, the tree, each event, what is held, what recomputes.

mod events;
mod held;
mod recompute;
mod tree;

use crate::report::{KeyOrigin, Verified};
use crate::source::{Source, SourceError};
use seatrial_ledger::tile::{Tile, width_at};
use seatrial_ledger::{Checkpoint, Note, TilePath, TileReader, TileTree, VerifierKey, proof};
use seatrial_model::event::Body;
use seatrial_model::{Digest, Event, LogPoint, Time};

/// What the auditor brings along.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The log's key, from outside the export; without it the log's own word is taken, and the report says so.
    pub key: Option<VerifierKey>,
    /// The present time, so that an event of the future is found.
    pub now: Option<Time>,
}

/// Checks everything that a source holds. It always answers with a report; what could not be read is a problem in
/// it.
#[must_use]
pub fn verify<S: Source + ?Sized>(source: &S, trust: &Trust) -> Verified {
    let mut report = Verified::default();
    if let Some(checkpoint) = accept_checkpoint(source, trust, &mut report) {
        report.origin.clone_from(&checkpoint.origin);
        report.size = checkpoint.size;
        report.root = Some(checkpoint.root);
        if checkpoint.size == 0 {
            report.problem("checkpoint", "the log has no entries, not even the one that opens a log");
        }
        let mut events = events::Events::new(source, &checkpoint, trust.now);
        tree::check(source, &checkpoint, &mut report, |index, leaf, report| events.visit(index, leaf, report));
        let points = events.finish(&mut report);
        check_points(source, &checkpoint, &points, &mut report);
        check_earlier(source, &checkpoint, &mut report);
        match source.others(checkpoint.size) {
            Ok(others) => report.not_checked = others,
            Err(e) => report.problem(e.place, e.reason),
        }
    }
    report.verified = report.problems.is_empty();
    report
}

/// Opens the newest checkpoint with the key given, or with the one that the log names.
fn accept_checkpoint<S: Source + ?Sized>(source: &S, trust: &Trust, report: &mut Verified) -> Option<Checkpoint> {
    let opened = (|| {
        let note = source.checkpoint().map_err(|e| e.reason)?.ok_or("there is none")?;
        let key = match &trust.key {
            Some(key) => key.clone(),
            None => self_asserted(source, &note)?,
        };
        report.key = key.to_string();
        report.key_origin = if trust.key.is_some() { KeyOrigin::Given } else { KeyOrigin::SelfAsserted };
        Checkpoint::open(&note, &key).map(|(checkpoint, _)| checkpoint).map_err(|e| e.to_string())
    })();
    opened.map_err(|e| report.problem("checkpoint", format!("{e}; nothing else was checked"))).ok()
}

/// The key that the log's entry 0 names.
fn self_asserted<S: Source + ?Sized>(source: &S, note: &[u8]) -> Result<VerifierKey, String> {
    let note = Note::parse(note).map_err(|e| e.to_string())?;
    let size = Checkpoint::parse(note.text()).map_err(|e| e.to_string())?.size;
    let path = TilePath { tree: TileTree::Entries, n: 0, width: width_at(size, 0, 0) };
    let none = || format!("no key was given, and the log's entry 0 (`{path}`) names none");
    let bundle = source.tile(path).ok().flatten().ok_or_else(none)?;
    let entries = seatrial_ledger::bundle::decode(&bundle).map_err(|_| none())?;
    let event = entries.first().and_then(|leaf| serde_json::from_slice::<Event>(leaf).ok()).ok_or_else(none)?;
    let Body::LogOpened(opened) = event.body else { return Err(none()) };
    opened.key.parse().map_err(|e: seatrial_ledger::note::KeyError| format!("the log's own key is none: {e}"))
}

/// Checks what the log says of itself at earlier points.
fn check_points<S: Source + ?Sized>(
    source: &S,
    checkpoint: &Checkpoint,
    points: &[(String, LogPoint)],
    report: &mut Verified,
) {
    for (place, point) in points {
        if let Err(what) = extends(source, checkpoint, point) {
            report.problem(place, what);
        }
    }
}

/// Checks that the tree extends each earlier checkpoint.
fn check_earlier<S: Source + ?Sized>(source: &S, checkpoint: &Checkpoint, report: &mut Verified) {
    let earlier = match source.earlier_checkpoints() {
        Ok(earlier) => earlier,
        Err(e) => return report.problem(e.place, e.reason),
    };
    let Ok(key) = report.key.parse::<VerifierKey>() else { return };
    for (place, note) in earlier {
        let held = Checkpoint::open(&note, &key)
            .map_err(|e| e.to_string())
            .and_then(|(older, _)| extends(source, checkpoint, &LogPoint { size: older.size, root: older.root }));
        match held {
            Ok(()) => report.earlier_checkpoints += 1,
            Err(what) => report.problem(place, what),
        }
    }
}

/// Proves that the tree of the checkpoint begins with the tree of an earlier point.
fn extends<S: Source + ?Sized>(source: &S, checkpoint: &Checkpoint, point: &LogPoint) -> Result<(), String> {
    let LogPoint { size, root } = point;
    if *size > checkpoint.size {
        return Err(format!("the log had `{size}` entries by then, and has `{}` now: it was cut", checkpoint.size));
    }
    let tiles = SourceTiles { source, size: checkpoint.size };
    let proof = proof::consistency(&tiles, *size, checkpoint.size).map_err(|e| e.to_string())?;
    proof::verify_consistency(&proof, *size, root, checkpoint.size, &checkpoint.root)
        .map_err(|e| format!("the log does not extend what it was at `{size}` entries: {e}"))
}

/// The tiles of a source, as wide as they are in the checkpoint's tree.
struct SourceTiles<'a, S: ?Sized> {
    source: &'a S,
    size: u64,
}

impl<S: Source + ?Sized> TileReader for SourceTiles<'_, S> {
    fn tile(&self, level: u8, n: u64, _width: u16) -> Result<Vec<Digest>, String> {
        let path = TilePath { tree: TileTree::Hashes(level), n, width: width_at(self.size, level, n) };
        let bytes = self.source.tile(path).map_err(|e: SourceError| e.reason)?.ok_or("it is missing")?;
        Ok(Tile::from_bytes(level, n, &bytes).map_err(|e| e.to_string())?.hashes)
    }
}
