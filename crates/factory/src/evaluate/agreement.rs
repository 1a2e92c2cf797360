//! How far the AI's answers agree with people's, as reviews and audits recorded them.

use super::{label, label_field};
use crate::api::{Caller, Refused};
use crate::factory::{Factory, not_recorded};
use crate::handle::{Handle, Served, row, rows};
use crate::project::{DecisionRec, ReviewRec};
use seatrial_model::event::TokenKind;
use seatrial_model::{Answer, Body, Commitment, Digest};
use seatrial_spec::workflow::Step;
use seatrial_sprint::agreement::{Agreement, agreement};
use seatrial_sprint::evaluate::NO_OUTPUT;
use seatrial_store::{Payload, ReaderExt as _, Scan, StoreError, View};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most answers that are compared, the newest first: enough for an interval of a percent.
pub const ANSWERS_MAX: usize = 10_000;

/// How many reviews are read at a time.
const PAGE_ROWS: usize = 500;

/// A person's answer that is no output.
const REJECTED: &str = "rejected";

/// What stands for an output, where the step has no field that is a label.
const THE_SAME: &str = "as the AI answered";

/// What stands for another output, there.
const ANOTHER: &str = "otherwise";

/// How far the AI agrees with people on one step.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StepAgreement {
    /// The step.
    pub step: String,
    /// The field of the output that is compared; none where the whole output is.
    pub label: Option<String>,
    /// Answers that were given before the AI's was seen: only these are independent of it.
    pub blind: Agreement,
    /// Answers that were given with the AI's before one's eyes: people tend to follow it.
    pub seen: Agreement,
    /// Answers that could not be compared: erased, or no JSON.
    pub left_out: u64,
}

/// A person's answer and what it answers.
struct Pair {
    spec: Option<Digest>,
    decision: DecisionRec,
    audit: bool,
    answer: Answer,
    ai: Option<Value>,
    person: Option<Value>,
}

impl Factory {
    /// How far the AI's answers of a step agree with the answers of people, by reviews and audits; rehearsals left out.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow or step, or the caller may not read decisions.
    pub async fn agreement(&self, caller: &Caller, workflow: &str, step: &str) -> Result<StepAgreement, Refused> {
        if matches!(caller.token, Some(TokenKind::Ci | TokenKind::Caller)) {
            return Err(Refused::Forbidden("this kind of token does not read what others decided".to_owned()));
        }
        let handle = self.handle(workflow)?;
        let live = handle.live.load_full();
        let served = live.in_force.as_ref().or(live.candidate.as_ref()).map(Arc::clone);
        let served = served.ok_or_else(|| Refused::NotFound("no spec was submitted".to_owned()))?;
        let found = served.workflow.step(step).ok_or_else(|| {
            let known: Vec<&str> = served.workflow.steps.iter().map(|s| s.name.as_str()).collect();
            let shown = seatrial_model::Untrusted::new(step).terminal(80);
            Refused::NotFound(format!("the spec has no step `{shown}`; it has: {}", known.join(", ")))
        })?;
        let field = label_field(&served.workflow, found);
        let pairs = self.answered(&handle, step).await?;
        let mut specs: BTreeMap<Option<Digest>, Option<Arc<Served>>> = BTreeMap::new();
        let (mut blind, mut seen, mut left_out) = (Vec::new(), Vec::new(), 0);
        for pair in &pairs {
            let Some(labels) = compared(pair, field.as_deref()) else {
                left_out += 1;
                continue;
            };
            // Whether it was blind is said by the spec that the decision was made under.
            let served = match specs.get(&pair.spec) {
                Some(known) => known.clone(),
                None => self.spec_of(&handle, &pair.decision).await.ok(),
            };
            specs.insert(pair.spec, served.clone());
            let audits = served.as_ref().and_then(|s| s.workflow.step(step)).and_then(|s: &Step| s.audit.as_ref());
            let is_blind = pair.audit && audits.is_some_and(|a| a.blind);
            if is_blind { &mut blind } else { &mut seen }.push(labels);
        }
        let agreed = |pairs: &[(String, String)]| {
            let mut found = agreement(pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())));
            if field.is_none() {
                // Without labels there is nothing that chance could be reckoned by.
                (found.kappa, found.kappa_interval) = (None, None);
            }
            found
        };
        Ok(StepAgreement { step: step.to_owned(), blind: agreed(&blind), seen: agreed(&seen), label: field, left_out })
    }

    /// The newest answers to reviews and audits of a step.
    async fn answered(&self, handle: &Handle, step: &str) -> Result<Vec<Pair>, Refused> {
        let step = step.to_owned();
        self.0
            .store
            .read_with(&handle.log, move |view| {
                let mut pairs = Vec::new();
                let mut scan = Scan::all("review").reversed().limit(PAGE_ROWS);
                loop {
                    let page: Vec<(Vec<u8>, ReviewRec)> = rows(view, &scan)?;
                    let last = page.last().map(|(key, _)| key.clone());
                    let full = page.len() >= PAGE_ROWS;
                    let answered = page
                        .into_iter()
                        .map(|(_, r)| r)
                        .filter(|r| r.step == step && !r.rehearsal && r.usable == Some(true));
                    for review in answered {
                        pairs.extend(pair(view, &review)?);
                    }
                    match last {
                        Some(key) if full && pairs.len() < ANSWERS_MAX => {
                            scan = Scan::all("review").reversed().limit(PAGE_ROWS).after(key);
                        }
                        _ => {
                            pairs.truncate(ANSWERS_MAX);
                            return Ok(pairs);
                        }
                    }
                }
            })
            .await
            .map_err(not_recorded)
    }
}

