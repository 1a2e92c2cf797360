//! Reading decisions: one with its whole chain, lists, and waiting for one.

use crate::api::{
    Caller, DecisionChain, DecisionRow, DecisionStatus, Held, OutcomeView, OverrideView, Refused, ReviewView,
};
use crate::factory::{Factory, not_recorded};
use crate::handle::{Handle, row, rows};
use crate::project::{DecisionRec, ReviewRec, STREAM, StreamRec};
use seatrial_model::event::TokenKind;
use seatrial_model::{
    Body, Commitment, DecisionId, ElementPath, EventId, LogName, PrincipalKind, ReviewId, Untrusted, Verdict,
};
use seatrial_store::{Payload, ReaderExt as _, Scan, StoreError, View};
use std::sync::Arc;
use std::time::Duration;

/// The longest wait for a pending decision.
pub const WAIT_MS_MAX: u64 = 300_000;

/// The most decisions of one page.
pub const PAGE_ROWS_MAX: usize = 500;

/// Which decisions are listed.
#[derive(Clone, Debug, Default)]
pub struct DecisionFilter {
    /// Only this verdict.
    pub verdict: Option<Verdict>,
    /// Only this step.
    pub step: Option<String>,
    /// Only those that wait for a person.
    pub pending: bool,
    /// Only earlier ones than this: the end of the last page.
    pub before: Option<DecisionId>,
    /// How many.
    pub limit: usize,
}

impl Factory {
    /// The workflow that holds a decision.
    async fn find(&self, decision: DecisionId) -> Result<Option<(Arc<Handle>, DecisionRec)>, Refused> {
        for log in self.workflows() {
            let handle = self.handle(log.as_str())?;
            let found = self
                .0
                .store
                .read_with(&log, move |view| row::<DecisionRec>(view, "decision", decision.uuid().as_bytes()))
                .await
                .map_err(not_recorded)?;
            if let Some(rec) = found {
                return Ok(Some((handle, rec)));
            }
        }
        Ok(None)
    }

    pub(crate) async fn decision_rec(&self, decision: DecisionId) -> Result<(Arc<Handle>, DecisionRec), Refused> {
        let found = self.find(decision).await?;
        found.ok_or_else(|| Refused::NotFound(format!("there is no decision `{decision}`")))
    }

    /// A decision with its whole chain. A `caller` sees its own decisions only. Whoever has an unanswered blind audit of
    /// it before them sees nothing that tells the AI's answer.
    ///
    /// # Errors
    /// [`Refused`] where there is none, or it is not the caller's.
    pub async fn decision(&self, caller: &Caller, decision: DecisionId) -> Result<DecisionChain, Refused> {
        let (handle, rec) = self.decision_rec(decision).await?;
        may_see(caller, &rec)?;
        let mut chain = self.chain_of(&handle.log, rec.clone()).await.map_err(not_recorded)?;
        if rec.hidden {
            self.unmark(&handle, &mut chain).await?;
        }
        match self.is_blind(caller, &handle, &rec, &chain).await? {
            true => Ok(blinded(chain)),
            false => Ok(chain),
        }
    }

    /// Whether a blind audit of this decision waits for whoever looks.
    async fn is_blind(
        &self,
        caller: &Caller,
        handle: &Handle,
        rec: &DecisionRec,
        chain: &DecisionChain,
    ) -> Result<bool, Refused> {
        let open = |r: &&ReviewView| r.audit && r.answer.is_none();
        let Some(review) = chain.review.as_ref().filter(open) else { return Ok(false) };
        // Who reads without a name may be one of those whom it waits for.
        let nameless = caller.token.is_none() && caller.principal.kind != PrincipalKind::Person;
        if !nameless && !caller.principal.has_role(&review.to) {
            return Ok(false);
        }
        let served = self.spec_of(handle, rec).await?;
        Ok(served.workflow.step(&rec.step).and_then(|s| s.audit.as_ref()).is_some_and(|a| a.blind))
    }

    /// The same, waiting up to `wait_ms` for a pending one to be settled.
    ///
    /// # Errors
    /// As [`Self::decision`].
    pub async fn decision_wait(
        &self,
        caller: &Caller,
        decision: DecisionId,
        wait_ms: u64,
    ) -> Result<DecisionChain, Refused> {
        // Subscribed before the first look: what is settled in between is not missed.
        let mut commits = self.0.store.subscribe();
        let deadline = tokio::time::Instant::now() + Duration::from_millis(wait_ms.min(WAIT_MS_MAX));
        loop {
            let chain = self.decision(caller, decision).await?;
            if chain.status == DecisionStatus::Settled {
                return Ok(chain);
            }
            loop {
                match tokio::time::timeout_at(deadline, commits.recv()).await {
                    Err(_) => return Ok(chain),
                    Ok(Ok(commit)) if !commit.events.iter().any(|e| concerns(&e.body, decision)) => continue,
                    Ok(_) => break,
                }
            }
        }
    }

