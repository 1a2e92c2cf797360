//! A log restored from its export: the same entries, payloads, blobs and checkpoint, on whichever store. Whoever gives the
//! export has verified it.

use crate::clock::{Clock, random};
use crate::factory::{Factory, OpenError, OpenOptions};
use seatrial_model::event::{ENVELOPE_VERSION, LogRestored};
use seatrial_model::{
    Body, Commitment, DecisionId, Digest, Event, EventId, LogName, LogPoint, Principal, Salt, Subject, Time,
};
use seatrial_spec::{FactorySpec, Workflow};
use seatrial_store::{Absent, Adopt, Batch, NewPayload, Payload, Piece, Seed, Store, StoreError, View};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// The most entries that are taken over in one commit.
const PIECE_ENTRIES: usize = 500;

/// A piece is ended when its payloads are this large.
const PIECE_BYTES: usize = 32 << 20;

/// An export of one log, as it is read.
pub trait LogExport: Send {
    /// The newest checkpoint, as it was signed.
    ///
    /// # Errors
    /// In words, where it cannot be read; so it is for every method here.
    fn checkpoint(&mut self) -> Result<String, String>;

    /// Entries as their bytes, from an index on, at most `limit`; none after the last.
    ///
    /// # Errors
    /// Where they cannot be read.
    fn entries(&mut self, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, String>;

    /// The blobs that came along.
    ///
    /// # Errors
    /// Where they cannot be listed.
    fn blobs(&mut self) -> Result<Vec<Digest>, String>;

    /// A blob.
    ///
    /// # Errors
    /// Where it cannot be read, or is not there.
    fn blob(&mut self, digest: &Digest) -> Result<Vec<u8>, String>;

    /// A payload: its salt and bytes; none where it did not come along.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn payload(&mut self, commitment: &Commitment) -> Result<Option<(Salt, Vec<u8>)>, String>;
}

/// Why a log was not restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The export cannot be read, or contradicts itself.
    #[error("nothing was restored: {0}")]
    Export(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A log that was taken over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TakenOver {
    /// The log.
    pub log: LogName,
    /// Its origin.
    pub origin: String,
    /// The state that its checkpoint is over.
    pub point: LogPoint,
    /// The checkpoint.
    pub checkpoint: String,
    /// How many payloads came with it.
    pub payloads: u64,
    /// How many did not, although no entry erased them.
    pub left_out: u64,
    /// The newest entry's time.
    pub latest: Time,
}

/// What later entries say of payloads that are not held: who erased them, and where a log was restored without them.
#[derive(Default)]
struct Erasures {
    by_case: HashMap<String, Vec<u64>>,
    restored: Vec<u64>,
}

impl Erasures {
    /// The entry that a payload of this entry and case is gone by.
    fn of(&self, index: u64, case: Option<&String>) -> Option<u64> {
        let by_case = case.and_then(|case| self.by_case.get(case)).into_iter().flatten();
        by_case.chain(&self.restored).copied().filter(|by| *by > index).min()
    }
}

/// What the entries so far say: whose case a decision is of, and how long its step keeps payloads.
struct Told<'f> {
    factory: Option<&'f FactorySpec>,
    cases: HashMap<DecisionId, String>,
    specs: BTreeMap<Digest, BTreeMap<String, Digest>>,
    workflows: BTreeMap<Digest, Option<Workflow>>,
}

impl Told<'_> {
    fn note(&mut self, event: &Event) {
        match &event.body {
            Body::DecisionMade(made) => drop(self.cases.insert(made.decision, made.case.clone())),
            Body::StreamOpened(opened) => drop(self.cases.insert(opened.decision, opened.case.clone())),
            Body::SpecSubmitted(submitted) => {
                if let Some(spec) = event.spec {
                    self.specs.insert(spec, submitted.files.clone());
                }
            }
            _ => {}
        }
    }

