//! The audit after launch: two tests on one row of right and wrong ones, with two promises.
//!
//! **Wrong from the start**, an e-process: M ← M·p₁/α on a wrong one, M·(1−p₁)/(1−α) on a right one; alarm at M ≥ 1/δ.
//! Where at most α are wrong, the chance that it ever alarms is at most δ, however long it runs and whenever one looks
//! (Ville's inequality). Kept in logarithms: a long good history is a number far below the smallest double.
//!
//! **Became wrong**, a change detector (Shiryaev–Roberts) over the same factors L: R ← (1 + R)·L; alarm at R ≥ 1/(δα).
//! Where at most α are wrong, R less the number of audits does not grow on average, so the mean number of audits until a
//! false alarm is at least the limit (optional stopping). A good history does not carry it away: it starts anew all the
//! time, and is as quick after a thousand good audits as after fifty.

use crate::calibrate::{CalibrateError, Promise};
use seatrial_model::event::Share;
use serde::{Deserialize, Serialize};

/// What the audit tests against: α and δ of the certificate, and p₁, the error that it is meant to notice soonest.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AuditRule {
    alternative: f64,
    wrong: f64,
    right: f64,
    ln_wrong: f64,
    ln_right: f64,
    ln_alarm: f64,
    change_alarm: f64,
}

/// The greatest p₁ that a rule uses by itself: at 1 a single right one would end the process for good.
const ALTERNATIVE_MAX: f64 = 0.99;

impl AuditRule {
    /// The rule with p₁ = 2α: an error of twice what was promised. Where that is not a share below 1, p₁ is half-way
    /// between α and 1.
    #[must_use]
    pub fn new(promise: Promise) -> Self {
        let alpha = promise.max_wrong();
        let doubled = 2.0 * alpha;
        Self::build(promise, if doubled <= ALTERNATIVE_MAX { doubled } else { (1.0 + alpha) / 2.0 })
    }

    /// The rule with another p₁.
    ///
    /// # Errors
    /// Where p₁ is not greater than α and less than 1.
    pub fn with_alternative(promise: Promise, alternative: f64) -> Result<Self, CalibrateError> {
        if alternative > promise.max_wrong() && alternative < 1.0 {
            Ok(Self::build(promise, alternative))
        } else {
            Err(CalibrateError::Promise { name: "alternative", value: alternative })
        }
    }

    fn build(promise: Promise, alternative: f64) -> Self {
        let (alpha, delta) = (promise.max_wrong(), promise.delta());
        Self {
            alternative,
            wrong: alternative / alpha,
            right: (1.0 - alternative) / (1.0 - alpha),
            ln_wrong: (alternative / alpha).ln(),
            ln_right: (-alternative).ln_1p() - (-alpha).ln_1p(),
            ln_alarm: -delta.ln(),
            change_alarm: 1.0 / (delta * alpha),
        }
    }

    /// How many audits it takes on average to notice an error of p₁ that was there from the start (Wald's equation, which
    /// leaves out the overshoot): a sampling rate that does not bring them in time could not keep its word.
    #[must_use]
    pub fn audits_to_notice(&self) -> u64 {
        let p = self.alternative;
        let growth = p * self.ln_wrong + (1.0 - p) * self.ln_right;
        (self.ln_alarm / growth).ceil() as u64
    }

    /// ln(1/δ): where the e-process alarms.
    #[must_use]
    pub const fn ln_alarm(&self) -> f64 {
        self.ln_alarm
    }

    /// 1/(δα): where the change detector alarms, and the least mean number of audits until it does so falsely. (1/δ
    /// would be enough for the promise in audits. But after a quiet time R stands near 1/α, and one wrong one would
    /// reach it: so 1/δ is promised in wrong ones.)
    #[must_use]
    pub const fn change_alarm(&self) -> f64 {
        self.change_alarm
    }
}

/// How an audit stands.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditState {
    /// Audited: those whose truth is known, and those left unanswered past their time.
    pub audits: u64,
    /// Wrong among them; unanswered ones count as wrong.
    pub wrong: u64,
    /// ln M.
    pub log_e: f64,
    /// R. It stays where it was when it alarmed.
    #[serde(default)]
    pub change: f64,
    /// After how many audits the e-process alarmed; it stays alarmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarmed_at: Option<u64>,
    /// After how many audits the change detector alarmed; it stays alarmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<u64>,
}

/// Which test alarmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlarmKind {
    /// The e-process: the certificate was wrong from the start. (Where both alarm at once, it is this one.)
    Start,
    /// The change detector: it became wrong.
    Change,
}

impl AlarmKind {
    /// The reason in the event of the revocation.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Start => "alarm",
            Self::Change => "change",
        }
    }
}

/// The certificate does not hold: it is revoked, and its steps escalate everything.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Alarm {
    /// Which test it was.
    pub kind: AlarmKind,
    /// Wrong of audited when it alarmed.
    pub audits: Share,
    /// ln M.
    pub log_e: f64,
    /// ln R.
    pub log_change: f64,
}

impl AuditState {
    /// Counts one audit. Returns an alarm when it is reached: each of the two tests alarms once.
    pub fn feed(&mut self, rule: &AuditRule, wrong: bool) -> Option<Alarm> {
        self.audits += 1;
        self.wrong += u64::from(wrong);
        self.log_e += if wrong { rule.ln_wrong } else { rule.ln_right };
        if self.changed_at.is_none() {
            self.change = (1.0 + self.change) * if wrong { rule.wrong } else { rule.right };
        }
        let starts = self.alarmed_at.is_none() && self.log_e >= rule.ln_alarm;
        let changes = self.changed_at.is_none() && self.change >= rule.change_alarm;
        self.alarmed_at = self.alarmed_at.or(starts.then_some(self.audits));
        self.changed_at = self.changed_at.or(changes.then_some(self.audits));
        let kind = if starts { AlarmKind::Start } else { AlarmKind::Change };
        let audits = Share { k: self.wrong, n: self.audits };
        (starts || changes).then(|| Alarm { kind, audits, log_e: self.log_e, log_change: self.change.ln() })
    }

    /// The state after these audits, from the start.
    pub fn of(rule: &AuditRule, audits: impl IntoIterator<Item = bool>) -> Self {
        let mut state = Self::default();
        for wrong in audits {
            state.feed(rule, wrong);
        }
        state
    }

    /// M itself; infinity where it is beyond a double.
    #[must_use]
    pub fn e(&self) -> f64 {
        self.log_e.exp()
    }
}

#[cfg(test)]
mod tests;
