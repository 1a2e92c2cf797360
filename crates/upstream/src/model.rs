//! The guard's port, answered over HTTP.

use crate::breaker::{Breaker, Outcome, Permit, State};
use crate::exchange::Form;
use crate::live::{Live, reply};
use crate::pass::{Passing, whole};
use crate::prompt::{self, Wish};
use crate::raw::RawObject;
use crate::read::Read;
use crate::say::Manner;
use crate::service::{Call, CallError, Fetched, Service};
use crate::sse::Scanner;
use crate::translate;
use bytes::Bytes;
use seatrial_guard::port::{Ask, AskBody, BoxFuture, Model, ModelError, Protocol, Reply, ReplyStream};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The most models of one service with a circuit of their own: a factory names a few.
const CIRCUITS_MAX: usize = 1_000;

/// The most schemas that are remembered as refused by their provider.
const REFUSED_SCHEMAS_MAX: usize = 1_000;

/// A service that serves models, behind the guard's port: in the protocols that it speaks as they are, in others
/// translated where the meaning survives.
#[derive(Debug)]
pub struct HttpModel {
    service: Arc<Service>,
    circuits: Mutex<BTreeMap<String, Arc<Breaker>>>,
    /// Requests that the provider once refused because of their schema: it is not sent again. The schema is a help to
    /// the model, the check is the guard's own.
    refused_schemas: Mutex<HashSet<(String, String)>>,
}

/// A request on its way.
struct Prepared {
    call: Call,
    /// The client's protocol, where it is another than the call's.
    to: Option<(Protocol, Manner)>,
}

impl HttpModel {
    /// Puts a client behind the port.
    #[must_use]
    pub fn new(service: Service) -> Self {
        Self { service: Arc::new(service), circuits: Mutex::default(), refused_schemas: Mutex::default() }
    }

    /// The circuits of the models that were asked so far, by the model's name.
    #[must_use]
    pub fn circuits(&self) -> Vec<(String, State)> {
        let circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        circuits.iter().map(|(model, breaker)| (model.clone(), breaker.state())).collect()
    }

    fn enter(&self, model: &str) -> Result<Permit, CallError> {
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        // Beyond the limit, all others share one.
        let name = if circuits.len() >= CIRCUITS_MAX && !circuits.contains_key(model) { "" } else { model };
        let breaker = circuits.entry(name.to_owned()).or_default();
        let status = "it failed several times in a row; it is asked again in some seconds".to_owned();
        breaker.enter().ok_or(CallError::Unreachable { status })
    }

    async fn fetch(&self, ask: &Ask, prepared: &Prepared, deadline: Instant) -> Result<Reply, CallError> {
        let mut permit = self.enter(&ask.model)?;
        let fetched = self.service.fetch(&prepared.call, deadline.saturating_duration_since(Instant::now())).await;
        let read = fetched.and_then(|fetched| read_all(prepared.call.protocol, prepared.to, fetched));
        permit.tell(read.as_ref().map_or_else(outcome, |_| Outcome::There));
        read
    }

    async fn answer(&self, ask: &Ask) -> Result<Reply, CallError> {
        let deadline = Instant::now() + Duration::from_millis(ask.timeout_ms);
        let prepared = self.prepare(ask, true)?;
        let outcome = self.fetch(ask, &prepared, deadline).await;
        let Err(CallError::Refused { status: 400 | 422, .. }) = outcome else { return outcome };
        let Some(key) = self.schema_key(ask) else { return outcome };
        let again = self.fetch(ask, &self.prepare(ask, false)?, deadline).await;
        let mut refused = self.refused_schemas.lock().unwrap_or_else(PoisonError::into_inner);
        if again.is_ok() && refused.len() < REFUSED_SCHEMAS_MAX {
            refused.insert(key);
        }
        again.map(|reply| Reply { requests: reply.requests.saturating_add(1), ..reply })
    }

    /// What names a schema that would be sent, if one would.
    fn schema_key(&self, ask: &Ask) -> Option<(String, String)> {
        if !matches!(ask.body, AskBody::Messages { .. }) {
            return None;
        }
        let schema = ask.schema.as_ref()?.to_string();
        let key = (ask.model.clone(), seatrial_model::Digest::of(schema.as_bytes()).to_string());
        let refused = self.refused_schemas.lock().unwrap_or_else(PoisonError::into_inner);
        (!refused.contains(&key)).then_some(key)
    }

    async fn live(&self, ask: &Ask) -> Result<Box<dyn ReplyStream>, CallError> {
        let deadline = Instant::now() + Duration::from_millis(ask.timeout_ms);
        let Prepared { call, to } = self.prepare(ask, true)?;
        let mut permit = self.enter(&ask.model)?;
        let opened = self.service.open(&call, deadline).await;
        let opened = opened.inspect_err(|error| permit.tell(outcome(error)))?;
        if opened.form != Form::Events {
            return Err(CallError::Unreadable("a stream was asked for, and it is none".to_owned()));
        }
        let passing = Passing::new(call.protocol, to);
        let limits = (ask.model.clone(), ask.timeout_ms);
        Ok(Box::new(Live::new(Arc::clone(&self.service), opened, passing, deadline, limits, permit)))
    }

