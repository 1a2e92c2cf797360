//! The parts of a step, compiled one by one.

use super::meaning::agreed_thresholds;
use super::{Asks, CheckProgram, CompileError, JudgeProgram, RuleProgram, TypeProgram, WhenProgram};
use crate::detect::Detector;
use crate::expr::Compiled;
use crate::fields::{Field, Root};
use crate::prompt::Template;
use crate::schema::Schema;
use crate::shape::Shape;
use seatrial_model::ElementPath;
use seatrial_model::facts::CheckKind;
use seatrial_spec::workflow::{Check, ConfidenceSource, Rule, Step, Tool, Workflow};
use std::collections::BTreeMap;

pub(super) struct Compiler<'e> {
    pub(super) errors: &'e mut Vec<CompileError>,
}

impl Compiler<'_> {
    fn fail(&mut self, path: &ElementPath, message: impl Into<String>) {
        self.errors.push(CompileError { path: path.clone(), message: message.into() });
    }

    pub(super) fn type_of(&mut self, workflow: &Workflow, path: ElementPath, name: Option<&str>) -> TypeProgram {
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
    pub(super) fn expr(&mut self, path: &ElementPath, text: &str) -> Compiled {
        Compiled::compile(text).unwrap_or_else(|message| {
            self.fail(path, message);
            Compiled::default()
        })
    }

    pub(super) fn when(&mut self, path: &ElementPath, text: &str) -> WhenProgram {
        let expr = self.expr(path, text);
        let needs_output = expr.mentions("output") || expr.mentions("confidence");
        WhenProgram { path: path.clone(), expr, needs_output }
    }

    /// The types of what tools are called with.
    pub(super) fn tools(&mut self, workflow: &Workflow, step: &Step) -> Option<BTreeMap<String, TypeProgram>> {
        let typed = |tool: &Tool| {
            let path = tool.path.child("arguments");
            (tool.name.clone(), self.type_of(workflow, path, tool.arguments.as_deref()))
        };
        step.tools.as_ref().map(|tools| tools.iter().map(typed).collect())
    }

    /// Checks of tools, in the plan's order.
    pub(super) fn tool_rules(&mut self, step: &Step) -> Vec<RuleProgram> {
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

    pub(super) fn judge(&mut self, workflow: &Workflow, path: &ElementPath, judge: &str) -> Option<JudgeProgram> {
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
    pub(super) fn agree_in(&mut self, workflow: &Workflow, step: &Step) -> Option<Vec<Vec<String>>> {
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

    pub(super) fn rule(&mut self, kind: CheckKind, rule: &Rule, tool: Option<&String>) -> RuleProgram {
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

    pub(super) fn confidence(
        &mut self,
        path: &ElementPath,
        source: ConfidenceSource,
    ) -> (ConfidenceSource, Option<Field>) {
        let field = match &source {
            ConfidenceSource::Output(text) | ConfidenceSource::Logprobs(text) => {
                Some(self.field(&path.child("confidence"), text, Root::Output))
            }
            ConfidenceSource::Agreement(_) | ConfidenceSource::Judge(_) | ConfidenceSource::Caller => None,
        };
        (source, field)
    }

    pub(super) fn prompt(&mut self, workflow: &Workflow, step: &Step, withheld: &[Vec<String>]) -> Option<Template> {
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
