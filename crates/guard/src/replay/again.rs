//! One recorded decision, decided again.

use super::change::{Change, WhenChange};
use super::{NeedsOutput, Outcome};
use crate::CHECKS_VERSION;
use crate::candidate::{Candidate, INPUT_PART, PartKind, TEXT_PART};
use crate::decide::{decide, draw};
use crate::expr::Reads;
use crate::judge::Rechecked;
use crate::plan::{CheckPlan, Plan};
use crate::program::StepProgram;
use seatrial_model::event::{Entry, ReviewOpened};
use seatrial_model::facts::{
    Bounds, CertificateState, CheckKind, FindingResult, Inspected, OnLapse, ReviewAll, SliceFact, ThresholdFact, When,
};
use seatrial_model::{Confidence, DecisionId, ElementPath, Facts, Finding, Stage, Verdict};
use seatrial_spec::workflow::Else;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What replay reads of a recorded decision: the rest of its event's body is not even allocated.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Recorded {
    /// The decision.
    pub decision: DecisionId,
    /// The step.
    pub step: String,
    /// How the candidate came.
    pub entry: Entry,
    /// Everything that `decide` read. Of what was inspected only the parts' names are kept: nothing else is read again.
    #[serde(deserialize_with = "lean")]
    pub facts: Facts,
    /// What the guard concluded.
    pub verdict: Verdict,
    /// The elements that brought it about.
    pub because: Vec<ElementPath>,
    /// The review that was opened.
    #[serde(default)]
    pub review: Option<ReviewOpened>,
}

/// Facts without the lists of who inspected what, which are a third of their text.
fn lean<'de, D: Deserializer<'de>>(from: D) -> Result<Facts, D::Error> {
    #[derive(Deserialize)]
    struct Part {
        part: String,
    }
    #[derive(Deserialize)]
    struct Lean {
        v: u32,
        decide: u32,
        checks: u32,
        stage: Stage,
        #[serde(default)]
        rehearsal: bool,
        #[serde(default)]
        shadow: bool,
        #[serde(default)]
        stopped: bool,
        #[serde(default)]
        bounds: Bounds,
        #[serde(default)]
        lapsed: Option<OnLapse>,
        #[serde(default)]
        review_all: Option<ReviewAll>,
        #[serde(default)]
        slices: Vec<SliceFact>,
        acts: bool,
        input: Vec<Finding>,
        #[serde(default)]
        no_candidate: Option<String>,
        findings: Vec<Finding>,
        #[serde(default)]
        after_modify: Option<Vec<Finding>>,
        attempts: u32,
        confidence: Confidence,
        whens: Vec<When>,
        thresholds: Vec<ThresholdFact>,
        draw: f64,
        inspected: Vec<Part>,
    }
    let f = Lean::deserialize(from)?;
    Ok(Facts {
        v: f.v,
        decide: f.decide,
        checks: f.checks,
        stage: f.stage,
        rehearsal: f.rehearsal,
        shadow: f.shadow,
        stopped: f.stopped,
        bounds: f.bounds,
        lapsed: f.lapsed,
        review_all: f.review_all,
        slices: f.slices,
        acts: f.acts,
        input: f.input,
        no_candidate: f.no_candidate,
        findings: f.findings,
        after_modify: f.after_modify,
        attempts: f.attempts,
        confidence: f.confidence,
        whens: f.whens,
        thresholds: f.thresholds,
        draw: f.draw,
        inspected: f.inspected.into_iter().map(|p| Inspected { part: p.part, by: Vec::new() }).collect(),
    })
}

/// What a recorded decision needs before it is decided again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Triage {
    /// Nothing: its facts are enough.
    Facts,
    /// What is still held of it.
    Payloads {
        /// The input is needed.
        input: bool,
        /// The candidate is needed.
        output: bool,
    },
    /// Another output: it is not decided.
    Output(NeedsOutput),
}

/// What is still held of a decision's input and output; none where it was erased, or there never was one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Payloads<'a> {
    /// The input, as JSON.
    pub input: Option<&'a [u8]>,
    /// The candidate.
    pub output: Option<&'a [u8]>,
    /// What judges and further samples said.
    pub aside: Option<&'a [u8]>,
}

