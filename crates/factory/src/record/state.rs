//! What a decision depends on that may change between a request and its commit: read inside the commit, and remembered
//! with the stamps of the rows that it was read from. A request decides beforehand on what is remembered; the commit
//! then has only to see that the stamps are the same.

use super::Record;
use crate::factory::Factory;
use crate::handle::{Served, row};
use crate::project::{CertificateRec, LapseRec, certificate_key};
use crate::serve::bounds;
use crate::switch::is_stopped;
use seatrial_model::facts::{CertificateState, OnLapse, SliceFact, ThresholdFact};
use seatrial_model::{ElementPath, Time};
use seatrial_store::{StoreError, View};
use std::sync::{Arc, Mutex, PoisonError};

/// The tables that [`Standing::read`] reads.
const TABLES: [&str; 6] = ["stop", "factory-stop", "marked-stop", "release", "lapse", "certificate"];

/// States remembered for one workflow: its steps, as cases and as rehearsals. Beyond it all are forgotten.
const REMEMBERED_MAX: usize = 64;

/// How a step stands: what delivery events say of it. Traffic does not change it.
#[derive(PartialEq)]
pub(super) struct Standing {
    pub(super) stopped: bool,
    /// Retired meanwhile: whatever was admitted before is denied.
    pub(super) retired: bool,
    /// What the release lost, and how the spec wants that met.
    pub(super) lapsed: Option<OnLapse>,
    thresholds: Vec<Threshold>,
}

/// A threshold, with the certificate that it has.
#[derive(PartialEq)]
struct Threshold {
    path: ElementPath,
    key: Option<String>,
    state: CertificateState,
    /// How each slice with a guarantee of its own stands under it.
    slices: Vec<(String, CertificateState)>,
}

/// The state that a decision is made on.
#[derive(Clone)]
pub(super) struct State {
    pub(super) standing: Arc<Standing>,
    /// How many decisions its pilot made today.
    pub(super) today: u64,
    /// What the rows stood at that it was read from.
    stamps: Option<Vec<u64>>,
}

/// What a state was read for.
struct Which {
    served: Arc<Served>,
    step: String,
    model: String,
    rehearsal: bool,
    seeded: bool,
}

impl Which {
    fn of(record: &Record) -> Self {
        Self {
            served: Arc::clone(&record.served),
            step: record.step.clone(),
            model: model_of(record).to_owned(),
            rehearsal: record.rehearsal,
            seeded: record.seeded,
        }
    }

    fn is_of(&self, record: &Record) -> bool {
        Arc::ptr_eq(&self.served, &record.served)
            && self.step == record.step
            && self.model == model_of(record)
            && (self.rehearsal, self.seeded) == (record.rehearsal, record.seeded)
    }
}

/// The newest states of one workflow, for the requests that come.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<Vec<(Which, State)>>);

