//! A stream that leaves in windows, before its verdict: every text is inspected before it leaves, `stream.opened` is
//! durable before the first byte can, and the decision before the last event does.

use super::ask::{Answer, Asking};
use super::spent::Spending;
use super::{Entered, Gone, Manner, Obtained, client_gone, given_up, in_shadow, stopped};
use crate::api::{Caller, Passage, PassageEntry, Passed, Refused};
use crate::factory::{Factory, internal};
use crate::handle::{Handle, Served};
use crate::observe::Observation;
use crate::record::{Record, Windowed};
use crate::traffic::{Ticket, Turn};
use seatrial_guard::candidate::payload_of;
use seatrial_guard::decide::codes;
use seatrial_guard::port::{ModelError, Reply, Streamed};
use seatrial_guard::stream::{Inspector, Leaving, Windows};
use seatrial_guard::{Candidate, StepProgram};
use seatrial_model::{Action, DecisionId, Digest, EventId, StreamEnd};
use seatrial_spec::workflow::{Step, StreamMode};
use source::Source;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::time::Instant;

mod source;
mod whole;

/// How a streamed call is answered.
pub enum Answering {
    /// After its verdict.
    Whole(Box<Passed>),
    /// In windows, before it.
    Windows(Box<Streaming>),
}

/// What a stream gives next.
#[derive(Debug)]
pub enum Next {
    /// A whole event that may leave.
    Event(Vec<u8>),
    /// Nothing more may leave: the stream is to be [ended](Streaming::end) so.
    Over(StreamEnd),
}

/// A stream that was ended.
pub struct Ended {
    /// The decision, durable; or why there is none: then nothing more may leave.
    pub passed: Result<Passed, Refused>,
    /// Events that were held back to the end and may leave now.
    pub rest: Vec<Vec<u8>>,
    /// How it ended.
    pub end: StreamEnd,
    /// To be dropped when the last byte left: a stop waits for that.
    pub held: HeldStream,
}

/// Keeps a stop waiting until the last byte of a stream left.
pub struct HeldStream(Ticket);

impl HeldStream {
    /// Ends when a stop takes effect that waits for this stream's last byte.
    pub async fn stopped(&mut self) {
        self.0.stopped().await;
    }
}

/// A stream in windows, under way. Dropped before it was ended it has no decision, as after a crash: `stream.opened`
/// stands alone.
pub struct Streaming {
    factory: Factory,
    handle: Arc<Handle>,
    served: Arc<Served>,
    caller: Caller,
    passage: Passage,
    record: Record,
    /// The event that is durable before a byte leaves; none where nothing leaves before the verdict.
    opened: Option<EventId>,
    source: Source,
    inspector: Inspector,
    ready: VecDeque<Leaving>,
    /// Bytes of text that left.
    left: u64,
    until: Instant,
    turn: Turn,
    ticket: Ticket,
    seen: Option<Observation>,
    reply: Option<Reply>,
    error: Option<ModelError>,
    over: Option<StreamEnd>,
}

/// Two references of one request that go together.
type Pair<'a, A, B> = (&'a A, &'a B);

fn asking<'a>(
    factory: &'a Factory,
    (handle, served): Pair<'a, Arc<Handle>, Arc<Served>>,
    (step, program): Pair<'a, Step, StepProgram>,
    (caller, passage): Pair<'a, Caller, Passage>,
    (case, decision): (&'a str, DecisionId),
    until: Instant,
) -> Asking<'a> {
    Asking { factory, handle, served, step, program, caller, passage, case, decision, until }
}

/// Opens the model's stream, unless a stop or the client's end comes first.
async fn opening(
    asking: &Asking<'_>,
    ticket: &mut Ticket,
    gone: impl Future<Output = ()>,
) -> Result<Result<Source, Box<Obtained>>, Refused> {
    tokio::select! {
        biased;
        () = ticket.stopped() => {
            ticket.cut();
            let (step, marked) = (asking.step, asking.passage.rehearsal);
            Err(stopped(asking.handle, &step.path(), &step.name, marked, asking.factory.now()))
        }
        opened = asking.open() => opened,
        () = gone => Ok(Err(Box::new(client_gone(asking.step)))),
    }
}

