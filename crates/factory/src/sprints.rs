//! Sprints: opened with what they mean to learn, closed with four answers from the log.

use crate::api::{Caller, Refused};
use crate::approve::newest;
use crate::clock::uuid_at;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, row, rows};
use crate::project::{DecisionRec, ReviewRec};
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::{SprintClosed, SprintOpened};
use seatrial_model::{Answer, Body, Digest, ElementPath, EventId, Logged, SprintId, Stage, Time};
use seatrial_spec::Workflow;
use seatrial_sprint::report::SprintInput;
use seatrial_sprint::{SprintReport, Tallies};
use seatrial_store::{Batch, ReaderExt as _, Scan, StoreError, StoreExt as _, View};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A sprint, closed.
#[derive(Clone, Debug)]
pub struct ClosedSprint {
    /// The event.
    pub event: EventId,
    /// The report.
    pub report: SprintReport,
}

impl Factory {
    /// Opens a sprint.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn open_sprint(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
        goal: &str,
        questions: Vec<String>,
        obligations: Vec<String>,
    ) -> Result<(SprintId, u64), Refused> {
        let (handle, served) = self.candidate(caller, workflow).await?;
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, Act::SubmitSpec, &circumstances)?;
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        if open_sprint(&events).is_some() {
            return Err(Refused::Conflict {
                message: "a sprint is open; close it first: `seatrial sprint close`".to_owned(),
                now: None,
            });
        }
        let sprint = SprintId::new(uuid_at(self.now()).map_err(internal)?);
        let earlier = events.iter().filter(|e| matches!(e.event.body, Body::SprintOpened(_))).count() as u64;
        let questions: Vec<ElementPath> = questions
            .iter()
            .map(|q| ElementPath::new(format!("questions.{}", q.strip_prefix("questions.").unwrap_or(q))))
            .collect();
        if let Some(unknown) = questions.iter().find(|q| served.workflow.element(q).is_none()) {
            return Err(Refused::NotFound(format!("the spec has no `{unknown}`")));
        }
        let states = self.state_words(&handle, Stage::Production).await?;
        let body = SprintOpened { sprint, number: earlier + 1, questions, obligations, states, roles: None };
        let texts = vec![("goal".to_owned(), goal.as_bytes().to_vec())];
        let body = Body::SprintOpened(body);
        self.judged(caller, &handle.log, &served, body, Vec::new(), texts, newest(&events)).await?;
        Ok((sprint, earlier + 1))
    }

    /// Closes the open sprint: the four answers, from the log.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn close_sprint(&self, caller: &Caller, workflow: &str) -> Result<ClosedSprint, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, Act::SubmitSpec, &circumstances)?;
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let (sprint, since) = open_sprint(&events).ok_or_else(|| Refused::Conflict {
            message: "no sprint is open: `seatrial sprint open`".to_owned(),
            now: None,
        })?;
        let states = self.state_words(&handle, Stage::Production).await?;
        let now = self.now();
        let explained = explained_rules(&served.workflow);
        let before_start = since.plus_millis(since.millis_since(now));
        let (before, during) = self
            .0
            .store
            .read_with(&handle.log, move |view| {
                let before = tallies(view, before_start, since, &explained)?;
                Ok((before, tallies(view, since, now, &explained)?))
            })
            .await
            .map_err(not_recorded)?;
        let (before, during) = (before.as_ref(), during.as_ref());
        let input = SprintInput { sprint, states: &states, moves: None, roles: None, before, during };
        let report = SprintReport::of(events.iter().map(|e| &*e.event), &input).map_err(internal)?;
        let blob = seatrial_model::canonical(&report).map_err(internal)?;
        let body = Body::SprintClosed(SprintClosed { sprint, report: Digest::of(&blob), states });
        let mut event = self.event(&handle.log, caller.principal.clone(), body).map_err(internal)?;
        event.spec = Some(served.workflow.digest);
        let id = event.id;
        let batch = Batch { events: vec![event], blobs: vec![blob], ..Batch::default() };
        self.0.store.append(&handle.log, batch).await.map_err(not_recorded)?;
        Ok(ClosedSprint { event: id, report })
    }

    async fn state_words(&self, handle: &Arc<Handle>, stage: Stage) -> Result<BTreeMap<String, String>, Refused> {
        let standing = self.standing(handle.log.as_str(), stage).await?;
        Ok(standing.states.iter().map(|s| (s.obligation.id.clone(), s.state.as_str().to_owned())).collect())
    }
}

