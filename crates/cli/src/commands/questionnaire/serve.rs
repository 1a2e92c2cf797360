//! `seatrial questionnaire serve`: the page, on this machine only.

use super::folder::Folder;
use crate::args::ServeQuestionnaire;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, shown};
use seatrial_server::questionnaire::{Entry, router};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Serves a folder until told to end.
pub(super) async fn serve(args: &ServeQuestionnaire, start: &Path, out: &mut Out) -> Result<Exit, Failure> {
    if !args.listen.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "`{}` is reachable from other machines, and the questionnaire has no sign-in; nothing is served. Name an \
             address of this machine alone, as in `127.0.0.1:8090`",
            args.listen
        )));
    }
    let root = start.join(&args.folder).canonicalize().map_err(|e| {
        Failure::file(format!("`{}` cannot be entered ({e}); nothing is served", args.folder.display()))
    })?;
    if !root.is_dir() {
        return Err(Failure::file(format!("`{}` is no folder; nothing is served", args.folder.display())));
    }
    let failed =
        |e: std::io::Error| Failure::usage(format!("`{}` cannot be listened on ({e}); nothing is served", args.listen));
    let listener = TcpListener::bind(args.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let entry = Entry::new(address).map_err(|e| Failure::failed(e.to_string()))?;
    let label = shown(&root.display().to_string());
    let link = entry.link();
    out.json(&json!({ "listening": address.to_string(), "link": link, "folder": label }))?;
    out.line(format!("questionnaires of {label}"));
    out.line(format!("  open: {link}"));
    out.line("  whoever has the link may read and write them; Ctrl-C ends it");
    let hook = |kind| signal(kind).map_err(|e| Failure::failed(format!("signals cannot be heard: {e}")));
    let (mut terminate, mut interrupt) = (hook(SignalKind::terminate())?, hook(SignalKind::interrupt())?);
    let ended = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let site = router(Arc::new(Folder::new(root)), entry);
    tokio::select! {
        served = axum::serve(listener, site).into_future() => served.map_err(|e| Failure::failed(e.to_string()))?,
        // What is under way is one small file, written whole or not at all.
        () = ended => {}
    }
    Ok(Exit::Done)
}
