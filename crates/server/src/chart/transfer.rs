//! The transfer index over time: each week's actions by side, and the receiving side's share.

use super::{Scale, float, path, place};
use crate::pages::parts::percent;
use maud::{Markup, html};
use seatrial_factory::Week;

const LEFT: f64 = 58.0;
const RIGHT: f64 = 624.0;
const TOP: f64 = 18.0;
const BOTTOM: f64 = 150.0;

/// Draws the share of each week that had any action, against the bar. `title` says the same in words.
#[must_use]
pub fn transfer(weeks: &[Week], bar: Option<f64>, title: &str) -> Markup {
    let last = weeks.len().saturating_sub(1);
    let x = Scale { from: 0.0..place(last).max(1.0), to: LEFT + 8.0..RIGHT };
    let y = Scale { from: 0.0..1.0, to: BOTTOM..TOP };
    let known = || weeks.iter().enumerate().filter_map(|(i, week)| Some((i, week, week.share?)));
    let most = known().map(|(_, week, _)| week.sides.all()).max().unwrap_or(1).max(1);
    html! {
        svg .chart .low viewBox="0 0 656 190" role="img" aria-label=(title) {
            @for share in [0.0, 0.5, 1.0] {
                path .grid d={ "M" (LEFT) " " (y.at(share)) "H" (RIGHT) } {}
                text .tick x=(LEFT - 8.0) y=(y.at(share) + 4.0) text-anchor="end" { (format!("{:.0} %", share * 100.0)) }
            }
            @if let Some(bar) = bar {
                path .limit d={ "M" (LEFT) " " (y.at(bar)) "H" (RIGHT) } {}
                text .limit-text x=(LEFT + 14.0) y=(y.at(bar) - 6.0) { "the bar: " (percent(bar)) }
            }
            path .line d=(path(known().map(|(i, _, share)| (x.at(place(i)), y.at(share))))) {}
            @for (i, week, share) in known() {
                circle .dot cx=(x.at(place(i))) cy=(y.at(share)) r=(radius(week.sides.all(), most)) {
                    title { "week of " (week.from) ": " (week.sides.receiving) " of " (week.sides.all()) " by the receiving side" }
                }
            }
            @if let (Some(first), Some(end)) = (weeks.first(), weeks.last()) {
                text .tick x=(LEFT) y=(BOTTOM + 20.0) { (first.from) }
                @if last > 0 { text .tick x=(RIGHT) y=(BOTTOM + 20.0) text-anchor="end" { (end.from) } }
            }
            text .axis x=((LEFT + RIGHT) / 2.0) y=(BOTTOM + 36.0) text-anchor="middle" { "weeks; a larger dot stands for more actions" }
        }
    }
}

/// Between three and eight pixels: a week with few actions weighs little.
fn radius(actions: u64, most: u64) -> f64 {
    let share = float(actions) / float(most.max(1));
    ((3.0 + 5.0 * share.clamp(0.0, 1.0)) * 10.0).round() / 10.0
}
