//! From facts to a verdict. Pure, total, and monotone: one more objection never makes the verdict laxer.

use crate::plan::Plan;
use seatrial_model::facts::{Bounds, CertificateState, FACTS_VERSION, OnLapse, ReviewAll};
use seatrial_model::{Action, DecisionId, Digest, ElementPath, Facts, Stage, Verdict};
use sha2::{Digest as _, Sha256};

mod rules;

/// What was decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// What the guard concludes.
    pub verdict: Verdict,
    /// What is done with the output.
    pub action: Action,
    /// The elements that brought the verdict about, strictest first, each once.
    pub because: Vec<ElementPath>,
    /// The review to open.
    pub review: Option<ReviewAsk>,
    /// Whether the decision is audited.
    pub audit: bool,
    /// A stable code: one of [`codes`].
    pub code: &'static str,
}

/// The review that an escalated decision opens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReviewAsk {
    /// The role that answers.
    pub to: String,
    /// Only a decision of the person's own is possible: a `never` was violated, or there is no output.
    pub own: bool,
    /// When it is late, in milliseconds after the decision.
    pub within_ms: Option<u64>,
    /// How many people answer.
    pub people: u32,
}

/// Stable codes of decisions, in order of precedence within their verdict.
pub mod codes {
    /// The program of the step cannot decide.
    pub const INVALID_PROGRAM: &str = "invalid_program";
    /// The facts were made for a version that this engine does not know.
    pub const UNKNOWN_VERSION: &str = "unknown_version";
    /// Stopped.
    pub const WORKFLOW_STOPPED: &str = "workflow_stopped";
    /// Not released for this stage, over the ceiling, past the end, or lapsed.
    pub const NOT_RELEASED: &str = "not_released";
    /// The input was denied; the model was not asked.
    pub const INPUT_DENIED: &str = "input_denied";
    /// The model could not be reached, and nobody is named to do its work.
    pub const MODEL_UNREACHABLE: &str = "model_unreachable";
    /// The answer could not be read, and nobody is named to do its work.
    pub const UNREADABLE: &str = "unreadable";
    /// The output was denied.
    pub const OUTPUT_DENIED: &str = "output_denied";
    /// Somebody would have to answer, and nobody is named.
    pub const NO_REVIEWER: &str = "no_reviewer";
    /// A person has to answer first.
    pub const REVIEW_PENDING: &str = "review_pending";
    /// Redacted and passed.
    pub const MODIFIED: &str = "modified";
    /// Passed, with a warning.
    pub const WARNED: &str = "warned";
    /// Passed.
    pub const ALLOWED: &str = "allowed";
}

/// Why the verdict is at least this strict.
struct Cause {
    verdict: Verdict,
    path: ElementPath,
    code: &'static str,
    to: Option<String>,
    own: bool,
    /// About serving at all (a stop, a missing release) rather than about the output: shadow mode does not lift it.
    serving: bool,
}

impl Cause {
    fn deny(path: ElementPath, code: &'static str) -> Self {
        Self { verdict: Verdict::Deny, path, code, to: None, own: false, serving: false }
    }

    fn not_served(path: ElementPath, code: &'static str) -> Self {
        Self { serving: true, ..Self::deny(path, code) }
    }

    fn escalate(path: ElementPath, to: Option<String>) -> Self {
        Self { verdict: Verdict::Escalate, path, code: codes::REVIEW_PENDING, to, own: false, serving: false }
    }

    fn mild(verdict: Verdict, path: ElementPath) -> Self {
        let code = if verdict == Verdict::Modify { codes::MODIFIED } else { codes::WARNED };
        Self { verdict, path, code, to: None, own: false, serving: false }
    }
}

/// Decides. The strictest cause wins; facts that are missing (a check of the plan without its finding, a `when` without
/// its outcome, a threshold without its state) weigh as objections.
#[must_use]
pub fn decide(plan: &Plan, facts: &Facts) -> Decision {
    let mut causes = Vec::new();
    causes_of_serving(plan, facts, &mut causes);
    if facts.v == FACTS_VERSION && facts.decide == 1 && plan.invalid.is_none() {
        rules::causes_of_output(plan, facts, &mut causes);
    }
    conclude(plan, facts, causes)
}

/// Whether anything may be served at all: version, stop, stage, bounds, lapse.
fn causes_of_serving(plan: &Plan, facts: &Facts, causes: &mut Vec<Cause>) {
    let step = || plan.step.clone();
    if plan.invalid.is_some() {
        causes.push(Cause::not_served(step(), codes::INVALID_PROGRAM));
    }
    if facts.v != FACTS_VERSION || facts.decide != 1 {
        causes.push(Cause::not_served(step(), codes::UNKNOWN_VERSION));
    }
    if facts.stopped {
        causes.push(Cause::not_served(step(), codes::WORKFLOW_STOPPED));
    }
    let unreleased = match facts.stage {
        Stage::Draft => !facts.rehearsal,
        Stage::Retired => true,
        Stage::Pilot | Stage::Production | Stage::Owned => false,
    };
    if unreleased {
        causes.push(Cause::not_served(ElementPath::from("gates"), codes::NOT_RELEASED));
    }
    match facts.bounds {
        Bounds::Within => {}
        Bounds::Ceiling => {
            causes.push(Cause::not_served(ElementPath::from("gates.pilot.per_day"), codes::NOT_RELEASED));
        }
        Bounds::Ended => causes.push(Cause::not_served(ElementPath::from("gates.pilot.until"), codes::NOT_RELEASED)),
    }
    let on_lapse = || ElementPath::from("gates.production.on_lapse");
    match facts.lapsed {
        None => {}
        Some(OnLapse::Warn) => causes.push(Cause::mild(Verdict::Warn, on_lapse())),
        Some(OnLapse::Escalate) => causes.push(Cause::escalate(on_lapse(), None)),
        Some(OnLapse::Stop) => causes.push(Cause::not_served(on_lapse(), codes::NOT_RELEASED)),
    }
}

