//! `seatrial log statement`: what somebody signed for an approval, for others to check with OpenSSH alone.

use super::open;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Stream, shown};
use crate::owner::Asked;
use seatrial_ledger::ssh::SshKey;
use seatrial_model::event::ApprovalGiven;
use seatrial_model::{ApprovalStatement, Body, Event, EventId, SIGNATURE_NAMESPACE};
use seatrial_store::{Reader, ReaderExt as _, StoreError, View};
use serde_json::json;
use std::path::Path;

/// An approval as it was found.
struct Found {
    statement: Vec<u8>,
    who: String,
    /// The signature, and the person's keys as `allowed_signers` has them.
    signed: Option<(Vec<u8>, String)>,
}

/// Writes the statement of an approval, and what it is checked with.
pub(super) async fn statement(
    asked: &Asked,
    event: EventId,
    dir: Option<&Path>,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let reader = open(asked).await?;
    let found = find(&*reader, event).await?;
    let text = String::from_utf8_lossy(&found.statement).into_owned();
    let Some(dir) = dir else {
        out.json(&json!({ "event": event, "statement": text, "signed": found.signed.is_some() }))?;
        if !out.is_json() {
            out.pass(Stream::Out, &text);
        }
        return Ok(Exit::Done);
    };
    let Some((signature, signers)) = &found.signed else {
        return Err(Failure::usage(format!("the approval `{event}` is not signed; nothing was written")));
    };
    let target = asked.start.join(dir);
    std::fs::create_dir(&target)
        .map_err(|e| Failure::file(format!("`{}` was not made ({e}); name a new folder", target.display())))?;
    let files: [(&str, &[u8]); 3] = [
        ("statement.json", &found.statement),
        ("statement.json.sig", signature),
        ("allowed_signers", signers.as_bytes()),
    ];
    for (name, bytes) in files {
        let path = target.join(name);
        std::fs::write(&path, bytes)
            .map_err(|e| Failure::file(format!("`{}` was not written ({e})", path.display())))?;
    }
    out.json(&json!({ "event": event, "folder": target, "who": found.who, "signed": true }))?;
    let shown_dir = shown(&dir.display().to_string());
    out.line(format!("statement, signature and keys are in `{shown_dir}`; to check them:"));
    out.line(format!(
        "  ssh-keygen -Y verify -n {SIGNATURE_NAMESPACE} -f {shown_dir}/allowed_signers -I {} -s {shown_dir}/statement.json.sig < {shown_dir}/statement.json",
        shown(&found.who)
    ));
    Ok(Exit::Done)
}

async fn find(reader: &dyn Reader, id: EventId) -> Result<Found, Failure> {
    for info in reader.logs().await? {
        let read = reader.read_with(&info.log, move |view| {
            let Some(index) = view.event_index(id)? else { return Ok(None) };
            let (Some(event), Some(opened)) = (view.event(index)?, view.event(0)?) else { return Ok(None) };
            let Body::LogOpened(opened) = opened.body else { return Ok(None) };
            Ok(Some((signed(view, &event)?, event, opened.origin)))
        });
        let Some((signed, event, origin)) = read.await? else { continue };
        let statement = ApprovalStatement::of(&event, &origin).ok_or_else(|| {
            Failure::usage(format!("`{id}` is a {}, no approval; nothing was written", event.body.kind()))
        })?;
        let statement = statement.bytes().map_err(|e| Failure::failed(e.to_string()))?;
        return Ok(Found { statement, who: event.actor.id.clone(), signed });
    }
    Err(Failure::usage(format!("no log has an event `{id}`; nothing was written")))
}

/// The signature and the keys, where the event has both.
fn signed(view: &dyn View, event: &Event) -> Result<Option<(Vec<u8>, String)>, StoreError> {
    let Body::ApprovalGiven(ApprovalGiven { signature: Some(signature), directory: Some(directory), .. }) = &event.body
    else {
        return Ok(None);
    };
    let (Some(signature), Some(directory)) = (view.blob(signature)?, view.blob(directory)?) else { return Ok(None) };
    Ok(Some((signature, allowed_signers(&directory, &event.actor.id))))
}

/// A person's keys in the form that `ssh-keygen -Y verify` reads: whoever it is, only for Seatrial's namespace.
fn allowed_signers(directory: &[u8], who: &str) -> String {
    let (factory, _, _) = seatrial_spec::check_factory(&String::from_utf8_lossy(directory));
    let keys = factory.as_ref().and_then(|f| f.person(who)).map(|p| p.keys.clone()).unwrap_or_default();
    let lines = keys.iter().filter_map(|key| SshKey::parse(key).and_then(|key| key.line()).ok());
    lines.map(|line| format!("{who} namespaces=\"{SIGNATURE_NAMESPACE}\" {line}\n")).collect()
}
