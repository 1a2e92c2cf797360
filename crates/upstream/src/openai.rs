//! The client of OpenAI-compatible providers.

use crate::completion::{Completion, ReadError, StreamReader, error_text, read_body};
use crate::exchange::{Answer, Failure, exchange};
use crate::key::Key;
use crate::retry::{self, RetryBudget};
use crate::sse::Scanner;
use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The longest wait for a connection.
pub const CONNECT_MAX: Duration = Duration::from_secs(10);

/// How long an unused connection is kept.
pub const POOL_IDLE: Duration = Duration::from_secs(60);

/// Unused connections kept for each provider.
pub const POOL_IDLE_CONNECTIONS: usize = 64;

/// Draws a number in [0, 1) that spreads the waits of repetitions.
pub type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

/// What a provider's client is made of.
#[derive(Clone)]
pub struct Options {
    /// The address below which `chat/completions` lies (`https://models.example/v1`).
    pub base_url: String,
    /// The key, where one is needed.
    pub key: Option<Key>,
    /// The most attempts of one call, the first included.
    pub attempts_max: u32,
    /// Spreads the waits.
    pub jitter: Jitter,
}

impl Options {
    /// Options with the usual number of attempts and a jitter seeded by the system.
    #[must_use]
    pub fn new(base_url: impl Into<String>, key: Option<Key>) -> Self {
        Self { base_url: base_url.into(), key, attempts_max: retry::ATTEMPTS_MAX, jitter: Arc::new(system_jitter) }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("key", &self.key)
            .field("attempts_max", &self.attempts_max)
            .finish_non_exhaustive()
    }
}

/// A new hasher's seed is random: enough to keep callers from knocking in step.
fn system_jitter() -> f64 {
    use std::hash::{BuildHasher, Hasher};
    let bits = std::hash::RandomState::new().build_hasher().finish() >> 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let unit = bits as f64 / (1u64 << 53) as f64;
    unit
}

/// Why a provider's client could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The address is none.
    #[error("the provider's `base_url` is not usable: {0}; write it as `https://models.example/v1`")]
    Url(String),
    /// The HTTP client could not start.
    #[error("the HTTP client could not be started: {0}")]
    Client(String),
}

/// Why a call brought no usable reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// No connection, a connection that broke, or a server's failure, after all attempts.
    #[error("the model could not be reached: {status}")]
    Unreachable {
        /// The HTTP status, or the transport's failure in words; nothing that the provider wrote.
        status: String,
    },
    /// It took longer than the step allows.
    #[error("the model did not answer in time")]
    TimedOut,
    /// The provider limits its callers.
    #[error("the provider limits its callers, and asks to come back later")]
    TooMany {
        /// The pause it asks for.
        retry_after: Option<Duration>,
    },
    /// The provider refuses this request, or our key.
    #[error("the provider refused the request with status `{status}`: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said, bounded and harmless.
        message: String,
    },
    /// It answered, but not with something that can be read whole.
    #[error("{0}")]
    Unreadable(String),
}

