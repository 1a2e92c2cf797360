//! Admission: a system step asks before it acts, and may once.

use crate::api::{AdmitInput, Admitted, Caller, DecisionStatus, Held, Refused};
use crate::decisions::held;
use crate::factory::{Factory, internal, not_recorded, payload};
use crate::handle::{Served, row};
use crate::join::{CASE_BYTES_MAX, decisions_of, newest_on, tag};
use crate::project::{ADMISSION, DecisionRec, admission_key};
use crate::reviews::settle;
use crate::serve::unreleased;
use crate::switch::is_stopped;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_guard::expr::holds_on_steps;
use seatrial_model::event::StepAdmitted;
use seatrial_model::{Body, DecisionId, ElementPath, Subject};
use seatrial_spec::workflow::{Actor, Step};
use seatrial_store::{Batch, StoreError, StoreExt as _, TransactError, View};
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest output that somebody acts on: as long as the longest that a decision keeps.
pub const ADMIT_OUTPUT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Stable codes of admissions, in order of precedence.
mod codes {
    pub(super) const WORKFLOW_STOPPED: &str = "workflow_stopped";
    pub(super) const NOT_RELEASED: &str = "not_released";
    pub(super) const NOT_SETTLED: &str = "not_settled";
    pub(super) const OTHER_OUTPUT: &str = "other_output";
    pub(super) const USED: &str = "used";
    pub(super) const ADMITTED: &str = "admitted";
}

/// What is asked, ready to be judged inside the commit.
struct Question {
    step: ElementPath,
    requires: Option<String>,
    /// Steps that `requires` reads.
    reads: Vec<String>,
    case: String,
    decision: Option<DecisionId>,
    output: Option<String>,
}

/// What a case came to in its steps.
#[derive(Default)]
struct Came {
    /// By step, whether its newest decision is settled and its output may leave.
    settled: BTreeMap<String, bool>,
    /// The named decision, where it is one of the case.
    named: Option<DecisionRec>,
}

impl Factory {
    /// Asks whether a system step may act for a case. Judged inside the commit, recorded either way, and good once.
    ///
    /// # Errors
    /// [`Refused`] where nothing was asked: no such step or release, not the caller's to ask, or words are missing.
    pub async fn admit(&self, caller: &Caller, input: AdmitInput) -> Result<Admitted, Refused> {
        let handle = self.handle(&input.workflow)?;
        let live = handle.live.load_full();
        let served = live.in_force.clone().ok_or_else(|| unreleased(&live, &input.workflow))?;
        let step = served.workflow.step(&input.step).ok_or_else(|| {
            let known: Vec<&str> = served.workflow.steps.iter().map(|s| s.name.as_str()).collect();
            Refused::NotFound(format!("`{}` has no such step (it has: {})", input.workflow, known.join(", ")))
        })?;
        self.may_admit(caller, &served, step)?;
        check_words(step, &input)?;
        let principal = caller.principal.id.as_bytes();
        let question = Question {
            step: step.path(),
            requires: step.requires.as_ref().map(|e| e.promoted.clone()),
            reads: read_steps(&served, step),
            case: tag(&handle.secret, &[b"case", principal, input.case.as_bytes()])?,
            decision: input.decision,
            output: input.output,
        };
        let mut body = StepAdmitted {
            step: step.name.clone(),
            case: question.case.clone(),
            decision: input.decision,
            admitted: false,
            code: String::new(),
            because: Vec::new(),
        };
        let mut event =
            self.event(&handle.log, caller.principal.clone(), Body::StepAdmitted(body.clone())).map_err(internal)?;
        event.subject = Subject { element: Some(step.path()), decision: input.decision, release: None };
        event.spec = Some(served.workflow.digest);
        event.release = served.release.as_ref().map(|r| r.release);
        let (id, at) = (event.id, event.time);
        let mut payloads = Vec::new();
        let case = Some(question.case.as_str());
        let expires = step.trace.payloads.map(|span| event.time.plus_millis(span.signed_millis()));
        payload(&mut payloads, &mut event.payloads, "case", input.case.clone().into_bytes(), case, expires)
            .map_err(internal)?;
        let done = self
            .0
            .store
            .transact_with::<StepAdmitted, Refused, _>(&handle.log, move |view| {
                let (code, because) = question.answer(view).map_err(TransactError::Store)?;
                body.admitted = code == codes::ADMITTED;
                body.code = code.to_owned();
                body.because = because;
                event.body = Body::StepAdmitted(body.clone());
                Ok((Batch { events: vec![event], payloads, ..Batch::default() }, body))
            })
            .await;
        let said = settle(done)?;
        Ok(Admitted {
            event: id,
            at,
            step: said.step,
            case: input.case,
            decision: said.decision,
            admitted: said.admitted,
            code: said.code,
            because: said.because,
        })
    }

