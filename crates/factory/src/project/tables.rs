//! The tables that the running system's events are folded into, and how their rows are found.

use seatrial_model::{DecisionId, Time};

/// Decisions can be found by their ask and their question.
pub(crate) const ASK: &str = "ask";

/// Decisions can be found by their case, as payloads are.
pub(crate) const CASE: &str = seatrial_store::CASE;

/// Open reviews of cases.
pub(crate) const QUEUE: &str = "queue";

/// Decisions of a pilot, by quarters of an hour.
pub(crate) const PILOT_COUNT: &str = "pilot-count";

/// Streams that began to leave and have no decision yet.
pub(crate) const STREAM: &str = "stream";

/// Why there is no candidate where its client hung up while the model was asked.
pub(crate) const CLIENT_GONE: &str = "client_gone";

/// Who has called: case ids are HMACs with their caller.
pub(crate) const CALLER: &str = "caller";

/// Reviews and audits of a pilot's decisions that were answered.
pub(crate) const PILOT_REVIEWED: &str = "pilot-reviewed";

/// Audits of certified decisions, by when they are due.
pub(crate) const AUDIT_DUE: &str = "audit-due";

/// When an audit is late, where the spec's `review.within` says nothing: a working week and its weekend.
pub(crate) const AUDIT_DUE_MS: u64 = 7 * 86_400_000;

/// The key of an audit that is due: the time, then the decision.
pub(crate) fn audit_due_key(opened: Time, within_ms: Option<u64>, decision: DecisionId) -> Vec<u8> {
    let within = i64::try_from(within_ms.unwrap_or(AUDIT_DUE_MS)).unwrap_or(i64::MAX);
    [audit_due_from(opened.plus_millis(within)).as_slice(), decision.uuid().as_bytes()].concat()
}

/// The beginning of the keys of that time.
pub(crate) fn audit_due_from(due: Time) -> [u8; 8] {
    u64::try_from(due.as_millis()).unwrap_or(0).to_be_bytes()
}

/// A quarter of an hour: every time zone's offset is a multiple of it.
const QUARTER_MS: i64 = 15 * 60 * 1_000;

/// The key of a pilot's count: its name, and the quarter of an hour.
pub(crate) fn pilot_count_key(pilot: &str, at: Time) -> Vec<u8> {
    [pilot.as_bytes(), b"/", &quarter_of(at).to_be_bytes()].concat()
}

/// The quarter of an hour of a time.
pub(crate) fn quarter_of(at: Time) -> u64 {
    u64::try_from(at.as_millis().div_euclid(QUARTER_MS)).unwrap_or(0)
}

/// Attempts that decisions took of a model.
pub(crate) const MODEL_CALLS: &str = "model-calls";

/// What steps' calls used, by quarters of an hour.
pub(crate) const SPENT: &str = "spent";

/// Admissions that were given: each is good once.
pub(crate) const ADMISSION: &str = "admission";

/// The beginning of the keys of what a step's calls used; marked requests count apart.
pub(crate) fn spent_prefix(step: &str, marked: bool) -> Vec<u8> {
    let lane = if marked { "marked" } else { "case" };
    format!("{step}/{lane}/").into_bytes()
}

/// The key of what a step's calls used in the quarter of an hour of a time.
pub(crate) fn spent_key(step: &str, marked: bool, at: Time) -> Vec<u8> {
    [spent_prefix(step, marked).as_slice(), &quarter_of(at).to_be_bytes()].concat()
}

/// The key of an admission: the case, the step, and the decision that it acts on.
pub(crate) fn admission_key(case: &str, step: &str, decision: Option<DecisionId>) -> Vec<u8> {
    let decision = decision.map(|d| d.uuid().as_bytes().to_vec()).unwrap_or_default();
    [case.as_bytes(), b"/", step.as_bytes(), b"/", &decision].concat()
}

/// Open reviews of rehearsals: nobody waits for these.
pub(crate) const REHEARSAL_QUEUE: &str = "rehearsal-queue";

/// Seeded known-bad items that were answered, by role.
pub(crate) const SEEDED: &str = "seeded";

/// Evaluations that were begun and did not end.
pub(crate) const EVALUATION: &str = "evaluation";

/// Their parts.
pub(crate) const EVALUATION_PART: &str = "evaluation-part";

/// The newest cosignature of each witness.
pub(crate) const WITNESS: &str = "witness";
