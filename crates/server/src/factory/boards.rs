//! The overview and the board.

use super::payloads::text;
use super::words::event_ref;
use crate::view::{
    Ahead, Board, Gate, LayerRows, Next, NextStep, ObligationRow, ObligationState, Overview, ReleaseLine, Running,
    StageState, Tally, Today, WorkflowCard, WorkflowTab,
};
use seatrial_factory::api::{Caller, InForce, Refused, WorkflowSummary};
use seatrial_factory::{Factory, Standing};
use seatrial_model::facts::OnLapse;
use seatrial_model::words::Layer;
use seatrial_model::{Body, Digest, ElementPath, Stage, Time, Untrusted, Verdict};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::{Element, Step};
use std::collections::BTreeMap;

/// The stages whose gates a board shows.
pub(super) const GATES: [Stage; 2] = [Stage::Pilot, Stage::Production];

/// The stages that an obligation is explained for. What is owned keeps production's.
pub(super) const STAGES: [Stage; 3] = [Stage::Pilot, Stage::Production, Stage::Owned];

/// The most open reviews that are looked through for late ones.
const QUEUE_READ_MAX: usize = 500;

pub(super) async fn tab(factory: &Factory, workflow: &str) -> Result<WorkflowTab, Refused> {
    let summary = factory.summary(workflow).await?;
    Ok(WorkflowTab {
        name: summary.name.to_string(),
        title: summary.title,
        reviews_open: summary.reviews_open,
        stopped: !summary.stopped.is_empty(),
    })
}

pub(super) async fn overview(factory: &Factory) -> Result<Overview, Refused> {
    let mut workflows = Vec::new();
    for log in factory.workflows() {
        workflows.push(card(factory, log.as_str()).await?);
    }
    Ok(Overview { workflows })
}

async fn card(factory: &Factory, workflow: &str) -> Result<WorkflowCard, Refused> {
    let summary = factory.summary(workflow).await?;
    let spec = factory.shown_spec(workflow).ok();
    let stage = match summary.in_force.as_ref().map(|r| r.stage) {
        Some(Stage::Pilot | Stage::Production | Stage::Owned) => Stage::Production,
        _ => Stage::Pilot,
    };
    let standing = standing(factory, workflow, &summary, stage).await?;
    let next = match &standing {
        Some(standing) => {
            let order = order(factory, workflow).await?;
            next_steps(std::slice::from_ref(standing), &order).into_iter().next().map(|s| s.next)
        }
        None => Some(Next { what: "Write the spec and submit it.".into(), command: "seatrial submit".into() }),
    };
    Ok(WorkflowCard {
        name: workflow.to_owned(),
        title: summary.title.clone(),
        purpose: spec.as_ref().map(|s| s.purpose.clone()).unwrap_or_default(),
        running: running(factory, workflow, &summary, spec.as_deref()).await?,
        release: release_line(factory, workflow, summary.in_force.as_ref()).await?,
        gate: standing.as_ref().map(gate),
        today: today(factory, workflow, &summary).await?,
        next,
    })
}

pub(super) async fn board(factory: &Factory, caller: &Caller, workflow: &str) -> Result<Board, Refused> {
    let summary = factory.summary(workflow).await?;
    let spec = factory.shown_spec(workflow).ok();
    let mut standings = Vec::new();
    for stage in GATES {
        standings.extend(standing(factory, workflow, &summary, stage).await?);
    }
    let resumable = summary.stopped.iter().any(|(_, _, by)| factory.may_resume(caller, workflow, by).is_ok());
    Ok(Board {
        name: workflow.to_owned(),
        title: summary.title.clone(),
        purpose: spec.as_ref().map(|s| s.purpose.clone()).unwrap_or_default(),
        running: running(factory, workflow, &summary, spec.as_deref()).await?,
        release: release_line(factory, workflow, summary.in_force.as_ref()).await?,
        ahead: ahead(factory, workflow, &summary, &standings).await?,
        gates: standings.iter().map(gate).collect(),
        layers: layers(&standings),
        today: today(factory, workflow, &summary).await?,
        next: next_steps(&standings, &order(factory, workflow).await?),
        incidents: factory
            .open_incidents(workflow)
            .await?
            .into_iter()
            .map(|i| (i.incident, i.severity, i.owner, i.resolved.is_some()))
            .collect(),
        can_stop: summary.stopped.is_empty() && factory.may_stop(caller, workflow).is_ok(),
        can_resume: resumable,
    })
}

