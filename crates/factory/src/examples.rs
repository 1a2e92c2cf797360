//! Example sets: reading, splitting, sealing; and training the embedded model on its side.

use crate::api::{Caller, Refused};
use crate::clock::random;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served};
use seatrial_classifier::{Feature, FitOptions, features_from_schema, fit};
use seatrial_model::digest::hex;
use seatrial_model::event::{ExamplesSealed, ModelTrained, SplitSide};
use seatrial_model::{Body, Digest, ElementPath, LogName};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::{Step, Train};
use seatrial_sprint::{Example, Split, parse_examples};
use seatrial_store::{Batch, StoreExt as _};
use serde_json::Value;
use std::sync::Arc;

/// How the classifier is fitted; part of the recipe, so that another way of fitting is another model.
const FITTING: &str = "classifier/1";

/// The examples of a set.
pub(crate) fn load_examples(workflow: &Workflow, set: &str) -> Result<Vec<Example>, Refused> {
    let found = workflow.examples.get(set).ok_or_else(|| {
        let known: Vec<&str> = workflow.examples.keys().map(String::as_str).collect();
        let shown = seatrial_model::Untrusted::new(set).terminal(80);
        Refused::NotFound(format!("the spec has no example set `{shown}`; it has: {}", known.join(", ")))
    })?;
    let file = workflow.files.get(&found.file).ok_or_else(|| internal("the set's file is gone"))?;
    parse_examples(&file.bytes).map_err(|errors| {
        let shown: Vec<String> = errors.iter().take(5).map(ToString::to_string).collect();
        Refused::Invalid(format!("`{}` has {} error(s): {}", found.file, errors.len(), shown.join("; ")))
    })
}

/// A value by its dotted path.
fn at_path<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |v, name| v.get(name))
}

/// The label that a classifier learns: `expected.decision` of an example.
fn label_of(example: &Example, path: &str) -> Option<String> {
    let rest = path.strip_prefix("expected.")?;
    let value = at_path(example.expected.as_ref()?, rest)?;
    value.as_str().map(str::to_owned)
}

/// What a classifier learns from: rows in the set's order.
pub(crate) struct TrainingRows {
    pub(crate) rows: Vec<(Value, String)>,
    /// Places of these rows in the set.
    pub(crate) places: Vec<usize>,
    pub(crate) features: Vec<Feature>,
}

/// The training side of a set.
pub(crate) fn training_rows(
    workflow: &Workflow,
    step: &Step,
    train: &Train,
    examples: &[Example],
    split: &Split,
) -> Result<TrainingRows, Refused> {
    let schema = step.input.as_ref().and_then(|name| workflow.types.get(name)).map(|t| Arc::clone(&t.schema));
    let schema = schema.ok_or_else(|| Refused::Invalid("a trained step needs an `input` type".to_owned()))?;
    let features = features_from_schema(&schema, &step.withhold);
    let places = split.thinned(SplitSide::Train, examples);
    let mut rows = Vec::with_capacity(places.len());
    let mut used = Vec::with_capacity(places.len());
    for place in places {
        let Some(example) = examples.get(place) else { continue };
        if let Some(label) = label_of(example, &train.label) {
            rows.push((example.input.clone(), label));
            used.push(place);
        }
    }
    Ok(TrainingRows { rows, places: used, features })
}

impl Factory {
    /// The newest seal of a set as the spec has it, and the salt of its first one: no example ever changes side, under
    /// whatever name the set stands.
    async fn seals(
        &self,
        log: &LogName,
        workflow: &Workflow,
        set: &str,
    ) -> Result<(Option<ExamplesSealed>, Option<String>), Refused> {
        let digest = workflow.examples.get(set).map(|s| s.digest);
        let events = self.delivery_events(log).await.map_err(not_recorded)?;
        let mut salt = None;
        let mut current = None;
        for logged in &events {
            if let Body::ExamplesSealed(sealed) = &logged.event.body
                && (sealed.set == set || Some(sealed.examples) == digest)
            {
                salt.get_or_insert_with(|| sealed.salt.clone());
                current = (Some(sealed.examples) == digest).then(|| sealed.clone()).or(current);
            }
        }
        Ok((current, salt))
    }

