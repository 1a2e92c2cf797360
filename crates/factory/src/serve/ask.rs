//! Asking the step's model, and where it cannot answer, those that stand behind it.

use super::{STEP_MS_MAX, in_shadow};
use crate::api::{Caller, Passage, PassageEntry, Refused};
use crate::factory::Factory;
use crate::handle::{Handle, Served, ServedModel};
use crate::serve::Obtained;
use crate::serve::spent::{Spending, bytes_of};
use seatrial_guard::candidate::payload_of;
use seatrial_guard::port::{Ask, AskBody, ModelError, Reply};
use seatrial_guard::{Aside, Candidate, StepProgram};
use seatrial_model::{DecisionId, Finding};
use seatrial_spec::workflow::{Check, Step};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// One passage while its model is asked.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) factory: &'a Factory,
    pub(crate) handle: &'a Arc<Handle>,
    pub(crate) served: &'a Arc<Served>,
    pub(crate) step: &'a Step,
    pub(crate) program: &'a StepProgram,
    pub(crate) caller: &'a Caller,
    pub(crate) passage: &'a Passage,
    /// The case as its caller knows it.
    pub(crate) case: &'a str,
    /// The decision that this comes to.
    pub(crate) decision: DecisionId,
    /// When the step's time is over.
    pub(crate) until: Instant,
}

/// An answer, and who gave it.
pub(super) struct Answer<'a> {
    pub(super) reply: Reply,
    /// The name that was asked for.
    pub(super) name: &'a str,
    /// The model's identity as a certificate names it, where it was not the step's first.
    pub(super) fallback: Option<&'a str>,
    /// Bytes that were asked.
    pub(super) asked_bytes: u64,
}

/// No answer, and how many requests that took.
pub(super) struct NoAnswer {
    pub(super) error: ModelError,
    pub(super) requests: u64,
}

/// The last answer and what objected to it, for another attempt.
type Objections = (String, Vec<Finding>);

impl<'a> Asking<'a> {
    /// When a step that begins now has to be done.
    pub(crate) fn deadline(step: &Step) -> Instant {
        let within = step.within.map_or(STEP_MS_MAX, |w| w.as_millis()).min(STEP_MS_MAX);
        Instant::now() + Duration::from_millis(within)
    }

    /// Gets a candidate and judges it, with what others are asked beside it; asks again with the findings while
    /// attempts remain.
    pub(crate) async fn obtain(&self) -> Result<Obtained, Refused> {
        if let PassageEntry::Decide { output, confidence, .. } = &self.passage.entry {
            let candidate = Candidate { confidence: *confidence, ..Candidate::text(output.clone()) };
            let mut obtained = Obtained::nothing(self.step, None, 1);
            self.judged(&mut obtained, candidate, None, &mut Spending::new(self)).await?;
            return Ok(obtained);
        }
        match self.served.models.get(&self.step.name) {
            Some(model) => self.until_content(model).await,
            None => Ok(Obtained::nothing(self.step, Some("model_unreachable".to_owned()), 0)),
        }
    }

    async fn until_content(&self, model: &'a ServedModel) -> Result<Obtained, Refused> {
        let mut obtained = Obtained::nothing(self.step, None, 0);
        let mut spending = Spending::new(self);
        let mut objections: Option<Objections> = None;
        // A client's own call cannot be asked again with words of ours: only rendered prompts are. And in shadow an
        // answer is judged, never made better.
        let ours = matches!(self.passage.entry, PassageEntry::Run { .. }) && !model.embedded && !in_shadow(self.served);
        loop {
            obtained.attempts += 1;
            let answer = match self.ask(model, objections.as_ref()).await? {
                Ok(answer) => answer,
                Err(NoAnswer { error, requests }) => {
                    tracing::warn!(step = self.step.name, %error, "no candidate");
                    obtained.requests += requests;
                    obtained.no_candidate = Some(error.no_candidate().to_owned());
                    spending.settle(&mut obtained);
                    return Ok(obtained);
                }
            };
            spending.add(&answer);
            obtained.requests += answer.reply.requests;
            obtained.fallback = answer.fallback.map(str::to_owned);
            let identity = answer.fallback.unwrap_or(&model.identity);
            let reply = answer.reply;
            obtained.model = reply.model.clone().or_else(|| Some(identity.to_owned()));
            obtained.no_candidate = None;
            let candidate =
                Candidate { parts: reply.parts.clone(), logprobs: reply.logprobs.clone(), ..Candidate::default() };
            obtained.reply = (!model.embedded).then(|| Arc::new(reply));
            let again = objections.as_ref();
            let ask_more = self.judged(&mut obtained, candidate, again.filter(|_| ours), &mut spending).await?;
            spending.settle(&mut obtained);
            if !ours || !ask_more {
                return Ok(obtained);
            }
            let answer = obtained.candidate.clone().unwrap_or_default();
            objections = Some((answer, obtained.judgement.findings.clone()));
        }
    }

