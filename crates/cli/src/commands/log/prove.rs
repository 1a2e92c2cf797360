//! `seatrial log prove`: the proof that one entry is in the log.

use super::{logs, open};
use crate::args::Entry;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, shown};
use crate::owner::Asked;
use crate::source::StoreSource;
use seatrial_ledger::{Checkpoint, VerifierKey, leaf_hash};
use seatrial_model::{Digest, LogName};
use seatrial_store::{LogInfo, Reader, ReaderExt as _, StoreError, View};
use seatrial_verify::SourceError;
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// What of a decision's row is needed here.
#[derive(Deserialize)]
struct Place {
    index: u64,
}

#[derive(Serialize)]
struct Answer<'a> {
    log: &'a LogName,
    index: u64,
    leaf: Digest,
    size: u64,
    root: Digest,
    key: &'a str,
    proof: &'a str,
    file: Option<&'a Path>,
}

/// A proof that was made, and holds.
struct Made {
    index: u64,
    leaf: Digest,
    checkpoint: Checkpoint,
    text: String,
}

/// Writes the proof of a decision or an event.
pub(super) async fn prove(
    asked: &Asked,
    named: Option<&str>,
    entry: Entry,
    file: Option<&Path>,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let reader = open(asked).await?;
    for info in logs(&*reader, named).await? {
        let Some(made) = in_log(&*reader, &info, entry).await? else { continue };
        if let Some(file) = file {
            write_new(&asked.start.join(file), &made.text)?;
        }
        let Made { index, leaf, checkpoint, text } = &made;
        let (log, key) = (&info.log, info.key.as_str());
        let Checkpoint { size, root, .. } = checkpoint;
        out.json(&Answer { log, index: *index, leaf: *leaf, size: *size, root: *root, key, proof: text, file })?;
        match file {
            None if !out.is_json() => out.text(text),
            None => {}
            Some(file) => out.line(format!(
                "proved: {entry} is entry {index} of {log}, in the signed checkpoint of {size} entries; `{}`",
                shown(&file.display().to_string())
            )),
        }
        return Ok(Exit::Done);
    }
    Err(Failure::usage(format!("no log has an entry of `{entry}`; nothing was written")))
}

async fn in_log(reader: &dyn Reader, info: &LogInfo, entry: Entry) -> Result<Option<Made>, Failure> {
    // The checkpoint first: what is read after it holds all that it covers.
    let checkpoint = reader.checkpoint(&info.log).await?;
    let read = reader.read_with(&info.log, move |view| {
        let Some(index) = index_of(view, entry)? else { return Ok(None) };
        let Some(found) = view.entries(index, 1)?.into_iter().next() else { return Ok(None) };
        let proof = seatrial_verify::prove(&StoreSource::new(view, checkpoint), index);
        Ok(Some((index, leaf_hash(&found.bytes), proof)))
    });
    let Some((index, leaf, proof)) = read.await? else { return Ok(None) };
    let proof = proof.map_err(|error| unproved(entry, &error))?;
    // Nothing leaves that does not hold.
    let key: VerifierKey = info.key.parse().map_err(|e| broken(entry, &e))?;
    let checkpoint = proof.verify(&leaf, &key).map_err(|e| broken(entry, &e))?;
    Ok(Some(Made { index, leaf, checkpoint, text: proof.to_string() }))
}

fn index_of(view: &dyn View, entry: Entry) -> Result<Option<u64>, StoreError> {
    match entry {
        Entry::Event(id) => view.event_index(id),
        Entry::Decision(id) => {
            let Some(row) = view.row("decision", id.uuid().as_bytes())? else { return Ok(None) };
            let place: Place = serde_json::from_slice(&row).map_err(|e| StoreError::Damaged {
                log: view.log().clone(),
                what: format!("the row of `{id}` cannot be read: {e}; `seatrial log rebuild` folds it again"),
            })?;
            Ok(Some(place.index))
        }
    }
}

/// No checkpoint covers it yet, or what would prove it cannot be read.
fn unproved(entry: Entry, error: &SourceError) -> Failure {
    Failure {
        exit: Exit::NotReady,
        code: "not_proved",
        message: format!(
            "`{entry}` cannot be proved ({error}); nothing was written. Where it was only just appended, the next signed checkpoint covers it"
        ),
    }
}

fn broken(entry: Entry, error: &dyn std::error::Error) -> Failure {
    Failure::failed(format!(
        "the proof of `{entry}` does not hold ({error}); nothing was written. `seatrial log verify` says more"
    ))
}

fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    let written =
        OpenOptions::new().write(true).create_new(true).open(file).and_then(|mut f| f.write_all(text.as_bytes()));
    written.map_err(|e| Failure::file(format!("`{}` was not written ({e}); name a new file", file.display())))
}
