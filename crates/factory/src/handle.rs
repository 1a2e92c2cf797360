//! What a node holds of one workflow: the release in force and the candidate, loaded from the store, never from a
//! work tree.

mod permitted;

use crate::api::Refused;
use crate::clock::random;
use crate::drills::Half;
use crate::embedded::Embedded;
use crate::ending::Rights;
use crate::factory::{Factory, OpenError, internal};
use crate::observe::{Watched, WatchedModel};
use crate::project::{ReleaseRec, RetiredRec, SpecRec, StopRec};
use crate::record::Remembered;
use crate::switch::Reach;
use crate::traffic::Traffic;
use arc_swap::ArcSwap;
use permitted::Permitted;
use seatrial_governance::policy::{Action, Authorization, Circumstances, Policies, Request};
use seatrial_governance::status::CheckFinding;
use seatrial_guard::Program;
use seatrial_guard::port::Model;
use seatrial_guard::stream::Windows;
use seatrial_model::event::Body;
use seatrial_model::{Digest, ElementPath, LogName, Principal};
use seatrial_spec::workflow::{Provider, Step, StreamMode, Workflow};
use seatrial_store::{ReaderExt as _, Scan, Secret, StoreError, View};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};

/// How a stop of the whole factory is named among the elements of a workflow that are stopped.
pub(crate) const FACTORY_ELEMENT: &str = "factory";

/// One workflow on this node.
pub(crate) struct Handle {
    pub(crate) log: LogName,
    /// The workflow's secret: case ids and asks are HMACs under it.
    pub(crate) secret: [u8; 32],
    pub(crate) live: ArcSwap<Live>,
    /// What is stopped.
    pub(crate) stops: ArcSwap<Vec<(ElementPath, StopRec)>>,
    /// Whether it is stopped with the whole factory.
    pub(crate) factory_stops: ArcSwap<Vec<(ElementPath, StopRec)>>,
    /// What a drill has stopped, for marked requests only.
    pub(crate) marked_stops: ArcSwap<Vec<(ElementPath, StopRec)>>,
    /// Held by the drill that is under way: two at once would answer for each other. Inside is the one that waits for
    /// another person.
    pub(crate) drilling: tokio::sync::Mutex<Option<Half>>,
    pub(crate) traffic: Traffic,
    /// What decisions were made on last.
    pub(crate) remembered: Arc<Remembered>,
    /// When assumptions were looked at last, in milliseconds.
    pub(crate) assumed_at: AtomicI64,
    /// Held while this is loaded: what was read later is what stands here afterwards.
    loading: tokio::sync::Mutex<()>,
    /// Something was recorded and could not be read again: nothing is served before it was.
    behind: AtomicBool,
}

impl Handle {
    fn fell_behind(&self, error: &dyn std::fmt::Display) {
        tracing::warn!(workflow = %self.log, %error, "what was recorded could not be read again; nothing is served before");
        self.behind.store(true, Ordering::SeqCst);
    }

    /// The cell of the stops at this reach.
    pub(crate) const fn stops_at(&self, reach: Reach) -> &ArcSwap<Vec<(ElementPath, StopRec)>> {
        match reach {
            Reach::All => &self.stops,
            Reach::Factory => &self.factory_stops,
            Reach::Marked => &self.marked_stops,
        }
    }

    /// Everything that is stopped for everybody. A stop of the whole factory stands under the name `factory`.
    pub(crate) fn standing_stops(&self) -> Vec<(ElementPath, StopRec)> {
        let own = self.stops.load();
        let all = self.factory_stops.load();
        let named = all.iter().map(|(_, stop)| (ElementPath::from(FACTORY_ELEMENT), stop.clone()));
        own.iter().cloned().chain(named).collect()
    }

