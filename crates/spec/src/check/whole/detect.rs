//! Whether what is audited could notice an error of twice what was promised, in the time that the spec names.

use super::Places;
use crate::check::reader::Reader;
use crate::diagnostic::Code;
use crate::workflow::{Step, Threshold, Truth, Workflow};
use seatrial_model::{ElementPath, Span, Stage};

const DAY_MS: f64 = 86_400_000.0;

/// The greatest error that is tested for: at 1 a single right one would end the test for good.
const ALTERNATIVE_MAX: f64 = 0.99;

/// How many audits it takes on average to notice that twice α are wrong, with false alarms held to δ: Wald's equation,
/// ln(1/δ) / (p·ln(p/α) + (1−p)·ln((1−p)/(1−α))) with p = 2α. It leaves out the overshoot, so it is a best case.
pub(super) fn audits_to_notice(max_wrong: f64, assurance: f64) -> f64 {
    let doubled = 2.0 * max_wrong;
    let p = if doubled <= ALTERNATIVE_MAX { doubled } else { f64::midpoint(1.0, max_wrong) };
    let growth = p * (p / max_wrong).ln() + (1.0 - p) * ((-p).ln_1p() - (-max_wrong).ln_1p());
    (-(1.0 - assurance).ln() / growth).ceil()
}

/// One threshold's `detect_within` against the audits that its steps could bring.
pub(super) fn detect(r: &mut Reader, places: &Places<'_>, w: &Workflow, path: &ElementPath, t: &Threshold) {
    // With `at: none` nothing passes, so there is nothing to watch; what is missing has its own finding.
    let (Some(_), Some(within), Some(max_wrong), Some(assurance)) = (t.at, t.detect_within, t.max_wrong, t.assurance)
    else {
        return;
    };
    let at = path.child("detect_within");
    r.at = at.clone();
    let steps: Vec<&Step> = w.steps.iter().filter(|s| s.escalate.iter().any(|e| e.thresholds.contains(path))).collect();
    if steps.is_empty() {
        return;
    }
    if let Some(step) = steps.iter().find(|s| s.per_day.is_none()) {
        let message = format!(
            "whether an error is noticed within {within} cannot be told: `{}` does not say how many cases a day it expects",
            step.name
        );
        r.find(Code::Incomplete, places.of(&at), message)
            .help(format!("add `per_day: N` to `{}`", step.path()))
            .warns(Some(Stage::Production))
            .done();
        return;
    }
    let needed = audits_to_notice(max_wrong, assurance);
    let found = match t.truth {
        Some(Truth::Outcome { matures }) => outcomes(&steps, within, matures, needed),
        Some(Truth::BlindReview) => audits(&steps, within, needed),
        None => None,
    };
    if let Some((message, help)) = found {
        r.find(Code::TooFewAudits, places.of(&at), message).help(help).warns(Some(Stage::Production)).done();
    }
}

#[expect(clippy::cast_precision_loss, reason = "spans and counts of cases are far below 2^53")]
fn per_day(steps: &[&Step], share: impl Fn(&Step) -> f64) -> f64 {
    steps.iter().map(|s| s.per_day.unwrap_or(0) as f64 * share(s)).sum()
}

#[expect(clippy::cast_precision_loss, reason = "a span is at most 200 years of milliseconds, below 2^53")]
fn days(span: Span) -> f64 {
    span.as_millis() as f64 / DAY_MS
}

/// Blind reviews: a sample of what passed.
fn audits(steps: &[&Step], within: Span, needed: f64) -> Option<(String, String)> {
    let sample = |s: &Step| s.audit.as_ref().filter(|a| a.blind).map_or(0.0, |a| a.sample);
    let brought = (per_day(steps, sample) * days(within)).floor();
    // Where nothing is audited blind, that is the finding.
    if brought >= needed || steps.iter().all(|s| sample(s) <= 0.0) {
        return None;
    }
    let cases = per_day(steps, |_| 1.0) * days(within);
    let message = format!(
        "twice `max_wrong` takes {needed} audits to notice; in {within} the sample brings {brought} at best, where every case passes"
    );
    let rate = (needed / cases * 10_000.0).ceil() / 10_000.0;
    let help = if rate <= 1.0 {
        format!("audit at least {rate} of the cases, or allow more time in `detect_within`")
    } else {
        let days = (needed / per_day(steps, |_| 1.0)).ceil();
        format!("auditing every case is not enough either: `detect_within` is at least {days}d")
    };
    Some((message, help))
}

/// Outcomes: of every case that passed, but only when they are mature.
fn outcomes(steps: &[&Step], within: Span, matures: Span, needed: f64) -> Option<(String, String)> {
    let all = per_day(steps, |_| 1.0);
    let least = (days(matures) + needed / all).ceil();
    let help = format!("write at least `detect_within: {least}d`");
    if within <= matures {
        let message = format!("outcomes are known after {matures}, so none can tell of an error within {within}");
        return Some((message, help));
    }
    let brought = (all * (days(within) - days(matures))).floor();
    (brought < needed).then(|| {
        let message = format!(
            "twice `max_wrong` takes {needed} outcomes to notice; in {within}, of which {matures} pass before one is known, there are {brought} at best"
        );
        (message, help)
    })
}

#[cfg(test)]
mod tests;
