//! What becomes of a release: its history, rollback to an earlier one, retirement.

use crate::api::{Caller, InForce, LapseView, Refused};
use crate::approve::{newest, unchanged};
use crate::factory::{Factory, internal, not_recorded, payload};
use crate::handle::{Handle, row};
use crate::lapse::Lost;
use crate::project::{LapseRec, ReleaseRec};
use crate::release::cuts;
use crate::reviews::settle;
use crate::standing::in_force_view;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_governance::{Basis, NextStep, ObligationState};
use seatrial_model::event::{ReleaseRolledBack, WorkflowRetired};
use seatrial_model::{Body, Digest, EventId, LogName, Logged, Stage, Time};
use seatrial_store::{Batch, ReaderExt as _, StoreExt as _};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A release in the history of a workflow.
#[derive(Clone, Debug, Serialize)]
pub struct ReleaseLook {
    /// What it is.
    #[serde(flatten)]
    pub release: InForce,
    /// Who cut it.
    pub by: String,
    /// Whether it is in force now.
    pub in_force: bool,
    /// Why it can no longer be put in force; none where it can.
    pub ended: Option<String>,
}

/// A rollback as it took effect.
#[derive(Clone, Debug, Serialize)]
pub struct RolledBack {
    /// The event.
    pub event: EventId,
    /// The release that was in force.
    pub from: Digest,
    /// The release that is in force now.
    pub to: Digest,
    /// Its stage.
    pub stage: Stage,
    /// Its spec.
    pub spec: Digest,
    /// What it lost since it was cut; its lapse is in force from the same commit on.
    pub lapsed: Option<LapseView>,
}

/// A workflow as it was retired.
#[derive(Clone, Debug, Serialize)]
pub struct Retired {
    /// The event.
    pub event: EventId,
    /// The release that was in force.
    pub release: Option<Digest>,
    /// Reviews that were open, and stay so: somebody still answers those cases.
    pub reviews_open: u64,
}

