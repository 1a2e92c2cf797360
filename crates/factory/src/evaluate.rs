//! Evaluation: examples through the same guard as production, with outputs that the engine itself obtains.

mod agreement;
mod aside;
mod ask;
mod book;
mod trial;

pub(crate) use agreement::answered_output;
pub use agreement::{ANSWERS_MAX, StepAgreement};
pub(crate) use trial::{Trial, label, label_field, point, slices_of, try_candidate};

use crate::api::{Caller, Refused};
use crate::examples::load_examples;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served};
use ask::Work;
use book::{Book, Running};
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_guard::{CHECKS_VERSION, DECIDE_VERSION, StepProgram};
use seatrial_model::event::{EvaluationRecorded, SplitSide};
use seatrial_model::{Body, Digest, Event, EventId};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::{Drawn, ExampleSet, Step};
use seatrial_sprint::evaluate::{Asked, together};
use seatrial_sprint::{Example, ExampleResult, SetUnderTest};
use seatrial_store::{Batch, StoreExt as _};
use std::collections::BTreeMap;
use std::sync::Arc;
use trial::Measure;

/// How many examples are under way at once, where nobody says: what a provider's smallest plan takes.
pub const IN_FLIGHT: usize = 16;

/// The most that can be under way at once: beyond this a provider limits, not we.
pub const IN_FLIGHT_MAX: usize = 256;

/// The most repeats: they show whether answers vary, which few of them do.
pub const REPEATS_MAX: u64 = 20;

/// Told as work goes on.
pub trait Progress: Send + Sync {
    /// So many of so many are done.
    fn done(&self, what: &str, done: u64, of: u64);
}

/// Says nothing.
pub struct Quiet;

impl Progress for Quiet {
    fn done(&self, _: &str, _: u64, _: u64) {}
}

/// How an evaluation is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EvaluateOptions {
    /// How many examples are under way at once; between 1 and [`IN_FLIGHT_MAX`].
    pub in_flight: usize,
    /// How often each example is asked; between 1 and [`REPEATS_MAX`].
    pub repeats: u64,
    /// Begin anew, where an unfinished evaluation could be continued.
    pub afresh: bool,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self { in_flight: IN_FLIGHT, repeats: 1, afresh: false }
    }
}

/// A set, evaluated and recorded.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// The event.
    pub event: EventId,
    /// Its body.
    pub body: EvaluationRecorded,
    /// Only this side of the set was used, because the rest is sealed or learned from.
    pub side: Option<SplitSide>,
    /// Each example, in the set's order.
    pub results: Vec<ExampleResult>,
    /// Answers that an earlier, interrupted evaluation had recorded: nobody was asked for them again.
    pub continued: u64,
    /// The bar that the production gate asks, as written, and whether it is met; none where it asks none.
    pub bar: Option<(String, bool)>,
}

impl Evaluated {
    /// Whether it is in order: the gate's bar is met (without one, every expectation is), and everything labelled
    /// `must_not_pass` was seen to be stopped.
    #[must_use]
    pub fn in_order(&self) -> bool {
        let met = self.bar.as_ref().map_or(self.body.passed.k == self.body.passed.n, |(_, met)| *met);
        met && self.body.let_through.k == 0 && self.body.unjudged == 0
    }
}

/// A set on its way through the guard.
struct Trying<'s> {
    handle: &'s Handle,
    measure: Measure<'s>,
    set: &'s str,
    found: &'s ExampleSet,
    examples: Vec<Example>,
    side: Option<SplitSide>,
    model: String,
    /// A provider is asked: answers cost money and time, so they are recorded as they come.
    asks_provider: bool,
}

impl Factory {
    /// Evaluates example sets of the work tree's spec; all sets that are not reserved, where none is named.
    ///
    /// # Errors
    /// [`Refused`]: what was evaluated before the error is recorded.
    pub async fn evaluate(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
        sets: &[String],
        progress: &dyn Progress,
    ) -> Result<Vec<Evaluated>, Refused> {
        self.evaluate_with(caller, workflow, sets, EvaluateOptions::default(), progress).await
    }

