//! Drills that people finish through the review queue: escalation, and the fallback when the model is away.

use super::{Done, Drilled, alone, no_example};
use crate::api::{Caller, Passed, Refused};
use crate::factory::{Factory, not_recorded};
use crate::handle::{Handle, Served, rows};
use crate::project::{DecisionRec, ReviewRec};
use crate::rehearse::rehearsal_passages;
use seatrial_model::{DecisionId, ElementPath, EventId, ReviewId, Time, Verdict};
use seatrial_store::{ReaderExt as _, Scan};
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// How many marked cases a drill of the fallback hands to people.
const DEGRADED_CASES: usize = 3;

/// A marked review that waits for a person.
#[derive(Clone, Debug, Serialize)]
pub struct MarkedReview {
    /// The review.
    pub review: ReviewId,
    /// Its decision.
    pub decision: DecisionId,
    /// The role that answers.
    pub to: String,
    /// When it is late.
    pub due: Option<Time>,
}

/// A drill that waits for people.
#[derive(Clone, Debug, Serialize)]
pub struct OpenedDrill {
    /// The control.
    pub control: String,
    /// What people have to answer; then the drill is closed over it.
    pub reviews: Vec<MarkedReview>,
}

impl Factory {
    /// Opens an escalation drill: a marked request that escalates, for a person to claim and answer.
    ///
    /// # Errors
    /// [`Refused`]: no example escalates, or the caller may not.
    pub async fn open_escalation_drill(&self, caller: &Caller, workflow: Option<&str>) -> Result<OpenedDrill, Refused> {
        let (_, handle, served) = self.drilling(caller, workflow)?;
        let _alone = alone(&handle)?;
        let escalates = |p: &Passed| p.verdict == Verdict::Escalate && p.review.is_some();
        let passed = self.marked_decision(caller, &served, |_| true, escalates).await?;
        let passed = passed.ok_or_else(|| {
            Refused::Invalid("no example escalates: add one that a rule hands to a person".to_owned())
        })?;
        Ok(OpenedDrill { control: "escalation".to_owned(), reviews: vec![self.marked_review(&passed).await?] })
    }

    /// Opens a drill of the fallback: marked cases whose model is away, for the fallback's people to finish by hand.
    ///
    /// # Errors
    /// [`Refused`]: no AI step has a fallback, or the caller may not.
    pub async fn open_degraded_drill(&self, caller: &Caller, workflow: Option<&str>) -> Result<OpenedDrill, Refused> {
        let (_, handle, served) = self.drilling(caller, workflow)?;
        let _alone = alone(&handle)?;
        let passages = rehearsal_passages(&served)?;
        if passages.is_empty() {
            return Err(no_example());
        }
        let has_fallback = |step: &str| served.workflow.step(step).is_some_and(|s| s.fallback.is_some());
        let mut reviews = Vec::new();
        for mut passage in passages.into_iter().filter(|p| has_fallback(&p.step)) {
            passage.entry = crate::api::PassageEntry::Run { input: passage.entry.input().clone() };
            let passed = self.pass_without_model(caller, passage).await?;
            // An input that is denied needs nobody's work.
            if passed.review.is_some() && passed.output.is_none() {
                reviews.push(self.marked_review(&passed).await?);
            }
            if reviews.len() >= DEGRADED_CASES {
                break;
            }
        }
        if reviews.is_empty() {
            return Err(Refused::Invalid(
                "no case could be handed over: an AI step needs a `fallback`, and an example that is not denied"
                    .to_owned(),
            ));
        }
        Ok(OpenedDrill { control: "degraded".to_owned(), reviews })
    }

    async fn marked_review(&self, passed: &Passed) -> Result<MarkedReview, Refused> {
        let review = passed.review.ok_or_else(|| crate::factory::internal("the marked decision opened no review"))?;
        let view = self.review(review).await?;
        Ok(MarkedReview { review, decision: passed.decision, to: view.to, due: view.due })
    }

