//! `seatrial accept` and `seatrial handover`.

mod index;
mod pack;
pub(crate) mod rights;

use crate::args::{AcceptArgs, HandoverCommand};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, shown};
use crate::session::Session;
use serde_json::json;

pub(crate) use pack::{make_empty, proved, put, verify, write};

/// Accepts a responsibility.
pub(crate) async fn accept(args: &AcceptArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let name = args.responsibility.strip_prefix("responsibilities.").unwrap_or(&args.responsibility);
    let event = session.factory.accept(&caller, &workflow, name).await?;
    out.json(&json!({ "event": event, "responsibility": name }))?;
    out.line(format!("accepted by {}: responsibilities.{} ({event})", shown(&caller.principal.id), shown(name)));
    Ok(Exit::Done)
}

/// `seatrial handover …`.
pub(crate) async fn handover(command: &HandoverCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    match command {
        HandoverCommand::Acknowledge(args) => rights::acknowledge(args, session, out).await,
        HandoverCommand::EndRights(args) => rights::end(args, session, out).await,
        HandoverCommand::KeepRights(args) => rights::keep(args, session, out).await,
        HandoverCommand::Index(args) => index::index(args, session, out).await,
        HandoverCommand::Pack { out: dir, payloads } => pack::pack(dir, *payloads, session, out).await,
        HandoverCommand::Verify { .. } => Err(Failure::usage("this command needs no open store; nothing was done")),
    }
}