    /// As [`Self::evaluate`], with options. An evaluation that was interrupted (same spec, set, model, checks and
    /// repeats, begun less than a day ago) is continued: what it recorded is not asked again.
    ///
    /// # Errors
    /// [`Refused`]: what was evaluated, and the answers that were recorded before the error, stay so.
    pub async fn evaluate_with(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
        sets: &[String],
        options: EvaluateOptions,
        progress: &dyn Progress,
    ) -> Result<Vec<Evaluated>, Refused> {
        check(options)?;
        let (handle, served) = self.candidate(caller, workflow).await?;
        self.may_evaluate(caller, &served)?;
        let served = self.with_models(caller, Arc::clone(&handle), served, None).await?;
        let sets: Vec<String> = if sets.is_empty() {
            let reserved = reserved(&served);
            served.workflow.examples.keys().filter(|s| !reserved.contains(s)).cloned().collect()
        } else {
            sets.to_vec()
        };
        let mut done = Vec::with_capacity(sets.len());
        for set in sets {
            let trying = self.trying(caller, &handle, &served, &set).await?;
            done.push(self.evaluate_set(caller, &trying, options, progress).await?);
        }
        Ok(done)
    }

    pub(crate) fn may_evaluate(&self, caller: &Caller, served: &Served) -> Result<(), Refused> {
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, Act::Evaluate, &circumstances)
    }

    /// What a set is evaluated with.
    async fn trying<'s>(
        &self,
        caller: &Caller,
        handle: &'s Handle,
        served: &'s Served,
        set: &'s str,
    ) -> Result<Trying<'s>, Refused> {
        let mut examples = load_examples(&served.workflow, set)?;
        let mut side = None;
        if reserved(served).contains(&set.to_owned()) {
            // The certification side stays sealed, and the model learned from the training side.
            let (all, split, _) = self.sealed(caller, handle, &served.workflow, set, None).await?;
            examples = split.indexes(SplitSide::Tune).filter_map(|i| all.get(i).cloned()).collect();
            side = Some(SplitSide::Tune);
        }
        let found = served.workflow.examples.get(set).ok_or_else(|| internal("the set is gone"))?;
        let step = served.workflow.step(&found.step).ok_or_else(|| internal("the set's step is gone"))?;
        let program = served.program.step(&step.name).ok_or_else(|| internal("the step was not compiled"))?;
        let model = served.models.get(&step.name);
        let asks_provider = model.is_some_and(|m| !m.embedded) && examples.iter().any(|e| e.output.is_none());
        let measure = Measure::new(served, step, program);
        let model = model.map(|m| m.identity.clone()).unwrap_or_default();
        Ok(Trying { handle, measure, set, found, examples, side, model, asks_provider })
    }

    async fn evaluate_set(
        &self,
        caller: &Caller,
        trying: &Trying<'_>,
        options: EvaluateOptions,
        progress: &dyn Progress,
    ) -> Result<Evaluated, Refused> {
        let served = trying.measure.served;
        // Held until it is recorded: two at once would ask everything twice.
        let running = Running::of(self, trying.key(options)?, trying.set)?;
        let mut book = match trying.asks_provider {
            true => self.open_book(caller, trying, &running, options).await?,
            false => Book::none(),
        };
        let continued = book.known() as u64;
        self.ask_all(trying, options, &mut book, progress).await?;
        let (started, last, answers) = book.close(self)?;
        let results = results(trying, answers);
        let under_test = SetUnderTest {
            set: trying.set.to_owned(),
            examples: trying.found.digest,
            drawn: trying.found.drawn.as_str().to_owned(),
            category: trying.found.category.clone(),
            model: trying.model.clone(),
            obtained: trying.examples.iter().all(|e| e.output.is_none()),
            repeats: options.repeats,
            started,
        };
        let evaluation = seatrial_sprint::evaluate::evaluate(under_test, &results).map_err(internal)?;
        let (event, body) = self.record_evaluation(caller, trying.handle, served, evaluation, last).await?;
        let bar = bar_of(&served.workflow, trying.found.drawn, &body);
        Ok(Evaluated { event, body, side: trying.side, results, continued, bar })
    }

    /// Records what an evaluation came to, and in the same commit its last part.
    async fn record_evaluation(
        &self,
        caller: &Caller,
        handle: &Handle,
        served: &Served,
        evaluation: seatrial_sprint::Evaluation,
        last: Option<(Event, Vec<u8>)>,
    ) -> Result<(EventId, EvaluationRecorded), Refused> {
        let body = evaluation.event;
        let ids = seatrial_governance::key::evaluation_speaks_to(&served.workflow, &body.set);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut event = self
            .event(&handle.log, caller.principal.clone(), Body::EvaluationRecorded(body.clone()))
            .map_err(internal)?;
        event.spec = Some(served.workflow.digest);
        event.evidence = self.evidence(&handle.log, &served.workflow, &ids).await?;
        let id = event.id;
        let (mut events, mut blobs) = (Vec::new(), Vec::new());
        if let Some((part, blob)) = last {
            events.push(part);
            blobs.push(blob);
        }
        events.push(event);
        blobs.push(evaluation.results);
        let batch = Batch { events, blobs, ..Batch::default() };
        self.0.store.append(&handle.log, batch).await.map_err(not_recorded)?;
        Ok((id, body))
    }

    /// The evidence entries of an event, under the keys of now.
    pub(crate) async fn evidence(
        &self,
        log: &seatrial_model::LogName,
        workflow: &Workflow,
        ids: &[&str],
    ) -> Result<Vec<seatrial_model::Evidence>, Refused> {
        let inputs = self.inputs_of(log, workflow).await?;
        Ok(seatrial_governance::evidence(workflow, &self.spec(), &inputs, self.now(), ids))
    }

    /// All examples through the guard, in their order; several are under way at once.
    pub(crate) async fn trials(
        &self,
        served: &Served,
        step: &Step,
        program: &StepProgram,
        examples: &[Example],
        what: &str,
        progress: &dyn Progress,
    ) -> Vec<Trial> {
        let measure = Measure::new(served, step, program);
        ask::trials(&measure, examples, what, progress).await
    }
}

