//! A checked workflow, compiled: expressions parsed, schemas and patterns built, fields resolved. Immutable and shared.

use crate::detect::Detector;
use crate::expr::{Bindings, Compiled, Fault};
use crate::fields::{self, Field, Root};
use crate::plan::Plan;
use crate::prompt::{Message, RenderError, Template, as_json};
use crate::schema::Schema;
use crate::shape::Shape;
use seatrial_model::facts::CheckKind;
use seatrial_model::{Digest, ElementPath};
use seatrial_spec::workflow::{Check, ConfidenceSource, Rule, Step, Threshold, Tool, Workflow};
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

/// What a rule checks, as evaluated.
pub(crate) fn check_meaning(rule: &Rule) -> Value {
    match &rule.check {
        Check::Rule(expr) => json!({ "rule": expr.promoted }),
        Check::Detect { detectors, regexes, within } => {
            json!({ "detect": detectors, "regex": regexes, "in": within })
        }
        Check::Grounded { quote, within } => json!({ "grounded": quote, "in": within }),
        Check::Judge { step, rule } => json!({ "judge": step, "rule": rule.promoted }),
    }
}

/// What a tool may be called with.
fn tool_meaning(workflow: &Workflow, tool: &Tool) -> Value {
    let of = |rules: &[Rule]| rules.iter().map(check_meaning).collect::<Vec<_>>();
    let arguments = tool.arguments.as_ref().and_then(|n| workflow.types.get(n)).map(|t| t.digest.to_string());
    json!([tool.name, arguments, of(&tool.require), of(&tool.forbid)])
}

/// Everything that what a judge says depends on, but what it is asked.
pub(crate) fn judge_meaning(workflow: &Workflow, judge: &str) -> Value {
    let Some(step) = workflow.step(judge) else { return Value::Null };
    let schema =
        |name: &Option<String>| name.as_ref().and_then(|n| workflow.types.get(n)).map(|t| t.digest.to_string());
    let prompt = step.prompt.as_ref().and_then(|file| workflow.files.get(file)).map(|f| f.blob.to_string());
    let model = step.model.as_ref().map(|m| json!([m.provider, m.name, m.temperature, m.fallback]));
    json!([judge, schema(&step.input), schema(&step.output), prompt, model, step.withhold])
}

/// The thresholds that a step's confidence is compared with.
fn agreed_thresholds<'w>(workflow: &'w Workflow, step: &'w Step) -> impl Iterator<Item = &'w Threshold> {
    let is_agreement = matches!(step.confidence, Some(ConfidenceSource::Agreement(_)));
    let read = step.escalate.iter().flat_map(|e| &e.thresholds).filter(move |_| is_agreement);
    read.filter_map(|path| workflow.thresholds.get(path.name()))
}

/// The compiled meaning of a step, for the program's digest.
fn meaning(workflow: &Workflow, step: &Step, thresholds: &[(String, Option<f64>)]) -> Value {
    let checks = |rules: &[Rule]| rules.iter().map(check_meaning).collect::<Vec<_>>();
    let schema =
        |name: &Option<String>| name.as_ref().and_then(|n| workflow.types.get(n)).map(|t| t.digest.to_string());
    let prompt = step.prompt.as_ref().and_then(|file| workflow.files.get(file)).map(|f| f.blob.to_string());
    json!({
        "plan": Plan::of(workflow, step),
        "input": schema(&step.input),
        "output": schema(&step.output),
        "tools": step.tools.as_ref().map(|tools| tools.iter().map(|tool| tool_meaning(workflow, tool)).collect::<Vec<_>>()),
        "judges": step.judges().into_iter().map(|judge| judge_meaning(workflow, judge)).collect::<Vec<_>>(),
        "agree_in": agreed_thresholds(workflow, step).map(|t| t.wrong_when.as_ref().map(|e| &e.promoted)).collect::<Vec<_>>(),
        "refuse_input": checks(&step.refuse_input),
        "require": checks(&step.require),
        "forbid": checks(&step.forbid),
        "never": checks(&step.never),
        "escalate": step.escalate.iter().map(|e| &e.when.promoted).collect::<Vec<_>>(),
        "confidence": step.confidence.as_ref().map(ConfidenceSource::label),
        "thresholds": thresholds,
        "withhold": step.withhold,
        "prompt": prompt,
        "model": step.model.as_ref().map(|m| json!([m.provider, m.name, m.temperature, m.fallback])),
        "slices": workflow.slices.iter().map(|(n, s)| (n, &s.condition.promoted, s.required)).collect::<Vec<_>>(),
    })
}

