//! The picture: a row for each layer over the same moments. Shapes and words say what colours say.

use super::{ClarityPoint, LayerCount, layer_name};
use seatrial_model::Untrusted;
use seatrial_model::words::Layer;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The most moments that are drawn: more of them are no picture. The oldest are left out, and the picture says so.
pub const MOMENTS_DRAWN_MAX: usize = 40;

/// The most moments that are named below the picture; of more, evenly spaced ones are.
const NAMED_MAX: usize = 7;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 172.0;
const RIGHT: f64 = 744.0;
const TOP: f64 = 44.0;
const ROW: f64 = 88.0;
/// Of a row, what its curve may take.
const CURVE: f64 = 62.0;
const FOOT: f64 = 66.0;

/// How the picture gets its colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// With a style of its own, light and dark: a file, or part of a report.
    Alone,
    /// With classes only: the page's style sheet colours it, and a strict content policy holds.
    Within,
}

/// Colours that stay apart for every kind of colour vision (Okabe and Ito's set), on paper and on a dark page.
const STYLE: &str = "\
<style>.clarity{font:12px system-ui,sans-serif;--ink:#1b1f24;--soft:#5b6570;--rule:#d5dae0;--done:#0072b2;--wash:#0072b2;\
--held:#b35c00;background:#fff}\
@media (prefers-color-scheme:dark){.clarity{--ink:#e8eaed;--soft:#a3acb5;--rule:#3a424b;--done:#6cb8ec;--wash:#3f8fc4;\
--held:#f0a24b;background:#14181d}}\
@media print{.clarity{--ink:#000;--soft:#444;--rule:#bbb;--done:#00558a;--wash:#0072b2;--held:#8a4600;background:#fff}}\
.clarity text{fill:var(--ink)}.clarity .soft{fill:var(--soft)}.clarity .name{font-weight:600}\
.clarity .end{text-anchor:end}.clarity .mid{text-anchor:middle}.clarity .grid{stroke:var(--rule);fill:none}\
.clarity .area{fill:var(--wash);fill-opacity:.22}.clarity .line{stroke:var(--done);stroke-width:2.2;fill:none}\
.clarity .total{stroke:var(--ink);stroke-width:1.6;stroke-dasharray:6 3;fill:none}.clarity .dot{fill:var(--done)}\
.clarity .held{fill:none;stroke:var(--held);stroke-width:2}.clarity .add{fill:var(--ink)}\
.clarity .gone{fill:none;stroke:var(--ink);stroke-width:1.4}</style>";

/// Draws the points, at most [`MOMENTS_DRAWN_MAX`] of them. `day` writes a moment's date, in the time zone that its
/// readers live in.
#[must_use]
pub fn svg(points: &[ClarityPoint], look: Look, day: &dyn Fn(seatrial_model::Time) -> String) -> String {
    let left_out = points.len().saturating_sub(MOMENTS_DRAWN_MAX);
    let points = points.get(left_out..).unwrap_or_default();
    let height = TOP + ROW * float(Layer::ALL.len()) + FOOT;
    let mut out = String::with_capacity(8_192);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"clarity\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{}\"><title>Operating clarity over time</title><desc>{}</desc>",
        escape(&said(points)),
        escape(&said(points))
    );
    if look == Look::Alone {
        out.push_str(STYLE);
    }
    legend(&mut out);
    for (i, layer) in Layer::ALL.iter().enumerate() {
        row(&mut out, points, *layer, TOP + ROW * float(i));
    }
    moments(&mut out, points, TOP + ROW * float(Layer::ALL.len()), day);
    if left_out > 0 {
        let y = height - 4.0;
        let _ = write!(out, "<text class=\"soft\" x=\"8\" y=\"{y}\">{left_out} earlier moments are not drawn</text>");
    }
    out.push_str("</svg>");
    out
}

/// The picture in words, for those who do not see it.
fn said(points: &[ClarityPoint]) -> String {
    let Some(last) = points.last() else { return "No moment was recorded yet.".to_owned() };
    let mut text = format!("{} moments. At the end: ", points.len());
    for (i, (layer, count)) in last.layers.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{} {} of {} discharged", layer_name(*layer), count.discharged, count.total);
        if count.waived > 0 {
            let _ = write!(text, " and {} waived", count.waived);
        }
    }
    text.push('.');
    text
}

fn legend(out: &mut String) {
    out.push_str(
        "<path class=\"area\" d=\"M8 12h22v10H8z\"/><path class=\"line\" d=\"M8 12h22\"/>\
         <text x=\"36\" y=\"21\">discharged</text>\
         <path class=\"total\" d=\"M124 17h26\"/><text x=\"156\" y=\"21\">in all</text>\
         <circle class=\"held\" cx=\"216\" cy=\"17\" r=\"4.5\"/><text x=\"228\" y=\"21\">waived</text>\
         <path class=\"add\" d=\"M296 12l6 10h-12z\"/><text x=\"308\" y=\"21\">added</text>\
         <path class=\"gone\" d=\"M366 22l6 -10h-12z\"/><text x=\"378\" y=\"21\">removed</text>\
         <text class=\"soft\" x=\"744\" y=\"21\" text-anchor=\"end\">obligations of production</text>",
    );
}

