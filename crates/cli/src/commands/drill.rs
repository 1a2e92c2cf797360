//! `seatrial drill`.

use crate::args::{DrillCommand, HandsArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::session::Session;
use seatrial_factory::{Drilled, OpenedDrill};
use seatrial_model::{EventId, ReviewId};
use serde::Serialize;

#[derive(Serialize)]
struct Drill<'a> {
    event: EventId,
    control: &'a str,
    effective_ms: u64,
    allowed_ms: Option<u64>,
    in_time: bool,
    answered: u64,
    refused: u64,
}

/// Exercises a control.
pub(crate) async fn drill(command: &DrillCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let name = Some(workflow.as_str());
    let factory = &session.factory;
    let done = match command {
        DrillCommand::Stop { resumed_by } => factory.drill_stop(&caller, &factory.local(resumed_by)?, name).await?,
        DrillCommand::Incident { resumed_by } => {
            factory.drill_incident(&caller, &factory.local(resumed_by)?, name).await?
        }
        DrillCommand::Override => factory.drill_override(&caller, name).await?,
        DrillCommand::Escalation(args) => match answered("escalation", args, session, out).await? {
            Ok(reviews) => factory.close_drill(&caller, name, "escalation", &reviews).await?,
            Err(exit) => return Ok(exit),
        },
        DrillCommand::Degraded(args) => match answered("degraded", args, session, out).await? {
            Ok(reviews) => factory.close_drill(&caller, name, "degraded", &reviews).await?,
            Err(exit) => return Ok(exit),
        },
    };
    recorded(&done, out)
}

fn recorded(done: &Drilled, out: &mut Out) -> Result<Exit, Failure> {
    let in_time = done.in_time();
    out.json(&Drill {
        event: done.event,
        control: &done.control,
        effective_ms: done.effective_ms,
        allowed_ms: done.allowed_ms,
        in_time,
        answered: done.answered,
        refused: done.refused,
    })?;
    let allowed = done.allowed_ms.map(|ms| format!(", {ms} ms allowed")).unwrap_or_default();
    let what = match done.control.as_str() {
        "stop" => "stopped",
        "override" | "incident" => "taken back",
        _ => "answered",
    };
    let ink = if in_time { Ink::Good } else { Ink::Bad };
    let line = out.paint(ink, &format!("{}: {what} within {} ms{allowed}", done.control, done.effective_ms));
    out.line(line);
    out.line(format!(
        "  {} marked request(s) in it; {} output(s) did not leave as they were",
        done.answered, done.refused
    ));
    out.line(format!("  event {}", done.event));
    Ok(Exit::ready(in_time))
}

/// The reviews that a drill is recorded over; or how the command ends, where it was only opened.
async fn answered(
    control: &str,
    args: &HandsArgs,
    session: &Session,
    out: &mut Out,
) -> Result<Result<Vec<ReviewId>, Exit>, Failure> {
    if !args.done.is_empty() {
        return Ok(Ok(args.done.clone()));
    }
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let opened = match control {
        "escalation" => session.factory.open_escalation_drill(&caller, Some(&workflow)).await?,
        _ => session.factory.open_degraded_drill(&caller, Some(&workflow)).await?,
    };
    let reviews: Vec<ReviewId> = opened.reviews.iter().map(|r| r.review).collect();
    let Some(wait) = args.wait else {
        out.json(&opened)?;
        waiting(&opened, out);
        return Ok(Err(Exit::Done));
    };
    for review in &opened.reviews {
        out.note(format!("waiting for `{}` to answer {}", shown(&review.to), review.review));
    }
    if !session.factory.reviews_answered(&reviews, wait.as_millis()).await? {
        out.json(&opened)?;
        let line = out.paint(Ink::Bad, &format!("not answered within {wait}; nothing was recorded"));
        out.line(line);
        waiting(&opened, out);
        return Ok(Err(Exit::NotReady));
    }
    Ok(Ok(reviews))
}

fn waiting(opened: &OpenedDrill, out: &mut Out) {
    for review in &opened.reviews {
        let due = review.due.map(|due| format!(", late after {due}")).unwrap_or_default();
        out.line(format!("{}  waits for `{}`{due}", review.review, shown(&review.to)));
    }
    let reviews: Vec<ReviewId> = opened.reviews.iter().map(|r| r.review).collect();
    out.line("next: they answer with `seatrial review answer`; then the drill is recorded:");
    out.line(format!("  seatrial drill {} {}", opened.control, done_options(&reviews)));
}

fn done_options(reviews: &[ReviewId]) -> String {
    reviews.iter().map(|r| format!("--done {r}")).collect::<Vec<_>>().join(" ")
}
