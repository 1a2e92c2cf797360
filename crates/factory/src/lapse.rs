//! Lapse: a release in force lost something that it stood on. Said in the log, and met as the spec wants it, without
//! waiting for anybody. Only what the release itself stated counts, never what its successor still lacks.

use crate::api::Refused;
use crate::approve::{newest, unchanged};
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, row};
use crate::project::{LapseRec, ReleaseRec};
use crate::reviews::settle;
use crate::standing::{Gathered, is_dated};
use seatrial_governance::{Inputs, ModelIdentity};
use seatrial_guard::{CHECKS_VERSION, DECIDE_VERSION};
use seatrial_model::event::{ReleaseLapsed, ReleaseRestored, ReleasedObligation};
use seatrial_model::facts::OnLapse;
use seatrial_model::{Body, Event, EventId, LogName, Logged, Principal, Stage};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::Provider;
use seatrial_store::{Batch, ReaderExt as _, StoreExt as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The obligation whose approval is over the state of all others: it held when the release was cut, for that state.
const RELEASE_APPROVAL: &str = "release.approval";

/// What is missing once the hypercare date has passed and nobody took the workflow over.
const HYPERCARE: &str = "hypercare";

/// What a look at all releases in force came to.
#[derive(Clone, Debug, Default)]
pub struct Ticked {
    /// Workflows whose release lapsed, or lost something more, with the event.
    pub lapsed: Vec<(LogName, EventId)>,
    /// Workflows whose release stands again.
    pub restored: Vec<(LogName, EventId)>,
    /// Workflows that could not be looked at, and why; they are looked at again next time.
    pub failed: Vec<(LogName, String)>,
}

/// What a release lost since it was cut.
pub(crate) struct Lost {
    pub(crate) lost: BTreeMap<String, String>,
    pub(crate) reaction: OnLapse,
    /// The newest delivery event that this was made upon.
    pub(crate) seen: Option<u64>,
}

/// What became of one workflow's release.
pub(crate) enum Standing {
    AsItWas,
    Lapsed(EventId),
    Restored(EventId),
}

impl Factory {
    /// Looks at every release in force: what has lost an obligation lapses, what has all of them again stands again.
    /// Called at start, every minute while serving, and after delivery events; it appends only where something changed.
    pub async fn tick(&self) -> Ticked {
        let mut all = Ticked::default();
        // First: who left, left.
        self.reread_or_warn().await;
        // Then: an audit that nobody answered may cost a release what it stands on.
        self.watch_tick().await;
        if let Err(error) = self.end_tokens().await {
            tracing::warn!(%error, "tokens whose time has come could not be revoked; the next look tries again");
        }
        for log in self.workflows() {
            // What could not be read again when it changed is tried again, where no request came meanwhile.
            if let Ok(handle) = self.handle(log.as_str())
                && let Err(error) = self.caught_up(&handle).await
            {
                all.failed.push((log, error.to_string()));
                continue;
            }
            match self.tick_workflow(&log).await {
                Ok(Standing::AsItWas) => {}
                Ok(Standing::Lapsed(event)) => all.lapsed.push((log, event)),
                Ok(Standing::Restored(event)) => all.restored.push((log, event)),
                // Delivery went on meanwhile: whatever came in is looked at next.
                Err(Refused::Conflict { .. }) => {}
                Err(error) => {
                    tracing::warn!(workflow = log.as_str(), %error, "what its release stands on could not be looked at");
                    all.failed.push((log, error.to_string()));
                }
            }
        }
        all
    }

    pub(crate) async fn tick_workflow(&self, log: &LogName) -> Result<Standing, Refused> {
        let Some(release) = self.release_rec(log, b"in-force").await? else { return Ok(Standing::AsItWas) };
        let handle = self.handle(log.as_str())?;
        let Lost { lost, reaction, seen } = self.lost_by(&handle, &release).await?;
        let digest = release.release;
        let was: Option<LapseRec> = self
            .0
            .store
            .read_with(log, move |view| row(view, "lapse", digest.hex().as_bytes()))
            .await
            .map_err(not_recorded)?;
        let event = match (&was, lost.is_empty()) {
            (None, true) => return Ok(Standing::AsItWas),
            // The same things are missing: that was said.
            (Some(was), false) if was.lost.keys().eq(lost.keys()) && was.reaction == reaction => {
                return Ok(Standing::AsItWas);
            }
            (_, false) => self.lapse_event(log, &release, &lost, reaction)?,
            (Some(_), true) => Some(self.restored_event(log, &release)?),
        };
        let Some(event) = event else { return Ok(Standing::AsItWas) };
        let (id, restored) = (event.id, lost.is_empty());
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(log, move |view| {
                unchanged(view, seen)?;
                Ok((Batch::of(event), ()))
            })
            .await;
        settle(done)?;
        Ok(if restored { Standing::Restored(id) } else { Standing::Lapsed(id) })
    }

    fn about_release(&self, log: &LogName, release: &ReleaseRec, body: Body) -> Result<Event, Refused> {
        let mut event = self.event(log, Principal::system(), body).map_err(internal)?;
        event.spec = Some(release.spec);
        event.release = Some(release.release);
        event.subject.release = Some(release.release);
        Ok(event)
    }

    /// The event of a lapse; none where nothing was lost.
    pub(crate) fn lapse_event(
        &self,
        log: &LogName,
        release: &ReleaseRec,
        lost: &BTreeMap<String, String>,
        reaction: OnLapse,
    ) -> Result<Option<Event>, Refused> {
        if lost.is_empty() {
            return Ok(None);
        }
        let body = Body::ReleaseLapsed(ReleaseLapsed { release: release.release, lost: lost.clone(), reaction });
        self.about_release(log, release, body).map(Some)
    }

    fn restored_event(&self, log: &LogName, release: &ReleaseRec) -> Result<Event, Refused> {
        self.about_release(log, release, Body::ReleaseRestored(ReleaseRestored { release: release.release }))
    }

    /// What a release lost since it was cut, computed for its own spec, its own models and its own obligations.
    pub(crate) async fn lost_by(&self, handle: &Handle, release: &ReleaseRec) -> Result<Lost, Refused> {
        let live = handle.live.load_full();
        let known = [&live.in_force, &live.candidate].into_iter().flatten();
        let found = known.into_iter().find(|s| s.workflow.digest == release.spec).cloned();
        let served = match found {
            Some(served) => served,
            None => Arc::new(self.load_old(&handle.log, release.spec).await.map_err(internal)?),
        };
        let blob = release.obligations;
        let stated = self.0.store.blob(&handle.log, blob).await.map_err(not_recorded)?;
        let stated = stated.ok_or_else(|| internal(format!("the store does not hold `{}`", blob.short())))?;
        let stated: Vec<ReleasedObligation> = serde_json::from_slice(&stated).map_err(internal)?;
        let mut gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        gathered.inputs = self.inputs_as_released(&served.workflow, release);
        let reaction = match &served.workflow.gates.production {
            Some(gate) => gate.on_lapse,
            // A spec without a word for it: nothing is served.
            None => OnLapse::Stop,
        };
        let lost = self.lost_of(&gathered, release, &stated);
        Ok(Lost { lost, reaction, seen: newest(&gathered.events) })
    }

    fn lost_of(
        &self,
        gathered: &Gathered,
        release: &ReleaseRec,
        stated: &[ReleasedObligation],
    ) -> BTreeMap<String, String> {
        let states = self.states(gathered, release.stage);
        let ids: BTreeSet<&str> = stated.iter().map(|o| o.id.as_str()).collect();
        let mut lost: BTreeMap<String, String> = states
            .iter()
            .filter(|s| !s.obligation.duty.is_of_the_moment())
            .filter(|s| s.obligation.id != RELEASE_APPROVAL && ids.contains(s.obligation.id.as_str()))
            .filter(|s| !s.state.is_settled())
            .map(|s| (s.obligation.id.clone(), s.state.as_str().to_owned()))
            .collect();
        let approvals = stated.iter().filter(|o| o.id == RELEASE_APPROVAL).flat_map(|o| &o.events);
        let withdrawn = withdrawn(&gathered.events);
        if approvals.into_iter().any(|id| withdrawn.contains(id)) {
            lost.insert(RELEASE_APPROVAL.to_owned(), "withdrawn".to_owned());
        }
        let over = release.stage == Stage::Production && release.until.is_some_and(|until| self.now() > until);
        if over {
            lost.insert(HYPERCARE.to_owned(), "ended".to_owned());
        }
        lost
    }

    /// The external inputs with the models that the release pinned: another one trained since is the candidate's.
    fn inputs_as_released(&self, workflow: &Workflow, release: &ReleaseRec) -> Inputs {
        let factory = self.spec();
        let embedded = |step: &str| {
            let wanted = workflow.step(step).and_then(|s| s.model.as_ref());
            wanted.is_some_and(|m| factory.providers.get(&m.provider) == Some(&Provider::Classifier))
        };
        let identity = |(step, text): (&String, &String)| {
            let alias = !embedded(step) && !is_dated(text);
            (step.clone(), ModelIdentity { text: text.clone(), alias })
        };
        Inputs { models: release.models.iter().map(identity).collect(), checks: CHECKS_VERSION, decide: DECIDE_VERSION }
    }
}

fn withdrawn(events: &[Logged]) -> BTreeSet<EventId> {
    let approval = |logged: &Logged| match &logged.event.body {
        Body::ApprovalWithdrawn(body) => Some(body.approval),
        _ => None,
    };
    events.iter().filter_map(approval).collect()
}
