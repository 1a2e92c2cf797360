//! One example through the guard, and what became of it.

use crate::handle::Served;
use seatrial_guard::{CHECKS_VERSION, Candidate, DECIDE_VERSION, Judgement, StepProgram, decide};
use seatrial_model::facts::{Bounds, CertificateState, FACTS_VERSION, ThresholdFact};
use seatrial_model::{Facts, Finding, Stage, Verdict};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::Step;
use seatrial_sprint::evaluate::{Asked, LABEL_BYTES_MAX, NO_OUTPUT, OTHER};
use seatrial_sprint::{Example, ExampleResult, Outcome, Point};
use serde_json::Value;

/// One example through the guard.
pub(crate) struct Trial {
    pub(crate) verdict: Option<Verdict>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) judgement: Option<Judgement>,
    pub(crate) facts: Facts,
    /// The output that would leave.
    pub(crate) output: Option<Value>,
}

/// Decides as production would, thresholds taken as certified: what is measured is the rules at the numbers in force.
pub(crate) fn try_candidate(program: &StepProgram, input: &Value, candidate: Option<&Candidate>) -> Trial {
    let input_findings = program.check_input(input);
    let judgement = candidate.map(|c| program.judge(input, c));
    let confidence = judgement.as_ref().map(|j| j.confidence.clone());
    let plan = program.plan();
    let facts = Facts {
        v: FACTS_VERSION,
        decide: DECIDE_VERSION,
        checks: CHECKS_VERSION,
        stage: Stage::Production,
        rehearsal: true,
        shadow: false,
        stopped: false,
        bounds: Bounds::Within,
        lapsed: None,
        review_all: None,
        acts: true,
        input: input_findings.clone(),
        no_candidate: judgement.is_none().then(|| "model_unreachable".to_owned()),
        findings: judgement.as_ref().map(|j| j.findings.clone()).unwrap_or_default(),
        after_modify: judgement.as_ref().and_then(|j| j.after_modify.clone()),
        attempts: 1,
        confidence: confidence.unwrap_or(seatrial_model::Confidence {
            source: "none".to_owned(),
            value: 0.0,
            present: false,
        }),
        whens: judgement.as_ref().map(|j| j.whens.clone()).unwrap_or_default(),
        thresholds: plan
            .thresholds()
            .into_iter()
            .map(|path| ThresholdFact { path, state: CertificateState::Certified })
            .collect(),
        slices: Vec::new(),
        draw: 1.0,
        inspected: Vec::new(),
    };
    let decision = decide(plan, &facts);
    let output = judgement.as_ref().and_then(|j| match decision.verdict {
        Verdict::Modify => j.modified.as_ref().and_then(|m| m.output.clone()),
        _ => j.output.clone(),
    });
    let findings = [input_findings, facts.findings.clone()].concat();
    Trial { verdict: Some(decision.verdict), findings, judgement, facts, output }
}

impl Trial {
    /// Whether the guard judged it: an answer came, or the input alone denied it. Where the model was away, what the guard
    /// does instead says nothing of the example.
    pub(crate) fn is_judged(&self, program: &StepProgram) -> bool {
        self.judgement.is_some() || crate::verdicts::input_denied(program.plan(), &self.facts.input)
    }

    /// Whether an output would leave without a person.
    pub(crate) fn released(&self) -> bool {
        self.verdict.is_some_and(|v| v < Verdict::Escalate)
    }

    /// Whether it would leave if no threshold held it back.
    pub(crate) fn passes_other_rules(&self, program: &StepProgram) -> bool {
        let plan = program.plan();
        let mut facts = self.facts.clone();
        for when in &mut facts.whens {
            let reads = plan.escalations.iter().any(|e| e.path == when.path && !e.thresholds.is_empty());
            if reads {
                when.holds = false;
                when.failed = false;
            }
        }
        decide(plan, &facts).verdict < Verdict::Escalate
    }
}

