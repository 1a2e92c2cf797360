//! `seatrial pilot`.

use crate::args::PilotCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::session::Session;
use seatrial_factory::{PilotLook, PilotReport};
use seatrial_sprint::pilot::PilotAnswer;

/// Lists pilots, shows or records what one showed.
pub(crate) async fn pilot(command: &PilotCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    match command {
        PilotCommand::List => {
            let pilots = session.factory.pilots(&workflow).await?;
            out.json(&pilots)?;
            if !out.is_json() {
                list(&pilots, out);
            }
            Ok(Exit::Done)
        }
        PilotCommand::Show { pilot, markdown } => {
            let caller = session.reader().await?;
            let report = session.factory.pilot_report(&caller, &workflow, *pilot, false).await?;
            out.json(&report)?;
            if *markdown && !out.is_json() {
                let text = report.report.markdown();
                out.text(&text);
            } else {
                findings(&report, out);
            }
            Ok(Exit::Done)
        }
        PilotCommand::Report { pilot } => {
            let caller = session.caller().await?;
            let report = session.factory.pilot_report(&caller, &workflow, *pilot, true).await?;
            out.json(&report)?;
            findings(&report, out);
            if let Some(event) = report.event {
                out.line(format!("event {event}"));
                out.line("next: seatrial approve pilot.findings --stage production");
            }
            Ok(Exit::Done)
        }
    }
}

fn list(pilots: &[PilotLook], out: &mut Out) {
    if pilots.is_empty() {
        out.line("no pilot was released yet: seatrial release pilot");
        return;
    }
    let mut rows = Rows::new(out.layout(), &["pilot", "from", "until", "a day", "decisions", "criterion", ""]);
    for p in pilots {
        let mut notes = Vec::new();
        if p.terms.shadow {
            notes.push("shadow".to_owned());
        }
        if p.in_force {
            notes.push("in force".to_owned());
        }
        if let Some(previous) = &p.terms.previous {
            notes.push(format!("after {}", previous.short()));
        }
        if let Some((_, at, continues)) = p.reports.last() {
            let met = match continues {
                Some(true) => "criterion met",
                Some(false) => "criterion not met",
                None => "criterion not told",
            };
            notes.push(format!("reported {}: {met}", at.day()));
        }
        let today = p.per_day.map_or_else(|| "–".to_owned(), |max| format!("{} of {max}", p.today));
        rows.plain([
            p.number.to_string(),
            p.from.to_string(),
            p.until.map(|t| t.to_string()).unwrap_or_default(),
            today,
            p.decisions.to_string(),
            p.terms.continue_if.as_deref().map(shown).unwrap_or_default(),
            notes.join("; "),
        ]);
    }
    let text = rows.text();
    out.text(&text);
}

fn findings(report: &PilotReport, out: &mut Out) {
    if out.is_json() {
        return;
    }
    let r = &report.report;
    let head = format!("pilot {}: {} decisions from {} until {}", r.pilot, r.decisions, r.from, r.until);
    let head = out.paint(Ink::Strong, &head);
    out.line(head);
    for finding in &r.findings {
        let ink = match finding.answer {
            PilotAnswer::Yes => Ink::Good,
            PilotAnswer::No => Ink::Bad,
            PilotAnswer::Listed => Ink::Strong,
            PilotAnswer::Unknown => Ink::Warn,
        };
        let answer = out.paint(ink, finding.answer.as_str());
        out.line(format!("\n{} {answer}", finding.question));
        out.line(format!("  {}", shown(&finding.says)));
        let mut rows = Rows::new(out.layout(), &[]);
        for figure in &finding.figures {
            let events = match figure.events.as_slice() {
                [] => String::new(),
                [only] => only.to_string(),
                [first, rest @ ..] => format!("{first} and {} more", rest.len()),
            };
            rows.plain([format!("  {}", shown(&figure.what)), shown(&figure.value), events]);
        }
        let text = rows.text();
        out.text(&text);
    }
}
