//! Operating clarity over time: discharged of total, one small picture for each layer, never one percentage.

use super::{Scale, float, path, place};
use crate::pages::parts::layer as layer_name;
use crate::view::ClarityPoint;
use maud::{Markup, html};
use seatrial_model::words::Layer;

/// Draws one picture for each layer, all on the same scale.
#[must_use]
pub fn clarity(points: &[ClarityPoint]) -> Markup {
    let most = points.iter().flat_map(|p| p.layers.iter().map(|(_, _, total)| *total)).max().unwrap_or(1).max(1);
    html! {
        div .small-multiples {
            @for layer in Layer::ALL { (one(points, *layer, most)) }
        }
    }
}

fn one(points: &[ClarityPoint], layer: Layer, most: u64) -> Markup {
    let x = Scale { from: 0.0..place(points.len().saturating_sub(1)).max(1.0), to: 4.0..176.0 };
    let y = Scale { from: 0.0..float(most), to: 74.0..6.0 };
    let series: Vec<(f64, u64, u64)> = points
        .iter()
        .enumerate()
        .filter_map(|(i, p)| {
            let (_, done, total) = p.layers.iter().find(|(l, _, _)| *l == layer)?;
            Some((x.at(place(i)), *done, *total))
        })
        .collect();
    let (done, total) = series.last().map_or((0, 0), |(_, d, t)| (*d, *t));
    let area = series
        .iter()
        .map(|(x, d, _)| (*x, y.at(float(*d))))
        .chain(series.last().map(|(x, _, _)| (*x, 74.0)))
        .chain(series.first().map(|(x, _, _)| (*x, 74.0)));
    html! {
        figure {
            figcaption { strong { (layer_name(layer).1) } span { (done) " of " (total) } }
            svg .chart .tiny viewBox="0 0 180 80" role="img"
                aria-label={ (layer_name(layer).1) ": " (done) " of " (total) " discharged at the end" } {
                path .grid d="M4 74H176" {}
                @if !series.is_empty() {
                    path .area d={ (path(area)) "Z" } {}
                    path .line d=(path(series.iter().map(|(x, d, _)| (*x, y.at(float(*d)))))) {}
                    path .total d=(path(series.iter().map(|(x, _, t)| (*x, y.at(float(*t)))))) {}
                }
            }
        }
    }
}