fn pair(view: &dyn View, review: &ReviewRec) -> Result<Option<Pair>, StoreError> {
    let key = *review.decision.uuid().as_bytes();
    let Some((answer, _, _)) = review.answer.clone() else { return Ok(None) };
    let Some(decision) = row::<DecisionRec>(view, "decision", &key)? else { return Ok(None) };
    let ai = json(view, decision.payloads.get("output").copied())?;
    let person = match answer {
        Answer::Edit | Answer::Own => json(view, answered_output(view, &key)?)?,
        Answer::Accept | Answer::Reject => None,
    };
    Ok(Some(Pair { spec: decision.spec, audit: review.audit, decision, answer, ai, person }))
}

/// The output of the newest usable answer to a decision.
pub(crate) fn answered_output(view: &dyn View, decision: &[u8]) -> Result<Option<Commitment>, StoreError> {
    let mut found = None;
    for (key, _) in view.scan(&Scan::all("followup").prefix(decision.to_vec()))? {
        let index = key.get(16..24).and_then(|b| <[u8; 8]>::try_from(b).ok()).map(u64::from_be_bytes);
        let Some(event) = index.map(|i| view.event(i)).transpose()?.flatten() else { continue };
        if matches!(&event.body, Body::ReviewAnswered(b) if b.usable) {
            found = event.payloads.get("output").copied();
        }
    }
    Ok(found)
}

fn json(view: &dyn View, commitment: Option<Commitment>) -> Result<Option<Value>, StoreError> {
    let Some(commitment) = commitment else { return Ok(None) };
    let held = view.payload(&commitment)?.and_then(Payload::held);
    Ok(held.and_then(|held| serde_json::from_slice(&held.bytes).ok()))
}

/// The AI's label and the person's; none where one of them cannot be read any more.
fn compared(pair: &Pair, field: Option<&str>) -> Option<(String, String)> {
    let ai = pair.ai.as_ref()?;
    let Some(field) = field else {
        let same = match pair.answer {
            Answer::Accept => true,
            Answer::Reject => false,
            Answer::Edit | Answer::Own => pair.person.as_ref()? == ai,
        };
        return Some((THE_SAME.to_owned(), if same { THE_SAME } else { ANOTHER }.to_owned()));
    };
    let of = |value: &Value| value.get(field).map_or_else(|| NO_OUTPUT.to_owned(), label);
    let person = match pair.answer {
        Answer::Accept => of(ai),
        Answer::Reject => REJECTED.to_owned(),
        Answer::Edit | Answer::Own => of(pair.person.as_ref()?),
    };
    Some((of(ai), person))
}