    /// The request: a client's own but for the model's name, a client's own said in another protocol, or the guard's
    /// messages.
    fn prepare(&self, ask: &Ask, with_schema: bool) -> Result<Prepared, CallError> {
        let speaks = self.service.speaks();
        let first = speaks.first().copied().unwrap_or(Protocol::OpenAiChat);
        match &ask.body {
            AskBody::Raw { protocol, bytes, headers, .. } if speaks.contains(protocol) => {
                let body = raw_body(ask, *protocol, bytes)?;
                Ok(Prepared { call: Call { protocol: *protocol, body, headers: headers.clone() }, to: None })
            }
            AskBody::Raw { protocol, bytes, .. } => {
                let (body, manner) = translate::request(bytes, *protocol, first).map_err(CallError::Untranslatable)?;
                let body = raw_body(ask, first, &body)?;
                Ok(Prepared { call: Call::new(first, body), to: Some((*protocol, manner)) })
            }
            AskBody::Messages { messages, .. } => {
                let schema = ask.schema.as_ref().filter(|_| with_schema && self.schema_key(ask).is_some());
                let temperature = ask.temperature.filter(|t| t.is_finite());
                let wish = Wish { model: &ask.model, temperature, schema, logprobs: ask.logprobs };
                Ok(Prepared { call: Call::new(first, prompt::body(first, messages, &wish)), to: None })
            }
        }
    }
}

impl Model for HttpModel {
    fn ask(&self, ask: Ask) -> BoxFuture<'_, Result<Reply, ModelError>> {
        Box::pin(async move {
            let answer = self.answer(&ask).await;
            answer.map_err(|error| model_error(error, &ask.model, ask.timeout_ms))
        })
    }

    fn open(&self, ask: Ask) -> BoxFuture<'_, Result<Box<dyn ReplyStream>, ModelError>> {
        Box::pin(async move {
            let live = self.live(&ask).await;
            live.map_err(|error| model_error(error, &ask.model, ask.timeout_ms))
        })
    }
}

/// A client's body with the model's own name, and with log-probabilities where they are wanted.
fn raw_body(ask: &Ask, protocol: Protocol, bytes: &[u8]) -> Result<Bytes, CallError> {
    let unusable = |e: crate::raw::RawError| CallError::Unreadable(format!("the caller's request: {e}"));
    let mut body = RawObject::parse(bytes).map_err(unusable)?;
    body.set("model", &ask.model).map_err(unusable)?;
    if ask.logprobs {
        match protocol {
            Protocol::OpenAiChat => body.set("logprobs", &true).map_err(unusable)?,
            Protocol::OpenAiResponses => {
                let include = body.get("include").and_then(|raw| serde_json::from_str::<Vec<String>>(raw).ok());
                let mut include = include.unwrap_or_default();
                if !include.iter().any(|i| i == prompt::LOGPROBS) {
                    include.push(prompt::LOGPROBS.to_owned());
                }
                body.set("include", &include).map_err(unusable)?;
            }
            // It has none.
            Protocol::AnthropicMessages => {}
        }
    }
    Ok(body.to_bytes().into())
}

/// Reads a reply that has come as a whole, and says it again where the client speaks something else.
fn read_all(from: Protocol, to: Option<(Protocol, Manner)>, fetched: Fetched) -> Result<Reply, CallError> {
    let attempts = fetched.attempts;
    let made = |raw: Vec<u8>, chunks: Vec<usize>, read: Read| Reply { raw, chunks, ..reply(read, attempts) };
    if !fetched.event_stream {
        let body = fetched.body();
        let (written, read) = whole(from, to, &body)?;
        return Ok(made(written.unwrap_or_else(|| body.to_vec()), Vec::new(), read));
    }
    let mut scanner = Scanner::default();
    let mut passing = Passing::new(from, to);
    let (mut raw, mut ends) = (Vec::new(), Vec::new());
    for chunk in &fetched.chunks {
        for event in scanner.push(chunk).map_err(|e| CallError::Unreadable(e.to_string()))? {
            if let (Some(written), _) = passing.event(&event)? {
                put(&mut raw, &mut ends, &written);
            }
        }
        if passing.is_same() {
            put(&mut raw, &mut ends, chunk);
        }
    }
    if let Some(event) = scanner.finish() {
        put(&mut raw, &mut ends, &passing.event(&event)?.0.unwrap_or_default());
    }
    let (tail, _, read) = passing.finish()?;
    put(&mut raw, &mut ends, &tail);
    Ok(made(raw, ends, read))
}

fn put(raw: &mut Vec<u8>, ends: &mut Vec<usize>, bytes: &[u8]) {
    if !bytes.is_empty() {
        raw.extend_from_slice(bytes);
        ends.push(raw.len());
    }
}

/// What an error says about the model.
pub(crate) const fn outcome(error: &CallError) -> Outcome {
    match error {
        CallError::Unreachable { .. } | CallError::TimedOut => Outcome::Away,
        CallError::Refused { .. } => Outcome::There,
        CallError::TooMany { .. } | CallError::Unreadable(_) | CallError::Untranslatable(_) => Outcome::Unknown,
    }
}

/// What a provider says stays here: it may quote the input.
pub(crate) fn model_error(error: CallError, model: &str, timeout_ms: u64) -> ModelError {
    let model = model.to_owned();
    match error {
        CallError::Unreachable { status } => ModelError::Unreachable { model, status },
        CallError::TimedOut => ModelError::TimedOut { model, timeout_ms },
        CallError::TooMany { retry_after } => ModelError::Limited {
            model,
            retry_after_ms: retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        },
        CallError::Refused { status, .. } => ModelError::Rejected { model, status },
        CallError::Untranslatable(what) => ModelError::Untranslatable { model, what },
        CallError::Unreadable(why) => ModelError::Unreadable { model, why },
    }
}
