//! How a workflow stands: every obligation's state, and the explanation of one.

mod report;

pub use report::{ObligationLine, StandingReport};

use crate::api::{InForce, LapseView, Refused, RetiredView, WorkflowSummary};
use crate::ending::RightsLook;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served, row, rows};
use crate::project::{LapseRec, QUEUE, ReleaseRec};
use seatrial_governance::status::CheckFinding;
use seatrial_governance::{Explanation, Inputs, ModelIdentity, ObligationState, Running, StatusInput};
use seatrial_guard::{CHECKS_VERSION, DECIDE_VERSION};
use seatrial_model::facts::OnLapse;
use seatrial_model::{Digest, LogName, Logged, Stage, Time};
use seatrial_spec::workflow::{Actor, Provider};
use seatrial_spec::{Diagnostic, Workflow};
use seatrial_store::{ReaderExt as _, Scan, View};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A workflow's standing for one stage.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The workflow.
    pub workflow: LogName,
    /// The spec that was asked about.
    pub spec: Digest,
    /// The stage.
    pub stage: Stage,
    /// Every obligation, in the order of the layers.
    pub states: Vec<ObligationState>,
    /// The release in force.
    pub in_force: Option<InForce>,
    /// Hypercare, as it counts down; none where the release in force has none.
    pub hypercare: Option<Hypercare>,
    /// The end of the delivery side's rights; none where they do not end.
    pub rights: Option<RightsLook>,
    /// The spec asked about is another than the released one.
    pub ahead: bool,
    /// The spec asked about is another than the newest submitted one.
    pub unsubmitted: bool,
}

/// Hypercare: how long the delivery side still helps, and what becomes of the release where nobody takes it over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Hypercare {
    /// Its end.
    pub until: Time,
    /// How long until then, in milliseconds; none where it has passed.
    pub left_ms: Option<u64>,
    /// What the spec of the release wants then.
    pub reaction: OnLapse,
}

impl Standing {
    /// What stands between here and the stage.
    pub fn missing(&self) -> impl Iterator<Item = &ObligationState> {
        self.states.iter().filter(|s| !s.state.is_settled())
    }
}

/// What the checker says of a spec, as readiness wants it.
pub(crate) fn check_findings(diagnostics: &[Diagnostic]) -> Vec<CheckFinding> {
    diagnostics
        .iter()
        .filter_map(|d| {
            let blocks = d.blocks?;
            Some(CheckFinding { code: d.code.to_string(), message: d.message.clone(), blocks })
        })
        .collect()
}

/// Everything that readiness of one spec is computed from, gathered.
pub(crate) struct Gathered {
    pub(crate) workflow: Arc<Workflow>,
    pub(crate) findings: Vec<CheckFinding>,
    pub(crate) events: Vec<Logged>,
    pub(crate) inputs: Inputs,
    pub(crate) tables: BTreeMap<Digest, Vec<seatrial_spec::workflow::Element>>,
    pub(crate) running: Running,
}

impl Gathered {
    /// The same factory, looking at another spec and other events.
    pub(crate) fn with(&self, workflow: Arc<Workflow>, findings: Vec<CheckFinding>, events: Vec<Logged>) -> Self {
        let (inputs, tables, running) = (self.inputs.clone(), self.tables.clone(), self.running.clone());
        Self { workflow, findings, events, inputs, tables, running }
    }
}

impl Factory {
    /// The external inputs of a workflow's evidence, as they stand.
    pub(crate) async fn inputs_of(&self, log: &LogName, workflow: &Workflow) -> Result<Inputs, Refused> {
        let factory = self.spec();
        let mut models = BTreeMap::new();
        for step in workflow.steps.iter().filter(|s| s.actor == Actor::Ai) {
            let Some(wanted) = &step.model else { continue };
            let identity = match factory.providers.get(&wanted.provider) {
                Some(Provider::Classifier) => {
                    let blob = self.trained(log, workflow, step).await?;
                    blob.map(|blob| ModelIdentity { text: blob.to_string(), alias: false })
                }
                Some(_) => {
                    let text = format!("{}/{}", wanted.provider, wanted.name);
                    let alias = !is_dated(&wanted.name);
                    Some(ModelIdentity { text, alias })
                }
                None => None,
            };
            if let Some(identity) = identity {
                models.insert(step.name.clone(), identity);
            }
        }
        Ok(Inputs { models, checks: CHECKS_VERSION, decide: DECIDE_VERSION })
    }

    pub(crate) async fn gather(
        &self,
        log: &LogName,
        workflow: Arc<Workflow>,
        findings: Vec<CheckFinding>,
    ) -> Result<Gathered, Refused> {
        let events = match self.delivery_events(log).await {
            Ok(events) => events,
            Err(seatrial_store::StoreError::NoLog(_)) => Vec::new(),
            Err(error) => return Err(not_recorded(error)),
        };
        let inputs = self.inputs_of(log, &workflow).await?;
        let tables = if events.is_empty() {
            BTreeMap::new()
        } else {
            self.tables(log, seatrial_governance::status::specs_cited(&events)).await?
        };
        let running = self.running_facts(log, &workflow, &events).await?;
        Ok(Gathered { workflow, findings, events, inputs, tables, running })
    }

