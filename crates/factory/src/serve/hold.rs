//! Holding a call until a person answered.

use crate::api::{DecisionStatus, Passed, Refused};
use crate::decisions::concerns;
use crate::factory::{Factory, not_recorded};
use crate::handle::{Handle, row};
use crate::project::DecisionRec;
use crate::traffic::Ticket;
use seatrial_guard::decide::codes;
use seatrial_spec::workflow::Step;
use seatrial_store::ReaderExt as _;
use std::time::Duration;
use tokio::time::Instant;

/// The longest that a call waits for a person's answer: proxies and clients cut longer ones.
pub const HOLD_MS_MAX: u64 = 300_000;

impl Factory {
    /// Waits as long as the step says for the answer to a pending review, and gives what the person released. Where no
    /// answer came in time, or a stop came first, the decision as it stands: it is polled.
    pub(super) async fn held(
        &self,
        handle: &Handle,
        step: &Step,
        passed: Passed,
        ticket: &mut Ticket,
    ) -> Result<Passed, Refused> {
        let hold = step.review.hold.as_millis().min(HOLD_MS_MAX);
        if hold == 0 || passed.code != codes::REVIEW_PENDING {
            return Ok(passed);
        }
        let until = Instant::now() + Duration::from_millis(hold);
        tokio::select! {
            biased;
            () = ticket.stopped() => {
                ticket.cut();
                Ok(passed)
            }
            answered = self.settled_by(handle, &passed, until) => match answered? {
                Some(rec) => {
                    let joined = passed.joined;
                    let after = self.passed_again(handle, rec, passed.case.clone()).await?;
                    Ok(Passed { joined, usage: passed.usage, ..after })
                }
                None => Ok(passed),
            },
        }
    }

    /// The decision once it is settled; none where the time is over first.
    async fn settled_by(
        &self,
        handle: &Handle,
        passed: &Passed,
        until: Instant,
    ) -> Result<Option<DecisionRec>, Refused> {
        // Subscribed before the first look: what is settled in between is not missed.
        let mut commits = self.0.store.subscribe();
        let decision = passed.decision;
        loop {
            let look = self
                .0
                .store
                .read_with(&handle.log, move |view| row::<DecisionRec>(view, "decision", decision.uuid().as_bytes()));
            let rec = look.await.map_err(not_recorded)?;
            if let Some(rec) = rec.filter(|rec| rec.status == DecisionStatus::Settled) {
                return Ok(Some(rec));
            }
            loop {
                match tokio::time::timeout_at(until, commits.recv()).await {
                    Err(_) => return Ok(None),
                    Ok(Ok(commit)) if !commit.events.iter().any(|e| concerns(&e.body, decision)) => {}
                    // It concerns the decision, or commits were missed: look again.
                    Ok(_) => break,
                }
            }
        }
    }
}
