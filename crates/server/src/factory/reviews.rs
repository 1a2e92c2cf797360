//! The queue, one review, and its answer.

use super::decisions::{Story, answer as answer_line, confidence, findings, input, output};
use super::edit;
use super::payloads::{About, payload, text, whole};
use super::words::Words;
use crate::view::{AnswerSent, Proposal, ReviewKind, ReviewPage, ReviewRow, Reviews};
use seatrial_factory::Factory;
use seatrial_factory::api::{Caller, DecisionChain, Held, Refused, ReviewAnswerInput, ReviewView};
use seatrial_model::{Answer, Commitment, ElementPath, ReviewId, Time};
use seatrial_spec::Workflow;
use serde_json::Value;

/// The most open reviews that are read to order them.
const QUEUE_READ_MAX: usize = 500;

/// The most rows on the page of the queue.
const QUEUE_ROWS: usize = 100;

/// Open reviews, the most urgent first: by when they are late, then by age.
async fn open(factory: &Factory, workflow: &str) -> Result<Vec<ReviewView>, Refused> {
    let mut found = factory.queue(workflow, QUEUE_READ_MAX).await?;
    found.sort_by_key(|r| (r.rehearsal, r.due.map_or(i64::MAX, |due| due.as_millis()), r.opened, r.review));
    Ok(found)
}

fn kind_of(spec: &Workflow, review: &ReviewView) -> ReviewKind {
    let blind = spec.step(&review.step).and_then(|s| s.audit.as_ref()).is_some_and(|a| a.blind);
    match (review.audit, review.own, blind) {
        (true, _, true) => ReviewKind::BlindAudit,
        (true, _, false) => ReviewKind::Audit,
        (false, true, _) => ReviewKind::Own,
        (false, false, _) => ReviewKind::Review,
    }
}

/// What brought a review about. A blind audit says nothing that would tell how the AI decided.
fn because(kind: ReviewKind, review: &ReviewView) -> Vec<ElementPath> {
    match kind {
        ReviewKind::BlindAudit => vec![ElementPath::new(format!("steps.{}.audit", review.step))],
        _ => review.because.clone(),
    }
}

pub(super) async fn queue(factory: &Factory, workflow: &str, role: Option<String>) -> Result<Reviews, Refused> {
    let all = open(factory, workflow).await?;
    let mut roles: Vec<String> = all.iter().map(|r| r.to.clone()).collect();
    roles.sort();
    roles.dedup();
    let wanted: Vec<ReviewView> = all.into_iter().filter(|r| role.as_ref().is_none_or(|to| *to == r.to)).collect();
    let shown: Vec<&ReviewView> = wanted.iter().take(QUEUE_ROWS).collect();
    let heads = factory.heads(workflow, shown.iter().map(|r| r.decision).collect()).await?;
    let mut rows = Vec::with_capacity(shown.len());
    for review in &shown {
        let head = heads.get(&review.decision);
        let spec = factory.spec_at(workflow, head.and_then(|h| h.spec)).await?;
        let kind = kind_of(&spec, review);
        rows.push(ReviewRow {
            review: review.review,
            kind,
            case: head.and_then(|h| text(&h.case)).cloned(),
            step: review.step.clone(),
            to: review.to.clone(),
            opened: review.opened,
            due: review.due,
            claimed_by: review.claimed_by.clone(),
            because: because(kind, review).iter().map(ToString::to_string).collect(),
            rehearsal: review.rehearsal,
        });
    }
    let counts = factory.day_counts(workflow, factory.now().day()).await?;
    let answered_today = counts.iter().filter(|(name, _)| name.starts_with("answer/")).map(|(_, n)| n).sum();
    let more = u64::try_from(wanted.len().saturating_sub(shown.len())).unwrap_or(u64::MAX);
    Ok(Reviews { roles, role, more, answered_today, rows })
}

/// The review, where it belongs to this workflow.
async fn find(factory: &Factory, workflow: &str, id: ReviewId) -> Result<ReviewView, Refused> {
    let review = factory.review(id).await?;
    match review.workflow.as_str() == workflow {
        true => Ok(review),
        false => Err(Refused::NotFound(format!("there is no review `{id}` here"))),
    }
}

/// The chain behind a review: its page shows of it what the review's kind lets it.
async fn chain_of(factory: &Factory, caller: &Caller, review: &ReviewView) -> Result<DecisionChain, Refused> {
    factory.decision(caller, review.decision).await
}

