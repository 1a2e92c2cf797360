//! How one step of a recorded spec and the same step of a changed one relate: what can be kept of what was found.

use super::NeedsOutput;
use crate::expr::Reads;
use crate::plan::Plan;
use crate::program::{CheckProgram, Program, StepProgram, check_meaning, judge_meaning};
use seatrial_model::facts::{CheckKind, OnLapse, ReviewAll};
use seatrial_model::{Digest, ElementPath};
use seatrial_spec::workflow::{Check, ConfidenceSource, Else, Rule, Step, Workflow};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A spec with its program.
#[derive(Clone, Debug)]
pub struct Side {
    /// The checked spec.
    pub workflow: Arc<Workflow>,
    /// The same, compiled.
    pub program: Arc<Program>,
}

impl Side {
    fn step(&self, name: &str) -> Option<(&Step, &StepProgram)> {
        Some((self.workflow.step(name)?, self.program.step(name)?))
    }
}

/// One step, then and now.
#[derive(Debug)]
pub struct Change {
    pub(super) program: Arc<Program>,
    pub(super) step: String,
    /// The changed spec: the draw of an audit that was not there before is made for it.
    pub(super) spec: Digest,
    pub(super) needs_output: Option<NeedsOutput>,
    /// A check of the input changed.
    pub(super) input: bool,
    /// Checks of the output in the plan's order: whether each is the same as it was.
    pub(super) kept: Vec<bool>,
    /// What the changed checks read of a case whose values were readable.
    pub(super) reads: Reads,
    /// All checks of the output are the same, in the same order, and ask for the same.
    pub(super) all_kept: bool,
    /// Both speak of tools, or neither does.
    pub(super) speaks_of_tools_alike: bool,
    /// What an answer is asked again with is the same.
    pub(super) asks_alike: bool,
    /// The model can be asked again with words of ours.
    pub(super) asks_again: bool,
    /// Where the confidence comes from is another field of the output.
    pub(super) confidence: bool,
    pub(super) whens: Vec<WhenChange>,
    /// Thresholds that were weighed under the same number and model.
    pub(super) thresholds: Vec<ElementPath>,
    assumed: Vec<ElementPath>,
    pub(super) audit_kept: bool,
    /// The slices with a guarantee of their own are the same, or there are none.
    pub(super) slices_kept: bool,
    pub(super) pilot: Option<(Option<ReviewAll>, bool)>,
    pub(super) on_lapse: Option<OnLapse>,
}

/// How an escalation's condition changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WhenChange {
    /// It is the same.
    Kept,
    /// It is another, and reads nothing but confidence and thresholds.
    OnConfidence,
    /// It is another, and reads input or output.
    OnCase(Reads),
}

impl Change {
    /// The step of that name, then and now; none where the changed spec has no such step. Without the recorded spec
    /// nothing is known about its outputs.
    #[must_use]
    pub fn between(old: Option<&Side>, new: &Side, name: &str) -> Option<Self> {
        let (step, program) = new.step(name)?;
        let before = old.and_then(|old| Some((old, old.step(name)?)));
        let mut change = Self {
            program: Arc::clone(&new.program),
            step: name.to_owned(),
            spec: new.workflow.digest,
            needs_output: Some(NeedsOutput::OldSpec),
            input: true,
            kept: vec![false; program.plan().checks.len()],
            reads: Reads::BOTH,
            all_kept: false,
            speaks_of_tools_alike: false,
            asks_alike: false,
            asks_again: step.model.as_ref().is_none_or(|m| m.train.is_none()),
            confidence: true,
            whens: step.escalate.iter().map(|_| WhenChange::OnCase(Reads::BOTH)).collect(),
            thresholds: Vec::new(),
            assumed: program.plan().thresholds(),
            audit_kept: false,
            slices_kept: false,
            pilot: new.workflow.gates.pilot.as_ref().map(|p| {
                // In shadow nothing is held back, so nobody is asked before.
                let review = p.review.unwrap_or(ReviewAll::Before);
                (Some(review).filter(|r| !p.shadow || *r == ReviewAll::After), p.shadow)
            }),
            on_lapse: new.workflow.gates.production.as_ref().map(|p| p.on_lapse),
        };
        if let Some((old, (old_step, old_program))) = before {
            change.compare(Then { side: old, step: old_step, program: old_program }, new, step, program);
        }
        Some(change)
    }

    /// Why no decision is decided again whose model was asked.
    #[must_use]
    pub const fn needs_output(&self) -> Option<NeedsOutput> {
        self.needs_output
    }

    /// Thresholds that are weighed as if they were certified.
    #[must_use]
    pub fn assumed(&self) -> &[ElementPath] {
        &self.assumed
    }

