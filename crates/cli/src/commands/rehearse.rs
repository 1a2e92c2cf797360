//! `seatrial rehearse`.

use super::progress;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out};
use crate::session::Session;
use seatrial_model::{ElementPath, EventId};
use serde::Serialize;

#[derive(Serialize)]
struct Rehearsal<'a> {
    decisions: u64,
    /// Of these, how many the model was asked for and gave no answer to.
    unanswered: u64,
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
        unanswered: done.unanswered,
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
    if done.unanswered > 0 {
        let line = format!(
            "  ○ the model gave no answer to {} of them: these show only what is done without it",
            done.unanswered
        );
        let line = out.paint(Ink::Warn, &line);
        out.line(line);
    }
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
