//! `seatrial log watch`: an outsider's monitor; and `log verify URL`, which is its first look.

use super::served::{ServedLog, is_address};
use super::{now, one_log, open};
use crate::args::WatchArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::owner::Asked;
use crate::source::StoreSource;
use seatrial_ledger::{TilePath, VerifierKey};
use seatrial_model::{Commitment, Digest, LogPoint};
use seatrial_store::ReaderExt as _;
use seatrial_verify::watch::{Alarm, LookError, Looked, NewEntry, Remembered, Watch, look};
use seatrial_verify::{Folder, Held, Source, SourceError};
use serde::Serialize;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The largest file of what was seen that is read: a checkpoint with every witness's line, and a key.
const STATE_BYTES_MAX: u64 = 4 << 20;

/// One look, as it is told.
#[derive(Serialize)]
struct Report {
    in_order: bool,
    alarms: Vec<Alarm>,
    #[serde(flatten)]
    looked: Option<Told>,
    /// The entries that were not there at the look before; at the first look they are read, and not listed.
    new: Vec<NewEntry>,
}

#[derive(Serialize)]
struct Told {
    origin: String,
    seen: Option<LogPoint>,
    point: LogPoint,
    key: String,
    rotations: u64,
    entries: u64,
}

/// What a look came to, with the checkpoint that it was over.
struct Outcome {
    result: Result<Looked, LookError>,
    new: Vec<NewEntry>,
    checkpoint: Option<Vec<u8>>,
}

/// A source whose checkpoint was read once: what is told and kept is what was judged.
struct Pinned<'a, S: ?Sized> {
    inner: &'a S,
    checkpoint: Option<Vec<u8>>,
}

impl<S: Source + ?Sized> Source for Pinned<'_, S> {
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.checkpoint.clone())
    }
    fn earlier_checkpoints(&self) -> Result<Vec<(String, Vec<u8>)>, SourceError> {
        self.inner.earlier_checkpoints()
    }
    fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, SourceError> {
        self.inner.tile(path)
    }
    fn blobs(&self) -> Result<Vec<Digest>, SourceError> {
        self.inner.blobs()
    }
    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, SourceError> {
        self.inner.blob(digest)
    }
    fn payloads(&self) -> Result<Vec<Commitment>, SourceError> {
        self.inner.payloads()
    }
    fn payload(&self, commitment: &Commitment) -> Result<Option<Held>, SourceError> {
        self.inner.payload(commitment)
    }
}

fn looked_at<S: Source + ?Sized>(source: &S, watch: &Watch, remembered: Option<&Remembered>) -> Outcome {
    let checkpoint = match source.checkpoint() {
        Ok(checkpoint) => checkpoint,
        Err(error) => return Outcome { result: Err(error.into()), new: Vec::new(), checkpoint: None },
    };
    let pinned = Pinned { inner: source, checkpoint };
    let mut new = Vec::new();
    // At the first look everything is new: it is read, and not held.
    let result = look(&pinned, watch, remembered, |entry| {
        if remembered.is_some() {
            new.push(entry);
        }
    });
    Outcome { result, new, checkpoint: pinned.checkpoint }
}

/// Where the log is.
enum Place {
    Served(ServedLog),
    Export(Folder),
    Store { asked: Box<Asked>, named: Option<String> },
}

impl Place {
    fn find(place: &Path, asked: &Asked, named: Option<&str>) -> Result<Self, Failure> {
        if is_address(place) {
            return ServedLog::new(place, asked.who.token.clone()).map(Self::Served).map_err(Failure::usage);
        }
        let dir = asked.start.join(place);
        if dir.join("checkpoint").is_file() {
            return Folder::open(dir)
                .map(Self::Export)
                .map_err(|e| Failure::file(format!("{e}; nothing was looked at")));
        }
        let asked =
            Box::new(Asked { argv: asked.argv.clone(), start: dir, who: asked.who.clone(), layout: asked.layout });
        Ok(Self::Store { asked, named: named.map(str::to_owned) })
    }

    async fn look(&self, watch: Watch, remembered: Option<Remembered>) -> Result<Outcome, Failure> {
        match self {
            Self::Served(source) => {
                let source = source.clone();
                let looked = move || looked_at(&source, &watch, remembered.as_ref());
                tokio::task::spawn_blocking(looked).await.map_err(|e| Failure::failed(e.to_string()))
            }
            Self::Export(folder) => Ok(looked_at(folder, &watch, remembered.as_ref())),
            Self::Store { asked, named } => {
                let reader = open(asked).await?;
                let info = one_log(&*reader, named.as_deref()).await?;
                let checkpoint = reader.checkpoint(&info.log).await?;
                let read = move |view: &dyn seatrial_store::View| {
                    Ok(looked_at(&StoreSource::new(view, checkpoint), &watch, remembered.as_ref()))
                };
                Ok(reader.read_with(&info.log, read).await?)
            }
        }
    }
}

