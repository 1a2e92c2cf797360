//! What the log says was done with examples before, read from the sets as they stood then.

use super::Bench;
use crate::api::Refused;
use crate::examples::load_examples;
use crate::factory::{Factory, internal};
use seatrial_model::event::SplitSide;
use seatrial_model::{Body, Digest, Logged};
use seatrial_spec::Workflow;
use seatrial_sprint::Split;
use seatrial_sprint::calibrate::{NextAttempt, Spending, marks};
use std::collections::HashMap;
use std::sync::Arc;

/// Examples of a set as they stood under one spec, with the side that each is on.
struct OldSet {
    examples: Vec<(Vec<Digest>, Option<SplitSide>)>,
    /// The places of the certification side, thinned.
    certify: Vec<usize>,
    /// Whether a threshold or a model had it reserved: then an evaluation saw its tuning side alone.
    reserved: bool,
}

impl OldSet {
    fn of(workflow: &Workflow, set: &str, salt: Option<&str>) -> Result<Self, Refused> {
        let examples = load_examples(workflow, set)?;
        let split = salt.map(|salt| Split::of(salt, &examples)).transpose().map_err(internal)?;
        let certify = split.as_ref().map(|s| s.thinned(SplitSide::Certify, &examples)).unwrap_or_default();
        let each = examples.iter().enumerate();
        let examples = each
            .map(|(i, e)| Ok((marks(e).map_err(internal)?, split.as_ref().and_then(|s| s.side(i)))))
            .collect::<Result<_, Refused>>()?;
        Ok(Self { examples, certify, reserved: is_reserved(workflow, set) })
    }

    /// What an evaluation of the set asked.
    fn evaluated(&self) -> Vec<Digest> {
        let seen = |side: &Option<SplitSide>| !self.reserved || *side == Some(SplitSide::Tune);
        self.examples.iter().filter(|(_, side)| seen(side)).flat_map(|(marks, _)| marks.clone()).collect()
    }

    /// What a model learned from.
    fn learned(&self) -> Vec<Digest> {
        self.on(&[SplitSide::Train])
    }

    /// What a number was proposed from.
    fn proposed_from(&self) -> Vec<Digest> {
        self.on(&[SplitSide::Train, SplitSide::Tune])
    }

    fn on(&self, sides: &[SplitSide]) -> Vec<Digest> {
        let on = |side: &Option<SplitSide>| side.is_some_and(|s| sides.contains(&s));
        self.examples.iter().filter(|(_, side)| on(side)).flat_map(|(marks, _)| marks.clone()).collect()
    }

    /// What an attempt tested: the whole side, or what of it was fresh then.
    fn tested(&self, left_out: u64, before: &Spending) -> Vec<Digest> {
        let side = self.certify.iter().filter_map(|i| self.examples.get(*i)).map(|(marks, _)| marks);
        side.filter(|marks| left_out == 0 || !before.touched(marks)).flatten().copied().collect()
    }
}

/// Whether a threshold is calibrated on it, or a model learns from it.
fn is_reserved(workflow: &Workflow, set: &str) -> bool {
    let thresholds = workflow.thresholds.values().filter_map(|t| t.examples.as_deref());
    let trains = workflow.steps.iter().filter_map(|s| s.model.as_ref()?.train.as_ref()).map(|t| t.examples.as_str());
    thresholds.chain(trains).any(|name| name == set)
}

/// The sets of old specs, each read once.
struct Sets<'f> {
    factory: &'f Factory,
    bench: &'f Bench,
    /// The salt of the first seal of each set's name or digest.
    salts: Vec<(String, Digest, String)>,
    specs: HashMap<Digest, Option<Arc<Workflow>>>,
    sets: HashMap<(Digest, bool, Option<String>), Arc<OldSet>>,
}

impl Sets<'_> {
    /// The set as a spec had it; none where that spec cannot be read any more.
    async fn get(&mut self, spec: Digest, set: &str) -> Result<Option<Arc<OldSet>>, Refused> {
        let workflow = match self.specs.get(&spec) {
            Some(known) => known.clone(),
            None if spec == self.bench.served.workflow.digest => Some(Arc::clone(&self.bench.served.workflow)),
            None => {
                let read = self.factory.load_spec(&self.bench.handle.log, spec).await;
                read.ok().map(|(workflow, _)| Arc::new(workflow))
            }
        };
        self.specs.insert(spec, workflow.clone());
        let Some(workflow) = workflow else { return Ok(None) };
        let Some(digest) = workflow.examples.get(set).map(|s| s.digest) else { return Ok(None) };
        let salt =
            self.salts.iter().find(|(name, of, _)| name == set || *of == digest).map(|(_, _, salt)| salt.clone());
        // The same set under two specs is read once, where it was reserved under both or neither.
        let key = (digest, is_reserved(&workflow, set), salt.clone());
        if let Some(known) = self.sets.get(&key) {
            return Ok(Some(Arc::clone(known)));
        }
        let read = Arc::new(OldSet::of(&workflow, set, salt.as_deref())?);
        self.sets.insert(key, Arc::clone(&read));
        Ok(Some(read))
    }

    /// The set of today's spec with these examples: for what was done under a spec that cannot be read any more.
    async fn of_today(&mut self, examples: Digest) -> Result<Option<Arc<OldSet>>, Refused> {
        let workflow = &self.bench.served.workflow;
        let found = workflow.examples.iter().find(|(_, set)| set.digest == examples).map(|(name, _)| name.clone());
        let spec = workflow.digest;
        match found {
            Some(name) => self.get(spec, &name).await,
            None => Ok(None),
        }
    }
}

