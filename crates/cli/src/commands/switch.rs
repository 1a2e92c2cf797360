//! `seatrial stop` and `seatrial resume`.

use crate::args::SwitchArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out};
use crate::session::Session;
use serde_json::json;

/// Stops a workflow or a step.
pub(crate) async fn stop(args: &SwitchArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let done = session.factory.stop(&caller, &workflow, args.step.as_deref(), &args.reason).await?;
    out.json(&done)?;
    let line = out.paint(Ink::Bad, &format!("{} is stopped", named(&workflow, args)));
    out.line(line);
    out.line(format!("  in force after {} ms; {} request(s) in flight got no output", done.effective_ms, done.cut));
    out.line(format!("  event {}", done.event));
    Ok(Exit::Done)
}

/// Resumes what was stopped.
pub(crate) async fn resume(args: &SwitchArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let event = session.factory.resume(&caller, &workflow, args.step.as_deref(), &args.reason).await?;
    out.json(&json!({ "event": event }))?;
    out.line(format!("{} is resumed: {event}", named(&workflow, args)));
    Ok(Exit::Done)
}

fn named(workflow: &str, args: &SwitchArgs) -> String {
    match &args.step {
        Some(step) => format!("step `{}` of {workflow}", crate::out::shown(step)),
        None => workflow.to_owned(),
    }
}
