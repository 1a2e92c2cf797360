//! The client of services that serve models: OpenAI-compatible ones, and Anthropic's.

use crate::exchange::{ANSWER_BYTES_MAX, Failure, Form, Incoming, send};
use crate::key::Key;
use crate::read::{ReadError, error_text};
use crate::retry::{self, RetryBudget};
use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use seatrial_guard::port::Protocol;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The longest wait for a connection.
pub const CONNECT_MAX: Duration = Duration::from_secs(10);

/// How long an unused connection is kept.
pub const POOL_IDLE: Duration = Duration::from_secs(60);

/// Unused connections kept for each service.
pub const POOL_IDLE_CONNECTIONS: usize = 64;

/// The version of messages that is asked for where the client named none.
pub const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Headers of a client's that are passed on to a service that speaks messages; never one that holds a key.
const ANTHROPIC_HEADERS: [&str; 2] = ["anthropic-version", "anthropic-beta"];

/// Draws a number in [0, 1) that spreads the waits of repetitions.
pub type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

/// How a service is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Kind {
    /// Any OpenAI-compatible endpoint: `authorization: Bearer`.
    OpenAi,
    /// Anthropic's: `x-api-key` and `anthropic-version`.
    Anthropic,
}

/// What a service's client is made of.
#[derive(Clone)]
pub struct Options {
    /// How it is asked.
    pub kind: Kind,
    /// The address below which `chat/completions`, `responses` or `messages` lies (`https://models.example/v1`).
    pub base_url: String,
    /// The key, where one is needed.
    pub key: Option<Key>,
    /// What it speaks; the first is used for what is in none of them. Empty counts as chat completions.
    pub speaks: Vec<Protocol>,
    /// The most attempts of one call, the first included.
    pub attempts_max: u32,
    /// Spreads the waits.
    pub jitter: Jitter,
}

impl Options {
    /// Options with the usual number of attempts and a jitter seeded by the system, for what a kind usually speaks.
    #[must_use]
    pub fn new(kind: Kind, base_url: impl Into<String>, key: Option<Key>) -> Self {
        let speaks = match kind {
            Kind::OpenAi => vec![Protocol::OpenAiChat, Protocol::OpenAiResponses],
            Kind::Anthropic => vec![Protocol::AnthropicMessages],
        };
        let jitter = Arc::new(retry::system_jitter);
        Self { kind, base_url: base_url.into(), key, speaks, attempts_max: retry::ATTEMPTS_MAX, jitter }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("kind", &self.kind)
            .field("key", &self.key)
            .field("speaks", &self.speaks)
            .field("attempts_max", &self.attempts_max)
            .finish_non_exhaustive()
    }
}

/// Why a service's client could not be made.
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
    /// The request has a field that the provider's protocol has no words for.
    #[error("the provider's protocol has no words for `{0}`")]
    Untranslatable(String),
    /// It answered, but not with something that can be read whole.
    #[error("{0}")]
    Unreadable(String),
}

impl From<ReadError> for CallError {
    fn from(error: ReadError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// A request, ready to be sent.
#[derive(Debug, Clone)]
pub struct Call {
    /// The protocol of its body.
    pub protocol: Protocol,
    /// The body.
    pub body: Bytes,
    /// Headers of the client's own that its protocol gives a meaning.
    pub headers: Vec<(String, String)>,
}

impl Call {
    /// A request without headers of the client's own.
    #[must_use]
    pub fn new(protocol: Protocol, body: impl Into<Bytes>) -> Self {
        Self { protocol, body: body.into(), headers: Vec::new() }
    }
}

/// A reply as it came.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The chunks, as the upstream sent them.
    pub chunks: Vec<Bytes>,
    /// Whether it is a stream of server-sent events.
    pub event_stream: bool,
    /// How many requests were sent.
    pub attempts: u32,
}

impl Fetched {
    /// All bytes.
    #[must_use]
    pub fn body(&self) -> Bytes {
        match self.chunks.as_slice() {
            [one] => one.clone(),
            chunks => chunks.concat().into(),
        }
    }
}

/// A reply whose head has come.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) incoming: Incoming,
    pub(crate) form: Form,
    pub(crate) attempts: u32,
}

/// A client of one service, with one pool of connections and one budget of repetitions.
pub struct Service {
    client: reqwest::Client,
    urls: Urls,
    options: Options,
    budget: RetryBudget,
}

/// Where each protocol's requests go.
struct Urls {
    chat: reqwest::Url,
    responses: reqwest::Url,
    messages: reqwest::Url,
}

impl Urls {
    fn below(base: &reqwest::Url) -> Self {
        let at = |path: &str| {
            let mut url = base.clone();
            url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
            url
        };
        Self { chat: at("chat/completions"), responses: at("responses"), messages: at("messages") }
    }

