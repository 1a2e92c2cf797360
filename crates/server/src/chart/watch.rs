//! The e-process since launch, against the height at which it raises the alarm.

use super::{Scale, path, place};
use maud::{Markup, html};

/// Draws ln(e) over the decisions whose truth is known.
#[must_use]
pub fn watch(values: &[f64], alarm: f64) -> Markup {
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    let high = finite().fold(alarm.max(0.0), f64::max) * 1.15 + 0.1;
    let low = finite().fold(0.0, f64::min);
    let x = Scale { from: 0.0..place(values.len().saturating_sub(1)).max(1.0), to: 40.0..628.0 };
    let y = Scale { from: low..high, to: 132.0..10.0 };
    let last = values.last().copied().unwrap_or(0.0);
    html! {
        svg .chart .low viewBox="0 0 656 150" role="img"
            aria-label={ "Evidence against the certificate is at " (format!("{last:.2}")) "; the alarm is at " (format!("{alarm:.2}")) } {
            path .grid d={ "M40 " (y.at(0.0)) "H628" } {}
            text .tick x="32" y=(y.at(0.0) + 4.0) text-anchor="end" { "0" }
            path .limit d={ "M40 " (y.at(alarm)) "H628" } {}
            text .limit-text x="628" y=(y.at(alarm) + 14.0) text-anchor="end" { "alarm at " (format!("{alarm:.2}")) }
            path .line d=(path(values.iter().enumerate().map(|(i, v)| (x.at(place(i)), y.at(*v))))) {}
            text .axis x="628" y="148" text-anchor="end" { "decisions whose truth is known" }
        }
    }
}