impl Change {
    /// What deciding again takes.
    #[must_use]
    pub fn triage(&self, recorded: &Recorded) -> Triage {
        let facts = &recorded.facts;
        if self.input || !self.keeps(facts) {
            return Triage::Payloads { input: true, output: true };
        }
        if refused(facts) {
            return Triage::Facts;
        }
        if let Some(why) = self.needs_output {
            return Triage::Output(why);
        }
        let reads = if facts.no_candidate.is_some() { Reads::default() } else { self.reads_of(facts) };
        if reads.any() { Triage::Payloads { input: reads.input, output: reads.output } } else { Triage::Facts }
    }

    /// Decides again.
    #[must_use]
    pub fn decide(&self, recorded: &mut Recorded, held: Payloads<'_>) -> Outcome {
        let Some(program) = self.program.step(&self.step) else { return Outcome::Gone };
        match self.facts(program, recorded, held) {
            Ok(()) => Outcome::Again(decide(program.plan(), &recorded.facts)),
            Err(outcome) => outcome,
        }
    }

    /// Whether findings can be kept at all: those of other versions of the checks say nothing about these, and whether
    /// tools are spoken of changes what every check says beside a call.
    fn keeps(&self, facts: &Facts) -> bool {
        facts.checks == CHECKS_VERSION && (self.speaks_of_tools_alike || is_text_alone(facts))
    }

    /// What of the case is needed to say what the checks of the output find now.
    fn reads_of(&self, facts: &Facts) -> Reads {
        // Beside a call of a tool a condition over the confidence is not weighed: then it has to be seen what there was.
        let bound = is_bound(facts) && is_text_alone(facts);
        let mut reads = self.reads;
        for when in &self.whens {
            reads = reads.and(match when {
                WhenChange::Kept => Reads::default(),
                WhenChange::OnConfidence if bound => Reads::default(),
                WhenChange::OnConfidence => Reads::BOTH,
                WhenChange::OnCase(reads) => *reads,
            });
        }
        if self.confidence {
            reads.output = true;
        }
        let redacts = || self.program.step(&self.step).is_none_or(|p| redacts(p.plan(), &facts.findings));
        // Where the values were not readable it has to be seen again why.
        if (reads.any() && !bound) || (!self.all_kept && redacts()) { Reads::BOTH } else { reads }
    }

    /// Turns the recorded facts into those of the changed spec.
    fn facts(&self, program: &StepProgram, recorded: &mut Recorded, held: Payloads<'_>) -> Result<(), Outcome> {
        let plan = program.plan();
        let was_refused = refused(&recorded.facts);
        let input: Option<Value> = held.input.and_then(|bytes| serde_json::from_slice(bytes).ok());
        let facts = &mut recorded.facts;
        let other_input = self.input || !self.keeps(facts);
        if other_input {
            let unknown = self.needs_output.map_or(Outcome::Erased, Outcome::NeedsOutput);
            facts.input = program.check_input(input.as_ref().ok_or(unknown)?);
        }
        if is_refused(plan, &facts.input) {
            // The model is not asked: there is nothing else to weigh.
            facts.findings.clear();
            facts.whens.clear();
            facts.after_modify = None;
            facts.no_candidate = None;
        } else if let Some(why) = self.needs_output {
            return Err(Outcome::NeedsOutput(why));
        } else if was_refused {
            return Err(Outcome::NeedsOutput(NeedsOutput::Refused));
        } else if facts.no_candidate.is_none() {
            self.candidate(program, recorded, input.as_ref(), held)?;
        }
        self.circumstances(plan, recorded);
        Ok(())
    }

