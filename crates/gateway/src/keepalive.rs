//! A stream that shows signs of life until its verdict, for clients that ask for it: the head leaves at once, so the
//! verdict comes as an event of its own, and what would have been an error's status comes as an error event.

use crate::answer::{Answer, bytes_answer};
use crate::body::{AnswerBody, BodyError};
use crate::call::Call;
use crate::dialect::{Dialect, Progress};
use crate::problem::Problem;
use crate::proxy;
use crate::render::{EVENT_STREAM, Leaves, leaves};
use crate::service::Asked;
use crate::vitals::inherited;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use seatrial_factory::api::Passed;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Between two signs of life: clients and the boxes between give up after 30 s of silence or more.
const PAUSE: Duration = Duration::from_secs(5);

/// What is still to be sent.
struct State {
    dialect: Dialect,
    deciding: Option<JoinHandle<VecDeque<Bytes>>>,
    rest: VecDeque<Bytes>,
    greeted: bool,
    /// Whoever hangs up drops it.
    _client: oneshot::Sender<()>,
}

/// The answer: its head, and a body that is not there yet.
pub(crate) fn answer(asked: Asked, call: Arc<Call>) -> Answer {
    let dialect = call.dialect;
    let (client, gone) = oneshot::channel();
    // A task of its own: where the client hangs up, its model is cancelled, and that is recorded.
    let deciding = tokio::spawn(inherited(async move {
        let outcome = proxy::pass(&asked, &call, Box::pin(async move { drop(gone.await) })).await;
        events(&asked, &call, outcome)
    }));
    let state = State { dialect, deciding: Some(deciding), rest: VecDeque::new(), greeted: false, _client: client };
    let stream = futures_util::stream::unfold(state, |mut state| async move {
        let bytes = next(&mut state).await?;
        Some((Ok::<_, BodyError>(Frame::data(bytes)), state))
    });
    let body: AnswerBody = StreamBody::new(stream).boxed_unsync();
    bytes_answer(StatusCode::OK, EVENT_STREAM, body)
}

async fn next(state: &mut State) -> Option<Bytes> {
    if !std::mem::replace(&mut state.greeted, true) {
        return Some(state.dialect.keep_alive());
    }
    if let Some(deciding) = &mut state.deciding {
        match tokio::time::timeout(PAUSE, deciding).await {
            Err(_) => return Some(state.dialect.keep_alive()),
            Ok(outcome) => {
                state.deciding = None;
                // A task that ended in a fault of ours ends the stream: no client takes that for an answer.
                state.rest = outcome.unwrap_or_else(|error| {
                    tracing::error!(%error, "a request ended in a fault of ours");
                    VecDeque::new()
                });
            }
        }
    }
    state.rest.pop_front()
}

/// The events of a decision, the verdict first. A stream of responses begins with its own first event, which clients
/// insist on; there the verdict is the second.
fn events(asked: &Asked, call: &Call, outcome: Result<Passed, Problem>) -> VecDeque<Bytes> {
    let created = proxy::seconds(asked);
    let mut progress = Progress::new(call.dialect, format!("chatcmpl-{}", asked.id), call.model(), created);
    let passed = match outcome {
        Ok(passed) => passed,
        Err(problem) => return [progress.fail(&problem, None, &asked.id)].into(),
    };
    let mut out = VecDeque::new();
    match leaves(call, &passed, created) {
        Leaves::Stream(chunks) if call.dialect == Dialect::Responses => {
            let (first, rest) = first_event(&chunks);
            progress.saw(&first);
            out.push_back(first);
            out.push_back(progress.verdict(&passed));
            out.push_back(rest);
        }
        Leaves::Stream(chunks) => {
            out.push_back(progress.verdict(&passed));
            out.extend(chunks);
        }
        // A call for a stream is never answered with a whole body; what leaves is said as it is.
        Leaves::Whole(bytes) => {
            out.push_back(progress.verdict(&passed));
            out.push_back(bytes.into());
        }
        Leaves::Nothing(problem) => {
            out.push_back(progress.verdict(&passed));
            out.push_back(progress.fail(&problem, Some(&passed), &asked.id));
        }
    }
    out
}

/// The first event of a stream, and what follows.
fn first_event(chunks: &[Bytes]) -> (Bytes, Bytes) {
    let all = Bytes::from(chunks.concat());
    let mut scanner = seatrial_upstream::sse::Scanner::default();
    let events = scanner.push(&all).unwrap_or_default();
    let end = events.first().and_then(|event| usize::try_from(event.end).ok()).unwrap_or(0).min(all.len());
    // Where a blank line ends with both of its characters, the second belongs to it.
    let end =
        if all.get(end.saturating_sub(1)) == Some(&b'\r') && all.get(end) == Some(&b'\n') { end + 1 } else { end };
    (all.slice(..end), all.slice(end..))
}

#[cfg(test)]
mod tests;
