//! One exchange with an upstream: send a body, take the answer's chunks as they come, within limits.

use crate::retry;
use bytes::Bytes;
use reqwest::header::HeaderMap;
use std::time::Duration;

/// The most bytes of one answer. A long streamed answer with log-probabilities stays below 10 MiB.
pub const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The most bytes that are read of an error's answer: only its status counts, and a line of it for the log.
pub const ERROR_BYTES_MAX: usize = 64 * 1024;

/// The most chunks of one answer: one for every few bytes of a long stream; more is an attack on the memory.
pub const CHUNKS_MAX: usize = 1_000_000;

/// The longest silence within an answer before the upstream counts as gone: models that think send signs of life.
pub const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What an answer's head says that it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// One JSON text.
    Json,
    /// Server-sent events.
    Events,
}

/// An answer whose head has come.
#[derive(Debug)]
pub(crate) struct Incoming {
    response: reqwest::Response,
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    size: usize,
    chunks: usize,
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

/// Sends the request, and waits for the answer's head.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> Result<Incoming, Failure> {
    let response = request.send().await.map_err(failure)?;
    let status = response.status().as_u16();
    let headers = response.headers();
    let retry_after = retry::retry_after(text(headers, "retry-after-ms"), text(headers, "retry-after"));
    Ok(Incoming { status, retry_after, response, size: 0, chunks: 0 })
}

impl Incoming {
    /// What it is, if it is something that can be read.
    pub(crate) fn form(&self) -> Result<Form, Failure> {
        let headers = self.response.headers();
        if text(headers, "content-encoding").is_some_and(|e| !e.eq_ignore_ascii_case("identity")) {
            return Err(Failure::Broken("it is compressed, which was not asked for".to_owned()));
        }
        let kind = match headers.get("content-type") {
            // Some small servers leave it out, or write plain text.
            None => return Ok(Form::Json),
            Some(value) => value.to_str().unwrap_or("?").split(';').next().unwrap_or_default().trim().to_lowercase(),
        };
        match kind.as_str() {
            "text/event-stream" => Ok(Form::Events),
            "application/json" | "text/plain" => Ok(Form::Json),
            other if other.ends_with("+json") => Ok(Form::Json),
            other => {
                let shown = seatrial_model::Untrusted::new(other).terminal(80);
                Err(Failure::Broken(format!("its content type is `{shown}`, neither JSON nor a stream of events")))
            }
        }
    }

    /// The next bytes, or the end. Dropping the whole ends the request at the upstream.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let next = tokio::time::timeout(SILENCE_MAX, self.response.chunk()).await.map_err(|_| Failure::Slow)?;
            let Some(chunk) = next.map_err(failure)? else { return Ok(None) };
            self.size = self.size.saturating_add(chunk.len());
            self.chunks += 1;
            if self.size > ANSWER_BYTES_MAX || self.chunks > CHUNKS_MAX {
                return Err(Failure::TooLarge);
            }
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
    }

    /// All chunks.
    pub(crate) async fn all(mut self) -> Result<Vec<Bytes>, Failure> {
        let mut chunks = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            chunks.push(chunk);
        }
        Ok(chunks)
    }

    /// The beginning of an error's answer; what breaks off, or is compressed, ends there.
    pub(crate) async fn error_body(mut self) -> Vec<u8> {
        let mut body = Vec::new();
        if self.form().is_err() {
            return body;
        }
        while let Ok(Some(chunk)) = self.chunk().await {
            let room = ERROR_BYTES_MAX.saturating_sub(body.len());
            body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if chunk.len() >= room {
                break;
            }
        }
        body
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
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
