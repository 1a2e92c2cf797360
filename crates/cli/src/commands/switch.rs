//! `seatrial stop` and `seatrial resume`.

use crate::args::SwitchArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out};
use crate::session::Session;
use seatrial_factory::api::Caller;
use serde_json::json;

/// Stops a workflow or a step.
pub(crate) async fn stop(args: &SwitchArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    if args.all {
        return stop_all(&caller, args, session, out).await;
    }
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
    if args.all {
        return resume_all(&caller, args, session, out).await;
    }
    let workflow = session.workflow()?;
    let event = session.factory.resume(&caller, &workflow, args.step.as_deref(), &args.reason).await?;
    out.json(&json!({ "event": event }))?;
    out.line(format!("{} is resumed: {event}", named(&workflow, args)));
    Ok(Exit::Done)
}

async fn stop_all(caller: &Caller, args: &SwitchArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let done = session.factory.stop_all(caller, &args.reason).await?;
    out.json(&done)?;
    let line = out.paint(Ink::Bad, &format!("{} workflow(s) of the factory are stopped", done.stopped.len()));
    out.line(line);
    out.line(format!("  in force after {} ms; {} request(s) in flight got no output", done.effective_ms, done.cut));
    for (workflow, why) in &done.failed {
        out.line(format!("  not stopped: {workflow}: {why}"));
    }
    Ok(Exit::ready(done.failed.is_empty()))
}

async fn resume_all(caller: &Caller, args: &SwitchArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let done = session.factory.resume_all(caller, &args.reason).await?;
    out.json(&done)?;
    out.line(format!("{} workflow(s) of the factory are resumed", done.resumed.len()));
    for workflow in &done.still_stopped {
        out.line(format!("  stopped on its own: {workflow}; `seatrial resume` resumes it"));
    }
    for (workflow, why) in &done.failed {
        out.line(format!("  not resumed: {workflow}: {why}"));
    }
    Ok(Exit::ready(done.failed.is_empty()))
}

fn named(workflow: &str, args: &SwitchArgs) -> String {
    match &args.step {
        Some(step) => format!("step `{}` of {workflow}", crate::out::shown(step)),
        None => workflow.to_owned(),
    }
}