/// Watches a log.
pub(super) async fn watch(args: WatchArgs, asked: &Asked, named: Option<&str>, out: &mut Out) -> Result<Exit, Failure> {
    let place = Place::find(&args.place, asked, named)?;
    let state = state_file(&args, asked)?;
    loop {
        let remembered = read_state(&state)?;
        let watch = expected(&args, remembered.as_ref())?;
        let outcome = place.look(watch, remembered).await?;
        match one_look(outcome, &state, out)? {
            None if args.once => return Err(Failure::failed("the log could not be read; nothing is said of it")),
            Some(exit) if args.once || exit != Exit::Done => return Ok(exit),
            _ => {}
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(args.every.as_millis())) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
    }
}

/// What is trusted: the key given, or the one remembered.
fn expected(args: &WatchArgs, remembered: Option<&Remembered>) -> Result<Watch, Failure> {
    let key = match (&args.key, remembered) {
        (Some(key), _) => key.clone(),
        (None, Some(remembered)) => remembered.opened().map_err(|e| Failure::file(damaged(&e)))?.0,
        (None, None) => {
            let text =
                "the first look needs the log's key, from a source other than the log: `--key`; nothing was looked at";
            return Err(Failure::usage(text));
        }
    };
    let grows_within_ms = args.grows_within.map(|span| span.as_millis());
    Ok(Watch { key, witnesses: args.witnesses.clone(), grows_within_ms, now: now() })
}

fn damaged(why: &str) -> String {
    format!(
        "what was remembered cannot be used ({why}); nothing was looked at. A copy of it, or an old checkpoint, is needed"
    )
}

/// Tells a look, and keeps what was seen; none where the log could not be read.
fn one_look(outcome: Outcome, state: &Path, out: &mut Out) -> Result<Option<Exit>, Failure> {
    let Outcome { result, new, checkpoint } = outcome;
    match result {
        Ok(looked) => {
            write_new_state(state, &looked.remember)?;
            let exit = Exit::ready(looked.alarms.is_empty());
            tell(looked, new, out)?;
            Ok(Some(exit))
        }
        Err(LookError::Alarm(alarm)) => {
            let kept = keep_contradiction(&alarm, checkpoint.as_deref(), state)?;
            out.json(&Report { in_order: false, alarms: vec![alarm.clone()], looked: None, new: Vec::new() })?;
            tell_alarm(&alarm, out);
            if let Some(kept) = kept {
                out.line(format!("kept: `{}` (seen before) and `{}` (shown now)", state.display(), kept.display()));
            }
            Ok(Some(Exit::NotReady))
        }
        Err(LookError::Remembered(why)) => Err(Failure::file(damaged(&why))),
        Err(LookError::Source(error)) => {
            out.note(format!("not read: {}", shown(&error.to_string())));
            Ok(None)
        }
    }
}

fn tell(looked: Looked, new: Vec<NewEntry>, out: &mut Out) -> Result<(), Failure> {
    let Looked { origin, seen, point, key, rotations, entries, alarms, .. } = looked;
    if !out.is_json() {
        let heading = out.paint(Ink::Strong, &shown(&origin));
        out.line(format!("{heading}  {} entries, root {}", point.size, point.root));
        match &seen {
            None => out.line(format!("first look: {entries} entries read, each as it was signed")),
            Some(seen) => out.line(format!("begins with the {} entries seen before; {entries} new", seen.size)),
        }
        if rotations > 0 {
            out.line(format!(
                "its key changed hands {rotations} time(s), each vouched for by the one before: {}",
                shown(&key)
            ));
        }
        for entry in &new {
            let NewEntry { index, time, kind, actor, leaf, .. } = entry;
            out.line(format!("  {index}  {time}  {kind}  {}  {leaf}", shown(actor)));
        }
        alarms.iter().for_each(|alarm| tell_alarm(alarm, out));
    }
    let in_order = alarms.is_empty();
    out.json(&Report { in_order, alarms, looked: Some(Told { origin, seen, point, key, rotations, entries }), new })
}