    fn case(&self, event: &Event) -> Option<&String> {
        let decision = match &event.body {
            Body::DecisionMade(b) => b.decision,
            Body::StreamOpened(b) => b.decision,
            Body::DecisionOverridden(b) => b.decision,
            Body::OutcomeRecorded(b) => b.decision,
            Body::ReviewAnswered(b) => b.decision,
            Body::ReviewClaimed(b) => b.decision,
            Body::DecisionEffect(b) => b.decision,
            _ => return None,
        };
        self.cases.get(&decision)
    }

    /// When the retention of a decision's payloads ends, as the spec that it was decided under says.
    fn expires(&mut self, event: &Event, export: &mut dyn LogExport) -> Option<Time> {
        let Body::DecisionMade(made) = &event.body else { return None };
        let spec = event.spec?;
        if !self.workflows.contains_key(&spec) {
            let workflow = self.workflow(spec, export);
            self.workflows.insert(spec, workflow);
        }
        let workflow = self.workflows.get(&spec)?.as_ref()?;
        let kept = workflow.step(&made.step)?.trace.payloads?;
        Some(event.time.plus_millis(kept.signed_millis()))
    }

    fn workflow(&self, spec: Digest, export: &mut dyn LogExport) -> Option<Workflow> {
        let files = self.specs.get(&spec)?;
        let read = files.iter().map(|(path, digest)| Some((path.clone(), export.blob(digest).ok()?)));
        let files: BTreeMap<String, Vec<u8>> = read.collect::<Option<_>>()?;
        crate::submit::check_files(files, self.factory).workflow
    }
}

/// Takes a log over into a store that does not have it. The log is not signed before it is [`adopt`]ed.
///
/// # Errors
/// [`RestoreError`]: the store is to be thrown away then.
pub async fn take_over(
    store: &dyn Store,
    export: &mut dyn LogExport,
    factory: Option<&FactorySpec>,
) -> Result<TakenOver, RestoreError> {
    let checkpoint = export.checkpoint().map_err(RestoreError::Export)?;
    let first = entry(export, 0)?.ok_or_else(|| RestoreError::Export("the log has no entry".to_owned()))?;
    let Body::LogOpened(opened) = &first.body else {
        return Err(RestoreError::Export("the log does not begin with `log.opened`".to_owned()));
    };
    let log = first.log.clone();
    let erasures = erasures(export)?;
    store.begin_import(&log, &opened.origin, &opened.key).await?;
    let mut told = Told { factory, cases: HashMap::new(), specs: BTreeMap::new(), workflows: BTreeMap::new() };
    let mut taken = TakenOver {
        log: log.clone(),
        origin: opened.origin.clone(),
        point: LogPoint { size: 0, root: seatrial_ledger::empty_root() },
        checkpoint,
        payloads: 0,
        left_out: 0,
        latest: first.time,
    };
    loop {
        let piece = next_piece(export, &erasures, &mut told, &mut taken)?;
        if piece.entries.is_empty() {
            break;
        }
        taken.point.size = store.import(&log, piece).await?;
    }
    for digest in export.blobs().map_err(RestoreError::Export)? {
        let blob = export.blob(&digest).map_err(RestoreError::Export)?;
        store.import(&log, Piece { blobs: vec![blob], ..Piece::default() }).await?;
    }
    let info = store.logs().await?.into_iter().find(|info| info.log == log).ok_or(StoreError::NoLog(log))?;
    taken.point = LogPoint { size: info.size, root: info.root };
    Ok(taken)
}

fn entry(export: &mut dyn LogExport, index: u64) -> Result<Option<Event>, RestoreError> {
    let bytes = export.entries(index, 1).map_err(RestoreError::Export)?;
    bytes.first().map(|bytes| event(index, bytes)).transpose()
}

fn event(index: u64, bytes: &[u8]) -> Result<Event, RestoreError> {
    serde_json::from_slice(bytes).map_err(|e| RestoreError::Export(format!("entry {index} is no event: {e}")))
}

