//! The review queue: list, claim, answer.

use crate::api::{Caller, Refused, ReviewAnswerInput, ReviewView};
use crate::decisions::{held, review_view};
use crate::factory::{Factory, internal, not_recorded, payload};
use crate::handle::{Handle, Served, row};
use crate::project::{DecisionRec, QUEUE, REHEARSAL_QUEUE, ReviewRec, ReviewState};
use crate::switch::is_stopped;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::{ReviewAnswered, ReviewClaimed, TokenKind};
use seatrial_model::{Answer, Body, ElementPath, Finding, LogName, PrincipalKind, ReviewId, Subject, Time};
use seatrial_store::{Batch, NewPayload, ReaderExt as _, Scan, StoreError, StoreExt as _, TransactError, View};
use serde_json::Value;
use std::sync::Arc;

/// How long a claim holds: after that somebody else may take the review.
pub const CLAIM_MS: i64 = 15 * 60 * 1_000;

/// The longest reason, and the longest output that a person writes.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Which reviews are listed.
#[derive(Clone, Debug, Default)]
pub struct ReviewFilter {
    /// Only this workflow's.
    pub workflow: Option<String>,
    /// Only for these of the caller's roles; for all of them where none is named.
    pub roles: Vec<String>,
    /// How many.
    pub limit: usize,
}

impl Factory {
    /// Open reviews that the caller's roles may answer, the oldest first.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow, or the caller is a program: other programs' cases are none of a
    /// program's business.
    pub async fn reviews(&self, caller: &Caller, filter: ReviewFilter) -> Result<Vec<ReviewView>, Refused> {
        let program = matches!(caller.token, Some(TokenKind::Caller | TokenKind::Ci));
        if program || caller.principal.kind != PrincipalKind::Person {
            return Err(Refused::Forbidden("the review queue is for people".to_owned()));
        }
        let wanted = |role: &&String| filter.roles.is_empty() || filter.roles.contains(role);
        let roles: Vec<String> = caller.principal.roles.iter().filter(wanted).cloned().collect();
        let logs = match &filter.workflow {
            Some(name) => vec![self.handle(name)?.log.clone()],
            None => self.workflows(),
        };
        let limit = filter.limit.clamp(1, 500);
        let mut all = Vec::new();
        for log in logs {
            let roles = roles.clone();
            let name = log.clone();
            let found = self
                .0
                .store
                .read_with(&log, move |view| open_reviews(view, &name, Some(&roles), limit))
                .await
                .map_err(not_recorded)?;
            all.extend(found);
        }
        all.sort_by_key(|r| (r.rehearsal, r.opened));
        all.truncate(limit);
        Ok(all)
    }

    /// One review.
    ///
    /// # Errors
    /// [`Refused`] where there is none.
    pub async fn review(&self, review: ReviewId) -> Result<ReviewView, Refused> {
        let (handle, rec, decision) = self.review_rec(review).await?;
        Ok(review_view(&handle.log, review, rec, &decision))
    }

    pub(crate) async fn review_rec(&self, review: ReviewId) -> Result<(Arc<Handle>, ReviewRec, DecisionRec), Refused> {
        for log in self.workflows() {
            let found = self
                .0
                .store
                .read_with(&log, move |view| {
                    let Some(rec) = row::<ReviewRec>(view, "review", review.uuid().as_bytes())? else {
                        return Ok(None);
                    };
                    let decision = row::<DecisionRec>(view, "decision", rec.decision.uuid().as_bytes())?;
                    Ok(decision.map(|decision| (rec, decision)))
                })
                .await
                .map_err(not_recorded)?;
            if let Some((rec, decision)) = found {
                return Ok((self.handle(log.as_str())?, rec, decision));
            }
        }
        Err(Refused::NotFound(format!("there is no review `{review}`")))
    }