fn tell_alarm(alarm: &Alarm, out: &mut Out) {
    let line = out.paint(Ink::Bad, &format!("ALARM {}", shown(&alarm.to_string())));
    out.line(line);
}

/// The file of what was seen: the one named, or one named after the log.
fn state_file(args: &WatchArgs, asked: &Asked) -> Result<PathBuf, Failure> {
    match (&args.state, &args.key) {
        (Some(file), _) => Ok(asked.start.join(file)),
        (None, Some(key)) => {
            let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
            let name: String = key.name().chars().map(plain).collect();
            Ok(asked.start.join(format!("{name}.seen.json")))
        }
        (None, None) => Err(Failure::usage(
            "say which log this is: `--key` with its verifier key, or `--state` with the file of an earlier look; nothing was looked at",
        )),
    }
}

fn read_state(file: &Path) -> Result<Option<Remembered>, Failure> {
    let bytes = match fs::metadata(file) {
        Ok(meta) if meta.len() > STATE_BYTES_MAX => return Err(Failure::file(damaged("the file is too large"))),
        Ok(_) => fs::read(file).map_err(|e| Failure::file(damaged(&e.to_string())))?,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Failure::file(damaged(&e.to_string()))),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|e| Failure::file(damaged(&e.to_string())))
}

/// Replaces the file at once: a monitor that was killed remembers the look before.
fn write_new_state(file: &Path, remember: &Remembered) -> Result<(), Failure> {
    let failed = |e: &dyn std::fmt::Display| {
        Failure::file(format!("`{}` was not written ({e}): what was seen is not remembered", file.display()))
    };
    let mut bytes = serde_json::to_vec_pretty(remember).map_err(|e| failed(&e))?;
    bytes.push(b'\n');
    let beside = file.with_extension("json.new");
    fs::write(&beside, bytes).map_err(|e| failed(&e))?;
    fs::rename(&beside, file).map_err(|e| failed(&e))
}

/// Two signed checkpoints that contradict each other are the proof: the second one is kept beside the first.
fn keep_contradiction(alarm: &Alarm, checkpoint: Option<&[u8]>, state: &Path) -> Result<Option<PathBuf>, Failure> {
    let (Alarm::Fork { .. } | Alarm::RolledBack { .. }, Some(bytes)) = (alarm, checkpoint) else { return Ok(None) };
    let file = state.with_extension("contradiction");
    let failed = |e| Failure::file(format!("ALARM {alarm}; and `{}` was not written ({e})", file.display()));
    fs::write(&file, bytes).map_err(failed)?;
    Ok(Some(file))
}

/// `seatrial log verify URL`: everything that is served of a log, from its first entry.
pub(super) async fn verify_served(
    address: &Path,
    key: Option<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    asked: &Asked,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let source = ServedLog::new(address, asked.who.token.clone()).map_err(Failure::usage)?;
    let given = key.is_some();
    let unread =
        |e: &dyn std::fmt::Display| Failure::failed(format!("the log could not be read: {e}; nothing is said of it"));
    let looked = move || -> Result<Outcome, String> {
        let key = match key {
            Some(key) => key,
            None => {
                let bytes =
                    source.get("key").map_err(|e| e.to_string())?.ok_or("it serves no key; give it with `--key`")?;
                let text = String::from_utf8(bytes).map_err(|_| "its key is not text")?;
                text.trim().parse().map_err(|e: seatrial_ledger::note::KeyError| e.to_string())?
            }
        };
        let watch = Watch { key, witnesses, grows_within_ms: None, now: now() };
        Ok(looked_at(&source, &watch, None))
    };
    let outcome = tokio::task::spawn_blocking(looked).await.map_err(|e| unread(&e))?.map_err(|e| unread(&e))?;
    match outcome.result {
        Ok(looked) => {
            let exit = Exit::ready(looked.alarms.is_empty());
            if !out.is_json() {
                let note = if given { "" } else { "  (self-asserted key: give the log's key with --key)" };
                out.line(format!("key       {}{note}", shown(&looked.key)));
            }
            tell(looked, Vec::new(), out)?;
            out.line("the log itself was checked; verdicts, findings, blobs and payloads are, over an export");
            Ok(exit)
        }
        Err(LookError::Alarm(alarm)) => {
            out.json(&Report { in_order: false, alarms: vec![alarm.clone()], looked: None, new: Vec::new() })?;
            tell_alarm(&alarm, out);
            Ok(Exit::NotReady)
        }
        Err(other) => Err(unread(&other)),
    }
}
