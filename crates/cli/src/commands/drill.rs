//! `seatrial drill`.

use crate::args::{DrillArgs, DrillCommand, HandsArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown, shown_lines};
use crate::session::Session;
use seatrial_factory::{DrillLook, DrillOptions, Drilled, OpenedDrill};
use seatrial_model::{EventId, ReviewId, Side};
use serde::Serialize;
use std::sync::{Mutex, PoisonError};

#[derive(Serialize)]
struct Drill<'a> {
    event: EventId,
    control: &'a str,
    effective_ms: u64,
    allowed_ms: Option<u64>,
    in_time: bool,
    answered: u64,
    refused: u64,
    finished: u64,
    side: Side,
    counts_for_production: bool,
    why_not: Option<&'a str>,
    steps: &'a [String],
    incident: Option<u64>,
}

/// Exercises a control; lists them where none is named.
pub(crate) async fn drill(args: &DrillArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let Some(command) = &args.command else { return list(&workflow, session, out).await };
    if guided(command) {
        guide(control(command), &workflow, session, out)?;
    }
    let caller = session.caller().await?;
    let name = Some(workflow.as_str());
    let factory = &session.factory;
    let done = match command {
        DrillCommand::Stop { both, wait } => {
            let resumer = factory.local(&both.resumed_by)?;
            let finish_ms = wait.map_or(0, |span| span.as_millis());
            let telling = Telling::of(out);
            let tell = |step: &str| telling.tell(step);
            let options = DrillOptions { tell: &tell, finish_ms };
            factory.drill_stop_with(&caller, &resumer, name, options).await?
        }
        DrillCommand::Incident(both) => {
            let resumer = factory.local(&both.resumed_by)?;
            let telling = Telling::of(out);
            let tell = |step: &str| telling.tell(step);
            let options = DrillOptions { tell: &tell, finish_ms: 0 };
            factory.drill_incident_with(&caller, &resumer, name, options).await?
        }
        DrillCommand::Override(_) => {
            let telling = Telling::of(out);
            let tell = |step: &str| telling.tell(step);
            factory.drill_override_with(&caller, name, DrillOptions { tell: &tell, finish_ms: 0 }).await?
        }
        DrillCommand::Escalation(args) => match answered("escalation", args, session, out).await? {
            Ok(reviews) => factory.close_drill(&caller, name, "escalation", &reviews).await?,
            Err(exit) => return Ok(exit),
        },
        DrillCommand::Degraded(args) => match answered("degraded", args, session, out).await? {
            Ok(reviews) => factory.close_drill(&caller, name, "degraded", &reviews).await?,
            Err(exit) => return Ok(exit),
        },
        DrillCommand::Restore => super::log::drill_restore(session, out).await?,
        DrillCommand::KeyRotation { holder } => {
            let (rotated, done) = factory.drill_key_rotation(&caller, name, holder.clone()).await?;
            out.note(format!("1. the key `{}` is followed by `{}`", rotated.old, rotated.new));
            out.note(format!("2. the checkpoint over {} entries is signed by both", rotated.point.size));
            done
        }
    };
    recorded(&done, out)
}

/// Tells the steps of a drill as they are done.
struct Telling<'o>(Mutex<(&'o mut Out, usize)>);

impl<'o> Telling<'o> {
    fn of(out: &'o mut Out) -> Self {
        Self(Mutex::new((out, 0)))
    }

    fn tell(&self, step: &str) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.1 += 1;
        let line = format!("{}. {}", held.1, shown(step));
        held.0.note(line);
    }
}

const fn control(command: &DrillCommand) -> &'static str {
    match command {
        DrillCommand::Stop { .. } => "stop",
        DrillCommand::Override(_) => "override",
        DrillCommand::Escalation(_) => "escalation",
        DrillCommand::Degraded(_) => "degraded",
        DrillCommand::Incident(_) => "incident",
        DrillCommand::Restore => "restore",
        DrillCommand::KeyRotation { .. } => "key-rotation",
    }
}

