//! The waterline of a gate, and the gauge of a confidence.

use super::{Scale, float};
use crate::pages::parts::plural;
use crate::view::{ObligationState, Tally};
use maud::{Markup, html};

const WIDTH: f64 = 400.0;

/// The least width of a segment: one obligation of a hundred still has to be seen.
const SEGMENT_MIN: f64 = 5.0;

/// A gate's obligations by state, as one line of segments, done to undone.
#[must_use]
pub fn waterline(tally: &Tally, name: &str) -> Markup {
    let parts: Vec<_> = tally.0.iter().filter(|(s, _)| *s != ObligationState::NotApplicable).collect();
    let total = tally.applicable().max(1);
    let words: Vec<String> = parts.iter().map(|(s, n)| format!("{n} {}", s.as_str())).collect();
    let mut segments = Vec::new();
    let mut x = 0.0;
    for (state, n) in parts {
        let width = (WIDTH * float(*n) / float(total)).max(SEGMENT_MIN);
        segments.push((class(*state), x, (width - 1.5).max(1.0)));
        x += width;
    }
    html! {
        svg .waterline viewBox={ "0 0 " (round(x.max(WIDTH))) " 18" } preserveAspectRatio="none" role="img"
            aria-label={ (name) ": " (words.join(", ")) " of " (plural(tally.applicable(), "obligation", "obligations")) } {
            @for (class, x, width) in segments {
                rect class=(class) x=(round(x)) y="3" width=(round(width)) height="12" {}
            }
        }
    }
}

/// A confidence between 0 and 1, with the threshold that it was held against.
#[must_use]
pub fn confidence(value: f64, threshold: Option<f64>) -> Markup {
    let scale = Scale { from: 0.0..1.0, to: 1.0..199.0 };
    let label = match threshold {
        Some(t) => format!("confidence {value:.3}, threshold {t}"),
        None => format!("confidence {value:.3}, no threshold"),
    };
    html! {
        svg .gauge viewBox="0 0 200 26" preserveAspectRatio="xMinYMid meet" role="img" aria-label=(label) {
            rect .rail x="1" y="10" width="198" height="8" {}
            rect .fill x="1" y="10" width=(round(scale.at(value) - 1.0)) height="8" {}
            @if let Some(t) = threshold {
                path .at d={ "M" (scale.at(t)) " 3V25" } {}
            }
        }
    }
}

fn round(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

/// The style-sheet class of a state's colour.
pub(super) const fn class(state: ObligationState) -> &'static str {
    match state {
        ObligationState::Discharged => "good",
        ObligationState::Waived | ObligationState::Inconclusive => "look",
        ObligationState::Stale => "wait",
        ObligationState::Open => "unknown",
        ObligationState::Failed | ObligationState::Revoked => "bad",
        ObligationState::NotApplicable => "quiet",
    }
}
