//! A stream of which nothing may leave before its verdict: what is in force asks for something that comes first.

use super::super::{Obtained, stopped};
use super::Streaming;
use crate::api::{Passed, Refused};
use crate::factory::internal;
use seatrial_guard::port::{ModelError, Reply, Streamed};

impl Streaming {
    /// Reads all of it, and lets nothing leave.
    pub(super) async fn read_whole(&mut self) -> Result<Result<Reply, ModelError>, Refused> {
        let (mut raw, mut chunks) = (Vec::new(), Vec::new());
        loop {
            let next = tokio::select! {
                biased;
                () = self.ticket.stopped() => {
                    self.ticket.cut();
                    let path = seatrial_model::ElementPath::new(format!("steps.{}", self.record.step));
                    let now = self.factory.now();
                    return Err(stopped(&self.handle, &path, &self.record.step, self.passage.rehearsal, now));
                }
                () = tokio::time::sleep_until(self.until) => {
                    Err(ModelError::TimedOut { model: self.source.name.clone(), timeout_ms: 0 })
                }
                next = self.source.next() => next,
            };
            match next {
                Ok(Streamed::Event(event)) => {
                    raw.extend_from_slice(&event.raw);
                    chunks.push(raw.len());
                }
                Ok(Streamed::End(reply)) => return Ok(Ok(Reply { raw, chunks, ..*reply })),
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// Decides on a reply of which nothing left.
    pub(super) async fn in_one_piece(mut self, reply: Result<Reply, ModelError>) -> Result<Passed, Refused> {
        self.source.stream = None;
        let obtained = match reply {
            Ok(reply) => self.obtained(reply, None)?,
            Err(error) => {
                let why = Some(error.no_candidate().to_owned());
                let step = self.served.workflow.step(&self.record.step);
                let step = step.ok_or_else(|| internal("the step is gone"))?;
                Obtained { requests: self.source.requests + 1, ..Obtained::nothing(step, why, 1) }
            }
        };
        let Self { factory, handle, mut record, turn, ticket, .. } = self;
        record.obtained = obtained;
        let passed = factory.record(&handle, record).await;
        drop((turn, ticket));
        passed
    }
}