    pub(crate) async fn chain_of(&self, log: &LogName, rec: DecisionRec) -> Result<DecisionChain, StoreError> {
        let name = log.clone();
        self.0
            .store
            .read_with(log, move |view| {
                let event = view.event(rec.index)?.ok_or_else(|| StoreError::Damaged {
                    log: name.clone(),
                    what: format!("entry {} is missing", rec.index),
                })?;
                let Body::DecisionMade(made) = event.body else {
                    return Err(StoreError::Damaged {
                        log: name.clone(),
                        what: format!("entry {} is no decision", rec.index),
                    });
                };
                let held = |kind: &str| held(view, rec.payloads.get(kind).copied());
                let review = match rec.review {
                    Some(id) => row::<ReviewRec>(view, "review", id.uuid().as_bytes())?
                        .map(|review| review_view(&name, id, review, &rec)),
                    None => None,
                };
                Ok(DecisionChain {
                    workflow: name.clone(),
                    index: rec.index,
                    event: rec.event,
                    decision: rec.decision,
                    time: rec.time,
                    step: rec.step.clone(),
                    caller: event.actor,
                    entry: made.entry,
                    release: rec.release,
                    spec: rec.spec,
                    verdict: rec.verdict,
                    action: rec.action,
                    because: rec.because.clone(),
                    status: rec.status,
                    case: held("case")?,
                    input: held("input")?,
                    output: held("output")?,
                    released: rec.released.map(|c| self::held(view, Some(c))).transpose()?,
                    model: made.model,
                    usage: made.usage,
                    fallback: made.fallback,
                    behalf: made.behalf,
                    facts: made.facts,
                    review,
                    overridden: rec.overridden.clone().map(|o| OverrideView {
                        by: o.by,
                        at: o.at,
                        reason: o.reason,
                        action: o.action,
                    }),
                    outcome: rec.outcome.as_ref().map(|o| OutcomeView { at: o.at, wrong: o.wrong, matured: o.matured }),
                    audit: rec.audit,
                    blind: false,
                    stream: made.stream,
                    followed_by: followed(view, rec.decision)?,
                })
            })
            .await
    }

    /// A page of decisions, the newest first.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn decisions(&self, workflow: &str, filter: DecisionFilter) -> Result<Vec<DecisionRow>, Refused> {
        let handle = self.handle(workflow)?;
        let limit = filter.limit.clamp(1, PAGE_ROWS_MAX);
        self.0
            .store
            .read_with(&handle.log, move |view| {
                let mut found = Vec::new();
                let mut before = filter.before.map(|id| id.uuid().as_bytes().to_vec());
                loop {
                    let mut scan = Scan::all("decision").reversed().limit(1_000);
                    if let Some(key) = before.take() {
                        scan = scan.after(key);
                    }
                    let page: Vec<(Vec<u8>, DecisionRec)> = rows(view, &scan)?;
                    let full = page.len() >= scan.rows_max();
                    before = page.last().map(|(key, _)| key.clone());
                    found.extend(page.into_iter().map(|(_, rec)| rec).filter(|r| wanted(&filter, r)).map(decision_row));
                    if found.len() >= limit || !full {
                        found.truncate(limit);
                        return Ok(found);
                    }
                }
            })
            .await
            .map_err(not_recorded)
    }
}

impl Factory {
    /// Streams that began to leave and have no decision, the oldest first: they are under way, or were broken off by a
    /// crash. A node that comes back says so (`node.recovered`); where it could not, no stream takes longer than
    /// [`crate::STEP_MS_MAX`].
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn unfinished(&self, workflow: &str) -> Result<Vec<Unfinished>, Refused> {
        let handle = self.handle(workflow)?;
        let now = self.now();
        let broken = |at: seatrial_model::Time| now.millis_since(at) > STREAM_MS_MAX;
        let of = |rec: StreamRec| Unfinished {
            decision: rec.decision,
            step: rec.step,
            since: rec.time,
            rehearsal: rec.rehearsal,
            broken_off: rec.broken_off || broken(rec.time),
        };
        let read = |view: &dyn View| rows::<StreamRec>(view, &Scan::all(STREAM).limit(PAGE_ROWS_MAX));
        let found = self.0.store.read_with(&handle.log, read).await.map_err(not_recorded)?;
        Ok(found.into_iter().map(|(_, rec)| of(rec)).collect())
    }
}

/// After so long a stream without a decision was broken off: the longest that a step takes, and time to record.
const STREAM_MS_MAX: i64 = 2 * 120_000;

