//! Around every request: its id, what is told of it, and the hint that this process is about to end.

use super::Service;
use crate::Fallback;
use crate::answer::Answer;
use crate::body::BodyError;
use crate::dialect::Dialect;
use crate::head;
use crate::route::{Endpoint, Route, route};
use crate::vitals::{Answered, Code, RequestContext, on_behalf};
use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderMap, HeaderValue, Request, Version};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument as _;

/// The longest `traceparent` and `tracestate` that are passed on: what the recommendation lets a vendor keep.
const TRACE_BYTES_MAX: usize = 512;

impl<F> Service<F> {
    /// Answers a request.
    pub(crate) async fn answer<B>(self, request: Request<Incoming>) -> Answer
    where
        F: Fallback<B>,
        F::Future: Send,
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let began = Instant::now();
        let id = head::request_id(request.headers()).map_or_else(|| self.gateway.request_id(), str::to_owned);
        let endpoint = name(&route(request.method(), request.uri().path()));
        let keeps_alive = request.version() < Version::HTTP_2;
        let gateway = Arc::clone(&self.gateway);
        let span = tracing::error_span!("request", id = id.as_str(), endpoint);
        let context = RequestContext::new(
            id.as_str(),
            header(request.headers(), "traceparent"),
            header(request.headers(), "tracestate"),
        );
        // In a place of its own: a connection keeps room for this future as long as it is open, and most are idle.
        let answering = on_behalf(Arc::new(context), Box::pin(self.respond(request, id)));
        let mut answer = answering.instrument(span.clone()).await;
        let answered = Answered {
            endpoint,
            status: answer.status().as_u16(),
            code: answer.extensions().get::<Code>().map(|code| code.0),
            took: began.elapsed(),
        };
        if let Some(watcher) = &gateway.watcher {
            watcher.0.answered(&answered);
        }
        span.in_scope(|| {
            let decision = answer.headers().get(head::name::DECISION).and_then(|v| v.to_str().ok());
            let ms = u64::try_from(answered.took.as_micros()).unwrap_or(u64::MAX);
            tracing::info!(status = answered.status, code = answered.code, decision, took_us = ms, "answered");
        });
        if keeps_alive && gateway.vitals.draining() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    (value.len() <= TRACE_BYTES_MAX).then(|| value.to_owned())
}

/// A route by a fixed name: a path has names in it that a client chose.
const fn name(route: &Route) -> &'static str {
    match route {
        Route::Here(endpoint) => endpoint_name(endpoint),
        Route::Elsewhere => "pages",
        Route::WrongMethod(_) | Route::BadId(_) | Route::NotServed => "none",
    }
}

const fn endpoint_name(endpoint: &Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Proxy(Dialect::Chat) => "chat",
        Endpoint::Proxy(Dialect::Responses) => "responses",
        Endpoint::Proxy(Dialect::Messages) => "messages",
        Endpoint::Models | Endpoint::Model { .. } => "models",
        Endpoint::Run { .. } => "run",
        Endpoint::Decide { .. } => "decide",
        Endpoint::Admit { .. } => "admit",
        Endpoint::Stop { .. } | Endpoint::StopAll => "stop",
        Endpoint::Resume { .. } | Endpoint::ResumeAll => "resume",
        Endpoint::Decision(_) => "decision",
        Endpoint::Override(_) => "override",
        Endpoint::Outcome(_) => "outcome",
        Endpoint::Effect(_) => "effect",
        Endpoint::Reviews => "reviews",
        Endpoint::Claim(_) => "claim",
        Endpoint::Answer(_) => "answer",
        Endpoint::Govern { .. } => "govern",
    }
}