fn erasures(export: &mut dyn LogExport) -> Result<Erasures, RestoreError> {
    let (mut found, mut next) = (Erasures::default(), 0);
    loop {
        let entries = export.entries(next, PIECE_ENTRIES).map_err(RestoreError::Export)?;
        if entries.is_empty() {
            return Ok(found);
        }
        for (index, bytes) in (next..).zip(&entries) {
            match event(index, bytes)?.body {
                Body::PayloadErased(erased) => found.by_case.entry(erased.case).or_default().push(index),
                Body::LogRestored(_) => found.restored.push(index),
                _ => {}
            }
        }
        next += entries.len() as u64;
    }
}

fn next_piece(
    export: &mut dyn LogExport,
    erasures: &Erasures,
    told: &mut Told<'_>,
    taken: &mut TakenOver,
) -> Result<Piece, RestoreError> {
    let mut piece = Piece::default();
    let first = taken.point.size;
    let entries = export.entries(first, PIECE_ENTRIES).map_err(RestoreError::Export)?;
    let mut bytes = 0;
    for (index, leaf) in (first..).zip(entries) {
        let event = event(index, &leaf)?;
        told.note(&event);
        taken.latest = taken.latest.max(event.time);
        let expires = if event.payloads.is_empty() { None } else { told.expires(&event, export) };
        for (kind, commitment) in &event.payloads {
            let case = told.case(&event);
            match export.payload(commitment).map_err(RestoreError::Export)? {
                Some((salt, content)) => {
                    bytes += content.len();
                    taken.payloads += 1;
                    let (kind, case) = (kind.clone(), case.cloned());
                    piece.payloads.push(NewPayload { salt, bytes: content, kind, case, expires });
                }
                None => {
                    let erased_by = erasures.of(index, case);
                    taken.left_out += u64::from(erased_by.is_none());
                    piece.absent.push(Absent { commitment: *commitment, kind: kind.clone(), erased_by });
                }
            }
        }
        piece.entries.push(leaf);
        if bytes >= PIECE_BYTES {
            break;
        }
    }
    Ok(piece)
}

/// Lets a log that was taken over go on, and signs it: under its own key, or under a new one. Gives the new verifier key,
/// where one was drawn.
///
/// # Errors
/// [`RestoreError`]: the store is to be thrown away then.
pub async fn adopt(
    store: &dyn Store,
    taken: &TakenOver,
    key: Option<Seed>,
    now: Time,
) -> Result<Option<String>, RestoreError> {
    let id = random::<16>().map_err(|e| RestoreError::Export(e.to_string()))?;
    // A simulation's clock may have run ahead: time does not go back within a log.
    let time = now.max(taken.latest);
    let drawn = key.is_none();
    let body = LogRestored {
        point: taken.point.clone(),
        payloads: taken.payloads,
        checkpoint: taken.checkpoint.clone(),
        key: None,
    };
    let log = taken.log.clone();
    let simulation = taken.origin.starts_with("simulation/");
    let last = move |key: Option<&str>| {
        let body = LogRestored { key: key.map(str::to_owned), ..body };
        Batch::of(Event {
            v: ENVELOPE_VERSION,
            id: EventId::new(uuid_of(time, id)),
            time,
            log,
            simulation,
            actor: Principal::system(),
            subject: Subject::default(),
            spec: None,
            release: None,
            evidence: Vec::new(),
            payloads: BTreeMap::new(),
            people: None,
            body: Body::LogRestored(body),
        })
    };
    let how = Adopt { checkpoint: taken.checkpoint.clone(), key, last: Box::new(last) };
    store.adopt(&taken.log, how).await?;
    store.sign_now(&taken.log).await?;
    let found = store.logs().await?.into_iter().find(|info| info.log == taken.log).map(|info| info.key);
    Ok(found.filter(|_| drawn))
}

/// A UUIDv7 of that time.
fn uuid_of(time: Time, random: [u8; 16]) -> Uuid {
    let millis = u64::try_from(time.as_millis()).unwrap_or(0);
    let mut rest = [0; 10];
    rest.copy_from_slice(random.get(..10).unwrap_or(&[0; 10]));
    uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
}

