//! Evaluation: examples through the same guard as production, with outputs that the engine itself obtains.

use crate::api::{Caller, Refused};
use crate::examples::load_examples;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served};
use futures_util::StreamExt as _;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_guard::port::{Ask, AskBody};
use seatrial_guard::{CHECKS_VERSION, Candidate, DECIDE_VERSION, Judgement, StepProgram, decide};
use seatrial_model::event::{EvaluationRecorded, SplitSide};
use seatrial_model::facts::{Bounds, CertificateState, FACTS_VERSION, ThresholdFact};
use seatrial_model::{Body, EventId, Facts, Finding, Stage, Verdict};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::Step;
use seatrial_sprint::{Example, ExampleResult, Outcome, Point, SetUnderTest};
use seatrial_store::{Batch, StoreExt as _};
use serde_json::Value;
use std::sync::Arc;

/// How many examples are under way at once.
pub const IN_FLIGHT_MAX: usize = 16;

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

/// A set, evaluated and recorded.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// The event.
    pub event: EventId,
    /// Its body.
    pub body: EvaluationRecorded,
    /// Only this side of the set was used, because the rest is sealed or learned from.
    pub side: Option<SplitSide>,
}

/// One example through the guard.
pub(crate) struct Trial {
    pub(crate) verdict: Option<Verdict>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) judgement: Option<Judgement>,
    pub(crate) facts: Facts,
    /// The output that would leave.
    pub(crate) output: Option<Value>,
}

/// Decides as production would, thresholds taken as certified: what is measured is the rules at the numbers in force.
pub(crate) fn try_candidate(program: &StepProgram, input: &Value, candidate: Option<&Candidate>) -> Trial {
    let input_findings = program.check_input(input);
    let judgement = candidate.map(|c| program.judge(input, c));
    let confidence = judgement.as_ref().map(|j| j.confidence.clone());
    let plan = program.plan();
    let facts = Facts {
        v: FACTS_VERSION,
        decide: DECIDE_VERSION,
        checks: CHECKS_VERSION,
        stage: Stage::Production,
        rehearsal: true,
        shadow: false,
        stopped: false,
        bounds: Bounds::Within,
        lapsed: None,
        review_all: None,
        acts: true,
        input: input_findings.clone(),
        no_candidate: judgement.is_none().then(|| "model_unreachable".to_owned()),
        findings: judgement.as_ref().map(|j| j.findings.clone()).unwrap_or_default(),
        after_modify: judgement.as_ref().and_then(|j| j.after_modify.clone()),
        attempts: 1,
        confidence: confidence.unwrap_or(seatrial_model::Confidence {
            source: "none".to_owned(),
            value: 0.0,
            present: false,
        }),
        whens: judgement.as_ref().map(|j| j.whens.clone()).unwrap_or_default(),
        thresholds: plan
            .thresholds()
            .into_iter()
            .map(|path| ThresholdFact { path, state: CertificateState::Certified })
            .collect(),
        slices: Vec::new(),
        draw: 1.0,
        inspected: Vec::new(),
    };
    let decision = decide(plan, &facts);
    let output = judgement.as_ref().and_then(|j| match decision.verdict {
        Verdict::Modify => j.modified.as_ref().and_then(|m| m.output.clone()),
        _ => j.output.clone(),
    });
    let findings = [input_findings, facts.findings.clone()].concat();
    Trial { verdict: Some(decision.verdict), findings, judgement, facts, output }
}

impl Trial {
    /// Whether an output would leave without a person.
    pub(crate) fn released(&self) -> bool {
        self.verdict.is_some_and(|v| v < Verdict::Escalate)
    }

    /// Whether it would leave if no threshold held it back.
    pub(crate) fn passes_other_rules(&self, program: &StepProgram) -> bool {
        let plan = program.plan();
        let mut facts = self.facts.clone();
        for when in &mut facts.whens {
            let reads = plan.escalations.iter().any(|e| e.path == when.path && !e.thresholds.is_empty());
            if reads {
                when.holds = false;
                when.failed = false;
            }
        }
        decide(plan, &facts).verdict < Verdict::Escalate
    }
}

/// The slices that an input lies in. One whose condition cannot be evaluated on it does not hold it.
pub(crate) fn slices_of(workflow: &Workflow, program: &StepProgram, input: &Value) -> Vec<String> {
    workflow.slices.keys().filter(|name| program.in_slice(name, input).unwrap_or(false)).cloned().collect()
}

/// An example's point for calibration.
pub(crate) fn point(
    workflow: &Workflow,
    program: &StepProgram,
    threshold: &str,
    example: &Example,
    trial: &Trial,
) -> Option<Point> {
    let judgement = trial.judgement.as_ref()?;
    let (output, expected) = (judgement.output.as_ref()?, example.expected.as_ref()?);
    let wrong = program.wrong(threshold, &example.input, output, expected).ok()?;
    let mut point = Point::new(judgement.confidence.value, wrong, trial.passes_other_rules(program));
    point.slices = slices_of(workflow, program, &example.input);
    Some(point)
}

