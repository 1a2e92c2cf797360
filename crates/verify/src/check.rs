//! The checks, in their order: the checkpoint, the tree, each event, what is held, what recomputes.

mod attested;
mod events;
mod held;
pub(crate) mod keys;
mod recompute;
mod signed;
mod tree;

use crate::report::{KeyOrigin, Verified, Witness, shown_time};
use crate::source::{Source, SourceTiles};
use keys::Keys;
use seatrial_ledger::tile::width_at;
use seatrial_ledger::{Checkpoint, CheckpointError, Note, TilePath, TileTree, VerifierKey, proof};
use seatrial_model::event::Body;
use seatrial_model::{Event, LogPoint, Time};

/// What the auditor brings along.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The log's key, from outside the export; without it the log's own word is taken, and the report says so.
    pub key: Option<VerifierKey>,
    /// Keys of witnesses, each of which must have cosigned the newest checkpoint (C2SP `tlog-cosignature`).
    pub witnesses: Vec<VerifierKey>,
    /// The present time, so that an event of the future is found.
    pub now: Option<Time>,
}

/// Checks everything that a source holds. It always answers with a report; what could not be read is a problem in
/// it.
#[must_use]
pub fn verify<S: Source + ?Sized>(source: &S, trust: &Trust) -> Verified {
    let mut report = Verified::default();
    if let Some(Accepted { checkpoint, note, key }) = accept_checkpoint(source, trust, &mut report) {
        report.origin.clone_from(&checkpoint.origin);
        report.size = checkpoint.size;
        report.root = Some(checkpoint.root);
        if checkpoint.size == 0 {
            report.problem("checkpoint", "the log has no entries, not even the one that opens a log");
        }
        let mut events = events::Events::new(source, &checkpoint, trust.now);
        tree::check(source, &checkpoint, &mut report, |index, leaf, report| events.visit(index, leaf, report));
        let (points, keys) = events.finish(&mut report);
        check_keys(&keys, &key, &note, &mut report);
        check_witnesses(&note, &keys, &trust.witnesses, &mut report);
        check_points(source, &checkpoint, &points, &mut report);
        check_earlier(source, &checkpoint, keys.all(), &mut report);
        match source.others(checkpoint.size) {
            Ok(others) => report.not_checked = others,
            Err(e) => report.problem(e.place, e.reason),
        }
    }
    report.verified = report.problems.is_empty();
    report
}

/// A checkpoint that was accepted.
struct Accepted {
    checkpoint: Checkpoint,
    note: Note,
    /// The key that was given, or that the log itself names.
    key: VerifierKey,
}

/// Opens the newest checkpoint with the key given, or with the one that the log names; or with the key that follows it.
fn accept_checkpoint<S: Source + ?Sized>(source: &S, trust: &Trust, report: &mut Verified) -> Option<Accepted> {
    let opened = (|| {
        let bytes = source.checkpoint().map_err(|e| e.reason)?.ok_or("there is none")?;
        let key = match &trust.key {
            Some(key) => key.clone(),
            None => self_asserted(source, &bytes)?,
        };
        report.key = key.to_string();
        report.key_origin = if trust.key.is_some() { KeyOrigin::Given } else { KeyOrigin::SelfAsserted };
        let opened = match Checkpoint::open(&bytes, &key) {
            Ok(opened) => opened,
            Err(error) => {
                let size = size_of(&bytes).map_err(|_| error.to_string())?;
                let newest = keys::followed(source, size, &key);
                Checkpoint::open(&bytes, &newest).map_err(|_| error.to_string())?
            }
        };
        let (checkpoint, note) = opened;
        Ok::<_, String>(Accepted { checkpoint, note, key })
    })();
    opened.map_err(|e| report.problem("checkpoint", format!("{e}; nothing else was checked"))).ok()
}

/// The newest key that the log names signed the checkpoint; and whoever holds the key given vouches for it.
fn check_keys(keys: &Keys, given: &VerifierKey, note: &Note, report: &mut Verified) {
    let Some(newest) = keys.newest() else { return };
    if !keys.all().contains(given) {
        let first = keys.all().first().unwrap_or(newest);
        report.problem(
            "checkpoint",
            format!(
                "the log names the key `{first}`, and the checkpoint was checked with another, which it never names"
            ),
        );
        return;
    }
    if let Err(e) = note.verify(std::slice::from_ref(newest)) {
        report.problem(
            "checkpoint",
            format!("the log's key is `{newest}` by now, and it did not sign the checkpoint: {e}"),
        );
    }
    report.newest_key = newest.to_string();
    report.vouched = keys.broken_after(given);
    if let (Some(index), KeyOrigin::Given) = (report.vouched, report.key_origin) {
        report.problem(
            format!("entry {index}"),
            format!(
                "the log was restored there without its key: the key given vouches for the {index} entries before it, and what \
                 follows is self-asserted; give `{newest}` with --key, if you trust whoever restored it"
            ),
        );
    }
}

/// Every witness that the auditor knows has cosigned the newest checkpoint.
fn check_witnesses(note: &Note, keys: &Keys, witnesses: &[VerifierKey], report: &mut Verified) {
    for witness in witnesses {
        match note.verify(std::slice::from_ref(witness)) {
            Ok(good) => report.witnesses.extend(good.into_iter().map(|g| Witness { name: g.name, time_s: g.time_s })),
            Err(e) => {
                let last = keys.last_cosigned(witness).map_or_else(String::new, |(point, time_s)| {
                    format!("; the log holds one over its first {} entries, of {}", point.size, shown_time(*time_s))
                });
                report.problem("checkpoint", format!("the witness `{}` has not cosigned it: {e}{last}", witness.name()))
            }
        }
    }
}

/// The size that a checkpoint's text says.
fn size_of(note: &[u8]) -> Result<u64, String> {
    let note = Note::parse(note).map_err(|e| e.to_string())?;
    Checkpoint::parse(note.text()).map(|checkpoint| checkpoint.size).map_err(|e| e.to_string())
}

/// The key that the log's entry 0 names.
fn self_asserted<S: Source + ?Sized>(source: &S, note: &[u8]) -> Result<VerifierKey, String> {
    let size = size_of(note)?;
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
fn check_earlier<S: Source + ?Sized>(source: &S, checkpoint: &Checkpoint, keys: &[VerifierKey], report: &mut Verified) {
    let earlier = match source.earlier_checkpoints() {
        Ok(earlier) => earlier,
        Err(e) => return report.problem(e.place, e.reason),
    };
    for (place, note) in earlier {
        // By whichever key was in force then; where none signed it, the newest says so.
        let opened = keys.iter().map(|key| Checkpoint::open(&note, key));
        let opened = opened.reduce(|found, next| found.or(next)).unwrap_or(Err(CheckpointError::Malformed("no key")));
        let held = opened
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
    let tiles = SourceTiles::new(source, checkpoint.size);
    let proof = proof::consistency(&tiles, *size, checkpoint.size).map_err(|e| e.to_string())?;
    proof::verify_consistency(&proof, *size, root, checkpoint.size, &checkpoint.root)
        .map_err(|e| format!("the log does not extend what it was at `{size}` entries: {e}"))
}
