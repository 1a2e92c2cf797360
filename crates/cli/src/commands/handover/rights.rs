//! `seatrial handover acknowledge`, `end-rights`, `keep-rights`.

use crate::args::{AcknowledgeArgs, EndRightsArgs, KeepRightsArgs, Moment};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::session::Session;
use seatrial_factory::{RightsLook, day_of};
use seatrial_model::{Digest, Span};
use serde_json::json;

/// The largest page that is read: a pack's page holds a whole spec with its curves, and no more.
const PAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Takes a pack that was read.
pub(crate) async fn acknowledge(args: &AcknowledgeArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let path = session.start.join(&args.page);
    let unread = |why: String| Failure::file(format!("`{}` {why}; nothing was acknowledged", path.display()));
    let bytes = std::fs::metadata(&path).map_err(|e| unread(format!("cannot be read ({e})")))?.len();
    if bytes > PAGE_BYTES_MAX {
        return Err(unread(format!("has {bytes} bytes, and no pack's page has more than {PAGE_BYTES_MAX}")));
    }
    let page = std::fs::read(&path).map_err(|e| unread(format!("cannot be read ({e})")))?;
    let done = session.factory.acknowledge_pack(&caller, &workflow, Digest::of(&page)).await?;
    out.json(&done)?;
    let who = shown(&caller.principal.id);
    out.line(format!("the pack of {} is acknowledged by {who} as {}: {}", done.pack, shown(&done.role), done.event));
    Ok(Exit::Done)
}

/// Says when the rights of the delivery side end.
pub(crate) async fn end(args: &EndRightsArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let from = match args.from {
        Moment::At(time) => time,
        Moment::On(day) => day_of(&session.factory.spec().timezone, day).0,
    };
    let look = session.factory.end_rights(&caller, &workflow, from, &args.reason).await?;
    out.json(&look)?;
    let line = out.paint(Ink::Warn, &countdown(&look));
    out.line(line);
    if look.tokens.is_empty() {
        out.line("  no token of the delivery side is revoked with it");
    } else {
        out.line(format!("  revoked then: {}", look.tokens.join(", ")));
    }
    out.line(format!("  event    {}", look.event));
    Ok(Exit::Done)
}

/// Takes it back.
pub(crate) async fn keep(args: &KeepRightsArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let event = session.factory.keep_rights(&caller, &workflow, &args.reason).await?;
    out.json(&json!({ "event": event }))?;
    out.line(format!("the rights of the delivery side do not end: {event}"));
    Ok(Exit::Done)
}

/// How the rights end, in one line.
pub(crate) fn countdown(look: &RightsLook) -> String {
    match look.left_ms {
        Some(left) => format!("the delivery side's rights end in {} ({})", left_of(left), look.from),
        None => format!("the delivery side's rights ended on {}: it may only read", look.from),
    }
}

/// A length of time as a countdown says it: whole days, else whole hours, else minutes.
pub(crate) fn left_of(ms: u64) -> String {
    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let whole = |unit: u64, word: &str| format!("{} {word}", ms / unit);
    match ms {
        DAY.. => whole(DAY, "d"),
        HOUR.. => whole(HOUR, "h"),
        MINUTE.. => whole(MINUTE, "min"),
        _ => Span::from_millis(ms).to_string(),
    }
}
