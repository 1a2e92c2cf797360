//! Calibration by the split method: propose from what is known, certify on what is sealed, once.

use crate::api::{Caller, Refused};
use crate::approve::{newest, unchanged};
use crate::evaluate::{Progress, point, try_candidate};
use crate::examples::training_rows;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served};
use crate::reviews::settle;
use seatrial_classifier::{FitOptions, cross_predict};
use seatrial_guard::{Candidate, StepProgram};
use seatrial_model::event::{ExamplesSealed, Share, SplitSide, ThresholdProposed, ThresholdTested};
use seatrial_model::{Body, ElementPath, EventId};
use seatrial_spec::workflow::{Step, Threshold};
use seatrial_sprint::curve::CurvePoint;
use seatrial_sprint::{CertificateContext, Example, Point, Promise, Split};
use seatrial_store::{Batch, StoreExt as _};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Into how many parts the training side is cut, so that each part's confidences come from a model that did not
/// learn from it.
const FOLDS: usize = 5;

/// A threshold, proposed and recorded.
#[derive(Clone, Debug)]
pub struct Proposed {
    /// The event.
    pub event: EventId,
    /// Its body.
    pub body: ThresholdProposed,
    /// How many examples it will be certified on.
    pub certify_on: u64,
}

/// A certification attempt, recorded.
#[derive(Clone, Debug)]
pub struct CertifiedOutcome {
    /// The event.
    pub event: EventId,
    /// Its body.
    pub body: ThresholdTested,
    /// The risk–coverage curve as SVG.
    pub curve: String,
    /// A few points of it, the tested one among them, from strict to loose.
    pub points: Vec<CurvePoint>,
}

/// What a calibration works on.
struct Bench {
    handle: Arc<Handle>,
    served: Arc<Served>,
    name: String,
    promise: Promise,
    examples: Vec<Example>,
    split: Split,
    sealed: ExamplesSealed,
    step: Step,
}

impl Bench {
    fn program(&self) -> Result<&StepProgram, Refused> {
        self.served.program.step(&self.step.name).ok_or_else(|| internal("the step was not compiled"))
    }

    fn side(&self, side: SplitSide) -> Vec<Example> {
        let places = self.split.thinned(side, &self.examples);
        places.into_iter().filter_map(|i| self.examples.get(i).cloned()).collect()
    }

    fn path(&self) -> ElementPath {
        ElementPath::new(format!("thresholds.{}", self.name))
    }
}