    pub(crate) fn states(&self, gathered: &Gathered, stage: Stage) -> Vec<ObligationState> {
        self.with_status(gathered, stage, seatrial_governance::status)
    }

    /// Computes something from the input of a stage's status.
    pub(crate) fn with_status<T>(
        &self,
        gathered: &Gathered,
        stage: Stage,
        compute: impl FnOnce(&StatusInput<'_>) -> T,
    ) -> T {
        let factory = self.spec();
        compute(&StatusInput {
            workflow: &gathered.workflow,
            factory: &factory,
            events: &gathered.events,
            inputs: &gathered.inputs,
            old_elements: &gathered.tables,
            running: &gathered.running,
            now: self.now(),
            findings: &gathered.findings,
            stage,
        })
    }

    /// How the newest submitted spec stands.
    ///
    /// # Errors
    /// [`Refused`] where nothing was submitted.
    pub async fn standing(&self, workflow: &str, stage: Stage) -> Result<Standing, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        self.standing_of(&handle.log, &gathered, stage).await
    }

    /// How the work tree stands, whether it was submitted or not.
    ///
    /// # Errors
    /// [`Refused`] where it has errors.
    pub async fn standing_of_work_tree(&self, workflow: Option<&str>, stage: Stage) -> Result<Standing, Refused> {
        let (log, gathered) = self.gather_work_tree(workflow).await?;
        self.standing_of(&log, &gathered, stage).await
    }

    async fn gather_work_tree(&self, workflow: Option<&str>) -> Result<(LogName, Gathered), Refused> {
        let tree = self.work_tree(workflow)?;
        let errors = crate::submit::errors_of(&tree.checked.diagnostics).len();
        let findings = check_findings(&tree.checked.diagnostics);
        let checked = tree
            .checked
            .workflow
            .ok_or_else(|| Refused::Invalid(format!("the spec has {errors} error(s): `seatrial check` shows them")))?;
        let log: LogName = checked.name.parse().map_err(|e| Refused::Invalid(format!("{e}")))?;
        let gathered = self.gather(&log, Arc::new(checked), findings).await?;
        Ok((log, gathered))
    }

    pub(crate) async fn standing_of(
        &self,
        log: &LogName,
        gathered: &Gathered,
        stage: Stage,
    ) -> Result<Standing, Refused> {
        let states = self.states(gathered, stage);
        let spec = gathered.workflow.digest;
        let in_force = self.in_force(log).await?;
        let candidate = self.handle(log.as_str()).ok().and_then(|h| h.live.load_full().candidate.clone());
        let latest = candidate.map(|s| s.workflow.digest);
        Ok(Standing {
            workflow: log.clone(),
            spec,
            stage,
            hypercare: self.hypercare(log, in_force.as_ref()),
            rights: if latest.is_some() { self.rights_of(log.as_str()).await? } else { None },
            ahead: in_force.as_ref().is_some_and(|r| r.spec != spec),
            unsubmitted: latest != Some(spec),
            states,
            in_force,
        })
    }

    fn hypercare(&self, log: &LogName, in_force: Option<&InForce>) -> Option<Hypercare> {
        let until = in_force.filter(|r| r.stage == Stage::Production).and_then(|r| r.until)?;
        let served = self.handle(log.as_str()).ok()?.live.load_full().in_force.clone();
        // A spec without a word for it: nothing is served.
        let gate = served.as_ref().and_then(|s| s.workflow.gates.production.as_ref());
        let reaction = gate.map_or(OnLapse::Stop, |gate| gate.on_lapse);
        let left = until.millis_since(self.now());
        Some(Hypercare { until, left_ms: u64::try_from(left).ok().filter(|ms| *ms > 0), reaction })
    }

    /// The whole chain of one obligation, down to events and paths.
    ///
    /// # Errors
    /// [`Refused::NotFound`] where the stage has no such obligation.
    pub async fn explain(
        &self,
        workflow: Option<&str>,
        work_tree: bool,
        stage: Stage,
        obligation: &str,
    ) -> Result<Explanation, Refused> {
        let gathered = if work_tree {
            self.gather_work_tree(workflow).await?.1
        } else {
            let (handle, served) = self.submitted(workflow.unwrap_or_default())?;
            self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?
        };
        let factory = self.spec();
        let states = self.states(&gathered, stage);
        let state = states.iter().find(|s| s.obligation.id == obligation).ok_or_else(|| {
            let ids: Vec<&str> = states.iter().map(|s| s.obligation.id.as_str()).collect();
            let shown = seatrial_model::Untrusted::new(obligation).terminal(80);
            Refused::NotFound(format!("{stage} has no obligation `{shown}`; it has: {}", ids.join(", ")))
        })?;
        let input = StatusInput {
            workflow: &gathered.workflow,
            factory: &factory,
            events: &gathered.events,
            inputs: &gathered.inputs,
            old_elements: &gathered.tables,
            running: &gathered.running,
            now: self.now(),
            findings: &gathered.findings,
            stage,
        };
        Ok(seatrial_governance::explain(&input, state))
    }

