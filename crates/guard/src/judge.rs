//! Verify and weigh: every check runs on the candidate, and each leaves a finding.

use crate::candidate::{Aside, Candidate, Part, PartKind};
use crate::json::TEXT_BYTES_MAX;
use crate::program::{CheckProgram, RuleProgram, StepProgram};
use seatrial_model::facts::{Inspected, When};
use seatrial_model::{Confidence, ElementPath, Finding};
use seatrial_spec::workflow::Else;
use serde_json::Value;

mod agreement;
mod aside;
mod checks;
mod confidence;
mod input;
mod redaction;
mod tools;

pub use aside::JudgeAsk;
pub use checks::PART_SEPARATOR;

/// Codes of findings that no check of the spec's own gives.
pub mod codes {
    /// A tool is called that the step may not call.
    pub const UNKNOWN_TOOL: &str = "unknown_tool";
    /// A tool is called, and the step says nothing of tools.
    pub const TOOL_CALL: &str = "tool_call";
    /// Nothing but tools is called: there is no output yet that could be checked.
    pub const TOOL_TURN: &str = "tool_turn";
    /// A judging step was not asked.
    pub const NOT_JUDGED: &str = "not_judged";
    /// What a judging step said is not of its output type.
    pub const JUDGE_SCHEMA: &str = "judge_schema";
    /// A judging step said nothing, for a reason that is no code.
    pub const JUDGE_FAILED: &str = "judge_failed";
}

/// The most parts of a candidate; more are not inspected, and so not released. Each part lists its checks in the event,
/// and an entry of the log is at most 65 535 bytes.
pub const PARTS_MAX: usize = 64;

/// The most spans that one finding lists: an entry of the log is at most 65 535 bytes. Redaction does not stop there.
pub const FINDING_SPANS_MAX: usize = 48;

/// What the checks found on one candidate, for the facts and for what happens to the output.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    /// One finding for each check of the plan: schema first, then in the spec's order.
    pub findings: Vec<Finding>,
    /// Where something was redacted: what every check found on the changed bytes.
    pub after_modify: Option<Vec<Finding>>,
    /// The first output: a text part, read as the output type.
    pub output: Option<Value>,
    /// The redacted parts, where a rule asks for `modify`.
    pub modified: Option<Modified>,
    /// The confidence, from the source that the spec names.
    pub confidence: Confidence,
    /// The outcome of every escalation's `when`.
    pub whens: Vec<When>,
    /// Every part and the checks that inspected it.
    pub inspected: Vec<Inspected>,
    /// The thresholds that escalations read.
    pub thresholds_used: Vec<ElementPath>,
}

/// A part of a judgement.
pub(crate) struct Rechecked {
    /// For each check of the plan the finding, where it was wanted.
    pub(crate) findings: Vec<Option<Finding>>,
    /// The confidence.
    pub(crate) confidence: Confidence,
    /// The outcome of every escalation's `when`.
    pub(crate) whens: Vec<When>,
}

/// What a redaction left.
#[derive(Clone, PartialEq, Debug)]
pub struct Modified {
    /// All parts of the candidate, changed or not, in their order.
    pub parts: Vec<Part>,
    /// The first text part, read as the output type.
    pub output: Option<Value>,
}

impl Modified {
    /// The text of the first text part: what is released in its place.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.parts.iter().find(|p| p.kind == PartKind::Text).map(|p| p.text.as_str())
    }
}

impl StepProgram {
    /// Checks an input: its schema, then `refuse_input`.
    #[must_use]
    pub fn check_input(&self, input: &Value) -> Vec<Finding> {
        input::findings(self, input)
    }

    /// Runs every check on a candidate. Where a rule with `else: modify` found something, it is redacted, and every
    /// check runs again on the changed bytes. What judges say of these stands in `aside.modified`: where it is missing,
    /// their rules did not run again. Whoever asks judges asks them with the `modified` parts, and judges once more.
    #[must_use]
    pub fn judge(&self, input: &Value, candidate: &Candidate) -> Judgement {
        let run = checks::Run::new(self, input, &candidate.parts, &candidate.aside);
        let mut bound = run.bound();
        let findings = run.findings(&bound);
        let inspected = run.inspected(&findings);
        let outputs = run.outputs();
        let output = outputs.first().cloned().flatten();
        let confidence = confidence::confidence(self, candidate, &run, &outputs);
        let whens = run.whens(&mut bound, &confidence);
        let modified = self.modified(&findings, &candidate.parts, &outputs);
        let mut after_modify = None;
        let modified = modified.map(|parts| {
            let nothing = Aside::default();
            let aside = candidate.aside.modified.as_deref().unwrap_or(&nothing);
            let again = checks::Run::new(self, input, &parts, aside);
            after_modify = Some(again.findings(&again.bound()));
            let output = again.outputs().first().cloned().flatten();
            Modified { parts, output }
        });
        Judgement {
            findings,
            after_modify,
            output,
            modified,
            confidence,
            whens,
            inspected,
            thresholds_used: self.thresholds_used(),
        }
    }