    /// The stop that holds for a request at this element: one of the workflow or the factory, or for a marked request a
    /// drill's.
    pub(crate) fn stop_of(&self, path: &ElementPath, marked: bool) -> Option<(ElementPath, StopRec, Reach)> {
        let within = |reach: Reach| {
            let stops = self.stops_at(reach).load();
            let found = stops.iter().find(|(element, _)| path.is_within(element));
            found.map(|(element, stop)| (element.clone(), stop.clone(), reach))
        };
        let everybody = within(Reach::All).or_else(|| within(Reach::Factory));
        everybody.or_else(|| within(Reach::Marked).filter(|_| marked))
    }
}

/// What is served now.
#[derive(Default)]
pub(crate) struct Live {
    pub(crate) in_force: Option<Arc<Served>>,
    pub(crate) candidate: Option<Arc<Served>>,
    /// The workflow is retired: since when, by whom.
    pub(crate) retired: Option<RetiredRec>,
    /// Why something that should be served is not: an invalid release is a value that denies.
    pub(crate) broken: Option<String>,
}

/// One spec, compiled, with its models.
pub(crate) struct Served {
    pub(crate) workflow: Arc<Workflow>,
    pub(crate) program: Program,
    pub(crate) policies: Arc<Policies>,
    pub(crate) release: Option<ReleaseRec>,
    pub(crate) models: BTreeMap<String, ServedModel>,
    /// For steps whose streams leave in windows: the checks that run on these.
    pub(crate) windows: BTreeMap<String, Arc<Windows>>,
    /// What the checker says of it.
    pub(crate) findings: Vec<CheckFinding>,
    pub(crate) permitted: Permitted,
    /// When the rights of the delivery side end: asked with every request.
    pub(crate) rights: Arc<Rights>,
}

/// Why a spec is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotServed {
    /// The store could not be read: that says nothing about the spec, and passes.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// It cannot be served, in words.
    #[error("{0}")]
    Broken(String),
}

impl From<Refused> for NotServed {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotRecorded(why) => Self::Store(StoreError::Database(why)),
            other => Self::Broken(other.to_string()),
        }
    }
}

impl From<String> for NotServed {
    fn from(why: String) -> Self {
        Self::Broken(why)
    }
}

/// A step's model.
#[derive(Clone)]
pub(crate) struct ServedModel {
    pub(crate) model: Arc<dyn Model>,
    /// A digest, a dated version or an alias.
    pub(crate) identity: String,
    pub(crate) embedded: bool,
    /// Models that stand behind it, in order.
    pub(crate) fallbacks: Vec<Behind>,
}

/// A model that is asked where those before it cannot answer.
#[derive(Clone)]
pub(crate) struct Behind {
    /// Its name at the provider.
    pub(crate) name: String,
    pub(crate) model: Arc<dyn Model>,
    pub(crate) identity: String,
}

impl Served {
    /// As [`Self::authorize`], for the calls of the data plane: the same caller asks thousands of times.
    pub(crate) fn authorize_call(
        &self,
        principal: &Principal,
        action: Action,
        circumstances: &Circumstances,
    ) -> Result<(), Refused> {
        let circumstances = self.rights.apply(principal, circumstances);
        let request = Request { principal, action, circumstances: &circumstances };
        if self.permitted.holds(&request) {
            return Ok(());
        }
        self.authorize(principal, action, &circumstances)?;
        self.permitted.add(&request);
        Ok(())
    }

    /// Refuses what the policies do not allow.
    pub(crate) fn authorize(
        &self,
        principal: &Principal,
        action: Action,
        circumstances: &Circumstances,
    ) -> Result<(), Refused> {
        let circumstances = self.rights.apply(principal, circumstances);
        match self.policies.authorize(&Request { principal, action, circumstances: &circumstances }) {
            Authorization::Allowed => Ok(()),
            Authorization::Refused { why } => Err(Refused::Forbidden(why)),
        }
    }
}