impl Factory {
    /// Proposes a threshold from training and tuning examples, by its power to be certified.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn propose(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
        threshold: &str,
        salt: Option<String>,
        progress: &dyn Progress,
    ) -> Result<Proposed, Refused> {
        let bench = self.bench(caller, workflow, threshold, salt.as_deref()).await?;
        let program = bench.program()?;
        let tune = bench.side(SplitSide::Tune);
        let trials = self.trials(&bench.served, &bench.step, program, &tune, "tuning examples", progress).await;
        let mut points: Vec<Point> = tune
            .iter()
            .zip(&trials)
            .filter_map(|(e, t)| point(&bench.served.workflow, program, threshold, e, t))
            .collect();
        points.extend(training_points(&bench, program)?);
        let certify_on = bench.side(SplitSide::Certify).len() as u64;
        let proposal = seatrial_sprint::propose(&points, certify_on, bench.promise)
            .map_err(|e| Refused::Invalid(format!("no threshold can be proposed: {e}")))?;
        let body = proposal.event(bench.path());
        let mut event = self
            .event(&bench.handle.log, caller.principal.clone(), Body::ThresholdProposed(body.clone()))
            .map_err(internal)?;
        event.spec = Some(bench.served.workflow.digest);
        event.subject.element = Some(bench.path());
        let id = event.id;
        self.0.store.append(&bench.handle.log, Batch::of(event)).await.map_err(not_recorded)?;
        Ok(Proposed { event: id, body, certify_on })
    }

    /// Tests the number in the spec on the sealed examples. Every attempt is an event and spends assurance.
    ///
    /// # Errors
    /// [`Refused`]: nothing was opened and nothing recorded.
    pub async fn certify(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
        threshold: &str,
        progress: &dyn Progress,
    ) -> Result<CertifiedOutcome, Refused> {
        let bench = self.bench(caller, workflow, threshold, None).await?;
        let at = bench.served.workflow.thresholds.get(threshold).and_then(|t| t.at).ok_or_else(|| {
            Refused::Invalid(format!(
                "`thresholds.{threshold}.at` is `none`: nothing passes without a person, and there is nothing to certify. `seatrial calibrate {threshold} --write` proposes a number"
            ))
        })?;
        let program = bench.program()?;
        let certify = bench.side(SplitSide::Certify);
        let (attempt, seen) = self.attempts(&bench).await?;
        let trials = self.trials(&bench.served, &bench.step, program, &certify, "sealed examples", progress).await;
        let points: Vec<Point> = certify
            .iter()
            .zip(&trials)
            .filter_map(|(e, t)| point(&bench.served.workflow, program, threshold, e, t))
            .collect();
        if points.len() != certify.len() {
            return Err(Refused::Conflict {
                message: format!(
                    "{} of {} sealed examples gave no output or have no truth, so the certificate would be about others than were sealed",
                    certify.len() - points.len(),
                    certify.len()
                ),
                now: None,
            });
        }
        let sealed = bench.sealed.sides.get(&SplitSide::Certify).map(|s| s.digest);
        let context = CertificateContext {
            threshold: bench.path(),
            sealed: sealed.ok_or_else(|| internal("the certification side is not sealed"))?,
            model: bench.served.models.get(&bench.step.name).map(|m| m.identity.clone()).unwrap_or_default(),
            confidence: bench.step.confidence.as_ref().map(|c| c.label()).unwrap_or_default(),
            attempt,
        };
        let tested = seatrial_sprint::certify(&points, at, bench.promise, &context)
            .map_err(|e| Refused::Invalid(format!("the threshold cannot be tested: {e}")))?;
        let mut event = self
            .event(&bench.handle.log, caller.principal.clone(), Body::ThresholdTested(tested.event.clone()))
            .map_err(internal)?;
        event.spec = Some(bench.served.workflow.digest);
        event.subject.element = Some(bench.path());
        let id = format!("threshold.{threshold}");
        event.evidence = self.evidence(&bench.handle.log, &bench.served.workflow, &[&id]).await?;
        let event_id = event.id;
        let blobs = vec![tested.curve.clone().into_bytes()];
        // Two attempts at once would both spend the same share of the assurance: one of them is refused.
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(&bench.handle.log, move |view| {
                unchanged(view, seen)?;
                Ok((Batch { events: vec![event], blobs, ..Batch::default() }, ()))
            })
            .await;
        settle(done)?;
        let points = few_points(&points, at);
        Ok(CertifiedOutcome { event: event_id, body: tested.event, curve: tested.curve, points })
    }

    /// Which attempt the next one is, and the newest delivery event that this was counted upon.
    async fn attempts(&self, bench: &Bench) -> Result<(u64, Option<u64>), Refused> {
        let events = self.delivery_events(&bench.handle.log).await.map_err(not_recorded)?;
        // By the threshold's name and by the sealed examples: a new name for either opens nothing afresh.
        let (path, sealed) = (bench.path(), bench.sealed.sides.get(&SplitSide::Certify).map(|s| s.digest));
        let tests = events.iter().filter(|logged| match &logged.event.body {
            Body::ThresholdTested(t) => t.certificate.threshold == path || Some(t.certificate.sealed) == sealed,
            _ => false,
        });
        Ok((1 + tests.count() as u64, newest(&events)))
    }

    async fn bench(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
        threshold: &str,
        salt: Option<&str>,
    ) -> Result<Bench, Refused> {
        let (handle, served) = self.candidate(caller, workflow).await?;
        self.may_evaluate(caller, &served)?;
        let served = self.with_models(caller, Arc::clone(&handle), served, salt).await?;
        let settings = served.workflow.thresholds.get(threshold).cloned().ok_or_else(|| {
            let known: Vec<&str> = served.workflow.thresholds.keys().map(String::as_str).collect();
            Refused::NotFound(format!("the spec has no such threshold; it has: {}", known.join(", ")))
        })?;
        let (promise, set) = promise_of(threshold, &settings)?;
        let (examples, split, sealed) = self.sealed(caller, &handle, &served.workflow, &set, salt).await?;
        let path = ElementPath::new(format!("thresholds.{threshold}"));
        let step = served.workflow.steps.iter().find(|s| s.escalate.iter().any(|e| e.thresholds.contains(&path)));
        let step = step.cloned().ok_or_else(|| {
            Refused::Invalid(format!("no step escalates by `thresholds.{threshold}`: it holds nothing back"))
        })?;
        Ok(Bench { handle, served, name: threshold.to_owned(), promise, examples, split, sealed, step })
    }
}

