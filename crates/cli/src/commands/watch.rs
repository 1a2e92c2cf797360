//! `seatrial watch`: how the promises that a release stands on look today.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::session::Session;
use seatrial_factory::{AssumptionLook, BASELINE_DAYS, CertificateLook, DriftLook, WatchLook, WatchState};
use serde::Serialize;
use serde_json::json;

#[derive(Serialize)]
struct Answer<'a> {
    workflow: &'a str,
    in_order: bool,
    certificates: Vec<serde_json::Value>,
    assumptions: &'a [AssumptionLook],
    drift: &'a Option<DriftLook>,
}

/// Shows certificates with both tests, assumptions and drift.
pub(crate) async fn watch(session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let look = session.factory.watch(&workflow).await?;
    let in_order = is_in_order(&look);
    let certificates = look.certificates.iter().map(as_json).collect();
    let (assumptions, drift) = (look.assumptions.as_slice(), &look.drift);
    out.json(&Answer { workflow: &workflow, in_order, certificates, assumptions, drift })?;
    if !out.is_json() {
        let name = out.paint(Ink::Strong, &shown(&workflow));
        out.line(name);
        render_certificates(&look.certificates, out);
        render_assumptions(&look.assumptions, out);
        render_drift(look.drift.as_ref(), out);
        if !in_order {
            out.line("where it is an incident: seatrial incident open --severity SEVERITY WHAT");
        }
    }
    Ok(Exit::ready(in_order))
}

/// What nobody has looked at yet is not out of order, and is never called watched either.
fn is_in_order(look: &WatchLook) -> bool {
    let newest = look.certificates.iter().rev().find(|c| c.certified);
    newest.is_none_or(|c| c.watch != WatchState::Revoked)
        && look.assumptions.iter().all(|a| a.holds != Some(false))
        && look.drift.as_ref().is_none_or(|d| !d.is_out())
}

fn as_json(c: &CertificateLook) -> serde_json::Value {
    json!({
        "certificate": c.event,
        "threshold": c.threshold,
        "certified": c.certified,
        "since": c.since,
        "watch": c.watch,
        "audits": c.audits,
        "wrong": c.wrong,
        "log_e": c.log_e,
        "log_alarm": c.log_alarm,
        "change": c.change,
        "change_alarm": c.change_alarm,
    })
}

fn render_certificates(certificates: &[CertificateLook], out: &mut Out) {
    for c in certificates.iter().filter(|c| c.certified) {
        let (ink, says) = match &c.watch {
            WatchState::NotInForce => (Ink::Dim, "not in force".to_owned()),
            WatchState::Unwatched { until: Some(until), truth } => {
                (Ink::Warn, format!("unwatched until {}: truth comes from {truth}", until.day()))
            }
            WatchState::Unwatched { until: None, truth } => {
                (Ink::Warn, format!("unwatched until the first truth is in: it comes from {truth}"))
            }
            WatchState::Watched => (Ink::Good, "watched".to_owned()),
            WatchState::Revoked => (Ink::Bad, "revoked: everything that depends on it escalates".to_owned()),
        };
        let says = out.paint(ink, &says);
        out.line(format!("  {}  since {}  {says}", shown(c.threshold.as_str()), c.since.day()));
        if c.audits > 0 {
            out.line(format!("    {} of {} audited were wrong", c.wrong, c.audits));
            out.line(format!(
                "    wrong from the start: e-value {:.3} of {:.0}; became wrong: {:.1} of {:.0}",
                c.log_e.exp(),
                c.log_alarm.exp(),
                c.change,
                c.change_alarm
            ));
        }
    }
}

fn render_assumptions(assumptions: &[AssumptionLook], out: &mut Out) {
    for a in assumptions {
        let (ink, says) = match (a.watch.is_some(), a.holds, a.next) {
            (false, ..) => (Ink::Dim, "watched by nobody but its owner".to_owned()),
            (_, Some(true), _) => (Ink::Good, "holds".to_owned()),
            (_, Some(false), _) => (Ink::Bad, "does not hold".to_owned()),
            (_, None, Some(next)) => (Ink::Warn, format!("not known before {}", next.day())),
            (_, None, None) => (Ink::Warn, "not known: nothing is released".to_owned()),
        };
        let says = out.paint(ink, &says);
        let window = a.window.map(|(from, until)| format!("  ({} to {})", from.day(), until.day())).unwrap_or_default();
        out.line(format!("  {}  {says}{window}", shown(a.assumption.as_str())));
        out.line(format!("    {}", shown(&a.text)));
    }
}

fn render_drift(drift: Option<&DriftLook>, out: &mut Out) {
    let Some(drift) = drift else {
        return out.line("  drift: nothing is released");
    };
    if let Some(why) = &drift.not_yet {
        return out.line(format!("  drift: not yet, {why}"));
    }
    out.line(format!("  drift against the first {BASELINE_DAYS} days of the release ({} decisions)", drift.decisions));
    let mut rows = Rows::new(out.layout(), &["  verdict", "then", "newest day", "within", "days out"]);
    for rate in &drift.rates {
        let Some(day) = rate.days.last() else { continue };
        rows.plain([
            format!("  {}", rate.name),
            format!("{} of {}", rate.baseline.k, rate.baseline.n),
            format!("{} of {}{}", day.share.k, day.share.n, if day.out { " !" } else { "" }),
            format!("{} to {}", day.within.0, day.within.1),
            format!("{} of {}", rate.out(), rate.days.len()),
        ]);
    }
    let text = rows.text();
    out.text(&text);
    for shift in drift.confidence.iter().chain(&drift.inputs).filter(|s| s.is_shifted()) {
        let line = format!(
            "{} has shifted: index {:.2}, from {:.2} on it counts",
            shown(&shift.name),
            shift.index,
            shift.limit
        );
        let line = out.paint(Ink::Bad, &line);
        out.line(format!("  {line}"));
    }
    let quiet = drift.confidence.iter().chain(&drift.inputs).filter(|s| !s.is_shifted()).count();
    out.line(format!("  {quiet} distributions of confidences and inputs as they were"));
}
