//! The handover pack, and the assessment: what a reader without a login can take away.

use crate::api::{Caller, Refused};
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, rows};
use crate::project::{DecisionRec, ReviewRec};
use seatrial_assessment::{Assessment, AssessmentInput, Running, Served as ServedPair};
use seatrial_governance::ObligationState;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::PackGenerated;
use seatrial_model::{Answer, Body, Digest, ElementPath, EventId, LogName, LogPoint, Logged, Stage};
use seatrial_ownership::{Gap, LogIdentity, ObligationLine, PackInput};
use seatrial_store::{Batch, ReaderExt as _, Scan, StoreError, StoreExt as _, View};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A handover pack, generated and recorded.
#[derive(Clone, Debug)]
pub struct Pack {
    /// The event.
    pub event: EventId,
    /// The page: self-contained.
    pub html: String,
    /// What is still missing for the handover.
    pub missing: Vec<Gap>,
}

/// What the projections say of the running system, for pack and assessment.
#[derive(Default)]
struct Ran {
    fired: BTreeMap<ElementPath, u64>,
    decisions: u64,
    running: Running,
}

impl Factory {
    /// Generates the handover pack of the newest submitted spec.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn pack(&self, caller: &Caller, workflow: &str) -> Result<Pack, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, Act::Read, &circumstances)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        let states = self.states(&gathered, Stage::Production);
        let lines: Vec<ObligationLine> = states.iter().map(|s| line(s, &gathered.events)).collect();
        let ran = self.ran(&handle).await?;
        let curves = self.curves(&handle.log, &gathered.events).await?;
        let people = self.delivery_events(&LogName::factory()).await.map_err(not_recorded)?;
        let people = people.into_iter().rev().find(|e| matches!(e.event.body, Body::FactoryDeclared(_)));
        let log = self.log_identity(&handle.log).await?;
        let factory = self.spec();
        let input = PackInput {
            workflow: &served.workflow,
            factory: &factory,
            events: &gathered.events,
            people: people.as_ref(),
            obligations: &lines,
            fired: &ran.fired,
            decisions: ran.decisions,
            curves: &curves,
            log: &log,
            now: self.now(),
        };
        let html = seatrial_ownership::pack(&input);
        let missing = seatrial_ownership::gaps(&input);
        let body = PackGenerated {
            page: Digest::of(html.as_bytes()),
            log: log.point.clone(),
            missing: missing.iter().map(|gap| gap.obligation.clone()).collect(),
            manifest: None,
        };
        let mut event =
            self.event(&handle.log, caller.principal.clone(), Body::PackGenerated(body)).map_err(internal)?;
        event.spec = Some(served.workflow.digest);
        let id = event.id;
        let batch = Batch { events: vec![event], blobs: vec![html.clone().into_bytes()], ..Batch::default() };
        self.0.store.append(&handle.log, batch).await.map_err(not_recorded)?;
        Ok(Pack { event: id, html, missing })
    }

    /// Assesses the delivery from its events.
    ///
    /// # Errors
    /// [`Refused`] where nothing was submitted.
    pub async fn assess(&self, workflow: &str) -> Result<Assessment, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        let states = self.states(&gathered, Stage::Production);
        let ran = self.ran(&handle).await?;
        let factory = self.spec();
        Ok(seatrial_assessment::assess(&AssessmentInput {
            workflow: &served.workflow,
            factory: &factory,
            events: &gathered.events,
            states: &states,
            running: &ran.running,
            now: self.now(),
        }))
    }

    /// A log's origin, key, size and root.
    ///
    /// # Errors
    /// [`Refused`] where there is no such log.
    pub async fn log_identity(&self, log: &LogName) -> Result<LogIdentity, Refused> {
        let logs = self.0.store.logs().await.map_err(not_recorded)?;
        let info = logs.into_iter().find(|l| l.log == *log);
        let info = info.ok_or_else(|| Refused::NotFound(format!("there is no log `{log}`")))?;
        Ok(LogIdentity {
            origin: info.origin,
            verify: format!("seatrial-verify EXPORT --key '{}'", info.key),
            key: info.key,
            point: LogPoint { size: info.size, root: info.root },
        })
    }

    async fn curves(&self, log: &LogName, events: &[Logged]) -> Result<BTreeMap<Digest, String>, Refused> {
        let wanted: BTreeSet<Digest> = events
            .iter()
            .filter_map(|e| match &e.event.body {
                Body::ThresholdTested(t) => Some(t.certificate.curve),
                _ => None,
            })
            .collect();
        self.0
            .store
            .read_with(log, move |view| {
                let mut curves = BTreeMap::new();
                for digest in wanted {
                    if let Some(text) = view.blob(&digest)?.and_then(|bytes| String::from_utf8(bytes).ok()) {
                        curves.insert(digest, text);
                    }
                }
                Ok(curves)
            })
            .await
            .map_err(not_recorded)
    }

    async fn ran(&self, handle: &Handle) -> Result<Ran, Refused> {
        self.0.store.read_with(&handle.log, ran).await.map_err(not_recorded)
    }
}

fn line(state: &ObligationState, events: &[Logged]) -> ObligationLine {
    let at = |id: &EventId| events.iter().find(|e| e.event.id == *id).map(|e| e.index);
    ObligationLine {
        id: state.obligation.id.clone(),
        title: state.obligation.title.clone(),
        state: state.state.as_str().to_owned(),
        settled: state.state.is_settled(),
        why: state.why.clone(),
        next: state.next.clone(),
        key: state.key,
        events: state.events.iter().filter_map(at).collect(),
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