/// The slices that an input lies in. One whose condition cannot be evaluated on it does not hold it.
pub(crate) fn slices_of(workflow: &Workflow, program: &StepProgram, input: &Value) -> Vec<String> {
    workflow.slices.keys().filter(|name| program.in_slice(name, input).unwrap_or(false)).cloned().collect()
}

/// An example's point for calibration.
pub(crate) fn point(
    workflow: &Workflow,
    program: &StepProgram,
    threshold: &str,
    example: &Example,
    trial: &Trial,
) -> Option<Point> {
    let judgement = trial.judgement.as_ref()?;
    let (output, expected) = (judgement.output.as_ref()?, example.expected.as_ref()?);
    let wrong = program.wrong(threshold, &example.input, output, expected).ok()?;
    let mut point = Point::new(judgement.confidence.value, wrong, trial.passes_other_rules(program));
    point.slices = slices_of(workflow, program, &example.input);
    Some(point)
}

/// What is compared and counted for every example of a set.
pub(crate) struct Measure<'s> {
    pub(crate) served: &'s Served,
    pub(crate) step: &'s Step,
    pub(crate) program: &'s StepProgram,
    /// The field of the output that confusion is counted by.
    label: Option<String>,
}

impl<'s> Measure<'s> {
    pub(crate) fn new(served: &'s Served, step: &'s Step, program: &'s StepProgram) -> Self {
        Self { served, step, program, label: label_field(&served.workflow, step) }
    }

    /// What is known of an example before it is asked.
    pub(crate) fn unasked(&self, example: &Example) -> ExampleResult {
        let slices = slices_of(&self.served.workflow, self.program, &example.input);
        ExampleResult::unasked(&example.id, example.must_not_pass, slices, example.tags.clone())
    }

    /// An answer as it is recorded: no text of the example or of the answer stands in it.
    pub(crate) fn asked(&self, example: &Example, repeat: u64, trial: &Trial) -> Asked {
        let threshold = self.program.plan().thresholds().into_iter().next();
        let wrong = threshold.and_then(|t| {
            let output = trial.output.as_ref().filter(|_| trial.released())?;
            self.program.wrong(t.name(), &example.input, output, example.expected.as_ref()?).ok()
        });
        let mut rules: Vec<_> = trial.findings.iter().map(|f| (f.path.clone(), f.objects())).collect();
        rules.extend(trial.facts.whens.iter().map(|w| (w.path.clone(), w.holds)));
        let (outcome, differs) = self.outcome(example, trial);
        Asked {
            id: example.id.clone(),
            repeat,
            verdict: trial.verdict.filter(|_| trial.is_judged(self.program)),
            outcome,
            wrong,
            rules,
            label: self.labels(example, trial),
            differs,
            usage: None,
            took_ms: 0,
        }
    }

    /// What became of an example, against what it expects: `expected.verdict`, and the fields of the output type (or the
    /// whole output, where what is expected is no object). With the fields that differ.
    ///
    /// What a person would have to decide is inconclusive: the output did not leave. An output that was denied although
    /// one was expected has failed, but where none may pass without a person.
    fn outcome(&self, example: &Example, trial: &Trial) -> (Outcome, Vec<String>) {
        if !trial.is_judged(self.program) {
            return (Outcome::Inconclusive, Vec::new());
        }
        let Some(expected) = &example.expected else { return (Outcome::NotExpected, Vec::new()) };
        if let Some(verdict) = expected.get("verdict").and_then(Value::as_str) {
            return match trial.verdict.is_some_and(|v| v.as_str() == verdict) {
                true => (Outcome::Passed, Vec::new()),
                false => (Outcome::Failed, vec!["verdict".to_owned()]),
            };
        }
        let compared = self.compared(expected);
        if compared.as_ref().is_some_and(Vec::is_empty) {
            return (Outcome::NotExpected, Vec::new());
        }
        match trial.verdict {
            Some(Verdict::Deny) if !example.must_not_pass => return (Outcome::Failed, vec!["verdict".to_owned()]),
            _ if !trial.released() => return (Outcome::Inconclusive, Vec::new()),
            _ => {}
        }
        let found = trial.output.as_ref();
        let differs: Vec<String> = match compared {
            Some(fields) => {
                let differs = fields.into_iter().filter(|k| found.and_then(|o| o.get(k)) != expected.get(k));
                differs.map(str::to_owned).collect()
            }
            None if found == Some(expected) => Vec::new(),
            None => vec!["output".to_owned()],
        };
        (if differs.is_empty() { Outcome::Passed } else { Outcome::Failed }, differs)
    }

