//! The factory: one organisation's workflows over one store.

use crate::api::Refused;
use crate::clock::{Clock, FactoryClock, NoEntropy, random, uuid_at};
use crate::ending::Rights;
use crate::handle::Handle;
use crate::people::TakenPeople;
use crate::rights::OwnPolicies;
use crate::tokens::TokenMemory;
use crate::worktree::DiskFiles;
use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use seatrial_guard::port::Model;
use seatrial_model::event::{Body, ENVELOPE_VERSION, FactoryDeclared, FactoryOpened, LogOpened};
use seatrial_model::words::FactoryKind;
use seatrial_model::{
    Commitment, DecisionId, Digest, Event, EventId, LogName, LogPoint, Logged, Principal, ReviewId, Salt, Subject, Time,
};
use seatrial_spec::workflow::{FactorySpec, HandoverGate, Provider};
use seatrial_spec::{FileError, FileSource};
use seatrial_store::{Batch, NewPayload, OpenLog, ReaderExt as _, Store, StoreError, StoreExt as _};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Gives the models of providers that are reached over a network; embedded ones the factory has itself.
pub trait Providers: Send + Sync + 'static {
    /// A model of a provider.
    ///
    /// # Errors
    /// Why it cannot be asked, in words: a key that is not there, an address that is none.
    fn model(&self, provider: &Provider, name: &str) -> Result<Arc<dyn Model>, String>;

    /// The models that were asked so far, by the address of their service and their name, and whether calls of them fail
    /// at once for a while because earlier ones failed.
    fn circuits_open(&self) -> Vec<(String, String, bool)> {
        Vec::new()
    }

    /// Asks a witness to cosign: `POST <url>/add-checkpoint` (C2SP `tlog-witness`).
    ///
    /// # Errors
    /// Why there is no answer, in words.
    fn add_checkpoint(&self, url: &str, body: Vec<u8>) -> BoxFuture<'_, Result<WitnessAnswer, String>> {
        let why = format!("nothing here reaches `{url}` ({} bytes were not sent)", body.len());
        Box::pin(std::future::ready(Err(why)))
    }
}

/// What a witness answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WitnessAnswer {
    /// The status of HTTP.
    pub status: u16,
    /// What came with it.
    pub body: Vec<u8>,
}

/// How a factory is opened.
pub struct OpenOptions {
    /// The folder of `factory.yaml`.
    pub root: PathBuf,
    /// Its store; the projector is [`crate::FactoryProjector`].
    pub store: Arc<dyn Store>,
    /// Models over a network.
    pub providers: Arc<dyn Providers>,
    /// The clock.
    pub clock: Box<dyn Clock>,
}

/// Why a factory cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file cannot be read.
    #[error("`{}` cannot be read: {source}; nothing was opened. Is this the folder of a factory? `-C DIR` names another", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// `factory.yaml` has errors.
    #[error("`factory.yaml` has errors; nothing was opened. `seatrial check` shows them:\n{0}")]
    Spec(String),
    /// The store belongs to another factory.
    #[error(
        "the store was made for the {was} factory `{name}`, and a factory's name and kind are for ever; nothing was opened. Name another store, or set them back"
    )]
    Another {
        /// Its name.
        name: String,
        /// Its kind.
        was: FactoryKind,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Randomness.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// Something else.
    #[error("{0}")]
    Other(String),
}

/// One organisation's workflows over one store. Cheap to clone.
#[derive(Clone)]
pub struct Factory(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) root: PathBuf,
    pub(crate) spec: ArcSwap<FactorySpec>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) providers: Arc<dyn Providers>,
    pub(crate) clock: Arc<FactoryClock>,
    /// Who watches it run.
    pub(crate) observer: crate::observe::Cell,
    /// When the rights of the delivery side end, by workflow.
    pub(crate) rights: RwLock<BTreeMap<LogName, Arc<Rights>>>,
    /// The handover gates of released specs, as they were read.
    pub(crate) bars: Mutex<HashMap<Digest, Option<HandoverGate>>>,
    pub(crate) handles: RwLock<BTreeMap<LogName, Arc<Handle>>>,
    pub(crate) tokens: TokenMemory,
    /// Evaluations that run on this node, by what they are of.
    pub(crate) evaluating: Mutex<BTreeSet<Digest>>,
    /// When a witness that failed was asked last, by the log and its name.
    pub(crate) witnesses_tried: Mutex<BTreeMap<(LogName, String), Time>>,
    pub(crate) policies: ArcSwap<OwnPolicies>,
    /// The people as they were taken last; whoever takes them anew holds it.
    pub(crate) people: tokio::sync::Mutex<TakenPeople>,
}

