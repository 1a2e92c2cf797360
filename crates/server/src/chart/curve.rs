//! The risk–coverage curve: how many pass without a person, and how many of those are wrong.

use super::{Scale, path, ticks};
use crate::pages::parts::percent;
use crate::view::CurvePoint;
use maud::{Markup, html};

/// What is marked on the curve.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CurveMarks {
    /// λ, where one is in force.
    pub at: Option<f64>,
    /// α: the greatest share of wrong ones.
    pub max_wrong: f64,
}

const LEFT: f64 = 58.0;
const RIGHT: f64 = 624.0;
const TOP: f64 = 18.0;
const BOTTOM: f64 = 270.0;

/// Draws it: coverage to the right, the share of wrong ones upwards.
#[must_use]
pub fn curve(points: &[CurvePoint], marks: CurveMarks) -> Markup {
    let highest = points.iter().map(|p| p.bound.max(p.risk)).filter(|r| r.is_finite());
    let top = highest.fold(marks.max_wrong * 1.6, f64::max).min(1.0);
    let risks = ticks(top);
    let y = Scale { from: 0.0..risks.last().copied().unwrap_or(top), to: BOTTOM..TOP };
    let x = Scale { from: 0.0..1.0, to: LEFT..RIGHT };
    let chosen = marks.at.and_then(|at| nearest(points, at));
    html! {
        svg .chart viewBox="0 -8 656 330" role="img" aria-labelledby="curve-title curve-desc" {
            title #curve-title { "Risk–coverage curve" }
            desc #curve-desc { (describe(chosen, marks)) }
            @for r in &risks {
                path .grid d={ "M" (LEFT) " " (y.at(*r)) "H" (RIGHT) } {}
                text .tick x=(LEFT - 8.0) y=(y.at(*r) + 4.0) text-anchor="end" { (label(*r)) }
            }
            @for c in [0.0, 0.25, 0.5, 0.75, 1.0] {
                path .grid .tickmark d={ "M" (x.at(c)) " " (BOTTOM) "v5" } {}
                text .tick x=(x.at(c)) y=(BOTTOM + 24.0) text-anchor="middle" { (format!("{:.0} %", c * 100.0)) }
            }
            text .axis x=((LEFT + RIGHT) / 2.0) y=(BOTTOM + 48.0) text-anchor="middle" { "passes without a person" }
            text .axis x=(LEFT) y="9" { "wrong among those that pass" }
            path .bound d=(path(points.iter().map(|p| (x.at(p.coverage), y.at(p.bound))))) {}
            path .line d=(path(points.iter().map(|p| (x.at(p.coverage), y.at(p.risk))))) {}
            path .limit d={ "M" (LEFT) " " (y.at(marks.max_wrong)) "H" (RIGHT) } {}
            text .limit-text x=(LEFT + 6.0) y=(y.at(marks.max_wrong) - 6.0) { "at most " (percent(marks.max_wrong)) }
            @if let Some(p) = chosen {
                path .at d={ "M" (x.at(p.coverage)) " " (TOP) "V" (BOTTOM) } {}
                circle .dot cx=(x.at(p.coverage)) cy=(y.at(p.risk)) r="5" {}
                @let right = p.coverage > 0.8;
                text .at-text x=(x.at(p.coverage) + if right { -8.0 } else { 8.0 }) y=(TOP + 12.0)
                    text-anchor=(if right { "end" } else { "start" }) { "λ = " (marks.at.unwrap_or(p.at)) }
            }
        }
    }
}

fn label(risk: f64) -> String {
    let percent = risk * 100.0;
    if (percent - percent.round()).abs() < 0.001 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}

fn nearest(points: &[CurvePoint], at: f64) -> Option<&CurvePoint> {
    points.iter().min_by(|a, b| (a.at - at).abs().total_cmp(&(b.at - at).abs()))
}

fn describe(chosen: Option<&CurvePoint>, marks: CurveMarks) -> String {
    match chosen {
        Some(p) => format!(
            "At a confidence of {} and above, {} pass without a person and {} of those are wrong, by the upper bound {}; \
             at most {} may be.",
            p.at,
            percent(p.coverage),
            percent(p.risk),
            percent(p.bound),
            percent(marks.max_wrong),
        ),
        None => format!("No threshold is in force; at most {} may be wrong.", percent(marks.max_wrong)),
    }
}
