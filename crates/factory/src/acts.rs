//! What people do to decisions: override, truth.

use crate::api::{Caller, Refused};
use crate::audits::{Audits, told_of_alarms};
use crate::decisions::held;
use crate::factory::{Factory, internal, not_recorded, payload};
use crate::handle::{Handle, row};
use crate::project::DecisionRec;
use crate::reviews::settle;
use crate::switch::is_stopped;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::{DecisionEffect, DecisionOverridden, OutcomeRecorded, Share, TokenKind};
use seatrial_model::{Action, Body, DecisionId, ElementPath, Event, EventId, LogName, Principal, Subject, Time};
use seatrial_spec::workflow::Truth;
use seatrial_store::{Batch, ReaderExt as _, StoreExt as _, TransactError, View};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A truth about a decision.
#[derive(Clone, Debug)]
pub struct TruthInput {
    /// The decision.
    pub decision: DecisionId,
    /// What turned out, as an example's `expected`.
    pub truth: Value,
}

/// A truth's event, the decision that it is about, and whether that was wrong.
type Told = (Event, DecisionRec, bool);

/// What recording truths came to.
#[derive(Clone, Debug, Default)]
pub struct TruthsRecorded {
    /// How many were recorded.
    pub recorded: u64,
    /// Of these, wrong ones.
    pub wrong: u64,
    /// Of these, matured ones: only they feed the statistics.
    pub matured: u64,
    /// The event of a revocation that they brought about.
    pub revoked: Option<EventId>,
    /// The audit as it stood when it alarmed: wrong of audited.
    pub alarm: Option<Share>,
}

