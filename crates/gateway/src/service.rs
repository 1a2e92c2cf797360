//! One request: found its endpoint, authenticated, read, answered.

mod seen;

use crate::answer::{self, Answer};
use crate::body::{self, BodyError};
use crate::dialect::Dialect;
use crate::head::{self, Said};
use crate::problem::Problem;
use crate::route::{Endpoint, Route, query, route};
use crate::vitals::{Peer, inherited};
use crate::{Fallback, Gateway, control, decisions, govern, models, people, proxy, steps};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use seatrial_factory::api::Caller;
use seatrial_factory::{Factory, Gone};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

/// What answers the requests of a connection.
#[derive(Clone)]
pub(crate) struct Service<F> {
    gateway: Arc<Gateway>,
    fallback: F,
    peer: Peer,
}

/// A request, authenticated and read.
pub(crate) struct Asked {
    pub(crate) factory: Factory,
    pub(crate) caller: Caller,
    pub(crate) said: Said,
    pub(crate) dialect: Dialect,
    /// The request's id, as the answer says it.
    pub(crate) id: String,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Option<String>,
    pub(crate) body: Bytes,
    /// The request's place among those at once: whatever goes on after the answer's head holds it.
    #[expect(dead_code, reason = "held, not used")]
    pub(crate) permit: Arc<OwnedSemaphorePermit>,
    /// Its other end is dropped when the client hung up, or has its answer's head.
    pub(crate) client: watch::Receiver<()>,
}

impl Asked {
    /// Ends when the client hung up before its answer's head was there.
    pub(crate) fn gone(&self) -> Gone<'static> {
        let mut client = self.client.clone();
        Box::pin(async move { while client.changed().await.is_ok() {} })
    }

    /// A parameter of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        query(self.query.as_deref(), name)
    }

    /// The body as one of our own requests. Unknown members are errors: a misspelt one would be lost silently.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Problem> {
        if seatrial_upstream::raw::depth(&self.body) > seatrial_upstream::raw::DEPTH_MAX {
            return Err(Problem::invalid("the request's body nests too deep; nothing was done"));
        }
        // The library reads a list as an object's members in their order: nobody means that, and no name is checked.
        if self.body.trim_ascii_start().first() == Some(&b'[') {
            return Err(Problem::invalid("the request's body is a list, and is to be an object; nothing was done"));
        }
        serde_json::from_slice(&self.body)
            .map_err(|e| Problem::invalid(format!("the request's body is not usable: {e}; nothing was done")))
    }
}

impl<F> Service<F> {
    pub(crate) const fn new(gateway: Arc<Gateway>, fallback: F, peer: SocketAddr) -> Self {
        Self { gateway, fallback, peer: Peer(peer) }
    }

    async fn respond<B>(self, request: Request<Incoming>, id: String) -> Answer
    where
        F: Fallback<B>,
        F::Future: Send,
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let dialect = Dialect::of(request.uri().path(), request.headers());
        let no = |problem: &Problem| answer::problem(dialect, problem, &id);
        let mut answer = match route(request.method(), request.uri().path()) {
            // Agents look whether anybody is there.
            Route::Elsewhere if request.method() == Method::HEAD && request.uri().path() == "/" => {
                Answer::new(body::full(Bytes::new()))
            }
            Route::Elsewhere => self.elsewhere(request).await,
            Route::Here(endpoint) => match ours(&self.gateway, endpoint, request, dialect, &id).await {
                Ok(answer) => answer,
                Err(problem) => no(&problem),
            },
            Route::WrongMethod(allowed) => {
                let mut answer = no(&wrong_method(allowed));
                answer.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static(allowed));
                answer
            }
            Route::BadId(message) => no(&not_found("not_found", format!("{message}; nothing was done"))),
            Route::NotServed => no(&not_found("not_served", NOT_SERVED)),
        };
        if let Ok(id) = HeaderValue::try_from(id) {
            answer.headers_mut().insert(head::name::REQUEST_ID_TOO, id.clone());
            answer.headers_mut().insert(head::name::REQUEST_ID, id);
        }
        answer
    }

    async fn elsewhere<B>(self, mut request: Request<Incoming>) -> Answer
    where
        F: Fallback<B>,
        F::Future: Send,
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        request.extensions_mut().insert(self.peer);
        match self.fallback.oneshot(request).await {
            Ok(answer) => {
                let endless = answer.headers().get(CONTENT_TYPE).is_some_and(|t| t.as_bytes() == b"text/event-stream");
                let ended = endless.then(|| self.gateway.vitals.ended());
                answer.map(|body| match ended {
                    Some(ended) => body::until(body, ended),
                    None => body.map_err(Into::into).boxed_unsync(),
                })
            }
            Err(never) => match never {},
        }
    }
}

