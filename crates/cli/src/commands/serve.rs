//! `seatrial serve`: one process, one listener, one owner of the store.

use crate::args::ServeArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Out;
use crate::owner::{self, Asked, Opened};
use crate::place;
use axum::Router;
use axum::http::StatusCode;
use seatrial_factory::Factory;
use seatrial_gateway::Gateway;
use seatrial_store::StoreError;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Serves until told to end.
pub(crate) async fn serve(args: &ServeArgs, asked: &Asked, out: &mut Out) -> Result<Exit, Failure> {
    let root = place::root(&asked.start)?;
    let store = place::store(&root)?;
    // Before the store is opened: a taken address changes nothing.
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|e| Failure::usage(format!("`{}` cannot be listened on ({e}); nothing is served", args.listen)))?;
    let address = listener.local_addr().map_err(|e| Failure::failed(e.to_string()))?;
    let owned = match owner::open(&root, &store, true).await? {
        Opened::Owned(owned) => owned,
        Opened::Elsewhere => return Err(StoreError::Owned(store).into()),
    };
    let ended = until_told()?;
    let workflows: Vec<String> = owned.factory.workflows().iter().map(ToString::to_string).collect();
    out.json(
        &json!({ "listening": address.to_string(), "factory": owned.factory.spec().name, "workflows": workflows }),
    )?;
    out.line(format!("{} is served on http://{address}", owned.factory.spec().name));
    for workflow in &workflows {
        standing(&owned.factory, workflow, out).await?;
    }
    let gateway = Gateway::new(owned.factory.clone());
    let served = seatrial_gateway::serve(listener, gateway, pages(), ended).await;
    owned.close().await?;
    served.map_err(|e| Failure::failed(format!("the listener failed: {e}")))?;
    Ok(Exit::Done)
}

async fn standing(factory: &Factory, workflow: &str, out: &mut Out) -> Result<(), Failure> {
    let summary = factory.summary(workflow).await?;
    let stage = match &summary.in_force {
        Some(release) => format!("{} since {}", release.stage, release.since),
        None => "not released: only rehearsals are answered".to_owned(),
    };
    let stopped = if summary.stopped.is_empty() { "" } else { "  STOPPED" };
    out.line(format!("  {workflow}  {stage}{stopped}"));
    Ok(())
}

/// Ends on SIGTERM and on Ctrl-C.
fn until_told() -> Result<impl Future<Output = ()>, Failure> {
    let hook =
        |kind| signal(kind).map_err(|e| Failure::failed(format!("signals cannot be heard ({e}); nothing is served")));
    let (mut terminate, mut interrupt) = (hook(SignalKind::terminate())?, hook(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// What answers beside the data plane.
fn pages() -> Router {
    Router::new().fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing at this address\n") })
}