/// The checks that run on windows, by step. A step whose checks need the whole output is not among them: its streams
/// leave after their verdict.
fn windows_of(workflow: &Workflow, program: &Program) -> BTreeMap<String, Arc<Windows>> {
    let mut out = BTreeMap::new();
    for step in &workflow.steps {
        let (StreamMode::Window(bytes), Some(compiled)) = (step.stream, program.step(&step.name)) else { continue };
        match Windows::of(compiled, bytes) {
            Ok(windows) => drop(out.insert(step.name.clone(), Arc::new(windows))),
            Err(why) => tracing::warn!(step = step.name, why, "streams leave after their verdict, not in windows"),
        }
    }
    out
}

/// Reads a JSON row.
pub(crate) fn row<T: DeserializeOwned>(view: &dyn View, table: &str, key: &[u8]) -> Result<Option<T>, StoreError> {
    let Some(bytes) = view.row(table, key)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|e| damaged(view, table, &e))
}

/// Reads JSON rows of a table, keys as they are.
pub(crate) fn rows<T: DeserializeOwned>(view: &dyn View, scan: &Scan) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
    view.scan(scan)?
        .into_iter()
        .map(|(key, bytes)| {
            serde_json::from_slice(&bytes).map(|value| (key, value)).map_err(|e| damaged(view, &scan.table, &e))
        })
        .collect()
}

fn damaged(view: &dyn View, table: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Damaged {
        log: view.log().clone(),
        what: format!("a row of `{table}` cannot be read: {error}; `seatrial log rebuild` folds it again"),
    }
}

impl Factory {
    /// Loads (or loads anew) what is served of a workflow.
    pub(crate) async fn load_handle(&self, log: &LogName) -> Result<Arc<Handle>, OpenError> {
        let known = self.0.handles.read().unwrap_or_else(PoisonError::into_inner).get(log).cloned();
        let _loading = match &known {
            Some(handle) => Some(handle.loading.lock().await),
            None => None,
        };
        let secret = self.workflow_secret(log).await?;
        self.load_rights(log).await?;
        let live = self.load_live(log).await?;
        let mut stops = Vec::new();
        for reach in Reach::EACH {
            stops.push((reach, self.load_stops(log, reach).await?));
        }
        let mut handles = self.0.handles.write().unwrap_or_else(PoisonError::into_inner);
        let handle = handles.entry(log.clone()).or_insert_with(|| {
            Arc::new(Handle {
                log: log.clone(),
                secret,
                live: ArcSwap::default(),
                stops: ArcSwap::default(),
                factory_stops: ArcSwap::default(),
                marked_stops: ArcSwap::default(),
                drilling: tokio::sync::Mutex::default(),
                traffic: Traffic::default(),
                remembered: Arc::default(),
                assumed_at: AtomicI64::new(0),
                loading: tokio::sync::Mutex::default(),
                behind: AtomicBool::new(false),
            })
        });
        handle.live.store(Arc::new(live));
        handle.remembered.forget();
        for (reach, stops) in stops {
            handle.stops_at(reach).store(Arc::new(stops));
        }
        handle.behind.store(false, Ordering::SeqCst);
        Ok(Arc::clone(handle))
    }

    /// Loads anew what is served of a workflow, after something about it was recorded. Where that fails, what was recorded
    /// stays so: nothing is served before it was read again.
    ///
    /// # Errors
    /// Where nothing of it was ever loaded.
    pub(crate) async fn reload(&self, log: &LogName) -> Result<Arc<Handle>, Refused> {
        match self.load_handle(log).await {
            Ok(handle) => Ok(handle),
            Err(error) => {
                let Ok(handle) = self.handle(log.as_str()) else { return Err(internal(error)) };
                handle.fell_behind(&error);
                Ok(handle)
            }
        }
    }

    /// Loads the stops anew, after one was recorded or ended; as [`Self::reload`] where that fails.
    pub(crate) async fn reload_stops(&self, handle: &Handle) {
        let _loading = handle.loading.lock().await;
        for reach in Reach::EACH {
            match self.load_stops(&handle.log, reach).await {
                Ok(stops) => handle.stops_at(reach).store(Arc::new(stops)),
                Err(error) => return handle.fell_behind(&error),
            }
        }
    }