/// What became of an example, against what it expects: `expected.verdict`, and the fields of the output type.
fn outcome(step: &Step, served: &Served, example: &Example, trial: &Trial) -> Outcome {
    let Some(expected) = &example.expected else { return Outcome::NotExpected };
    if trial.judgement.is_none() && trial.verdict != Some(Verdict::Deny) {
        return Outcome::Inconclusive;
    }
    if let Some(verdict) = expected.get("verdict").and_then(Value::as_str) {
        let same = trial.verdict.is_some_and(|v| v.as_str() == verdict);
        return if same { Outcome::Passed } else { Outcome::Failed };
    }
    if !trial.released() {
        return Outcome::Inconclusive;
    }
    let schema = step.output.as_ref().and_then(|name| served.workflow.types.get(name));
    let fields = schema.and_then(|t| t.schema.get("properties")).and_then(Value::as_object);
    let compared =
        expected.as_object().into_iter().flatten().filter(|(k, _)| fields.is_none_or(|f| f.contains_key(*k)));
    let mut any = false;
    for (key, want) in compared {
        any = true;
        if trial.output.as_ref().and_then(|o| o.get(key)) != Some(want) {
            return Outcome::Failed;
        }
    }
    if any { Outcome::Passed } else { Outcome::NotExpected }
}

pub(crate) fn result(
    step: &Step,
    served: &Served,
    program: &StepProgram,
    example: &Example,
    trial: &Trial,
) -> ExampleResult {
    let threshold = program.plan().thresholds().into_iter().next();
    let wrong = threshold.and_then(|t| {
        let output = trial.output.as_ref().filter(|_| trial.released())?;
        program.wrong(t.name(), &example.input, output, example.expected.as_ref()?).ok()
    });
    let mut rules: Vec<_> = trial.findings.iter().map(|f| (f.path.clone(), f.objects())).collect();
    rules.extend(trial.facts.whens.iter().map(|w| (w.path.clone(), w.holds)));
    ExampleResult {
        id: example.id.clone(),
        verdict: trial.verdict,
        outcome: outcome(step, served, example, trial),
        must_not_pass: example.must_not_pass,
        wrong,
        rules,
        slices: slices_of(&served.workflow, program, &example.input),
    }
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
            done.push(self.evaluate_set(caller, &handle, &served, &set, progress).await?);
        }
        Ok(done)
    }

    pub(crate) fn may_evaluate(&self, caller: &Caller, served: &Served) -> Result<(), Refused> {
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, Act::Evaluate, &circumstances)
    }

    async fn evaluate_set(
        &self,
        caller: &Caller,
        handle: &Handle,
        served: &Served,
        set: &str,
        progress: &dyn Progress,
    ) -> Result<Evaluated, Refused> {
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
        let obtained = examples.iter().all(|e| e.output.is_none());
        let trials = self.trials(served, step, program, &examples, set, progress).await;
        let results: Vec<ExampleResult> =
            examples.iter().zip(&trials).map(|(e, t)| result(step, served, program, e, t)).collect();
        let under_test = SetUnderTest {
            set: set.to_owned(),
            examples: found.digest,
            drawn: found.drawn.as_str().to_owned(),
            category: found.category.clone(),
            model: served.models.get(&step.name).map(|m| m.identity.clone()).unwrap_or_default(),
            obtained,
        };
        let evaluation = seatrial_sprint::evaluate::evaluate(under_test, &results).map_err(internal)?;
        let event = self.record_evaluation(caller, handle, served, evaluation).await?;
        Ok(Evaluated { event: event.0, body: event.1, side })
    }

    pub(crate) async fn record_evaluation(
        &self,
        caller: &Caller,
        handle: &Handle,
        served: &Served,
        evaluation: seatrial_sprint::Evaluation,
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
        let batch = Batch { events: vec![event], blobs: vec![evaluation.results], ..Batch::default() };
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
        let total = examples.len() as u64;
        let mut stream = futures_util::stream::iter(examples)
            .map(|example| async move {
                let candidate = candidate_for(served, step, program, example).await;
                try_candidate(program, &example.input, candidate.as_ref())
            })
            .buffered(IN_FLIGHT_MAX);
        let mut trials = Vec::with_capacity(examples.len());
        while let Some(trial) = stream.next().await {
            trials.push(trial);
            progress.done(what, trials.len() as u64, total);
        }
        trials
    }
}

/// The output that came with an example, or what the model answers.
async fn candidate_for(served: &Served, step: &Step, program: &StepProgram, example: &Example) -> Option<Candidate> {
    if let Some(output) = &example.output {
        let text = output.as_str().map_or_else(|| output.to_string(), str::to_owned);
        return Some(Candidate { confidence: example.confidence, ..Candidate::text(text) });
    }
    if crate::verdicts::input_denied(program.plan(), &program.check_input(&example.input)) {
        return None;
    }
    let model = served.models.get(&step.name)?;
    let wanted = step.model.as_ref()?;
    let messages = if model.embedded { Vec::new() } else { program.render(&example.input).ok()? };
    let ask = Ask {
        model: wanted.name.clone(),
        body: AskBody::Messages { messages, input: program.withhold(&example.input) },
        temperature: wanted.temperature,
        schema: crate::serve::output_schema(served, step),
        logprobs: matches!(step.confidence, Some(seatrial_spec::workflow::ConfidenceSource::Logprobs(_))),
        timeout_ms: step.within.map_or(crate::serve::STEP_MS_MAX, |w| w.as_millis()),
    };
    let reply = model.model.ask(ask).await.ok()?;
    Some(Candidate { parts: reply.parts, confidence: None, logprobs: reply.logprobs })
}

/// Sets that a threshold is calibrated on or a model learns from.
fn reserved(served: &Served) -> Vec<String> {
    let workflow = &served.workflow;
    let thresholds = workflow.thresholds.values().filter_map(|t| t.examples.clone());
    let models = workflow.steps.iter().filter_map(|s| s.model.as_ref()?.train.as_ref()).map(|t| t.examples.clone());
    thresholds.chain(models).collect()
}
