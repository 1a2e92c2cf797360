//! `seatrial attest`: what the log holds, as statements that others' tools read.

use super::handover::{make_empty, proved, put};
use crate::args::{AttestCommand, AttestationKind};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, shown};
use crate::owner::Asked;
use crate::session::Session;
use seatrial_ledger::leaf_hash;
use seatrial_model::Digest;
use seatrial_store::ReaderExt as _;
use seatrial_verify::attest::{Statement, key_of, read_envelope, subject_of};
use serde::Serialize;
use serde_json::json;
use std::path::{Path, PathBuf};

/// What the folder holds, and where in the log it is.
const INDEX: &str = "index.json";

/// One line of the index.
#[derive(Serialize)]
struct Line {
    file: String,
    kind: &'static str,
    predicate_type: &'static str,
    entry: u64,
    leaf: Digest,
    proof: String,
}

/// `seatrial attest …`.
pub(super) async fn attest(command: &AttestCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    match command {
        AttestCommand::Export { dir, kind } => export(dir, kind, session, out).await,
        AttestCommand::Add { file, obligation } => add(file, obligation.as_deref(), session, out).await,
        AttestCommand::Verify { .. } => Err(Failure::usage("this command needs no open store; nothing was done")),
    }
}

async fn add(file: &Path, obligation: Option<&str>, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let (caller, workflow) = (session.caller().await?, session.workflow()?);
    let path = session.start.join(file);
    let envelope = read_envelope(&path).map_err(|why| Failure::file(format!("{why}; nothing was recorded")))?;
    let accepted = session.factory.accept_attestation(&caller, &workflow, obligation, envelope).await?;
    out.json(&accepted)?;
    out.line(format!(
        "accepted for `{}`: {} about {}, signed by the key {}: {}",
        shown(&accepted.obligation),
        shown(&accepted.predicate),
        accepted.subject.short(),
        accepted.key.short(),
        accepted.event
    ));
    Ok(Exit::Done)
}

/// `seatrial attest verify`.
pub(crate) fn verify(
    files: &[PathBuf],
    keys: &[String],
    subject: Option<&Path>,
    asked: &Asked,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let unchecked = |why: String| Failure::file(format!("{why}; nothing was checked"));
    let keys = keys.iter().map(|text| key_of(text, |file| asked.start.join(file))).collect::<Result<Vec<_>, _>>();
    let keys = keys.map_err(unchecked)?;
    let subject = subject.map(|file| subject_of(&asked.start.join(file))).transpose().map_err(unchecked)?;
    let mut found = Vec::with_capacity(files.len());
    for file in files {
        let envelope = read_envelope(&asked.start.join(file)).map_err(unchecked)?;
        found.push(Statement::check(&file.display().to_string(), &envelope, &keys, subject));
    }
    let verified = found.iter().all(|s| s.verified);
    out.json(&json!({ "verified": verified, "statements": found }))?;
    for statement in &found {
        statement.lines().iter().for_each(|line| out.line(shown(line)));
    }
    Ok(Exit::ready(verified))
}

async fn export(dir: &Path, kinds: &[AttestationKind], session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let mut made = session.factory.attestations(&caller, &workflow).await?;
    made.signed.retain(|(statement, _)| kinds.is_empty() || kinds.iter().any(|k| k.as_str() == statement.kind));
    let (indexes, checkpoint) = (made.signed.iter().map(|(s, _)| s.index).collect::<Vec<_>>(), made.checkpoint.clone());
    let read = session.factory.store().read_with(&made.log, move |view| {
        indexes.into_iter().map(|index| proved(view, &checkpoint, index)).collect::<Result<Vec<_>, _>>()
    });
    let proofs = read.await?;
    let target = session.start.join(dir);
    make_empty(&target)?;
    let mut lines = Vec::with_capacity(proofs.len());
    for ((statement, envelope), proved) in made.signed.iter().zip(proofs) {
        let (leaf, proof) = proved.ok_or_else(|| {
            Failure::failed(format!("entry {} was not proved; `{}` is not whole", statement.index, target.display()))
        })?;
        let proof_file = format!("{}.tlog-proof", statement.name.trim_end_matches(".json"));
        put(&target, &statement.name, envelope.as_bytes())?;
        put(&target, &proof_file, proof.as_bytes())?;
        lines.push(Line {
            file: statement.name.clone(),
            kind: statement.kind,
            predicate_type: statement.predicate_type,
            entry: statement.index,
            leaf: leaf_hash(&leaf),
            proof: proof_file,
        });
    }
    let index = json!({
        "log": made.log, "origin": made.identity.origin, "key": made.identity.key, "point": made.identity.point,
        "statements": lines,
    });
    let mut text = serde_json::to_vec_pretty(&index).map_err(|e| Failure::failed(e.to_string()))?;
    text.push(b'\n');
    put(&target, "KEY", format!("{}\n", made.identity.key).as_bytes())?;
    // Last: without it the folder is not whole.
    put(&target, INDEX, &text)?;
    out.json(&index)?;
    let what = if kinds.is_empty() { "releases, evaluations and approvals" } else { "of the kinds asked for" };
    let shown_dir = shown(&dir.display().to_string());
    out.line(format!("{} statements ({what}), each signed by the log's key, are in `{shown_dir}`", lines.len()));
    if lines.is_empty() {
        out.line("nothing of that kind is recorded yet: the folder holds the key and an empty index");
    }
    Ok(Exit::Done)
}
