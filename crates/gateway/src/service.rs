//! One request: found its endpoint, authenticated, read, answered.

use crate::answer::{self, Answer};
use crate::body::{self, AnswerBody, BodyError};
use crate::head::{self, Said};
use crate::problem::Problem;
use crate::route::{Endpoint, Route, query, route};
use crate::{Fallback, Gateway, chat, control, decisions, govern, people, steps};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use seatrial_factory::Factory;
use seatrial_factory::api::Caller;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

/// What answers the requests of a connection.
#[derive(Clone)]
pub(crate) struct Service<F> {
    gateway: Arc<Gateway>,
    fallback: F,
}

/// A request, authenticated and read.
pub(crate) struct Asked {
    pub(crate) factory: Factory,
    pub(crate) caller: Caller,
    pub(crate) said: Said,
    pub(crate) query: Option<String>,
    pub(crate) body: Bytes,
}

impl Asked {
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
    pub(crate) const fn new(gateway: Arc<Gateway>, fallback: F) -> Self {
        Self { gateway, fallback }
    }

    pub(crate) async fn answer<B>(self, request: Request<Incoming>) -> Answer
    where
        F: Fallback<B>,
        F::Future: Send,
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let id = head::request_id(request.headers()).map_or_else(|| self.gateway.request_id(), str::to_owned);
        let mut answer = match route(request.method(), request.uri().path()) {
            Route::Elsewhere => self.elsewhere(request).await,
            Route::Here(endpoint) => match ours(&self.gateway, endpoint, request).await {
                Ok(answer) => answer,
                Err(problem) => answer::problem(&problem),
            },
            Route::WrongMethod(allowed) => wrong_method(allowed),
            Route::BadId(message) => answer::problem(&Problem::new(
                StatusCode::NOT_FOUND,
                "invalid_request_error",
                "not_found",
                format!("{message}; nothing was done"),
            )),
            Route::NotServed => answer::problem(&Problem::new(
                StatusCode::NOT_FOUND,
                "invalid_request_error",
                "not_served",
                "this endpoint is not served here; nothing was done. Use `/v1/chat/completions`, or `run` and `decide` below `/v1/workflows/`",
            )),
        };
        if let Ok(id) = HeaderValue::try_from(id) {
            answer.headers_mut().insert(head::name::REQUEST_ID, id);
        }
        answer
    }

    async fn elsewhere<B>(self, request: Request<Incoming>) -> Answer
    where
        F: Fallback<B>,
        F::Future: Send,
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        match self.fallback.oneshot(request).await {
            Ok(answer) => answer.map(|body| -> AnswerBody { body.map_err(Into::into).boxed_unsync() }),
            Err(never) => match never {},
        }
    }
}

fn wrong_method(allowed: &'static str) -> Answer {
    let mut answer = answer::problem(&Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "invalid_request_error",
        "method_not_allowed",
        format!("this endpoint takes `{allowed}` only; nothing was done"),
    ));
    answer.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// Authenticates before a byte of the body is read, so that strangers cannot fill the memory.
async fn ours(gateway: &Arc<Gateway>, endpoint: Endpoint, request: Request<Incoming>) -> Result<Answer, Problem> {
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
    let asked = Asked { factory, caller, said, query, body };
    if waits {
        // Whoever waits for a decision changes nothing: hanging up ends it.
        let answer = dispatch(endpoint, asked).await;
        drop(permit);
        return answer;
    }
    // A task of its own: a client that hangs up drops its connection, not the decision that it asked for.
    let answering = tokio::spawn(async move {
        let answer = dispatch(endpoint, asked).await;
        drop(permit);
        answer
    });
    answering.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request ended in a fault of ours");
        Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "internal_error",
            "an internal fault ended the request; nothing was released",
        ))
    })
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
        Endpoint::Chat => chat::completions(asked).await,
        Endpoint::Models => chat::models(asked).await,
        Endpoint::Model { workflow, step } => chat::model(asked, &workflow, &step).await,
        Endpoint::Run { workflow, step } => steps::run(asked, workflow, step).await,
        Endpoint::Decide { workflow, step } => steps::decide(asked, workflow, step).await,
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
