//! A blind audit is a truth: the reviewer answered before seeing the AI's answer, so their answer says whether it was
//! wrong. It feeds the certificate's audit in the commit of the answer itself.

use crate::api::{Refused, ReviewAnswerInput};
use crate::audits::{Audits, told_of_alarms};
use crate::factory::{Factory, internal};
use crate::handle::{Handle, Served, row};
use crate::project::{DecisionRec, ReviewRec};
use seatrial_model::event::OutcomeRecorded;
use seatrial_model::{Answer, Body, Event, Principal};
use seatrial_spec::workflow::Truth;
use seatrial_store::{TransactError, View};
use serde_json::Value;

/// A truth that an audit's answer tells.
pub(crate) struct ToldByAudit {
    event: Event,
    decision: DecisionRec,
    wrong: bool,
}

impl Factory {
    /// The truth that this answer tells, where it answers an audit and the threshold's truth is `blind-review`.
    pub(crate) async fn audit_truth(
        &self,
        handle: &Handle,
        served: &Served,
        review: &ReviewRec,
        decision: &DecisionRec,
        input: &ReviewAnswerInput,
    ) -> Result<Option<ToldByAudit>, Refused> {
        let program = served.program.step(&decision.step).filter(|_| review.audit && !review.rehearsal);
        let Some(threshold) = program.and_then(|p| p.plan().thresholds().into_iter().next()) else { return Ok(None) };
        let settings = served.workflow.thresholds.get(threshold.name());
        let (Some(program), Some(Truth::BlindReview)) = (program, settings.and_then(|t| t.truth)) else {
            return Ok(None);
        };
        let (Some(case), Some(output)) = self.payload_values(handle, decision).await? else { return Ok(None) };
        let expected = match input.answer {
            Answer::Accept => Some(output.clone()),
            Answer::Edit | Answer::Own => {
                input.output.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok())
            }
            Answer::Reject => None,
        };
        // What was rejected without a better answer, or cannot be compared, counts as wrong.
        let wrong = expected.is_none_or(|e| program.wrong(threshold.name(), &case, &output, &e).unwrap_or(true));
        let body = OutcomeRecorded { decision: decision.decision, wrong, matured: true, threshold: Some(threshold) };
        let mut event = self.event(&handle.log, Principal::system(), Body::OutcomeRecorded(body)).map_err(internal)?;
        event.subject.decision = Some(decision.decision);
        event.spec = decision.spec;
        event.release = decision.release;
        Ok(Some(ToldByAudit { event, decision: decision.clone(), wrong }))
    }

    /// The events of a truth, with the revocation where it is the one that alarms.
    pub(crate) fn told_by_audit(
        &self,
        view: &dyn View,
        told: ToldByAudit,
    ) -> Result<Vec<Event>, TransactError<Refused>> {
        let log = told.event.log.clone();
        let mut events = vec![told.event];
        let now: Option<DecisionRec> = row(view, "decision", told.decision.decision.uuid().as_bytes())?;
        let first = now.is_none_or(|now| !now.is_counted());
        if let Some(key) = told.decision.certificate.filter(|_| first) {
            let roles = self.handle(log.as_str()).map(|handle| told_of_alarms(&handle)).unwrap_or_default();
            events.extend(Audits::new(self, &log, roles).feed(view, &key, told.wrong)?);
        }
        Ok(events)
    }
}