/// Resumes what is stopped: the whole workflow, else the first step.
pub(super) async fn resume(factory: &Factory, caller: &Caller, workflow: &str, reason: &str) -> Result<(), Refused> {
    let stopped = factory.summary(workflow).await?.stopped;
    let whole = stopped.iter().any(|(element, _, _)| element.as_str().is_empty());
    let step = stopped.first().map(|(element, _, _)| element.name().to_owned()).filter(|_| !whole);
    factory.resume(caller, workflow, step.as_deref(), reason).await.map(drop)
}

async fn standing(
    factory: &Factory,
    workflow: &str,
    summary: &WorkflowSummary,
    stage: Stage,
) -> Result<Option<Standing>, Refused> {
    // Nothing submitted: there is nothing that could stand anywhere yet.
    if summary.candidate.is_none() {
        return Ok(None);
    }
    factory.standing(workflow, stage).await.map(Some)
}

fn gate(standing: &Standing) -> Gate {
    // What is released already needs no command.
    let done = standing.in_force.as_ref().is_some_and(|r| r.spec == standing.spec && r.stage >= standing.stage);
    let command = format!("seatrial release {}", standing.stage);
    Gate {
        stage: standing.stage,
        tally: Tally::of(standing.states.iter().map(|s| state(s.state.as_str()))),
        command: if done { String::new() } else { command },
    }
}

/// An obligation's state by its word, as events and statements write it. An unknown word is never green.
pub(super) fn state(word: &str) -> ObligationState {
    let word = word.replace('_', " ");
    ObligationState::ALL.into_iter().find(|s| s.as_str() == word).unwrap_or(ObligationState::Inconclusive)
}

fn layers(standings: &[Standing]) -> Vec<LayerRows> {
    let mut order: Vec<(Layer, String, String)> = Vec::new();
    let mut cells: BTreeMap<(String, Stage), StageState> = BTreeMap::new();
    for standing in standings {
        for s in &standing.states {
            let id = &s.obligation.id;
            if !order.iter().any(|(_, known, _)| known == id) {
                order.push((s.obligation.layer, id.clone(), s.obligation.title.clone()));
            }
            let next = s.next.clone().map(|command| Next { what: s.obligation.help.clone(), command });
            let until = s.waiver.as_ref().map(|w| w.until);
            let cell = StageState { state: state(s.state.as_str()), why: s.why.clone(), until, next };
            cells.insert((id.clone(), standing.stage), cell);
        }
    }
    Layer::ALL
        .iter()
        .map(|layer| LayerRows {
            layer: *layer,
            rows: order
                .iter()
                .filter(|(of, _, _)| of == layer)
                .map(|(_, id, title)| ObligationRow {
                    id: id.clone(),
                    title: title.clone(),
                    pilot: cells.remove(&(id.clone(), Stage::Pilot)),
                    production: cells.remove(&(id.clone(), Stage::Production)),
                })
                .collect(),
        })
        .collect()
}

/// Obligations in the order in which they are to be done: what unblocks most first.
async fn order(factory: &Factory, workflow: &str) -> Result<Vec<String>, Refused> {
    match factory.next_steps(workflow).await {
        Ok(steps) => Ok(steps.into_iter().map(|step| step.obligation).collect()),
        Err(Refused::Conflict { .. }) => Ok(Vec::new()),
        Err(other) => Err(other),
    }
}

