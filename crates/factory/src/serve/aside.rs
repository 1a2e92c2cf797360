//! What is asked beside the candidate: judges, each through the guard of its own step and on record as a decision of its
//! own, and further samples of the same ask. All at once, within the step's time.

use super::ask::{Answer, Asking};
use super::spent::Spending;
use super::{Obtained, admit_step, limits_of_day};
use crate::api::{Again, Passage, PassageEntry, Refused};
use crate::factory::{internal, new_decision, new_review};
use crate::join::{Asked, AskedAgain};
use crate::record::Record;
use futures_util::stream::{self, StreamExt as _};
use seatrial_guard::{Aside, Candidate, JudgeAsk, Judged, PartKind};
use seatrial_model::event::Entry;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many are asked at once about one answer: a provider sees no crowd.
const AT_ONCE: usize = 8;

/// Codes of why nobody said anything.
mod codes {
    pub(super) const NO_OUTPUT: &str = "no_output";
    pub(super) const LIMITED: &str = "limited";
    pub(super) const FAILED: &str = "judge_failed";
}

impl<'a> Asking<'a> {
    /// Asks judges and samples at once.
    pub(super) async fn aside(
        &self,
        candidate: &Candidate,
        objections: Option<&(String, Vec<seatrial_model::Finding>)>,
        obtained: &mut Obtained,
        spending: &mut Spending<'a>,
    ) -> Result<Aside, Refused> {
        let asks = self.program.judge_asks(self.passage.entry.input(), &candidate.parts);
        let (judged, samples) = futures_util::future::join(self.ask_judges(asks), self.sample(objections)).await;
        let mut aside = Aside { judged, ..Aside::default() };
        for sample in samples? {
            aside.samples.push(match sample {
                Ok(answer) => {
                    obtained.requests += answer.reply.requests;
                    obtained.samples += 1;
                    spending.add(&answer);
                    said(&answer)
                }
                Err((code, requests)) => {
                    obtained.requests += requests;
                    Judged::Failed(code)
                }
            });
        }
        Ok(aside)
    }

    /// Further samples of the same ask. What a caller submitted was asked elsewhere, and cannot be asked again.
    async fn sample(
        &self,
        objections: Option<&(String, Vec<seatrial_model::Finding>)>,
    ) -> Result<Vec<Result<Answer<'a>, (String, u64)>>, Refused> {
        let wanted = self.program.samples();
        let decide = matches!(self.passage.entry, PassageEntry::Decide { .. });
        let Some(model) = self.served.models.get(&self.step.name).filter(|_| wanted > 0 && !decide) else {
            return Ok(Vec::new());
        };
        let asking = (0..wanted).map(|_| self.ask(model, objections));
        let answers: Vec<_> = stream::iter(asking).buffered(AT_ONCE).collect().await;
        let each = answers
            .into_iter()
            .map(|answer| answer.map(|asked| asked.map_err(|no| (no.error.no_candidate().to_owned(), no.requests))));
        each.collect()
    }

    /// Asks judges. One that cannot be asked, or whose own guard lets nothing out, has said nothing.
    pub(super) async fn ask_judges(&self, asks: Vec<JudgeAsk>) -> BTreeMap<String, Judged> {
        let asking = asks.into_iter().map(|ask| async move {
            let said = Box::pin(self.judge(&ask)).await.unwrap_or_else(|refused| {
                tracing::warn!(step = self.step.name, judge = ask.step, %refused, "a judge said nothing");
                Judged::Failed(code_of(&refused).to_owned())
            });
            (ask.key, said)
        });
        stream::iter(asking).buffered(AT_ONCE).collect().await
    }

    /// Asks one judge through the guard of its step. Its decision stands beside the one that it is made for: it is no
    /// case of its own, counts for no pilot, and nobody is asked to look at it only because of a stage.
    async fn judge(&self, ask: &JudgeAsk) -> Result<Judged, Refused> {
        let (factory, handle) = (self.factory, self.handle);
        let missing = || internal(format!("the judging step `{}` is not served", ask.step));
        let step = self.served.workflow.step(&ask.step).ok_or_else(missing)?;
        let program = self.served.program.step(&ask.step).ok_or_else(missing)?;
        let passage = Passage {
            workflow: self.passage.workflow.clone(),
            step: step.name.clone(),
            entry: PassageEntry::Run { input: ask.input.clone() },
            case: Some(self.case.to_owned()),
            rehearsal: self.passage.rehearsal,
            again: Again::default(),
        };
        let now = factory.now();
        admit_step(handle, step, &passage, now)?;
        limits_of_day(factory, handle, step, &passage, now).await?;
        let asked = Asked::of_judge(handle, self.caller, &passage, &self.decision)?;
        let input_findings = program.check_input(&ask.input);
        let decision = new_decision(now).map_err(internal)?;
        let obtained = if crate::verdicts::input_denied(program.plan(), &input_findings) {
            Obtained::nothing(step, None, 0)
        } else {
            let until = self.until.min(Asking::deadline(step));
            Asking { step, program, passage: &passage, decision, until, ..*self }.obtain().await?
        };
        let record = Record {
            decision,
            review: new_review(now).map_err(internal)?,
            served: Arc::clone(self.served),
            step: step.name.clone(),
            caller: self.caller.principal.clone(),
            entry: Entry::Run,
            acts: true,
            rehearsal: passage.rehearsal,
            seeded: false,
            protocol: None,
            behalf: Some(self.decision),
            stream: None,
            input: ask.input.to_string(),
            not_inspected: Vec::new(),
            slices: program.guaranteed_slices(&ask.input),
            input_findings,
            again: AskedAgain::default(),
            asked,
            obtained,
        };
        let passed = factory.record(handle, record).await?;
        Ok(match passed.output.as_deref().map(serde_json::from_str::<Value>) {
            Some(Ok(value)) => Judged::Said(value),
            Some(Err(_)) => Judged::Failed(codes::FAILED.to_owned()),
            None => Judged::Failed(passed.code),
        })
    }
}

/// The first text of a sample: what is compared.
fn said(answer: &Answer<'_>) -> Judged {
    let text = answer.reply.parts.iter().find(|p| p.kind == PartKind::Text);
    match text {
        Some(part) => Judged::Said(Value::String(part.text.clone())),
        None => Judged::Failed(codes::NO_OUTPUT.to_owned()),
    }
}

const fn code_of(refused: &Refused) -> &'static str {
    match refused {
        Refused::TooMany { .. } => codes::LIMITED,
        Refused::Stopped { .. } => seatrial_guard::decide::codes::WORKFLOW_STOPPED,
        Refused::ModelUnreachable(_) => seatrial_guard::decide::codes::MODEL_UNREACHABLE,
        _ => codes::FAILED,
    }
}
