//! `seatrial release`.

use crate::args::ReleaseArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown, state_ink, state_symbol};
use crate::session::Session;
use seatrial_factory::Released;
use seatrial_factory::api::Caller;
use seatrial_governance::release::Missing;
use seatrial_model::event::ReleaseCut;
use seatrial_model::{Digest, EventId, Stage};
use serde::Serialize;
use std::borrow::Cow;

#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Answer<'a> {
    Cut { event: EventId, release: Digest, statement: &'a ReleaseCut },
    Ready { obligations: usize },
    Missing { missing: &'a [Missing] },
}

/// Computes, shows what is missing, and cuts the release if nothing is.
pub(crate) async fn release(args: &ReleaseArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let stage: Stage = args.stage.into();
    let caller: Caller = if args.dry_run { session.reader().await? } else { session.caller().await? };
    let workflow = session.workflow()?;
    match session.factory.release(&caller, &workflow, stage, args.dry_run).await? {
        Released::Cut { event, release, body } => {
            out.json(&Answer::Cut { event, release, statement: &body })?;
            let level = out.paint(Ink::Good, &body.level);
            out.line(format!("released for {stage}: {level}"));
            out.line(format!("  spec     {}", body.spec));
            out.line(format!("  release  {release}"));
            if let Some(until) = body.until {
                out.line(format!("  until    {until}"));
            }
            if let Some(per_day) = body.per_day {
                out.line(format!("  ceiling  {per_day} a day"));
            }
            out.line(format!("  event    {event}"));
            Ok(Exit::Done)
        }
        Released::Ready { obligations } => {
            out.json(&Answer::Ready { obligations })?;
            out.line(format!(
                "nothing is missing for {stage}: all {obligations} obligations are settled; nothing was cut"
            ));
            Ok(Exit::Done)
        }
        Released::Missing(missing) => {
            out.json(&Answer::Missing { missing: &missing })?;
            if !out.is_json() {
                table(stage, &missing, out);
            }
            Ok(Exit::NotReady)
        }
    }
}

fn table(stage: Stage, missing: &[Missing], out: &mut Out) {
    let line = out
        .paint(Ink::Bad, &format!("{} obligation(s) stand between here and {stage}; nothing was cut", missing.len()));
    out.line(line);
    let mut rows = Rows::new(out.layout(), &[]);
    for m in missing {
        let ink = Some(state_ink(m.state));
        let next = m.next.as_deref().unwrap_or_default();
        rows.row([
            (ink, Cow::Borrowed(state_symbol(m.state))),
            (None, Cow::Borrowed(m.obligation.as_str())),
            (ink, Cow::Owned(m.state.as_str().replace('_', " "))),
            (None, Cow::Owned(shown(&m.why))),
            (Some(Ink::Dim), Cow::Borrowed(next)),
        ]);
    }
    let text = rows.text();
    out.text(&text);
}
