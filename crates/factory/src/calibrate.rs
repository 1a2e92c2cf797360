//! Calibration: propose from what is known, certify on what is sealed, as often as was declared.

mod ledger;

use crate::api::{Caller, Refused};
use crate::approve::{newest, unchanged};
use crate::evaluate::{Progress, Trial, point, try_candidate};
use crate::examples::training_rows;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served};
use crate::reviews::settle;
use crate::running::{certificates, review_load};
use seatrial_classifier::{FitOptions, cross_predict};
use seatrial_governance::status::ReviewLoad;
use seatrial_guard::{Candidate, StepProgram};
use seatrial_model::event::{ExamplesSealed, Share, SplitSide, ThresholdProposed, ThresholdTested};
use seatrial_model::{Body, ElementPath, EventId, Logged};
use seatrial_spec::workflow::{ConfidenceSource, Method as SpecMethod, Step, Threshold, Workflow};
use seatrial_sprint::calibrate::{NextAttempt, SlicePower};
use seatrial_sprint::curve::CurvePoint;
use seatrial_sprint::{CertificateContext, Example, Method, Point, Promise, Split, Terms, stats};
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
    /// How many sealed examples are left out, because they are spent.
    pub left_out: u64,
    /// Which attempt the certification will be, and of how many.
    pub attempt: (u64, u64),
    /// The power for each slice with a guarantee of its own.
    pub slices: Vec<SlicePower>,
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
    /// A few points of it, the tested one among them, from strict to loose; none where the figures are withheld.
    pub points: Vec<CurvePoint>,
    /// Of a fixed sequence, the loosest point that is certified: writing it into the spec spends nothing.
    pub loosest: Option<f64>,
    /// Whether it is another point of a sequence that was tested before: nothing was opened, nothing was spent.
    pub taken_over: bool,
    /// Expected reviews a day beside what the people present can answer; none where the spec does not say how many cases
    /// come.
    pub load: Option<ReviewLoad>,
}

/// What a calibration works on.
struct Bench {
    handle: Arc<Handle>,
    served: Arc<Served>,
    name: String,
    settings: Threshold,
    promise: Promise,
    method: Method,
    set: String,
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
        self.at(&self.split.thinned(side, &self.examples))
    }

    fn at(&self, places: &[usize]) -> Vec<Example> {
        places.iter().filter_map(|i| self.examples.get(*i).cloned()).collect()
    }

    fn path(&self) -> ElementPath {
        ElementPath::new(format!("thresholds.{}", self.name))
    }

    /// The slices with a guarantee of their own.
    fn required(&self) -> Vec<String> {
        let slices = &self.served.workflow.slices;
        slices.iter().filter(|(_, s)| s.required).map(|(name, _)| name.clone()).collect()
    }

    fn terms(&self, next: &NextAttempt) -> Terms {
        Terms { promise: self.promise, attempt: next.attempt, attempts: next.attempts, required: self.required() }
    }

    /// The points of examples that gave an output and have a truth.
    fn points(&self, examples: &[Example], trials: &[Trial]) -> Result<Vec<Point>, Refused> {
        let program = self.program()?;
        let each = examples.iter().zip(trials);
        Ok(each.filter_map(|(e, t)| point_of(&self.served.workflow, program, &self.name, e, t)).collect())
    }
}