    /// Judges a candidate, with what judges and further samples say of it. Says whether the model may be asked again.
    /// Nobody is asked aside about what is asked again anyway, or leaves under no circumstances.
    async fn judged(
        &self,
        obtained: &mut Obtained,
        mut candidate: Candidate,
        objections: Option<&Objections>,
        spending: &mut Spending<'a>,
    ) -> Result<bool, Refused> {
        let (program, input) = (self.program, self.passage.entry.input());
        let plan = program.plan();
        obtained.aside = Aside::default();
        obtained.judgement = program.judge(input, &candidate);
        if program.asks_others() {
            let own: Vec<Finding> = self.own_findings(&obtained.judgement.findings);
            let again = plan.asks_again(&own, obtained.attempts);
            if !again && !crate::verdicts::output_denied(plan, &own) {
                candidate.aside = self.aside(&candidate, objections, obtained, spending).await?;
                obtained.judgement = program.judge(input, &candidate);
                if let Some(modified) = &obtained.judgement.modified
                    && !program.judges().is_empty()
                {
                    // What would leave is not what was judged: the judges read it again.
                    let asks = program.judge_asks(input, &modified.parts);
                    let judged = self.ask_judges(asks).await;
                    candidate.aside.modified = Some(Box::new(Aside { judged, ..Aside::default() }));
                    obtained.judgement = program.judge(input, &candidate);
                }
            }
        }
        obtained.candidate = Some(payload_of(&candidate.parts));
        obtained.aside = candidate.aside;
        Ok(plan.asks_again(&obtained.judgement.findings, obtained.attempts))
    }

    /// Findings that need nobody else's word.
    fn own_findings(&self, findings: &[Finding]) -> Vec<Finding> {
        let judged: Vec<_> =
            self.step.rules().filter(|r| matches!(r.check, Check::Judge { .. })).map(|r| &r.path).collect();
        findings.iter().filter(|f| !judged.contains(&&f.path)).cloned().collect()
    }

    /// Asks the step's model, then those that stand behind it, until one answers. While others stand behind it, a model
    /// has its share of the time that is left.
    pub(super) async fn ask(
        &self,
        model: &'a ServedModel,
        objections: Option<&Objections>,
    ) -> Result<Result<Answer<'a>, NoAnswer>, Refused> {
        let name = self.step.model.as_ref().map_or("", |m| m.name.as_str());
        let first = (name, &model.model, None);
        let behind = model.fallbacks.iter().map(|m| (m.name.as_str(), &m.model, Some(m.identity.as_str())));
        let mut left = 1 + model.fallbacks.len();
        let mut requests = 0;
        let mut last = None;
        for (name, asked, fallback) in std::iter::once(first).chain(behind) {
            let timeout = self.until.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(1);
            let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            left -= 1;
            let ask = make_ask(self, model, name, timeout_ms, objections)?;
            let asked_bytes = bytes_of(&ask);
            let timed_out = || ModelError::TimedOut { model: name.to_owned(), timeout_ms };
            let reply = tokio::time::timeout(timeout, asked.ask(ask)).await.unwrap_or_else(|_| Err(timed_out()));
            match reply {
                Ok(mut reply) => {
                    reply.requests += requests;
                    return Ok(Ok(Answer { reply, name, fallback, asked_bytes }));
                }
                Err(ModelError::Untranslatable { model, what }) => {
                    return Err(Refused::Invalid(format!(
                        "the provider of `{model}` has no words for `{what}`: leave it out, or call in the provider's own protocol"
                    )));
                }
                Err(error) => {
                    // At least one was sent; how often a client of the provider repeated it, it does not say.
                    requests += 1;
                    let next = matches!(
                        error,
                        ModelError::Unreachable { .. } | ModelError::TimedOut { .. } | ModelError::Limited { .. }
                    );
                    if !next {
                        return Ok(Err(NoAnswer { error, requests }));
                    }
                    if left > 0 {
                        tracing::warn!(step = self.step.name, %error, "the next model is asked");
                    }
                    last = Some(error);
                }
            }
        }
        let error = last.unwrap_or_else(|| ModelError::TimedOut { model: name.to_owned(), timeout_ms: 0 });
        Ok(Err(NoAnswer { error, requests }))
    }
}

/// The ask of a passage's model, under the name that the provider knows.
pub(crate) fn make_ask(
    asking: &Asking<'_>,
    model: &ServedModel,
    name: &str,
    timeout_ms: u64,
    objections: Option<&(String, Vec<Finding>)>,
) -> Result<Ask, Refused> {
    let Asking { served, step, program, .. } = *asking;
    let entry = &asking.passage.entry;
    let wanted = step.model.as_ref();
    let body = match entry {
        PassageEntry::Proxy { call, .. } if !model.embedded => {
            let bytes = if step.withhold.is_empty() {
                call.received().to_vec()
            } else {
                call.stripped(&|input| program.withhold(input)).map_err(Refused::CannotWithhold)?
            };
            AskBody::Raw { protocol: call.protocol(), bytes, stream: call.stream(), headers: call.headers() }
        }
        entry => {
            let input = program.withhold(entry.input());
            let mut messages = if model.embedded {
                Vec::new()
            } else {
                program.render(entry.input()).map_err(|e| Refused::Invalid(e.to_string()))?
            };
            if let Some((answer, findings)) = objections {
                messages = program.ask_again(&messages, answer, findings);
            }
            AskBody::Messages { messages, input }
        }
    };
    Ok(Ask {
        model: name.to_owned(),
        body,
        temperature: wanted.and_then(|m| m.temperature),
        schema: output_schema(served, step),
        logprobs: matches!(step.confidence, Some(seatrial_spec::workflow::ConfidenceSource::Logprobs(_))),
        timeout_ms,
    })
}

/// The schema that the answer should follow.
pub(crate) fn output_schema(served: &Served, step: &Step) -> Option<Value> {
    let name = step.output.as_ref()?;
    served.workflow.types.get(name).map(|t| (*t.schema).clone())
}