fn row(out: &mut String, points: &[ClarityPoint], layer: Layer, top: f64) {
    let of = |p: &ClarityPoint| p.layers.get(&layer).copied().unwrap_or_default();
    let series: Vec<LayerCount> = points.iter().map(of).collect();
    let most = series.iter().map(|c| c.total).max().unwrap_or(0).max(1);
    let base = top + 14.0 + CURVE;
    let y = |n: u64| round(base - CURVE * real(n) / real(most));
    let x = |i: usize| place(i, points.len());
    let last = series.last().copied().unwrap_or_default();
    let _ = write!(
        out,
        "<text class=\"name\" x=\"8\" y=\"{}\">{}</text><text class=\"soft\" x=\"8\" y=\"{}\">{} of {} discharged</text>",
        top + 34.0,
        layer_name(layer),
        top + 52.0,
        last.discharged,
        last.total
    );
    if last.waived > 0 {
        let _ = write!(out, "<text class=\"soft\" x=\"8\" y=\"{}\">{} waived</text>", top + 68.0, last.waived);
    }
    for tick in [0, most] {
        let at = y(tick);
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {at}H{RIGHT}\"/><text class=\"soft end\" x=\"{}\" y=\"{}\">{tick}</text>",
            LEFT - 8.0,
            at + 4.0
        );
    }
    let line = |value: fn(&LayerCount) -> u64| -> String {
        series.iter().enumerate().fold(String::new(), |mut path, (i, c)| {
            let _ = write!(path, "{}{} {}", if i == 0 { "M" } else { "L" }, x(i), y(value(c)));
            path
        })
    };
    if !series.is_empty() {
        let done = line(|c| c.discharged);
        let (first, end) = (x(0), x(series.len() - 1));
        let _ = write!(out, "<path class=\"area\" d=\"{done}L{end} {base}L{first} {base}Z\"/>");
        let _ = write!(out, "<path class=\"total\" d=\"{}\"/><path class=\"line\" d=\"{done}\"/>", line(|c| c.total));
    }
    for (i, count) in series.iter().enumerate() {
        let _ = write!(out, "<circle class=\"dot\" cx=\"{}\" cy=\"{}\" r=\"2.6\"/>", x(i), y(count.discharged));
        if count.waived > 0 {
            let _ = write!(
                out,
                "<circle class=\"held\" cx=\"{}\" cy=\"{}\" r=\"4.5\"/>",
                x(i),
                y(count.discharged + count.waived)
            );
        }
        changes(out, *count, x(i), y(count.total));
    }
}

/// What was added and removed at a moment, above the curve of all.
fn changes(out: &mut String, count: LayerCount, x: f64, y: f64) {
    let top = round(y - 4.0);
    if count.added > 0 {
        let _ = write!(
            out,
            "<path class=\"add\" d=\"M{x} {}l4 7h-8z\"/><text class=\"soft end\" x=\"{}\" y=\"{top}\">+{}</text>",
            round(top - 7.0),
            round(x - 6.0),
            count.added
        );
    }
    if count.removed > 0 {
        let _ = write!(
            out,
            "<path class=\"gone\" d=\"M{} {top}l4 -7h-8z\"/><text class=\"soft\" x=\"{}\" y=\"{top}\">−{}</text>",
            round(x + if count.added > 0 { 9.0 } else { 0.0 }),
            round(x + if count.added > 0 { 15.0 } else { 7.0 }),
            count.removed
        );
    }
}

fn moments(out: &mut String, points: &[ClarityPoint], top: f64, day: &dyn Fn(seatrial_model::Time) -> String) {
    let n = points.len();
    let named: BTreeSet<usize> = match n {
        0..=NAMED_MAX => (0..n).collect(),
        _ => (0..NAMED_MAX).map(|k| k * (n - 1) / (NAMED_MAX - 1)).collect(),
    };
    for (i, point) in points.iter().enumerate() {
        let x = place(i, n);
        let _ = write!(out, "<path class=\"grid\" d=\"M{x} {}v5\"/>", top - 10.0);
        if !named.contains(&i) {
            continue;
        }
        let at = escape(&day(point.time));
        let _ = write!(out, "<text class=\"soft mid\" x=\"{x}\" y=\"{}\">{at}</text>", top + 10.0);
        for (line, text) in wrapped(&Untrusted::new(point.what.as_str()).terminal(60)).iter().enumerate() {
            let y = top + 26.0 + 14.0 * float(line);
            let _ = write!(out, "<text class=\"mid\" x=\"{x}\" y=\"{y}\">{}</text>", escape(text));
        }
    }
}

/// Words in at most two lines of about twelve characters: what fits between two moments.
fn wrapped(text: &str) -> Vec<String> {
    const LINE_CHARS: usize = 12;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < LINE_CHARS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.truncate(2);
    lines
}

/// Where the i-th of n moments lies: evenly, since what matters is what changed between them.
fn place(i: usize, n: usize) -> f64 {
    let inset = 40.0;
    let width = RIGHT - LEFT - 2.0 * inset;
    if n <= 1 { round(LEFT + inset) } else { round(LEFT + inset + width * float(i) / float(n - 1)) }
}

fn round(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

fn real(n: u64) -> f64 {
    // Counts of obligations: far below 2^52.
    n as f64
}

fn float(n: usize) -> f64 {
    n as f64
}

/// Text of the picture: markup in it is shown, not obeyed.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML 1.0 allows no other control characters.
            c if c.is_control() && !matches!(c, '\n' | '\t' | '\r') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
