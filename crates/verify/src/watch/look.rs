//! One look.

use super::grown::{Grown, grows};
use super::{Alarm, CosignedAt, LookError, Looked, NewEntry, Remembered, WITNESSED_MS_MAX, Watch};
use crate::check::keys::Keys;
use crate::source::Source;
use seatrial_ledger::{Checkpoint, Note, VerifierKey};
use seatrial_model::{LogPoint, Time};
use std::collections::BTreeMap;

/// Looks once. Each entry that was not seen before is handed to `visit`, in order, before it is known whether all of them
/// are in the signed tree: only an `Ok` says so.
///
/// # Errors
/// [`LookError`]: an alarm, or something that could not be read.
pub fn look<S: Source + ?Sized>(
    source: &S,
    watch: &Watch,
    remembered: Option<&Remembered>,
    mut visit: impl FnMut(NewEntry),
) -> Result<Looked, LookError> {
    let before = remembered.map(Remembered::opened).transpose().map_err(LookError::Remembered)?;
    let shown = Shown::read(source, watch.key.name())?;
    let seen = before.as_ref().map(|(_, checkpoint)| point_of(checkpoint));
    // What was remembered is what the key given led to.
    let anchor = before.as_ref().map_or(&watch.key, |(key, _)| key);
    let signed = shown.signed_by(anchor);
    let mut keys = if before.is_some() { Keys::from(anchor.clone()) } else { Keys::default() };
    let read = read(source, seen.as_ref(), &shown, signed.is_ok(), &mut keys, &mut visit);
    // Whoever cannot sign shows nothing that would be worth another accusation than this one.
    let rotations = match (read, signed) {
        (Err(LookError::Alarm(alarm)), Err(unsigned)) if !matches!(alarm, Alarm::KeyNotVouched { .. }) => {
            return Err(unsigned.into());
        }
        (read, _) => read?,
    };
    let key = in_force(&keys, anchor, &shown.note)?;
    let cosigned = cosigned(source, remembered, &keys, &shown, &watch.witnesses)?;
    let grew = match (remembered, &seen) {
        (Some(remembered), Some(seen)) if seen.size == shown.point.size => remembered.grew,
        _ => watch.now,
    };
    let entries = shown.point.size - seen.as_ref().map_or(0, |seen| seen.size);
    let alarms = expected(watch, grew, &cosigned);
    let remember = Remembered { key: key.clone(), checkpoint: shown.text, grew, cosigned };
    Ok(Looked { origin: shown.origin, seen, point: shown.point, key, rotations, entries, alarms, remember })
}

/// A checkpoint as it is served; who signed it is another question.
struct Shown {
    origin: String,
    point: LogPoint,
    note: Note,
    text: String,
}

impl Shown {
    fn read<S: Source + ?Sized>(source: &S, name: &str) -> Result<Self, LookError> {
        let bytes = source.checkpoint()?.ok_or_else(|| Alarm::Missing { place: "checkpoint".to_owned() })?;
        let note = Note::parse(&bytes).map_err(|e| bad(&e))?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|e| bad(&e))?;
        if checkpoint.origin != name {
            return Err(bad(&format!("it is of the log `{}`, not of `{name}`", checkpoint.origin)).into());
        }
        let text = String::from_utf8(bytes).map_err(|e| bad(&e))?;
        Ok(Self { point: point_of(&checkpoint), origin: checkpoint.origin, note, text })
    }

    fn signed_by(&self, key: &VerifierKey) -> Result<(), Alarm> {
        self.note.verify(std::slice::from_ref(key)).map(drop).map_err(|e| bad(&e))
    }
}

fn bad(why: &dyn std::fmt::Display) -> Alarm {
    Alarm::BadSignature { why: why.to_string() }
}

fn point_of(checkpoint: &Checkpoint) -> LogPoint {
    LogPoint { size: checkpoint.size, root: checkpoint.root }
}

/// Reads what is new; gives how often the key changed hands in it.
fn read<S: Source + ?Sized>(
    source: &S,
    seen: Option<&LogPoint>,
    shown: &Shown,
    signed: bool,
    keys: &mut Keys,
    visit: &mut impl FnMut(NewEntry),
) -> Result<u64, LookError> {
    if let Some(seen) = seen {
        // Without a signature by the key that is known, only entries that are new could name another.
        if !signed && shown.point.size <= seen.size {
            return Err(bad(&"the key that is known did not sign it").into());
        }
        grows(source, seen, &shown.point)?;
    }
    Grown::new(source, seen, &shown.point, keys).read(visit)
}

/// The key that has to have signed by now, and did.
fn in_force(keys: &Keys, anchor: &VerifierKey, note: &Note) -> Result<String, Alarm> {
    let none = "the log has no entries, not even the one that names its key";
    let newest = keys.newest().ok_or_else(|| bad(&none))?;
    if !keys.all().contains(anchor) {
        let first = keys.all().first().unwrap_or(newest);
        return Err(bad(&format!("the log names the key `{first}`, and never the one that was given")));
    }
    if let Some(index) = keys.broken_after(anchor) {
        let why = format!(
            "the log was restored there without its key, and its key is `{newest}` since; give that one, with a new file for \
             what is remembered, if you trust whoever restored it"
        );
        return Err(Alarm::KeyNotVouched { index, why });
    }
    note.verify(std::slice::from_ref(newest)).map_err(|e| bad(&format!("the key in force is `{newest}`: {e}")))?;
    Ok(newest.to_string())
}

/// The newest cosignature of each witness: of the log's entries, and of the checkpoint itself.
fn cosigned<S: Source + ?Sized>(
    source: &S,
    remembered: Option<&Remembered>,
    keys: &Keys,
    shown: &Shown,
    witnesses: &[VerifierKey],
) -> Result<BTreeMap<String, CosignedAt>, LookError> {
    let mut all = remembered.map(|r| r.cosigned.clone()).unwrap_or_default();
    for witness in witnesses {
        if let Some((point, time_s)) = keys.last_cosigned(witness) {
            // A witness vouches for the history that it saw: it has to be this one.
            grows(source, point, &shown.point)?;
            all.insert(witness.to_string(), CosignedAt { point: point.clone(), time_s: *time_s });
        }
        let own = shown.note.verify(std::slice::from_ref(witness)).ok();
        if let Some(time_s) = own.and_then(|good| good.first().and_then(|g| g.time_s)) {
            all.insert(witness.to_string(), CosignedAt { point: shown.point.clone(), time_s });
        }
    }
    Ok(all)
}

/// What is expected of the log, and is not so.
fn expected(watch: &Watch, grew: Time, cosigned: &BTreeMap<String, CosignedAt>) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    for witness in &watch.witnesses {
        let why = match cosigned.get(&witness.to_string()) {
            None => "neither the checkpoint nor an entry has its cosignature".to_owned(),
            Some(CosignedAt { point, time_s }) => {
                let at = crate::report::shown_time(*time_s);
                if watch.now.millis_since(at) <= WITNESSED_MS_MAX {
                    continue;
                }
                format!("its newest cosignature is over {} entries, of {at}, which is too long ago", point.size)
            }
        };
        alarms.push(Alarm::NotWitnessed { witness: witness.name().to_owned(), why });
    }
    let stands = u64::try_from(watch.now.millis_since(grew)).unwrap_or(0);
    if watch.grows_within_ms.is_some_and(|within| stands > within) {
        alarms.push(Alarm::Standing { ms: stands });
    }
    alarms
}
