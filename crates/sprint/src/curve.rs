//! The risk–coverage curve: what share passes without a person at each threshold, and what share of that is wrong.

use crate::calibrate::Point;
use seatrial_model::Untrusted;
use seatrial_model::event::Share;
use std::fmt::Write as _;

/// One point of the curve.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CurvePoint {
    /// The threshold.
    pub at: f64,
    /// Passed of all.
    pub coverage: Share,
    /// Wrong of passed.
    pub wrong: Share,
}

/// The whole curve: a point for each confidence that occurs among those that other rules let pass, strictest first.
#[must_use]
pub fn risk_coverage(points: &[Point]) -> Vec<CurvePoint> {
    let n = points.len() as u64;
    let mut passing: Vec<(f64, bool)> =
        points.iter().filter(|p| p.passes).map(|p| (p.usable_confidence(), p.wrong)).collect();
    passing.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut wrong = Share::default();
    let mut curve: Vec<CurvePoint> = Vec::new();
    for (at, is_wrong) in passing {
        wrong.n += 1;
        wrong.k += u64::from(is_wrong);
        let point = CurvePoint { at, coverage: Share { k: wrong.n, n }, wrong };
        match curve.last_mut() {
            // Equal confidences pass together.
            Some(last) if last.at.total_cmp(&at).is_eq() => *last = point,
            _ => curve.push(point),
        }
    }
    curve
}

/// The most points drawn: more than the picture has pixels for.
const DRAWN_MAX: usize = 240;

/// The picture, in user units: size, and where the axes are.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 612.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 300.0;
const TICK: f64 = 5.0;

/// 0 %, 20 %, … 100 % of coverage.
const COVERAGE_TICKS: u32 = 5;

/// The curve as a self-contained SVG, with λ and α marked. Lines and text are in the colour of the text around it
/// (`currentColor`), so it reads on a light and on a dark page; what it shows stands in its title and description too.
#[must_use]
pub fn svg(points: &[Point], at: Option<f64>, max_wrong: f64, title: &str) -> String {
    let curve = risk_coverage(points);
    let chosen = at.and_then(|at| curve.iter().rev().find(|p| p.at >= at));
    let top_risk = curve.iter().filter(|p| p.coverage.k >= 20).map(|p| share(p.wrong)).fold(2.0 * max_wrong, f64::max);
    // A round number of percent above everything drawn, in steps that give four to five grid lines.
    let step = [0.01, 0.02, 0.05, 0.10, 0.25].into_iter().find(|s| top_risk <= s * 5.0).unwrap_or(0.25);
    let top_risk = (top_risk / step).ceil().max(1.0) * step;
    let x = |coverage: f64| LEFT + (RIGHT - LEFT) * coverage.clamp(0.0, 1.0);
    let y = |risk: f64| BOTTOM - (BOTTOM - TOP) * (risk / top_risk).clamp(0.0, 1.0);

    let mut out = String::with_capacity(8_192);
    head(&mut out, title, &description(points.len(), at, max_wrong, chosen));
    axes(&mut out, step, top_risk, &x, &y);
    let _ = write!(
        out,
        r##"<g stroke="#c2410c" stroke-width="1.5"><line x1="{LEFT}" x2="{RIGHT}" y1="{0:.1}" y2="{0:.1}" stroke-dasharray="6 4"/></g><text x="{1:.1}" y="{2:.1}" text-anchor="end" fill="currentColor">promised: at most {3} wrong</text>"##,
        y(max_wrong),
        RIGHT - 4.0,
        y(max_wrong) - 5.0,
        percent(max_wrong),
    );
    let drawn = curve.len().div_ceil(DRAWN_MAX).max(1);
    let last = curve.len().saturating_sub(1);
    out.push_str(r#"<polyline fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round" points=""#);
    for (_, p) in curve.iter().enumerate().filter(|(i, _)| i % drawn == 0 || *i == last) {
        let _ = write!(out, "{:.1},{:.1} ", x(share(p.coverage)), y(share(p.wrong)));
    }
    out.push_str(r#""/>"#);
    if let (Some(p), Some(at)) = (chosen, at) {
        let (cx, cy) = (x(share(p.coverage)), y(share(p.wrong)));
        // The label stays inside the picture.
        let (anchor, shift) = if cx > (LEFT + RIGHT) / 2.0 { ("end", -9.0) } else { ("start", 9.0) };
        let _ = write!(
            out,
            r##"<line x1="{cx:.1}" x2="{cx:.1}" y1="{TOP}" y2="{BOTTOM}" stroke="#2563eb" stroke-width="1.5" stroke-dasharray="2 3"/><circle cx="{cx:.1}" cy="{cy:.1}" r="5" fill="#2563eb"/><text x="{:.1}" y="{:.1}" text-anchor="{anchor}" fill="currentColor" font-weight="600">λ = {at}</text>"##,
            cx + shift,
            TOP + 12.0,
        );
    }
    out.push_str("</svg>");
    out
}

fn head(out: &mut String, title: &str, description: &str) {
    let (title, description) = (Untrusted::new(title).html(200), Untrusted::new(description).html(600));
    let _ = write!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}" font-family="system-ui, sans-serif" font-size="13"><title>{title}</title><desc>{description}</desc>"#
    );
}

