//! Bodies, in and out: bounded in size and in time.

use crate::problem::Problem;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::StatusCode;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, BodyStream, Full, Limited, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The largest request body. Coding agents send 80 KB; this leaves room for documents and a few pictures.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The longest time that a request body may take to arrive: a slow body holds memory and a connection.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// The largest body that is taken in and thrown away where it is refused for its size: a connection that is cut while
/// its client still sends hides the answer. Beyond it, nobody is waited for.
const THROWN_AWAY_BYTES_MAX: u64 = 1024 * 1024;

/// Whatever goes wrong in a body that another service sends.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
pub type AnswerBody = UnsyncBoxBody<Bytes, BodyError>;

/// A body that is there at once.
pub(crate) fn full(bytes: impl Into<Bytes>) -> AnswerBody {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A body that goes out in the chunks that it came in.
pub(crate) fn chunked(chunks: impl IntoIterator<Item = Bytes>) -> AnswerBody {
    Chunks(chunks.into_iter().collect()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A body that goes on for ever by itself, and ends when this does.
pub(crate) fn until<B>(body: B, ended: impl Future<Output = ()> + Send + 'static) -> AnswerBody
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    StreamBody::new(BodyStream::new(body.map_err(Into::into)).take_until(ended)).boxed_unsync()
}

struct Chunks(VecDeque<Bytes>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|chunk| Ok(Frame::data(chunk))))
    }
}

/// Reads a request's whole body.
pub(crate) async fn read(body: Incoming, max: usize, within: Duration) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "invalid_request_error",
            "body_too_large",
            format!("the request's body is larger than `{max}` bytes; it was not read, and nothing was decided"),
        )
    };
    let said = body.size_hint().lower();
    if said > max as u64 {
        if said <= THROWN_AWAY_BYTES_MAX {
            let _ = tokio::time::timeout(within, throw_away(body)).await;
        }
        return Err(too_large());
    }
    match tokio::time::timeout(within, Limited::new(body, max).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::invalid("the request's body broke off before its end; nothing was decided")),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "invalid_request_error",
            "body_too_slow",
            format!("the request's body took longer than {} s; nothing was decided", within.as_secs()),
        )),
    }
}

async fn throw_away(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}