/// What is missing and can be done, each once, with the gates that wait for it, in this order.
fn next_steps(standings: &[Standing], order: &[String]) -> Vec<NextStep> {
    let mut steps: Vec<NextStep> = Vec::new();
    for standing in standings {
        for missing in standing.missing() {
            let Some(command) = missing.next.clone() else { continue };
            let id = &missing.obligation.id;
            if let Some(step) = steps.iter_mut().find(|s| s.obligation == *id) {
                step.stages.push(standing.stage);
                continue;
            }
            let next = Next { what: missing.obligation.help.clone(), command };
            steps.push(NextStep { obligation: id.clone(), next, stages: vec![standing.stage] });
        }
    }
    // What is not in the order stays where the nearest gate put it, behind the others.
    steps.sort_by_key(|step| order.iter().position(|id| *id == step.obligation).unwrap_or(usize::MAX));
    steps
}

async fn running(
    factory: &Factory,
    workflow: &str,
    summary: &WorkflowSummary,
    spec: Option<&Workflow>,
) -> Result<Running, Refused> {
    if let Some((element, since, by)) = summary.stopped.first() {
        return Ok(Running::Stopped {
            element: element.to_string(),
            by: by.clone(),
            since: *since,
            reason: stop_reason(factory, workflow, element).await?,
            instead: spec.map(|s| instead(s, element)).unwrap_or_default(),
        });
    }
    if let Some(why) = factory.broken(workflow)? {
        return Ok(Running::Lapsed { on_lapse: "stop".into(), why });
    }
    if let Some(retired) = &summary.retired {
        return Ok(Running::Retired { by: retired.by.clone(), since: retired.since });
    }
    let Some(release) = summary.in_force.as_ref().filter(|r| r.stage != Stage::Retired) else {
        return Ok(Running::NotReleased);
    };
    if let Some(lapse) = &release.lapsed {
        let lost: Vec<String> = lapse.lost.iter().map(|(id, state)| format!("`{id}` is {state}")).collect();
        return Ok(Running::Lapsed {
            on_lapse: reaction(lapse.reaction).into(),
            why: format!("It lost {}.", lost.join(", ")),
        });
    }
    let released = factory.spec_at(workflow, Some(release.spec)).await?;
    Ok(ended(release, &released, factory.now()).unwrap_or_else(|| {
        let shadow = release.stage == Stage::Pilot && released.gates.pilot.as_ref().is_some_and(|p| p.shadow);
        Running::Serving { shadow }
    }))
}

fn ended(release: &InForce, spec: &Workflow, now: Time) -> Option<Running> {
    let until = release.until.filter(|until| now > *until)?;
    if release.stage == Stage::Pilot {
        return Some(Running::Lapsed { on_lapse: "stop".into(), why: format!("The pilot ended on {}.", until.day()) });
    }
    let on_lapse = reaction(spec.gates.production.as_ref()?.on_lapse);
    let why = format!("Hypercare ended on {}, and nobody has taken the workflow over.", until.day());
    Some(Running::Lapsed { on_lapse: on_lapse.into(), why })
}

const fn reaction(on_lapse: OnLapse) -> &'static str {
    match on_lapse {
        OnLapse::Warn => "warn",
        OnLapse::Escalate => "escalate",
        OnLapse::Stop => "stop",
    }
}

async fn stop_reason(factory: &Factory, workflow: &str, element: &ElementPath) -> Result<Option<Untrusted>, Refused> {
    let history = factory.history(workflow).await?;
    let stop = history
        .iter()
        .rev()
        .find(|e| matches!(&e.event.body, Body::WorkflowStopped(s) if !s.marked && (s.element == *element || (s.factory && element.as_str() == "factory"))));
    let commitment = stop.and_then(|e| e.event.payloads.get("reason").copied());
    Ok(text(&factory.text(workflow, commitment).await?).cloned())
}