    fn compare(&mut self, then: Then<'_>, new: &Side, step: &Step, program: &StepProgram) {
        self.needs_output = needs_output(&then, &new.workflow, step);
        let (old_plan, plan) = (then.program.plan(), program.plan());
        let (old_type, new_type) =
            (type_of(&then.side.workflow, &then.step.input), type_of(&new.workflow, &step.input));
        let before = Checks::of(&then.side.workflow, then.step, old_type);
        let now = Checks::of(&new.workflow, step, new_type);
        self.input = before.input != now.input || paths(&old_plan.input) != paths(&plan.input);
        let same = |path: &ElementPath| before.output.get(path).is_some_and(|key| now.output.get(path) == Some(key));
        self.speaks_of_tools_alike = then.step.tools.is_some() == step.tools.is_some();
        // The schema of the output is the same, or new outputs are needed.
        let schema = |path: &ElementPath| old_plan.checks.iter().any(|c| c.path == *path);
        let is_kept = |kind: CheckKind, path: &ElementPath| match kind {
            CheckKind::Schema if *path == program.output.path => schema(path),
            _ => same(path),
        };
        self.kept = plan.checks.iter().map(|c| is_kept(c.kind, &c.path)).collect();
        self.all_kept = self.kept.iter().all(|kept| *kept) && modifies(old_plan) == modifies(plan);
        let (was, is) = (guaranteed(&then.side.workflow, then.program), guaranteed(&new.workflow, program));
        self.slices_kept = is.is_empty() || (old_type == new_type && was == is);
        self.reads = self.changed_reads(program, old_type == new_type);
        self.reads.input |= !self.slices_kept;
        self.asks_alike = self.all_kept
            && paths(&old_plan.checks) == paths(&plan.checks)
            && old_plan.checks.iter().map(|c| c.otherwise).eq(plan.checks.iter().map(|c| c.otherwise))
            && old_plan.attempts == plan.attempts
            && becauses(then.step) == becauses(step);
        self.confidence = then.step.confidence != step.confidence || then.program.agree_in != program.agree_in;
        self.whens = self.when_changes(&then, new, step, program, old_type == new_type);
        let same_at = |path: &ElementPath| {
            let at = |workflow: &Workflow| workflow.thresholds.get(path.name()).map(|t| t.at);
            at(&then.side.workflow).is_some_and(|was| at(&new.workflow) == Some(was))
        };
        let old_thresholds = old_plan.thresholds();
        (self.thresholds, self.assumed) =
            plan.thresholds().into_iter().partition(|path| same_at(path) && old_thresholds.contains(path));
        let audit = |plan: &Plan| plan.audit.as_ref().map(|a| a.path.clone());
        self.audit_kept = audit(old_plan) == audit(plan);
    }

    /// What the changed checks of the output read.
    fn changed_reads(&self, program: &StepProgram, same_type: bool) -> Reads {
        let typed = program.plan().checks.len() - program.rules.len();
        let changed = program.rules.iter().zip(self.kept.iter().skip(typed)).filter(|(_, kept)| !**kept);
        let reads = changed.map(|(rule, _)| match &rule.check {
            _ if program.plan().checks.iter().any(|c| c.path == rule.path && c.otherwise == Else::Modify) => {
                Reads::BOTH
            }
            CheckProgram::Expr(_) if !same_type => Reads::BOTH,
            CheckProgram::Expr(expr) => Reads { output: true, ..expr.reads() },
            CheckProgram::Detect { .. } | CheckProgram::Tools | CheckProgram::Arguments => {
                Reads { input: false, output: true }
            }
            CheckProgram::Grounded { .. } | CheckProgram::Judge { .. } => Reads::BOTH,
        });
        let schema = Reads { input: false, output: self.kept.iter().take(typed).any(|kept| !kept) };
        reads.fold(schema, Reads::and)
    }

    fn when_changes(
        &self,
        then: &Then<'_>,
        new: &Side,
        step: &Step,
        program: &StepProgram,
        same_type: bool,
    ) -> Vec<WhenChange> {
        let key = |workflow: &Workflow, e: &seatrial_spec::workflow::Escalation| {
            let ats: Vec<Option<f64>> =
                e.thresholds.iter().map(|t| workflow.thresholds.get(t.name()).and_then(|t| t.at)).collect();
            (e.when.promoted.clone(), e.thresholds.clone(), ats)
        };
        let kept = |e: &seatrial_spec::workflow::Escalation| {
            let was = then.step.escalate.iter().find(|old| old.path == e.path);
            same_type
                && !self.confidence
                && was.is_some_and(|old| key(&then.side.workflow, old) == key(&new.workflow, e))
        };
        let reads_case = |e: &seatrial_spec::workflow::Escalation| {
            let found = program.escalations.iter().find(|w| w.path == e.path);
            let reads = found.map_or(Reads::BOTH, |w| w.expr.reads());
            // Another type of the input may not bind it as before: then it is bound anew, whatever is read.
            if reads.any() && !same_type { Reads::BOTH } else { reads }
        };
        step.escalate
            .iter()
            .map(|e| match (kept(e), reads_case(e)) {
                (true, _) => WhenChange::Kept,
                (false, reads) if reads.any() || !same_type => WhenChange::OnCase(reads),
                (false, _) => WhenChange::OnConfidence,
            })
            .collect()
    }
}