impl Factory {
    /// Passes a streamed call through a step's guard: in windows where its spec and what is in force let it, otherwise
    /// as [`Self::pass_unless`] does. For a stream in windows `stream.opened` is durable before this returns.
    ///
    /// # Errors
    /// [`Refused`]: nothing was decided, and nothing left.
    pub async fn pass_stream(&self, caller: &Caller, passage: Passage, gone: Gone<'_>) -> Result<Answering, Refused> {
        let Some((windows, bytes)) = self.windows_for(&passage) else {
            return Ok(Answering::Whole(Box::new(self.pass_unless(caller, passage, gone).await?)));
        };
        let mut seen = Observation::begin(self, &passage);
        let whole = match self.begin_stream(caller, passage, gone, (windows, bytes), &mut seen).await {
            Ok(Answering::Windows(mut streaming)) => {
                streaming.seen = Some(seen);
                return Ok(Answering::Windows(streaming));
            }
            Ok(Answering::Whole(passed)) => Ok(*passed),
            Err(refused) => Err(refused),
        };
        seen.end(&whole);
        Ok(Answering::Whole(Box::new(whole?)))
    }

    /// The checks that run on this call's windows; none where its answer leaves after its verdict.
    fn windows_for(&self, passage: &Passage) -> Option<(Arc<Windows>, u32)> {
        let PassageEntry::Proxy { call, .. } = &passage.entry else { return None };
        let live = self.handle(&passage.workflow).ok()?.live.load_full();
        let served = if passage.rehearsal { live.candidate.as_ref() } else { live.in_force.as_ref() }?;
        let step = served.workflow.step(&passage.step)?;
        let StreamMode::Window(bytes) = step.stream else { return None };
        let model = served.models.get(&step.name)?;
        // Shadow changes nothing: an answer in shadow is never cut.
        let shadow = !passage.rehearsal && in_shadow(served);
        let windows = served.windows.get(&step.name).filter(|_| call.stream() && !model.embedded && !shadow)?;
        Some((Arc::clone(windows), bytes))
    }

    async fn begin_stream(
        &self,
        caller: &Caller,
        passage: Passage,
        gone: Gone<'_>,
        (windows, bytes): (Arc<Windows>, u32),
        seen: &mut Observation,
    ) -> Result<Answering, Refused> {
        let whole = |passed| Ok(Answering::Whole(Box::new(passed)));
        let mut admitted = match self.enter(caller, &passage, Manner::Usual, seen).await? {
            Entered::Joined(joined) => return whole(joined.passed),
            Entered::In(admitted) => *admitted,
        };
        let (handle, served) = (Arc::clone(&admitted.handle), Arc::clone(&admitted.served));
        let (step, program) = admitted.program(&served)?;
        // Another release may have come into force since the windows were looked up.
        let same = served.windows.get(&step.name).is_some_and(|w| Arc::ptr_eq(w, &windows));
        if admitted.denied || !same {
            return whole(self.go_on(caller, passage, Manner::Usual, gone, seen, admitted).await?);
        }
        let until = Asking::deadline(step);
        let opened = {
            let named = (admitted.asked.case.clone(), admitted.decision);
            let named = (named.0.as_str(), named.1);
            let asking = asking(self, (&handle, &served), (step, program), (caller, &passage), named, until);
            opening(&asking, &mut admitted.ticket, given_up(gone, &admitted.turn)).await?
        };
        let source = match opened {
            Ok(source) => source,
            Err(obtained) => {
                seen.obtained();
                let (record, turn, ticket) =
                    admitted.into_record(caller, &passage, program, Manner::Usual, *obtained)?;
                let passed = self.record(&handle, record).await?;
                drop((turn, ticket));
                return whole(passed);
            }
        };
        let clean = program.judge(passage.entry.input(), &Candidate::text(""));
        let clean = Obtained { judgement: clean, ..Obtained::nothing(step, None, 1) };
        let (record, turn, ticket) = admitted.into_record(caller, &passage, program, Manner::Usual, clean)?;
        let (record, opened) = self.record_opened(&handle, record, u64::from(bytes)).await?;
        let mut streaming = Streaming {
            factory: self.clone(),
            handle: Arc::clone(&handle),
            served: Arc::clone(&served),
            caller: caller.clone(),
            passage,
            record,
            opened,
            source,
            inspector: Inspector::new(windows),
            ready: VecDeque::new(),
            left: 0,
            until,
            turn,
            ticket,
            seen: None,
            reply: None,
            error: None,
            over: None,
        };
        if opened.is_some() {
            return Ok(Answering::Windows(Box::new(streaming)));
        }
        // What is in force asks for something (a review before, a ceiling that is reached) that comes first.
        let reply = streaming.read_whole().await?;
        seen.obtained();
        whole(streaming.in_one_piece(reply).await?)
    }
}

