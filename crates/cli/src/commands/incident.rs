//! `seatrial incident`.

use crate::args::{IncidentCommand, IncidentOpenArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown, shown_lines};
use crate::session::Session;
use seatrial_factory::api::Held;
use seatrial_factory::{IncidentChanged, IncidentInput, IncidentLook, IncidentStep, IncidentStory};
use serde_json::json;

/// `seatrial incident …`.
pub(crate) async fn incident(command: IncidentCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    match command {
        IncidentCommand::List { open } => return list(open, session, out).await,
        IncidentCommand::Show { incident, markdown } => return show(incident, markdown, session, out).await,
        _ => {}
    }
    let (caller, workflow) = (session.caller().await?, session.workflow()?);
    let factory = &session.factory;
    let (number, step, said) = match command {
        IncidentCommand::Open(args) => {
            let done = factory.open_incident(&caller, &workflow, input(args)).await?;
            return changed(&done, "opened", out);
        }
        IncidentCommand::Review { incident, text, finding } => {
            let done = factory.review_incident(&caller, &workflow, incident, &text, finding).await?;
            return changed(&done, "reviewed", out);
        }
        IncidentCommand::Note(args) => (args.incident, IncidentStep::note(args.text), "noted"),
        IncidentCommand::Severity { incident, severity, text } => {
            (incident, IncidentStep::severity(severity, text), "another severity")
        }
        IncidentCommand::HandOver { incident, owner, text } => {
            (incident, IncidentStep::hand_over(owner, text), "handed over")
        }
        IncidentCommand::Decide { incident, course, text, step } => {
            (incident, IncidentStep { step, ..IncidentStep::decide(course, text) }, "decided")
        }
        IncidentCommand::Resolve(args) => (args.incident, IncidentStep::resolve(args.text), "resolved"),
        IncidentCommand::List { .. } | IncidentCommand::Show { .. } => return Ok(Exit::Done),
    };
    let done = factory.incident_step(&caller, &workflow, number, step).await?;
    changed(&done, said, out)
}

fn input(args: IncidentOpenArgs) -> IncidentInput {
    IncidentInput {
        owner: args.owner,
        decisions: args.decision,
        elements: args.element,
        text: args.text,
        ..IncidentInput::of(args.severity)
    }
}

fn changed(done: &IncidentChanged, said: &str, out: &mut Out) -> Result<Exit, Failure> {
    out.json(&json!({
        "incident": done.incident, "event": done.event, "stop": done.stop, "findings": done.findings,
    }))?;
    out.line(format!("incident {}: {said}: {}", done.incident, done.event));
    if let Some(stop) = done.stop {
        let line = out.paint(Ink::Bad, "  it is stopped; another person resumes: seatrial resume --reason WHY");
        out.line(line);
        out.line(format!("  the stop: {stop}"));
    }
    for finding in &done.findings {
        out.line(format!("  finding for the next sprint: {finding}"));
    }
    if said == "opened" {
        out.line(format!("next: `seatrial incident decide {} stop REASON`, or `go-on`", done.incident));
    }
    Ok(Exit::Done)
}

async fn list(open: bool, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let all = match open {
        true => session.factory.open_incidents(&workflow).await?,
        false => session.factory.incidents(&workflow).await?,
    };
    out.json(&all)?;
    if out.is_json() {
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        out.line("no incident");
        return Ok(Exit::Done);
    }
    let mut rows = Rows::new(out.layout(), &["", "state", "severity", "owner", "opened", "what"]);
    for look in &all {
        let drill = if look.drill { " (drill)" } else { "" };
        rows.plain([
            look.incident.to_string(),
            format!("{}{drill}", look.state.as_str()),
            look.severity.to_string(),
            shown(&look.owner),
            look.opened.to_string(),
            written(&look.text),
        ]);
    }
    let text = rows.text();
    out.text(&text);
    Ok(Exit::Done)
}

async fn show(number: u64, markdown: bool, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let story = session.factory.incident(&workflow, number).await?;
    out.json(&story)?;
    if out.is_json() {
        return Ok(Exit::Done);
    }
    if markdown {
        out.text(&story.markdown());
        return Ok(Exit::Done);
    }
    head(&story.incident, out);
    timeline(&story, out);
    if let Some(next) = &story.incident.next {
        out.line(format!("next: {next}"));
    }
    Ok(Exit::Done)
}

fn head(look: &IncidentLook, out: &mut Out) {
    let drill = if look.drill { ", a drill" } else { "" };
    let title = format!("incident {}: {}, {}{drill}", look.incident, look.state.as_str(), look.severity);
    let title = out.paint(Ink::Strong, &title);
    out.line(title);
    let course = look.course.map_or_else(|| "not yet".to_owned(), |c| c.to_string());
    out.line(format!("  owner    {}", shown(&look.owner)));
    out.line(format!("  opened   {} by {}", look.opened, shown(&look.by)));
    out.line(format!("  decided  {course}"));
    for element in &look.elements {
        out.line(format!("  about    {}", shown(element.as_str())));
    }
    for line in shown_lines(&written(&look.text)).lines() {
        out.line(format!("  | {line}"));
    }
}

fn timeline(story: &IncidentStory, out: &mut Out) {
    let mut rows = Rows::new(out.layout(), &["when", "who", "what"]);
    for entry in &story.timeline {
        let before = if entry.before { "before: " } else { "" };
        let text = written(&entry.text);
        let text = if text.is_empty() { text } else { format!(": {text}") };
        rows.plain([entry.at.to_string(), shown(&entry.by), format!("{before}{}{text}", shown(&entry.says))]);
    }
    let text = rows.text();
    out.text(&text);
    if story.cut_short {
        out.line("there is more than is listed: `seatrial log export FOLDER` has all of it");
    }
}

fn written(held: &Held) -> String {
    match held {
        Held::Text { text, .. } => shown(text.raw()),
        Held::Erased { on, by } => format!("erased on {} by {}", on.day(), shown(by)),
        _ => String::new(),
    }
}
