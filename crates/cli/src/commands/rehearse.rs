//! `seatrial rehearse` and `seatrial drill`.

use super::progress;
use crate::args::DrillCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::session::Session;
use seatrial_model::{ElementPath, EventId};
use serde::Serialize;

#[derive(Serialize)]
struct Rehearsal<'a> {
    decisions: u64,
    probes: EventId,
    enforced: &'a [ElementPath],
    let_through: &'a [ElementPath],
    unprovoked: &'a [ElementPath],
    trace: EventId,
    sampled: u64,
    verdicts_recomputed: u64,
    findings_recomputed: u64,
}

/// Provokes every rule, and recomputes the decisions.
pub(crate) async fn rehearse(session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let folder = session.folder()?;
    let bar = progress::of(out);
    let done = session.factory.rehearse(&caller, Some(&folder.label), bar.as_ref()).await?;
    out.json(&Rehearsal {
        decisions: done.decisions,
        probes: done.probes,
        enforced: &done.enforced,
        let_through: &done.let_through,
        unprovoked: &done.unprovoked,
        trace: done.trace,
        sampled: done.recomputed.sampled,
        verdicts_recomputed: done.recomputed.verdicts,
        findings_recomputed: done.recomputed.findings,
    })?;
    out.line(format!("{} marked requests were decided", done.decisions));
    for (ink, symbol, paths, what) in [
        (Ink::Good, "✔", &done.enforced, "provoked, and enforced"),
        (Ink::Bad, "✘", &done.let_through, "provoked, and something was let through"),
        (Ink::Warn, "○", &done.unprovoked, "no example provokes it: add one with an `output` that violates it"),
    ] {
        for path in paths {
            let line = out.paint(ink, &format!("  {symbol} {path}  {what}"));
            out.line(line);
        }
    }
    let r = &done.recomputed;
    out.line(format!(
        "of {} decisions, {} verdicts and {} findings recompute from the log",
        r.sampled, r.verdicts, r.findings
    ));
    Ok(Exit::ready(done.let_through.is_empty() && done.unprovoked.is_empty() && r.verdicts == r.sampled))
}

#[derive(Serialize)]
struct Drill {
    event: EventId,
    control: &'static str,
    effective_ms: u64,
    allowed_ms: Option<u64>,
    answered: u64,
    refused: u64,
}

/// Exercises a control.
pub(crate) async fn drill(command: &DrillCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let DrillCommand::Stop { resumed_by } = command;
    let stopper = session.caller().await?;
    let resumer = session.factory.local(resumed_by)?;
    let workflow = session.workflow()?;
    let done = session.factory.drill_stop(&stopper, &resumer, Some(&workflow)).await?;
    out.json(&Drill {
        event: done.event,
        control: "stop",
        effective_ms: done.effective_ms,
        allowed_ms: done.allowed_ms,
        answered: done.answered,
        refused: done.refused,
    })?;
    let allowed = done.allowed_ms.map(|ms| format!(", {ms} ms allowed")).unwrap_or_default();
    out.line(format!("stopped within {} ms{allowed}; resumed by {}", done.effective_ms, shown(resumed_by)));
    out.line(format!("  {} marked requests were answered before it, {} refused after it", done.answered, done.refused));
    out.line(format!("  event {}", done.event));
    Ok(Exit::ready(done.allowed_ms.is_none_or(|allowed| done.effective_ms <= allowed)))
}