impl Streaming {
    /// The decision that it comes to.
    #[must_use]
    pub const fn decision(&self) -> DecisionId {
        self.record.decision
    }

    /// The case, the caller's or one made.
    #[must_use]
    pub fn case(&self) -> &str {
        &self.record.asked.case
    }

    /// The release in force; none in rehearsal.
    #[must_use]
    pub fn release(&self) -> Option<Digest> {
        self.served.release.as_ref().filter(|_| !self.passage.rehearsal).map(|r| r.release)
    }

    /// Parts of the call that nothing looks into.
    #[must_use]
    pub fn not_inspected(&self) -> &[String] {
        &self.record.not_inspected
    }

    /// The next event that may leave, or that it is over. It can be dropped while it waits: what it waits for comes
    /// with the next call.
    pub async fn next(&mut self) -> Next {
        loop {
            // What was inspected before a check objected may still leave; after a stop nothing does.
            if self.over.is_none() && self.ticket.is_stopped() {
                self.over = Some(StreamEnd::Stopped);
            }
            if let Some(event) = self.may_leave() {
                self.left = self.left.saturating_add(event.text_bytes);
                return Next::Event(event.raw);
            }
            if let Some(end) = self.over {
                return Next::Over(end);
            }
            let step = tokio::select! {
                biased;
                () = self.ticket.stopped() => Err(StreamEnd::Stopped),
                () = tokio::time::sleep_until(self.until) => Err(StreamEnd::TimedOut),
                next = self.source.next() => Ok(next),
            };
            self.over = match step {
                Ok(Ok(Streamed::Event(event))) => {
                    let pushed = self.inspector.push(event);
                    self.ready.extend(pushed.leave);
                    pushed.cut.then_some(StreamEnd::Violated)
                }
                Ok(Ok(Streamed::End(reply))) => {
                    self.reply = Some(*reply);
                    Some(StreamEnd::Complete)
                }
                Ok(Err(error)) => {
                    let late = matches!(error, ModelError::TimedOut { .. });
                    self.error = Some(error);
                    Some(if late { StreamEnd::TimedOut } else { StreamEnd::ModelFailed })
                }
                Err(end) => Some(end),
            };
        }
    }

    /// Ends when a stop or the step's time limit ends the stream, whatever else it waits for: a client that does not
    /// read, for example.
    pub async fn interrupted(&mut self) -> StreamEnd {
        if let Some(end) = self.over.filter(|end| matches!(end, StreamEnd::Stopped | StreamEnd::TimedOut)) {
            return end;
        }
        let end = tokio::select! {
            biased;
            () = self.ticket.stopped() => StreamEnd::Stopped,
            () = tokio::time::sleep_until(self.until) => StreamEnd::TimedOut,
        };
        self.over = Some(end);
        end
    }

    /// The first event that may leave now. Those without a text wait for one with a text behind them: what says that
    /// it is over is never among what leaves before the decision.
    fn may_leave(&mut self) -> Option<Leaving> {
        let may = match self.over {
            Some(StreamEnd::Stopped) => false,
            None | Some(StreamEnd::Complete) => self.ready.iter().any(|event| event.text_bytes > 0),
            Some(_) => true,
        };
        if may { self.ready.pop_front() } else { None }
    }