/// How business goes on, in the words of the step's fallback.
fn instead(spec: &Workflow, element: &ElementPath) -> String {
    let concerned = |s: &&Step| element.as_str().is_empty() || s.path() == *element;
    let Some(fallback) = spec.steps.iter().filter(concerned).find_map(|s| s.fallback.as_ref()) else {
        return "The spec names nobody who goes on by hand.".to_owned();
    };
    let mut text = format!("Business goes on by hand: the role `{}`", fallback.to);
    if let Some(n) = fallback.per_day {
        text.push_str(&format!(", {n} a day"));
    }
    if let Some(runbook) = &fallback.runbook {
        text.push_str(&format!(", by `{runbook}`"));
    }
    text.push('.');
    text
}

async fn release_line(
    factory: &Factory,
    workflow: &str,
    in_force: Option<&InForce>,
) -> Result<Option<ReleaseLine>, Refused> {
    let Some(release) = in_force else { return Ok(None) };
    let found = factory.events_of(workflow, vec![release.event]).await?;
    let Some(logged) = found.get(&release.event) else { return Ok(None) };
    let per_day = match &logged.event.body {
        Body::ReleaseCut(cut) => cut.per_day,
        _ => None,
    };
    Ok(Some(ReleaseLine {
        digest: release.release,
        stage: release.stage,
        level: release.level.clone(),
        spec: release.spec,
        event: event_ref(logged),
        until: release.until,
        per_day,
    }))
}

async fn ahead(
    factory: &Factory,
    workflow: &str,
    summary: &WorkflowSummary,
    standings: &[Standing],
) -> Result<Option<Ahead>, Refused> {
    let (true, Some(release), Some(candidate)) = (summary.ahead, &summary.in_force, summary.candidate) else {
        return Ok(None);
    };
    let released = factory.spec_at(workflow, Some(release.spec)).await?;
    let newest = factory.spec_at(workflow, Some(candidate)).await?;
    let mut stale: Vec<&str> = standings
        .iter()
        .flat_map(|s| &s.states)
        .filter(|s| state(s.state.as_str()) == ObligationState::Stale)
        .map(|s| s.obligation.id.as_str())
        .collect();
    stale.sort_unstable();
    stale.dedup();
    Ok(Some(Ahead {
        spec: candidate,
        changed: changed(&released.elements, &newest.elements),
        stale: u64::try_from(stale.len()).unwrap_or(u64::MAX),
    }))
}

/// Elements added, removed or changed in meaning; the innermost only, since what holds them changes with them.
fn changed(before: &[Element], now: &[Element]) -> Vec<String> {
    fn table(elements: &[Element]) -> BTreeMap<&ElementPath, &Digest> {
        elements.iter().map(|e| (&e.path, &e.compiled)).collect()
    }
    let (before, now) = (table(before), table(now));
    let mut paths: Vec<&ElementPath> =
        before.keys().chain(now.keys()).copied().filter(|p| before.get(p) != now.get(p)).collect();
    paths.sort();
    paths.dedup();
    let holds = |path: &ElementPath| paths.iter().any(|other| *other != path && other.is_within(path));
    paths.iter().filter(|p| !holds(p)).map(ToString::to_string).collect()
}

async fn today(factory: &Factory, workflow: &str, summary: &WorkflowSummary) -> Result<Today, Refused> {
    let now = factory.now();
    let counts = factory.day_counts(workflow, now.day()).await?;
    let open = factory.queue(workflow, QUEUE_READ_MAX).await?;
    let late = open.iter().filter(|r| r.due.is_some_and(|due| now > due)).count();
    let verdict = |v: &Verdict| summary.today.get(v.as_str()).map(|n| (*v, *n));
    Ok(Today {
        verdicts: Verdict::ALL.iter().filter_map(verdict).collect(),
        overrides: counts.get("overrides").copied().unwrap_or(0),
        reviews_open: summary.reviews_open,
        reviews_late: u64::try_from(late).unwrap_or(u64::MAX),
    })
}