    pub(crate) fn may_answer(&self, caller: &Caller, served: &Served, review: &ReviewRec) -> Result<(), Refused> {
        if review.seeded_by.as_ref() == Some(&caller.principal.id) {
            return Err(Refused::Forbidden(
                "you seeded this one and know that it is bad; another person answers it".to_owned(),
            ));
        }
        let circumstances = Circumstances {
            role: Some(review.to.clone()),
            step: Some(review.step.clone()),
            // Whoever may answer the others may answer what is seeded among them.
            rehearsal: review.rehearsal && review.seeded_by.is_none(),
            simulation: self.is_simulation(),
            token: caller.token,
            token_steps: caller.steps.clone(),
            ..Circumstances::default()
        };
        let action = if review.audit { Act::Audit } else { Act::AnswerReview };
        served.authorize(&caller.principal, action, &circumstances)
    }

    /// Claims a review, so that two people do not answer the same one. A claim ends by itself after [`CLAIM_MS`].
    ///
    /// # Errors
    /// [`Refused::Conflict`] where somebody else has it.
    pub async fn claim(&self, caller: &Caller, review: ReviewId) -> Result<ReviewView, Refused> {
        let (handle, rec, decision) = self.review_rec(review).await?;
        let served = serving(&handle, &decision)?;
        self.may_answer(caller, &served, &rec)?;
        let body = Body::ReviewClaimed(ReviewClaimed { review, decision: rec.decision });
        let mut event = self.event(&handle.log, caller.principal.clone(), body).map_err(internal)?;
        event.subject = subject(&decision);
        event.spec = decision.spec;
        let me = caller.principal.id.clone();
        let now = self.now();
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(&handle.log, move |view| {
                let rec = current(view, review)?;
                free_for(&rec, &me, now).map_err(TransactError::Refused)?;
                Ok((Batch::of(event), ()))
            })
            .await;
        settle(done)?;
        self.review(review).await
    }

