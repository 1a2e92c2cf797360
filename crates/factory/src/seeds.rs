//! Seeded items: outputs that are known to be bad, put among the reviews to see whether people catch them.
//!
//! Each passes the guard as a marked request, so that nothing counts it and its output leaves to nobody; its review
//! looks like any other until somebody answered it.

use crate::api::{Caller, DecisionChain, Passage, PassageEntry, Refused, ReviewAnswerInput};
use crate::clock::random;
use crate::evaluate::{Progress, label_field};
use crate::examples::load_examples;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served, rows};
use crate::project::{DecisionRec, ReviewRec, SEEDED, SeedRec};
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_governance::status::Oversight;
use seatrial_guard::StepProgram;
use seatrial_model::event::{DecisionMade, Entry};
use seatrial_model::{Answer, Body, LogName, Principal, ReviewId};
use seatrial_spec::workflow::{ConfidenceSource, Step};
use seatrial_sprint::stats::lower_bound;
use seatrial_sprint::{Example, parse_examples};
use seatrial_store::{ReaderExt as _, Scan, StoreError, View};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The chance that the bound of what is caught is too high: its assurance is 95 %.
const DELTA: f64 = 0.05;

/// How far back a decision is looked for that shows how callers call.
const LIKE_ROWS: usize = 1_000;

/// The most items of one call: more would be a day's work of a whole team.
pub const SEEDS_MAX: usize = 1_000;

/// Where the items are from.
#[derive(Clone, Debug)]
pub enum SeedsFrom {
    /// An example set of the spec.
    Set(String),
    /// Lines of a file that is no part of the spec, for a step.
    Lines {
        /// The step.
        step: String,
        /// JSON lines, as an example set has them.
        bytes: Vec<u8>,
    },
}

/// What came of seeding.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seeded {
    /// Items that were put through the guard.
    pub seeded: u64,
    /// Reviews that were opened for them, by the role that answers.
    pub reviews: BTreeMap<String, u64>,
    /// Those reviews.
    pub opened: Vec<ReviewId>,
    /// Items that the guard stopped by itself: nobody has to catch these.
    pub stopped: u64,
    /// Items that would have passed without a person, in a step without an audit.
    pub unseen: u64,
    /// Examples that are not known to be bad, or came without an output.
    pub left_out: u64,
}