impl Factory {
    /// What stands between here and the stages, in the order in which it is best done, and who can do it.
    ///
    /// # Errors
    /// [`Refused`] where nothing was submitted.
    pub async fn next_steps(&self, workflow: &str) -> Result<Vec<NextStep>, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        let in_production = gathered
            .running
            .handover
            .as_ref()
            .and_then(|h| h.in_force.as_ref())
            .is_some_and(|r| r.stage == Stage::Production);
        // What is asked of a handover is work from the day on that there is something to hand over.
        let stages = [Some(Stage::Pilot), Some(Stage::Production), Some(Stage::Owned).filter(|_| in_production)];
        let states: BTreeMap<Stage, Vec<ObligationState>> =
            stages.into_iter().flatten().map(|stage| (stage, self.states(&gathered, stage))).collect();
        let mut steps = seatrial_governance::next(&served.workflow, &self.spec(), self.now(), &states);
        // An author never approves their own change: whoever cannot do it is not named.
        let authors = self.submitters(&handle.log, served.workflow.digest).await?;
        // What somebody takes over is accepted, not approved.
        let approved =
            |s: &&ObligationState| s.obligation.basis == Basis::Judgement && !s.obligation.id.starts_with("ownership.");
        let approved: BTreeSet<&str> =
            states.values().flatten().filter(approved).map(|s| s.obligation.id.as_str()).collect();
        for step in steps.iter_mut().filter(|s| approved.contains(s.obligation.as_str())) {
            step.people.retain(|person| !authors.contains(person));
        }
        Ok(steps)
    }

    /// Every release that was cut, the newest first.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn releases(&self, workflow: &str) -> Result<Vec<ReleaseLook>, Refused> {
        let handle = self.handle(workflow)?;
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let by: BTreeMap<Digest, String> = events
            .iter()
            .filter(|e| matches!(e.event.body, Body::ReleaseCut(_)))
            .filter_map(|e| Some((e.event.subject.release?, e.event.actor.id.clone())))
            .collect();
        let order: Vec<Digest> = cuts(&events).into_iter().map(|(release, _)| release).collect();
        let now = self.now();
        self.0
            .store
            .read_with(&handle.log, move |view| {
                let current: Option<ReleaseRec> = row(view, "release", b"in-force")?;
                let mut all = Vec::with_capacity(order.len());
                for release in order {
                    let Some(rec) = row::<ReleaseRec>(view, "release", release.hex().as_bytes())? else { continue };
                    let lapse: Option<LapseRec> = row(view, "lapse", release.hex().as_bytes())?;
                    all.push(ReleaseLook {
                        by: by.get(&release).cloned().unwrap_or_default(),
                        in_force: current.as_ref().is_some_and(|c| c.release == release),
                        ended: ended(&rec, now),
                        release: in_force_view(rec, lapse),
                    });
                }
                Ok(all)
            })
            .await
            .map_err(not_recorded)
    }

    /// Puts an earlier release of the same stage in force again: the one named, or the one before. It was valid when
    /// it was cut; what it lost since is shown, and the reaction to that is in force from the same commit on.
    ///
    /// # Errors
    /// [`Refused`]: nothing was changed.
    pub async fn rollback(
        &self,
        caller: &Caller,
        workflow: &str,
        to: Option<Digest>,
        reason: &str,
    ) -> Result<RolledBack, Refused> {
        let handle = self.handle(workflow)?;
        let (from, target) = self.rollback_target(&handle, to).await?;
        let served = handle.live.load_full();
        let served = served.in_force.as_ref().or(served.candidate.as_ref()).cloned();
        let served = served.ok_or_else(|| Refused::NotFound("nothing of this workflow is served".to_owned()))?;
        let circumstances = Circumstances {
            stage: Some(target.stage),
            simulation: self.is_simulation(),
            token: caller.token,
            ..Circumstances::default()
        };
        served.authorize(&caller.principal, Act::RollBack, &circumstances)?;
        need_reason(reason)?;
        let Lost { lost, reaction, seen } = self.lost_by(&handle, &target).await?;
        let body = Body::ReleaseRolledBack(ReleaseRolledBack { from, to: target.release });
        let mut event = self.event(&handle.log, caller.principal.clone(), body).map_err(internal)?;
        event.spec = Some(target.spec);
        event.release = Some(from);
        event.subject.release = Some(target.release);
        event.people = self.people_point().await.map_err(not_recorded)?;
        let mut payloads = Vec::new();
        payload(&mut payloads, &mut event.payloads, "reason", reason.as_bytes().to_vec(), None, None)
            .map_err(internal)?;
        let (id, release) = (event.id, target.release);
        let lapse = self.lapse_event(&handle.log, &target, &lost, reaction)?;
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(&handle.log, move |view| {
                unchanged(view, seen)?;
                let was: Option<LapseRec> = row(view, "lapse", release.hex().as_bytes())?;
                let mut events = vec![event];
                events.extend(lapse.into_iter().filter(|_| was.as_ref().is_none_or(|was| was.lost != lost)));
                Ok((Batch { events, payloads, ..Batch::default() }, ()))
            })
            .await;
        settle(done)?;
        self.sign_soon(&handle.log).await;
        self.reload(&handle.log).await?;
        self.tick_workflow(&handle.log).await?;
        let lapsed = self.in_force(&handle.log).await?.and_then(|r| r.lapsed);
        Ok(RolledBack { event: id, from, to: release, stage: target.stage, spec: target.spec, lapsed })
    }

    /// The release in force, and the one to go back to.
    async fn rollback_target(&self, handle: &Handle, to: Option<Digest>) -> Result<(Digest, ReleaseRec), Refused> {
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let current = self.release_rec(&handle.log, b"in-force").await?.ok_or_else(|| Refused::Conflict {
            message: "no release is in force, so there is none to go back from; cut one: `seatrial release pilot`"
                .to_owned(),
            now: None,
        })?;
        let chosen = to.or_else(|| way_back(&events, current.stage)).ok_or_else(|| {
            Refused::NotFound(format!(
                "there is no earlier release for {}; `seatrial stop` stops this one at once",
                current.stage
            ))
        })?;
        if chosen == current.release {
            return Err(Refused::Conflict { message: format!("`{}` is in force already", chosen.short()), now: None });
        }
        let target = self.release_rec(&handle.log, chosen.hex().as_bytes()).await?;
        let target = target.ok_or_else(|| Refused::NotFound(format!("no release `{chosen}` was ever cut here")))?;
        if target.stage != current.stage {
            return Err(Refused::Invalid(format!(
                "`{}` was released for {}, and {} is in force; a rollback stays in its stage",
                chosen.short(),
                target.stage,
                current.stage
            )));
        }
        if let Some(why) = ended(&target, self.now()) {
            return Err(Refused::Conflict { message: format!("`{}` {why}", chosen.short()), now: None });
        }
        // What cannot be served would deny everything: better said before than after.
        self.load_old(&handle.log, target.spec).await.map_err(|why| Refused::Conflict {
            message: format!("`{}` cannot be served any more: {why}", chosen.short()),
            now: None,
        })?;
        Ok((current.release, target))
    }

    pub(crate) async fn release_rec(&self, log: &LogName, key: &[u8]) -> Result<Option<ReleaseRec>, Refused> {
        let key = key.to_vec();
        self.0.store.read_with(log, move |view| row(view, "release", &key)).await.map_err(not_recorded)
    }

    /// Retires a workflow: nothing of it is served any more. Its log stays, and `evidence` says where it is kept.
    ///
    /// # Errors
    /// [`Refused`]: nothing was changed.
    pub async fn retire(
        &self,
        caller: &Caller,
        workflow: &str,
        reason: &str,
        evidence: &str,
    ) -> Result<Retired, Refused> {
        let handle = self.handle(workflow)?;
        let live = handle.live.load_full();
        if let Some(retired) = &live.retired {
            let message = format!("it is retired already, since {} by `{}`", retired.at, retired.by);
            return Err(Refused::Conflict { message, now: None });
        }
        let served = live.in_force.as_ref().or(live.candidate.as_ref());
        let served = served.ok_or_else(|| Refused::NotFound("nothing of this workflow is served".to_owned()))?;
        let release = live.in_force.as_ref().and_then(|s| s.release.as_ref());
        let circumstances = Circumstances {
            stage: release.map(|r| r.stage),
            simulation: self.is_simulation(),
            token: caller.token,
            ..Circumstances::default()
        };
        served.authorize(&caller.principal, Act::Retire, &circumstances)?;
        need_reason(reason)?;
        if evidence.trim().is_empty() {
            return Err(Refused::Invalid("say where the evidence is kept from now on: `--evidence WHERE`".to_owned()));
        }
        let release = release.map(|r| r.release);
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let body = Body::WorkflowRetired(WorkflowRetired { release });
        let texts = vec![
            ("reason".to_owned(), reason.as_bytes().to_vec()),
            ("evidence".to_owned(), evidence.as_bytes().to_vec()),
        ];
        let event = self.judged(caller, &handle.log, served, body, Vec::new(), texts, newest(&events)).await?;
        self.sign_soon(&handle.log).await;
        self.reload(&handle.log).await?;
        let reviews_open = self.summary(workflow).await?.reviews_open;
        Ok(Retired { event, release, reviews_open })
    }
}

fn need_reason(reason: &str) -> Result<(), Refused> {
    if reason.trim().is_empty() {
        return Err(Refused::Invalid("a reason is missing: those who come after read it".to_owned()));
    }
    Ok(())
}

/// Why a release can no longer be put in force.
fn ended(release: &ReleaseRec, now: Time) -> Option<String> {
    let over = release.until.filter(|until| release.stage == Stage::Pilot && now > *until)?;
    Some(format!("was a pilot until {over}, and that has passed: it would deny everything"))
}

/// The release that was in force before the one of now. What was gone back from is not gone back to: it is named, or stays
/// out of the way.
fn way_back(events: &[Logged], stage: Stage) -> Option<Digest> {
    let mut way: Vec<Digest> = Vec::new();
    for logged in events {
        match &logged.event.body {
            Body::ReleaseCut(cut) if cut.stage == stage => way.extend(logged.event.subject.release),
            Body::ReleaseRolledBack(back) => match way.iter().position(|release| *release == back.to) {
                Some(place) => way.truncate(place + 1),
                None => way.push(back.to),
            },
            _ => {}
        }
    }
    way.iter().rev().nth(1).copied()
}
