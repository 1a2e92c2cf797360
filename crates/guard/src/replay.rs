//! Replay: recorded decisions, decided again under a changed spec.
//!
//! What a check found is kept where the check is the same, so that a decision whose payloads were erased is decided
//! again as long as nothing that changed needs them. Only what changed is run again, on the recorded input and output.
//! Where the output itself would be another (another prompt, another model), nothing is decided: that is a question for
//! an evaluation.

mod again;
mod change;
mod tally;

pub use again::{Payloads, Recorded, Triage};
pub use change::{Change, Side};
pub use tally::{Changed, RESULTS_MAX, Tally};

use crate::decide::Decision;
use seatrial_model::{Digest, ElementPath};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a recorded decision is not decided again: its output would be another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NeedsOutput {
    /// The spec that it was decided under cannot be read any more.
    OldSpec,
    /// The prompt, or what of the input it shows, is another.
    Prompt,
    /// The model is another.
    Model,
    /// The output type is another.
    OutputType,
    /// A judging step is another, or was not asked.
    Judge,
    /// The confidence comes from something that was not recorded.
    Confidence,
    /// The input was refused then, and is not refused now: nobody asked the model.
    Refused,
    /// The model would be asked again, or would not have been.
    Attempts,
}

impl NeedsOutput {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OldSpec => "old-spec",
            Self::Prompt => "prompt",
            Self::Model => "model",
            Self::OutputType => "output-type",
            Self::Judge => "judge",
            Self::Confidence => "confidence",
            Self::Refused => "refused-input",
            Self::Attempts => "attempts",
        }
    }
}

/// What became of one recorded decision.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// Decided again.
    Again(Decision),
    /// Its output would be another.
    NeedsOutput(NeedsOutput),
    /// What a changed check needs was erased.
    Erased,
    /// The changed spec has no such step.
    Gone,
}

/// A changed spec beside every spec that decisions were recorded under.
#[derive(Clone, Debug)]
pub struct Replay {
    against: Digest,
    changes: BTreeMap<Digest, BTreeMap<String, Arc<Change>>>,
    /// For decisions under a spec that cannot be read any more.
    unknown: BTreeMap<String, Arc<Change>>,
}

impl Replay {
    /// A changed spec, and those of the past.
    #[must_use]
    pub fn new(new: &Side, olds: &[Side]) -> Self {
        let steps = |old: Option<&Side>| -> BTreeMap<String, Arc<Change>> {
            let names = new.workflow.steps.iter().map(|s| s.name.clone());
            names.filter_map(|name| Change::between(old, new, &name).map(|c| (name, Arc::new(c)))).collect()
        };
        let changes = olds.iter().map(|old| (old.workflow.digest, steps(Some(old)))).collect();
        Self { against: new.workflow.digest, changes, unknown: steps(None) }
    }

    /// How the step of a recorded decision relates to the changed spec; none where that has no such step. A spec that
    /// is not known here is one that cannot be read any more.
    #[must_use]
    pub fn change(&self, spec: Option<Digest>, step: &str) -> Option<&Arc<Change>> {
        spec.and_then(|digest| self.changes.get(&digest)).unwrap_or(&self.unknown).get(step)
    }

    /// Thresholds whose number has another certificate than the recorded one, or none yet: replay decides as if they
    /// were certified.
    #[must_use]
    pub fn assumed(&self) -> Vec<ElementPath> {
        let all = self.changes.values().flat_map(BTreeMap::values).flat_map(|c| c.assumed().iter().cloned());
        let mut paths: Vec<ElementPath> = all.collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// The digest of the changed spec.
    #[must_use]
    pub const fn against(&self) -> Digest {
        self.against
    }
}

/// Runs a function on every item, side by side on so many threads, and keeps the order. One thread is the caller's own.
pub fn in_parallel<T: Send, R: Send>(items: Vec<T>, threads: usize, run: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = threads.clamp(1, items.len().max(1));
    if threads == 1 {
        return items.into_iter().map(run).collect();
    }
    let share = items.len().div_ceil(threads);
    let mut items = items.into_iter();
    let parts: Vec<Vec<T>> = (0..threads).map(|_| items.by_ref().take(share).collect()).collect();
    std::thread::scope(|scope| {
        let run = &run;
        let spawned: Vec<_> =
            parts.into_iter().map(|part| scope.spawn(move || part.into_iter().map(run).collect::<Vec<R>>())).collect();
        let joined = spawned.into_iter().flat_map(|part| match part.join() {
            Ok(results) => results,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect()
    })
}
