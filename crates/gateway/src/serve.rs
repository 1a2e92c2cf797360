//! Connections: accepted within limits, closed in time, and ended gracefully.

mod stall;

use crate::body::{AnswerBody, BodyError};
use crate::service::Service;
use crate::{Fallback, Gateway, Limits};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use stall::Stalling;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The most connections at once; further ones wait in the listener's queue. Fleets of clients keep idle connections
/// by the thousand, and each costs a file descriptor and some kilobytes: ten thousand of them, with room for those
/// that do something, stay below 256 MB and the 65 536 descriptors that systems commonly allow.
pub const CONNECTIONS_MAX: usize = 16_384;

/// The longest time for a connection's first bytes, and then for its first request's head: a slow client holds a
/// connection.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(10);

/// The longest time between the end of one request and the whole head of the next on the same connection. Clients
/// keep idle connections for 60 s or so; ending one first would cost them a failed request. The HTTP library's timer
/// covers both the idleness and the head, so a slow head holds a connection no longer than silence does.
pub const KEEP_ALIVE_MAX: Duration = Duration::from_secs(90);

/// The longest time in which a client takes not one byte of its answer: the answer's memory is held as long.
pub const STALL_MAX: Duration = Duration::from_secs(60);

/// The largest request head.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The most header fields of a request: SDKs send about 25.
pub const HEADERS_MAX: usize = 100;

/// The most requests at once on one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 128;

/// How long open requests get when the server ends. A step's time limit is longer only for exotic steps.
pub const GRACE: Duration = Duration::from_secs(30);

/// How long connections are still accepted once the server is to end: clients that are busy learn from their next
/// answer (`connection: close`) that they should connect elsewhere, before their connection goes. Whoever stands
/// behind a load balancer sets a time that its health checks need.
pub const DRAIN_WAIT: Duration = Duration::from_millis(300);

/// How long a connection that asked nothing yet is waited for when the server ends: its request may be on the way.
const FRESH_WAIT: Duration = Duration::from_secs(1);

/// The pause after an error of the listener (too many open files): it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Between two looks at a connection whose first bytes are not enough to tell its protocol.
const PEEK_PAUSE: Duration = Duration::from_millis(5);

/// The first bytes of every HTTP/2 connection (RFC 9113, § 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves the data plane on a listener, and everything else through `fallback`, until `shutdown` ends. Then
///
/// 1. [`crate::Vitals::draining`] holds, and every answer asks its client to connect elsewhere; connections are still
///    accepted for [`Limits::drain_wait`];
/// 2. what waits in the listener's queue is accepted, and the listener is closed: further connections are refused;
/// 3. open requests are finished within [`Limits::grace`], and decisions that are under way are recorded.
///
/// # Errors
/// None today; the type leaves room for a listener that cannot go on.
pub async fn serve<F, B>(
    listener: TcpListener,
    gateway: Gateway,
    fallback: F,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()>
where
    F: Fallback<B>,
    F::Future: Send + 'static,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    let limits = gateway.limits;
    let gateway = Arc::new(gateway);
    let (end, ended) = watch::channel(());
    let door = Door { room: Arc::new(Semaphore::new(limits.connections_max)), gateway, fallback, ended };
    let mut shutdown = pin!(shutdown);
    tokio::select! {
        biased;
        () = &mut shutdown => {}
        never = door.accept(&listener) => match never {},
    }
    door.gateway.vitals.drain();
    tokio::select! {
        () = tokio::time::sleep(limits.drain_wait) => {}
        never = door.accept(&listener) => match never {},
    }
    door.accept_waiting(listener);
    let Door { gateway, ended, .. } = door;
    drop(ended);
    gateway.vitals.end();
    let _ = end.send(());
    if tokio::time::timeout(limits.grace, end.closed()).await.is_err() {
        tracing::warn!("connections were still open after {} s, and were cut", limits.grace.as_secs());
    }
    gateway.drain(limits.grace).await;
    Ok(())
}

/// Where connections come in.
struct Door<F> {
    room: Arc<Semaphore>,
    gateway: Arc<Gateway>,
    fallback: F,
    ended: watch::Receiver<()>,
}

