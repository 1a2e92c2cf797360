//! The transfer index over time, drawn.

use super::cite::Citations;
use crate::{PackInput, TransferIndex};
use maud::{Markup, html};

const WIDTH: usize = 760;
const HEIGHT: usize = 190;
const LEFT: usize = 44;
const BASE: usize = 150;
const TALL: usize = 120;
/// The most weeks that are drawn, the newest: more bars than these are too thin to see.
const WEEKS_DRAWN_MAX: usize = 78;

pub(super) fn index(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    html! {
        section #index {
            h2 { "Is the transfer true?" }
            p { "Acceptance is a signature; this is whether it is true: of all operating actions (reviews, overrides, stops, approvals, changes, releases), which share did the receiving side do. " (cites.people()) }
            @match input.index {
                None => { p.warn { "Nothing was released yet, so there is nothing to count." } },
                Some(index) => { (figure(index)) (table(index)) },
            }
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn figure(index: &TransferIndex) -> Markup {
    let skipped = index.weeks.len().saturating_sub(WEEKS_DRAWN_MAX);
    let weeks = || index.weeks.iter().skip(skipped);
    let slot = (WIDTH - LEFT - 8) / weeks().count().max(1);
    let bar = slot.saturating_sub(3).clamp(2, 48);
    // A share is between nothing and all of it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share is in [0, 1]"
    )]
    let tall = |share: f64| (share * TALL as f64).round() as usize;
    html! {
        figure {
            svg.map.index role="img" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } aria-labelledby="index-title" {
                title #index-title { "Transfer index by week" }
                @for (share, words) in [(0, "0 %"), (50, "50 %"), (100, "100 %")] {
                    line.grid x1=(LEFT) x2=(WIDTH - 8) y1=(BASE - TALL * share / 100) y2=(BASE - TALL * share / 100) {}
                    text.small x=(LEFT - 6) y=(BASE - TALL * share / 100 + 4) text-anchor="end" { (words) }
                }
                @for (i, week) in weeks().enumerate() {
                    @let x = LEFT + slot * i + 4;
                    @match week.share {
                        Some(share) => {
                            rect.beyond x=(x) y=(BASE - TALL) width=(bar) height=(TALL) {}
                            rect.reach x=(x) y=(BASE - tall(share)) width=(bar) height=(tall(share)) { title { "Week of " (week.from) ": " (percent(share)) } }
                        },
                        None => { line.grid x1=(x) x2=(x + bar) y1=(BASE) y2=(BASE) {} },
                    }
                    @if weeks().count() <= 12 || i % 8 == 0 { text.small x=(x) y=(BASE + 18) { (week.from.to_string().get(5..).unwrap_or_default()) } }
                }
            }
            figcaption { "Share of the receiving side by week" @if skipped > 0 { ", the newest " (WEEKS_DRAWN_MAX) } ". A week without a bar had no action." }
        }
    }
}

fn table(index: &TransferIndex) -> Markup {
    html! {
        table {
            caption { (index.since) " to " (index.until) ": "
                @match index.share { Some(share) => { (percent(share)) " by the receiving side" }, None => "nobody did anything" } }
            thead { tr { th { "Actions" } th.number { "Receiving" } th.number { "Delivery" } th.number { "Independent (not counted)" } } }
            tbody {
                @for (kind, sides) in &index.kinds {
                    tr { td { (kind.plural()) } td.number { (sides.receiving) } td.number { (sides.delivery) } td.number { (sides.independent) } }
                }
            }
        }
    }
}
