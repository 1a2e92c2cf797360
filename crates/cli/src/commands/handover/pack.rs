//! `seatrial handover pack` and `verify`: the pack as a folder, sealed; and its check, offline.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::owner::Asked;
use crate::session::Session;
use crate::source::StoreSource;
use seatrial_factory::api::Caller;
use seatrial_factory::{Factory, PackDraft};
use seatrial_ledger::VerifierKey;
use seatrial_model::{Digest, EventId, LogName};
use seatrial_ownership::Gap;
use seatrial_store::{ReaderExt as _, View};
use seatrial_verify::pack::{
    ATTESTATIONS, FACTORY_LOG, KEY, LOG, MANIFEST, Manifest, PAGE, PackVerified, SEAL, is_pack, verify_pack,
};
use seatrial_verify::{ExportOptions, Folder, Trust, export, prove};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;

/// A pack that was written.
pub(crate) struct Written {
    /// The event.
    pub(crate) event: EventId,
    /// The log's key.
    pub(crate) key: String,
    /// How many files, the manifest and its seal left out.
    pub(crate) files: usize,
    /// The digest of the manifest.
    pub(crate) manifest: Digest,
    /// What is still missing for the handover.
    pub(crate) missing: Vec<Gap>,
}

/// `seatrial handover pack`.
pub(super) async fn pack(dir: &Path, payloads: bool, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let target = session.start.join(dir);
    let done = write(&session.factory, &caller, &workflow, &target, payloads).await?;
    let page = target.join(PAGE);
    let missing: Vec<_> =
        done.missing.iter().map(|gap| json!({ "obligation": gap.obligation, "why": gap.why })).collect();
    out.json(&json!({
        "event": done.event, "dir": target, "page": page, "files": done.files, "manifest": done.manifest,
        "key": done.key, "missing": missing,
    }))?;
    out.line(format!("the handover pack is in `{}`, {} files: {}", target.display(), done.files, done.event));
    out.line(format!("  page      {}", page.display()));
    out.line(format!("  manifest  {}", done.manifest));
    if payloads {
        out.line("  with payloads: personal data leaves the store with this pack");
    }
    out.line(format!("next: seatrial handover verify {} --key '{}'", dir.display(), done.key));
    if !done.missing.is_empty() {
        let line = out.paint(Ink::Warn, &format!("{} thing(s) are missing for the handover", done.missing.len()));
        out.line(line);
        let mut rows = Rows::new(out.layout(), &[]);
        for gap in &done.missing {
            rows.plain([format!("  {}", shown(&gap.obligation)), shown(&gap.why)]);
        }
        let text = rows.text();
        if !out.is_json() {
            out.text(&text);
        }
    }
    Ok(Exit::Done)
}

/// Writes a pack into a folder that holds nothing yet, seals it and records it. The seal comes last: without it a
/// folder passes for no pack.
pub(crate) async fn write(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    dir: &Path,
    payloads: bool,
) -> Result<Written, Failure> {
    make_empty(dir)?;
    let draft = factory.draft_pack(caller, workflow).await?;
    put(dir, PAGE, draft.parts.page.as_bytes())?;
    for (path, bytes) in &draft.parts.files {
        put(dir, path, bytes)?;
    }
    for (name, envelope) in &draft.attestations {
        put(dir, &format!("{ATTESTATIONS}/{name}"), envelope.as_bytes())?;
    }
    write_log(factory, &draft, dir, payloads).await?;
    write_factory_entries(factory, &draft, dir).await?;
    let folder = Folder::open(dir).map_err(|e| Failure::file(e.to_string()))?;
    let manifest = Manifest::of(&folder).map_err(|e| Failure::file(format!("the pack was not sealed: {e}")))?;
    let text = manifest.to_string();
    let digest = Digest::of(text.as_bytes());
    let sealed = factory.seal_pack(caller, workflow, &draft, digest).await?;
    put(dir, MANIFEST, text.as_bytes())?;
    put(dir, SEAL, sealed.seal.as_bytes())?;
    Ok(Written {
        event: sealed.event,
        key: draft.identity.key,
        files: manifest.files().len(),
        manifest: digest,
        missing: draft.parts.missing,
    })
}

