//! `seatrial decision`, `override` and `outcome`.

use crate::args::{DecisionCommand, OutcomeArgs, OverrideArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::session::Session;
use seatrial_factory::api::{DecisionChain, Held};
use seatrial_factory::{DecisionFilter, TruthInput};
use seatrial_model::{DecisionId, ElementPath, Verdict};
use serde_json::json;
use std::borrow::Cow;

/// The most characters of a payload that are shown: `--format json` has all of it.
const PAYLOAD_CHARS: usize = 4_000;

/// `seatrial decision …`.
pub(crate) async fn decision(command: DecisionCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    match command {
        DecisionCommand::List { unfinished: true, .. } => unfinished(session, out).await,
        DecisionCommand::List { verdict, step, pending, before, limit, .. } => {
            list(DecisionFilter { verdict, step, pending, before, limit }, session, out).await
        }
        DecisionCommand::Show { decision } => show(decision, session, out).await,
    }
}

async fn list(filter: DecisionFilter, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let limit = filter.limit;
    let found = session.factory.decisions(&workflow, filter).await?;
    out.json(&found)?;
    if found.is_empty() {
        out.line("no decisions");
        return Ok(Exit::Done);
    }
    if !out.is_json() {
        let mut rows = Rows::new(out.layout(), &["decision", "time", "step", "verdict", "confidence", "because"]);
        rows.whole(0);
        for d in &found {
            let rehearsal = if d.rehearsal { " (rehearsal)" } else { "" };
            let (verdict, action) = (d.verdict.as_str(), d.action.as_str());
            // What was done says something only where it is not what was concluded.
            let done = if verdict == action { String::new() } else { format!(" → {action}") };
            rows.row([
                (None, Cow::Owned(d.decision.to_string())),
                (None, Cow::Owned(d.time.to_string().chars().take("2026-11-23T10:00:00".len()).collect())),
                (None, Cow::Owned(format!("{}{rehearsal}", shown(&d.step)))),
                (Some(ink(d.verdict)), Cow::Owned(format!("{verdict}{done}"))),
                (None, Cow::Owned(format!("{:.3}", d.confidence))),
                (None, Cow::Owned(paths(&d.because))),
            ]);
        }
        let text = rows.text();
        out.text(&text);
        if let Some(last) = found.last().filter(|_| found.len() >= limit) {
            out.note(format!("more: seatrial decision list --before {}", last.decision));
        }
    }
    Ok(Exit::Done)
}

async fn unfinished(session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let found = session.factory.unfinished(&session.workflow()?).await?;
    out.json(&found)?;
    if found.is_empty() {
        out.line("no streams without a decision");
        return Ok(Exit::Done);
    }
    if !out.is_json() {
        let mut rows = Rows::new(out.layout(), &["decision", "since", "step", "state"]);
        rows.whole(0);
        for stream in &found {
            let rehearsal = if stream.rehearsal { " (rehearsal)" } else { "" };
            let (state, ink) =
                if stream.broken_off { ("broken off", Ink::Bad) } else { ("under way, or just broken off", Ink::Warn) };
            rows.row([
                (None, Cow::Owned(stream.decision.to_string())),
                (None, Cow::Owned(stream.since.to_string().chars().take("2026-11-23T10:00:00".len()).collect())),
                (None, Cow::Owned(format!("{}{rehearsal}", shown(&stream.step)))),
                (Some(ink), Cow::Borrowed(state)),
            ]);
        }
        let text = rows.text();
        out.text(&text);
    }
    Ok(Exit::Done)
}

const fn ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Allow => Ink::Good,
        Verdict::Warn | Verdict::Modify | Verdict::Escalate => Ink::Warn,
        Verdict::Deny => Ink::Bad,
    }
}

/// Paths on one line.
pub(super) fn paths(all: &[ElementPath]) -> String {
    all.iter().map(|p| shown(p.as_str())).collect::<Vec<_>>().join(", ")
}