    fn may_admit(&self, caller: &Caller, served: &Served, step: &Step) -> Result<(), Refused> {
        let circumstances = Circumstances {
            step: Some(step.name.clone()),
            simulation: self.is_simulation(),
            token: caller.token,
            token_steps: caller.steps.clone(),
            ..Circumstances::default()
        };
        served.authorize_call(&caller.principal, Act::Admit, &circumstances)
    }

    /// Whether a case may progress to a step that the guard passes: its `requires` over what the case came to before.
    pub(crate) async fn may_progress(
        &self,
        log: &seatrial_model::LogName,
        served: &Served,
        step: &Step,
        case_tag: &str,
    ) -> Result<(), Refused> {
        let Some(requires) = &step.requires else { return Ok(()) };
        let case = case_tag.to_owned();
        let came = self.0.store.read_with(log, move |view| came(view, &case, None)).await.map_err(not_recorded)?;
        if holds_on_steps(&requires.promoted, &with_all(&served.workflow, came.settled)).unwrap_or(false) {
            return Ok(());
        }
        let (path, source) = (step.path().child("requires"), &requires.source);
        Err(Refused::Forbidden(format!(
            "the case may not come to `{}` yet: `{path}` wants `{source}`; nothing was decided",
            step.name
        )))
    }
}

use seatrial_store::ReaderExt as _;

impl Question {
    /// The answer as the commit sees it, and what stood against it.
    fn answer(&self, view: &dyn View) -> Result<(&'static str, Vec<ElementPath>), StoreError> {
        if is_stopped(view, &self.step, false)? {
            return Ok((codes::WORKFLOW_STOPPED, vec![self.step.clone()]));
        }
        if view.row("release", b"retired")?.is_some() || view.row("release", b"in-force")?.is_none() {
            return Ok((codes::NOT_RELEASED, vec![ElementPath::from("gates")]));
        }
        let came = came(view, &self.case, self.decision)?;
        let unsettled: Vec<ElementPath> = self.unsettled(&came).collect();
        let holds = match &self.requires {
            None => true,
            Some(requires) => {
                let mut settled: BTreeMap<String, bool> = self.reads.iter().map(|s| (s.clone(), false)).collect();
                settled.extend(came.settled.clone());
                // Of the decision that is acted on it counts how that one stands.
                if let Some(rec) = &came.named {
                    settled.insert(rec.step.clone(), is_settled(rec) && is_newest(view, rec)?);
                }
                holds_on_steps(requires, &settled).unwrap_or(false)
            }
        };
        let named = match (&self.decision, &came.named) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some(rec)) => {
                let read = self.requires.is_none() || self.reads.contains(&rec.step);
                read && is_settled(rec) && is_newest(view, rec)?
            }
        };
        if !holds || !named {
            let own = self.requires.iter().map(|_| self.step.child("requires"));
            return Ok((codes::NOT_SETTLED, own.chain(unsettled).collect()));
        }
        if let Some(rec) = &came.named
            && !self.is_output_of(view, rec)?
        {
            return Ok((codes::OTHER_OUTPUT, vec![ElementPath::from("steps").child(&rec.step)]));
        }
        if view.row(ADMISSION, &admission_key(&self.case, self.step.name(), self.decision))?.is_some() {
            return Ok((codes::USED, vec![self.step.clone()]));
        }
        Ok((codes::ADMITTED, Vec::new()))
    }

    /// Steps that `requires` reads, and in which the case is not settled.
    fn unsettled<'a>(&'a self, came: &'a Came) -> impl Iterator<Item = ElementPath> + 'a {
        let open = self.reads.iter().filter(|step| !came.settled.get(*step).copied().unwrap_or(false));
        open.map(|step| ElementPath::from("steps").child(step))
    }

    /// Whether the output is the one that left by a decision: the same text, or the same JSON.
    fn is_output_of(&self, view: &dyn View, rec: &DecisionRec) -> Result<bool, StoreError> {
        let Some(output) = &self.output else { return Ok(false) };
        // What was erased can be compared with nothing, and is acted on by nobody.
        let Held::Text { text, .. } = held(view, rec.released)? else { return Ok(false) };
        Ok(text.raw() == output || same_json(text.raw(), output))
    }
}