/// Points of the curve for a table: round confidences from strict to loose, and the tested one.
fn few_points(points: &[Point], at: f64) -> Vec<CurvePoint> {
    let share = |from: f64| {
        let passing = points.iter().filter(|p| p.passes_at(from));
        let (n, k) = passing.fold((0_u64, 0_u64), |(n, k), p| (n + 1, k + u64::from(p.wrong)));
        CurvePoint { at: from, coverage: Share { k: n, n: points.len() as u64 }, wrong: Share { k, n } }
    };
    let round = [0.98, 0.95, 0.9, 0.85, 0.8, 0.7, 0.5];
    let mut all: Vec<f64> = round.into_iter().filter(|r| (r - at).abs() > 1e-9).collect();
    all.push(at);
    all.sort_by(|a, b| b.total_cmp(a));
    all.into_iter().map(share).collect()
}

fn promise_of(name: &str, settings: &Threshold) -> Result<(Promise, String), Refused> {
    let missing = |what: &str| Refused::Invalid(format!("`thresholds.{name}.{what}` is missing: a promise needs it"));
    let max_wrong = settings.max_wrong.ok_or_else(|| missing("max_wrong"))?;
    let assurance = settings.assurance.ok_or_else(|| missing("assurance"))?;
    let set = settings.examples.clone().ok_or_else(|| missing("examples"))?;
    let promise = Promise::new(max_wrong, assurance).map_err(|e| Refused::Invalid(e.to_string()))?;
    Ok((promise, set))
}

/// Training examples as points, by cross-fitting, where the model is the embedded one; none otherwise.
fn training_points(bench: &Bench, program: &StepProgram) -> Result<Vec<Point>, Refused> {
    let Some(train) = bench.step.model.as_ref().and_then(|m| m.train.as_ref()) else { return Ok(Vec::new()) };
    if bench.served.workflow.thresholds.get(&bench.name).and_then(|t| t.examples.as_ref()) != Some(&train.examples) {
        return Ok(Vec::new());
    }
    let rows = training_rows(&bench.served.workflow, &bench.step, train, &bench.examples, &bench.split)?;
    let predictions = cross_predict(&rows.rows, &rows.features, &FitOptions::default(), FOLDS)
        .map_err(|e| Refused::Invalid(format!("the training examples cannot be cross-fitted: {e}")))?;
    let label = train.label.rsplit('.').next().unwrap_or(&train.label);
    let confidence = match &bench.step.confidence {
        Some(seatrial_spec::workflow::ConfidenceSource::Output(field)) => field.rsplit('.').next(),
        _ => None,
    };
    let mut points = Vec::with_capacity(predictions.len());
    for (place, prediction) in rows.places.iter().zip(&predictions) {
        let Some(example) = bench.examples.get(*place) else { continue };
        let mut output = Map::new();
        output.insert(label.to_owned(), Value::from(prediction.label()));
        if let Some(field) = confidence {
            output.insert(field.to_owned(), Value::from(prediction.confidence()));
        }
        let trial = try_candidate(program, &example.input, Some(&Candidate::value(&Value::Object(output))));
        points.extend(point(&bench.served.workflow, program, &bench.name, example, &trial));
    }
    Ok(points)
}
