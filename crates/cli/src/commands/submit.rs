//! `seatrial submit`.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Out;
use crate::session::Session;
use seatrial_model::{Digest, LogName};
use serde::Serialize;

#[derive(Serialize)]
struct Answer {
    workflow: LogName,
    spec: Digest,
    new: bool,
    first: bool,
    elements: usize,
    added: usize,
    removed: usize,
    changed: usize,
}

/// Puts the work tree's spec into the log.
pub(crate) async fn submit(session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let folder = session.folder()?;
    let done = session.factory.submit(&caller, Some(&folder.label)).await?;
    let (added, removed, changed) = done.changes;
    let (first, elements) = (done.first, done.elements);
    let workflow = done.workflow.clone();
    out.json(&Answer { workflow, spec: done.spec, new: done.new, first, elements, added, removed, changed })?;
    if done.new {
        let what = match first {
            true => format!("first submission, {elements} elements"),
            false => format!("elements: {added} added, {removed} removed, {changed} changed"),
        };
        out.line(format!("{} submitted: {} ({what})", done.workflow, done.spec.short()));
        out.line("next: seatrial status");
    } else {
        out.line(format!("{} is submitted already: {}; nothing was recorded", done.workflow, done.spec.short()));
    }
    Ok(Exit::Done)
}