impl Factory {
    /// Records a person's override of a decision.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn override_decision(
        &self,
        caller: &Caller,
        decision: DecisionId,
        action: Action,
        reason: &str,
        text: &str,
        output: Option<String>,
    ) -> Result<EventId, Refused> {
        let (handle, rec) = self.decision_rec(decision).await?;
        let served = self.spec_of(&handle, &rec).await?;
        let step = served.workflow.step(&rec.step).ok_or_else(|| internal("the step is gone"))?;
        let rules = step.overrides.as_ref();
        let rules = rules.ok_or_else(|| Refused::Forbidden(format!("the spec lets nobody override `{}`", rec.step)))?;
        let role = rules.by.iter().find(|role| caller.principal.has_role(role)).or(rules.by.first());
        let circumstances = Circumstances {
            role: role.cloned(),
            step: Some(rec.step.clone()),
            rehearsal: rec.rehearsal,
            simulation: self.is_simulation(),
            token: caller.token,
            ..Circumstances::default()
        };
        served.authorize(&caller.principal, Act::Override, &circumstances)?;
        if !rules.reasons.iter().any(|r| r == reason) {
            return Err(Refused::Invalid(format!("the reason is one of {}", rules.reasons.join(", "))));
        }
        self.override_fits(&handle, &served, &rec, action, output.as_deref()).await?;
        let body = Body::DecisionOverridden(DecisionOverridden { decision, reason: reason.to_owned(), action });
        let mut event = self.event_about(&handle, caller.principal.clone(), &rec, body)?;
        let mut payloads = Vec::new();
        let case = Some(rec.case.as_str());
        for (kind, bytes) in [("output", output), ("reason", Some(text.to_owned()).filter(|t| !t.is_empty()))] {
            if let Some(bytes) = bytes {
                payload(&mut payloads, &mut event.payloads, kind, bytes.into_bytes(), case, None).map_err(internal)?;
            }
        }
        event.people = self.people_point().await.map_err(not_recorded)?;
        let id = event.id;
        let marked = rec.is_marked();
        let frozen = (action != Action::Block).then(|| ElementPath::new(format!("steps.{}", rec.step)));
        let refusal = frozen.clone().map(|path| crate::serve::stopped(&handle, &path, &rec.step, marked, self.now()));
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(&handle.log, move |view| {
                // A stop freezes what an override would release, as it does with an answer; blocking is always possible.
                if let (Some(path), Some(refusal)) = (frozen, refusal)
                    && is_stopped(view, &path, marked)?
                {
                    return Err(TransactError::Refused(refusal));
                }
                Ok((Batch { events: vec![event], payloads, ..Batch::default() }, ()))
            })
            .await;
        settle(done)?;
        Ok(id)
    }

    /// No override lifts a `never`; what a person authors follows schema, `require` and `forbid`.
    async fn override_fits(
        &self,
        handle: &Handle,
        served: &crate::handle::Served,
        rec: &DecisionRec,
        action: Action,
        output: Option<&str>,
    ) -> Result<(), Refused> {
        let (has_output, needs) = (output.is_some(), action == Action::Modify);
        if !matches!(action, Action::Allow | Action::Modify | Action::Block) || has_output != needs {
            return Err(Refused::Invalid(
                "an override is `allow`, `block`, or `modify` with the new output".to_owned(),
            ));
        }
        if action == Action::Block {
            return Ok(());
        }
        let program = served.program.step(&rec.step).ok_or_else(|| internal("the step was not compiled"))?;
        let (input, candidate) = self.payload_values(handle, rec).await?;
        let input = input.ok_or_else(|| Refused::Invalid("the case's input was erased".to_owned()))?;
        let (value, findings) = match output {
            Some(text) => {
                let value: Value = serde_json::from_str(text)
                    .map_err(|e| Refused::Invalid(format!("the output is not JSON ({e})")))?;
                let findings = program.check_authored(&input, &value);
                (value, findings)
            }
            None => {
                let value = candidate.ok_or_else(|| Refused::Invalid("there is no output to release".to_owned()))?;
                let mut findings = program.never_violated(&input, &value);
                // What is released today follows the `never` rules of today as well.
                if let Some(now) = handle.live.load().in_force.as_ref().and_then(|s| s.program.step(&rec.step)) {
                    findings.extend(now.never_violated(&input, &value));
                }
                (value, findings)
            }
        };
        drop(value);
        let objections: Vec<&str> = findings.iter().filter(|f| f.objects()).map(|f| f.path.as_str()).collect();
        if objections.is_empty() {
            return Ok(());
        }
        Err(Refused::Forbidden(format!("no override lifts {}", objections.join(", "))))
    }

    pub(crate) async fn payload_values(
        &self,
        handle: &Handle,
        rec: &DecisionRec,
    ) -> Result<(Option<Value>, Option<Value>), Refused> {
        let rec = rec.clone();
        let read = move |view: &dyn View| {
            let value = |kind: &str| -> Result<Option<Value>, seatrial_store::StoreError> {
                Ok(match held(view, rec.payloads.get(kind).copied())? {
                    crate::api::Held::Text { text, .. } => serde_json::from_str(text.raw()).ok(),
                    _ => None,
                })
            };
            Ok((value("input")?, value("output")?))
        };
        self.0.store.read_with(&handle.log, read).await.map_err(not_recorded)
    }

    fn event_about(&self, handle: &Handle, actor: Principal, rec: &DecisionRec, body: Body) -> Result<Event, Refused> {
        let mut event = self.event(&handle.log, actor, body).map_err(internal)?;
        event.subject = Subject {
            element: Some(ElementPath::new(format!("steps.{}", rec.step))),
            decision: Some(rec.decision),
            release: None,
        };
        event.spec = rec.spec;
        event.release = rec.release;
        Ok(event)
    }

    /// Reports what the caller of a *decide* did with the output.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn effect(&self, caller: &Caller, decision: DecisionId, action: Action) -> Result<EventId, Refused> {
        let (handle, rec) = self.decision_rec(decision).await?;
        if rec.caller != caller.principal.id {
            return Err(Refused::NotFound(format!("there is no decision `{decision}`")));
        }
        if rec.action != Action::Advised {
            return Err(Refused::Conflict {
                message: format!("the effect of this decision is known: `{}`", rec.action),
                now: None,
            });
        }
        let body = Body::DecisionEffect(DecisionEffect { decision, action });
        let event = self.event_about(&handle, caller.principal.clone(), &rec, body)?;
        let id = event.id;
        self.0.store.append(&handle.log, Batch::of(event)).await.map_err(not_recorded)?;
        Ok(id)
    }

    /// Records truths about decisions. Matured ones feed the certificate's audit; an alarm revokes the certificate in
    /// the same commit, and from then on everything that depends on it escalates.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn truths(&self, caller: &Caller, truths: Vec<TruthInput>) -> Result<TruthsRecorded, Refused> {
        let mut by_log: BTreeMap<LogName, (Arc<Handle>, Vec<Told>)> = BTreeMap::new();
        let mut payloads: BTreeMap<LogName, Vec<seatrial_store::NewPayload>> = BTreeMap::new();
        let now = self.now();
        for input in truths {
            let (handle, rec) = self.decision_rec(input.decision).await?;
            self.may_tell(caller, &handle, &rec)?;
            let body = self.truth_of(&handle, &rec, &input.truth, now).await?;
            let wrong = body.wrong;
            let mut event = self.event_about(&handle, caller.principal.clone(), &rec, Body::OutcomeRecorded(body))?;
            let kept = payloads.entry(handle.log.clone()).or_default();
            let bytes = input.truth.to_string().into_bytes();
            payload(kept, &mut event.payloads, "truth", bytes, Some(&rec.case), None).map_err(internal)?;
            by_log.entry(handle.log.clone()).or_insert_with(|| (handle, Vec::new())).1.push((event, rec, wrong));
        }
        let mut total = TruthsRecorded::default();
        for (log, (handle, events)) in by_log {
            let kept = payloads.remove(&log).unwrap_or_default();
            let part = self.append_truths(&handle, events, kept).await?;
            total.recorded += part.recorded;
            total.wrong += part.wrong;
            total.matured += part.matured;
            total.revoked = total.revoked.or(part.revoked);
            total.alarm = total.alarm.or(part.alarm);
        }
        Ok(total)
    }

    fn may_tell(&self, caller: &Caller, handle: &Handle, rec: &DecisionRec) -> Result<(), Refused> {
        self.still_has_rights(&caller.principal, &handle.log)?;
        if caller.token == Some(TokenKind::Caller) && rec.caller != caller.principal.id {
            return Err(Refused::NotFound(format!("there is no decision `{}`", rec.decision)));
        }
        if caller.token == Some(TokenKind::Ci) {
            return Err(Refused::Forbidden("a `ci` token appends evaluations and nothing else".to_owned()));
        }
        if handle.live.load().in_force.is_none() && !rec.rehearsal {
            return Err(Refused::Conflict { message: "nothing is released any more".to_owned(), now: None });
        }
        Ok(())
    }

    async fn truth_of(
        &self,
        handle: &Handle,
        rec: &DecisionRec,
        truth: &Value,
        now: Time,
    ) -> Result<OutcomeRecorded, Refused> {
        let served = self.spec_of(handle, rec).await?;
        let program = served.program.step(&rec.step).ok_or_else(|| internal("the step was not compiled"))?;
        let threshold = program.plan().thresholds().into_iter().next();
        let (input, output) = self.payload_values(handle, rec).await?;
        let (Some(input), Some(output)) = (input, output) else {
            return Err(Refused::Conflict {
                message: format!(
                    "the payloads of `{}` were erased, so nobody can say whether it was wrong",
                    rec.decision
                ),
                now: None,
            });
        };
        let name = threshold.as_ref().map(|t| t.name().to_owned()).unwrap_or_default();
        let wrong = program.wrong(&name, &input, &output, truth).map_err(|fault| {
            Refused::Invalid(format!("`thresholds.{name}.wrong_when` cannot be evaluated on this truth ({fault})"))
        })?;
        let settings = served.workflow.thresholds.get(&name);
        let matured = match settings.and_then(|t| t.truth) {
            Some(Truth::Outcome { matures }) => now.millis_since(rec.time) >= matures.signed_millis(),
            // A blind review's truth is known when it is given; an outcome told beside it does not feed the audit.
            _ => false,
        };
        Ok(OutcomeRecorded { decision: rec.decision, wrong, matured, threshold })
    }

    async fn append_truths(
        &self,
        handle: &Handle,
        events: Vec<Told>,
        payloads: Vec<seatrial_store::NewPayload>,
    ) -> Result<TruthsRecorded, Refused> {
        let factory = self.clone();
        let log = handle.log.clone();
        let told = told_of_alarms(handle);
        let done = self
            .0
            .store
            .transact_with::<TruthsRecorded, Refused, _>(&handle.log, move |view| {
                let mut total = TruthsRecorded::default();
                let mut audits = Audits::new(&factory, &log, told);
                let mut counted: BTreeSet<DecisionId> = BTreeSet::new();
                let mut out = Vec::with_capacity(events.len());
                for (event, rec, wrong) in events {
                    let matured = matches!(&event.body, Body::OutcomeRecorded(b) if b.matured);
                    total.recorded += 1;
                    total.wrong += u64::from(wrong);
                    total.matured += u64::from(matured);
                    out.push(event);
                    // As the fold does: the first matured truth of a decision counts, told again it changes nothing.
                    let Some(key) = rec.certificate.filter(|_| matured) else { continue };
                    let now: Option<DecisionRec> = row(view, "decision", rec.decision.uuid().as_bytes())?;
                    if now.is_some_and(|now| now.is_counted()) || !counted.insert(rec.decision) {
                        continue;
                    }
                    if let Some(event) = audits.feed(view, &key, wrong)? {
                        total.revoked = Some(event.id);
                        if let Body::CertificateRevoked(body) = &event.body {
                            total.alarm = Some(body.audits);
                        }
                        out.push(event);
                    }
                }
                Ok((Batch { events: out, payloads, ..Batch::default() }, total))
            })
            .await;
        settle(done)
    }
}
