//! The projections of a log: what is shown is a fold over events, and this is the fold.
//!
//! Rows are JSON. Tables and keys:
//!
//! | table | key | value |
//! |---|---|---|
//! | `decision` | decision (16 bytes) | [`DecisionRec`] |
//! | `followup` | decision (16 bytes), index (8 bytes) | event id and kind of what followed |
//! | `review` | review (16 bytes) | [`ReviewRec`] |
//! | `queue`, `rehearsal-queue` | review (16 bytes) | empty: an open review |
//! | `ask` | HMAC of the ask | decision and time of the newest one |
//! | `case` | HMAC of the case `/` decision | empty |
//! | `tally` | `all/…` or `2026-11-23/…` | a count |
//! | `delivery` | index (8 bytes) | empty: an event of delivery |
//! | `stop`, `factory-stop`, `marked-stop` | element | [`StopRec`]; a drill's stop is for marked requests only |
//! | `incident` | number (8 bytes) | [`IncidentRec`] |
//! | `release` | `in-force`, or the digest's hex | [`ReleaseRec`] |
//! | `release` | `retired` | [`RetiredRec`] |
//! | `release` | `owned` | whether the workflow was handed over |
//! | `lapse` | the release digest's hex | [`LapseRec`]: it lapsed and was not restored |
//! | `pilot-count` | pilot `/` quarter of an hour (8 bytes) | decisions of a pilot |
//! | `model-calls` | quarter of an hour (8 bytes), model | attempts that decisions took of it; no model: unanswered ones |
//! | `spent` | step, lane, quarter of an hour (8 bytes) | [`SpentRec`]: what its calls used; marked ones apart |
//! | `stream` | decision (16 bytes) | [`StreamRec`]: it began to leave, and has no decision |
//! | `admission` | case `/` step `/` decision (16 bytes) | event: a system step was admitted |
//! | `caller` | principal | empty: somebody who called, rehearsals left out |
//! | `pilot-reviewed` | pilot | answered reviews and audits of its decisions |
//! | `seeded` | role | [`SeedRec`]: seeded known-bad items that it answered |
//! | `audit-due` | when it is due (8 bytes), decision (16 bytes) | empty: an audit of a certified decision |
//! | `assumption` | element | [`AssumptionRec`] |
//! | `spec` | `latest`, or the digest's hex | [`SpecRec`] |
//! | `certificate` | threshold, number and model | [`CertificateRec`] |
//! | `evaluation` | key of what is evaluated | [`EvaluationRec`]: begun and not ended |
//! | `evaluation-part` | event that began it (16 bytes), index (8 bytes) | digest of the part |
//! | `witness` | verifier key | [`WitnessRec`]: its newest cosignature |
//! | `token` | public name | [`TokenRec`] |
//! | `acted` | day `/` kind `/` side | operating actions, for the transfer index |
//! | `rights` | `delivery` | [`RightsRec`]: the rights of the delivery side end |
//! | `clock` | `ahead` | milliseconds |

mod delivery;
mod incidents;
mod records;
mod running;
mod tables;
mod transfer;

pub(crate) use incidents::{INCIDENT, IncidentRec, incident_key};
pub(crate) use records::*;
pub(crate) use tables::{
    ADMISSION, ASK, AUDIT_DUE, CALLER, CASE, CLIENT_GONE, EVALUATION, EVALUATION_PART, MODEL_CALLS, PILOT_COUNT,
    PILOT_REVIEWED, QUEUE, REHEARSAL_QUEUE, SEEDED, SPENT, STREAM, WITNESS, admission_key, audit_due_from,
    pilot_count_key, quarter_of, spent_key, spent_prefix,
};

pub(crate) use transfer::{ACTED, DELIVERY, RIGHTS, acted};

use seatrial_model::Event;
use seatrial_store::{ProjectError, Projector, Rows};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Changes with every change of the fold; the store then folds again at its next start.
pub const PROJECTION_VERSION: u32 = 19;

/// Folds the events of every log of a factory.
#[derive(Clone, Copy, Debug, Default)]
pub struct FactoryProjector;

impl Projector for FactoryProjector {
    fn version(&self) -> u32 {
        PROJECTION_VERSION
    }

    fn apply(&self, index: u64, event: &Event, rows: &mut dyn Rows) -> Result<(), ProjectError> {
        let mut fold = Fold { index, event, rows };
        fold.operating_action()?;
        if event.body.is_running() {
            fold.running()
        } else {
            fold.rows.put("delivery", &index.to_be_bytes(), b"")?;
            fold.rights()?;
            fold.delivery()
        }
    }

    fn found_by<'e>(&self, event: &'e Event) -> Vec<(&'static str, &'e [u8])> {
        running::found_by(event)
    }
}

/// One event being folded.
struct Fold<'a> {
    index: u64,
    event: &'a Event,
    rows: &'a mut dyn Rows,
}

impl Fold<'_> {
    fn get<T: DeserializeOwned>(&self, table: &str, key: &[u8]) -> Result<Option<T>, ProjectError> {
        self.rows.get(table, key)?.map(|bytes| decode(table, &bytes)).transpose()
    }

    fn put<T: Serialize>(&mut self, table: &str, key: &[u8], value: &T) -> Result<(), ProjectError> {
        let bytes = serde_json::to_vec(value).map_err(|e| ProjectError::reason(e.to_string()))?;
        Ok(self.rows.put(table, key, &bytes)?)
    }

    /// Adds one to a count, for all time and for the event's day.
    fn count(&mut self, name: &str) -> Result<(), ProjectError> {
        let day = self.event.time.day();
        for key in [format!("all/{name}"), format!("{day}/{name}")] {
            let count: u64 = self.get("tally", key.as_bytes())?.unwrap_or(0);
            self.put("tally", key.as_bytes(), &(count + 1))?;
        }
        Ok(())
    }
}

fn decode<T: DeserializeOwned>(table: &str, bytes: &[u8]) -> Result<T, ProjectError> {
    serde_json::from_slice(bytes).map_err(|e| ProjectError::reason(format!("a row of `{table}` cannot be read: {e}")))
}
