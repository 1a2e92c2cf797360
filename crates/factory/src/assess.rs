//! The assessment, and what the projections say of the running system.

use crate::api::Refused;
use crate::factory::{Factory, not_recorded};
use crate::handle::{Handle, rows};
use crate::project::{DecisionRec, ReviewRec};
use seatrial_assessment::{Assessment, AssessmentInput, Running, Served as ServedPair};
use seatrial_model::event::ReleasedObligation;
use seatrial_model::{Answer, Body, Digest, ElementPath, EventId, LogName, Logged, Stage};
use seatrial_spec::Workflow;
use seatrial_store::{ReaderExt as _, Scan, StoreError, View};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the projections say of the running system, for pack and assessment.
#[derive(Default)]
pub(crate) struct Ran {
    pub(crate) fired: BTreeMap<ElementPath, u64>,
    pub(crate) decisions: u64,
    pub(crate) running: Running,
}

/// The most submitted specs that one assessment reads again: a year of two a week, at some milliseconds each.
pub const SPECS_READ_MAX: usize = 100;

impl Factory {
    /// Assesses the delivery from its events.
    ///
    /// # Errors
    /// [`Refused`] where nothing was submitted.
    pub async fn assess(&self, workflow: &str) -> Result<Assessment, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        let states = self.states(&gathered, Stage::Production);
        let ran = self.ran(&handle).await?;
        let specs = self.specs_submitted(&handle.log, &gathered.events).await;
        let rests = self.rests(&handle.log, &gathered.events).await?;
        let factory = self.spec();
        Ok(seatrial_assessment::assess(&AssessmentInput {
            workflow: &served.workflow,
            factory: &factory,
            events: &gathered.events,
            states: &states,
            running: &ran.running,
            specs: &specs,
            rests: &rests,
            now: self.now(),
        }))
    }

    /// The newest specs submitted, as far as they can still be read: a detector that lacks one says less, not something else.
    async fn specs_submitted(&self, log: &LogName, events: &[Logged]) -> BTreeMap<Digest, Arc<Workflow>> {
        let submitted = events.iter().rev().filter(|e| matches!(e.event.body, Body::SpecSubmitted(_)));
        let mut specs = BTreeMap::new();
        for digest in submitted.filter_map(|e| e.event.spec).take(SPECS_READ_MAX) {
            if let Ok((workflow, _)) = self.load_spec(log, digest).await {
                specs.insert(digest, Arc::new(workflow));
            }
        }
        specs
    }

    /// What each release rests on: the events that discharged its obligations.
    async fn rests(&self, log: &LogName, events: &[Logged]) -> Result<BTreeMap<EventId, BTreeSet<EventId>>, Refused> {
        let cut = |e: &Logged| match &e.event.body {
            Body::ReleaseCut(cut) => Some((e.event.id, cut.obligations)),
            _ => None,
        };
        let wanted: Vec<(EventId, Digest)> = events.iter().filter_map(cut).collect();
        let read = self.0.store.read_with(log, move |view| {
            let mut rests = BTreeMap::new();
            for (release, blob) in wanted {
                let bytes = view.blob(&blob)?;
                let list: Option<Vec<ReleasedObligation>> = bytes.and_then(|b| serde_json::from_slice(&b).ok());
                let on = list.into_iter().flatten().flat_map(|o| o.events).collect();
                rests.insert(release, on);
            }
            Ok(rests)
        });
        read.await.map_err(not_recorded)
    }

    pub(crate) async fn ran(&self, handle: &Handle) -> Result<Ran, Refused> {
        self.0.store.read_with(&handle.log, ran).await.map_err(not_recorded)
    }
}

/// Folds the rows of all decisions: rehearsals are left out.
fn ran(view: &dyn View) -> Result<Ran, StoreError> {
    let mut ran = Ran::default();
    let mut served: BTreeMap<(Option<Digest>, Option<Digest>), ServedPair> = BTreeMap::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let mut scan = Scan::all("decision").limit(2_000);
        if let Some(key) = after.take() {
            scan = scan.after(key);
        }
        let page: Vec<(Vec<u8>, DecisionRec)> = rows(view, &scan)?;
        let full = page.len() >= scan.rows_max();
        after = page.last().map(|(key, _)| key.clone());
        for (_, rec) in page.into_iter().filter(|(_, rec)| !rec.rehearsal) {
            let (release, spec, example) = (rec.release, rec.spec, (rec.index, rec.event));
            let fresh = || ServedPair { release, spec, decisions: 0, example };
            served.entry((release, spec)).or_insert_with(fresh).decisions += 1;
            count(view, &rec, &mut ran)?;
        }
        if !full {
            break;
        }
    }
    ran.running.decisions = ran.decisions;
    ran.running.served = served.into_values().collect();
    Ok(ran)
}

fn count(view: &dyn View, rec: &DecisionRec, ran: &mut Ran) -> Result<(), StoreError> {
    ran.decisions += 1;
    for path in &rec.because {
        *ran.fired.entry(path.clone()).or_default() += 1;
    }
    ran.running.overrides += u64::from(rec.overridden.is_some());
    let Some(review) = rec.review else { return Ok(()) };
    let review: Option<ReviewRec> = crate::handle::row(view, "review", review.uuid().as_bytes())?;
    let answer = review.as_ref().and_then(|r| r.answer.as_ref());
    if let Some((answer, _, _)) = answer {
        ran.running.reviews_answered += 1;
        let changed = *answer != Answer::Accept;
        ran.running.reviews_changed += u64::from(changed);
        if changed && ran.running.changed_example.is_none() {
            ran.running.changed_example = Some((rec.index, rec.event));
        }
    }
    Ok(())
}