/// The origin of a log's checkpoints; a simulation's says so for ever.
#[must_use]
pub fn origin(kind: FactoryKind, factory: &str, log: &LogName) -> String {
    match kind {
        FactoryKind::Real => format!("{factory}/{log}"),
        FactoryKind::Simulation => format!("simulation/{factory}/{log}"),
    }
}

/// Reads and checks `factory.yaml` of a folder, with the directory and the rota beside it.
///
/// # Errors
/// Where it cannot be read or has errors.
pub fn read_factory(root: &Path) -> Result<(FactorySpec, Vec<u8>), OpenError> {
    let read = FactoryFile::read(root)?;
    Ok((read.spec, read.bytes))
}

/// `factory.yaml` as it was read, with what stands beside it.
pub(crate) struct FactoryFile {
    pub(crate) spec: FactorySpec,
    pub(crate) bytes: Vec<u8>,
    /// The directory and the rota, by their paths.
    pub(crate) beside: BTreeMap<String, Vec<u8>>,
}

impl FactoryFile {
    pub(crate) fn read(root: &Path) -> Result<Self, OpenError> {
        let path = root.join("factory.yaml");
        let bytes = std::fs::read(&path).map_err(|source| OpenError::File { path, source })?;
        let text = String::from_utf8(bytes).map_err(|_| OpenError::Spec("`factory.yaml` is not UTF-8".to_owned()))?;
        // What is checked is what is recorded: each file is read once.
        let files = Remembered { disk: DiskFiles::new(root), read: Mutex::default() };
        let (spec, diagnostics, _) = seatrial_spec::check_factory_with(&text, &files);
        let errors = crate::submit::errors_of(&diagnostics);
        match spec {
            Some(spec) if errors.is_empty() => {
                let beside = files.read.into_inner().unwrap_or_else(PoisonError::into_inner);
                Ok(Self { spec, bytes: text.into_bytes(), beside })
            }
            _ => Err(OpenError::Spec(errors.join("\n"))),
        }
    }

    /// The digests of the files beside it.
    pub(crate) fn directory(&self) -> BTreeMap<String, Digest> {
        self.beside.iter().map(|(path, bytes)| (path.clone(), Digest::of(bytes))).collect()
    }
}

/// Files of the factory's folder, and what was read of them.
struct Remembered {
    disk: DiskFiles,
    read: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl FileSource for Remembered {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let bytes = self.disk.read(path)?;
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }
}