    /// Answers a review. The answer is bound to the exact output that the person saw, counts once, and is judged under
    /// the decision's own release; whether its output can be used stands in the answer.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn answer(
        &self,
        caller: &Caller,
        review: ReviewId,
        input: ReviewAnswerInput,
    ) -> Result<ReviewView, Refused> {
        let (handle, rec, decision) = self.review_rec(review).await?;
        let served = self.spec_of(&handle, &decision).await?;
        self.may_answer(caller, &served, &rec)?;
        fits(&rec, &decision, &input)?;
        let blind = served.workflow.step(&rec.step).and_then(|s| s.audit.as_ref()).is_some_and(|a| a.blind);
        if rec.audit && blind && matches!(input.answer, Answer::Accept | Answer::Edit) {
            return Err(Refused::Invalid(
                "a blind audit is answered without the AI's answer: with what is right (`own`), or `reject`".to_owned(),
            ));
        }
        let judged = self.judge_answer(&handle, &served, &decision, &input).await?;
        let caught = self.caught(&handle, &served, &rec, &decision, &input, rec.audit && blind).await?;
        let mut payloads: Vec<NewPayload> = Vec::new();
        let body = |usable| {
            Body::ReviewAnswered(ReviewAnswered {
                review,
                decision: rec.decision,
                answer: input.answer,
                seen: input.seen,
                shown_ms: input.shown_ms,
                usable,
                caught: caught.filter(|_| usable),
            })
        };
        let mut event = self.event(&handle.log, caller.principal.clone(), body(judged)).map_err(internal)?;
        event.subject = subject(&decision);
        event.spec = decision.spec;
        event.release = decision.release;
        let case = Some(decision.case.as_str());
        if let Some(output) = &input.output {
            payload(&mut payloads, &mut event.payloads, "output", output.clone().into_bytes(), case, None)
                .map_err(internal)?;
        }
        if !input.reason.is_empty() {
            payload(&mut payloads, &mut event.payloads, "reason", input.reason.clone().into_bytes(), case, None)
                .map_err(internal)?;
        }
        event.people = self.people_point().await.map_err(not_recorded)?;
        let told = self.audit_truth(&handle, &served, &rec, &decision, &input).await?;
        let stopped_body = body(false);
        let marked = decision.is_marked();
        let (me, now, step) =
            (caller.principal.id.clone(), self.now(), ElementPath::new(format!("steps.{}", rec.step)));
        let factory = self.clone();
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(&handle.log, move |view| {
                let rec = current(view, review)?;
                free_for(&rec, &me, now).map_err(TransactError::Refused)?;
                // A stop freezes what a pending review would release: the answer is kept, and the question stands.
                let frozen = is_stopped(view, &step, marked)?;
                if frozen {
                    event.body = stopped_body;
                }
                let mut events = vec![event];
                if let Some(told) = told.filter(|_| !frozen) {
                    events.extend(factory.told_by_audit(view, told)?);
                }
                Ok((Batch { events, payloads, ..Batch::default() }, ()))
            })
            .await;
        settle(done)?;
        self.review(review).await
    }

    /// The spec under which a decision was made.
    pub(crate) async fn spec_of(&self, handle: &Handle, decision: &DecisionRec) -> Result<Arc<Served>, Refused> {
        let live = handle.live.load_full();
        let known = [&live.in_force, &live.candidate].into_iter().flatten();
        let found = known.into_iter().find(|s| Some(s.workflow.digest) == decision.spec).cloned();
        if let Some(served) = found {
            return Ok(served);
        }
        let spec = decision.spec.ok_or_else(|| internal("the decision names no spec"))?;
        self.load_old(&handle.log, spec).await.map(Arc::new).map_err(internal)
    }

    /// Checks what a person releases. Own work is held to schema, `require` and `forbid`; what was the AI's is held to
    /// the `never` rules now in force besides.
    async fn judge_answer(
        &self,
        handle: &Handle,
        served: &Served,
        decision: &DecisionRec,
        input: &ReviewAnswerInput,
    ) -> Result<bool, Refused> {
        let Some(program) = served.program.step(&decision.step) else { return Ok(false) };
        let rec = decision.clone();
        let (case_input, output) = self
            .0
            .store
            .read_with(&handle.log, move |view| {
                let text = |kind: &str| held(view, rec.payloads.get(kind).copied());
                Ok((text("input")?, text("output")?))
            })
            .await
            .map_err(not_recorded)?;
        let case_input = parsed(&case_input).ok_or_else(|| Refused::Conflict {
            message: "the case's input was erased, so an answer cannot be checked".to_owned(),
            now: None,
        })?;
        let never = |value: &Value| {
            let live = handle.live.load();
            let now = live.in_force.as_ref().and_then(|s| s.program.step(&decision.step)).unwrap_or(program);
            now.never_violated(&case_input, value).is_empty()
        };
        match input.answer {
            Answer::Reject => Ok(true),
            Answer::Accept => Ok(parsed(&output).is_some_and(|value| never(&value))),
            Answer::Edit | Answer::Own => {
                let text = input.output.as_deref().unwrap_or_default();
                let value: Value = serde_json::from_str(text)
                    .map_err(|e| Refused::Invalid(format!("the output is not JSON ({e})")))?;
                let findings = program.check_authored(&case_input, &value);
                let objections: Vec<&str> =
                    findings.iter().filter(|f: &&Finding| f.objects()).map(|f| f.path.as_str()).collect();
                if !objections.is_empty() {
                    return Err(Refused::Invalid(format!("the output violates {}", objections.join(", "))));
                }
                Ok(input.answer == Answer::Own || never(&value))
            }
        }
    }
}

/// Open reviews, the oldest first and those of rehearsals last; for every role, where none are named.
pub(crate) fn open_reviews(
    view: &dyn View,
    log: &LogName,
    roles: Option<&[String]>,
    limit: usize,
) -> Result<Vec<ReviewView>, StoreError> {
    let mut found = queued(view, QUEUE, log, roles, limit)?;
    found.extend(queued(view, REHEARSAL_QUEUE, log, roles, limit.saturating_sub(found.len()))?);
    Ok(found)
}

fn queued(
    view: &dyn View,
    queue: &str,
    log: &LogName,
    roles: Option<&[String]>,
    limit: usize,
) -> Result<Vec<ReviewView>, StoreError> {
    let mut found = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    while found.len() < limit {
        let mut scan = Scan::all(queue).limit(1_000);
        if let Some(key) = after.take() {
            scan = scan.after(key);
        }
        let page = view.scan(&scan)?;
        for (key, _) in &page {
            let Some(rec) = row::<ReviewRec>(view, "review", key)? else { continue };
            if roles.is_some_and(|roles| !roles.contains(&rec.to)) {
                continue;
            }
            let Some(decision) = row::<DecisionRec>(view, "decision", rec.decision.uuid().as_bytes())? else {
                continue;
            };
            let Ok(bytes) = <[u8; 16]>::try_from(key.as_slice()) else { continue };
            let id = ReviewId::new(uuid::Uuid::from_bytes(bytes));
            found.push(review_view(log, id, rec, &decision));
            if found.len() >= limit {
                return Ok(found);
            }
        }
        match page.last() {
            Some((key, _)) if page.len() >= scan.rows_max() => after = Some(key.clone()),
            _ => return Ok(found),
        }
    }
    Ok(found)
}

