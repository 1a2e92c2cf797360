//! Charts as SVG: drawn with classes and attributes only, so that a strict content policy holds, in colours of
//! the style sheet, each with a title and a description that say the same in words.

mod curve;
mod gauge;
mod transfer;
mod watch;

pub use curve::{CurveMarks, curve};
pub use gauge::{confidence, waterline};
pub use transfer::transfer;
pub use watch::watch;

use std::ops::Range;

/// A scale from values to pixels.
#[derive(Clone, Debug)]
struct Scale {
    from: Range<f64>,
    to: Range<f64>,
}

impl Scale {
    /// Where a value lies; held within the scale, and at its start where it is no number.
    fn at(&self, value: f64) -> f64 {
        let width = self.from.end - self.from.start;
        let share = if width.abs() > f64::EPSILON { (value - self.from.start) / width } else { 0.0 };
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        // Two decimals of a pixel are enough, and keep the markup short.
        ((self.to.start + share * (self.to.end - self.to.start)) * 100.0).round() / 100.0
    }
}

/// A line through points.
fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    use std::fmt::Write as _;
    points.enumerate().fold(String::new(), |mut out, (i, (x, y))| {
        let _ = write!(out, "{}{x} {y}", if i == 0 { "M" } else { "L" });
        out
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52, and for drawing only")]
fn float(n: u64) -> f64 {
    n as f64
}

/// A position in a list as a number to draw with.
fn place(i: usize) -> f64 {
    float(u64::try_from(i).unwrap_or(u64::MAX))
}

/// Evenly spaced round numbers from zero to at least `max`, four to six of them.
fn ticks(max: f64) -> Vec<f64> {
    let max = if max.is_finite() && max > 0.0 { max } else { 1.0 };
    let raw = max / 5.0;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].iter().map(|m| m * power).find(|s| *s >= raw * 0.999).unwrap_or(raw);
    (0..=10).map(|i| place(i) * step).take_while(|t| *t < max + step * 0.999).collect()
}

#[cfg(test)]
mod tests;