async fn write_log(factory: &Factory, draft: &PackDraft, dir: &Path, payloads: bool) -> Result<(), Failure> {
    let (checkpoint, target) = (Some(draft.checkpoint.clone()), dir.join(LOG));
    let done = factory.store().read_with(&draft.log, move |view| {
        Ok(export(&StoreSource::new(view, checkpoint), &target, ExportOptions { payloads }))
    });
    done.await?.map_err(|e| Failure::file(e.to_string()))?;
    Ok(())
}

/// The cited entries of the factory's own log, each with its proof: nothing else of that log leaves.
async fn write_factory_entries(factory: &Factory, draft: &PackDraft, dir: &Path) -> Result<(), Failure> {
    let wanted: BTreeSet<u64> = draft.parts.factory_entries.clone();
    if wanted.is_empty() {
        return Ok(());
    }
    let checkpoint = draft.factory_checkpoint.clone();
    let log = LogName::factory();
    let read = factory.store().read_with(&log, move |view| {
        let mut found = Vec::new();
        for index in wanted {
            found.push((index, proved(view, &checkpoint, index)?));
        }
        Ok(found)
    });
    for (index, proved) in read.await? {
        let (leaf, proof) =
            proved.ok_or_else(|| Failure::failed(format!("entry {index} of the factory's log was not proved")))?;
        put(dir, &format!("{FACTORY_LOG}/{index}.json"), &leaf)?;
        put(dir, &format!("{FACTORY_LOG}/{index}.tlog-proof"), proof.as_bytes())?;
    }
    put(dir, &format!("{FACTORY_LOG}/{KEY}"), format!("{}\n", draft.factory_key).as_bytes())
}

/// An entry's bytes and its proof.
pub(crate) type Proved = Option<(Vec<u8>, String)>;

pub(crate) fn proved(view: &dyn View, checkpoint: &str, index: u64) -> Result<Proved, seatrial_store::StoreError> {
    let Some(entry) = view.entries(index, 1)?.into_iter().next() else { return Ok(None) };
    let proof = prove(&StoreSource::new(view, Some(checkpoint.to_owned())), index);
    Ok(proof.ok().map(|proof| (entry.bytes, proof.to_string())))
}

pub(crate) fn put(dir: &Path, place: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = dir.join(place);
    let error = |e: std::io::Error| Failure::file(format!("what is there is not finished: `{}`: {e}", path.display()));
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(error)?;
    }
    std::fs::write(&path, bytes).map_err(error)
}

/// Makes the folder, or finds it empty: nothing is overwritten.
pub(crate) fn make_empty(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir)
        .map_err(|e| Failure::file(format!("`{}` cannot be made ({e}); nothing was generated", dir.display())))?;
    let empty = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none());
    if empty {
        return Ok(());
    }
    Err(Failure::file(format!("`{}` holds something already; nothing was generated. Name a new folder", dir.display())))
}

/// `seatrial handover verify`: needs the folder and the key, and no factory.
pub(crate) fn verify(
    dir: &Path,
    key: Option<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    asked: &Asked,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let target = asked.start.join(dir);
    if !is_pack(&target) {
        return Err(Failure::file(format!(
            "`{}` is no handover pack: it has no `{MANIFEST}`; nothing was checked. `seatrial log verify` checks an export",
            shown(&dir.display().to_string())
        )));
    }
    let trust = Trust { key, witnesses, now: Some(jiff::Timestamp::now().into()) };
    let report: PackVerified =
        verify_pack(&target, &trust).map_err(|e| Failure::file(format!("{e}; nothing was checked")))?;
    out.json(&report)?;
    if !out.is_json() {
        out.text(&report.human());
    }
    Ok(Exit::ready(report.verified))
}