impl From<ReadError> for CallError {
    fn from(error: ReadError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// A reply as it came and as it reads.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The chunks, as the upstream sent them.
    pub chunks: Vec<Bytes>,
    /// Whether they are a stream of events.
    pub event_stream: bool,
    /// What they say.
    pub completion: Completion,
    /// How many requests it took.
    pub attempts: u32,
}

/// A client of one OpenAI-compatible provider.
#[derive(Debug)]
pub struct OpenAi {
    client: reqwest::Client,
    url: reqwest::Url,
    options: Options,
    bearer: Option<HeaderValue>,
    budget: RetryBudget,
}

impl OpenAi {
    /// Makes a client with its own pool of connections.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn new(options: Options) -> Result<Self, BuildError> {
        // Another part of the process may have installed a provider already: either is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_MAX)
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_IDLE_CONNECTIONS)
            .tcp_nodelay(true)
            // A redirect would carry the key and the prompt to a place that nobody named.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("seatrial/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| BuildError::Client(e.to_string()))?;
        let url = endpoint(&options.base_url)?;
        let bearer = options.key.as_ref().and_then(Key::bearer);
        Ok(Self { client, url, options, bearer, budget: RetryBudget::default() })
    }

    /// Sends a chat completion request, all of it ready, and reads the whole reply. Asks again on connection
    /// errors, 429 and 5xx, within the provider's budget and within `timeout`, which spans everything.
    ///
    /// # Errors
    /// [`CallError`]; then nothing of a reply may be used.
    pub async fn complete(&self, body: Bytes, timeout: Duration) -> Result<Fetched, CallError> {
        tokio::time::timeout(timeout, self.attempts(body)).await.unwrap_or(Err(CallError::TimedOut))
    }

    async fn attempts(&self, body: Bytes) -> Result<Fetched, CallError> {
        self.budget.call();
        let mut attempt = 1;
        loop {
            let outcome = exchange(self.request(body.clone())).await;
            let (error, retry_after) = match self.judge(outcome, attempt) {
                Judged::Done(done) => return done,
                Judged::Again(error, retry_after) => (error, retry_after),
            };
            if attempt >= self.options.attempts_max || !self.budget.spend() {
                return Err(error);
            }
            let Some(wait) = retry::wait(attempt, retry_after, (self.options.jitter)()) else { return Err(error) };
            tracing::debug!(attempt, wait_ms = wait.as_millis(), "the upstream is asked again");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    fn request(&self, body: Bytes) -> reqwest::RequestBuilder {
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer.clone());
        }
        request.body(body)
    }

    fn judge(&self, outcome: Result<Answer, Failure>, attempts: u32) -> Judged {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(Failure::Connect(text)) => {
                return Judged::Again(CallError::Unreachable { status: self.harmless(&text) }, None);
            }
            Err(Failure::Slow) => return Judged::Done(Err(CallError::TimedOut)),
            Err(Failure::Broken(text)) => return Judged::Done(Err(CallError::Unreadable(self.harmless(&text)))),
            Err(Failure::TooLarge) => {
                let text = format!("the model's reply is larger than `{}` bytes", crate::exchange::ANSWER_BYTES_MAX);
                return Judged::Done(Err(CallError::Unreadable(text)));
            }
        };
        match answer.status {
            200..=299 => Judged::Done(read(answer, attempts)),
            429 => Judged::Again(CallError::TooMany { retry_after: answer.retry_after }, answer.retry_after),
            status if retry::is_retryable(status) => {
                Judged::Again(CallError::Unreachable { status: status.to_string() }, answer.retry_after)
            }
            status => Judged::Done(Err(CallError::Refused { status, message: self.said(&answer) })),
        }
    }

    /// What an error answer says, without our key, bounded.
    fn said(&self, answer: &Answer) -> String {
        let body = answer.body();
        let text = match serde_json::from_slice::<Value>(&body) {
            Ok(value) => error_text(value.get("error").unwrap_or(&value)),
            Err(_) => String::from_utf8_lossy(body.get(..200).unwrap_or(&body)).into_owned(),
        };
        self.harmless(&text)
    }

    fn harmless(&self, text: &str) -> String {
        let text = self.options.key.as_ref().map_or_else(|| text.to_owned(), |key| key.redact(text));
        seatrial_model::Untrusted::new(text).terminal(400)
    }
}

enum Judged {
    Done(Result<Fetched, CallError>),
    Again(CallError, Option<Duration>),
}

fn read(answer: Answer, attempts: u32) -> Result<Fetched, CallError> {
    let completion = if answer.event_stream {
        let mut scanner = Scanner::default();
        let mut reader = StreamReader::default();
        for chunk in &answer.chunks {
            let events = scanner.push(chunk).map_err(|e| CallError::Unreadable(e.to_string()))?;
            events.iter().try_for_each(|event| reader.event(event))?;
        }
        if let Some(event) = scanner.finish() {
            reader.event(&event)?;
        }
        reader.finish()?
    } else {
        read_body(&answer.body())?
    };
    Ok(Fetched { chunks: answer.chunks, event_stream: answer.event_stream, completion, attempts })
}

/// `base_url` and the endpoint below it, however the slash stands.
fn endpoint(base_url: &str) -> Result<reqwest::Url, BuildError> {
    let shown = || seatrial_model::Untrusted::new(base_url).terminal(200);
    let mut url = reqwest::Url::parse(base_url).map_err(|e| BuildError::Url(format!("`{}`: {e}", shown())))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(BuildError::Url(format!("`{}` is no http(s) address", shown())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BuildError::Url("it holds a user name or password; give the key as `key` instead".to_owned()));
    }
    let path = format!("{}/chat/completions", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}