    /// Refuses to serve what this node knows to be another by now, unless it can be read.
    pub(crate) async fn caught_up(&self, handle: &Handle) -> Result<(), Refused> {
        if !handle.behind.load(Ordering::SeqCst) {
            return Ok(());
        }
        let why = "what is served of it changed, and could not be read again";
        self.load_handle(&handle.log).await.map(drop).map_err(|e| Refused::NotRecorded(format!("{why}: {e}")))
    }

    async fn workflow_secret(&self, log: &LogName) -> Result<[u8; 32], OpenError> {
        if let Some(Secret(bytes)) = self.0.store.secret_get("hmac", log.as_str()).await? {
            let held = <[u8; 32]>::try_from(bytes);
            return held.map_err(|_| OpenError::Other(format!("the secret of `{log}` is damaged; restore it")));
        }
        let fresh: [u8; 32] = random()?;
        self.0.store.secret_put("hmac", log.as_str(), Secret(fresh.to_vec())).await?;
        Ok(fresh)
    }

    pub(crate) async fn load_stops(
        &self,
        log: &LogName,
        reach: Reach,
    ) -> Result<Vec<(ElementPath, StopRec)>, StoreError> {
        self.0
            .store
            .read_with(log, move |view| {
                let found: Vec<(Vec<u8>, StopRec)> = rows(view, &Scan::all(reach.table()))?;
                Ok(found
                    .into_iter()
                    .map(|(key, stop)| (ElementPath::new(String::from_utf8_lossy(&key).into_owned()), stop))
                    .collect())
            })
            .await
    }

    async fn load_live(&self, log: &LogName) -> Result<Live, OpenError> {
        type Rows = (Option<SpecRec>, Option<ReleaseRec>, Option<RetiredRec>);
        let (latest, release, retired): Rows = self
            .0
            .store
            .read_with(log, |view| {
                Ok((
                    row(view, "spec", b"latest")?,
                    row(view, "release", b"in-force")?,
                    row(view, "release", b"retired")?,
                ))
            })
            .await?;
        let mut live = Live { retired, ..Live::default() };
        if let Some(latest) = latest {
            match self.load_served(log, latest.spec, None).await {
                Ok(served) => live.candidate = Some(Arc::new(served)),
                Err(NotServed::Store(error)) => return Err(error.into()),
                Err(why) => live.broken = Some(format!("the submitted spec cannot be served: {why}")),
            }
        }
        if let Some(release) = release.filter(|r| r.stage != seatrial_model::Stage::Retired) {
            match self.load_served(log, release.spec, Some(release)).await {
                Ok(served) => live.in_force = Some(Arc::new(served)),
                Err(NotServed::Store(error)) => return Err(error.into()),
                Err(why) => live.broken = Some(format!("the release in force cannot be served: {why}")),
            }
        }
        Ok(live)
    }

    /// A submitted spec, from the store's blobs.
    pub(crate) async fn load_spec(
        &self,
        log: &LogName,
        spec: Digest,
    ) -> Result<(Workflow, Vec<CheckFinding>), NotServed> {
        let files = self
            .0
            .store
            .read_with(log, move |view| {
                let Some(rec) = row::<SpecRec>(view, "spec", spec.hex().as_bytes())? else { return Ok(None) };
                let Some(event) = view.event(rec.index)? else { return Ok(None) };
                let Body::SpecSubmitted(submitted) = event.body else { return Ok(None) };
                let mut files = BTreeMap::new();
                for (path, digest) in submitted.files {
                    let Some(bytes) = view.blob(&digest)? else { return Ok(None) };
                    files.insert(path, bytes);
                }
                Ok(Some(files))
            })
            .await?
            .ok_or_else(|| format!("the store does not hold the spec `{}` whole", spec.short()))?;
        let checked = crate::submit::check_files(files, Some(&self.spec()));
        let findings = crate::standing::check_findings(&checked.diagnostics);
        let errors = crate::submit::errors_of(&checked.diagnostics);
        match checked.workflow {
            Some(workflow) if workflow.digest == spec => Ok((workflow, findings)),
            Some(workflow) => Err(format!(
                "the stored spec `{}` now reads as `{}`: this version of Seatrial reads the language differently",
                spec.short(),
                workflow.digest.short()
            )
            .into()),
            None => Err(errors.join("; ").into()),
        }
    }