impl Factory {
    /// Puts examples that are known to be bad among the reviews: at most `count` of them.
    ///
    /// # Errors
    /// [`Refused`]: the caller may not, or none is known to be bad. What was seeded before an error stays.
    pub async fn seed(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
        from: &SeedsFrom,
        count: usize,
        progress: &dyn Progress,
    ) -> Result<Seeded, Refused> {
        let name = self.name_of(workflow)?;
        let handle = self.handle(&name)?;
        let live = handle.live.load_full();
        let served = live.in_force.clone().or_else(|| live.candidate.clone());
        let served =
            served.ok_or_else(|| Refused::NotFound("nothing was submitted yet: `seatrial submit`".to_owned()))?;
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, Act::Drill, &circumstances)?;
        let (step, examples) = items(&served, from)?;
        let program = served.program.step(&step);
        let program =
            program.ok_or_else(|| Refused::NotFound(format!("there is no AI step `{step}`; nothing was seeded")))?;
        let all = examples.len() as u64;
        let bad: Vec<Example> = examples.into_iter().filter(|e| is_bad(program, e)).collect();
        if bad.is_empty() {
            return Err(Refused::Invalid(
                "no example is known to be bad, so nothing was seeded: give one an `output` with `must_not_pass: true`, or with an `expected` by which a threshold's `wrong_when` holds"
                    .to_owned(),
            ));
        }
        let mut seeded = Seeded { left_out: all.saturating_sub(bad.len() as u64), ..Seeded::default() };
        let count = count.min(SEEDS_MAX).min(bad.len());
        for example in bad.into_iter().take(count) {
            self.seed_one(caller, &handle, &step, example, &mut seeded).await?;
            progress.done("items", seeded.seeded, count as u64);
        }
        Ok(seeded)
    }

    async fn seed_one(
        &self,
        caller: &Caller,
        handle: &Handle,
        step: &str,
        example: Example,
        seeded: &mut Seeded,
    ) -> Result<(), Refused> {
        let output = example.output.unwrap_or_default();
        let passage = Passage {
            workflow: handle.log.to_string(),
            step: step.to_owned(),
            case: self.case_like(handle, step, &example.id).await?,
            entry: PassageEntry::Decide {
                input: example.input,
                output: output.as_str().map_or_else(|| output.to_string(), str::to_owned),
                confidence: example.confidence,
            },
            rehearsal: true,
            again: crate::api::Again::default(),
        };
        let passed = self.pass_seeded(caller, passage).await?;
        seeded.seeded += 1;
        match passed.review {
            Some(review) => {
                let to = self.review(review).await?.to;
                *seeded.reviews.entry(to).or_default() += 1;
                seeded.opened.push(review);
            }
            None if passed.verdict < seatrial_model::Verdict::Escalate => seeded.unseen += 1,
            None => seeded.stopped += 1,
        }
        Ok(())
    }

    /// A case id that looks like those of the callers; none where they state none.
    async fn case_like(&self, handle: &Handle, step: &str, example: &str) -> Result<Option<String>, Refused> {
        if self.is_simulation() {
            // Simulated people answer by what the example of that id says.
            return Ok(Some(format!("simulated/{}/{example}", self.now().as_millis())));
        }
        let Some((_, rec)) = self.like(&handle.log, step).await? else { return Ok(None) };
        let read = move |view: &dyn View| crate::decisions::held(view, rec.payloads.get("case").copied());
        let held = self.0.store.read_with(&handle.log, read).await.map_err(not_recorded)?;
        let crate::api::Held::Text { text, .. } = held else { return Ok(None) };
        case_of_form(text.raw())
    }

    async fn like(&self, log: &LogName, step: &str) -> Result<Option<(DecisionMadeBy, DecisionRec)>, Refused> {
        let step = step.to_owned();
        self.0.store.read_with(log, move |view| like_in(view, &step)).await.map_err(not_recorded)
    }

    /// Shows a seeded decision that nobody has answered as one of the callers'.
    pub(crate) async fn unmark(&self, handle: &Handle, chain: &mut DecisionChain) -> Result<(), Refused> {
        let live = handle.live.load_full();
        chain.facts.rehearsal = false;
        if let Some(served) = &live.in_force {
            chain.release = served.release.as_ref().map(|r| r.release);
            chain.facts.stage = served.release.as_ref().map_or(chain.facts.stage, |r| r.stage);
            chain.model = served.models.get(&chain.step).map(|m| m.identity.clone());
            chain.entry = if chain.model.is_some() { Entry::Run } else { chain.entry };
        }
        if let Some((like, _)) = self.like(&handle.log, &chain.step).await? {
            (chain.caller, chain.entry, chain.model) = (like.caller, like.entry, like.model);
        }
        Ok(())
    }

    /// Whether an answer catches a seeded item; none where the review is of no such.
    pub(crate) async fn caught(
        &self,
        handle: &Handle,
        served: &Served,
        review: &ReviewRec,
        decision: &DecisionRec,
        input: &ReviewAnswerInput,
        blind: bool,
    ) -> Result<Option<bool>, Refused> {
        if review.seeded_by.is_none() {
            return Ok(None);
        }
        let own = match input.answer {
            Answer::Accept => return Ok(Some(false)),
            // Who rejects what they have not seen, and says nothing better, has caught nothing.
            Answer::Reject => return Ok(Some(!blind)),
            Answer::Edit | Answer::Own => input.output.as_deref().and_then(|t| serde_json::from_str::<Value>(t).ok()),
        };
        let (case, output) = self.payload_values(handle, decision).await?;
        let (Some(case), Some(own)) = (case, own) else { return Ok(Some(false)) };
        // An output that cannot be read is none that a person could have written.
        let Some(output) = output else { return Ok(Some(true)) };
        let step = served.workflow.step(&decision.step);
        let label = step.and_then(|step| label_field(&served.workflow, step)).filter(|f| output.get(f).is_some());
        let told = served.program.step(&decision.step).is_some_and(|program| {
            let thresholds = program.plan().thresholds();
            thresholds.iter().any(|t| program.wrong(t.name(), &case, &output, &own) == Ok(true))
        });
        // How sure either is says nothing of whether they agree.
        let differs = match &label {
            Some(field) => output.get(field) != own.get(field),
            None => without_confidence(step, &output) != without_confidence(step, &own),
        };
        Ok(Some(told || differs))
    }

    /// How people did on seeded items. Everybody who holds a role is pooled; of several roles the one with the lowest
    /// bound counts, so that none hides behind another.
    pub(crate) async fn oversight(&self, log: &LogName) -> Result<Option<Oversight>, Refused> {
        let read = |view: &dyn View| rows::<SeedRec>(view, &Scan::all(SEEDED));
        let found: Vec<(Vec<u8>, SeedRec)> = match self.0.store.read_with(log, read).await {
            Ok(found) => found,
            Err(StoreError::NoLog(_)) => return Ok(None),
            Err(error) => return Err(not_recorded(error)),
        };
        let of = |(_, rec): (Vec<u8>, SeedRec)| Oversight {
            caught: rec.caught,
            seeded: rec.seeded,
            lower: lower_bound(rec.caught, rec.seeded, DELTA),
        };
        Ok(found.into_iter().map(of).min_by(|a, b| a.lower.total_cmp(&b.lower)))
    }
}