fn axes(out: &mut String, step: f64, top_risk: f64, x: &impl Fn(f64) -> f64, y: &impl Fn(f64) -> f64) {
    out.push_str(r#"<g stroke="currentColor" stroke-opacity="0.2">"#);
    let lines = (top_risk / step).round() as u32;
    for i in 0..=lines {
        let at = y(f64::from(i) * step);
        let _ = write!(out, r#"<line x1="{LEFT}" x2="{RIGHT}" y1="{at:.1}" y2="{at:.1}"/>"#);
    }
    // The axes themselves, with a tick at each label.
    out.push_str(r#"</g><g stroke="currentColor" stroke-opacity="0.7">"#);
    let _ = write!(out, r#"<path fill="none" d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}"/>"#);
    for i in 0..=lines {
        let at = y(f64::from(i) * step);
        let _ = write!(out, r#"<line x1="{:.1}" x2="{LEFT}" y1="{at:.1}" y2="{at:.1}"/>"#, LEFT - TICK);
    }
    for i in 0..=COVERAGE_TICKS {
        let at = x(f64::from(i) / f64::from(COVERAGE_TICKS));
        let _ = write!(out, r#"<line x1="{at:.1}" x2="{at:.1}" y1="{BOTTOM}" y2="{:.1}"/>"#, BOTTOM + TICK);
    }
    out.push_str(r#"</g><g fill="currentColor">"#);
    for i in 0..=lines {
        let risk = f64::from(i) * step;
        let _ = write!(
            out,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 8.0,
            y(risk) + 4.0,
            percent(risk)
        );
    }
    for i in 0..=COVERAGE_TICKS {
        let coverage = f64::from(i) / f64::from(COVERAGE_TICKS);
        let _ = write!(
            out,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            x(coverage),
            BOTTOM + 20.0,
            percent(coverage)
        );
    }
    let _ = write!(
        out,
        r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">passes without a person (coverage)</text><text transform="translate(16 {:.1}) rotate(-90)" text-anchor="middle">wrong among those (risk)</text></g>"#,
        (LEFT + RIGHT) / 2.0,
        BOTTOM + 42.0,
        (TOP + BOTTOM) / 2.0,
    );
}

fn description(examples: usize, at: Option<f64>, max_wrong: f64, chosen: Option<&CurvePoint>) -> String {
    let promised = percent(max_wrong);
    match (at, chosen) {
        (Some(at), Some(p)) => format!(
            "Of {examples} examples, {} ({}) pass without a person at a confidence of {at} or more; {} of these ({}) are wrong. Promised: at most {promised}.",
            p.coverage.k,
            percent(share(p.coverage)),
            p.wrong.k,
            percent(share(p.wrong)),
        ),
        (Some(at), None) => {
            format!("Of {examples} examples, none passes without a person at a confidence of {at} or more.")
        }
        (None, _) => {
            format!("{examples} examples, no threshold: everything is escalated. Promised: at most {promised} wrong.")
        }
    }
}

fn share(s: Share) -> f64 {
    if s.n == 0 { 0.0 } else { s.k as f64 / s.n as f64 }
}

/// At most one decimal: `5 %`, `4.5 %`.
fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}

#[cfg(test)]
mod tests;