    /// Runs the wanted checks, and every `when` if these are wanted. Only what they read has to be there: the rest of
    /// the case was readable, as the facts say. The confidence is the one given, or else read anew.
    pub(crate) fn judge_part(
        &self,
        input: &Value,
        candidate: &Candidate,
        wanted: &[bool],
        confidence: Option<&Confidence>,
        readable: bool,
    ) -> Rechecked {
        let run = if readable {
            checks::Run::without_schema(self, input, &candidate.parts, &candidate.aside)
        } else {
            checks::Run::new(self, input, &candidate.parts, &candidate.aside)
        };
        let mut bound = run.bound();
        let findings = run.findings_wanted(&bound, wanted);
        let confidence = match confidence {
            Some(known) => known.clone(),
            None => confidence::confidence(self, candidate, &run, &run.outputs()),
        };
        let whens = run.whens(&mut bound, &confidence);
        Rechecked { findings, confidence, whens }
    }

    /// The redacted parts; none where no rule with `else: modify` found anything.
    fn modified(&self, findings: &[Finding], parts: &[Part], outputs: &[Option<Value>]) -> Option<Vec<Part>> {
        let asks = |path: &ElementPath| self.plan.checks.iter().any(|c| c.path == *path && c.otherwise == Else::Modify);
        let found = |path: &ElementPath| findings.iter().any(|f| f.path == *path && f.objects() && !f.spans.is_empty());
        let rules: Vec<_> = self
            .rules
            .iter()
            .filter(|r| asks(&r.path) && found(&r.path))
            .filter_map(|r| match &r.check {
                CheckProgram::Detect { detectors, within } => {
                    Some(redaction::Redaction { detectors, within: within.as_ref(), tool: r.tool.as_deref() })
                }
                CheckProgram::Expr(_)
                | CheckProgram::Grounded { .. }
                | CheckProgram::Judge { .. }
                | CheckProgram::Tools
                | CheckProgram::Arguments => None,
            })
            .collect();
        if rules.is_empty() || total_bytes(parts) > TEXT_BYTES_MAX {
            return None;
        }
        let mut texts = outputs.iter();
        Some(
            parts
                .iter()
                .map(|part| {
                    let is_output = tools::is_output(self, parts, part);
                    let output = if is_output { texts.next().and_then(Option::as_ref) } else { None };
                    let tool = tools::tool_of(parts, part);
                    Part { text: redaction::redacted(part, output, tool, &rules), ..part.clone() }
                })
                .collect(),
        )
    }

    /// The `never` rules that an output violates (or on which they do not run): what makes a person's answer of
    /// earlier unusable, judged by the rules now in force. Rules that a judge says are left out: nobody is asked here,
    /// and what a judge said of this output was weighed when it was decided.
    #[must_use]
    pub fn never_violated(&self, input: &Value, output: &Value) -> Vec<Finding> {
        use seatrial_model::facts::CheckKind;
        let candidate = Candidate::value(output);
        let run = checks::Run::with_value(self, input, &candidate.parts, output);
        let mut findings = run.findings(&run.bound());
        findings.retain(|f| f.kind == CheckKind::Never && f.objects() && !self.is_judged(&f.path));
        findings
    }

    /// What binds a person who authors an output: the schema, `require` and `forbid`. `never` does not: it says what
    /// is not delegated to AI; nor does a rule that a judge says: no machine judges a person.
    #[must_use]
    pub fn check_authored(&self, input: &Value, output: &Value) -> Vec<Finding> {
        use seatrial_model::facts::CheckKind;
        let candidate = Candidate::value(output);
        let run = checks::Run::with_value(self, input, &candidate.parts, output);
        let mut findings = run.findings(&run.bound());
        findings.retain(|f| f.kind != CheckKind::Never && !self.is_judged(&f.path));
        findings
    }

    /// Whether a judge says the rule.
    fn is_judged(&self, path: &ElementPath) -> bool {
        let is_judge = |r: &RuleProgram| matches!(r.check, CheckProgram::Judge { .. });
        self.rules.iter().any(|r| r.path == *path && is_judge(r))
    }
}

fn total_bytes(parts: &[Part]) -> usize {
    parts.iter().map(|p| p.text.len()).sum()
}
