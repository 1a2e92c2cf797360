//! The logs below `/log/`, as C2SP `tlog-tiles` has them: files that programs fetch, not pages. With a session, with a
//! token, or, where the factory has opened its logs, by anybody.

use super::AppState;
use super::read::App;
use super::visit::{session, status};
use crate::backend::{Backend, LogReader, Person, Problem};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use seatrial_factory::{LogBytes, LogPath};
use seatrial_model::Principal;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::Semaphore;

/// How many files are read from the store at a time: a bundle may be 16 MiB, and the data plane reads the same store.
const READS_MAX: usize = 8;

/// How many requests of strangers are answered at once before they have to slow down: a monitor that begins anew reads this
/// many tiles without a pause.
const STRANGERS_BURST: f64 = 1_000.0;

/// How many requests of strangers are answered in a second, from then on.
const STRANGERS_PER_SECOND: f64 = 100.0;

/// The text of a checkpoint, a proof or a key.
const TEXT: &str = "text/plain; charset=utf-8";

/// What reading the logs may take.
#[derive(Debug)]
pub(super) struct Limits {
    reads: Semaphore,
    strangers: Mutex<Budget>,
}

impl Default for Limits {
    fn default() -> Self {
        let strangers = Budget { left: STRANGERS_BURST, at: Instant::now() };
        Self { reads: Semaphore::new(READS_MAX), strangers: Mutex::new(strangers) }
    }
}

impl Limits {
    fn stranger_may(&self) -> bool {
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now())
    }
}

/// Fills again with time; each request takes one.
#[derive(Debug)]
struct Budget {
    left: f64,
    at: Instant,
}

impl Budget {
    fn take(&mut self, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * STRANGERS_PER_SECOND;
        self.left = (self.left + gained).min(STRANGERS_BURST);
        self.at = now;
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

/// `GET /log/{workflow}/…`. The path is taken as it was sent: escapes would make a second spelling of it.
pub async fn file<B: Backend>(State(app): App<B>, uri: Uri, headers: HeaderMap) -> Response {
    let asked = uri.path().strip_prefix("/log/").and_then(|rest| rest.split_once('/'));
    let asked = asked.and_then(|(log, path)| Some((log, path.parse::<LogPath>().ok()?)));
    let Some((log, path)) = asked else {
        let text =
            "there is no such file; a log has `checkpoint`, `key`, `proof/INDEX`, and `tile/…` as in C2SP `tlog-tiles`";
        return refused(StatusCode::NOT_FOUND, text);
    };
    match read(&app, &headers, log, path).await {
        Ok(file) => answer(path, file),
        Err(response) => response,
    }
}

async fn read<B: Backend>(
    app: &AppState<B>,
    headers: &HeaderMap,
    log: &str,
    path: LogPath,
) -> Result<LogBytes, Response> {
    let limits = &app.shared.log_limits;
    let person = signed_in(app, headers).await.map_err(|problem| of(&problem))?;
    let reader = match (bearer(headers), &person) {
        (Some(token), _) => LogReader::Token(token),
        (None, Some(person)) => LogReader::Person(person),
        (None, None) if limits.stranger_may() => LogReader::Anybody,
        (None, None) => return Err(slower(StatusCode::TOO_MANY_REQUESTS, "too many requests; nothing was read")),
    };
    let Ok(_reading) = limits.reads.acquire().await else {
        return Err(slower(StatusCode::SERVICE_UNAVAILABLE, "this node ends; nothing was read"));
    };
    app.backend().log_file(reader, log, path).await.map_err(|problem| of(&problem))
}

/// Whoever has a session, as they stand now.
async fn signed_in<B: Backend>(app: &AppState<B>, headers: &HeaderMap) -> Result<Option<Person>, Problem> {
    let Some(session) = session(app, headers) else { return Ok(None) };
    let now = app.backend().present(&session.person).await?;
    let had = session.person;
    Ok(now.map(|now| Person {
        principal: Principal { assurance: had.principal.assurance, ..now.principal },
        name: now.name,
        token: had.token,
        sso: had.sso,
    }))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn answer(path: LogPath, file: LogBytes) -> Response {
    let content = if matches!(path, LogPath::Tile(_)) { "application/octet-stream" } else { TEXT };
    // A tile never changes; a checkpoint is out of date within seconds.
    let caching = match (file.immutable, file.public) {
        (true, true) => "public, max-age=31536000, immutable",
        (true, false) => "private, max-age=31536000, immutable",
        (false, true) => "public, max-age=2",
        (false, false) => "private, no-cache",
    };
    let mut response = file.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if !file.public {
        headers.insert(header::VARY, HeaderValue::from_static("authorization, cookie"));
    }
    response
}

fn of(problem: &Problem) -> Response {
    let (status, _) = status(problem);
    if status.is_server_error() {
        tracing::warn!(%problem, "a file of a log could not be read");
    }
    let mut response = refused(status, &problem.to_string());
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn slower(status: StatusCode, text: &str) -> Response {
    let mut response = refused(status, text);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn refused(status: StatusCode, text: &str) -> Response {
    (status, [(header::CONTENT_TYPE, TEXT)], format!("{text}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn strangers_have_a_budget_that_fills_again() {
        let start = Instant::now();
        let mut budget = Budget { left: STRANGERS_BURST, at: start };
        let took = (0..2_000).filter(|_| budget.take(start)).count();
        assert_eq!(took, 1_000);
        let later = start + Duration::from_millis(500);
        assert_eq!((0..2_000).filter(|_| budget.take(later)).count(), 50);
        let much_later = later + Duration::from_secs(3_600);
        assert_eq!((0..2_000).filter(|_| budget.take(much_later)).count(), 1_000);
        // A clock that goes back gives nothing.
        assert!(!budget.take(start));
    }
}
