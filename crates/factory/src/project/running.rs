//! The fold of the running system's events.

use super::tables::*;
use super::{
    DecisionRec, EvaluationRec, Fold, OutcomeRec, OverrideRec, ReleaseRec, ReviewRec, ReviewState, SeedRec, SpentRec,
    StreamRec, WitnessRec,
};
use crate::api::DecisionStatus;
use seatrial_model::event::{
    AuditMissed, DecisionMade, DecisionOverridden, Entry, OutcomeRecorded, ReviewAnswered, StreamOpened,
};
use seatrial_model::facts::CertificateState;
use seatrial_model::{Action, Answer, Body, DecisionId, Digest, Event, ReviewId, StreamEnd, Verdict};
use seatrial_store::ProjectError;

impl Fold<'_> {
    pub(super) fn running(&mut self) -> Result<(), ProjectError> {
        match &self.event.body {
            Body::DecisionMade(made) => self.decision_made(made),
            Body::StreamOpened(opened) => self.stream_opened(opened),
            Body::DecisionEffect(effect) => {
                let action = effect.action;
                self.follow(effect.decision, |rec, _| rec.action = action)
            }
            Body::DecisionOverridden(body) => self.overridden(body),
            Body::OutcomeRecorded(body) => self.outcome(body),
            Body::ReviewClaimed(body) => {
                let by = (self.event.actor.id.clone(), self.event.time);
                self.review(body.review.uuid().as_bytes(), |review| {
                    review.state = ReviewState::Claimed;
                    review.claimed_at = Some(by.1);
                    review.claimed = Some(by);
                })?;
                self.follow(body.decision, |_, _| {})
            }
            Body::ReviewAnswered(body) => self.answered(body),
            Body::AuditMissed(body) => self.audit_missed(body),
            Body::StepAdmitted(body) if body.admitted => {
                let key = admission_key(&body.case, &body.step, body.decision);
                self.put(ADMISSION, &key, &self.event.id)
            }
            Body::EvaluationStarted(body) => {
                let rec = EvaluationRec { event: self.event.id, at: self.event.time };
                self.put(EVALUATION, body.key.hex().as_bytes(), &rec)
            }
            Body::EvaluationPart(body) => {
                let key = [body.evaluation.uuid().as_bytes().as_slice(), &self.index.to_be_bytes()].concat();
                self.put(EVALUATION_PART, &key, &body.results)
            }
            Body::CheckpointCosigned(body) => {
                let (point, time_s) = (body.point.clone(), body.time_s);
                let rec = WitnessRec { point, time_s, at: self.event.time, event: self.event.id };
                self.put(WITNESS, body.witness.as_bytes(), &rec)
            }
            _ => Ok(()),
        }
    }

    fn decision_made(&mut self, made: &DecisionMade) -> Result<(), ProjectError> {
        let event = self.event;
        // Advice that escalates waits for a person as well: only shadow escalates without a question.
        let pending = made.verdict == Verdict::Escalate && made.review.is_some();
        let payload = |name: &str| event.payloads.get(name).copied();
        let released = match made.action {
            Action::Allow => payload("output"),
            Action::Modify => payload("released"),
            Action::Advised if made.verdict < Verdict::Escalate => payload("released").or_else(|| payload("output")),
            _ => None,
        };
        let rec = DecisionRec {
            decision: made.decision,
            index: self.index,
            event: event.id,
            time: event.time,
            step: made.step.clone(),
            verdict: made.verdict,
            action: made.action,
            status: if pending { DecisionStatus::Pending } else { DecisionStatus::Settled },
            code: made.code.clone(),
            confidence: made.facts.confidence.value,
            because: made.because.clone(),
            rehearsal: made.facts.rehearsal,
            seeded: is_seeded(made),
            hidden: is_seeded(made),
            case: made.case.clone(),
            question: made.question.clone(),
            behalf: made.behalf.is_some(),
            caller: event.actor.id.clone(),
            spec: event.spec,
            release: event.release,
            review: made.review.as_ref().map(|r| r.review),
            audit: made.audit,
            inspected: made.facts.inspected.iter().all(|part| !part.by.is_empty()),
            no_candidate: made.facts.no_candidate.is_some(),
            tokens: made.usage.map_or(0, |u| u.input.saturating_add(u.output)),
            payloads: event.payloads.clone(),
            released,
            certificate: passed_under(made),
            overridden: None,
            outcome: None,
            missed: None,
        };
        let key = *made.decision.uuid().as_bytes();
        self.put("decision", &key, &rec)?;
        self.audit_due(&rec, made)?;
        if made.stream.is_some() {
            self.rows.delete(STREAM, &key)?;
        }
        self.open_review(made)?;
        self.count_calls(made)?;
        self.count_spent(made)?;
        self.tally_decision(made)
    }

    /// An audit that could tell of a certificate is due some day.
    fn audit_due(&mut self, rec: &DecisionRec, made: &DecisionMade) -> Result<(), ProjectError> {
        let Some(within) = made.review.as_ref().filter(|_| made.audit && rec.certificate.is_some()) else {
            return Ok(());
        };
        self.rows.put(AUDIT_DUE, &audit_due_key(rec.time, within.within_ms, rec.decision), b"")?;
        Ok(())
    }

    /// Its truth is known, or counts as known: nobody waits for it any more.
    fn audit_told(&mut self, rec: &DecisionRec) -> Result<(), ProjectError> {
        let Some(review) = rec.review.filter(|_| rec.audit && rec.certificate.is_some()) else { return Ok(()) };
        let review: Option<ReviewRec> = self.get("review", review.uuid().as_bytes())?;
        let within = review.and_then(|r| r.due).map(|due| due.millis_since(rec.time).unsigned_abs());
        Ok(self.rows.delete(AUDIT_DUE, &audit_due_key(rec.time, within, rec.decision))?)
    }

    fn audit_missed(&mut self, body: &AuditMissed) -> Result<(), ProjectError> {
        let at = self.event.time;
        let key = *body.decision.uuid().as_bytes();
        let before: Option<DecisionRec> = self.get("decision", &key)?;
        let Some(rec) = before.filter(|rec| !rec.is_counted()) else { return Ok(()) };
        self.audit_told(&rec)?;
        if let Some(under) = &rec.certificate {
            self.feed_audit(under, true)?;
        }
        self.count("audit/missed")?;
        self.follow(body.decision, move |rec, _| rec.missed = rec.missed.or(Some(at)))
    }

    fn open_review(&mut self, made: &DecisionMade) -> Result<(), ProjectError> {
        let Some(opened) = &made.review else { return Ok(()) };
        let event = self.event;
        let due = opened.within_ms.map(|ms| event.time.plus_millis(i64::try_from(ms).unwrap_or(i64::MAX)));
        let review = ReviewRec {
            decision: made.decision,
            step: made.step.clone(),
            to: opened.to.clone(),
            own: opened.own,
            audit: made.verdict < Verdict::Escalate,
            opened: event.time,
            due,
            state: ReviewState::Open,
            claimed: None,
            claimed_at: None,
            answer: None,
            usable: None,
            rehearsal: made.facts.rehearsal,
            seeded_by: opened.seeded.then(|| event.actor.id.clone()),
            caught: None,
        };
        self.put("review", opened.review.uuid().as_bytes(), &review)?;
        // What is seeded stands among the others: nobody is told before they answered.
        let queue = if made.facts.rehearsal && !opened.seeded { REHEARSAL_QUEUE } else { QUEUE };
        self.rows.put(queue, opened.review.uuid().as_bytes(), b"")?;
        Ok(())
    }

    /// Rehearsals are counted apart: they never count as a pilot's experience.
    fn tally_decision(&mut self, made: &DecisionMade) -> Result<(), ProjectError> {
        // A judge's is no case of its own.
        if is_seeded(made) || made.behalf.is_some() {
            return Ok(());
        }
        if made.facts.rehearsal {
            return self.count("rehearsal");
        }
        self.count("decisions")?;
        let caller = self.event.actor.id.as_bytes();
        if self.rows.get(CALLER, caller)?.is_none() {
            self.rows.put(CALLER, caller, b"")?;
        }
        self.count(&format!("verdict/{}", made.verdict))?;
        if let Some(release) = self.event.release {
            self.count(&format!("release/{}", release.hex()))?;
            if made.stream.is_none() {
                self.count_pilot(&release)?;
            }
        }
        for path in &made.because {
            self.count(&format!("rule/{path}"))?;
        }
        Ok(())
    }

    /// Its place of the day is taken when its first byte may leave.
    fn stream_opened(&mut self, opened: &StreamOpened) -> Result<(), ProjectError> {
        let rec = StreamRec {
            decision: opened.decision,
            event: self.event.id,
            time: self.event.time,
            step: opened.step.clone(),
            window: opened.window,
            rehearsal: opened.rehearsal,
            broken_off: false,
        };
        self.put(STREAM, opened.decision.uuid().as_bytes(), &rec)?;
        match self.event.release.filter(|_| !opened.rehearsal) {
            Some(release) => self.count_pilot(&release),
            None => Ok(()),
        }
    }

    /// A pilot's ceiling is a day's in the factory's time zone, which the fold does not know: it counts by quarters of
    /// an hour, and every zone's day begins with one.
    fn count_pilot(&mut self, release: &Digest) -> Result<(), ProjectError> {
        let rec: Option<ReleaseRec> = self.get("release", release.hex().as_bytes())?;
        let Some(pilot) = rec.and_then(|rec| rec.pilot_key()) else { return Ok(()) };
        let key = pilot_count_key(&pilot, self.event.time);
        let count: u64 = self.get(PILOT_COUNT, &key)?.unwrap_or(0);
        self.put(PILOT_COUNT, &key, &(count + 1))
    }

    /// The attempts that a decision took of a model that somebody bills, and its further samples: marked ones, too. What the caller obtained
    /// itself is no call of ours, and an embedded model is named by its digest and billed by nobody.
    fn count_calls(&mut self, made: &DecisionMade) -> Result<(), ProjectError> {
        let model = made.model.as_deref().unwrap_or_default();
        let embedded = model.parse::<Digest>().is_ok();
        if made.entry == Entry::Decide || made.facts.attempts == 0 || embedded {
            return Ok(());
        }
        let key = [&quarter_of(self.event.time).to_be_bytes(), model.as_bytes()].concat();
        let count: u64 = self.get(MODEL_CALLS, &key)?.unwrap_or(0);
        self.put(MODEL_CALLS, &key, &(count + u64::from(made.facts.attempts) + made.samples))
    }

    /// What the calls used, for the step's limits of a day: by quarters of an hour, as a pilot's decisions.
    fn count_spent(&mut self, made: &DecisionMade) -> Result<(), ProjectError> {
        let used = [made.usage, made.unreported].into_iter().flatten();
        let tokens = used.fold(0_u64, |sum, u| sum.saturating_add(u.input).saturating_add(u.output));
        if tokens == 0 && made.cost.is_none() {
            return Ok(());
        }
        let key = spent_key(&made.step, made.facts.rehearsal, self.event.time);
        let mut spent: SpentRec = self.get(SPENT, &key)?.unwrap_or_default();
        spent.tokens = spent.tokens.saturating_add(tokens);
        if let Some(cost) = &made.cost {
            let sum = spent.cost.entry(cost.currency.clone()).or_default();
            *sum = sum.saturating_add(cost.micros);
        }
        self.put(SPENT, &key, &spent)
    }

    /// An answer on a pilot's decision: the event names the decision's release.
    fn count_pilot_review(&mut self) -> Result<(), ProjectError> {
        let Some(release) = self.event.release else { return Ok(()) };
        let rec: Option<ReleaseRec> = self.get("release", release.hex().as_bytes())?;
        let Some(pilot) = rec.and_then(|rec| rec.pilot_key()) else { return Ok(()) };
        let count: u64 = self.get(PILOT_REVIEWED, pilot.as_bytes())?.unwrap_or(0);
        self.put(PILOT_REVIEWED, pilot.as_bytes(), &(count + 1))
    }

    fn overridden(&mut self, body: &DecisionOverridden) -> Result<(), ProjectError> {
        let (by, at) = (self.event.actor.id.clone(), self.event.time);
        let reason = body.reason.clone();
        let action = body.action;
        let output = self.event.payloads.get("output").copied();
        let seeded = self.get::<DecisionRec>("decision", body.decision.uuid().as_bytes())?.is_some_and(|r| r.seeded);
        if !seeded {
            self.count("overrides")?;
        }
        self.supersede_review(body.decision)?;
        self.follow(body.decision, move |rec, _| {
            match action {
                Action::Block => rec.released = None,
                Action::Allow => rec.released = rec.payloads.get("output").copied(),
                _ => rec.released = output,
            }
            if rec.seeded {
                rec.released = None;
            }
            rec.hidden = false;
            rec.status = DecisionStatus::Settled;
            rec.overridden = Some(OverrideRec { by, at, reason, action });
        })
    }

    /// An override settles what a pending review asks: nobody has to answer it any more. An audit's question stands.
    fn supersede_review(&mut self, decision: DecisionId) -> Result<(), ProjectError> {
        let rec: Option<DecisionRec> = self.get("decision", decision.uuid().as_bytes())?;
        let Some(id) = rec.filter(|r| r.status == DecisionStatus::Pending).and_then(|r| r.review) else {
            return Ok(());
        };
        self.review(id.uuid().as_bytes(), |review| {
            review.state = ReviewState::Superseded;
            review.claimed = None;
        })?;
        self.unqueue(id)
    }

    fn unqueue(&mut self, review: ReviewId) -> Result<(), ProjectError> {
        for queue in [QUEUE, REHEARSAL_QUEUE] {
            self.rows.delete(queue, review.uuid().as_bytes())?;
        }
        Ok(())
    }

    fn outcome(&mut self, body: &OutcomeRecorded) -> Result<(), ProjectError> {
        let at = self.event.time;
        let (wrong, matured) = (body.wrong, body.matured);
        let key = *body.decision.uuid().as_bytes();
        let before: Option<DecisionRec> = self.get("decision", &key)?;
        let first = before.as_ref().is_some_and(|rec| !rec.is_counted());
        if let Some(rec) = before.as_ref().filter(|_| first && matured) {
            self.audit_told(rec)?;
            if let Some(under) = &rec.certificate {
                self.feed_audit(under, wrong)?;
            }
        }
        let seeded = before.as_ref().is_some_and(|rec| rec.seeded);
        if matured && first && !seeded {
            self.count(if wrong { "outcome/wrong" } else { "outcome/right" })?;
        }
        self.follow(body.decision, move |rec, _| rec.outcome = Some(OutcomeRec { at, wrong, matured }))
    }

    fn answered(&mut self, body: &ReviewAnswered) -> Result<(), ProjectError> {
        let (by, at) = (self.event.actor.id.clone(), self.event.time);
        let (answer, usable) = (body.answer, body.usable);
        let (mut audit, mut seeded) = (false, None);
        self.review(body.review.uuid().as_bytes(), |review| {
            audit = review.audit;
            seeded = review.seeded_by.is_some().then(|| review.to.clone());
            review.caught = body.caught;
            review.usable = Some(usable);
            review.answer = Some((answer, by, at));
            // An answer that came too late to be used is superseded: the question stands again.
            review.state = if usable { ReviewState::Answered } else { ReviewState::Open };
            review.claimed = None;
        })?;
        if usable {
            self.unqueue(body.review)?;
            self.count_pilot_review()?;
        }
        match &seeded {
            None => self.count(&format!("answer/{answer}"))?,
            Some(role) if usable => self.count_seed(role, body.caught.unwrap_or(false))?,
            Some(_) => {}
        }
        let output = self.event.payloads.get("output").copied();
        self.follow(body.decision, move |rec, _| {
            if seeded.is_some() && usable {
                (rec.hidden, rec.released, rec.status) = (false, None, DecisionStatus::Settled);
                return;
            }
            // An audit never changes the decision that it checks.
            if audit || !usable {
                return;
            }
            rec.status = DecisionStatus::Settled;
            rec.released = match answer {
                Answer::Accept => rec.payloads.get("released").or_else(|| rec.payloads.get("output")).copied(),
                Answer::Edit | Answer::Own => output,
                Answer::Reject => None,
            };
        })
    }

    /// One seeded item that was answered, by the role that it was put to.
    fn count_seed(&mut self, role: &str, caught: bool) -> Result<(), ProjectError> {
        let mut rec: SeedRec = self.get(SEEDED, role.as_bytes())?.unwrap_or_default();
        rec.seeded += 1;
        rec.caught += u64::from(caught);
        self.put(SEEDED, role.as_bytes(), &rec)
    }

    fn review(&mut self, key: &[u8], change: impl FnOnce(&mut ReviewRec)) -> Result<(), ProjectError> {
        let mut review: ReviewRec =
            self.get("review", key)?.ok_or_else(|| ProjectError::reason("there is no such review"))?;
        change(&mut review);
        self.put("review", key, &review)
    }

    /// Changes a decision's row and notes what followed it.
    fn follow(
        &mut self,
        decision: DecisionId,
        change: impl FnOnce(&mut DecisionRec, &Self),
    ) -> Result<(), ProjectError> {
        let key = *decision.uuid().as_bytes();
        let mut rec: DecisionRec = self
            .get("decision", &key)?
            .ok_or_else(|| ProjectError::reason(format!("there is no decision `{decision}` in this log")))?;
        change(&mut rec, self);
        self.put("decision", &key, &rec)?;
        let followup = [key.as_slice(), &self.index.to_be_bytes()].concat();
        let (id, kind) = (self.event.id, self.event.body.kind());
        self.put("followup", &followup, &(id, kind))
    }
}