impl Trying<'_> {
    /// What an evaluation is of: only one of exactly the same is continued.
    fn key(&self, options: EvaluateOptions) -> Result<Digest, Refused> {
        let spec = self.measure.served.workflow.digest;
        let versions = (CHECKS_VERSION, DECIDE_VERSION);
        let key = (spec, self.set, self.found.digest, &self.model, versions, options.repeats, self.total(options));
        Digest::of_canonical(&key).map_err(internal)
    }

    /// How many answers there will be.
    fn total(&self, options: EvaluateOptions) -> u64 {
        (self.examples.len() as u64).saturating_mul(options.repeats)
    }

    /// All that is asked, repeat by repeat, so that an interrupted evaluation has seen as many examples as it could.
    fn work(&self, options: EvaluateOptions) -> impl Iterator<Item = Work<'_>> {
        (0..options.repeats).flat_map(|repeat| self.examples.iter().map(move |example| Work { example, repeat }))
    }
}

fn check(options: EvaluateOptions) -> Result<(), Refused> {
    if !(1..=IN_FLIGHT_MAX).contains(&options.in_flight) {
        return Err(Refused::Invalid(format!("between 1 and {IN_FLIGHT_MAX} examples can be under way at once")));
    }
    if !(1..=REPEATS_MAX).contains(&options.repeats) {
        return Err(Refused::Invalid(format!("an example can be asked between 1 and {REPEATS_MAX} times")));
    }
    Ok(())
}

/// The results in the set's order, each from all answers to its example.
fn results(trying: &Trying<'_>, answers: Vec<Asked>) -> Vec<ExampleResult> {
    let mut by_id: BTreeMap<String, Vec<Asked>> = BTreeMap::new();
    for answer in answers {
        by_id.entry(answer.id.clone()).or_default().push(answer);
    }
    let result = |example: &Example| {
        let mut answers = by_id.remove(&example.id).unwrap_or_default();
        answers.sort_by_key(|a| a.repeat);
        together(trying.measure.unasked(example), &answers)
    };
    trying.examples.iter().map(result).collect()
}

/// The bar of the production gate, as written, and whether this evaluation meets it.
fn bar_of(workflow: &Workflow, drawn: Drawn, evaluation: &EvaluationRecorded) -> Option<(String, bool)> {
    use seatrial_spec::workflow::BarOp;
    let bar = workflow.gates.production.as_ref()?.evaluation.get(&evaluation.set)?;
    let op = match bar.op {
        BarOp::AtLeast => ">=",
        BarOp::AtMost => "<=",
        BarOp::Above => ">",
        BarOp::Below => "<",
    };
    Some((format!("{op} {}", bar.value), seatrial_governance::status::meets(bar, drawn, evaluation)))
}

/// Sets that a threshold is calibrated on or a model learns from.
fn reserved(served: &Served) -> Vec<String> {
    let workflow = &served.workflow;
    let thresholds = workflow.thresholds.values().filter_map(|t| t.examples.clone());
    let models = workflow.steps.iter().filter_map(|s| s.model.as_ref()?.train.as_ref()).map(|t| t.examples.clone());
    thresholds.chain(models).collect()
}
