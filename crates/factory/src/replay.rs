//! Replay: the decisions of the log, decided again under a changed spec.

mod page;
mod report;

pub use report::{PerDay, ReplayReport, RoleLoad};

use crate::api::{Caller, Refused};
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, row, rows};
use crate::project::{DecisionRec, ReleaseRec};
use page::Window;
use seatrial_governance::policy::{Action as Act, Circumstances, Request};
use seatrial_guard::Program;
use seatrial_guard::replay::{Replay, Side, Tally};
use seatrial_model::event::ReplayRecorded;
use seatrial_model::{Body, DecisionId, Digest, EventId, Time};
use seatrial_spec::Workflow;
use seatrial_store::{Batch, ReaderExt as _, Scan, StoreError, StoreExt as _};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Entries that one read looks at: what is held in memory at a time is this, times the readers at work.
pub const PAGE_ENTRIES: u64 = 4_000;

/// Readers of the store that a replay takes at most: one is left for everybody else.
pub const LANES_MAX: usize = 3;

/// Which decisions are replayed, and how.
#[derive(Clone, Debug, Default)]
pub struct ReplayOptions {
    /// Only decisions from then on.
    pub since: Option<Time>,
    /// Only so many, the newest.
    pub limit: Option<u64>,
    /// Threads; as many as the machine has cores, where none are named.
    pub threads: Option<usize>,
    /// Record the result as evidence.
    pub record: bool,
}

/// What a replay came to.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The figures.
    pub report: ReplayReport,
    /// The event, where it was recorded.
    pub event: Option<EventId>,
}

impl Factory {
    /// Decides the recorded decisions of a workflow again under a changed spec. Reads; with `record` it appends the
    /// result.
    ///
    /// # Errors
    /// [`Refused`] where the spec does not compile, the log cannot be read, or, to record, the caller may not or the
    /// spec was not submitted.
    pub async fn replay(
        &self,
        caller: &Caller,
        workflow: &str,
        against: Arc<Workflow>,
        options: &ReplayOptions,
    ) -> Result<Replayed, Refused> {
        let handle = self.handle(workflow)?;
        if options.record {
            self.may_replay(caller, &handle, &against).await?;
        }
        let new = side(Arc::clone(&against)).map_err(Refused::Invalid)?;
        let replay = Arc::new(Replay::new(&new, &self.recorded_specs(&handle).await?));
        let window = self.window(&handle, options).await?;
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = options.threads.unwrap_or_else(cores).max(1);
        let mut tally = self.replay_window(&handle, &replay, window, threads).await?;
        tally.settle();
        let report = ReplayReport::new(&replay, window.entries(), &tally, &self.spec(), self.now().day());
        let event = if options.record { Some(self.record_replay(caller, &handle, &report).await?) } else { None };
        Ok(Replayed { report, event })
    }

    async fn may_replay(&self, caller: &Caller, handle: &Handle, against: &Workflow) -> Result<(), Refused> {
        let policies = self.policies_of(against);
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        let rights = self.shared_rights(&handle.log);
        let circumstances = rights.apply(&caller.principal, &circumstances);
        let request = Request { principal: &caller.principal, action: Act::Replay, circumstances: &circumstances };
        if let seatrial_governance::policy::Authorization::Refused { why } = policies.authorize(&request) {
            return Err(Refused::Forbidden(why));
        }
        let key = against.digest.hex();
        let known = self.0.store.row(&handle.log, "spec", key.as_bytes()).await.map_err(not_recorded)?;
        known.map(drop).ok_or_else(|| {
            let spec = against.digest.short();
            let message =
                format!("the spec `{spec}` was not submitted, and a replay is evidence for what was: submit it");
            Refused::Conflict { message, now: None }
        })
    }

    /// Every spec that was released: decisions other than rehearsals were made under these. One that cannot be read
    /// any more is left out; what it decided needs new outputs.
    async fn recorded_specs(&self, handle: &Handle) -> Result<Vec<Side>, Refused> {
        let read = self.0.store.read_with(&handle.log, |view| {
            let releases: Vec<(Vec<u8>, serde_json::Value)> = rows(view, &Scan::all("release"))?;
            let releases = releases.into_iter().filter_map(|(_, rec)| serde_json::from_value::<ReleaseRec>(rec).ok());
            Ok(releases.map(|rec| rec.spec).collect::<BTreeSet<Digest>>())
        });
        let mut sides = Vec::new();
        for spec in read.await.map_err(not_recorded)? {
            match self.spec_at(handle.log.as_str(), Some(spec)).await.map_err(|e| e.to_string()).and_then(side) {
                Ok(found) => sides.push(found),
                Err(why) => tracing::warn!(%spec, why, "a released spec cannot be replayed"),
            }
        }
        Ok(sides)
    }

