//! Rehearsal: marked requests through the serving path, before anything is released.

use crate::api::{Again, Caller, Passage, PassageEntry, Passed, Refused};
use crate::evaluate::Progress;
use crate::examples::load_examples;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served};
use crate::trace::Recomputed;
use crate::verdicts::input_denied;
use seatrial_model::event::{Probe, ProbeRun, TraceAudited};
use seatrial_model::{Body, DecisionId, ElementPath, EventId, Verdict};
use seatrial_spec::workflow::Step;
use seatrial_sprint::Example;
use seatrial_store::{Batch, StoreExt as _};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many examples of each set without outputs are rehearsed with the model itself.
const RUNS_OF_EACH_SET: usize = 25;

/// What a rehearsal came to.
#[derive(Clone, Debug)]
pub struct Rehearsed {
    /// Marked requests that were decided.
    pub decisions: u64,
    /// Of these, how many the model was asked for and gave no answer to.
    pub unanswered: u64,
    /// The probes' event.
    pub probes: EventId,
    /// Rules provoked and enforced.
    pub enforced: Vec<ElementPath>,
    /// Rules that were provoked and let something through.
    pub let_through: Vec<ElementPath>,
    /// Rules that no example provokes: add one with an `output` that violates it.
    pub unprovoked: Vec<ElementPath>,
    /// The trace audit's event.
    pub trace: EventId,
    /// Verdicts and findings that recompute, of how many.
    pub recomputed: Recomputed,
}

impl Factory {
    /// Sends marked requests through the serving path: every example with an output as a probe, some of the others to
    /// the model. Records whether each `forbid` and `never` was provoked and enforced, and whether the decisions
    /// recompute from the log.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded as rehearsed. [`Refused::ModelUnreachable`] where a step's model was asked and
    /// answered nothing at all.
    pub async fn rehearse(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<Rehearsed, Refused> {
        let (handle, served) = self.candidate(caller, workflow).await?;
        self.may_evaluate(caller, &served)?;
        let served = self.with_models(caller, Arc::clone(&handle), served, None).await?;
        let passages = rehearsal_passages(&served)?;
        let total = passages.len() as u64;
        let mut probes: BTreeMap<ElementPath, Probe> = BTreeMap::new();
        let mut decisions: Vec<DecisionId> = Vec::with_capacity(passages.len());
        let mut roll = Roll::default();
        for (n, passage) in passages.into_iter().enumerate() {
            let probe = matches!(passage.entry, PassageEntry::Decide { .. });
            let asks = asks_model(&served, &passage).map(|step| (step.name.clone(), step.model.clone()));
            let passed = self.pass(caller, passage).await?;
            decisions.push(passed.decision);
            if let Some((step, model)) = asks {
                roll.note(step, model.map(|m| m.provider).unwrap_or_default(), passed.model.is_some());
            }
            if probe {
                note_probes(&served, &passed, &mut probes);
            }
            progress.done("marked requests", n as u64 + 1, total);
        }
        roll.present()?;
        let recomputed = self.recompute(&handle, &decisions).await?;
        let unprovoked: Vec<ElementPath> =
            guarded_rules(&served).into_iter().filter(|path| !probes.contains_key(path)).collect();
        let run = ProbeRun { probes: probes.into_values().collect(), program: served.program.digest() };
        let (enforced, let_through): (Vec<&Probe>, Vec<&Probe>) = run.probes.iter().partition(|p| p.enforced);
        let paths = |probes: Vec<&Probe>| probes.into_iter().map(|p| p.rule.clone()).collect::<Vec<_>>();
        let (enforced, let_through) = (paths(enforced), paths(let_through));
        let probes = self.rehearsed_event(caller, &handle, &served, Body::ProbeRun(run), "runtime.enforces").await?;
        let audited = TraceAudited {
            sampled: recomputed.sampled,
            verdicts: recomputed.verdicts,
            findings: recomputed.findings,
            rehearsal: true,
        };
        let trace =
            self.rehearsed_event(caller, &handle, &served, Body::TraceAudited(audited), "runtime.trace").await?;
        let decided = decisions.len() as u64;
        let unanswered = roll.unanswered();
        Ok(Rehearsed { decisions: decided, unanswered, probes, enforced, let_through, unprovoked, trace, recomputed })
    }

    async fn rehearsed_event(
        &self,
        caller: &Caller,
        handle: &Handle,
        served: &Served,
        body: Body,
        obligation: &str,
    ) -> Result<EventId, Refused> {
        let mut event = self.event(&handle.log, caller.principal.clone(), body).map_err(internal)?;
        event.spec = Some(served.workflow.digest);
        event.evidence = self.evidence(&handle.log, &served.workflow, &[obligation]).await?;
        let id = event.id;
        self.0.store.append(&handle.log, Batch::of(event)).await.map_err(not_recorded)?;
        Ok(id)
    }

    /// The name of a workflow: the only one of the factory, where none is named.
    ///
    /// # Errors
    /// [`Refused::NotFound`] where there are several, or none.
    pub fn name_of(&self, workflow: Option<&str>) -> Result<String, Refused> {
        if let Some(name) = workflow {
            return self.handle(name).map(|h| h.log.to_string());
        }
        match self.workflows().as_slice() {
            [only] => Ok(only.to_string()),
            [] => Err(Refused::NotFound("nothing was submitted yet: `seatrial submit`".to_owned())),
            several => {
                let names: Vec<&str> = several.iter().map(|l| l.as_str()).collect();
                Err(Refused::NotFound(format!("name a workflow: `--workflow NAME`, one of {}", names.join(", "))))
            }
        }
    }
}

/// Which steps' models answered: what a guard does without its model is not how it serves.
#[derive(Default)]
struct Roll(BTreeMap<String, Asked>);

#[derive(Default)]
struct Asked {
    provider: String,
    times: u64,
    answered: u64,
}

impl Roll {
    fn note(&mut self, step: String, provider: String, answered: bool) {
        let asked = self.0.entry(step).or_default();
        asked.provider = provider;
        asked.times += 1;
        asked.answered += u64::from(answered);
    }

