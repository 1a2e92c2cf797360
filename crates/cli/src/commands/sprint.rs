//! `seatrial sprint`: opened with what it means to learn, noted in as it goes, closed with four answers from the log.

use crate::args::SprintCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::session::Session;
use seatrial_factory::{NoteInput, SprintLook};
use seatrial_model::event::SprintOpened;
use seatrial_model::{Body, SprintId};
use seatrial_sprint::backlog::BacklogItem;
use seatrial_sprint::clarity::{Look, layer_name};
use serde_json::json;

/// `seatrial sprint …`.
pub(crate) async fn sprint(command: SprintCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    match command {
        SprintCommand::Open { goal, questions, obligations } => {
            let caller = session.caller().await?;
            let folder = session.folder()?;
            let opened =
                session.factory.open_sprint(&caller, Some(&folder.label), &goal, questions, obligations).await?;
            let (sprint, number) = opened;
            out.json(&json!({ "sprint": sprint, "number": number }))?;
            out.line(format!("sprint {number} is open: {sprint}"));
            out.note("next: seatrial sprint backlog");
        }
        SprintCommand::Close { sprint } => close(sprint, session, out).await?,
        SprintCommand::Show { sprint } => {
            let number = match sprint {
                Some(id) => Some(number_of(session, id).await?),
                None => None,
            };
            let look = session.factory.sprint_look(&session.workflow()?, number).await?;
            report(&look, out)?;
        }
        SprintCommand::Report { number, markdown, html } => {
            let look = session.factory.sprint_look(&session.workflow()?, number).await?;
            match (markdown, html) {
                (true, _) => out.text(&look.markdown()),
                (_, true) => out.text(&look.html()),
                _ => report(&look, out)?,
            }
        }
        SprintCommand::Backlog { stage } => {
            let backlog = session.factory.backlog(&session.workflow()?, stage.map(Into::into)).await?;
            out.json(&json!({ "stage": backlog.stage, "items": backlog.items }))?;
            let heading = out.paint(Ink::Strong, &format!("on the way to {}", backlog.stage));
            out.line(heading);
            if backlog.items.is_empty() {
                out.line(format!("  nothing is in the way; next: seatrial release {} --dry-run", backlog.stage));
            }
            for (i, item) in backlog.items.iter().enumerate() {
                show_item(i + 1, item, out);
            }
        }
        SprintCommand::Note { text, element, cites } => {
            note(NoteInput { text, finding: false, element, cites }, session, out).await?;
        }
        SprintCommand::Finding { text, element, cites } => {
            note(NoteInput { text, finding: true, element, cites }, session, out).await?;
        }
        SprintCommand::Clarity { svg } => clarity(svg, session, out).await?,
    }
    Ok(Exit::Done)
}

async fn close(named: Option<SprintId>, session: &Session, out: &mut Out) -> Result<(), Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    if let Some(named) = named {
        let open = session.factory.sprint_look(&workflow, None).await?;
        if open.closed.is_some() || open.report.sprint != named {
            return Err(Failure::usage(format!("`{named}` is not the open sprint; nothing was closed")));
        }
    }
    let done = session.factory.close_sprint(&caller, &workflow).await?;
    let look = session.factory.sprint_look(&workflow, Some(done.report.number)).await?;
    out.json(&json!({ "event": done.event, "report": done.report, "clarity": look.clarity }))?;
    lines(&look.markdown(), out);
    Ok(())
}

async fn note(input: NoteInput, session: &Session, out: &mut Out) -> Result<(), Failure> {
    let caller = session.caller().await?;
    let what = if input.finding { "finding" } else { "note" };
    let event = session.factory.note(&caller, &session.workflow()?, input).await?;
    out.json(&json!({ "event": event }))?;
    out.line(format!("{what} recorded: {event}"));
    Ok(())
}

/// The number of the sprint with this id.
async fn number_of(session: &Session, id: SprintId) -> Result<u64, Failure> {
    let history = session.factory.history(&session.workflow()?).await?;
    let number = history.iter().find_map(|e| match &e.event.body {
        Body::SprintOpened(SprintOpened { sprint, number, .. }) if *sprint == id => Some(*number),
        _ => None,
    });
    number.ok_or_else(|| Failure::usage(format!("there is no sprint `{id}`; `seatrial sprint show` shows the newest")))
}

fn report(look: &SprintLook, out: &mut Out) -> Result<(), Failure> {
    let texts: Vec<_> = look.texts.iter().map(|(event, text)| json!({ "event": event, "text": text })).collect();
    out.json(&json!({
        "open": look.closed.is_none(),
        "report": look.report,
        "texts": texts,
        "clarity": look.clarity,
        "simulation": look.simulation,
    }))?;
    lines(&look.markdown(), out);
    Ok(())
}

fn lines(markdown: &str, out: &mut Out) {
    if !out.is_json() {
        for line in markdown.lines() {
            out.line(shown(line));
        }
    }
}

fn show_item(number: usize, item: &BacklogItem, out: &mut Out) {
    let subject = if item.subject.is_empty() { String::new() } else { format!(" {}", shown(&item.subject)) };
    let head = out.paint(Ink::Strong, &format!("{number:>3} {}{subject}", item.source.as_str()));
    let unblocks = match item.unblocks {
        Some(n) if n > 0 => format!("  unblocks {n}"),
        _ => String::new(),
    };
    out.line(format!("{head}{unblocks}"));
    out.line(format!("      {}", shown(&item.what)));
    if !item.people.is_empty() {
        out.line(format!("      by {}", shown(&item.people.join(", "))));
    }
    if let Some(command) = &item.command {
        out.line(format!("      $ {}", shown(command)));
    }
}

async fn clarity(picture: bool, session: &Session, out: &mut Out) -> Result<(), Failure> {
    let workflow = session.workflow()?;
    let points = session.factory.clarity(&workflow).await?;
    if picture {
        out.text(&session.factory.clarity_svg(&points, Look::Alone));
        out.text("\n");
        return Ok(());
    }
    out.json(&json!({ "workflow": workflow, "points": points }))?;
    for point in &points {
        let zoned = point.time.timestamp().to_zoned(session.factory.zone());
        let head = out.paint(Ink::Strong, &format!("{}  {}", zoned.strftime("%Y-%m-%d %H:%M"), shown(&point.what)));
        out.line(head);
        let mut rows = Rows::new(out.layout(), &[]);
        for (layer, count) in &point.layers {
            let waived = if count.waived > 0 { format!(", {} waived", count.waived) } else { String::new() };
            rows.plain([
                format!("  {}", layer_name(*layer)),
                format!("{} of {} discharged{waived}", count.discharged, count.total),
                format!("+{} −{}", count.added, count.removed),
            ]);
        }
        rows.text().lines().for_each(|line| out.line(line));
    }
    Ok(())
}