fn same_json(one: &str, other: &str) -> bool {
    let read =
        |text: &str| serde_json::from_str::<Value>(text).ok().and_then(|v| seatrial_model::canonical_value(&v).ok());
    match (read(one), read(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// A decision stands, and by it something left.
fn is_settled(rec: &DecisionRec) -> bool {
    rec.status == DecisionStatus::Settled && rec.released.is_some() && !rec.rehearsal && !rec.seeded
}

/// Whether no newer decision answers the same question: one that was asked afresh replaces the one before.
fn is_newest(view: &dyn View, rec: &DecisionRec) -> Result<bool, StoreError> {
    let Some(question) = &rec.question else { return Ok(true) };
    let newest = newest_on(view, question)?;
    Ok(newest.is_none_or(|(_, decision)| decision == rec.decision))
}

/// Looks through a case's decisions, the newest first.
fn came(view: &dyn View, case: &str, named: Option<DecisionId>) -> Result<Came, StoreError> {
    let mut came = Came::default();
    for decision in decisions_of(view, case, usize::MAX)? {
        let Some(rec) = row::<DecisionRec>(view, "decision", decision.uuid().as_bytes())? else { continue };
        if rec.rehearsal || rec.seeded || rec.behalf {
            continue;
        }
        came.settled.entry(rec.step.clone()).or_insert_with(|| is_settled(&rec));
        if named == Some(rec.decision) {
            came.named = Some(rec);
        }
    }
    Ok(came)
}

/// Every step of the workflow: one that the case never came to is not settled.
fn with_all(workflow: &seatrial_spec::Workflow, settled: BTreeMap<String, bool>) -> BTreeMap<String, bool> {
    let mut all: BTreeMap<String, bool> = workflow.steps.iter().map(|s| (s.name.clone(), false)).collect();
    all.extend(settled);
    all
}

/// The steps that a `requires` reads.
fn read_steps(served: &Served, step: &Step) -> Vec<String> {
    let Some(requires) = &step.requires else { return Vec::new() };
    let read = |name: &str| requires.promoted.contains(&format!("steps.{name}.settled"));
    served.workflow.steps.iter().map(|s| s.name.clone()).filter(|name| read(name)).collect()
}

fn check_words(step: &Step, input: &AdmitInput) -> Result<(), Refused> {
    let invalid = |why: String| Err(Refused::Invalid(why));
    if step.actor == Actor::Ai {
        return invalid(format!("`{}` is done by AI: it is passed through the guard, which asks by itself", step.name));
    }
    if input.case.is_empty() || input.case.len() > CASE_BYTES_MAX {
        return invalid(format!("a case id has 1 to {CASE_BYTES_MAX} bytes, this one {}", input.case.len()));
    }
    if input.output.as_ref().is_some_and(|o| o.len() > ADMIT_OUTPUT_BYTES_MAX) {
        return invalid(format!("an output has at most {ADMIT_OUTPUT_BYTES_MAX} bytes"));
    }
    if input.decision.is_some() != input.output.is_some() {
        return invalid("a decision is named together with the output that is acted on; send both".to_owned());
    }
    if step.requires.is_some() && input.decision.is_none() {
        return invalid(format!(
            "`{}` has `requires`: name the decision that it acts on, and send its output",
            step.name
        ));
    }
    Ok(())
}