struct Compiler<'e> {
    errors: &'e mut Vec<CompileError>,
}

impl Compiler<'_> {
    fn fail(&mut self, path: &ElementPath, message: impl Into<String>) {
        self.errors.push(CompileError { path: path.clone(), message: message.into() });
    }

    fn type_of(&mut self, workflow: &Workflow, path: ElementPath, name: Option<&str>) -> TypeProgram {
        let Some(name) = name else {
            return TypeProgram { path, schema: None, shape: Shape::anything(), is_plain_text: false };
        };
        let Some(declared) = workflow.types.get(name) else {
            self.fail(&path, format!("there is no type `{name}`"));
            return TypeProgram { path, schema: None, shape: Shape::anything(), is_plain_text: false };
        };
        let schema = Schema::compile(&declared.schema).map_err(|message| self.fail(&path, message)).ok();
        TypeProgram { path, schema, shape: Shape::of(&declared.schema), is_plain_text: declared.is_plain_text() }
    }

    /// A failed expression is replaced by one that no program is made with: errors end the compilation.
    fn expr(&mut self, path: &ElementPath, text: &str) -> Compiled {
        Compiled::compile(text).unwrap_or_else(|message| {
            self.fail(path, message);
            Compiled::default()
        })
    }

    fn when(&mut self, path: &ElementPath, text: &str) -> WhenProgram {
        let expr = self.expr(path, text);
        let needs_output = expr.mentions("output") || expr.mentions("confidence");
        WhenProgram { path: path.clone(), expr, needs_output }
    }

    /// The types of what tools are called with.
    fn tools(&mut self, workflow: &Workflow, step: &Step) -> Option<BTreeMap<String, TypeProgram>> {
        let typed = |tool: &Tool| {
            let path = tool.path.child("arguments");
            (tool.name.clone(), self.type_of(workflow, path, tool.arguments.as_deref()))
        };
        step.tools.as_ref().map(|tools| tools.iter().map(typed).collect())
    }

    /// Checks of tools, in the plan's order.
    fn tool_rules(&mut self, step: &Step) -> Vec<RuleProgram> {
        let Some(tools) = &step.tools else { return Vec::new() };
        let own = |path, kind, check, tool: Option<&String>| RuleProgram {
            path,
            kind,
            check,
            tool: tool.cloned(),
            needs_output: false,
        };
        let mut out = vec![own(step.path().child("tools"), CheckKind::Forbid, CheckProgram::Tools, None)];
        for tool in tools {
            let name = Some(&tool.name);
            if tool.arguments.is_some() {
                out.push(own(tool.path.child("arguments"), CheckKind::Schema, CheckProgram::Arguments, name));
            }
            for (kind, rules) in [(CheckKind::Require, &tool.require), (CheckKind::Forbid, &tool.forbid)] {
                out.extend(rules.iter().map(|rule| self.rule(kind, rule, name)));
            }
        }
        out
    }

    fn judge(&mut self, workflow: &Workflow, path: &ElementPath, judge: &str) -> Option<JudgeProgram> {
        let Some(step) = workflow.step(judge) else {
            self.fail(path, format!("there is no step `{judge}` to judge"));
            return None;
        };
        let input = self.type_of(workflow, step.path().child("input"), step.input.as_deref());
        let names = |name: &str| input.shape.declared(input.shape.root(), name).is_some();
        let asks = Asks { input: names("input"), output: names("output") };
        if step.name == path.name() || !asks.output {
            self.fail(path, format!("`{judge}` cannot judge: its input type names no `output`"));
        }
        let output = self.type_of(workflow, step.path().child("output"), step.output.as_deref());
        Some(JudgeProgram { step: judge.to_owned(), asks, output })
    }

    /// The fields of the output that decide whether it is wrong, by the thresholds that the step compares with.
    fn agree_in(&mut self, workflow: &Workflow, step: &Step) -> Option<Vec<Vec<String>>> {
        let mut out: Vec<Vec<String>> = Vec::new();
        let mut any = false;
        for threshold in agreed_thresholds(workflow, step) {
            let wrong = threshold.wrong_when.as_ref()?;
            out.extend(self.expr(&step.path().child("confidence"), &wrong.promoted).output_fields()?);
            any = true;
        }
        out.sort();
        out.dedup();
        (any && !out.is_empty()).then_some(out)
    }

    fn rule(&mut self, kind: CheckKind, rule: &Rule, tool: Option<&String>) -> RuleProgram {
        let about = match (kind, tool) {
            (CheckKind::RefuseInput, _) => Root::Input,
            (_, Some(_)) => Root::Arguments,
            (_, None) => Root::Output,
        };
        let check = match &rule.check {
            Check::Rule(expr) => CheckProgram::Expr(self.expr(&rule.path, &expr.promoted)),
            Check::Detect { detectors, regexes, within } => {
                let named =
                    detectors.iter().map(|n| Detector::named(n).ok_or_else(|| format!("there is no detector `{n}`")));
                let all: Vec<_> = named.chain(regexes.iter().map(|r| Detector::own(r))).collect();
                let mut detectors = Vec::new();
                for detector in all {
                    match detector {
                        Ok(d) => detectors.push(d),
                        Err(message) => self.fail(&rule.path, message),
                    }
                }
                if detectors.is_empty() {
                    self.fail(&rule.path, "no detector is named: the check would find nothing");
                }
                let within = within.as_ref().map(|w| self.field(&rule.path, w, about));
                CheckProgram::Detect { detectors, within }
            }
            Check::Judge { step, rule: expr } => {
                if about != Root::Output {
                    self.fail(&rule.path, "a judge is asked about an output, and there is none here");
                }
                CheckProgram::Judge { step: step.clone(), expr: self.expr(&rule.path, &expr.promoted) }
            }
            Check::Grounded { quote, within } => CheckProgram::Grounded {
                quote: self.field(&rule.path, quote, about),
                within: self.field(&rule.path, within, Root::Input),
            },
        };
        let needs_output = tool.is_none()
            && match &check {
                CheckProgram::Expr(expr) => expr.mentions("output"),
                CheckProgram::Detect { within, .. } => within.is_some(),
                CheckProgram::Grounded { .. } | CheckProgram::Judge { .. } => true,
                CheckProgram::Tools | CheckProgram::Arguments => false,
            };
        RuleProgram { path: rule.path.clone(), kind, check, tool: tool.cloned(), needs_output }
    }

    fn field(&mut self, path: &ElementPath, text: &str, root: Root) -> Field {
        match Field::parse(text) {
            Some(field) if field.root == root => field,
            _ => {
                let word = root.word();
                self.fail(path, format!("`{text}` names no field of the {word}; write `{word}.field`"));
                Field { root, names: Vec::new() }
            }
        }
    }

    fn confidence(&mut self, path: &ElementPath, source: ConfidenceSource) -> (ConfidenceSource, Option<Field>) {
        let field = match &source {
            ConfidenceSource::Output(text) | ConfidenceSource::Logprobs(text) => {
                Some(self.field(&path.child("confidence"), text, Root::Output))
            }
            ConfidenceSource::Agreement(_) | ConfidenceSource::Judge(_) | ConfidenceSource::Caller => None,
        };
        (source, field)
    }

    fn prompt(&mut self, workflow: &Workflow, step: &Step, withheld: &[Vec<String>]) -> Option<Template> {
        let file = step.prompt.as_ref()?;
        let path = step.path().child("prompt");
        let Some(content) = workflow.files.get(file) else {
            self.fail(&path, format!("the file `{file}` is not part of the spec"));
            return None;
        };
        let parsed = std::str::from_utf8(&content.bytes)
            .map_err(|_| format!("the file `{file}` is not UTF-8"))
            .and_then(|text| Template::parse(text, withheld));
        parsed.map_err(|message| self.fail(&path, message)).ok()
    }
}