/// An example's point. Where it cannot be told whether it lies in a slice with a guarantee of its own, it counts as lying
/// there, and goes to a person: so does the case at run time.
fn point_of(
    workflow: &Workflow,
    program: &StepProgram,
    threshold: &str,
    example: &Example,
    trial: &Trial,
) -> Option<Point> {
    let mut point = point(workflow, program, threshold, example, trial)?;
    for (slice, _) in program.guaranteed_slices(&example.input).into_iter().filter(|(_, failed)| *failed) {
        point.passes = false;
        point.slices.push(slice.name().to_owned());
    }
    Some(point)
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
        let mut points = bench.points(&tune, &trials)?;
        points.extend(training_points(&bench, program)?);
        let events = self.delivery_events(&bench.handle.log).await.map_err(not_recorded)?;
        let next = self.next_attempt(&bench, &events).await?;
        let certify_on = next.places.len() as u64;
        let proposal = seatrial_sprint::propose(&points, certify_on, &bench.method, &bench.terms(&next))
            .map_err(|e| Refused::Invalid(format!("no threshold can be proposed: {e}")))?;
        let body = proposal.event(bench.path());
        let mut event = self
            .event(&bench.handle.log, caller.principal.clone(), Body::ThresholdProposed(body.clone()))
            .map_err(internal)?;
        event.spec = Some(bench.served.workflow.digest);
        event.subject.element = Some(bench.path());
        let id = event.id;
        self.0.store.append(&bench.handle.log, Batch::of(event)).await.map_err(not_recorded)?;
        let (left_out, attempt) = (next.left_out, (next.attempt, next.attempts));
        Ok(Proposed { event: id, body, certify_on, left_out, attempt, slices: proposal.slices })
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
        let at = bench.settings.at.ok_or_else(|| {
            Refused::Invalid(format!(
                "`thresholds.{threshold}.at` is `none`: nothing passes without a person, and there is nothing to certify. `seatrial calibrate {threshold} --write` proposes a number"
            ))
        })?;
        let events = self.delivery_events(&bench.handle.log).await.map_err(not_recorded)?;
        let seen = newest(&events);
        if let Some(tested) = self.taken_over(&bench, at, &events).await? {
            let event = self.record_test(caller, &bench, &tested, Vec::new(), seen).await?;
            let load = self.load_with(&bench, &tested, &events);
            let curve = String::new();
            return Ok(CertifiedOutcome {
                event,
                body: tested,
                curve,
                points: Vec::new(),
                loosest: None,
                taken_over: true,
                load,
            });
        }
        let next = self.next_attempt(&bench, &events).await?;
        let terms = bench.terms(&next);
        can_be_certified(&bench, &next, &terms)?;
        let certify = bench.at(&next.places);
        let program = bench.program()?;
        let trials = self.trials(&bench.served, &bench.step, program, &certify, "sealed examples", progress).await;
        let points = bench.points(&certify, &trials)?;
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
        let context = context_of(&bench, &next)?;
        let tested = seatrial_sprint::certify(&points, at, &bench.method, &terms, &context)
            .map_err(|e| Refused::Invalid(format!("the threshold cannot be tested: {e}")))?;
        let blobs = vec![tested.curve.clone().into_bytes()];
        let event = self.record_test(caller, &bench, &tested.event, blobs, seen).await?;
        let withheld = tested.event.certificate.withheld;
        let points = if withheld { Vec::new() } else { few_points(&points, at) };
        let load = self.load_with(&bench, &tested.event, &events);
        let (body, curve, loosest) = (tested.event, tested.curve, tested.loosest);
        Ok(CertifiedOutcome { event, body, curve, points, loosest, taken_over: false, load })
    }

    /// The reviews to expect with what was just tested, which stands in no event yet that `events` holds.
    fn load_with(&self, bench: &Bench, tested: &ThresholdTested, events: &[Logged]) -> Option<ReviewLoad> {
        let workflow = &bench.served.workflow;
        let mut certificates = certificates(workflow, events);
        certificates.remove(&bench.name);
        if tested.certified {
            certificates.insert(bench.name.clone(), &tested.certificate);
        }
        review_load(workflow, &self.spec(), &certificates, self.now())
    }

    /// Records an attempt. Two at once would both spend the same share of the assurance: one of them is refused.
    async fn record_test(
        &self,
        caller: &Caller,
        bench: &Bench,
        tested: &ThresholdTested,
        blobs: Vec<Vec<u8>>,
        seen: Option<u64>,
    ) -> Result<EventId, Refused> {
        let body = Body::ThresholdTested(tested.clone());
        let mut event = self.event(&bench.handle.log, caller.principal.clone(), body).map_err(internal)?;
        event.spec = Some(bench.served.workflow.digest);
        event.subject.element = Some(bench.path());
        let id = format!("threshold.{}", bench.name);
        event.evidence = self.evidence(&bench.handle.log, &bench.served.workflow, &[&id]).await?;
        let event_id = event.id;
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(&bench.handle.log, move |view| {
                unchanged(view, seen)?;
                Ok((Batch { events: vec![event], blobs, ..Batch::default() }, ()))
            })
            .await;
        settle(done)?;
        Ok(event_id)
    }

    /// The certificate of a point that an earlier fixed sequence has certified, where nothing but `at` has changed since:
    /// nothing is opened for it, and nothing spent.
    async fn taken_over(&self, bench: &Bench, at: f64, events: &[Logged]) -> Result<Option<ThresholdTested>, Refused> {
        let id = format!("threshold.{}", bench.name);
        let revoked = |event: EventId| {
            events.iter().any(|l| matches!(&l.event.body, Body::CertificateRevoked(r) if r.certificate == event))
        };
        for logged in events.iter().rev() {
            let Body::ThresholdTested(tested) = &logged.event.body else { continue };
            let earlier = &tested.certificate;
            if earlier.threshold != bench.path() || earlier.grid.is_empty() || revoked(logged.event.id) {
                continue;
            }
            let Some(taken) = seatrial_sprint::calibrate::taken_over(earlier, at) else { continue };
            let mut then = (*bench.served.workflow).clone();
            if let Some(threshold) = then.thresholds.get_mut(&bench.name) {
                threshold.at = earlier.at;
            }
            then.elements = seatrial_spec::identity::elements(&then).map_err(internal)?;
            let keys = self.evidence(&bench.handle.log, &then, &[&id]).await?;
            let recorded = |key| logged.event.evidence.iter().any(|e| e.obligation == id && e.key == key);
            if !keys.is_empty() && keys.iter().all(|e| recorded(e.key)) {
                return Ok(Some(taken));
            }
        }
        Ok(None)
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
        let settings = served.workflow.thresholds.get(threshold).cloned().ok_or_else(|| {
            let known: Vec<&str> = served.workflow.thresholds.keys().map(String::as_str).collect();
            Refused::NotFound(format!("the spec has no such threshold; it has: {}", known.join(", ")))
        })?;
        let (promise, set) = promise_of(threshold, &settings)?;
        let step = step_of(&served.workflow, threshold, &set)?.clone();
        // A salt that is given is for the threshold's set; a model that learns from another keeps to the salt of that.
        let learns = step.model.as_ref().and_then(|m| m.train.as_ref()).is_some_and(|t| t.examples == set);
        let served = self.with_models(caller, Arc::clone(&handle), served, salt.filter(|_| learns)).await?;
        let (examples, split, sealed) = self.sealed(caller, &handle, &served.workflow, &set, salt).await?;
        let method = match settings.method {
            SpecMethod::Split => Method::Split,
            SpecMethod::FixedSequence => Method::FixedSequence(settings.grid.clone()),
        };
        let name = threshold.to_owned();
        Ok(Bench { handle, served, name, settings, promise, method, set, examples, split, sealed, step })
    }
}

