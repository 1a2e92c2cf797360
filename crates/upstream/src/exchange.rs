//! One exchange with an upstream: send a body, take the answer's chunks as they come, within limits.

use crate::retry;
use bytes::Bytes;
use reqwest::header::HeaderMap;
use std::time::Duration;

/// The most bytes of one answer. A long streamed answer with log-probabilities stays below 10 MiB.
pub const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The most chunks of one answer: one for every few bytes of a long stream; more is an attack on the memory.
pub const CHUNKS_MAX: usize = 1_000_000;

/// The longest silence within an answer before the upstream counts as gone.
pub const SILENCE_MAX: Duration = Duration::from_secs(120);

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) event_stream: bool,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) chunks: Vec<Bytes>,
}

impl Answer {
    /// All bytes.
    pub(crate) fn body(&self) -> Bytes {
        match self.chunks.as_slice() {
            [one] => one.clone(),
            chunks => chunks.concat().into(),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No connection: nothing was sent, so asking again is safe.
    Connect(String),
    /// Broken off, or nonsense, after the request was sent.
    Broken(String),
    /// It took too long.
    Slow,
    /// More than [`ANSWER_BYTES_MAX`].
    TooLarge,
}

/// Sends the request and reads the whole answer.
pub(crate) async fn exchange(request: reqwest::RequestBuilder) -> Result<Answer, Failure> {
    let mut response = request.send().await.map_err(failure)?;
    let status = response.status().as_u16();
    let headers = response.headers();
    if text(headers, "content-encoding").is_some_and(|e| !e.eq_ignore_ascii_case("identity")) {
        return Err(Failure::Broken("it is compressed, which was not asked for".to_owned()));
    }
    let event_stream = text(headers, "content-type").is_some_and(is_event_stream);
    let retry_after = retry::retry_after(text(headers, "retry-after-ms"), text(headers, "retry-after"));
    let mut answer = Answer { status, event_stream, retry_after, chunks: Vec::new() };
    let mut size = 0usize;
    loop {
        let next = tokio::time::timeout(SILENCE_MAX, response.chunk()).await.map_err(|_| Failure::Slow)?;
        let Some(chunk) = next.map_err(failure)? else { return Ok(answer) };
        size = size.saturating_add(chunk.len());
        if size > ANSWER_BYTES_MAX || answer.chunks.len() == CHUNKS_MAX {
            return Err(Failure::TooLarge);
        }
        if !chunk.is_empty() {
            answer.chunks.push(chunk);
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_event_stream(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// The error without the URL, which may hold a secret of somebody's own making.
fn failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    if error.is_timeout() {
        return Failure::Slow;
    }
    let mut text = error.to_string();
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    if error.is_connect() { Failure::Connect(text) } else { Failure::Broken(text) }
}