impl Factory {
    /// Which attempt the next one is, on which of the sealed examples.
    pub(super) async fn next_attempt(&self, bench: &Bench, events: &[Logged]) -> Result<NextAttempt, Refused> {
        let places = bench.split.thinned(SplitSide::Certify, &bench.examples);
        let mut side = Vec::with_capacity(places.len());
        for place in places {
            let Some(example) = bench.examples.get(place) else { continue };
            side.push((place, marks(example).map_err(internal)?));
        }
        let spending = self.spending(bench, events, &side).await?;
        Ok(spending.next(&side, bench.settings.attempts))
    }

    /// Everything that was done with examples, as the log tells it.
    async fn spending(
        &self,
        bench: &Bench,
        events: &[Logged],
        side: &[(usize, Vec<Digest>)],
    ) -> Result<Spending, Refused> {
        let mut sets = Sets { factory: self, bench, salts: salts(events), specs: HashMap::new(), sets: HashMap::new() };
        let mut spending = Spending::default();
        // Of a use that cannot be read any more, nothing is known but that it was: it may have been of these.
        let everything = || side.iter().flat_map(|(_, marks)| marks.clone()).collect::<Vec<_>>();
        let mut first_of_sequence = HashMap::new();
        for logged in events {
            let Some(spec) = logged.event.spec else { continue };
            match &logged.event.body {
                Body::ThresholdTested(tested) => {
                    let c = &tested.certificate;
                    // Another point of a sequence that was tested before: it opened nothing.
                    let same = (c.sealed, c.curve, c.attempt, c.grid.len());
                    if !c.grid.is_empty() && first_of_sequence.insert(same, logged.event.id).is_some() {
                        continue;
                    }
                    let set = self.set_of_test(&mut sets, spec, &c.threshold).await?;
                    let marks = set.map_or_else(everything, |set| set.tested(c.left_out, &spending));
                    spending.tested(marks, c.attempts);
                }
                Body::EvaluationRecorded(evaluation) => {
                    let set = match sets.get(spec, &evaluation.set).await? {
                        None => sets.of_today(evaluation.examples).await?,
                        found => found,
                    };
                    spending.evaluated(set.map_or_else(everything, |set| set.evaluated()));
                }
                // A number that was proposed from these fits them: they say nothing about it. (Of its own set these are
                // other sides; only another one can share examples with them.)
                Body::ThresholdProposed(proposed) => {
                    let set = self.set_of_test(&mut sets, spec, &proposed.threshold).await?;
                    spending.learned(set.map(|set| set.proposed_from()).unwrap_or_default());
                }
                _ => {}
            }
        }
        spending.learned(learned(bench, &mut sets).await?);
        Ok(spending)
    }

    async fn set_of_test(
        &self,
        sets: &mut Sets<'_>,
        spec: Digest,
        threshold: &seatrial_model::ElementPath,
    ) -> Result<Option<Arc<OldSet>>, Refused> {
        // Reads the spec.
        sets.get(spec, "").await?;
        let workflow = sets.specs.get(&spec).cloned().flatten();
        let name = workflow.and_then(|w| w.thresholds.get(threshold.name()).and_then(|t| t.examples.clone()));
        match name {
            Some(name) => sets.get(spec, &name).await,
            None => Ok(None),
        }
    }
}

/// What the step's model learned from, where that is another set: on its own set the sides are apart.
async fn learned(bench: &Bench, sets: &mut Sets<'_>) -> Result<Vec<Digest>, Refused> {
    let Some(train) = bench.step.model.as_ref().and_then(|m| m.train.as_ref()).filter(|t| t.examples != bench.set)
    else {
        return Ok(Vec::new());
    };
    let Some(set) = sets.get(bench.served.workflow.digest, &train.examples).await? else { return Ok(Vec::new()) };
    Ok(set.learned())
}

fn salts(events: &[Logged]) -> Vec<(String, Digest, String)> {
    let sealed = events.iter().filter_map(|logged| match &logged.event.body {
        Body::ExamplesSealed(sealed) => Some(sealed),
        _ => None,
    });
    sealed.map(|s| (s.set.clone(), s.examples, s.salt.clone())).collect()
}