const fn guided(command: &DrillCommand) -> bool {
    match command {
        DrillCommand::Stop { both, .. } | DrillCommand::Incident(both) => both.guide.guide,
        DrillCommand::Override(guide) => guide.guide,
        DrillCommand::Escalation(hands) | DrillCommand::Degraded(hands) => hands.guide.guide,
        DrillCommand::Restore | DrillCommand::KeyRotation { .. } => false,
    }
}

/// What is done, and what the runbooks say.
fn guide(control: &str, workflow: &str, session: &Session, out: &mut Out) -> Result<(), Failure> {
    let guide = session.factory.drill_guide(workflow, control)?;
    if out.is_json() {
        return Ok(());
    }
    let title = out.paint(Ink::Strong, &format!("The {control} drill"));
    out.line(title);
    for (n, step) in guide.steps.iter().enumerate() {
        out.line(format!("  {}. {step}", n + 1));
    }
    for runbook in &guide.runbooks {
        let title = out.paint(Ink::Strong, &format!("{} ({})", shown(&runbook.file), runbook.element));
        out.line(title);
        let text = shown_lines(runbook.text.raw());
        for line in text.lines() {
            out.line(format!("  | {line}"));
        }
    }
    Ok(())
}

/// Every control, how it stands, when it was exercised last, what is next.
async fn list(workflow: &str, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let looks = session.factory.drills(workflow).await?;
    out.json(&looks)?;
    if out.is_json() {
        return Ok(Exit::Done);
    }
    let mut rows = Rows::new(out.layout(), &["control", "for production", "last", "next"]);
    for look in &looks {
        let state = look.state.as_ref().map_or_else(|| "-".to_owned(), |s| s.replace('_', " "));
        let next = if look.state.as_deref() == Some("discharged") { String::new() } else { look.command.clone() };
        rows.plain([look.control.clone(), state, last(look), next]);
    }
    let text = rows.text();
    out.text(&text);
    Ok(Exit::Done)
}

fn last(look: &DrillLook) -> String {
    let Some(last) = &look.last else { return "never".to_owned() };
    let counts = match last.counts {
        Some(false) => format!("; does not count: {}", shown(&last.why)),
        _ => String::new(),
    };
    let late = if last.in_time { "" } else { ", late" };
    format!("{} by {} ({}), {} ms{late}{counts}", last.at.day(), shown(&last.by), side(last.side), last.effective_ms)
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Delivery => "delivery",
        Side::Receiving => "receiving",
        Side::Independent => "independent",
    }
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
        finished: done.finished,
        side: done.side,
        counts_for_production: done.not_production.is_none(),
        why_not: done.not_production.as_deref(),
        steps: &done.steps,
        incident: done.incident,
    })?;
    let allowed = done.allowed_ms.map(|ms| format!(", {ms} ms allowed")).unwrap_or_default();
    let what = match done.control.as_str() {
        "stop" => "stopped",
        "override" | "incident" => "taken back",
        "restore" => "found again",
        "key-rotation" => "signed by both keys",
        _ => "answered",
    };
    let ink = if in_time { Ink::Good } else { Ink::Bad };
    let line = out.paint(ink, &format!("{}: {what} within {} ms{allowed}", done.control, done.effective_ms));
    out.line(line);
    if done.answered > 0 {
        out.line(format!(
            "  {} marked request(s) in it; {} output(s) did not leave as they were",
            done.answered, done.refused
        ));
    }
    if done.finished > 0 {
        out.line(format!("  {} marked case(s) were finished by the fallback", done.finished));
    }
    if let Some(number) = done.incident {
        out.line(format!("  incident {number}, a drill: seatrial incident show {number}"));
    }
    if let Some(why) = &done.not_production {
        let line = out.paint(Ink::Warn, &format!("  does not count for production: {}", shown(why)));
        out.line(line);
    }
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
