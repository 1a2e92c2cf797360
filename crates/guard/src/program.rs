//! A checked workflow, compiled: expressions parsed, schemas and patterns built, fields resolved. Immutable and shared.

mod compile;
mod meaning;

use crate::detect::Detector;
use crate::expr::{Bindings, Compiled, Fault};
use crate::fields::{self, Field};
use crate::plan::Plan;
use crate::prompt::{Message, RenderError, Template, as_json};
use crate::schema::Schema;
use crate::shape::Shape;
use compile::Compiler;
use meaning::meaning;
pub(crate) use meaning::{check_meaning, judge_meaning};
use seatrial_model::facts::CheckKind;
use seatrial_model::{Digest, ElementPath};
use seatrial_spec::workflow::{ConfidenceSource, Step, Workflow};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Why a part of a workflow does not compile. The checker finds the same first, with its place in the file; this is the
/// guard's own refusal to serve what it cannot enforce.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{path}` was not compiled, and its workflow is not served: {message}")]
pub struct CompileError {
    /// The element.
    pub path: ElementPath,
    /// What is wrong.
    pub message: String,
}

/// A compiled workflow.
#[derive(Debug)]
pub struct Program {
    steps: Vec<StepProgram>,
    digest: Digest,
}

impl Program {
    /// Compiles a checked workflow.
    ///
    /// # Errors
    /// Everything that does not compile, never only the first.
    pub fn compile(workflow: &Workflow) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let steps: Vec<StepProgram> =
            workflow.steps.iter().map(|step| StepProgram::compile(workflow, step, &mut errors)).collect();
        let meaning = json!({
            "decide": crate::DECIDE_VERSION,
            "checks": crate::CHECKS_VERSION,
            "workflow": workflow.name,
            "steps": steps.iter().map(|s| &s.meaning).collect::<Vec<_>>(),
        });
        match Digest::of_canonical(&meaning) {
            Ok(digest) if errors.is_empty() => Ok(Self { steps, digest }),
            Ok(_) => Err(errors),
            Err(e) => {
                errors.push(CompileError { path: ElementPath::root(), message: e.to_string() });
                Err(errors)
            }
        }
    }

    /// The step of that name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&StepProgram> {
        self.steps.iter().find(|s| s.name == name)
    }

    /// All steps, in the spec's order.
    pub fn steps(&self) -> impl Iterator<Item = &StepProgram> {
        self.steps.iter()
    }

    /// The digest of the compiled meaning: plans, expressions as evaluated, schemas, prompts, thresholds, and the
    /// versions of `decide` and of the checks. Prose and layout are not part of it.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

/// A compiled step.
#[derive(Debug)]
pub struct StepProgram {
    pub(crate) name: String,
    pub(crate) plan: Plan,
    pub(crate) input: TypeProgram,
    pub(crate) output: TypeProgram,
    pub(crate) refuse: Vec<RuleProgram>,
    pub(crate) rules: Vec<RuleProgram>,
    pub(crate) escalations: Vec<WhenProgram>,
    pub(crate) confidence: Option<(ConfidenceSource, Option<Field>)>,
    /// The tools that may be called, with the types of their arguments; none where nothing looks into a call.
    pub(crate) tools: Option<BTreeMap<String, TypeProgram>>,
    pub(crate) judges: Vec<JudgeProgram>,
    judge_names: Vec<String>,
    /// The fields in which samples have to agree; none: in all.
    pub(crate) agree_in: Option<Vec<Vec<String>>>,
    pub(crate) thresholds: Vec<(String, Option<f64>)>,
    because: BTreeMap<ElementPath, String>,
    withhold: Vec<Vec<String>>,
    prompt: Option<Template>,
    wrong: BTreeMap<String, Compiled>,
    slices: BTreeMap<String, Compiled>,
    /// Slices with a guarantee of their own, where the step relies on a threshold.
    pub(crate) guaranteed: Vec<String>,
    meaning: Value,
}

/// The type of an input or output.
#[derive(Debug)]
pub(crate) struct TypeProgram {
    pub(crate) path: ElementPath,
    pub(crate) schema: Option<Schema>,
    pub(crate) shape: Shape,
    /// It says that a value is a text, and nothing else.
    pub(crate) is_plain_text: bool,
}

/// One compiled rule.
#[derive(Debug)]
pub(crate) struct RuleProgram {
    pub(crate) path: ElementPath,
    pub(crate) kind: CheckKind,
    pub(crate) check: CheckProgram,
    /// The tool whose calls it is about; none: the output.
    pub(crate) tool: Option<String>,
    /// It reads the output, or what a judge says of it.
    pub(crate) needs_output: bool,
}