/// The recorded side.
struct Then<'a> {
    side: &'a Side,
    step: &'a Step,
    program: &'a StepProgram,
}

fn needs_output(then: &Then<'_>, new: &Workflow, step: &Step) -> Option<NeedsOutput> {
    let (old, was) = (&then.side.workflow, then.step);
    let blob =
        |workflow: &Workflow, step: &Step| step.prompt.as_ref().map(|file| workflow.files.get(file).map(|f| f.blob));
    if blob(old, was) != blob(new, step) || was.withhold != step.withhold {
        return Some(NeedsOutput::Prompt);
    }
    if was.model != step.model || trained_on(old, was) != trained_on(new, step) {
        return Some(NeedsOutput::Model);
    }
    if type_of(old, &was.output) != type_of(new, &step.output) {
        return Some(NeedsOutput::OutputType);
    }
    // Another judge says another thing; one that was not asked has said nothing.
    let judges = |workflow: &Workflow, step: &Step| -> BTreeMap<String, Value> {
        step.judges().into_iter().map(|judge| (judge.to_owned(), judge_meaning(workflow, judge))).collect()
    };
    let asked = judges(old, was);
    if judges(new, step).iter().any(|(judge, meaning)| asked.get(judge) != Some(meaning)) {
        return Some(NeedsOutput::Judge);
    }
    // Of another source nothing was recorded, but of a field of the output, which is.
    let recorded = matches!(step.confidence, None | Some(ConfidenceSource::Output(_)));
    (was.confidence != step.confidence && !recorded).then_some(NeedsOutput::Confidence)
}

/// What an embedded model learned from.
fn trained_on(workflow: &Workflow, step: &Step) -> Option<Option<Digest>> {
    let train = step.model.as_ref()?.train.as_ref()?;
    Some(workflow.examples.get(&train.examples).map(|set| set.digest))
}

fn type_of(workflow: &Workflow, name: &Option<String>) -> Option<Digest> {
    workflow.types.get(name.as_ref()?).map(|t| t.digest)
}

/// The slices with a guarantee of their own, as evaluated.
fn guaranteed<'w>(workflow: &'w Workflow, program: &'w StepProgram) -> Vec<(&'w String, Option<&'w String>)> {
    let condition = |name: &String| workflow.slices.get(name).map(|slice| &slice.condition.promoted);
    program.guaranteed.iter().map(|name| (name, condition(name))).collect()
}

fn paths(checks: &[crate::plan::CheckPlan]) -> Vec<&ElementPath> {
    checks.iter().map(|c| &c.path).collect()
}

/// What is redacted, in order.
fn modifies(plan: &Plan) -> Vec<&ElementPath> {
    plan.checks.iter().filter(|c| c.otherwise == Else::Modify).map(|c| &c.path).collect()
}

fn becauses(step: &Step) -> Vec<(&ElementPath, &Option<String>)> {
    step.require.iter().chain(&step.forbid).map(|r| (&r.path, &r.because)).collect()
}

/// What the checks of a step mean, by path: everything that a finding depends on but input and output themselves.
struct Checks {
    input: Vec<(ElementPath, Value)>,
    output: BTreeMap<ElementPath, Value>,
}

impl Checks {
    fn of(workflow: &Workflow, step: &Step, input_type: Option<Digest>) -> Self {
        let of_type = input_type.map(|d| d.to_string());
        let meaning = |kind: CheckKind, rule: &Rule| {
            // An expression binds the input by its type; a detector over the output does not look at it.
            let typed = kind == CheckKind::RefuseInput || matches!(rule.check, Check::Rule(_) | Check::Judge { .. });
            (rule.path.clone(), json!([kind, check_meaning(rule), typed.then_some(&of_type)]))
        };
        let rules =
            [(CheckKind::Require, &step.require), (CheckKind::Forbid, &step.forbid), (CheckKind::Never, &step.never)];
        let mut input: Vec<(ElementPath, Value)> = vec![(step.path().child("input"), json!(of_type))];
        input.extend(step.refuse_input.iter().map(|r| meaning(CheckKind::RefuseInput, r)));
        let output = rules.into_iter().flat_map(|(k, list)| list.iter().map(move |r| (k, r)));
        let mut output: BTreeMap<ElementPath, Value> = output.map(|(k, r)| meaning(k, r)).collect();
        if let Some(tools) = &step.tools {
            let names: Vec<&String> = tools.iter().map(|tool| &tool.name).collect();
            output.insert(step.path().child("tools"), json!(names));
            for tool in tools {
                let arguments = type_of(workflow, &tool.arguments).map(|d| d.to_string());
                output.insert(tool.path.child("arguments"), json!(arguments));
                for (kind, rules) in [(CheckKind::Require, &tool.require), (CheckKind::Forbid, &tool.forbid)] {
                    let of_tool = rules.iter().map(|rule| meaning(kind, rule));
                    output.extend(of_tool.map(|(path, meaning)| (path, json!([meaning, arguments]))));
                }
            }
        }
        Self { input, output }
    }
}