pub(super) async fn page(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    id: ReviewId,
) -> Result<ReviewPage, Refused> {
    let review = find(factory, workflow, id).await?;
    let chain = chain_of(factory, caller, &review).await?;
    let spec = factory.spec_at(workflow, chain.spec).await?;
    let words = Words::of(&spec);
    let story = Story::read(factory, workflow, &chain).await?;
    let committed = |name: &str| story.made.event.payloads.get(name).copied();
    let kind = kind_of(&spec, &review);
    let answered = answer_line(&review, &story).filter(|_| review.state == "answered");
    let hidden = kind == ReviewKind::BlindAudit && answered.is_none();
    let step = spec.step(&review.step);
    let withheld = step.map(|s| s.withhold.as_slice()).unwrap_or_default();
    let redacted = match committed("released") {
        Some(commitment) if !hidden => Some(factory.text(workflow, Some(commitment)).await?),
        _ => None,
    };
    let fresh = hidden || kind == ReviewKind::Own;
    let candidate = text(&chain.output).filter(|_| !fresh).and_then(|t| serde_json::from_str::<Value>(t.raw()).ok());
    let edit = edit::fields(&spec, &review.step, candidate.as_ref());
    let barred = barred(factory, caller, &review, &chain).await?;
    let (previous, next) = neighbours(factory, caller, workflow, &review).await?;
    Ok(ReviewPage {
        review: id,
        decision: review.decision,
        kind,
        step: review.step.clone(),
        does: step.map(|s| s.does.clone()).unwrap_or_default(),
        to: review.to.clone(),
        opened: review.opened,
        due: review.due,
        claimed_by: review.claimed_by.clone(),
        case: whole(&chain.case, committed("case")),
        input: input(&chain, committed("input"), withheld),
        proposal: (!hidden).then(|| Proposal {
            output: output(&chain, committed("output")),
            redacted: redacted.as_ref().map(|held| payload(held, About::default())),
            confidence: confidence(&chain, &spec),
            findings: findings(&chain, &words),
        }),
        because: words.because(&because(kind, &review)),
        seen: seen(committed("output"), committed("input"))?,
        answers: if barred.is_some() { Vec::new() } else { answers(kind, !edit.is_empty(), &chain) },
        barred,
        edit,
        answered,
        next,
        previous,
        rehearsal: review.rehearsal,
        seeded: review.seeded,
    })
}

/// The commitment that an answer speaks of: the output's, or the input's where there is no output.
fn seen(output: Option<Commitment>, input: Option<Commitment>) -> Result<Commitment, Refused> {
    output.or(input).ok_or_else(|| Refused::Internal("the decision committed to nothing that could be judged".into()))
}

/// The answers that the kind of review takes.
fn answers(kind: ReviewKind, writable: bool, chain: &DecisionChain) -> Vec<Answer> {
    let there = !matches!(chain.output, Held::None);
    let open: &[Answer] = match kind {
        ReviewKind::Own => &[Answer::Own, Answer::Reject],
        ReviewKind::BlindAudit => &[Answer::Own],
        ReviewKind::Audit => &[Answer::Accept, Answer::Reject],
        ReviewKind::Review => &[Answer::Accept, Answer::Edit, Answer::Reject],
    };
    let fits = |answer: &&Answer| match answer {
        Answer::Accept => there,
        Answer::Edit | Answer::Own => writable,
        Answer::Reject => true,
    };
    open.iter().filter(fits).copied().collect()
}

/// Why whoever looks may not answer; none where they may.
async fn barred(
    factory: &Factory,
    caller: &Caller,
    review: &ReviewView,
    chain: &DecisionChain,
) -> Result<Option<String>, Refused> {
    match factory.may_answer_review(caller, review.review).await {
        Ok(()) => {}
        Err(Refused::Forbidden(_)) if !caller.principal.has_role(&review.to) => {
            return Ok(Some(format!("It waits for somebody who holds the role `{}`.", review.to)));
        }
        Err(Refused::Forbidden(why)) => return Ok(Some(super::sentence(&why))),
        Err(other) => return Err(other),
    }
    Ok(match &chain.input {
        Held::Erased { .. } => Some("The case’s input was erased, so an answer cannot be checked.".to_owned()),
        Held::Text { .. } | Held::Hidden { .. } | Held::None => None,
    })
}

/// The open reviews before and after this one, among those for the reader's roles (or all, where none is).
async fn neighbours(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    review: &ReviewView,
) -> Result<(Option<ReviewId>, Option<ReviewId>), Refused> {
    let mut queue = open(factory, workflow).await?;
    if caller.principal.has_role(&review.to) {
        queue.retain(|r| caller.principal.has_role(&r.to));
    }
    let place = |r: &ReviewView| (r.due.map_or(i64::MAX, |due: Time| due.as_millis()), r.opened, r.review);
    let here = place(review);
    let previous = queue.iter().rev().find(|r| place(r) < here).map(|r| r.review);
    let next = queue.iter().find(|r| place(r) > here).map(|r| r.review);
    // At the end of the queue, what was passed over is next.
    let first = queue.iter().find(|r| r.review != review.review).map(|r| r.review);
    Ok((previous, next.or(first)))
}

pub(super) async fn answer(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    id: ReviewId,
    sent: AnswerSent,
) -> Result<(), Refused> {
    find(factory, workflow, id).await?;
    let input = ReviewAnswerInput {
        answer: sent.answer,
        output: sent.output,
        reason: sent.reason,
        shown_ms: sent.shown_ms,
        seen: sent.seen,
    };
    let answered = factory.answer(caller, id, input).await?;
    match answered.usable {
        Some(true) => Ok(()),
        // Recorded, and without effect: whoever answered has to know.
        _ => Err(Refused::Conflict {
            message: "the answer was recorded as superseded: the workflow is stopped, or a `never` rule now in force forbids this output; the question stands".to_owned(),
            now: None,
        }),
    }
}