    const fn of(&self, protocol: Protocol) -> &reqwest::Url {
        match protocol {
            Protocol::OpenAiChat => &self.chat,
            Protocol::OpenAiResponses => &self.responses,
            Protocol::AnthropicMessages => &self.messages,
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Service {
    /// Makes a client. Nothing is sent.
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
        let urls = Urls::below(&base(&options.base_url)?);
        Ok(Self { client, urls, options, budget: RetryBudget::default() })
    }

    /// What the service speaks; the first is used for what is in none of them.
    #[must_use]
    pub fn speaks(&self) -> &[Protocol] {
        if self.options.speaks.is_empty() { &[Protocol::OpenAiChat] } else { &self.options.speaks }
    }

    /// Sends a request, all of it ready, and takes the whole reply. Asks again on connection errors, 429 and 5xx,
    /// within the service's budget and within `timeout`, which spans everything.
    ///
    /// # Errors
    /// [`CallError`]; then nothing of a reply may be used.
    pub async fn fetch(&self, call: &Call, timeout: Duration) -> Result<Fetched, CallError> {
        let deadline = Instant::now() + timeout;
        let whole = async {
            let Opened { incoming, form, attempts } = self.attempts(call, deadline).await?;
            let chunks = incoming.all().await.map_err(|e| self.failed(e))?;
            Ok(Fetched { chunks, event_stream: form == Form::Events, attempts })
        };
        tokio::time::timeout_at(deadline, whole).await.unwrap_or(Err(CallError::TimedOut))
    }

    /// The same, until the head has come.
    pub(crate) async fn open(&self, call: &Call, deadline: Instant) -> Result<Opened, CallError> {
        tokio::time::timeout_at(deadline, self.attempts(call, deadline)).await.unwrap_or(Err(CallError::TimedOut))
    }

    async fn attempts(&self, call: &Call, deadline: Instant) -> Result<Opened, CallError> {
        self.budget.call();
        let mut attempts = 1;
        loop {
            let (error, retry_after) = match send(self.request(call)?).await {
                Ok(incoming) => match incoming.status {
                    200..=299 => {
                        let form = incoming.form().map_err(|e| self.failed(e))?;
                        return Ok(Opened { incoming, form, attempts });
                    }
                    429 => {
                        let retry_after = incoming.retry_after;
                        (CallError::TooMany { retry_after }, retry_after)
                    }
                    status if retry::is_retryable(status) => {
                        (CallError::Unreachable { status: status.to_string() }, incoming.retry_after)
                    }
                    status => {
                        let message = self.said(&incoming.error_body().await);
                        return Err(CallError::Refused { status, message });
                    }
                },
                Err(failure @ Failure::Connect(_)) => (self.failed(failure), None),
                Err(failure) => return Err(self.failed(failure)),
            };
            if attempts >= self.options.attempts_max || !self.budget.spend() {
                return Err(error);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            // A pause beyond the time that is left is told, not waited for.
            let wait = retry::wait(attempts, retry_after, (self.options.jitter)()).filter(|wait| *wait < left);
            let Some(wait) = wait else { return Err(error) };
            tracing::debug!(attempts, wait_ms = wait.as_millis(), "the upstream is asked again");
            tokio::time::sleep(wait).await;
            attempts += 1;
        }
    }

    fn request(&self, call: &Call) -> Result<reqwest::RequestBuilder, CallError> {
        let mut request = self
            .client
            .post(self.urls.of(call.protocol).clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        if call.protocol == Protocol::AnthropicMessages {
            request = anthropic_headers(request, &call.headers);
        }
        if let Some(key) = &self.options.key {
            let value = match (self.options.kind, call.protocol) {
                (Kind::Anthropic, Protocol::AnthropicMessages) => key.plain().map(|v| (X_API_KEY, v)),
                _ => key.bearer().map(|v| (AUTHORIZATION, v)),
            };
            // A request without its key would be somebody else's.
            let (name, value) = value.ok_or_else(|| CallError::Unreadable("the key fits no header".to_owned()))?;
            request = request.header(name, value);
        }
        Ok(request.body(call.body.clone()))
    }

    /// A transport's failure in harmless words.
    pub(crate) fn failed(&self, failure: Failure) -> CallError {
        match failure {
            Failure::Connect(text) => CallError::Unreachable { status: self.harmless(&text) },
            Failure::Slow => CallError::TimedOut,
            Failure::Broken(text) => CallError::Unreadable(self.harmless(&text)),
            Failure::TooLarge => {
                CallError::Unreadable(format!("the model's reply is larger than `{ANSWER_BYTES_MAX}` bytes"))
            }
        }
    }

    /// What an error answer says, without our key, bounded.
    fn said(&self, body: &[u8]) -> String {
        let text = match crate::json::parse(body) {
            Ok(value) => error_text(value.get("error").unwrap_or(&value)),
            Err(_) => String::from_utf8_lossy(body.get(..200).unwrap_or(body)).into_owned(),
        };
        self.harmless(&text)
    }

    fn harmless(&self, text: &str) -> String {
        let text = self.options.key.as_ref().map_or_else(|| text.to_owned(), |key| key.redact(text));
        seatrial_model::Untrusted::new(text).terminal(400)
    }
}

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

fn anthropic_headers(mut request: reqwest::RequestBuilder, theirs: &[(String, String)]) -> reqwest::RequestBuilder {
    for name in ANTHROPIC_HEADERS {
        let said = theirs.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
        let mut values: Vec<&str> = said.filter(|v| HeaderValue::from_str(v).is_ok()).collect();
        if values.is_empty() && name == "anthropic-version" {
            values.push(ANTHROPIC_VERSION);
        }
        for value in values {
            request = request.header(name, value);
        }
    }
    request
}

/// The `base_url` without its last slash.
fn base(base_url: &str) -> Result<reqwest::Url, BuildError> {
    let shown = || seatrial_model::Untrusted::new(base_url).terminal(200);
    let mut url = reqwest::Url::parse(base_url).map_err(|e| BuildError::Url(format!("`{}`: {e}", shown())))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(BuildError::Url(format!("`{}` is no http(s) address", shown())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BuildError::Url("it holds a user name or password; give the key as `key` instead".to_owned()));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}
