//! `seatrial sprint`: opened with what it means to learn, closed with four answers from the log.

use crate::args::SprintCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::session::Session;
use seatrial_model::event::{SprintClosed, SprintOpened};
use seatrial_model::{Body, Logged, SprintId};
use seatrial_sprint::SprintReport;
use seatrial_store::{ReaderExt as _, Scan};
use serde_json::json;
use std::sync::Arc;

/// The most delivery events that are looked through; a delivery has hundreds.
const EVENTS_MAX: usize = 100_000;

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
        }
        SprintCommand::Close { sprint } => {
            let caller = session.caller().await?;
            let workflow = session.workflow()?;
            if let Some(named) = sprint {
                is_open(session, named).await?;
            }
            let done = session.factory.close_sprint(&caller, &workflow).await?;
            out.json(&json!({ "event": done.event, "report": done.report }))?;
            report(&done.report, out);
        }
        SprintCommand::Show { sprint } => show(sprint, session, out).await?,
    }
    Ok(Exit::Done)
}

fn report(report: &SprintReport, out: &mut Out) {
    if !out.is_json() {
        let shown_with = seatrial_sprint::report::Shown {
            workflow: "",
            simulation: false,
            goal: None,
            closed: None,
            texts: &std::collections::BTreeMap::new(),
            clarity: &[],
            time: &|at| at.to_string(),
        };
        for line in report.markdown(&shown_with).lines() {
            out.line(shown(line));
        }
    }
}

async fn is_open(session: &Session, named: SprintId) -> Result<(), Failure> {
    match sprints(session).await?.last() {
        Some((opened, None)) if opened.sprint == named => Ok(()),
        _ => Err(Failure::usage(format!("`{named}` is not the open sprint; nothing was closed"))),
    }
}

async fn show(named: Option<SprintId>, session: &Session, out: &mut Out) -> Result<(), Failure> {
    let mut all = sprints(session).await?;
    let found = match named {
        Some(id) => all.into_iter().find(|(opened, _)| opened.sprint == id),
        None => all.pop(),
    };
    let Some((opened, closed)) = found else {
        let what =
            named.map_or_else(|| "no sprint was opened yet".to_owned(), |id| format!("there is no sprint `{id}`"));
        return Err(Failure::usage(format!("{what}; `seatrial sprint open --goal GOAL` opens one")));
    };
    if let Some(closed) = closed {
        let blob = session.factory.store().blob(&session.log()?, closed.report).await?;
        let bytes = blob.ok_or_else(|| Failure::failed("the store does not hold the sprint's report"))?;
        let read: SprintReport = serde_json::from_slice(&bytes)
            .map_err(|e| Failure::failed(format!("the sprint's report cannot be read ({e})")))?;
        out.json(&json!({ "open": false, "report": read }))?;
        report(&read, out);
        return Ok(());
    }
    out.json(&json!({
        "open": true, "sprint": opened.sprint, "number": opened.number,
        "questions": opened.questions, "obligations": opened.obligations,
    }))?;
    let heading = out.paint(Ink::Strong, &format!("sprint {} is open", opened.number));
    out.line(heading);
    for question in &opened.questions {
        out.line(format!("  to answer     {question}"));
    }
    for obligation in &opened.obligations {
        out.line(format!("  to discharge  {}", shown(obligation)));
    }
    out.line("next: seatrial sprint close");
    Ok(())
}

/// All sprints, the newest last, each with its end.
async fn sprints(session: &Session) -> Result<Vec<(SprintOpened, Option<SprintClosed>)>, Failure> {
    let mut all: Vec<(SprintOpened, Option<SprintClosed>)> = Vec::new();
    for logged in delivery(session).await? {
        match &logged.event.body {
            Body::SprintOpened(opened) => all.push((opened.clone(), None)),
            Body::SprintClosed(closed) => {
                if let Some(sprint) = all.iter_mut().find(|(opened, _)| opened.sprint == closed.sprint) {
                    sprint.1 = Some(closed.clone());
                }
            }
            _ => {}
        }
    }
    Ok(all)
}

async fn delivery(session: &Session) -> Result<Vec<Logged>, Failure> {
    let log = session.log()?;
    let events = session
        .factory
        .store()
        .read_with(&log, |view| {
            let mut events = Vec::new();
            let mut after: Option<Vec<u8>> = None;
            loop {
                let mut scan = Scan::all("delivery");
                if let Some(key) = after.take() {
                    scan = scan.after(key);
                }
                let rows = view.scan(&scan)?;
                for (key, _) in &rows {
                    let index = <[u8; 8]>::try_from(key.as_slice()).map_or(0, u64::from_be_bytes);
                    if let Some(event) = view.event(index)? {
                        events.push(Logged { index, event: Arc::new(event) });
                    }
                }
                match rows.last() {
                    Some((key, _)) if rows.len() >= scan.rows_max() && events.len() < EVENTS_MAX => {
                        after = Some(key.clone());
                    }
                    _ => return Ok(events),
                }
            }
        })
        .await?;
    Ok(events)
}