/// How a caller's decision came about.
pub(crate) struct DecisionMadeBy {
    pub(crate) caller: Principal,
    entry: Entry,
    model: Option<String>,
}

/// The newest decision of a step that a caller asked for and that had an output.
pub(crate) fn like_in(view: &dyn View, step: &str) -> Result<Option<(DecisionMadeBy, DecisionRec)>, StoreError> {
    let scan = Scan::all("decision").reversed().limit(LIKE_ROWS);
    let page: Vec<(Vec<u8>, DecisionRec)> = rows(view, &scan)?;
    let usual = |r: &DecisionRec| !r.rehearsal && r.step == step && !r.no_candidate;
    let Some((_, rec)) = page.into_iter().find(|(_, r)| usual(r)) else { return Ok(None) };
    let Some(event) = view.event(rec.index)? else { return Ok(None) };
    let Body::DecisionMade(DecisionMade { entry, model, .. }) = event.body else { return Ok(None) };
    Ok(Some((DecisionMadeBy { caller: event.actor, entry, model }, rec)))
}

fn items(served: &Arc<Served>, from: &SeedsFrom) -> Result<(String, Vec<Example>), Refused> {
    match from {
        SeedsFrom::Set(name) => {
            let set = served.workflow.examples.get(name);
            let set = set.ok_or_else(|| {
                let shown = seatrial_model::Untrusted::new(name).terminal(80);
                Refused::NotFound(format!("there is no example set `{shown}`; nothing was seeded"))
            })?;
            Ok((set.step.clone(), load_examples(&served.workflow, name)?))
        }
        SeedsFrom::Lines { step, bytes } => {
            let examples = parse_examples(bytes).map_err(|errors| {
                let first = errors.first().map(ToString::to_string).unwrap_or_default();
                Refused::Invalid(format!(
                    "the file has {} error(s), the first: {first}; nothing was seeded",
                    errors.len()
                ))
            })?;
            Ok((step.clone(), examples))
        }
    }
}

/// Whether an example's output is known to be bad: it must not pass, or is wrong by a threshold. What `expected` shows
/// to be right is not bad because it has to be looked at.
fn is_bad(program: &StepProgram, example: &Example) -> bool {
    let Some(output) = &example.output else { return false };
    let parsed = output.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let value = parsed.as_ref().unwrap_or(output);
    let told: Vec<bool> = match &example.expected {
        Some(expected) => {
            let thresholds = program.plan().thresholds();
            thresholds.iter().filter_map(|t| program.wrong(t.name(), &example.input, value, expected).ok()).collect()
        }
        None => Vec::new(),
    };
    told.contains(&true) || (example.must_not_pass && told.is_empty())
}

fn without_confidence(step: Option<&Step>, value: &Value) -> Value {
    let mut value = value.clone();
    if let (Some(ConfidenceSource::Output(field)), Some(object)) =
        (step.and_then(|s| s.confidence.as_ref()), value.as_object_mut())
    {
        object.remove(field.strip_prefix("output.").unwrap_or(field));
    }
    value
}

/// An id of the same form: digits for digits, and other hexadecimal ones where a part is nothing else.
fn case_of_form(text: &str) -> Result<Option<String>, Refused> {
    // What Seatrial made itself it makes again.
    if text.starts_with("case_") {
        return Ok(None);
    }
    let mut out = String::with_capacity(text.len());
    for part in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let body = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_hex =
            body.len() >= 4 && body.chars().all(|c| c.is_ascii_hexdigit()) && body.chars().any(|c| c.is_ascii_digit());
        for c in part.chars() {
            let [draw] = random::<1>().map_err(internal)?;
            out.push(match c {
                '0'..='9' => char::from(b'0' + draw % 10),
                'a'..='f' if is_hex => char::from(b'a' + draw % 6),
                'A'..='F' if is_hex => char::from(b'A' + draw % 6),
                other => other,
            });
        }
    }
    Ok(Some(out))
}

#[cfg(test)]
mod tests;