    /// The release in force.
    ///
    /// # Errors
    /// [`Refused`] where the store fails.
    pub async fn in_force(&self, log: &LogName) -> Result<Option<InForce>, Refused> {
        let read = |view: &dyn View| {
            let Some(rec) = row::<ReleaseRec>(view, "release", b"in-force")? else { return Ok(None) };
            let lapse: Option<LapseRec> = row(view, "lapse", rec.release.hex().as_bytes())?;
            Ok(Some(in_force_view(rec, lapse)))
        };
        match self.0.store.read_with(log, read).await {
            Ok(found) => Ok(found),
            Err(seatrial_store::StoreError::NoLog(_)) => Ok(None),
            Err(error) => Err(not_recorded(error)),
        }
    }

    /// How a workflow stands, in figures.
    ///
    /// # Errors
    /// [`Refused`] where there is none.
    pub async fn summary(&self, workflow: &str) -> Result<WorkflowSummary, Refused> {
        let handle: Arc<Handle> = self.handle(workflow)?;
        let live = handle.live.load_full();
        let shown: Option<&Arc<Served>> = live.in_force.as_ref().or(live.candidate.as_ref());
        let title = shown.map(|s| s.workflow.title.clone()).unwrap_or_default();
        let candidate = live.candidate.as_ref().map(|s| s.workflow.digest);
        let in_force = self.in_force(&handle.log).await?;
        let ahead = in_force.as_ref().is_some_and(|r| Some(r.spec) != candidate);
        let stops = handle.standing_stops();
        let today = self.now().day();
        let (verdicts, today, reviews_open, log_size) = self
            .0
            .store
            .read_with(&handle.log, move |view| {
                let tally = |day: &str| -> Result<BTreeMap<String, u64>, seatrial_store::StoreError> {
                    let prefix = format!("{day}/verdict/");
                    let found: Vec<(Vec<u8>, u64)> = rows(view, &Scan::all("tally").prefix(prefix.clone()))?;
                    Ok(found
                        .into_iter()
                        .map(|(key, n)| (String::from_utf8_lossy(&key).replacen(&prefix, "", 1), n))
                        .collect())
                };
                let open = view.scan(&Scan::all(QUEUE))?.len() as u64;
                Ok((tally("all")?, tally(&today.to_string())?, open, view.size()?))
            })
            .await
            .map_err(not_recorded)?;
        Ok(WorkflowSummary {
            name: handle.log.clone(),
            title,
            in_force,
            retired: live.retired.as_ref().map(|r| RetiredView { event: r.event, since: r.at, by: r.by.clone() }),
            candidate,
            ahead,
            stopped: stops.iter().map(|(path, stop)| (path.clone(), stop.at, stop.by.clone())).collect(),
            verdicts,
            today,
            reviews_open,
            log_size,
        })
    }

    /// The spec that is served, or else the newest submitted one.
    ///
    /// # Errors
    /// [`Refused`] where nothing was submitted.
    pub fn shown_spec(&self, workflow: &str) -> Result<Arc<Workflow>, Refused> {
        let handle = self.handle(workflow)?;
        let live = handle.live.load_full();
        let served = live.in_force.as_ref().or(live.candidate.as_ref());
        served.map(|s| Arc::clone(&s.workflow)).ok_or_else(|| internal("nothing was submitted"))
    }
}

pub(crate) fn in_force_view(rec: ReleaseRec, lapse: Option<LapseRec>) -> InForce {
    let lapsed = lapse.map(|l| LapseView { event: l.event, since: l.at, lost: l.lost, reaction: l.reaction });
    InForce {
        release: rec.release,
        event: rec.event,
        stage: rec.stage,
        spec: rec.spec,
        since: rec.at,
        until: rec.until,
        level: rec.level,
        per_day: rec.per_day,
        pilot: rec.pilot,
        waivers: rec.waivers,
        owned: rec.owned,
        back: rec.back,
        lapsed,
    }
}

/// A model's name that ends in a date names one version; any other may be another model tomorrow.
pub(crate) fn is_dated(name: &str) -> bool {
    let digits: String = name.chars().filter(|c| c.is_ascii_digit()).collect();
    digits.len() >= 8 && digits.get(digits.len() - 8..).is_some_and(|d| d.starts_with("20"))
}