    fn unanswered(&self) -> u64 {
        self.0.values().map(|asked| asked.times - asked.answered).sum()
    }

    /// # Errors
    /// Where a step's model answered nothing.
    fn present(&self) -> Result<(), Refused> {
        let away = self.0.iter().filter(|(_, asked)| asked.answered == 0);
        let away: Vec<String> = away
            .map(|(step, a)| {
                format!(
                    "the provider `{}` answered none of {} marked request(s) of the step `{step}`",
                    a.provider, a.times
                )
            })
            .collect();
        if away.is_empty() {
            return Ok(());
        }
        let away = away.join("; ");
        Err(Refused::ModelUnreachable(format!(
            "{away}; nothing was recorded as rehearsed. Run `seatrial rehearse` again when it answers"
        )))
    }
}

/// The step whose model a marked request asks; none where an output came with it, the input alone is denied, or the step
/// has no model of its own.
fn asks_model<'s>(served: &'s Served, passage: &Passage) -> Option<&'s Step> {
    let PassageEntry::Run { input } = &passage.entry else { return None };
    let step = served.workflow.step(&passage.step).filter(|s| s.model.is_some())?;
    let program = served.program.step(&step.name)?;
    (!input_denied(program.plan(), &program.check_input(input))).then_some(step)
}

/// Every `forbid` and `never` of the AI steps.
fn guarded_rules(served: &Served) -> Vec<ElementPath> {
    let steps = &served.workflow.steps;
    steps.iter().flat_map(|s| s.forbid.iter().chain(&s.never)).map(|r| r.path.clone()).collect()
}

/// A marked request for every example that came with an output, and for some of the others to the model itself.
pub(crate) fn rehearsal_passages(served: &Served) -> Result<Vec<Passage>, Refused> {
    let mut passages = Vec::new();
    for (name, set) in &served.workflow.examples {
        let learned = served.workflow.steps.iter().filter_map(|s| s.model.as_ref()?.train.as_ref());
        let reserved = learned.map(|t| &t.examples).any(|e| e == name)
            || served.workflow.thresholds.values().any(|t| t.examples.as_ref() == Some(name));
        if reserved {
            continue;
        }
        let examples = load_examples(&served.workflow, name)?;
        let (probes, others): (Vec<&Example>, Vec<&Example>) = examples.iter().partition(|e| e.output.is_some());
        for example in probes.into_iter().chain(others.into_iter().take(RUNS_OF_EACH_SET)) {
            let entry = match &example.output {
                Some(output) => PassageEntry::Decide {
                    input: example.input.clone(),
                    output: output.as_str().map_or_else(|| output.to_string(), str::to_owned),
                    confidence: example.confidence,
                },
                None => PassageEntry::Run { input: example.input.clone() },
            };
            passages.push(Passage {
                workflow: served.workflow.name.clone(),
                step: set.step.clone(),
                entry,
                case: None,
                rehearsal: true,
                again: Again::default(),
            });
        }
    }
    Ok(passages)
}

/// Which rules a probe provoked, and whether its output stayed inside.
fn note_probes(served: &Served, passed: &Passed, probes: &mut BTreeMap<ElementPath, Probe>) {
    for rule in guarded_rules(served) {
        let provoked = passed.findings.iter().any(|f| f.path == rule && f.objects());
        if !provoked {
            continue;
        }
        // Redacted text may leave; anything else that a rule objected to may not.
        let inside = passed.output.is_none() || passed.verdict == Verdict::Modify;
        let probe = Probe { rule: rule.clone(), decision: passed.decision, enforced: inside };
        // One that let something through outweighs all that did not.
        let keep = probes.get(&rule).is_none_or(|known| known.enforced);
        if keep {
            probes.insert(rule, probe);
        }
    }
}
