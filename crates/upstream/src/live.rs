//! A reply that is still coming, event by event.

use crate::breaker::{Outcome, Permit};
use crate::model::model_error;
use crate::pass::Passing;
use crate::read::Read;
use crate::service::{CallError, Opened, Service};
use crate::sse::{Scanner, SseEvent};
use seatrial_guard::port::{BoxFuture, Delta, ModelError, Reply, ReplyStream, StreamEvent, Streamed};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::time::Instant;

/// A stream of a provider's, read as it comes. Dropping it closes the connection, so that the provider stops.
pub(crate) struct Live {
    service: Arc<Service>,
    opened: Opened,
    scanner: Option<Scanner>,
    passing: Option<Passing>,
    /// Bytes that came and belong to no event yet, and where in the stream they begin.
    raw: Vec<u8>,
    begin: u64,
    ready: VecDeque<StreamEvent>,
    end: Option<Read>,
    over: bool,
    deadline: Instant,
    model: String,
    timeout_ms: u64,
    permit: Permit,
}

impl Live {
    pub(crate) fn new(
        service: Arc<Service>,
        opened: Opened,
        passing: Passing,
        deadline: Instant,
        (model, timeout_ms): (String, u64),
        permit: Permit,
    ) -> Self {
        Self {
            service,
            opened,
            scanner: Some(Scanner::default()),
            passing: Some(passing),
            raw: Vec::new(),
            begin: 0,
            ready: VecDeque::new(),
            end: None,
            over: false,
            deadline,
            model,
            timeout_ms,
            permit,
        }
    }

    async fn step(&mut self) -> Result<Streamed, CallError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Streamed::Event(event));
            }
            if let Some(read) = self.end.take() {
                self.over = true;
                return Ok(Streamed::End(Box::new(reply(read, self.opened.attempts))));
            }
            if self.over {
                return Err(CallError::Unreadable("the stream is over already".to_owned()));
            }
            let next = tokio::time::timeout_at(self.deadline, self.opened.incoming.chunk()).await;
            match next.unwrap_or(Err(crate::exchange::Failure::Slow)).map_err(|e| self.service.failed(e))? {
                Some(chunk) => self.take(&chunk)?,
                None => self.finish()?,
            }
        }
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), CallError> {
        let Some(scanner) = self.scanner.as_mut() else { return Ok(()) };
        self.raw.extend_from_slice(chunk);
        let events = scanner.push(chunk).map_err(|e| CallError::Unreadable(e.to_string()))?;
        events.iter().try_for_each(|event| self.event(event))
    }

    fn event(&mut self, event: &SseEvent) -> Result<(), CallError> {
        let length = usize::try_from(event.end.saturating_sub(self.begin)).unwrap_or(usize::MAX);
        let behind = self.raw.split_off(length.min(self.raw.len()));
        let came = std::mem::replace(&mut self.raw, behind);
        self.begin = event.end;
        let Some(passing) = self.passing.as_mut() else { return Ok(()) };
        let (written, deltas) = passing.event(event)?;
        self.hand_out(written.unwrap_or(came), deltas);
        Ok(())
    }

    fn hand_out(&mut self, raw: Vec<u8>, deltas: Vec<Delta>) {
        if !raw.is_empty() || !deltas.is_empty() {
            self.ready.push_back(StreamEvent { raw, deltas });
        }
    }

    fn finish(&mut self) -> Result<(), CallError> {
        if let Some(event) = self.scanner.take().and_then(Scanner::finish) {
            self.event(&event)?;
        }
        let Some(passing) = self.passing.take() else { return Ok(()) };
        let same = passing.is_same();
        let (tail, deltas, read) = passing.finish()?;
        // What is behind the last event is a comment, or a blank line.
        let rest = if same { std::mem::take(&mut self.raw) } else { tail };
        self.hand_out(rest, deltas);
        self.end = Some(read);
        Ok(())
    }
}

impl ReplyStream for Live {
    fn next(&mut self) -> BoxFuture<'_, Result<Streamed, ModelError>> {
        Box::pin(async move {
            let stepped = self.step().await;
            match &stepped {
                Ok(_) => self.permit.tell(Outcome::There),
                Err(error) => {
                    self.over = true;
                    self.ready.clear();
                    self.passing = None;
                    self.permit.tell(crate::model::outcome(error));
                }
            }
            stepped.map_err(|error| model_error(error, &self.model, self.timeout_ms))
        })
    }
}

/// A reply without its bytes.
pub(crate) fn reply(read: Read, attempts: u32) -> Reply {
    let Read { parts, finish, model, usage, logprobs } = read;
    Reply {
        raw: Vec::new(),
        chunks: Vec::new(),
        parts,
        logprobs,
        finish_reason: finish.into_iter().next().map(|(_, reason)| reason),
        model,
        usage,
        requests: u64::from(attempts),
    }
}