    /// Ends the stream: the model is cancelled where it is still writing, what came is judged, and the decision is
    /// recorded.
    pub async fn end(mut self, end: StreamEnd) -> Ended {
        self.source.stream = None;
        if end == StreamEnd::Stopped {
            self.ticket.cut();
        }
        if let Some(error) = &self.error {
            tracing::warn!(step = self.record.step, %error, "a stream broke off");
        }
        let reply = self.reply.take();
        // Text that came in no event was inspected by nobody.
        let seen_all = reply.as_ref().is_none_or(|reply| self.inspector.saw_all_of(&reply.parts));
        let end = if seen_all { end } else { StreamEnd::ModelFailed };
        let obtained = match (reply, self.no_candidate(end)) {
            (Some(reply), None) => self.obtained(reply, None),
            (_, why) => self.obtained(Reply { parts: self.inspector.parts(), requests: 1, ..Reply::default() }, why),
        };
        let Self { factory, handle, mut record, inspector, ticket, turn, mut seen, opened, ready, left, .. } = self;
        let rest: Vec<Leaving> = ready.into_iter().chain(inspector.rest()).collect();
        let more = rest.iter().map(|leaving| leaving.text_bytes).sum();
        record.stream = opened.map(|opened| Windowed { opened, released: left, rest: more, end });
        if let Some(seen) = &mut seen {
            seen.obtained();
        }
        let passed = match obtained {
            Ok(obtained) => {
                record.obtained = obtained;
                factory.record(&handle, record).await
            }
            Err(refused) => Err(refused),
        };
        drop(turn);
        let let_go = end == StreamEnd::Complete && passed.as_ref().is_ok_and(|p| p.action == Action::Allow);
        let end = match &passed {
            Ok(passed) if end == StreamEnd::Complete && !let_go => {
                if passed.code == codes::WORKFLOW_STOPPED {
                    StreamEnd::Stopped
                } else {
                    StreamEnd::Violated
                }
            }
            _ => end,
        };
        if let Some(mut seen) = seen {
            seen.streamed(end);
            seen.end(&passed);
        }
        Ended {
            passed,
            rest: if let_go { rest.into_iter().map(|l| l.raw).collect() } else { Vec::new() },
            end,
            held: HeldStream(ticket),
        }
    }

    /// Why there is no candidate, for an end that leaves none. Of what a client or a stop cut off, what came is judged.
    fn no_candidate(&self, end: StreamEnd) -> Option<String> {
        match end {
            StreamEnd::ModelFailed => {
                Some(self.error.as_ref().map_or(codes::UNREADABLE, ModelError::no_candidate).to_owned())
            }
            StreamEnd::TimedOut => Some(codes::MODEL_UNREACHABLE.to_owned()),
            StreamEnd::Complete | StreamEnd::Violated | StreamEnd::Stopped | StreamEnd::ClientGone => None,
        }
    }

    /// What came, judged as a whole, and what it used.
    fn obtained(&self, mut reply: Reply, no_candidate: Option<String>) -> Result<Obtained, Refused> {
        let missing = || internal("the step is gone");
        let step = self.served.workflow.step(&self.record.step).ok_or_else(missing)?;
        let program = self.served.program.step(&self.record.step).ok_or_else(missing)?;
        let model = self.served.models.get(&self.record.step).ok_or_else(missing)?;
        let asking = asking(
            &self.factory,
            (&self.handle, &self.served),
            (step, program),
            (&self.caller, &self.passage),
            (&self.record.asked.case, self.record.decision),
            self.until,
        );
        let candidate =
            Candidate { parts: reply.parts.clone(), logprobs: reply.logprobs.clone(), ..Candidate::default() };
        let mut obtained = Obtained::nothing(step, no_candidate, 1);
        obtained.judgement = program.judge(self.passage.entry.input(), &candidate);
        obtained.candidate = Some(payload_of(&candidate.parts));
        reply.requests += self.source.requests;
        obtained.requests = reply.requests;
        obtained.fallback.clone_from(&self.source.fallback);
        let identity = self.source.fallback.as_deref().unwrap_or(&model.identity);
        obtained.model = reply.model.clone().or_else(|| Some(identity.to_owned()));
        let mut spending = Spending::new(&asking);
        let answer = Answer {
            reply,
            name: &self.source.name,
            fallback: self.source.fallback.as_deref(),
            asked_bytes: self.source.asked_bytes,
        };
        spending.add(&answer);
        spending.settle(&mut obtained);
        obtained.reply = Some(Arc::new(answer.reply));
        Ok(obtained)
    }
}
