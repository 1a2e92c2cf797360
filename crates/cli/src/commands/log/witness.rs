//! `seatrial log witness`: who cosigns, and asking them.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::session::Session;
use seatrial_factory::{Asked, WitnessLook};
use seatrial_model::LogName;
use serde::Serialize;

#[derive(Serialize)]
struct Report {
    log: LogName,
    witnesses: Vec<WitnessLook>,
    asked: Vec<Asked>,
}

/// How the witnesses of the logs stand; asks them first, where that is wanted.
pub(crate) async fn witness(now: bool, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let factory = &session.factory;
    if now {
        session.caller().await?;
    }
    let logs: Vec<LogName> = match &session.named {
        Some(_) => vec![session.log()?],
        None => factory.workflows().into_iter().chain([LogName::factory()]).collect(),
    };
    let mut reports = Vec::with_capacity(logs.len());
    for log in logs {
        let asked = if now { factory.witness_now(&log).await? } else { Vec::new() };
        reports.push(Report { witnesses: factory.witnesses(&log).await?, log, asked });
    }
    out.json(&reports)?;
    if factory.spec().witnesses.is_empty() {
        out.line("no witness is configured: only the operator vouches for these logs");
        out.line("next: the receiving or the independent side runs `seatrial witness`, and factory.yaml names it");
        return Ok(Exit::ready(!now));
    }
    let at = factory.now();
    let mut good = true;
    for report in &reports {
        let heading = out.paint(Ink::Strong, report.log.as_str());
        out.line(heading);
        for witness in &report.witnesses {
            let (line, is_good) = told(witness, at);
            good &= is_good;
            let line = out.paint(if is_good { Ink::Good } else { Ink::Bad }, &line);
            out.line(line);
        }
        for asked in &report.asked {
            let Some(error) = &asked.error else { continue };
            good = false;
            let line = out.paint(Ink::Bad, &format!("  {} did not cosign: {}", shown(&asked.witness), shown(error)));
            out.line(line);
        }
    }
    Ok(Exit::ready(good))
}

fn told(witness: &WitnessLook, now: seatrial_model::Time) -> (String, bool) {
    let name = shown(&witness.witness);
    match (&witness.point, witness.at) {
        (Some(point), Some(at)) => {
            let late = now.millis_since(at) > seatrial_factory::COSIGNED_AGE_MAX_MS;
            let word = if late { ", which is too long ago" } else { "" };
            (format!("  {name} cosigned {} entries at {at}{word}", point.size), !late)
        }
        _ => (format!("  {name} has not cosigned yet"), false),
    }
}
