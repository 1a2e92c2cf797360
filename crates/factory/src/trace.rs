//! The log audit: decisions reconstructed from the log, and recomputed.

use crate::api::Refused;
use crate::factory::{Factory, not_recorded};
use crate::handle::{Handle, row};
use crate::project::DecisionRec;
use seatrial_guard::{CHECKS_VERSION, Candidate, decide};
use seatrial_model::event::DecisionMade;
use seatrial_model::{Body, DecisionId, Digest};
use seatrial_store::{Payload, ReaderExt as _, View};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What recomputing came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Recomputed {
    /// Decisions looked at.
    pub sampled: u64,
    /// Verdicts that recompute from their facts.
    pub verdicts: u64,
    /// Findings that recompute from the payloads still held, under the same checks.
    pub findings: u64,
}

struct Sample {
    made: DecisionMade,
    spec: Option<Digest>,
    input: Option<Value>,
    output: Option<String>,
    aside: Option<String>,
}

impl Factory {
    /// Recomputes these decisions from the log and what it still holds.
    pub(crate) async fn recompute(&self, handle: &Handle, decisions: &[DecisionId]) -> Result<Recomputed, Refused> {
        let decisions = decisions.to_vec();
        let samples = self
            .0
            .store
            .read_with(&handle.log, move |view| {
                decisions.into_iter().filter_map(|id| sample(view, id).transpose()).collect::<Result<Vec<_>, _>>()
            })
            .await
            .map_err(not_recorded)?;
        let mut programs: BTreeMap<Digest, Arc<crate::handle::Served>> = BTreeMap::new();
        let mut result = Recomputed::default();
        for sample in samples {
            result.sampled += 1;
            let Some(spec) = sample.spec else { continue };
            let served = match programs.get(&spec) {
                Some(served) => Arc::clone(served),
                None => {
                    let served = self.served_under(handle, spec).await?;
                    programs.insert(spec, Arc::clone(&served));
                    served
                }
            };
            let Some(program) = served.program.step(&sample.made.step) else { continue };
            let decision = decide(program.plan(), &sample.made.facts);
            let same = decision.verdict == sample.made.verdict
                && decision.action == sample.made.action
                && decision.because == sample.made.because;
            result.verdicts += u64::from(same);
            result.findings += u64::from(findings_recompute(program, &sample));
        }
        Ok(result)
    }

    async fn served_under(&self, handle: &Handle, spec: Digest) -> Result<Arc<crate::handle::Served>, Refused> {
        let live = handle.live.load_full();
        let known = [&live.in_force, &live.candidate].into_iter().flatten();
        if let Some(served) = known.into_iter().find(|s| s.workflow.digest == spec) {
            return Ok(Arc::clone(served));
        }
        self.load_old(&handle.log, spec).await.map(Arc::new).map_err(crate::factory::internal)
    }
}

fn sample(view: &dyn View, id: DecisionId) -> Result<Option<Sample>, seatrial_store::StoreError> {
    let Some(rec) = row::<DecisionRec>(view, "decision", id.uuid().as_bytes())? else { return Ok(None) };
    let Some(event) = view.event(rec.index)? else { return Ok(None) };
    let text = |kind: &str| -> Result<Option<String>, seatrial_store::StoreError> {
        let Some(commitment) = event.payloads.get(kind) else { return Ok(None) };
        Ok(match view.payload(commitment)? {
            Some(Payload::Held(held)) => String::from_utf8(held.bytes).ok(),
            _ => None,
        })
    };
    let input = text("input")?.and_then(|t| serde_json::from_str(&t).ok());
    let output = text("output")?;
    let aside = text("aside")?;
    let spec = event.spec;
    let Body::DecisionMade(made) = event.body else { return Ok(None) };
    Ok(Some(Sample { made, spec, input, output, aside }))
}

/// Whether the checks find again what they found, on the same parts and with what others said beside them.
fn findings_recompute(program: &seatrial_guard::StepProgram, sample: &Sample) -> bool {
    let facts = &sample.made.facts;
    let Some(input) = &sample.input else { return false };
    if facts.checks != CHECKS_VERSION || program.check_input(input) != facts.input {
        return false;
    }
    let Some(output) = &sample.output else { return facts.findings.is_empty() };
    let names: Vec<&str> = facts.inspected.iter().map(|i| i.part.as_str()).collect();
    let aside = sample.aside.as_deref().map(str::as_bytes);
    let Ok(candidate) = Candidate::rebuild(&names, output.as_bytes(), aside) else { return false };
    let judgement = program.judge(input, &candidate);
    judgement.findings == facts.findings && judgement.after_modify == facts.after_modify
}
