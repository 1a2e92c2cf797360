//! How old evidence may be, by the factory's profile.

use super::{Duty, Obligation};
use seatrial_model::Span;

/// A day in milliseconds.
const DAY_MS: u64 = 86_400_000;
/// What was exercised a year ago was exercised by others, on another machine.
const DRILL_DAYS: u64 = 365;
/// A regulated house measures again twice a year, though nothing of its own has changed: the world has.
const REGULATED_EVALUATION_DAYS: u64 = 180;
/// A regulated house looks again at what it approved and accepted once a year.
const REGULATED_JUDGEMENT_DAYS: u64 = 365;
/// What answers under an alias today may be another model in a month.
const ALIAS_DAYS: u64 = 30;

/// The greatest age of an obligation's evidence; none: it does not age.
pub(super) fn max_age(obligation: &Obligation, profile: &str) -> Option<Span> {
    let days = match (&obligation.duty, profile) {
        (Duty::Drill { .. }, "standard" | "regulated") => DRILL_DAYS,
        (Duty::Exercised | Duty::Evaluated { .. } | Duty::Forbidden { .. }, "regulated") => REGULATED_EVALUATION_DAYS,
        (Duty::Intent | Duty::Approval { .. } | Duty::Risks | Duty::Validated, "regulated") => REGULATED_JUDGEMENT_DAYS,
        _ => return None,
    };
    Some(Span::from_millis(days * DAY_MS))
}

/// The greatest age of what was measured on a model that is only an alias. It applies beside [`max_age`].
pub(crate) fn alias_age(obligation: &Obligation, profile: &str) -> Option<Span> {
    let measured = matches!(
        obligation.duty,
        Duty::Exercised | Duty::Evaluated { .. } | Duty::Forbidden { .. } | Duty::Certified { .. }
    );
    (measured && profile != "small").then(|| Span::from_millis(ALIAS_DAYS * DAY_MS))
}
