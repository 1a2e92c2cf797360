//! `seatrial accept` and `seatrial handover`.

use crate::args::{AcceptArgs, HandoverCommand};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::session::Session;
use serde_json::json;
use std::path::Path;

/// Accepts a responsibility.
pub(crate) async fn accept(args: &AcceptArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let name = args.responsibility.strip_prefix("responsibilities.").unwrap_or(&args.responsibility);
    let event = session.factory.accept(&caller, &workflow, name).await?;
    out.json(&json!({ "event": event, "responsibility": name }))?;
    out.line(format!("accepted by {}: responsibilities.{} ({event})", shown(&caller.principal.id), shown(name)));
    Ok(Exit::Done)
}

/// `seatrial handover …`.
pub(crate) async fn handover(command: &HandoverCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let HandoverCommand::Pack { out: dir } = command;
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let target = session.start.join(dir);
    make_empty(&target)?;
    let pack = session.factory.pack(&caller, &workflow).await?;
    let page = target.join("index.html");
    std::fs::write(&page, &pack.html).map_err(|e| {
        Failure::file(format!(
            "the pack was generated ({}), but `{}` was not written ({e})",
            pack.event,
            page.display()
        ))
    })?;
    let missing: Vec<_> =
        pack.missing.iter().map(|gap| json!({ "obligation": gap.obligation, "why": gap.why })).collect();
    out.json(&json!({ "event": pack.event, "page": page, "missing": missing }))?;
    out.line(format!("the handover pack is in `{}`: {}", page.display(), pack.event));
    if !pack.missing.is_empty() {
        let line = out.paint(Ink::Warn, &format!("{} thing(s) are missing for the handover", pack.missing.len()));
        out.line(line);
        let mut rows = Rows::new(out.layout(), &[]);
        for gap in &pack.missing {
            rows.plain([format!("  {}", shown(&gap.obligation)), shown(&gap.why)]);
        }
        let text = rows.text();
        if !out.is_json() {
            out.text(&text);
        }
    }
    Ok(Exit::Done)
}

/// Makes the folder, or finds it empty: nothing is overwritten.
fn make_empty(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir)
        .map_err(|e| Failure::file(format!("`{}` cannot be made ({e}); nothing was generated", dir.display())))?;
    let empty = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none());
    if empty {
        return Ok(());
    }
    Err(Failure::file(format!(
        "`{}` holds something already; nothing was generated. `--out DIR` names a new folder",
        dir.display()
    )))
}