/// A stream that began to leave and has no decision.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Unfinished {
    /// The decision that was to be made.
    pub decision: DecisionId,
    /// The step.
    pub step: String,
    /// When its first byte could leave.
    pub since: seatrial_model::Time,
    /// A rehearsal.
    pub rehearsal: bool,
    /// Its node ended before it did, or no stream takes so long: what left of it stands in no decision.
    pub broken_off: bool,
}

/// A chain without what the AI answered, and without what was computed from that.
fn blinded(mut chain: DecisionChain) -> DecisionChain {
    let why = vec![ElementPath::new(format!("steps.{}.audit", chain.step))];
    if let Some(review) = &mut chain.review {
        review.because.clone_from(&why);
    }
    let facts = &mut chain.facts;
    facts.findings.clear();
    facts.after_modify = None;
    facts.whens.clear();
    facts.confidence.value = 0.0;
    facts.confidence.present = false;
    DecisionChain {
        output: chain.output.hidden(),
        released: chain.released.map(Held::hidden),
        outcome: None,
        because: why,
        blind: true,
        ..chain
    }
}

fn wanted(filter: &DecisionFilter, rec: &DecisionRec) -> bool {
    filter.verdict.is_none_or(|v| v == rec.verdict)
        && filter.step.as_ref().is_none_or(|s| *s == rec.step)
        && (!filter.pending || rec.status == DecisionStatus::Pending)
}

fn decision_row(rec: DecisionRec) -> DecisionRow {
    DecisionRow {
        decision: rec.decision,
        index: rec.index,
        time: rec.time,
        step: rec.step,
        verdict: rec.verdict,
        action: rec.action,
        status: rec.status,
        confidence: rec.confidence,
        because: rec.because,
        rehearsal: rec.rehearsal && !rec.hidden,
    }
}

fn may_see(caller: &Caller, rec: &DecisionRec) -> Result<(), Refused> {
    let own = rec.caller == caller.principal.id;
    if caller.token == Some(TokenKind::Caller) && !own {
        // The same words as for one that is not there: others' decisions are nobody's business.
        return Err(Refused::NotFound(format!("there is no decision `{}`", rec.decision)));
    }
    if caller.token == Some(TokenKind::Ci) {
        return Err(Refused::Forbidden("a `ci` token appends evaluations and nothing else".to_owned()));
    }
    Ok(())
}

pub(crate) fn concerns(body: &Body, decision: DecisionId) -> bool {
    match body {
        Body::ReviewAnswered(b) => b.decision == decision,
        Body::DecisionOverridden(b) => b.decision == decision,
        _ => false,
    }
}

/// A payload as it can be shown.
pub(crate) fn held(view: &dyn View, commitment: Option<Commitment>) -> Result<Held, StoreError> {
    let Some(commitment) = commitment else { return Ok(Held::None) };
    match view.payload(&commitment)? {
        Some(Payload::Held(held)) => {
            Ok(Held::Text { text: Untrusted::new(String::from_utf8_lossy(&held.bytes).into_owned()), commitment })
        }
        Some(Payload::Erased(erased)) => {
            let event = view.event(erased.by)?;
            Ok(event.map_or(Held::None, |e| Held::Erased { on: e.time, by: e.actor.id }))
        }
        None => Err(StoreError::Damaged {
            log: view.log().clone(),
            what: format!("the payload `{commitment}` is neither held nor erased"),
        }),
    }
}

fn followed(view: &dyn View, decision: DecisionId) -> Result<Vec<(u64, EventId, String)>, StoreError> {
    let scan = Scan::all("followup").prefix(decision.uuid().as_bytes().to_vec()).limit(200);
    let found: Vec<(Vec<u8>, (EventId, String))> = rows(view, &scan)?;
    Ok(found
        .into_iter()
        .map(|(key, (event, kind))| {
            let index = key.get(16..24).and_then(|b| <[u8; 8]>::try_from(b).ok()).map_or(0, u64::from_be_bytes);
            (index, event, kind)
        })
        .collect())
}

pub(crate) fn review_view(log: &LogName, id: ReviewId, review: ReviewRec, rec: &DecisionRec) -> ReviewView {
    ReviewView {
        review: id,
        workflow: log.clone(),
        decision: review.decision,
        step: review.step,
        to: review.to,
        own: review.own,
        audit: review.audit,
        state: review.state.as_str().to_owned(),
        claimed_by: review.claimed.map(|(by, _)| by),
        opened: review.opened,
        due: review.due,
        because: rec.because.clone(),
        answer: review.answer,
        usable: review.usable,
        rehearsal: review.rehearsal && !rec.hidden,
        seeded: review.caught.filter(|_| !rec.hidden),
    }
}