    fn candidate(
        &self,
        program: &StepProgram,
        recorded: &mut Recorded,
        input: Option<&Value>,
        held: Payloads<'_>,
    ) -> Result<(), Outcome> {
        let plan = program.plan();
        let facts = &mut recorded.facts;
        let engine = self.keeps(facts);
        let mut case = None;
        let mut fresh = None;
        let reads = if engine { self.reads_of(facts) } else { Reads::BOTH };
        if reads.any() {
            let (input, candidate) = case_of(program, facts, reads, input, held)?;
            let confidence = (!self.confidence).then_some(&facts.confidence);
            let wanted: Vec<bool> = self.kept.iter().map(|kept| !(*kept && engine)).collect();
            let readable = engine && is_bound(facts) && is_text_alone(facts);
            fresh = Some(program.judge_part(input, &candidate, &wanted, confidence, readable));
            case = Some((input, candidate));
        }
        self.slices(program, facts, case.as_ref().map(|(input, _)| *input));
        let whens = self.whens(program, facts, fresh.as_ref(), engine);
        let (findings, confidence) = match fresh {
            Some(Rechecked { findings, confidence, .. }) => (findings, Some(confidence)),
            None => (plan.checks.iter().map(|_| None).collect(), None),
        };
        facts.findings = in_order(plan, std::mem::take(&mut facts.findings), findings);
        facts.whens = whens;
        if let Some(confidence) = confidence {
            facts.confidence = confidence;
        }
        self.attempts(plan, recorded)?;
        let facts = &mut recorded.facts;
        facts.after_modify = match (redacts(plan, &facts.findings), self.all_kept && engine, case) {
            (false, _, _) => None,
            (true, true, _) => {
                let nothing = plan.checks.iter().map(|_| None).collect();
                facts.after_modify.take().map(|after| in_order(plan, after, nothing))
            }
            (true, false, Some((input, candidate))) if reads == Reads::BOTH => {
                program.judge(input, &candidate).after_modify
            }
            // Something is redacted that was not, and nothing is held to redact.
            (true, false, _) => return Err(Outcome::Erased),
        };
        Ok(())
    }

    /// The slices that the input lies in. They stand as they stood where nothing of their certificates changed, and are
    /// taken as certified otherwise, as thresholds are.
    fn slices(&self, program: &StepProgram, facts: &mut Facts, input: Option<&Value>) {
        let was = std::mem::take(&mut facts.slices);
        let certified = self.assumed().is_empty();
        let state = |path: &ElementPath| {
            let recorded = was.iter().find(|s| s.path == *path).filter(|_| certified);
            recorded.map_or(CertificateState::Certified, |s| s.state)
        };
        let fact = |(path, failed): (ElementPath, bool)| SliceFact { state: state(&path), path, failed };
        let named: Vec<(ElementPath, bool)> = match input {
            Some(input) if !self.slices_kept => program.guaranteed_slices(input),
            _ => {
                let stays = |s: &&SliceFact| program.guaranteed.iter().any(|name| name == s.path.name());
                was.iter().filter(stays).map(|s| (s.path.clone(), s.failed)).collect()
            }
        };
        facts.slices = named.into_iter().map(fact).collect();
    }

    /// An answer that is asked for again is another one.
    fn attempts(&self, plan: &Plan, recorded: &Recorded) -> Result<(), Outcome> {
        let facts = &recorded.facts;
        let ours = recorded.entry == Entry::Run && self.asks_again && !self.asks_alike;
        if ours && (facts.attempts > 1 || plan.asks_again(&facts.findings, facts.attempts)) {
            return Err(Outcome::NeedsOutput(NeedsOutput::Attempts));
        }
        Ok(())
    }

    fn whens(&self, program: &StepProgram, facts: &Facts, fresh: Option<&Rechecked>, engine: bool) -> Vec<When> {
        let bound = is_bound(facts) && is_text_alone(facts);
        let outcome = |(escalation, change): (&crate::plan::EscalationPlan, &WhenChange)| {
            let recorded = facts.whens.iter().find(|w| w.path == escalation.path);
            if *change == WhenChange::Kept && engine {
                // One that is missing stays missing: it weighs as an objection.
                return recorded.cloned();
            }
            if let Some(fresh) = fresh {
                return fresh.whens.iter().find(|w| w.path == escalation.path).cloned();
            }
            bound.then(|| program.when_on_confidence(&escalation.path, facts.confidence.value)).flatten()
        };
        program.plan().escalations.iter().zip(&self.whens).filter_map(outcome).collect()
    }

    /// Stage, stop, ceiling and end stay as they were then. What the changed spec says otherwise about pilot reviews,
    /// lapse, thresholds and audits is put in their place.
    fn circumstances(&self, plan: &Plan, recorded: &mut Recorded) {
        let facts = &mut recorded.facts;
        if facts.stage == Stage::Pilot && !facts.rehearsal {
            (facts.review_all, facts.shadow) = self.pilot.unwrap_or((None, false));
        }
        if let (Some(lapsed), Some(now)) = (facts.lapsed.as_mut(), self.on_lapse) {
            *lapsed = now;
        }
        let was = std::mem::take(&mut facts.thresholds);
        let state = |path: &ElementPath| {
            let recorded = was.iter().find(|t| t.path == *path).map_or(CertificateState::None, |t| t.state);
            if self.thresholds.contains(path) { recorded } else { CertificateState::Certified }
        };
        facts.thresholds =
            plan.thresholds().into_iter().map(|path| ThresholdFact { state: state(&path), path }).collect();
        if let Some(audit) = plan.audit.as_ref().filter(|_| !self.audit_kept) {
            facts.draw = draw(&self.spec, &audit.path, &recorded.decision);
        }
    }
}