/// When a person is asked.
#[derive(Debug)]
pub(crate) struct WhenProgram {
    pub(crate) path: ElementPath,
    pub(crate) expr: Compiled,
    /// It reads the output or the confidence.
    pub(crate) needs_output: bool,
}

/// A step that is asked as a judge.
#[derive(Debug)]
pub(crate) struct JudgeProgram {
    pub(crate) step: String,
    pub(crate) asks: Asks,
    pub(crate) output: TypeProgram,
}

/// What a judge's input type names, and so what it is asked with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asks {
    pub(crate) input: bool,
    pub(crate) output: bool,
}

#[derive(Debug)]
pub(crate) enum CheckProgram {
    /// Every tool that is called is one that the step may call.
    Tools,
    /// What a tool is called with has its type.
    Arguments,
    Judge {
        step: String,
        expr: Compiled,
    },
    Expr(Compiled),
    Detect {
        detectors: Vec<Detector>,
        within: Option<Field>,
    },
    Grounded {
        quote: Field,
        within: Field,
    },
}

impl StepProgram {
    fn compile(workflow: &Workflow, step: &Step, errors: &mut Vec<CompileError>) -> Self {
        let path = step.path();
        let mut compiler = Compiler { errors };
        let thresholds: Vec<(String, Option<f64>)> =
            workflow.thresholds.iter().map(|(name, t)| (name.clone(), t.at)).collect();
        let withhold: Vec<Vec<String>> =
            step.withhold.iter().map(|f| f.split('.').map(str::to_owned).collect()).collect();
        let rules =
            [(CheckKind::Require, &step.require), (CheckKind::Forbid, &step.forbid), (CheckKind::Never, &step.never)];
        let wrong = workflow.thresholds.iter().filter_map(|(name, t)| Some((name, t.wrong_when.as_ref()?)));
        let mut all: Vec<RuleProgram> = rules
            .iter()
            .flat_map(|(k, list)| list.iter().map(|r| (*k, r)))
            .map(|(k, r)| compiler.rule(k, r, None))
            .collect();
        all.extend(compiler.tool_rules(step));
        let judges: Vec<JudgeProgram> =
            step.judges().into_iter().filter_map(|judge| compiler.judge(workflow, &path, judge)).collect();
        Self {
            name: step.name.clone(),
            tools: compiler.tools(workflow, step),
            judge_names: judges.iter().map(|j| j.step.clone()).collect(),
            judges,
            agree_in: compiler.agree_in(workflow, step),
            plan: Plan::of(workflow, step),
            input: compiler.type_of(workflow, path.child("input"), step.input.as_deref()),
            output: compiler.type_of(workflow, path.child("output"), step.output.as_deref()),
            refuse: step.refuse_input.iter().map(|r| compiler.rule(CheckKind::RefuseInput, r, None)).collect(),
            rules: all,
            escalations: step.escalate.iter().map(|e| compiler.when(&e.path, &e.when.promoted)).collect(),
            confidence: step.confidence.clone().map(|source| compiler.confidence(&path, source)),
            prompt: compiler.prompt(workflow, step, &withhold),
            wrong: wrong
                .map(|(name, e)| {
                    let at = ElementPath::from("thresholds").child(name).child("wrong_when");
                    (name.clone(), compiler.expr(&at, &e.promoted))
                })
                .collect(),
            slices: workflow
                .slices
                .iter()
                .map(|(name, s)| {
                    (name.clone(), compiler.expr(&ElementPath::from("slices").child(name), &s.condition.promoted))
                })
                .collect(),
            because: step
                .require
                .iter()
                .chain(&step.forbid)
                .filter_map(|r| Some((r.path.clone(), r.because.clone()?)))
                .collect(),
            guaranteed: guaranteed(workflow, step),
            meaning: meaning(workflow, step, &thresholds),
            thresholds,
            withhold,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What [`crate::decide()`] needs.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The steps that are asked to judge its output, sorted, each once. What they are asked is
    /// [`Self::judge_asks`]'s to say.
    #[must_use]
    pub fn judges(&self) -> &[String] {
        &self.judge_names
    }

    /// Whether what others said is weighed: judges, further samples.
    #[must_use]
    pub fn asks_others(&self) -> bool {
        !self.judges.is_empty() || self.samples() > 0
    }

    /// How many further samples of the same ask the confidence takes: they go into
    /// [`crate::Aside::samples`], each a text as the model wrote it.
    #[must_use]
    pub const fn samples(&self) -> u32 {
        match &self.confidence {
            Some((ConfidenceSource::Agreement(n), _)) => n.saturating_sub(1),
            _ => 0,
        }
    }

    /// The thresholds that its escalations read: the caller states how each stands.
    #[must_use]
    pub fn thresholds_used(&self) -> Vec<ElementPath> {
        self.plan.thresholds()
    }

    /// The input without withheld fields: what a model may see.
    #[must_use]
    pub fn withhold(&self, input: &Value) -> Value {
        let mut seen = input.clone();
        for names in &self.withhold {
            fields::remove(&mut seen, names);
        }
        seen
    }

    /// The prompt over the withheld input; the input as JSON where the step has no prompt.
    ///
    /// # Errors
    /// [`RenderError`] where the template names a field that this input does not have.
    pub fn render(&self, input: &Value) -> Result<Vec<Message>, RenderError> {
        let seen = self.withhold(input);
        match &self.prompt {
            Some(template) => template.render(&seen),
            None => Ok(vec![as_json(&seen)]),
        }
    }

    /// Messages for another attempt: those of the last one, its answer, and what objected, in the spec's words.
    #[must_use]
    pub fn ask_again(&self, messages: &[Message], answer: &str, findings: &[seatrial_model::Finding]) -> Vec<Message> {
        use crate::prompt::Role;
        let mut text = String::from("Your answer was not accepted. Answer again so that all of these hold:\n");
        for finding in findings.iter().filter(|f| f.objects()) {
            let because = self.because.get(&finding.path).map_or("", String::as_str);
            let code = if finding.kind == CheckKind::Schema { finding.code.as_str() } else { "" };
            let words = [finding.path.name(), code, because];
            let line: Vec<&str> = words.into_iter().filter(|w| !w.is_empty()).collect();
            text.push_str(&format!("- {}\n", line.join(": ")));
        }
        let mut out = messages.to_vec();
        out.push(Message { role: Role::Assistant, content: answer.to_owned() });
        out.push(Message { role: Role::User, content: text });
        out
    }

    /// Whether an output is wrong in the sense of a threshold's `wrong_when`.
    ///
    /// # Errors
    /// [`Fault`]: `no_value` where the threshold has no `wrong_when`; `integer_range`; else why it was not evaluated.
    pub fn wrong(&self, threshold: &str, input: &Value, output: &Value, expected: &Value) -> Result<bool, Fault> {
        let expr = self.wrong.get(threshold).ok_or(Fault::NO_VALUE)?;
        let mut values = Bindings::default();
        values.input(&self.input.shape, input).map_err(|_| Fault::INTEGER_RANGE)?;
        values.output(&self.output.shape, output).map_err(|_| Fault::INTEGER_RANGE)?;
        values.expected(&self.output.shape, expected).map_err(|_| Fault::INTEGER_RANGE)?;
        expr.holds(&values)
    }

    /// Whether an input lies in a slice.
    ///
    /// # Errors
    /// [`Fault`]: `no_value` where there is no such slice; `integer_range`; else why it was not evaluated.
    pub fn in_slice(&self, slice: &str, input: &Value) -> Result<bool, Fault> {
        let expr = self.slices.get(slice).ok_or(Fault::NO_VALUE)?;
        let mut values = Bindings::default();
        values.input(&self.input.shape, input).map_err(|_| Fault::INTEGER_RANGE)?;
        expr.holds(&values)
    }

    /// The slices with a guarantee of their own that an input lies in, each with whether that could not be told (it
    /// counts as lying there). The caller states how each stands.
    #[must_use]
    pub fn guaranteed_slices(&self, input: &Value) -> Vec<(ElementPath, bool)> {
        let path = |name: &String| ElementPath::from("slices").child(name);
        let of = |name: &String| match self.in_slice(name, input) {
            Ok(false) => None,
            Ok(true) => Some((path(name), false)),
            Err(_) => Some((path(name), true)),
        };
        self.guaranteed.iter().filter_map(of).collect()
    }
}

fn guaranteed(workflow: &Workflow, step: &Step) -> Vec<String> {
    if step.escalate.iter().all(|e| e.thresholds.is_empty()) {
        return Vec::new();
    }
    workflow.slices.iter().filter(|(_, s)| s.required).map(|(name, _)| name.clone()).collect()
}