    /// A spec that is neither released nor the newest, for what was decided under it.
    pub(crate) async fn load_old(&self, log: &LogName, spec: Digest) -> Result<Served, NotServed> {
        self.load_served(log, spec, None).await
    }

    async fn load_served(&self, log: &LogName, spec: Digest, release: Option<ReleaseRec>) -> Result<Served, NotServed> {
        let (workflow, findings) = self.load_spec(log, spec).await?;
        let program = Program::compile(&workflow)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        let policies = self.policies_of(&workflow);
        let mut models = BTreeMap::new();
        for step in &workflow.steps {
            let pinned = release.as_ref().and_then(|r| r.models.get(&step.name).cloned());
            match self.load_model(log, &workflow, step, pinned).await? {
                Some(model) => models.insert(step.name.clone(), model),
                None => continue,
            };
        }
        let permitted = Permitted::default();
        let windows = windows_of(&workflow, &program);
        let (workflow, rights) = (Arc::new(workflow), self.shared_rights(log));
        Ok(Served { workflow, program, policies, release, models, windows, findings, permitted, rights })
    }

    /// The model of a step: the one that the release pinned, else the newest that fits the spec.
    async fn load_model(
        &self,
        log: &LogName,
        workflow: &Workflow,
        step: &Step,
        pinned: Option<String>,
    ) -> Result<Option<ServedModel>, NotServed> {
        let Some(wanted) = &step.model else { return Ok(None) };
        let factory = self.spec();
        let provider = factory
            .providers
            .get(&wanted.provider)
            .ok_or_else(|| format!("the factory has no provider `{}`", wanted.provider))?;
        if *provider != Provider::Classifier {
            let reach = |name: &String| -> Result<Behind, String> {
                let model = self.0.providers.model(provider, name)?;
                let model = self.watched(model, workflow, step, (provider, name));
                Ok(Behind { name: name.clone(), model, identity: format!("{}/{name}", wanted.provider) })
            };
            let Behind { model, identity, .. } = reach(&wanted.name)?;
            let fallbacks = wanted.fallback.iter().map(reach).collect::<Result<_, _>>()?;
            return Ok(Some(ServedModel { model, identity, embedded: false, fallbacks }));
        }
        let Some(train) = &wanted.train else { return Ok(None) };
        let blob = match pinned {
            Some(identity) => Some(identity.parse::<Digest>().map_err(|e| e.to_string())?),
            None => self.trained(log, workflow, step).await?,
        };
        let Some(blob) = blob else { return Ok(None) };
        let bytes = self.0.store.blob(log, blob).await?;
        let bytes = bytes.ok_or_else(|| format!("the store does not hold the model `{}`", blob.short()))?;
        let confidence = match &step.confidence {
            Some(seatrial_spec::workflow::ConfidenceSource::Output(field)) => Some(field.as_str()),
            _ => None,
        };
        let embedded = Embedded::load(&bytes, &train.label, confidence)?;
        let model = self.watched(Arc::new(embedded), workflow, step, (provider, &wanted.name));
        Ok(Some(ServedModel { model, identity: blob.to_string(), embedded: true, fallbacks: Vec::new() }))
    }

    /// A step's model, whose calls are told to whoever watches.
    fn watched(
        &self,
        model: Arc<dyn Model>,
        workflow: &Workflow,
        step: &Step,
        (provider, name): (&Provider, &str),
    ) -> Arc<dyn Model> {
        let Some(wanted) = &step.model else { return model };
        let what = Watched {
            workflow: workflow.name.clone(),
            step: step.name.clone(),
            provider: wanted.provider.clone(),
            kind: Watched::kind(provider),
            model: name.to_owned(),
        };
        WatchedModel::around(&self.0.observer, model, what)
    }
}