    async fn window(&self, handle: &Handle, options: &ReplayOptions) -> Result<Window, Refused> {
        let (since, limit) = (options.since, options.limit);
        let read = self.0.store.read_with(&handle.log, move |view| Window::find(view, since, limit));
        read.await.map_err(not_recorded)
    }

    /// Several readers take page after page, until none is left.
    async fn replay_window(
        &self,
        handle: &Handle,
        replay: &Arc<Replay>,
        window: Window,
        threads: usize,
    ) -> Result<Tally, Refused> {
        let lanes = threads.clamp(1, LANES_MAX);
        let inner = threads.div_ceil(lanes);
        let next = AtomicU64::new(window.from);
        let lane = || async {
            let (mut tally, mut overridden) = (Tally::default(), BTreeSet::new());
            loop {
                let from = next.fetch_add(PAGE_ENTRIES, Ordering::Relaxed);
                if from >= window.until {
                    return Ok::<_, StoreError>((tally, overridden));
                }
                let part = Window { from, until: window.until.min(from + PAGE_ENTRIES), ..window };
                let replay = Arc::clone(replay);
                let read = self.0.store.read_with(&handle.log, move |view| page::replay(view, &replay, part, inner));
                let page = read.await?;
                tally.merge(page.tally);
                overridden.extend(page.overridden);
            }
        };
        let done = futures_util::future::try_join_all((0..lanes).map(|_| lane())).await.map_err(not_recorded)?;
        let (mut tally, mut overridden) = (Tally::default(), BTreeSet::new());
        for (part, decisions) in done {
            tally.merge(part);
            overridden.extend(decisions);
        }
        self.replay_overridden(handle, replay, window, overridden, &mut tally).await?;
        Ok(tally)
    }

    /// Overridden decisions once more, by themselves: which of them would have gone another way.
    async fn replay_overridden(
        &self,
        handle: &Handle,
        replay: &Arc<Replay>,
        window: Window,
        overridden: BTreeSet<DecisionId>,
        tally: &mut Tally,
    ) -> Result<(), Refused> {
        let all: Vec<DecisionId> = overridden.into_iter().collect();
        for part in all.chunks(PAGE_ENTRIES as usize) {
            let (part, replay) = (part.to_vec(), Arc::clone(replay));
            let read = self.0.store.read_with(&handle.log, move |view| {
                let mut found = Tally::default();
                for decision in part {
                    let Some(rec) = row::<DecisionRec>(view, "decision", decision.uuid().as_bytes())? else { continue };
                    let alone = Window { from: rec.index, until: rec.index + 1, ..window };
                    if (window.from..window.until).contains(&rec.index) {
                        found.merge(page::replay(view, &replay, alone, 1)?.tally);
                    }
                }
                Ok(found)
            });
            let found = read.await.map_err(not_recorded)?;
            tally.overrides.before += found.again;
            tally.overrides.after += found.changed();
        }
        Ok(())
    }

    async fn record_replay(&self, caller: &Caller, handle: &Handle, report: &ReplayReport) -> Result<EventId, Refused> {
        let results = seatrial_model::canonical(&report.listing()).map_err(internal)?;
        let body = ReplayRecorded { results: Digest::of(&results), ..report.body() };
        let mut event =
            self.event(&handle.log, caller.principal.clone(), Body::ReplayRecorded(body)).map_err(internal)?;
        event.spec = Some(report.against);
        let id = event.id;
        let batch = Batch { events: vec![event], blobs: vec![results], ..Batch::default() };
        self.0.store.append(&handle.log, batch).await.map_err(not_recorded)?;
        Ok(id)
    }
}

fn side(workflow: Arc<Workflow>) -> Result<Side, String> {
    let program = Program::compile(&workflow)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    Ok(Side { workflow, program: Arc::new(program) })
}
