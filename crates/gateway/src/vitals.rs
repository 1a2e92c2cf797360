//! What can be told of the data plane from outside: how much is under way, whether it is about to end, how requests
//! were answered, and whose request it is that something happens for.

use std::any::Any;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tracing::Instrument as _;

/// Counts of the data plane, as they are now. Cheap to read at any time.
#[derive(Debug)]
pub struct Vitals {
    connections: AtomicU64,
    accepted: AtomicU64,
    draining: AtomicBool,
    end: watch::Sender<bool>,
    in_flight: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    places: usize,
}

impl Vitals {
    pub(crate) fn new(in_flight: &Arc<Semaphore>, waiting: &Arc<Semaphore>, places: usize) -> Arc<Self> {
        Arc::new(Self {
            connections: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            end: watch::channel(false).0,
            in_flight: Arc::clone(in_flight),
            waiting: Arc::clone(waiting),
            places,
        })
    }

    /// Open connections.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Connections that were accepted since the start.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Requests of the data plane that are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.places.saturating_sub(self.in_flight.available_permits())
    }

    /// Requests that wait for a decision's answer.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.places.saturating_sub(self.waiting.available_permits())
    }

    /// Whether it is about to end: nothing new should be sent here.
    #[must_use]
    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub(crate) fn end(&self) {
        self.end.send_replace(true);
    }

    /// Ends when nothing new is accepted any more: whoever only waits should stop.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut end = self.end.subscribe();
        async move {
            // An error means that the gateway is gone: that ends it, too.
            let _ = end.wait_for(|end| *end).await;
        }
    }

    /// A connection is open until what this gives is dropped.
    pub(crate) fn connected(self: &Arc<Self>) -> Connected {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.accepted.fetch_add(1, Ordering::Relaxed);
        Connected(Arc::clone(self))
    }
}

/// An open connection.
pub(crate) struct Connected(Arc<Vitals>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How a request was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// The endpoint, by a fixed name: never a path that a client chose.
    pub endpoint: &'static str,
    /// The status of HTTP.
    pub status: u16,
    /// The error's code, where the answer is one.
    pub code: Option<&'static str>,
    /// How long it took until the answer's head was there.
    pub took: Duration,
}

/// Whoever is told how requests were answered.
pub trait Watcher: Send + Sync + 'static {
    /// A request was answered.
    fn answered(&self, answered: &Answered);
}

/// Who is at the other end of a connection: an extension of every request that the fall-through service gets.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The error's code, beside an answer that is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code(pub(crate) &'static str);

/// A request, as far as whoever watches needs to know it.
#[derive(Debug, Default)]
pub struct RequestContext {
    id: String,
    traceparent: Option<String>,
    tracestate: Option<String>,
    slot: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl RequestContext {
    /// A request of this id, and what its headers say about the trace that it belongs to.
    #[must_use]
    pub fn new(id: impl Into<String>, traceparent: Option<String>, tracestate: Option<String>) -> Self {
        Self { id: id.into(), traceparent, tracestate, slot: OnceLock::new() }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its `traceparent` header (W3C Trace Context).
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    /// Its `tracestate` header.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }

    /// Keeps something of the watcher's with the request; the first thing stays.
    pub fn keep(&self, what: Arc<dyn Any + Send + Sync>) {
        let _ = self.slot.set(what);
    }

    /// What was kept.
    #[must_use]
    pub fn kept<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        Arc::clone(self.slot.get()?).downcast().ok()
    }
}

tokio::task_local! {
    static REQUEST: Arc<RequestContext>;
}

/// The request on whose behalf this task runs.
#[must_use]
pub fn current_request() -> Option<Arc<RequestContext>> {
    REQUEST.try_with(Arc::clone).ok()
}

/// Runs a future on behalf of a request.
pub async fn on_behalf<F: Future>(request: Arc<RequestContext>, what: F) -> F::Output {
    REQUEST.scope(request, what).await
}

/// A future for a task of its own that still belongs to the request of this one, in traces and in the log.
pub(crate) fn inherited<F>(what: F) -> impl Future<Output = F::Output> + use<F>
where
    F: Future,
{
    let request = current_request().unwrap_or_default();
    REQUEST.scope(request, what).instrument(tracing::Span::current())
}