impl Factory {
    /// Opens a factory: reads its file, makes its log where there is none, notes a changed file, and loads what is
    /// released from the store.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(options: OpenOptions) -> Result<Self, OpenError> {
        let file = FactoryFile::read(&options.root)?;
        let policies = OwnPolicies::read(&options.root, &file.spec);
        let factory = Self(Arc::new(Inner {
            root: options.root,
            spec: ArcSwap::from_pointee(file.spec.clone()),
            store: options.store,
            providers: options.providers,
            clock: Arc::new(FactoryClock::new(options.clock)),
            observer: crate::observe::Cell::default(),
            rights: RwLock::default(),
            bars: Mutex::default(),
            handles: RwLock::default(),
            tokens: TokenMemory::default(),
            evaluating: Mutex::default(),
            witnesses_tried: Mutex::default(),
            policies: ArcSwap::from_pointee(policies),
            people: tokio::sync::Mutex::default(),
        }));
        factory.open_factory_log(&file).await?;
        factory.load_clock().await?;
        factory.load_handles().await?;
        let mut loaded = factory.0.people.lock().await;
        factory.take_people(&file, &mut loaded).await?;
        drop(loaded);
        if factory.spec().people != file.spec.people {
            // What is served was put together with people who do not hold yet.
            factory.load_handles().await?;
        }
        Ok(factory)
    }

    /// Reads `factory.yaml` again, and puts together anew what is served: providers' keys are read again. Requests under
    /// way go on with what they began with.
    ///
    /// # Errors
    /// Where the file cannot be taken, or the store cannot be read. What is served then stays as it was.
    pub async fn reload_all(&self) -> Result<(), OpenError> {
        if !self.reread().await?.changed {
            self.load_handles().await?;
        }
        Ok(())
    }

    pub(crate) async fn load_handles(&self) -> Result<(), OpenError> {
        for info in self.0.store.logs().await? {
            if info.log != LogName::factory() {
                self.load_handle(&info.log).await?;
            }
        }
        Ok(())
    }

    async fn open_factory_log(&self, file: &FactoryFile) -> Result<(), OpenError> {
        let log = LogName::factory();
        let spec = self.spec();
        match self.0.store.event(&log, 0).await {
            Ok(Some(event)) => match event.body {
                Body::LogOpened(opened) if opened.factory == spec.name && opened.kind == spec.kind => Ok(()),
                Body::LogOpened(opened) => Err(OpenError::Another { name: opened.factory, was: opened.kind }),
                _ => Err(OpenError::Other("the factory's log does not begin with `log.opened`".to_owned())),
            },
            Ok(None) | Err(StoreError::NoLog(_)) => {
                self.open_log(&log).await?;
                let body = FactoryOpened { factory: spec.name.clone(), kind: spec.kind };
                let opened = self.event(&log, Principal::system(), Body::FactoryOpened(body))?;
                let declared = self.declared(file)?;
                let blobs = self.declared_blobs(file);
                let batch = Batch { events: vec![opened, declared], blobs, ..Batch::default() };
                self.0.store.append(&log, batch).await?;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a log with its key; its first entry says what it is.
    pub(crate) async fn open_log(&self, log: &LogName) -> Result<(), OpenError> {
        let spec = self.spec();
        let origin = origin(spec.kind, &spec.name, log);
        let mut opened =
            LogOpened { origin: origin.clone(), key: String::new(), factory: spec.name.clone(), kind: spec.kind };
        let template = self.event(log, Principal::system(), Body::LogOpened(opened.clone()))?;
        // The key is made with the log, so the first entry is finished only then.
        let first = move |key: &str| {
            key.clone_into(&mut opened.key);
            Batch::of(Event { body: Body::LogOpened(opened), ..template })
        };
        self.0.store.open_log(log, OpenLog { origin, first: Box::new(first) }).await?;
        Ok(())
    }

    /// The event that notes the file, its policies, its directory and its rota.
    pub(crate) fn declared(&self, file: &FactoryFile) -> Result<Event, OpenError> {
        let people = u64::try_from(file.spec.people.len()).unwrap_or(u64::MAX);
        let body = Body::FactoryDeclared(FactoryDeclared {
            file: Digest::of(&file.bytes),
            people,
            policies: self.0.policies.load().blobs().1,
            directory: file.directory(),
        });
        Ok(self.event(&LogName::factory(), Principal::system(), body)?)
    }

    /// Everything that the event names.
    pub(crate) fn declared_blobs(&self, file: &FactoryFile) -> Vec<Vec<u8>> {
        let mut blobs = self.0.policies.load().blobs().0;
        blobs.push(file.bytes.clone());
        blobs.extend(file.beside.values().cloned());
        blobs
    }

    pub(crate) async fn load_clock(&self) -> Result<(), OpenError> {
        let row = self.0.store.row(&LogName::factory(), "clock", b"ahead").await?;
        let ahead: u64 = row.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(0);
        if self.spec().kind == FactoryKind::Simulation {
            self.0.clock.set_ahead(ahead);
        }
        Ok(())
    }

    /// The factory's file as it was read.
    #[must_use]
    pub fn spec(&self) -> Arc<FactorySpec> {
        self.0.spec.load_full()
    }

    /// The folder of `factory.yaml`.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0.root
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// Now, by the factory's clock: a simulation's may run ahead.
    #[must_use]
    pub fn now(&self) -> Time {
        self.0.clock.now()
    }

    /// Whether everything here is simulated.
    #[must_use]
    pub fn is_simulation(&self) -> bool {
        self.spec().kind == FactoryKind::Simulation
    }

    /// The workflows that have a log.
    #[must_use]
    pub fn workflows(&self) -> Vec<LogName> {
        self.0.handles.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// When the rights of the delivery side in a workflow end, shared by all that ask its policies.
    pub(crate) fn shared_rights(&self, log: &LogName) -> Arc<Rights> {
        let mut all = self.0.rights.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Arc::new(Rights::new(Arc::clone(&self.0.clock)));
        Arc::clone(all.entry(log.clone()).or_insert_with(fresh))
    }

    /// Signs a checkpoint over what was just recorded. Where that fails it stays recorded, and the next checkpoint is over it.
    pub(crate) async fn sign_soon(&self, log: &LogName) {
        if let Err(error) = self.0.store.sign_now(log).await {
            tracing::warn!(%log, %error, "what was recorded is not signed yet; the next checkpoint is over it");
        }
    }

    pub(crate) fn handle(&self, workflow: &str) -> Result<Arc<Handle>, Refused> {
        let handles = self.0.handles.read().unwrap_or_else(PoisonError::into_inner);
        let found = workflow.parse::<LogName>().ok().and_then(|name| handles.get(&name).cloned());
        found.ok_or_else(|| {
            let known: Vec<&str> = handles.keys().map(LogName::as_str).collect();
            let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
            let shown: String = seatrial_model::Untrusted::new(workflow).terminal(80);
            Refused::NotFound(format!("there is no workflow `{shown}` in this factory (it has: {known})"))
        })
    }

    /// An event of now, with nothing but its body.
    pub(crate) fn event(&self, log: &LogName, actor: Principal, body: Body) -> Result<Event, NoEntropy> {
        let time = self.now();
        Ok(Event {
            v: ENVELOPE_VERSION,
            id: EventId::new(uuid_at(time)?),
            time,
            log: log.clone(),
            simulation: self.is_simulation(),
            actor,
            subject: Subject::default(),
            spec: None,
            release: None,
            evidence: Vec::new(),
            payloads: BTreeMap::new(),
            people: None,
            body,
        })
    }

    /// Where the factory's log stands: an event that relies on people embeds it.
    pub(crate) async fn people_point(&self) -> Result<Option<LogPoint>, StoreError> {
        let logs = self.0.store.logs().await?;
        Ok(logs.into_iter().find(|l| l.log == LogName::factory()).map(|l| LogPoint { size: l.size, root: l.root }))
    }

    /// All delivery events of a log, in order, with their indexes.
    pub(crate) async fn delivery_events(&self, log: &LogName) -> Result<Vec<Logged>, StoreError> {
        self.0
            .store
            .read_with(log, |view| {
                let mut events = Vec::new();
                let mut after: Option<Vec<u8>> = None;
                loop {
                    let mut scan = seatrial_store::Scan::all("delivery");
                    if let Some(key) = after.take() {
                        scan = scan.after(key);
                    }
                    let rows = view.scan(&scan)?;
                    for (key, _) in &rows {
                        let index = <[u8; 8]>::try_from(key.as_slice()).map_or(0, u64::from_be_bytes);
                        if let Some(event) = view.event(index)? {
                            events.push(Logged { index, event: Arc::new(event) });
                        }
                    }
                    match rows.last() {
                        Some((key, _)) if rows.len() >= scan.rows_max() => after = Some(key.clone()),
                        _ => return Ok(events),
                    }
                }
            })
            .await
    }

    /// Moves a simulation's clock forward, and says so in the factory's log.
    ///
    /// # Errors
    /// [`Refused`] in a real factory: its clock is the machine's.
    pub async fn advance_clock(&self, by_ms: u64) -> Result<(), Refused> {
        if !self.is_simulation() {
            return Err(Refused::Forbidden("only a simulation's clock can be moved".to_owned()));
        }
        let log = LogName::factory();
        let body = Body::ClockAdvanced(seatrial_model::event::ClockAdvanced { by_ms });
        let event = self.event(&log, Principal::system(), body).map_err(internal)?;
        self.0.store.append(&log, Batch::of(event)).await.map_err(not_recorded)?;
        self.load_clock().await.map_err(internal)
    }
}

/// A fresh decision id.
pub(crate) fn new_decision(time: Time) -> Result<DecisionId, NoEntropy> {
    uuid_at(time).map(DecisionId::new)
}

/// A fresh review id.
pub(crate) fn new_review(time: Time) -> Result<ReviewId, NoEntropy> {
    uuid_at(time).map(ReviewId::new)
}

/// Keeps a payload under a fresh salt, and gives the commitment for the event.
pub(crate) fn payload(
    payloads: &mut Vec<NewPayload>,
    event: &mut BTreeMap<String, Commitment>,
    kind: &str,
    bytes: Vec<u8>,
    case: Option<&str>,
    expires: Option<Time>,
) -> Result<Commitment, NoEntropy> {
    let new =
        NewPayload { salt: Salt(random()?), bytes, kind: kind.to_owned(), case: case.map(str::to_owned), expires };
    let commitment = new.commitment();
    event.insert(kind.to_owned(), commitment);
    payloads.push(new);
    Ok(commitment)
}

/// A fault of ours, for the caller.
pub(crate) fn internal(error: impl std::fmt::Display) -> Refused {
    Refused::Internal(error.to_string())
}

/// A record that could not be made.
pub(crate) fn not_recorded(error: StoreError) -> Refused {
    match error {
        StoreError::NoLog(log) => Refused::NotFound(format!("there is no log `{log}`")),
        StoreError::Unsettled(_) => Refused::Unsettled(error.to_string()),
        other => Refused::NotRecorded(other.to_string()),
    }
}