/// A payload under its name; one that was erased says when and by whom.
pub(super) fn held(name: &str, held: &Held, out: &mut Out) {
    match held {
        Held::None => {}
        Held::Hidden { commitment } => {
            out.line(format!("{name}\n  hidden: your blind audit of it is answered before the AI's answer is seen"));
            let line = out.paint(Ink::Dim, &format!("  {commitment}"));
            out.line(line);
        }
        Held::Erased { on, by } => out.line(format!("{name}\n  erased on {on} by {}", shown(by))),
        Held::Text { text, commitment } => {
            out.line(name);
            for line in text.page(PAYLOAD_CHARS).lines() {
                out.line(format!("  {line}"));
            }
            let line = out.paint(Ink::Dim, &format!("  {commitment}"));
            out.line(line);
        }
    }
}

async fn show(decision: DecisionId, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.reader().await?;
    let chain = session.factory.decision(&caller, decision).await?;
    out.json(&chain)?;
    if !out.is_json() {
        render(&chain, out);
    }
    Ok(Exit::Done)
}

fn render(d: &DecisionChain, out: &mut Out) {
    let id = out.paint(Ink::Strong, &d.decision.to_string());
    let verdict = out.paint(ink(d.verdict), d.verdict.as_str());
    out.line(format!("{id}  {verdict} → {}", d.action));
    out.line(format!("  {}/{} at {} for {}", d.workflow, shown(&d.step), d.time, shown(&d.caller.id)));
    if !d.because.is_empty() {
        out.line(format!("  because  {}", paths(&d.because)));
    }
    if let Some(model) = &d.model {
        out.line(format!("  model    {}", shown(model)));
    }
    if let Some(spec) = d.spec {
        out.line(format!("  spec     {}", spec.short()));
    }
    match d.release {
        Some(release) => out.line(format!("  release  {}", release.short())),
        None => out.line("  release  none: a rehearsal"),
    }
    held("case", &d.case, out);
    held("input", &d.input, out);
    held("output", &d.output, out);
    if let Some(released) = &d.released {
        held("released", released, out);
    }
    if let Some(o) = &d.overridden {
        out.line(format!("overridden by {} at {}: {} ({})", shown(&o.by), o.at, o.action, shown(&o.reason)));
    }
    if let Some(o) = &d.outcome {
        let (wrong, matured) = (if o.wrong { "wrong" } else { "right" }, if o.matured { "" } else { ", not matured" });
        out.line(format!("it turned out {wrong} at {}{matured}", o.at));
    }
    out.line(format!("\nin the log: #{} {}", d.index, d.event));
    for (index, event, kind) in &d.followed_by {
        out.line(format!("  then      #{index} {event} {}", shown(kind)));
    }
}

/// `seatrial override`.
pub(crate) async fn override_(args: OverrideArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let OverrideArgs { decision, action, reason, text, output } = args;
    let event = session.factory.override_decision(&caller, decision, action, &reason, &text, output).await?;
    out.json(&json!({ "event": event, "decision": decision, "action": action }))?;
    out.line(format!("overridden: {decision} → {action}; {event}"));
    Ok(Exit::Done)
}

/// `seatrial outcome`.
pub(crate) async fn outcome(args: &OutcomeArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let truth = serde_json::from_str(&args.truth)
        .map_err(|e| Failure::usage(format!("the truth is not JSON ({e}); nothing was recorded")))?;
    let done = session.factory.truths(&caller, vec![TruthInput { decision: args.decision, truth }]).await?;
    out.json(&json!({
        "recorded": done.recorded, "wrong": done.wrong, "matured": done.matured, "revoked": done.revoked,
    }))?;
    let wrong = if done.wrong > 0 { "wrong" } else { "right" };
    out.line(format!("recorded: {} was {wrong}", args.decision));
    if done.matured == 0 {
        out.line("  it has not matured, and does not count for the certificate yet");
    }
    if let Some(event) = done.revoked {
        let line = out.paint(
            Ink::Bad,
            &format!("the certificate is revoked: {event}; everything that rests on it goes to people"),
        );
        out.line(line);
    }
    Ok(Exit::Done)
}