    /// Closes a drill that people have finished, over what the log says of these reviews.
    ///
    /// # Errors
    /// [`Refused::Conflict`] where one is not answered yet, or was opened under another spec.
    pub async fn close_drill(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
        control: &str,
        reviews: &[ReviewId],
    ) -> Result<Drilled, Refused> {
        let (_, handle, served) = self.drilling(caller, workflow)?;
        if !matches!(control, "escalation" | "degraded") || reviews.is_empty() {
            return Err(Refused::Invalid("name the reviews of an `escalation` or a `degraded` drill".to_owned()));
        }
        let (mut first, mut last, mut events, mut held) = (None::<Time>, None::<Time>, Vec::new(), 0);
        let mut due_ms: Option<u64> = None;
        let mut runbooks: BTreeSet<ElementPath> = BTreeSet::new();
        for review in reviews {
            let (_, rec, decision) = self.review_rec(*review).await?;
            fits_drill(&served, control, *review, &rec, &decision)?;
            let Some((_, _, at)) = &rec.answer else {
                let message = format!("`{review}` waits for `{}`: a drill is closed when it was answered", rec.to);
                return Err(Refused::Conflict { message, now: None });
            };
            first = Some(first.map_or(decision.time, |t| t.min(decision.time)));
            last = Some(last.map_or(*at, |t| t.max(*at)));
            let fallback = served.workflow.step(&rec.step).and_then(|s| s.fallback.as_ref());
            if control == "degraded" && fallback.is_some_and(|f| f.runbook.is_some()) {
                runbooks.insert(ElementPath::new(format!("steps.{}.fallback", rec.step)));
            }
            // The decision held its output back until the person answered.
            held += u64::from(decision.verdict == Verdict::Escalate);
            let within = rec.due.map(|due| u64::try_from(due.millis_since(rec.opened)).unwrap_or(0));
            due_ms = [due_ms, within].into_iter().flatten().min();
            events.push(self.event_of(decision.decision).await?);
            events.extend(self.followed_by(&handle, decision.decision).await?);
        }
        let took = first.zip(last).map_or(0, |(first, last)| last.millis_since(first));
        let done = Done {
            control,
            effective_ms: u64::try_from(took).unwrap_or(0),
            otherwise_ms: due_ms,
            answered: reviews.len() as u64,
            refused: held,
            // What a fallback finished, and what a rule had handed over anyway, are two things.
            finished: if control == "degraded" { reviews.len() as u64 } else { 0 },
            events,
            runbooks: runbooks.into_iter().collect(),
            steps: vec![format!("{} marked case(s) were answered", reviews.len())],
            ..Done::default()
        };
        self.drilled(caller, &handle, &served, done).await
    }

    /// Claims and answers that followed a decision.
    pub(super) async fn followed_by(&self, handle: &Handle, decision: DecisionId) -> Result<Vec<EventId>, Refused> {
        let scan = Scan::all("followup").prefix(decision.uuid().as_bytes().to_vec());
        let found: Vec<(Vec<u8>, (EventId, String))> =
            self.0.store.read_with(&handle.log, move |view| rows(view, &scan)).await.map_err(not_recorded)?;
        Ok(found.into_iter().map(|(_, (id, _))| id).collect())
    }

    /// Waits until people have answered these reviews, at most so long; says whether they have.
    ///
    /// # Errors
    /// [`Refused`] where there is no such review.
    pub async fn reviews_answered(&self, reviews: &[ReviewId], wait_ms: u64) -> Result<bool, Refused> {
        // Subscribed before the first look: what is answered in between is not missed.
        let mut commits = self.0.store.subscribe();
        let deadline = tokio::time::Instant::now() + Duration::from_millis(wait_ms);
        loop {
            let mut open = 0;
            for review in reviews {
                open += usize::from(self.review(*review).await?.answer.is_none());
            }
            if open == 0 {
                return Ok(true);
            }
            // Whether something was recorded, or this one lagged behind: look again.
            if tokio::time::timeout_at(deadline, commits.recv()).await.is_err() {
                return Ok(false);
            }
        }
    }
}

/// Whether a review is one that this drill can be closed over.
fn fits_drill(
    served: &Served,
    control: &str,
    review: ReviewId,
    rec: &ReviewRec,
    decision: &DecisionRec,
) -> Result<(), Refused> {
    let refuse = |why: &str| Err(Refused::Conflict { message: format!("`{review}` {why}"), now: None });
    if !rec.rehearsal || rec.audit || rec.seeded_by.is_some() {
        return refuse("is no review of a marked request");
    }
    if decision.spec != Some(served.workflow.digest) {
        return refuse("was opened under another spec than the newest submitted one; open the drill again");
    }
    if (control == "degraded") != decision.no_candidate {
        return refuse("belongs to a drill of another control");
    }
    if rec.usable != Some(true) && rec.answer.is_some() {
        return refuse("was answered while the workflow was stopped; it has to be answered again");
    }
    Ok(())
}