impl<F> Door<F> {
    async fn accept<B>(&self, listener: &TcpListener) -> std::convert::Infallible
    where
        F: Fallback<B>,
        F::Future: Send + 'static,
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        loop {
            let permit = Arc::clone(&self.room).acquire_owned().await.ok();
            match listener.accept().await {
                Ok((stream, peer)) => self.enter(stream, peer, permit),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Accepts what waits in the queue, and closes the listener at once: a connection that is left in the queue would
    /// be reset, whatever it already sent.
    fn accept_waiting<B>(&self, listener: TcpListener)
    where
        F: Fallback<B>,
        F::Future: Send + 'static,
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let Ok(listener) = listener.into_std() else { return };
        let mut waiting = Vec::new();
        while let Ok(accepted) = listener.accept() {
            waiting.push(accepted);
        }
        drop(listener);
        for (stream, peer) in waiting {
            let made = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            match made {
                Ok(stream) => self.enter(stream, peer, Arc::clone(&self.room).try_acquire_owned().ok()),
                Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
            }
        }
    }

    fn enter<B>(&self, stream: TcpStream, peer: SocketAddr, permit: Option<OwnedSemaphorePermit>)
    where
        F: Fallback<B>,
        F::Future: Send + 'static,
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let service = Service::new(Arc::clone(&self.gateway), self.fallback.clone(), peer);
        let (limits, ended) = (self.gateway.limits, self.ended.clone());
        let vitals = Arc::clone(&self.gateway.vitals);
        tokio::spawn(async move {
            let open = vitals.connected();
            connection(stream, service, limits, ended).await;
            drop((open, permit));
        });
    }
}

async fn connection<F, B>(stream: TcpStream, service: Service<F>, limits: Limits, mut ended: watch::Receiver<()>)
where
    F: Fallback<B>,
    F::Future: Send + 'static,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection has no TCP_NODELAY");
    }
    let h2 = tokio::select! {
        biased;
        protocol = tokio::time::timeout(limits.head_time_max, speaks_http2(&stream)) => match protocol {
            Ok(Ok(h2)) => h2,
            // Nothing was asked, so nothing is answered.
            Ok(Err(_)) | Err(_) => return,
        },
        () = ended_for(&mut ended, FRESH_WAIT) => return,
    };
    // A connection that says nothing has no room for what would serve it.
    Box::pin(served(stream, service, h2, limits, ended)).await;
}

/// Serves a connection whose protocol is known.
async fn served<F, B>(stream: TcpStream, service: Service<F>, h2: bool, limits: Limits, mut ended: watch::Receiver<()>)
where
    F: Fallback<B>,
    F::Future: Send + 'static,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    let builder = builder(h2, &limits);
    let asked = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&asked);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        noted.store(true, Ordering::Relaxed);
        let service = service.clone();
        async move { Ok::<http::Response<AnswerBody>, std::convert::Infallible>(service.answer(request).await) }
    });
    let stream = TokioIo::new(Stalling::new(stream, limits.stall_max));
    let mut connection = pin!(builder.serve_connection(stream, service));
    let first_head = async {
        tokio::time::sleep(limits.head_time_max).await;
        if asked.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    let outcome = tokio::select! {
        biased;
        outcome = connection.as_mut() => outcome,
        () = first_head => return,
        () = ended_for(&mut ended, Duration::ZERO) => {
            connection.as_mut().graceful_shutdown();
            let silent = async {
                tokio::time::sleep(FRESH_WAIT).await;
                if asked.load(Ordering::Relaxed) {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                outcome = connection.as_mut() => outcome,
                () = silent => return,
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Ends when the server has been ending for so long.
async fn ended_for(ended: &mut watch::Receiver<()>, wait: Duration) {
    // An error means that the server is gone: that ends it, too.
    let _ = ended.changed().await;
    tokio::time::sleep(wait).await;
}

/// Looks at the first bytes without taking them. It costs a client that says nothing its connection, which the
/// protocol detection of the HTTP library alone would hold for ever.
async fn speaks_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut seen = [0; 24];
    loop {
        let n = stream.peek(&mut seen).await?;
        let start = seen.get(..n).unwrap_or_default();
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if !PREFACE.starts_with(start) {
            return Ok(false);
        }
        if n == PREFACE.len() {
            return Ok(true);
        }
        tokio::time::sleep(PEEK_PAUSE).await;
    }
}

fn builder(h2: bool, limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.keep_alive_max)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_TIME_MAX)
        .keep_alive_timeout(HEAD_TIME_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS_MAX);
    if h2 { builder.http2_only() } else { builder.http1_only() }
}
