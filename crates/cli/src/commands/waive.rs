//! `seatrial waive` and `seatrial file`.

use super::approve::with;
use crate::args::{FileArgs, WaiveArgs, WaiveCommand};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::owner::{self, Asked};
use crate::session::Session;
use crate::terminal;
use seatrial_factory::api::Held;
use seatrial_factory::{DOCUMENT_BYTES_MAX, WaiverInput, WaiverLook};
use seatrial_model::EventId;
use serde_json::json;

/// `seatrial waive …`.
pub(crate) async fn waive(args: WaiveArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    match args.command {
        None => request(args, session, out).await,
        Some(WaiveCommand::Grant { waiver, role, yes, show, seen }) => {
            let consent = match (show, yes) {
                (true, _) => Consent::OnlyLooks,
                (false, true) => Consent::Given { shown: seen },
                (false, false) => Consent::Missing,
            };
            grant(waiver, role.as_deref(), consent, session, out).await
        }
        Some(WaiveCommand::End { waiver, reason }) => {
            let (caller, workflow) = (session.caller().await?, session.workflow()?);
            let event = session.factory.end_waiver(&caller, &workflow, waiver, &reason).await?;
            out.json(&json!({ "event": event, "waiver": waiver }))?;
            out.line(format!("ended by {}: {event}", shown(&caller.principal.id)));
            Ok(Exit::Done)
        }
        Some(WaiveCommand::List { stage }) => {
            let workflow = session.workflow()?;
            let stage = session.stage(stage, &workflow).await?;
            let all = session.factory.waivers(&workflow, stage).await?;
            out.json(&all)?;
            if all.is_empty() {
                out.line(format!("no waiver was asked for, for {stage}"));
            }
            for waiver in &all {
                show(waiver, out);
            }
            Ok(Exit::Done)
        }
    }
}

async fn request(args: WaiveArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let (Some(obligation), Some(reason), Some(measure), Some(until)) =
        (args.obligation, args.reason, args.measure, args.until)
    else {
        return Err(Failure::usage("a waiver has an obligation, a reason, a measure and an end; nothing was done"));
    };
    let (caller, workflow) = (session.caller().await?, session.workflow()?);
    let stage = session.stage(args.stage, &workflow).await?;
    let input = WaiverInput {
        stage,
        obligation: obligation.clone(),
        reason,
        measure,
        until,
        renews: args.renews,
        key: args.key,
    };
    let waiver = session.factory.request_waiver(&caller, &workflow, input).await?;
    out.json(&json!({ "waiver": waiver, "obligation": obligation, "stage": stage, "until": until }))?;
    out.line(format!("asked for by {}: {waiver}", shown(&caller.principal.id)));
    out.line(format!("it waives nothing yet; somebody else grants it: seatrial waive grant {waiver}"));
    Ok(Exit::Done)
}

/// Whether somebody said yes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consent {
    /// Nothing is to be granted.
    OnlyLooks,
    /// Nobody could be asked, and nobody said it beforehand.
    Missing,
    /// Somebody did; to what was shown, or is shown now.
    Given { shown: bool },
}

/// Shows, and grants where it was confirmed.
async fn grant(
    waiver: EventId,
    role: Option<&str>,
    consent: Consent,
    session: &Session,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let look = session.factory.waiver(&workflow, waiver).await?;
    if !matches!(consent, Consent::Given { shown: true }) {
        show(&look, out);
    }
    match consent {
        Consent::OnlyLooks => {
            out.json(&look)?;
            return Ok(Exit::Done);
        }
        Consent::Missing => {
            return Err(Failure {
                message: "confirm with `--yes`: nobody sits here who could be asked. Nothing was granted".to_owned(),
                ..Failure::declined()
            });
        }
        Consent::Given { .. } => {}
    }
    let caller = session.caller().await?;
    let event = session.factory.grant_waiver(&caller, &workflow, waiver, role).await?;
    out.json(&json!({ "event": event, "waiver": waiver }))?;
    out.line(format!("granted by {}: {event}", shown(&caller.principal.id)));
    Ok(Exit::Done)
}

/// Asks the person at the terminal: shows the waiver, and grants the very one that was shown. What was asked for is one
/// event of the log and never another afterwards.
pub(crate) async fn ask(asked: &Asked) -> Result<Exit, Failure> {
    let looked = owner::run(with(asked, &["--show"]), terminal::sink()).await?;
    if looked != Exit::Done {
        return Ok(looked);
    }
    if !terminal::confirm("\nGrant this waiver?") {
        return Err(Failure { message: "it was not confirmed; nothing was granted".to_owned(), ..Failure::declined() });
    }
    owner::run(with(asked, &["--yes", "--seen"]), terminal::sink()).await
}

fn show(look: &WaiverLook, out: &mut Out) {
    let waiver = &look.waiver;
    let id = out.paint(Ink::Strong, &shown(&waiver.obligation));
    let standing = waiver.standing.as_str().replace('_', " ");
    out.line(format!("{id} for {}: {standing} ({})", waiver.stage, shown(&waiver.why)));
    let mut rows = Rows::new(out.layout(), &[]);
    rows.plain(["  waiver".to_owned(), waiver.request.to_string()]);
    rows.plain(["  asked for by".to_owned(), shown(&waiver.requested_by)]);
    if let Some((by, role)) = &waiver.granted_by {
        rows.plain(["  granted by".to_owned(), format!("{} as {}", shown(by), shown(role))]);
    }
    rows.plain(["  until".to_owned(), format!("{}, {} day(s) in all", waiver.until.day(), waiver.days)]);
    if let Some(renews) = waiver.renews {
        rows.plain(["  renews".to_owned(), renews.to_string()]);
    }
    rows.plain(["  reason".to_owned(), text(&look.reason)]);
    rows.plain(["  instead".to_owned(), text(&look.measure)]);
    let text = rows.text();
    if !out.is_json() {
        out.text(&text);
    }
}

fn text(held: &Held) -> String {
    match held {
        Held::Text { text, .. } => shown(text.raw()),
        Held::Erased { on, by } => format!("erased on {} by {}", on.day(), shown(by)),
        _ => String::new(),
    }
}

/// `seatrial file`.
pub(crate) async fn file(args: &FileArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let (caller, workflow) = (session.caller().await?, session.workflow()?);
    let stage = session.stage(args.stage, &workflow).await?;
    let path = session.start.join(&args.file);
    let unread = |why: String| Failure::file(format!("`{}` cannot be read ({why}); nothing was filed", path.display()));
    let size = std::fs::metadata(&path).map_err(|e| unread(e.to_string()))?.len();
    if size > DOCUMENT_BYTES_MAX as u64 {
        return Err(unread(format!("it has {size} bytes, the limit is {DOCUMENT_BYTES_MAX}")));
    }
    let document = std::fs::read(&path).map_err(|e| unread(e.to_string()))?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let filed = session.factory.file_document(&caller, &workflow, stage, &args.obligation, &name, document).await?;
    out.json(&filed)?;
    out.line(format!(
        "filed by {}: {} ({} bytes): {}",
        shown(&caller.principal.id),
        shown(&filed.name),
        filed.bytes,
        filed.event
    ));
    Ok(Exit::Done)
}
