//! `seatrial rollback` and `seatrial retire`.

use crate::args::{RetireArgs, RollbackArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows};
use crate::session::Session;
use seatrial_factory::ReleaseLook;
use seatrial_factory::api::LapseView;
use seatrial_model::facts::OnLapse;

/// Puts an earlier release in force again.
pub(crate) async fn rollback(args: &RollbackArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    if args.list {
        let releases = session.factory.releases(&workflow).await?;
        out.json(&releases)?;
        if !out.is_json() {
            list(&releases, out);
        }
        return Ok(Exit::Done);
    }
    let caller = session.caller().await?;
    let reason = args.reason.as_deref().unwrap_or_default();
    let done = session.factory.rollback(&caller, &workflow, args.release, reason).await?;
    out.json(&done)?;
    let line = out.paint(Ink::Good, &format!("{} is in force again for {}", done.to, done.stage));
    out.line(line);
    out.line(format!("  instead of {}", done.from));
    out.line(format!("  spec     {}", done.spec));
    if let Some(lapse) = &done.lapsed {
        lapsed(lapse, out);
    }
    out.line(format!("  event    {}", done.event));
    Ok(Exit::Done)
}

/// What a release lost, and what follows.
pub(crate) fn lapsed(lapse: &LapseView, out: &mut Out) {
    let reaction = match lapse.reaction {
        OnLapse::Warn => "it is served with a warning",
        OnLapse::Escalate => "everything escalates",
        OnLapse::Stop => "nothing of it is served",
    };
    let line = out.paint(Ink::Bad, &format!("  lapsed since {}: {reaction}", lapse.since));
    out.line(line);
    for (obligation, state) in &lapse.lost {
        out.line(format!("    {obligation} is {}", state.replace('_', " ")));
    }
}

fn list(releases: &[ReleaseLook], out: &mut Out) {
    if releases.is_empty() {
        out.line("no release was cut yet: seatrial release pilot");
        return;
    }
    let mut rows = Rows::new(out.layout(), &["release", "stage", "cut", "by", ""]);
    for look in releases {
        let r = &look.release;
        let mut notes = Vec::new();
        if look.in_force {
            notes.push("in force".to_owned());
        }
        if let Some(pilot) = &r.pilot {
            let shadow = if pilot.shadow { ", shadow" } else { "" };
            notes.push(format!("pilot {}{shadow}", pilot.number));
        }
        if r.lapsed.is_some() {
            notes.push("lapsed".to_owned());
        }
        if !r.waivers.is_empty() {
            notes.push(format!("{} waived", r.waivers.len()));
        }
        notes.extend(look.ended.clone());
        rows.plain([
            r.release.to_string(),
            r.stage.to_string(),
            r.since.to_string(),
            look.by.clone(),
            notes.join("; "),
        ]);
    }
    let text = rows.text();
    out.text(&text);
}

/// Retires a workflow.
pub(crate) async fn retire(args: &RetireArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let done = session.factory.retire(&caller, &workflow, &args.reason, &args.evidence).await?;
    out.json(&done)?;
    let line = out.paint(Ink::Bad, &format!("{workflow} is retired: nothing of it is served any more"));
    out.line(line);
    if done.reviews_open > 0 {
        out.line(format!("  {} review(s) are open still: seatrial review list", done.reviews_open));
    }
    out.line(format!("  event {}", done.event));
    Ok(Exit::Done)
}
