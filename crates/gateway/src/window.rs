//! The answer to a stream that leaves in windows, before its verdict: its head leaves with the first event that may,
//! its end says what was decided.

use crate::answer::{Answer, bytes_answer, decided, withheld};
use crate::body::{AnswerBody, BodyError, chunked};
use crate::call::Call;
use crate::dialect::Progress;
use crate::head::name;
use crate::problem::Problem;
use crate::proxy;
use crate::render::{self, EVENT_STREAM};
use crate::service::Asked;
use crate::vitals::inherited;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use seatrial_factory::api::Passed;
use seatrial_factory::{Ended, Gone, HeldStream, Next, Streaming};
use seatrial_model::StreamEnd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

/// Events that wait for a client to read: a slow client slows its model down, and fills no memory.
const WAITING_MAX: usize = 8;

/// How long a client may take to read the end of its stream after a stop. Whoever takes longer loses its connection: a
/// client that does not read must not hold up a stop.
pub const STOP_FLUSH_MAX: Duration = Duration::from_millis(500);

/// The answer, once it is known whether anything may leave before the verdict.
pub(crate) async fn answer(asked: Asked, call: Arc<Call>, mut streaming: Box<Streaming>, gone: Gone<'_>) -> Answer {
    let first = tokio::select! {
        biased;
        first = streaming.next() => first,
        () = gone => Next::Over(StreamEnd::ClientGone),
    };
    let first = match first {
        Next::Event(event) => event,
        Next::Over(end) => return nothing_left(&asked, &call, streaming.end(end).await),
    };
    let head = pending(&streaming);
    let (send, receive) = mpsc::channel(WAITING_MAX);
    let cut = Arc::new(AtomicBool::new(false));
    let body = WindowBody { receive, cut: Arc::clone(&cut), whole: false };
    let driver = Driver { progress: progress(&asked, &call), asked, send, cut };
    // A task of its own: a client that hangs up ends the stream, and its decision is recorded all the same.
    tokio::spawn(inherited(driver.run(streaming, first)));
    let body: AnswerBody = body.boxed_unsync();
    let mut answer = bytes_answer(StatusCode::OK, EVENT_STREAM, body);
    answer.headers_mut().extend(head);
    answer
}

fn progress(asked: &Asked, call: &Call) -> Progress {
    Progress::new(call.dialect, format!("chatcmpl-{}", asked.id), call.model(), proxy::seconds(asked))
}

/// Nothing had left when it was over: the head tells the truth, as where an answer leaves after its verdict.
fn nothing_left(asked: &Asked, call: &Call, ended: Ended) -> Answer {
    let passed = match ended.passed {
        Ok(passed) => passed,
        Err(refused) => return crate::answer::problem(call.dialect, &Problem::from(refused), &asked.id),
    };
    if ended.end != StreamEnd::Complete {
        return render::answer(call, &passed, &asked.id, proxy::seconds(asked));
    }
    let mut progress = progress(asked, call);
    ended.rest.iter().for_each(|event| progress.saw(event));
    let verdict = progress.verdict(&passed);
    let chunks: Vec<Bytes> = ended.rest.into_iter().map(Bytes::from).chain([verdict]).collect();
    let mut answer = bytes_answer(StatusCode::OK, EVENT_STREAM, chunked(chunks));
    decided(answer.headers_mut(), &passed);
    answer
}

/// The head of a stream that has no verdict yet.
fn pending(streaming: &Streaming) -> HeaderMap {
    let not = streaming.not_inspected();
    let texts = [
        (name::DECISION, streaming.decision().to_string()),
        (name::VERDICT, "pending".to_owned()),
        (name::RELEASE, streaming.release().map_or_else(|| "rehearsal".to_owned(), |digest| digest.to_string())),
        (name::INSPECTED, if not.is_empty() { "all".to_owned() } else { format!("not {}", not.join(", ")) }),
        (name::CASE, streaming.case().to_owned()),
    ];
    let value = |(name, text)| Some((http::HeaderName::from_static(name), HeaderValue::try_from(text).ok()?));
    texts.into_iter().filter_map(value).collect()
}

/// What goes to a client that reads.
enum Piece {
    Bytes(Bytes),
    /// The end, as it should be.
    End,
}

/// Moves a stream to its client, and ends it.
struct Driver {
    asked: Asked,
    progress: Progress,
    send: mpsc::Sender<Piece>,
    cut: Arc<AtomicBool>,
}