/// Said of what clients of models ask for, and nobody here answers.
const NOT_SERVED: &str = "this endpoint is not served here; nothing was done. Use `/v1/chat/completions`, `/v1/responses`, `/v1/messages`, or `run` and `decide` below `/v1/workflows/`";

fn not_found(code: &'static str, message: impl Into<String>) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "invalid_request_error", code, message)
}

fn wrong_method(allowed: &str) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "invalid_request_error",
        "method_not_allowed",
        format!("this endpoint takes `{allowed}` only; nothing was done"),
    )
}

/// Authenticates before a byte of the body is read, so that strangers cannot fill the memory.
async fn ours(
    gateway: &Arc<Gateway>,
    endpoint: Endpoint,
    request: Request<Incoming>,
    dialect: Dialect,
    id: &str,
) -> Result<Answer, Problem> {
    let (parts, incoming) = request.into_parts();
    let token = head::token(&parts.headers)?;
    let factory = gateway.factory().clone();
    let caller = factory.authenticate(token).await?;
    let said = head::said(&parts.headers)?;
    let waits = matches!(endpoint, Endpoint::Decision(_));
    let permit = room(if waits { &gateway.waiting } else { &gateway.in_flight })?;
    let bytes_max = match endpoint {
        Endpoint::Govern { .. } => gateway.limits.body_bytes_max.min(govern::BODY_BYTES_MAX),
        _ => gateway.limits.body_bytes_max,
    };
    let body = body::read(incoming, bytes_max, gateway.limits.body_time_max).await?;
    let query = parts.uri.query().map(str::to_owned);
    let (id, headers, permit) = (id.to_owned(), parts.headers, Arc::new(permit));
    let (alive, client) = watch::channel(());
    let asked = Asked { factory, caller, said, dialect, id, headers, query, body, permit, client };
    if waits {
        // Whoever waits for a decision changes nothing: hanging up ends it.
        return tokio::select! {
            answer = dispatch(endpoint, asked) => answer,
            () = gateway.vitals.ended() => Err(ending()),
        };
    }
    // A task of its own: a client that hangs up drops its connection, not the record of what it asked for. It is large,
    // and is not to be copied on its way there.
    let answering = tokio::spawn(inherited(Box::pin(dispatch(endpoint, asked))));
    let answered = answering.await;
    drop(alive);
    answered.unwrap_or_else(|error| {
        tracing::error!(%error, "a request ended in a fault of ours");
        Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "internal_error",
            "an internal fault ended the request; nothing was released",
        ))
    })
}

/// Said to whoever only waits when the server ends.
fn ending() -> Problem {
    let message = "this server is about to end, and waits for nobody's answer any more; nothing was done. Ask again";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", "ending", message).after(1)
}

/// A place among the requests at once.
fn room(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(places).try_acquire_owned().map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "server_error",
            "overloaded",
            "too many requests are under way already; nothing was done",
        )
        .after(1)
    })
}

async fn dispatch(endpoint: Endpoint, asked: Asked) -> Result<Answer, Problem> {
    match endpoint {
        Endpoint::Proxy(_) => proxy::call(asked).await,
        Endpoint::Models => models::models(asked).await,
        Endpoint::Model { workflow, step } => models::model(asked, &workflow, &step).await,
        Endpoint::Run { workflow, step } => steps::run(asked, workflow, step).await,
        Endpoint::Decide { workflow, step } => steps::decide(asked, workflow, step).await,
        Endpoint::Admit { workflow, step } => steps::admit(asked, workflow, step).await,
        Endpoint::StopAll => control::stop_all(asked).await,
        Endpoint::ResumeAll => control::resume_all(asked).await,
        Endpoint::Stop { workflow, step } => control::stop(asked, workflow, step).await,
        Endpoint::Resume { workflow, step } => control::resume(asked, workflow, step).await,
        Endpoint::Decision(id) => decisions::get(asked, id).await,
        Endpoint::Override(id) => decisions::override_(asked, id).await,
        Endpoint::Outcome(id) => decisions::outcome(asked, id).await,
        Endpoint::Effect(id) => decisions::effect(asked, id).await,
        Endpoint::Reviews => people::reviews(asked).await,
        Endpoint::Claim(id) => people::claim(asked, id).await,
        Endpoint::Answer(id) => people::answer(asked, id).await,
        Endpoint::Govern { workflow, what } => govern::answer(asked, &workflow, what).await,
    }
}