fn parsed(held: &crate::api::Held) -> Option<Value> {
    match held {
        crate::api::Held::Text { text, .. } => serde_json::from_str(text.raw()).ok(),
        _ => None,
    }
}

/// What serves the decision's workflow now, for the question of who may answer.
fn serving(handle: &Handle, decision: &DecisionRec) -> Result<Arc<Served>, Refused> {
    let live = handle.live.load_full();
    let first = if decision.rehearsal && !decision.seeded { &live.candidate } else { &live.in_force };
    first.clone().or_else(|| live.candidate.clone()).ok_or_else(|| internal("nothing is served of this workflow"))
}

fn subject(decision: &DecisionRec) -> Subject {
    Subject {
        element: Some(ElementPath::new(format!("steps.{}", decision.step))),
        decision: Some(decision.decision),
        release: None,
    }
}

fn current(view: &dyn View, review: ReviewId) -> Result<ReviewRec, TransactError<Refused>> {
    let rec: Option<ReviewRec> = row(view, "review", review.uuid().as_bytes())?;
    rec.ok_or_else(|| TransactError::Refused(Refused::NotFound(format!("there is no review `{review}`"))))
}

fn free_for(rec: &ReviewRec, me: &str, now: Time) -> Result<(), Refused> {
    match (&rec.state, &rec.claimed) {
        (ReviewState::Answered, _) => {
            let by = rec.answer.as_ref().map_or("somebody", |(_, by, _)| by.as_str());
            Err(Refused::Conflict { message: format!("the review was answered by `{by}`"), now: None })
        }
        (ReviewState::Superseded, _) => Err(Refused::Conflict {
            message: "an override settled the decision, and there is nothing left to answer".to_owned(),
            now: None,
        }),
        (ReviewState::Claimed, Some((by, at))) if by != me && now.millis_since(*at) < CLAIM_MS => {
            Err(Refused::Conflict { message: format!("`{by}` has claimed the review"), now: None })
        }
        _ => Ok(()),
    }
}

/// Whether the answer is one that this review can take.
fn fits(rec: &ReviewRec, decision: &DecisionRec, input: &ReviewAnswerInput) -> Result<(), Refused> {
    let shown = decision.payloads.get("output").or_else(|| decision.payloads.get("input"));
    if shown != Some(&input.seen) {
        return Err(Refused::Conflict {
            message: "the answer speaks of another output than the one under review; open it again".to_owned(),
            now: shown.map(ToString::to_string),
        });
    }
    let writes = matches!(input.answer, Answer::Edit | Answer::Own);
    if rec.own && matches!(input.answer, Answer::Accept | Answer::Edit) {
        return Err(Refused::Invalid(
            "this output can be released by nobody; answer with a decision of your own (`own`), or reject".to_owned(),
        ));
    }
    if writes != input.output.is_some() {
        let what = if writes { "needs an output" } else { "takes no output" };
        return Err(Refused::Invalid(format!("the answer `{}` {what}", input.answer)));
    }
    let longest = input.reason.len().max(input.output.as_ref().map_or(0, String::len));
    if longest > ANSWER_BYTES_MAX {
        return Err(Refused::Invalid(format!("reason and output have at most {ANSWER_BYTES_MAX} bytes")));
    }
    Ok(())
}

/// The outcome of a typed transaction, as a refusal.
pub(crate) fn settle<T>(done: Result<(seatrial_store::Committed, T), TransactError<Refused>>) -> Result<T, Refused> {
    match done {
        Ok((_, value)) => Ok(value),
        Err(TransactError::Refused(refused)) => Err(refused),
        Err(TransactError::Store(error)) => Err(not_recorded(error)),
    }
}