/// Whether the input was refused then: the model was not asked.
fn refused(facts: &Facts) -> bool {
    facts.no_candidate.is_none() && facts.findings.is_empty() && facts.input.iter().any(Finding::objects)
}

/// Whether the input is refused: a check of it objects, or left no finding.
fn is_refused(plan: &Plan, findings: &[Finding]) -> bool {
    findings.iter().any(Finding::objects) || plan.input.iter().any(|c| !findings.iter().any(|f| f.path == c.path))
}

/// Whether expressions had their values: then one that reads confidence and thresholds alone needs nothing else.
fn is_bound(facts: &Facts) -> bool {
    let met =
        |findings: &[Finding]| findings.iter().any(|f| f.kind == CheckKind::Schema && f.result == FindingResult::Met);
    facts.whens.iter().any(|w| !w.failed) || (met(&facts.findings) && met(&facts.input))
}

/// Whether something is redacted.
fn redacts(plan: &Plan, findings: &[Finding]) -> bool {
    let modifies =
        |f: &Finding| plan.checks.iter().any(|c: &CheckPlan| c.path == f.path && c.otherwise == Else::Modify);
    findings.iter().any(|f| f.result == FindingResult::Violated && !f.spans.is_empty() && modifies(f))
}

/// One finding for each check of the plan, in its order: the fresh one, else the recorded one.
fn in_order(plan: &Plan, mut recorded: Vec<Finding>, fresh: Vec<Option<Finding>>) -> Vec<Finding> {
    if fresh.iter().all(Option::is_none) && plan.checks.iter().map(|c| &c.path).eq(recorded.iter().map(|f| &f.path)) {
        return recorded;
    }
    let mut take = |path: &ElementPath| {
        let found = recorded.iter().position(|f| f.path == *path)?;
        Some(recorded.swap_remove(found))
    };
    plan.checks.iter().zip(fresh).filter_map(|(check, fresh)| fresh.or_else(|| take(&check.path))).collect()
}

/// Whether there is one output and nothing beside it.
fn is_text_alone(facts: &Facts) -> bool {
    let mut own = facts.inspected.iter().map(|i| i.part.as_str()).filter(|name| !name.starts_with(INPUT_PART));
    match (own.next(), own.next()) {
        (None, _) => true,
        (Some(only), None) => PartKind::of_name(only) == PartKind::Text,
        (Some(_), Some(_)) => false,
    }
}

/// Input and candidate, as far as they are read.
fn case_of<'a>(
    program: &StepProgram,
    facts: &Facts,
    reads: Reads,
    input: Option<&'a Value>,
    held: Payloads<'_>,
) -> Result<(&'a Value, Candidate), Outcome> {
    let input = if reads.input { input.ok_or(Outcome::Erased)? } else { &Value::Null };
    if !reads.output {
        return Ok((input, Candidate::default()));
    }
    let output = held.output.ok_or(Outcome::Erased)?;
    let mut names: Vec<&str> = facts.inspected.iter().map(|i| i.part.as_str()).collect();
    if names.iter().all(|name| name.starts_with(INPUT_PART)) {
        // Facts of old name no part.
        names.push(TEXT_PART);
    }
    let aside = held.aside.filter(|_| program.asks_others());
    let mut candidate = Candidate::rebuild(&names, output, aside).map_err(|_| Outcome::Erased)?;
    if facts.confidence.present && facts.confidence.source == "caller" {
        candidate.confidence = Some(facts.confidence.value);
    }
    Ok((input, candidate))
}

impl StepProgram {
    /// An escalation's condition that reads confidence and thresholds alone; none where it could not be evaluated so.
    fn when_on_confidence(&self, path: &ElementPath, confidence: f64) -> Option<When> {
        let when = self.escalations.iter().find(|w| w.path == *path)?;
        let mut values = crate::expr::Bindings::default();
        values.confidence(confidence, &self.thresholds);
        let result = when.expr.holds(&values);
        Some(When { path: path.clone(), holds: result.unwrap_or(true), failed: result.is_err() })
    }
}