/// What a running system's event can be found by.
pub(super) fn found_by(event: &Event) -> Vec<(&'static str, &[u8])> {
    let Body::DecisionMade(made) = &event.body else { return Vec::new() };
    let mut found = vec![(CASE, made.case.as_bytes())];
    // What broke off is no answer: whoever asks again is answered anew.
    if is_answer(made) {
        let names = [Some(&made.ask), made.question.as_ref().filter(|question| **question != made.ask)];
        found.extend(names.into_iter().flatten().map(|name| (ASK, name.as_bytes())));
    }
    found
}

/// Whether it answers its ask: not one whose client hung up, or whose stream broke off.
fn is_answer(made: &DecisionMade) -> bool {
    let whole = |end: StreamEnd| matches!(end, StreamEnd::Complete | StreamEnd::Violated);
    made.stream.as_ref().is_none_or(|s| whole(s.end)) && made.facts.no_candidate.as_deref() != Some(CLIENT_GONE)
}

/// Whether its output is known to be bad, and waits for somebody to catch it.
fn is_seeded(made: &DecisionMade) -> bool {
    made.review.as_ref().is_some_and(|r| r.seeded)
}

/// The certificate under which an output left without a person: what its outcome speaks to.
fn passed_under(made: &DecisionMade) -> Option<String> {
    let passed = made.verdict < Verdict::Escalate && !made.facts.rehearsal && made.facts.review_all.is_none();
    let certified = made.facts.thresholds.iter().find(|t| t.state == CertificateState::Certified);
    certified.filter(|_| passed).map(|_| made.certificate.clone()).unwrap_or_default()
}
