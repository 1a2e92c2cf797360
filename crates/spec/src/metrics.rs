//! What `metrics` holds in `gates.pilot.continue_if` and `assumptions.*.watch`: one list for the checker, for whoever
//! computes the figures and for the reference.
//!
//! Every metric is a double over the window that the expression belongs to: the pilot so far, or an assumption's
//! `over`. Rates are in [0, 1], and 0 where nothing was counted.

/// One metric.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Metric {
    /// Its name: `metrics.NAME` in an expression.
    pub name: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// What it is.
    pub what: &'static str,
}

/// What a metric is counted in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Things: 0 or more.
    Count,
    /// A share of things: in [0, 1].
    Share,
    /// Things a day: 0 or more.
    PerDay,
    /// Minutes: 0 or more.
    Minutes,
    /// Days: 0 or more.
    Days,
}

impl Unit {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Share => "share",
            Self::PerDay => "a day",
            Self::Minutes => "minutes",
            Self::Days => "days",
        }
    }
}

const fn metric(name: &'static str, unit: Unit, what: &'static str) -> Metric {
    Metric { name, unit, what }
}

/// All metrics.
pub const METRICS: [Metric; 19] = [
    metric("days", Unit::Days, "length of the window so far"),
    metric("decisions", Unit::Count, "decisions made"),
    metric("per_day", Unit::PerDay, "decisions a day, the mean over the window"),
    metric("allowed", Unit::Count, "decisions with the verdict `allow` or `warn`"),
    metric("modified", Unit::Count, "decisions with the verdict `modify`"),
    metric("escalated", Unit::Count, "decisions with the verdict `escalate`"),
    metric("denied", Unit::Count, "decisions with the verdict `deny`"),
    metric("escalation_rate", Unit::Share, "escalated decisions among all"),
    metric("deny_rate", Unit::Share, "denied decisions among all"),
    metric("override_rate", Unit::Share, "overridden decisions among all"),
    metric("reviewed", Unit::Count, "reviews and audits answered"),
    metric("agreement", Unit::Share, "reviews and audits whose person agreed, among those answered"),
    metric("late_reviews", Unit::Count, "reviews answered late, or still open and late"),
    metric("review_minutes", Unit::Minutes, "median time from a review's opening to its answer"),
    metric("audits", Unit::Count, "audits answered, and those not answered in time"),
    metric("wrong", Unit::Count, "audits that found the decision wrong, or were not answered in time"),
    metric("wrong_rate", Unit::Share, "wrong audits among all"),
    metric("errors", Unit::Count, "decisions for which the model gave no usable output"),
    metric("cost_tokens", Unit::Count, "tokens that the models counted, in and out"),
];

/// The metric of that name.
#[must_use]
pub fn metric_named(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|m| m.name == name)
}

/// The list in Markdown: what the reference shows.
#[must_use]
pub fn reference() -> String {
    let rows = METRICS.iter().map(|m| format!("| `metrics.{}` | {} | {} |\n", m.name, m.unit.as_str(), m.what));
    std::iter::once("| metric | unit | what it is |\n|---|---|---|\n".to_owned()).chain(rows).collect()
}

#[cfg(test)]
mod tests;