impl Driver {
    async fn run(mut self, mut streaming: Box<Streaming>, first: Vec<u8>) {
        let end = self.forward(&mut streaming, first).await;
        let mut ended = streaming.end(end).await;
        let closing = self.closing(&mut ended);
        let Ended { end, held, .. } = ended;
        if end == StreamEnd::ClientGone {
            return;
        }
        let told = async {
            for bytes in closing {
                self.send.send(Piece::Bytes(bytes)).await.map_err(drop)?;
            }
            self.send.send(Piece::End).await.map_err(drop)
        };
        if end == StreamEnd::Stopped {
            let flushed = async {
                let _ = told.await;
                self.send.closed().await;
            };
            self.within(flushed).await;
        } else {
            self.until_read(told, held).await;
        }
    }

    /// Forwards what may leave, at the pace at which the client reads, until the stream is over.
    async fn forward(&mut self, streaming: &mut Streaming, first: Vec<u8>) -> StreamEnd {
        let mut event = first;
        loop {
            self.progress.saw(&event);
            let sent = tokio::select! {
                biased;
                sent = self.send.send(Piece::Bytes(event.into())) => sent,
                end = streaming.interrupted() => return end,
            };
            if sent.is_err() {
                return StreamEnd::ClientGone;
            }
            event = tokio::select! {
                biased;
                () = self.send.closed() => return StreamEnd::ClientGone,
                next = streaming.next() => match next {
                    Next::Event(event) => event,
                    Next::Over(end) => return end,
                },
            };
        }
    }

    /// What is still said: the rest and the verdict, or why there is no rest.
    fn closing(&mut self, ended: &mut Ended) -> Vec<Bytes> {
        let id = self.asked.id.clone();
        let passed = match &ended.passed {
            Ok(passed) => passed,
            Err(refused) => return vec![self.progress.fail(&Problem::from(refused.clone()), None, &id)],
        };
        match ended.end {
            StreamEnd::Complete => {
                // The verdict comes behind the protocol's own end, which is where clients stop to read: they are given
                // nothing that they do not know.
                let rest = std::mem::take(&mut ended.rest);
                rest.iter().for_each(|event| self.progress.saw(event));
                rest.into_iter().map(Bytes::from).chain([self.progress.verdict(passed)]).collect()
            }
            StreamEnd::Violated => {
                let problem = broken_off(passed, "content_filter", "a check objected to what would have come next");
                vec![self.progress.cut(&problem, Some(passed), &id), self.progress.verdict(passed)]
            }
            end => {
                let (code, why) = match end {
                    StreamEnd::Stopped => ("workflow_stopped", "the workflow was stopped"),
                    StreamEnd::TimedOut => ("timed_out", "the answer took longer than its step allows"),
                    _ => ("model_unreachable", "the model broke off"),
                };
                let problem = broken_off(passed, code, why);
                vec![self.progress.fail(&problem, Some(passed), &id), self.progress.verdict(passed)]
            }
        }
    }

    /// Waits until the client has read all of it. A stop that comes meanwhile waits for that as well, but not for long.
    async fn until_read(&self, told: impl Future<Output = Result<(), ()>>, mut held: HeldStream) {
        let read = async {
            let _ = told.await;
            self.send.closed().await;
        };
        tokio::pin!(read);
        tokio::select! {
            biased;
            () = &mut read => {}
            () = held.stopped() => self.within(read).await,
        }
    }

    /// Waits a little; then the connection is cut.
    async fn within(&self, read: impl Future<Output = ()>) {
        if tokio::time::timeout(STOP_FLUSH_MAX, read).await.is_err() {
            self.cut.store(true, Ordering::SeqCst);
        }
    }
}

/// Why there is no more of a stream.
fn broken_off(passed: &Passed, code: &'static str, why: &str) -> Problem {
    let problem = withheld(passed);
    let message = format!(
        "the stream was ended: {why}. What left before was inspected; nothing more was released. Decision `{}`",
        passed.decision
    );
    Problem { message, code, ..problem }
}

/// The body: what the driver sends, as it comes.
struct WindowBody {
    receive: mpsc::Receiver<Piece>,
    /// The connection is to be cut: what waits does not leave any more.
    cut: Arc<AtomicBool>,
    whole: bool,
}

impl Body for WindowBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.whole {
            return Poll::Ready(None);
        }
        if this.cut.load(Ordering::SeqCst) {
            return Poll::Ready(Some(Err("the stream was cut".into())));
        }
        match this.receive.poll_recv(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Piece::Bytes(bytes))) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Poll::Ready(Some(Piece::End)) => {
                this.whole = true;
                Poll::Ready(None)
            }
            // Its driver is gone without an end: no client takes that for a whole answer.
            Poll::Ready(None) => Poll::Ready(Some(Err("the stream ended early".into()))),
        }
    }
}
