//! What whoever operates the process asks it: `/healthz`, `/readyz`, `/metrics`.

use crate::telemetry::{Standing, Telemetry};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use seatrial_factory::Factory;
use seatrial_gateway::{Peer, Vitals};
use seatrial_model::event::TokenKind;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long an answer of the store's is good: whoever asks `/readyz` a thousand times a second costs one commit.
const STORE_FRESH: Duration = Duration::from_secs(1);

/// How long the store may take to commit nothing: a disk that hangs is not one that can be written.
const STORE_ANSWERS: Duration = Duration::from_secs(2);

/// What a proxy adds to a request: then the other end of the connection says nothing about who asks.
const FORWARDED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// What the answers are made of.
#[derive(Clone)]
pub(crate) struct Operations(Arc<Parts>);

struct Parts {
    factory: Factory,
    vitals: Arc<Vitals>,
    telemetry: Arc<Telemetry>,
    /// The store's folder.
    store: PathBuf,
    /// Whether the store commits, and when that was seen.
    commits: Mutex<Option<(Instant, bool)>>,
}

impl Operations {
    pub(crate) fn new(factory: Factory, vitals: Arc<Vitals>, telemetry: Arc<Telemetry>, store: &Path) -> Self {
        let store = store.to_owned();
        Self(Arc::new(Parts { factory, vitals, telemetry, store, commits: Mutex::default() }))
    }

    /// The three paths, and everything else beside them.
    pub(crate) fn around(self, site: Router) -> Router {
        Router::new()
            .route("/healthz", get(healthz))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(self)
            .fallback_service(site)
    }

    /// What keeps requests from being served, by the names of parts: whoever asks may be a stranger.
    async fn missing(&self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if self.0.vitals.draining() {
            missing.push("draining");
        }
        if self.0.factory.running().iter().any(|workflow| workflow.broken) {
            missing.push("releases");
        }
        if !self.store_commits().await {
            missing.push("store");
        }
        missing
    }

    async fn store_commits(&self) -> bool {
        let mut known = self.0.commits.lock().await;
        // Right after a decision that was not recorded, what was seen before is no longer known.
        if let Some((at, commits)) = *known
            && at.elapsed() < STORE_FRESH
            && (self.0.telemetry.records() || !commits)
        {
            return commits;
        }
        let asked = tokio::time::timeout(STORE_ANSWERS, self.0.factory.can_record()).await;
        let commits = matches!(asked, Ok(Ok(())));
        if commits {
            self.0.telemetry.recorded();
        }
        *known = Some((Instant::now(), commits));
        commits
    }

    /// Whether somebody may read the metrics: from this machine, or with an operator's token.
    async fn may_read(&self, peer: Option<Peer>, headers: &HeaderMap) -> bool {
        let proxied = FORWARDED.iter().any(|name| headers.contains_key(*name));
        if peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback()) && !proxied {
            return true;
        }
        let token = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let Some((scheme, token)) = token.and_then(|v| v.split_once(' ')) else { return false };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return false;
        }
        let caller = self.0.factory.authenticate(token.trim()).await;
        caller.is_ok_and(|caller| caller.token == Some(TokenKind::Operator))
    }

    async fn standing(&self) -> Standing {
        let mut workflows = Vec::new();
        for running in self.0.factory.running() {
            let reviews = self.0.factory.open_reviews(&running.workflow).await.unwrap_or_default();
            workflows.push((running, reviews));
        }
        let size = |name: &str| std::fs::metadata(self.0.store.join(name)).map_or(0, |meta| meta.len());
        let circuits = self.0.factory.circuits_open();
        Standing { workflows, circuits, store_bytes: size("evidence.db") + size("evidence.db-wal") }
    }
}

/// The process lives.
async fn healthz() -> Response {
    plain(StatusCode::OK, "application/json", json!({ "alive": true }).to_string())
}

/// Requests can be served.
async fn readyz(State(operations): State<Operations>) -> Response {
    let missing = operations.missing().await;
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    plain(status, "application/json", json!({ "ready": missing.is_empty(), "missing": missing }).to_string())
}

async fn metrics(State(operations): State<Operations>, request: Request) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    if !operations.may_read(peer, request.headers()).await {
        let text = "metrics are read from this machine, or with an operator's token; nothing is shown\n";
        return plain(StatusCode::UNAUTHORIZED, "text/plain; charset=utf-8", text.to_owned());
    }
    let standing = operations.standing().await;
    match operations.0.telemetry.text(&operations.0.vitals, &standing) {
        Ok(text) => plain(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", text),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "the metrics could not be written\n".to_owned())
        }
    }
}

fn plain(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, text).into_response()
}