impl Remembered {
    pub(super) fn of(&self, record: &Record) -> Option<State> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(which, _)| which.is_of(record)).map(|(_, state)| state.clone())
    }

    fn keep(&self, record: &Record, state: &State) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, held)) = known.iter_mut().find(|(which, _)| which.is_of(record)) {
            *held = state.clone();
            return;
        }
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.push((Which::of(record), state.clone()));
    }

    /// What served what is no longer served is let go.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl State {
    /// The state that the commit sees. Where no row has changed since the one that was guessed, it is that one.
    pub(super) fn read(
        view: &dyn View,
        factory: &Factory,
        record: &Record,
        (remembered, guess): (&Remembered, Option<&Self>),
    ) -> Result<Self, StoreError> {
        let stamps: Option<Vec<u64>> = TABLES.iter().map(|table| view.stamp(table)).collect();
        let today = today(view, factory, record)?;
        if let Some(guess) = guess.filter(|guess| stamps.is_some() && guess.stamps == stamps) {
            return Ok(Self { today, ..guess.clone() });
        }
        let standing = Arc::new(Standing::read(view, record)?);
        let state = Self { standing, today, stamps };
        if state.stamps.is_some() {
            remembered.keep(record, &state);
        }
        Ok(state)
    }

    /// Whether the same decision follows from both: of the day's count only whether the ceiling is reached.
    pub(super) fn decides_as(&self, other: &Self, record: &Record, now: Time) -> bool {
        let within = |state: &Self| bounds(&record.served, now, state.today);
        (Arc::ptr_eq(&self.standing, &other.standing) || self.standing == other.standing)
            && within(self) == within(other)
    }

    pub(super) fn thresholds(&self) -> Vec<ThresholdFact> {
        let fact = |t: &Threshold| ThresholdFact { path: t.path.clone(), state: t.state };
        self.standing.thresholds.iter().map(fact).collect()
    }

    /// The slices that the input lies in: each stands as it does under the last threshold that does not certify it.
    pub(super) fn slices(&self, of: &[(ElementPath, bool)]) -> Vec<SliceFact> {
        let fact = |(path, failed): &(ElementPath, bool)| {
            let under =
                |t: &Threshold| t.slices.iter().find(|(slice, _)| slice == path.name()).map(|(_, state)| *state);
            let mut states = self.standing.thresholds.iter().map(|t| under(t).unwrap_or(CertificateState::None));
            let state = states.rfind(|state| *state != CertificateState::Certified);
            let state = state.unwrap_or(CertificateState::Certified);
            SliceFact { path: path.clone(), state, failed: *failed }
        };
        of.iter().map(fact).collect()
    }

    /// The certificate row of the first threshold that has one.
    pub(super) fn certificate(&self) -> Option<String> {
        let certified = |t: &&Threshold| t.state == CertificateState::Certified;
        self.standing.thresholds.iter().find(certified).and_then(|t| t.key.clone())
    }
}

impl Standing {
    fn read(view: &dyn View, record: &Record) -> Result<Self, StoreError> {
        let served = &record.served;
        let path = ElementPath::new(format!("steps.{}", record.step));
        let stopped = is_stopped(view, &path, record.rehearsal)?;
        let retired = !record.rehearsal && view.row("release", b"retired")?.is_some();
        let as_released = !record.rehearsal || record.seeded;
        let mut standing = Self { stopped, retired, lapsed: None, thresholds: Vec::new() };
        if let Some(release) = served.release.as_ref().filter(|_| as_released) {
            standing.lapsed = row::<LapseRec>(view, "lapse", release.release.hex().as_bytes())?.map(|l| l.reaction);
        }
        let Some(program) = served.program.step(&record.step) else { return Ok(standing) };
        for path in program.plan().thresholds() {
            let at = served.workflow.thresholds.get(path.name()).and_then(|t| t.at);
            let key = at.map(|at| certificate_key(&path, at, model_of(record)));
            let rec: Option<CertificateRec> = match &key {
                Some(key) => row(view, "certificate", key.as_bytes())?,
                None => None,
            };
            let state = rec.as_ref().map_or(CertificateState::None, CertificateRec::state);
            let named = rec.iter().flat_map(|rec| rec.slices.keys().map(move |name| (rec, name)));
            let slices = named.map(|(rec, name)| (name.clone(), rec.slice(name))).collect();
            standing.thresholds.push(Threshold { path, key, state, slices });
        }
        Ok(standing)
    }
}

/// The model that the candidate came from: a certificate counts for the one that it was made for, whichever the
/// step names first.
fn model_of(record: &Record) -> &str {
    let first = || record.served.models.get(&record.step).map(|m| m.identity.as_str());
    record.obtained.fallback.as_deref().or_else(first).unwrap_or_default()
}

fn today(view: &dyn View, factory: &Factory, record: &Record) -> Result<u64, StoreError> {
    let as_released = !record.rehearsal || record.seeded;
    // A judge's is no case of the pilot's; a stream took its place of the day when it was opened.
    let counts = as_released && record.behalf.is_none() && record.stream.is_none();
    let pilot = record.served.release.as_ref().filter(|_| counts).and_then(|r| r.pilot_key());
    pilot.map_or(Ok(0), |pilot| crate::pilot::decided_on(view, &pilot, &factory.spec().timezone, factory.now()))
}