/// All that a log's state is, in digests: two that are equal are the same log.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Fingerprint {
    /// How many entries.
    pub size: u64,
    /// Over every entry's bytes, in order.
    pub entries: Digest,
    /// Over every row of every projection.
    pub rows: Digest,
    /// Over what is kept of every payload: its bytes and salt, its case, its retention, or by what it was erased.
    pub payloads: Digest,
    /// Over every blob.
    pub blobs: Digest,
}

impl Fingerprint {
    /// Of a log at one moment.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn of(view: &dyn View) -> Result<Self, StoreError> {
        let (mut entries, mut payloads) = (Sha256::new(), Sha256::new());
        let mut next = 0;
        loop {
            let page = view.entries(next, seatrial_store::ENTRIES_READ_MAX)?;
            let Some(last) = page.last() else { break };
            next = last.index + 1;
            for entry in &page {
                part(&mut entries, &entry.bytes);
                for commitment in entry.event(view.log())?.payloads.values() {
                    part(&mut payloads, commitment.0.as_bytes());
                    part(&mut payloads, kept(view.payload(commitment)?).as_bytes());
                }
            }
        }
        let mut rows = Sha256::new();
        for table in view.tables()? {
            let mut scan = seatrial_store::Scan::all(table.clone());
            loop {
                let page = view.scan(&scan)?;
                for (key, value) in &page {
                    [table.as_bytes(), key, value].into_iter().for_each(|bytes| part(&mut rows, bytes));
                }
                match page.last() {
                    Some((key, _)) if page.len() >= scan.rows_max() => scan = scan.after(key.clone()),
                    _ => break,
                }
            }
        }
        let (mut blobs, mut after) = (Sha256::new(), None);
        loop {
            let page = view.blobs(after, 1_000)?;
            for digest in &page {
                part(&mut blobs, digest.as_bytes());
                part(&mut blobs, Digest::of(&view.blob(digest)?.unwrap_or_default()).as_bytes());
            }
            after = page.last().copied();
            if page.len() < 1_000 {
                break;
            }
        }
        let digest = |hasher: Sha256| Digest::from_bytes(hasher.finalize().into());
        Ok(Self {
            size: next,
            entries: digest(entries),
            rows: digest(rows),
            payloads: digest(payloads),
            blobs: digest(blobs),
        })
    }

    /// In what two differ, in words; nothing where they are the same.
    #[must_use]
    pub fn differs(&self, other: &Self) -> Vec<&'static str> {
        let pairs = [
            ("size", self.size == other.size),
            ("entries", self.entries == other.entries),
            ("rows", self.rows == other.rows),
            ("payloads", self.payloads == other.payloads),
            ("blobs", self.blobs == other.blobs),
        ];
        pairs.into_iter().filter(|(_, same)| !same).map(|(what, _)| what).collect()
    }
}

fn part(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

fn kept(payload: Option<Payload>) -> String {
    match payload {
        Some(Payload::Held(held)) => {
            let content = Digest::of(&held.bytes);
            let salt = Digest::of(&held.salt.0);
            format!("{} {:?} {:?} {} {salt} {content}", held.kind, held.case, held.expires, held.index)
        }
        Some(Payload::Erased(erased)) => format!("{} erased by {}", erased.kind, erased.by),
        None => "none".to_owned(),
    }
}

/// The clock of another factory.
struct ClockOf(Factory);

impl Clock for ClockOf {
    fn now(&self) -> Time {
        self.0.0.clock.base_now()
    }
}

impl Factory {
    /// The same factory (its file, its providers, its clock) over another store: what a restored one would be.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn beside(&self, store: Arc<dyn Store>) -> Result<Self, OpenError> {
        let (root, providers) = (self.0.root.clone(), Arc::clone(&self.0.providers));
        Self::open(OpenOptions { root, store, providers, clock: Box::new(ClockOf(self.clone())) }).await
    }
}