    /// The fields of an expectation that the output type has; none where it is no object.
    fn compared<'e>(&self, expected: &'e Value) -> Option<Vec<&'e str>> {
        let schema = self.step.output.as_ref().and_then(|name| self.served.workflow.types.get(name));
        let fields = schema.and_then(|t| t.schema.get("properties")).and_then(Value::as_object);
        let known = |k: &&String| fields.is_none_or(|f| f.contains_key(*k));
        expected.as_object().map(|all| all.keys().filter(known).map(String::as_str).collect())
    }

    fn labels(&self, example: &Example, trial: &Trial) -> Option<(String, String)> {
        let field = self.label.as_ref()?;
        let expected = example.expected.as_ref()?.get(field)?;
        let found = trial.judgement.as_ref().and_then(|j| j.output.as_ref()).and_then(|o| o.get(field));
        Some((label(expected), found.map_or_else(|| NO_OUTPUT.to_owned(), label)))
    }
}

/// A value as a label. Texts that are too long for a name are none.
pub(crate) fn label(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Null => value.to_string(),
        Value::Array(_) | Value::Object(_) => OTHER.to_owned(),
    };
    if text.len() > LABEL_BYTES_MAX { OTHER.to_owned() } else { text }
}

/// The field that a label is: the one that a threshold of the step compares with what is expected, the one that the
/// embedded model learns, or the only one of the output type that is an enumeration.
pub(crate) fn label_field(workflow: &Workflow, step: &Step) -> Option<String> {
    let thresholds = step.escalate.iter().flat_map(|e| &e.thresholds);
    let compared = thresholds
        .filter_map(|path| workflow.thresholds.get(path.name())?.wrong_when.as_ref())
        .find_map(|expr| compared_field(&expr.source));
    let learned = || {
        let train = step.model.as_ref()?.train.as_ref()?;
        train.label.strip_prefix("expected.").filter(|rest| !rest.contains('.')).map(str::to_owned)
    };
    compared.or_else(learned).or_else(|| {
        let schema = workflow.types.get(step.output.as_ref()?)?;
        let fields = schema.schema.get("properties")?.as_object()?;
        let mut labels = fields.iter().filter(|(_, s)| s.get("enum").is_some());
        let (name, _) = labels.next()?;
        labels.next().is_none().then(|| name.clone())
    })
}

/// `F`, where an expression is `output.F != expected.F`.
fn compared_field(source: &str) -> Option<String> {
    let (left, right) = source.split_once("!=")?;
    let sides = [left.trim(), right.trim()];
    let name = |prefix: &str| sides.iter().find_map(|s| s.strip_prefix(prefix));
    let (output, expected) = (name("output.")?, name("expected.")?);
    let is_name = output.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (output == expected && is_name).then(|| output.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_field_compared_is_a_label() {
        assert_eq!(compared_field("output.team != expected.team").as_deref(), Some("team"));
        assert_eq!(compared_field("expected.team!=output.team").as_deref(), Some("team"));
        for other in ["output.team != expected.squad", "output.a != expected.a || output.b != expected.b", "true", ""] {
            assert_eq!(compared_field(other), None, "{other}");
        }
    }

    #[test]
    fn a_text_is_no_label() {
        assert_eq!(label(&Value::from("billing")), "billing");
        assert_eq!(label(&Value::from(true)), "true");
        assert_eq!(label(&Value::from("x".repeat(LABEL_BYTES_MAX + 1))), OTHER);
        assert_eq!(label(&serde_json::json!({ "a": 1 })), OTHER);
    }
}
