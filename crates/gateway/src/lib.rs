//! Layer 4, serving: the data plane that calls the guard.
//!
//! [`serve`] takes a listener, a [`Gateway`] over the factory, and a fall-through service for every path that is not
//! the data plane's. What holds here: nothing of an output leaves before its decision is durable, not even the head
//! of the response; a client that hangs up does not undo the decision that it asked for; every error says what was
//! not done.

mod answer;
mod body;
mod call;
mod callable;
mod control;
mod decisions;
mod dialect;
mod govern;
mod head;
mod keepalive;
mod models;
mod people;
mod problem;
mod providers;
mod proxy;
mod render;
mod route;
mod serve;
mod service;
mod steps;
mod vitals;
mod window;

pub use body::{BODY_BYTES_MAX, BODY_TIME_MAX, BodyError};
pub use head::{NAME_BYTES_MAX, REQUEST_ID_BYTES_MAX};
pub use providers::HttpProviders;
pub use serve::{
    CONNECTIONS_MAX, DRAIN_WAIT, GRACE, HEAD_BYTES_MAX, HEAD_TIME_MAX, HEADERS_MAX, KEEP_ALIVE_MAX, STALL_MAX,
    STREAMS_MAX, serve,
};
pub use vitals::{Answered, Peer, RequestContext, Vitals, Watcher, current_request, on_behalf};

use hyper::body::Incoming;
use seatrial_factory::Factory;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The most requests of the data plane at once, on all connections: each holds a body and maybe a model's reply.
pub const IN_FLIGHT_MAX: usize = 2_048;

/// Bounds that tests make smaller.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// The longest time that a request body may take.
    pub body_time_max: Duration,
    /// The most requests at once; as many again may wait for decisions.
    pub in_flight_max: usize,
    /// The longest time for a connection's first bytes, and for its first request's head.
    pub head_time_max: Duration,
    /// The longest time between a request's end and the next one's whole head.
    pub keep_alive_max: Duration,
    /// The longest time in which a client takes not one byte of its answer.
    pub stall_max: Duration,
    /// The most connections at once.
    pub connections_max: usize,
    /// How long connections are still accepted once the server is to end.
    pub drain_wait: Duration,
    /// How long open requests get then.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: BODY_BYTES_MAX,
            body_time_max: BODY_TIME_MAX,
            in_flight_max: IN_FLIGHT_MAX,
            head_time_max: HEAD_TIME_MAX,
            keep_alive_max: KEEP_ALIVE_MAX,
            stall_max: STALL_MAX,
            connections_max: CONNECTIONS_MAX,
            drain_wait: DRAIN_WAIT,
            grace: GRACE,
        }
    }
}

/// The data plane over a factory.
#[derive(Debug)]
pub struct Gateway {
    factory: SharedFactory,
    limits: Limits,
    in_flight: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    vitals: Arc<Vitals>,
    watcher: Option<SharedWatcher>,
    request_prefix: u64,
    requests: AtomicU64,
}

/// A factory has no `Debug`; its name says enough.
#[derive(Clone)]
struct SharedFactory(Factory);

impl std::fmt::Debug for SharedFactory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Factory")
    }
}

#[derive(Clone)]
struct SharedWatcher(Arc<dyn Watcher>);

impl std::fmt::Debug for SharedWatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watcher")
    }
}

impl Gateway {
    /// The data plane over a factory, with the usual limits.
    #[must_use]
    pub fn new(factory: Factory) -> Self {
        Self::with_limits(factory, Limits::default())
    }

    /// The same, with limits of one's own.
    #[must_use]
    pub fn with_limits(factory: Factory, limits: Limits) -> Self {
        use std::hash::{BuildHasher, Hasher};
        let in_flight = Arc::new(Semaphore::new(limits.in_flight_max));
        let waiting = Arc::new(Semaphore::new(limits.in_flight_max));
        Self {
            factory: SharedFactory(factory),
            limits,
            vitals: Vitals::new(&in_flight, &waiting, limits.in_flight_max),
            watcher: None,
            in_flight,
            waiting,
            request_prefix: std::hash::RandomState::new().build_hasher().finish(),
            requests: AtomicU64::new(0),
        }
    }

    /// The factory.
    #[must_use]
    pub const fn factory(&self) -> &Factory {
        &self.factory.0
    }

    /// The same, telling somebody how requests were answered.
    #[must_use]
    pub fn watched_by(mut self, watcher: Arc<dyn Watcher>) -> Self {
        self.watcher = Some(SharedWatcher(watcher));
        self
    }

    /// What can be told of it from outside.
    #[must_use]
    pub fn vitals(&self) -> Arc<Vitals> {
        Arc::clone(&self.vitals)
    }

    fn request_id(&self) -> String {
        let n = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("req_{:016x}{n:08x}", self.request_prefix)
    }

    /// Waits until nothing is in flight.
    async fn drain(&self, within: Duration) {
        let all = u32::try_from(self.limits.in_flight_max).unwrap_or(u32::MAX);
        if tokio::time::timeout(within, self.in_flight.acquire_many(all)).await.is_err() {
            tracing::warn!("decisions were still under way after {} s", within.as_secs());
        }
    }
}

/// The service that answers what the data plane does not: any `tower` service over requests (an `axum::Router` is
/// one) that cannot fail.
pub trait Fallback<B>:
    tower::Service<http::Request<Incoming>, Response = http::Response<B>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<F, B> Fallback<B> for F where
    F: tower::Service<http::Request<Incoming>, Response = http::Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}