/// The sprint that was opened and not closed.
fn open_sprint(events: &[Logged]) -> Option<(SprintId, Time)> {
    let mut open = None;
    for logged in events {
        match &logged.event.body {
            Body::SprintOpened(opened) => open = Some((opened.sprint, logged.event.time)),
            Body::SprintClosed(_) => open = None,
            _ => {}
        }
    }
    open
}

/// What of a spec counts as explained: its rules with a `because`.
fn explained_rules(workflow: &Workflow) -> BTreeSet<ElementPath> {
    let mut explained = BTreeSet::new();
    for step in &workflow.steps {
        let rules = [&step.refuse_input, &step.require, &step.forbid, &step.never].into_iter().flatten();
        explained.extend(rules.filter(|r| r.because.is_some()).map(|r| r.path.clone()));
        explained.extend(step.escalate.iter().filter(|e| e.because.is_some()).map(|e| e.path.clone()));
    }
    explained
}

/// The running system between two times; none where nothing ran.
fn tallies(
    view: &dyn View,
    from: Time,
    until: Time,
    explained: &BTreeSet<ElementPath>,
) -> Result<Option<Tallies>, StoreError> {
    let mut tallies = Tallies::default();
    let mut review_ms: Vec<u64> = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let mut scan = Scan::all("decision").limit(2_000);
        if let Some(key) = after.take() {
            scan = scan.after(key);
        }
        let page: Vec<(Vec<u8>, DecisionRec)> = rows(view, &scan)?;
        let full = page.len() >= scan.rows_max();
        after = page.last().map(|(key, _)| key.clone());
        for (_, rec) in page.iter().filter(|(_, r)| !r.rehearsal && r.time >= from && r.time < until) {
            count_decision(rec, &mut tallies, explained);
            if let Some(review) = rec.review {
                let found: Option<ReviewRec> = row(view, "review", review.uuid().as_bytes())?;
                found.iter().for_each(|review| count_review(review, until, &mut tallies, &mut review_ms));
            }
        }
        if !full {
            break;
        }
    }
    review_ms.sort_unstable();
    tallies.review_ms_median = review_ms.get(review_ms.len() / 2).copied();
    Ok((tallies.decisions > 0).then_some(tallies))
}

fn count_decision(rec: &DecisionRec, tallies: &mut Tallies, explained: &BTreeSet<ElementPath>) {
    tallies.decisions += 1;
    tallies.inspected.n += 1;
    tallies.inspected.k += u64::from(rec.inspected);
    for path in &rec.because {
        tallies.explained.n += 1;
        tallies.explained.k += u64::from(explained.contains(path));
        if rec.review.is_some() && !rec.audit {
            *tallies.escalations.entry(path.clone()).or_default() += 1;
        }
        if rec.overridden.is_some() {
            *tallies.overrides.entry(path.clone()).or_default() += 1;
        }
    }
}

fn count_review(review: &ReviewRec, until: Time, tallies: &mut Tallies, review_ms: &mut Vec<u64>) {
    tallies.reviews_opened += 1;
    let Some((answer, _, at)) = &review.answer else {
        tallies.reviews_late += u64::from(review.due.is_some_and(|due| until > due));
        return;
    };
    tallies.reviews_answered += 1;
    // A decision of the person's own is no opinion on the output: nobody could have accepted it.
    if !review.own {
        tallies.agreement.n += 1;
        tallies.agreement.k += u64::from(*answer == Answer::Accept);
    }
    let from = review.claimed_at.unwrap_or(review.opened);
    review_ms.push(u64::try_from(at.millis_since(from)).unwrap_or(0));
}
