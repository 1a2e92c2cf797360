//! The witness's HTTP: one address, one request, and limits on everything.

use super::kept::{Kept, NotCosigned};
use crate::failure::Failure;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use seatrial_ledger::witness::{Objection, REQUEST_BYTES_MAX, SIZE_TYPE};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};

/// Connections at a time: a log asks once in a while, and whoever floods a witness waits.
const CONNECTIONS_MAX: usize = 64;

/// How long a head may take to come, and how long a body.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// How long connections may take to finish when the witness ends.
const GRACE: Duration = Duration::from_secs(5);

/// Where a log asks, after whatever prefix a proxy took away.
const PATH: &str = "/add-checkpoint";

/// Answers until SIGTERM or Ctrl-C.
pub(super) async fn serve(listener: TcpListener, kept: Kept) -> Result<(), Failure> {
    let hook = |kind| signal(kind).map_err(|e| Failure::failed(format!("signals cannot be heard: {e}")));
    let (mut terminate, mut interrupt) = (hook(SignalKind::terminate())?, hook(SignalKind::interrupt())?);
    let (kept, room) = (Arc::new(Mutex::new(kept)), Arc::new(Semaphore::new(CONNECTIONS_MAX)));
    let (end, ended) = watch::channel(());
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, _)) => {
                let (kept, ended) = (Arc::clone(&kept), ended.clone());
                tokio::spawn(async move {
                    connection(stream, kept, ended).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop((listener, ended));
    let _ = end.send(());
    if tokio::time::timeout(GRACE, end.closed()).await.is_err() {
        tracing::warn!("connections were still open after {} s, and were cut", GRACE.as_secs());
    }
    Ok(())
}

async fn connection(stream: TcpStream, kept: Arc<Mutex<Kept>>, mut ended: watch::Receiver<()>) {
    let service = service_fn(move |request| {
        let kept = Arc::clone(&kept);
        async move { Ok::<_, Infallible>(answer(request, kept).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(WAIT_MAX).max_buf_size(REQUEST_BYTES_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        _ = ended.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended");
    }
}

type Answer = Response<Full<Bytes>>;

fn text(status: StatusCode, kind: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    answer
}

const PLAIN: &str = "text/plain; charset=utf-8";

async fn answer(request: Request<Incoming>, kept: Arc<Mutex<Kept>>) -> Answer {
    if !request.uri().path().ends_with(PATH) {
        return text(StatusCode::NOT_FOUND, PLAIN, format!("nothing is here; a log asks at `POST {PATH}`\n"));
    }
    if request.method() != Method::POST {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "a log asks with POST\n".to_owned());
        answer.headers_mut().insert(header::ALLOW, http::HeaderValue::from_static("POST"));
        return answer;
    }
    let body = Limited::new(request.into_body(), REQUEST_BYTES_MAX).collect();
    let body = match tokio::time::timeout(WAIT_MAX, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return text(StatusCode::PAYLOAD_TOO_LARGE, PLAIN, "the request was not read\n".to_owned()),
        Err(_) => return text(StatusCode::REQUEST_TIMEOUT, PLAIN, "the request took too long\n".to_owned()),
    };
    // Writing to the disk and waiting for it is no matter for the thread that reads from others.
    let considered = tokio::task::spawn_blocking(move || {
        // One at a time: what is considered is what is kept.
        kept.lock().unwrap_or_else(PoisonError::into_inner).add_checkpoint(&body)
    });
    match considered.await {
        Ok(Ok((considered, line))) => {
            tracing::info!(origin = considered.origin, size = considered.point.size, "cosigned");
            text(StatusCode::OK, PLAIN, line)
        }
        Ok(Err(NotCosigned::Objection(objection))) => {
            tracing::warn!(%objection, "not cosigned");
            objected(&objection)
        }
        Ok(Err(NotCosigned::NotKept(error))) => {
            tracing::error!(%error, "a checkpoint could not be kept, and was not cosigned");
            text(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, "it could not be kept, and was not cosigned\n".to_owned())
        }
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, "it failed, and was not cosigned\n".to_owned()),
    }
}

fn objected(objection: &Objection) -> Answer {
    let status = StatusCode::from_u16(objection.status()).unwrap_or(StatusCode::BAD_REQUEST);
    match objection {
        // The asker reads the size, and asks again from there.
        Objection::Conflict { size, .. } => text(status, SIZE_TYPE, format!("{size}\n")),
        other => text(status, PLAIN, format!("{other}\n")),
    }
}