fn conclude(plan: &Plan, facts: &Facts, mut causes: Vec<Cause>) -> Decision {
    // Stable: within one verdict the order of precedence above and of the spec is kept; what only a person may decide
    // comes first among the escalations.
    causes.sort_by(|a, b| b.verdict.cmp(&a.verdict).then(b.own.cmp(&a.own)));
    let verdict = causes.first().map_or(Verdict::Allow, |c| c.verdict);
    let mut code = causes.first().map_or(codes::ALLOWED, |c| c.code);
    let to = causes.iter().filter(|c| c.verdict == Verdict::Escalate).find_map(|c| c.to.clone());
    let own = causes.iter().any(|c| c.own);
    let to = to.or_else(|| plan.role.clone());
    let (verdict, review) = match (verdict, to) {
        (Verdict::Escalate, Some(to)) => {
            (Verdict::Escalate, Some(ReviewAsk { to, own, within_ms: plan.within_ms, people: plan.people }))
        }
        (Verdict::Escalate, None) => {
            code = codes::NO_REVIEWER;
            (Verdict::Deny, None)
        }
        (verdict, _) => (verdict, None),
    };
    let unserved = causes.iter().any(|c| c.serving) || facts.no_candidate.is_some();
    let in_shadow = facts.shadow && !unserved;
    let passes = verdict < Verdict::Escalate;
    let sampled = plan.audit.as_ref().is_some_and(|a| is_drawn(facts.draw, a.sample));
    let audit = passes && (sampled || facts.review_all == Some(ReviewAll::After));
    // An audit is a question, too: it never holds back what passed.
    let review = review.or_else(|| if audit { audit_ask(plan) } else { None });
    let mut because: Vec<ElementPath> = Vec::new();
    for cause in causes {
        if !because.contains(&cause.path) {
            because.push(cause.path);
        }
    }
    Decision {
        verdict,
        action: action(verdict, facts.acts, in_shadow),
        because,
        // In shadow the output has left already: there is nothing for an answer to release, only something to audit.
        review: review.filter(|_| !in_shadow || audit),
        audit,
        code,
    }
}

/// The question of an audit: to the role that audits, or else to whom the step asks.
fn audit_ask(plan: &Plan) -> Option<ReviewAsk> {
    let to = plan.audit.as_ref().map(|a| a.to.clone()).or_else(|| plan.role.clone())?;
    Some(ReviewAsk { to, own: false, within_ms: plan.within_ms, people: 1 })
}

fn action(verdict: Verdict, acts: bool, in_shadow: bool) -> Action {
    match verdict {
        _ if !acts => Action::Advised,
        _ if in_shadow => Action::Allow,
        Verdict::Allow | Verdict::Warn => Action::Allow,
        Verdict::Modify => Action::Modify,
        Verdict::Escalate => Action::Escalate,
        Verdict::Deny => Action::Block,
    }
}

/// A draw that is no number in [0, 1) counts as drawn: a broken draw must not switch audits off.
fn is_drawn(draw: f64, sample: f64) -> bool {
    !(0.0..1.0).contains(&draw) || draw < sample
}

/// Whether a threshold may be relied on.
fn is_certified(facts: &Facts, path: &ElementPath) -> bool {
    let mut states = facts.thresholds.iter().filter(|t| t.path == *path).map(|t| t.state).peekable();
    states.peek().is_some() && states.all(|s| s == CertificateState::Certified)
}

/// The sampling draw in [0, 1): from SHA-256 of release, rule path and the server-made decision id. No secret and no
/// clock: anybody can draw it again.
#[must_use]
pub fn draw(release: &Digest, rule: &ElementPath, decision: &DecisionId) -> f64 {
    let mut hasher = Sha256::new();
    hasher.update(b"seatrial draw v1\n");
    hasher.update(release.as_bytes());
    hasher.update(rule.as_str().as_bytes());
    hasher.update(b"\n");
    hasher.update(decision.uuid().as_bytes());
    let bits = hasher.finalize().iter().take(8).fold(0_u64, |acc, b| (acc << 8) | u64::from(*b));
    // 53 bits: every value is an exact double, and none rounds up to 1.
    #[expect(clippy::cast_precision_loss, reason = "at most 53 bits are left: exact")]
    let numerator = (bits >> 11) as f64;
    numerator / 9_007_199_254_740_992.0
}

#[cfg(test)]
mod tests;
