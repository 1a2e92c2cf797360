//! What a step means once it is compiled: what the program's digest is made of.

use crate::plan::Plan;
use seatrial_spec::workflow::{Check, ConfidenceSource, Rule, Step, Threshold, Tool, Workflow};
use serde_json::{Value, json};

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
pub(super) fn agreed_thresholds<'w>(workflow: &'w Workflow, step: &'w Step) -> impl Iterator<Item = &'w Threshold> {
    let is_agreement = matches!(step.confidence, Some(ConfidenceSource::Agreement(_)));
    let read = step.escalate.iter().flat_map(|e| &e.thresholds).filter(move |_| is_agreement);
    read.filter_map(|path| workflow.thresholds.get(path.name()))
}

/// The compiled meaning of a step, for the program's digest.
pub(super) fn meaning(workflow: &Workflow, step: &Step, thresholds: &[(String, Option<f64>)]) -> Value {
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