/// The one step that escalates by a threshold, which the examples are for, too.
fn step_of<'w>(workflow: &'w Workflow, threshold: &str, set: &str) -> Result<&'w Step, Refused> {
    let path = ElementPath::new(format!("thresholds.{threshold}"));
    let mut steps = workflow.steps.iter().filter(|s| s.escalate.iter().any(|e| e.thresholds.contains(&path)));
    let step = steps.next().ok_or_else(|| {
        Refused::Invalid(format!("no step escalates by `thresholds.{threshold}`: it holds nothing back"))
    })?;
    if let Some(other) = steps.next() {
        return Err(Refused::Invalid(format!(
            "nothing was calibrated: `{}` and `{}` both escalate by `thresholds.{threshold}`, and examples of one say nothing about the other; give each its own threshold",
            step.name, other.name
        )));
    }
    if let Some(other) = workflow.examples.get(set).map(|s| &s.step).filter(|s| **s != step.name) {
        return Err(Refused::Invalid(format!(
            "nothing was calibrated: the examples of `{set}` are for `{other}`, and `thresholds.{threshold}` holds back `{}`",
            step.name
        )));
    }
    if step.confidence == Some(ConfidenceSource::Caller) {
        return Err(Refused::Invalid(format!(
            "nothing was calibrated: the confidence of `{}` is what its caller claims, and a spec names no version of its caller; another version may claim another. Write another source of confidence, or `at: none`",
            step.name
        )));
    }
    Ok(step)
}

fn context_of(bench: &Bench, next: &NextAttempt) -> Result<CertificateContext, Refused> {
    let sealed = bench.sealed.sides.get(&SplitSide::Certify).map(|s| s.digest);
    let all = bench.split.indexes(SplitSide::Certify).count();
    let thinned = all - bench.split.thinned(SplitSide::Certify, &bench.examples).len();
    Ok(CertificateContext {
        threshold: bench.path(),
        sealed: sealed.ok_or_else(|| internal("the certification side is not sealed"))?,
        model: bench.served.models.get(&bench.step.name).map(|m| m.identity.clone()).unwrap_or_default(),
        confidence: bench.step.confidence.as_ref().map(|c| c.label()).unwrap_or_default(),
        left_out: next.left_out,
        thinned: thinned as u64,
    })
}

/// Refuses to open examples that could not certify whatever they hold.
fn can_be_certified(bench: &Bench, next: &NextAttempt, terms: &Terms) -> Result<(), Refused> {
    let level = terms.level().map_err(|e| Refused::Invalid(e.to_string()))?;
    let n = next.places.len() as u64;
    let needed = stats::items_needed(0, bench.promise.max_wrong(), level);
    if needed.is_some_and(|needed| n >= needed) {
        return Ok(());
    }
    let needed = needed.map_or_else(|| "more than anybody labels".to_owned(), |n| n.to_string());
    let spent = match next.left_out {
        0 => String::new(),
        spent => format!(
            " {spent} are spent, by an earlier attempt or evaluation; `attempts` says how often the same may be tested, and counts as it was before the first."
        ),
    };
    Err(Refused::Conflict {
        message: format!(
            "nothing was opened: of `{}` there are {n} sealed examples left to certify on, and this promise takes {needed} that pass without an error.{spent} Label fresh ones and add them to the set",
            bench.set
        ),
        now: None,
    })
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
        Some(ConfidenceSource::Output(field)) => field.rsplit('.').next(),
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
        points.extend(point_of(&bench.served.workflow, program, &bench.name, example, &trial));
    }
    Ok(points)
}

#[cfg(test)]
mod tests;