    /// The split of a set, sealed in the log before any output on its certification side exists. The salt is drawn at
    /// the first time (or given, by a simulation that wants to be repeated).
    pub(crate) async fn sealed(
        &self,
        caller: &Caller,
        handle: &Handle,
        workflow: &Workflow,
        set: &str,
        salt: Option<&str>,
    ) -> Result<(Vec<Example>, Split, ExamplesSealed), Refused> {
        let examples = load_examples(workflow, set)?;
        let (current, known) = self.seals(&handle.log, workflow, set).await?;
        let salt = match (known, salt) {
            (Some(known), Some(given)) if known != given => {
                return Err(Refused::Conflict {
                    message: format!("the split of `{set}` was sealed under another salt; no example changes side"),
                    now: Some(known),
                });
            }
            (Some(known), _) => known,
            (None, Some(given)) if self.is_simulation() => given.to_owned(),
            (None, Some(_)) => {
                return Err(Refused::Forbidden("only a simulation chooses the salt of a split".to_owned()));
            }
            (None, None) => hex(&random::<16>().map_err(internal)?),
        };
        let split = Split::of(&salt, &examples).map_err(internal)?;
        if let Some(sealed) = current {
            return Ok((examples, split, sealed));
        }
        let threshold = workflow.thresholds.iter().find(|(_, t)| t.examples.as_deref() == Some(set));
        let threshold = threshold.map_or_else(|| format!("examples.{set}"), |(name, _)| format!("thresholds.{name}"));
        let digest = workflow.examples.get(set).map(|s| s.digest).ok_or_else(|| internal("the set is gone"))?;
        let sealed = split.seal(ElementPath::new(threshold), set, digest, &examples).map_err(internal)?;
        let body = Body::ExamplesSealed(sealed.clone());
        let mut event = self.event(&handle.log, caller.principal.clone(), body).map_err(internal)?;
        event.spec = Some(workflow.digest);
        self.0.store.append(&handle.log, Batch::of(event)).await.map_err(not_recorded)?;
        Ok((examples, split, sealed))
    }

    /// All that training depends on, as one digest; none while the set is not sealed.
    async fn recipe(&self, log: &LogName, workflow: &Workflow, step: &Step) -> Result<Option<Digest>, Refused> {
        let Some(train) = step.model.as_ref().and_then(|m| m.train.as_ref()) else { return Ok(None) };
        let (sealed, _) = self.seals(log, workflow, &train.examples).await?;
        let side = sealed.and_then(|s| s.sides.get(&SplitSide::Train).map(|side| side.digest));
        let Some(side) = side else { return Ok(None) };
        let schema = step.input.as_ref().and_then(|name| workflow.types.get(name)).map(|t| t.digest);
        let parts = (FITTING, schema, &step.withhold, &train.label, side);
        Digest::of_canonical(&parts).map(Some).map_err(internal)
    }

    /// The blob of the newest model that was trained by the spec's recipe.
    pub(crate) async fn trained(
        &self,
        log: &LogName,
        workflow: &Workflow,
        step: &Step,
    ) -> Result<Option<Digest>, Refused> {
        let recipe = match self.recipe(log, workflow, step).await {
            Ok(Some(recipe)) => recipe,
            Ok(None) => return Ok(None),
            Err(Refused::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let events = self.delivery_events(log).await.map_err(not_recorded)?;
        Ok(events.iter().rev().find_map(|logged| match &logged.event.body {
            Body::ModelTrained(m) if m.step == step.name && m.recipe == recipe => Some(m.model),
            _ => None,
        }))
    }

    /// Trains the embedded model of every step that has none by its recipe, and gives the candidate with its models.
    pub(crate) async fn with_models(
        &self,
        caller: &Caller,
        handle: Arc<Handle>,
        served: Arc<Served>,
        salt: Option<&str>,
    ) -> Result<Arc<Served>, Refused> {
        let workflow = Arc::clone(&served.workflow);
        let mut trained = false;
        for step in &workflow.steps {
            let Some(train) = step.model.as_ref().and_then(|m| m.train.as_ref()) else { continue };
            let (examples, split, _) = self.sealed(caller, &handle, &workflow, &train.examples, salt).await?;
            if self.trained(&handle.log, &workflow, step).await?.is_some() {
                continue;
            }
            let rows = training_rows(&workflow, step, train, &examples, &split)?;
            let (model, blob) = fit_blob(&rows)?;
            let recipe = self.recipe(&handle.log, &workflow, step).await?;
            let body = ModelTrained {
                step: step.name.clone(),
                model,
                recipe: recipe.ok_or_else(|| internal("the training side is not sealed"))?,
                examples: seatrial_sprint::split::side_digest(&rows.places, &examples).map_err(internal)?,
                rows: rows.rows.len() as u64,
            };
            let mut event =
                self.event(&handle.log, caller.principal.clone(), Body::ModelTrained(body)).map_err(internal)?;
            event.spec = Some(workflow.digest);
            event.subject.element = Some(step.path());
            let batch = Batch { events: vec![event], blobs: vec![blob], ..Batch::default() };
            self.0.store.append(&handle.log, batch).await.map_err(not_recorded)?;
            trained = true;
        }
        if !trained {
            // A model may have been trained since this candidate was loaded.
            let missing = workflow.steps.iter().any(|s| s.model.is_some() && !served.models.contains_key(&s.name));
            if !missing {
                return Ok(served);
            }
        }
        self.reload(&handle.log).await?;
        Ok(self.submitted(handle.log.as_str())?.1)
    }
}

fn fit_blob(rows: &TrainingRows) -> Result<(Digest, Vec<u8>), Refused> {
    let model = fit(&rows.rows, &rows.features, &FitOptions::default())
        .map_err(|e| Refused::Invalid(format!("the embedded model cannot be trained: {e}")))?;
    let blob = model.to_json().map_err(internal)?;
    Ok((Digest::of(&blob), blob))
}
