//! A recorded decision as an example of a set.

use crate::api::{Caller, DecisionChain, Held, Refused};
use crate::evaluate::{answered_output, label_field};
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::Served;
use crate::import::{Effect, append_example};
use seatrial_model::{Action, Answer, DecisionId};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::{ConfidenceSource, Drawn, Step};
use seatrial_sprint::Example;
use seatrial_store::{Payload, ReaderExt as _};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// What is right, of a decision that becomes an example.
#[derive(Clone, PartialEq, Debug)]
pub enum Expectation {
    /// This.
    Given(Value),
    /// What the person answered who reviewed, audited or overrode it.
    FromReview,
    /// Nothing: the example only says that no output may pass.
    None,
}

/// A decision that becomes an example.
#[derive(Clone, Debug)]
pub struct ExampleInput {
    /// The decision.
    pub decision: DecisionId,
    /// The set; the only curated one of its step, where none is named.
    pub set: Option<String>,
    /// What is right.
    pub expected: Expectation,
    /// No output for it may pass without a person.
    pub must_not_pass: bool,
    /// Free marks.
    pub tags: Vec<String>,
}

/// An example that was added to a set's file.
#[derive(Clone, Debug)]
pub struct ExampleAdded {
    /// The set.
    pub set: String,
    /// Its file.
    pub file: PathBuf,
    /// The example.
    pub example: Example,
    /// Fields of the input that the step withholds: they were left out.
    pub withheld: Vec<String>,
    /// Fields of the answer that are texts or confidences, which no output repeats: they were left out.
    pub not_expected: Vec<String>,
    /// The guard denies the input as it stands in the example.
    pub denied: bool,
    /// What the set's change means.
    pub effect: Effect,
}

impl Factory {
    /// Adds a recorded decision to a set's file of the work tree, as an example. What the step withholds is left out.
    ///
    /// # Errors
    /// [`Refused`]: nothing was written.
    pub async fn add_example(
        &self,
        caller: &Caller,
        folder: &Path,
        input: ExampleInput,
    ) -> Result<ExampleAdded, Refused> {
        let chain = self.decision(caller, input.decision).await?;
        if chain.blind {
            return Err(Refused::Forbidden("a blind audit of this decision waits; answer it first".to_owned()));
        }
        let (handle, rec) = self.decision_rec(input.decision).await?;
        let served = self.spec_of(&handle, &rec).await?;
        self.may_evaluate(caller, &served)?;
        let tree = crate::worktree::check_folder(folder, Some(&self.spec()))?;
        let workflow = tree.checked.workflow.ok_or_else(|| {
            Refused::Invalid("the work tree's spec has errors: `seatrial check` shows them".to_owned())
        })?;
        if workflow.name != chain.workflow.as_str() {
            return Err(Refused::Invalid(format!(
                "the decision belongs to `{}`, and the work tree is that of `{}`",
                chain.workflow, workflow.name
            )));
        }
        let step = workflow
            .step(&chain.step)
            .ok_or_else(|| Refused::Invalid(format!("the work tree's spec has no step `{}` any more", chain.step)))?;
        let set = chosen_set(&workflow, step, input.set.as_deref())?;
        let (case, withheld) = withhold(value(&chain.input, "input")?, &served, step);
        let (expected, not_expected) = match input.expected {
            Expectation::Given(given) => (Some(given), Vec::new()),
            Expectation::None if input.must_not_pass => (None, Vec::new()),
            Expectation::None => {
                return Err(Refused::Invalid(
                    "nothing says what is right: `--expected JSON`, `--from-review` or `--must-not-pass`".to_owned(),
                ));
            }
            Expectation::FromReview => {
                let answer = self.person_answer(&handle.log, &chain).await?;
                let (kept, left) = labels(answer, &workflow, step)?;
                (Some(kept), left)
            }
        };
        let example = Example {
            id: input.decision.to_string(),
            input: case,
            expected,
            must_not_pass: input.must_not_pass,
            output: None,
            confidence: None,
            cluster: None,
            tags: input.tags,
        };
        let program = served.program.step(&chain.step).ok_or_else(|| internal("the step was not compiled"))?;
        let denied = crate::verdicts::input_denied(program.plan(), &program.check_input(&example.input));
        let (file, merged, effect) = append_example(folder, Some(&self.spec()), &set, example.clone(), self.now())?;
        if merged.new.is_empty() {
            let (what, id) = match merged.same_example.first() {
                Some((_, id)) => ("an example with the same input and label", id.clone()),
                None => ("this decision", example.id),
            };
            return Err(Refused::Conflict { message: format!("`{set}` has {what} already: `{id}`"), now: None });
        }
        Ok(ExampleAdded { set, file, example, withheld, not_expected, denied, effect })
    }

    /// What a person answered in place of the AI, or that it was right.
    async fn person_answer(&self, log: &seatrial_model::LogName, chain: &DecisionChain) -> Result<Value, Refused> {
        if let Some(overridden) = &chain.overridden {
            return match (&overridden.action, &chain.released) {
                (Action::Block, _) | (_, None) => Err(Refused::Invalid(
                    "it was overridden to release nothing, which does not say what is right: `--expected JSON`"
                        .to_owned(),
                )),
                (_, Some(released)) => value(released, "released output"),
            };
        }
        let answered = chain.review.as_ref().filter(|r| r.usable == Some(true)).and_then(|r| r.answer.as_ref());
        match answered.map(|(answer, _, _)| *answer) {
            Some(Answer::Accept) => value(&chain.output, "output"),
            Some(Answer::Edit | Answer::Own) => {
                let key = chain.decision.uuid().as_bytes().to_vec();
                let bytes = self.0.store.read_with(log, move |view| {
                    let Some(commitment) = answered_output(view, &key)? else { return Ok(None) };
                    Ok(view.payload(&commitment)?.and_then(Payload::held).map(|held| held.bytes))
                });
                let bytes = bytes.await.map_err(not_recorded)?;
                let found = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
                found.ok_or_else(|| Refused::NotFound("the person's answer was erased, or is no JSON".to_owned()))
            }
            Some(Answer::Reject) => {
                Err(Refused::Invalid("it was rejected, which does not say what is right: `--expected JSON`".to_owned()))
            }
            None => Err(Refused::NotFound(
                "nobody reviewed, audited or overrode this decision: `--expected JSON` says what is right".to_owned(),
            )),
        }
    }
}

/// A payload as JSON.
fn value(held: &Held, what: &str) -> Result<Value, Refused> {
    match held {
        Held::Text { text, .. } => serde_json::from_str(text.raw())
            .map_err(|_| Refused::Invalid(format!("the {what} of this decision is no JSON"))),
        Held::Erased { on, .. } => Err(Refused::NotFound(format!("the {what} of this decision was erased on {on}"))),
        Held::Hidden { .. } => Err(Refused::Forbidden(format!("the {what} of this decision is hidden for now"))),
        Held::None => Err(Refused::NotFound(format!("the decision has no {what}"))),
    }
}

/// The set that a decision goes into. A random sample is drawn, not picked.
fn chosen_set(workflow: &Workflow, step: &Step, named: Option<&str>) -> Result<String, Refused> {
    let of_step: Vec<&String> = workflow
        .examples
        .iter()
        .filter(|(_, s)| s.step == step.name && s.drawn != Drawn::Random)
        .map(|(name, _)| name)
        .collect();
    let list = || of_step.iter().map(|s| format!("`{s}`")).collect::<Vec<_>>().join(", ");
    let Some(named) = named else {
        return match of_step.as_slice() {
            [only] => Ok((*only).clone()),
            [] => Err(Refused::Invalid(format!("the step `{}` has no set that is not a random sample", step.name))),
            _ => Err(Refused::Invalid(format!("name the set with `--set NAME`: {}", list()))),
        };
    };
    let shown = seatrial_model::Untrusted::new(named).terminal(80);
    match workflow.examples.get(named) {
        Some(set) if set.step != step.name => Err(Refused::Invalid(format!(
            "the set `{shown}` is for the step `{}`, and the decision was made by `{}`",
            set.step, step.name
        ))),
        Some(set) if set.drawn == Drawn::Random => Err(Refused::Invalid(format!(
            "the set `{shown}` is a random sample: a decision that somebody picks would bias it. Others: {}",
            list()
        ))),
        Some(_) => Ok(named.to_owned()),
        None => {
            Err(Refused::NotFound(format!("the spec has no example set `{shown}`; for this step it has: {}", list())))
        }
    }
}

/// The input without what the step withholds, by the spec of the decision and by that of the work tree.
fn withhold(mut input: Value, served: &Served, step: &Step) -> (Value, Vec<String>) {
    let then = served.workflow.step(&step.name).map(|s| s.withhold.as_slice()).unwrap_or_default();
    let mut gone = Vec::new();
    for path in then.iter().chain(&step.withhold) {
        if !gone.contains(path) && remove(&mut input, path) {
            gone.push(path.clone());
        }
    }
    (input, gone)
}

/// Takes a field out; whether it was there.
fn remove(value: &mut Value, path: &str) -> bool {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    match (value, rest) {
        (Value::Object(members), None) => members.shift_remove(first).is_some(),
        (Value::Object(members), Some(rest)) => members.get_mut(first).is_some_and(|below| remove(below, rest)),
        (Value::Array(items), _) => items.iter_mut().filter_map(|item| remove(item, path).then_some(())).count() > 0,
        _ => false,
    }
}

/// Of an answer, what another right answer would have as well: labels, truths and whole numbers. A reason in words and a
/// confidence are nobody else's.
fn labels(answer: Value, workflow: &Workflow, step: &Step) -> Result<(Value, Vec<String>), Refused> {
    let Value::Object(members) = answer else { return Ok((answer, Vec::new())) };
    let label = label_field(workflow, step);
    let confidence = match &step.confidence {
        Some(ConfidenceSource::Output(field)) => field.rsplit('.').next(),
        _ => None,
    };
    let schema = step.output.as_ref().and_then(|name| workflow.types.get(name));
    let schema_of = |name: &str| schema.and_then(|t| t.schema.get("properties")?.get(name));
    let is_label = |name: &str| {
        let fixed = |s: &Value| {
            s.get("enum").is_some()
                || s.get("const").is_some()
                || matches!(s.get("type").and_then(Value::as_str), Some("boolean" | "integer"))
        };
        Some(name) != confidence && (label.as_deref() == Some(name) || schema_of(name).is_some_and(fixed))
    };
    let (kept, left): (Map<String, Value>, Map<String, Value>) =
        members.into_iter().partition(|(name, _)| is_label(name));
    if kept.is_empty() {
        return Err(Refused::Invalid(
            "the answer has no field that is a label, so no other output could equal it: `--expected JSON`".to_owned(),
        ));
    }
    Ok((Value::Object(kept), left.into_iter().map(|(name, _)| name).collect()))
}
