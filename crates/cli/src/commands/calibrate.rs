//! `seatrial calibrate`: propose a threshold, put it into the spec, certify it.

mod plan;

pub(crate) use plan::plan;

use super::progress;
use crate::args::CalibrateArgs;
use crate::edit;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::session::Session;
use seatrial_factory::{CertifiedOutcome, Proposed};
use seatrial_model::EventId;
use seatrial_model::event::{Certificate, Share, SliceCertificate, SliceResult, ThresholdProposed};
use seatrial_spec::check::WORKFLOW_FILE;
use seatrial_sprint::Promise;
use seatrial_sprint::calibrate::{SliceReading, read_slice};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Serialize)]
struct Proposal<'a> {
    event: EventId,
    #[serde(flatten)]
    body: &'a ThresholdProposed,
    certify_on: u64,
    left_out: u64,
    attempt: u64,
    attempts: u64,
    written: bool,
}

#[derive(Serialize)]
struct Tested<'a> {
    event: EventId,
    certified: bool,
    certificate: &'a Certificate,
    /// What each reported slice's own bound says.
    readings: BTreeMap<&'a str, Reading>,
    /// Of a fixed sequence.
    #[serde(skip_serializing_if = "Option::is_none")]
    loosest: Option<f64>,
    taken_over: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reviews: Option<Reviews>,
}

#[derive(Serialize)]
struct Reading {
    upper: f64,
    reading: &'static str,
}

/// Expected reviews a day, beside what the people present can answer.
#[derive(Serialize)]
struct Reviews {
    expected_per_day: f64,
    capacity_per_day: f64,
}

/// Calibrates a threshold.
pub(crate) async fn calibrate(args: &CalibrateArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let name = args.threshold.as_deref().ok_or_else(|| Failure::usage("no threshold was named; nothing was done"))?;
    let name = name.strip_prefix("thresholds.").unwrap_or(name);
    if args.certify { certify(name, session, out).await } else { propose(name, args, session, out).await }
}

async fn propose(name: &str, args: &CalibrateArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let folder = session.folder()?;
    let bar = progress::of(out);
    let done = session.factory.propose(&caller, Some(&folder.label), name, args.salt.clone(), bar.as_ref()).await?;
    let written = match done.body.at.filter(|_| args.write) {
        Some(at) => write(&folder.path.join(WORKFLOW_FILE), name, at)?,
        None => false,
    };
    let (attempt, attempts) = done.attempt;
    let (certify_on, left_out) = (done.certify_on, done.left_out);
    out.json(&Proposal { event: done.event, body: &done.body, certify_on, left_out, attempt, attempts, written })?;
    if left_out > 0 {
        out.line(format!("{left_out} sealed examples are spent and left out; {certify_on} are left to certify on"));
    }
    let Some(at) = done.body.at else {
        out.line(format!(
            "no number has a chance to be certified for `{}`: everything goes to a person, and that needs no certificate",
            shown(name)
        ));
        return Ok(Exit::NotReady);
    };
    proposal(name, at, &done, out);
    let next = match (args.write, written) {
        (true, true) => format!("written into `{WORKFLOW_FILE}`; next: seatrial calibrate {name} --certify"),
        (true, false) => format!("`{WORKFLOW_FILE}` says so already; next: seatrial calibrate {name} --certify"),
        (false, _) => format!("write the number into the spec, or: seatrial calibrate {name} --write"),
    };
    out.line(next);
    Ok(Exit::Done)
}

fn proposal(name: &str, at: f64, done: &Proposed, out: &mut Out) {
    out.line(format!("thresholds.{}.at: {at}", shown(name)));
    out.line(format!(
        "  on {} tuning examples, {} of those that pass are wrong; chance to be certified on {} sealed examples: {:.0} %",
        done.body.tuned_on,
        of(done.body.wrong),
        done.certify_on,
        done.body.power * 100.0
    ));
    for slice in &done.slices {
        out.line(format!(
            "  slice {}: {} of those that pass are wrong; chance to be certified on about {} that pass: {:.0} %",
            shown(&slice.name),
            of(slice.wrong),
            slice.expected,
            slice.power * 100.0
        ));
    }
    if done.attempt.1 > 1 {
        out.line(format!("  this would be attempt {} of {}", done.attempt.0, done.attempt.1));
    }
}

/// Puts the number into the file; says whether that changed it. The file is replaced in one step.
fn write(file: &Path, name: &str, at: f64) -> Result<bool, Failure> {
    let error = |what: &str, e: std::io::Error| {
        Failure::file(format!("`{}` cannot be {what} ({e}); the number was proposed but not written", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(|e| error("read", e))?;
    let edited = edit::set_threshold(&text, name, at).map_err(|e| Failure::file(e.to_string()))?;
    if edited == text {
        return Ok(false);
    }
    // A link is followed, so that the file that it names is replaced and not the link.
    let target = file.canonicalize().map_err(|e| error("found", e))?;
    let beside = target.with_extension("yaml.seatrial-new");
    let permissions = std::fs::metadata(&target).map_err(|e| error("read", e))?.permissions();
    let written = std::fs::write(&beside, edited)
        .and_then(|()| std::fs::set_permissions(&beside, permissions))
        .and_then(|()| std::fs::rename(&beside, &target));
    if let Err(e) = written {
        let _ = std::fs::remove_file(&beside);
        return Err(error("written", e));
    }
    Ok(true)
}

async fn certify(name: &str, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let folder = session.folder()?;
    let bar = progress::of(out);
    let done = session.factory.certify(&caller, Some(&folder.label), name, bar.as_ref()).await?;
    let c = &done.body.certificate;
    let reviews =
        done.load.map(|l| Reviews { expected_per_day: l.expected_per_day, capacity_per_day: l.capacity_per_day });
    let (loosest, taken_over, certified) = (done.loosest, done.taken_over, done.body.certified);
    let readings = readings(c).into_iter().map(|(slice, _, upper, r)| (slice, Reading { upper, reading: r.as_str() }));
    let readings = readings.collect();
    out.json(&Tested { event: done.event, certified, certificate: c, readings, loosest, taken_over, reviews })?;
    if !out.is_json() {
        certificate(name, &done, out);
        out.line(format!("event {}", done.event));
    }
    Ok(Exit::ready(certified))
}

/// What each reported slice's own figures say.
fn readings(c: &Certificate) -> Vec<(&str, &SliceResult, f64, SliceReading)> {
    let Ok(promise) = Promise::new(c.max_wrong, c.assurance) else { return Vec::new() };
    let reported = c.slices.iter().filter(|(name, _)| !c.required.contains_key(*name));
    reported
        .map(|(name, result)| {
            let (upper, reading) = read_slice(result, promise);
            (name.as_str(), result, upper, reading)
        })
        .collect()
}

fn certificate(name: &str, done: &CertifiedOutcome, out: &mut Out) {
    let c = &done.body.certificate;
    let (ink, word) = if done.body.certified { (Ink::Good, "certified") } else { (Ink::Bad, "not certified") };
    let word = out.paint(ink, word);
    let at = c.at.map_or_else(|| "none".to_owned(), |at| at.to_string());
    out.line(format!("thresholds.{} at {at}: {word}", shown(name)));
    let mut rows = Rows::new(out.layout(), &[]);
    for (what, text) in figures(c) {
        rows.plain([format!("  {what}"), text]);
    }
    for (slice, found) in &c.required {
        rows.plain([format!("  slice {}", shown(slice)), guaranteed(found)]);
    }
    if let Some(left) = &c.remainder {
        rows.plain(["  without these".to_owned(), part(left)]);
    }
    for (slice, result, upper, reading) in readings(c) {
        let said = match reading {
            SliceReading::Inconclusive => "inconclusive".to_owned(),
            _ => format!("at most {}", percent(upper)),
        };
        rows.plain([format!("  slice {}", shown(slice)), format!("{} wrong; reported: {said}", of(result.wrong))]);
    }
    if let Some(load) = &done.load {
        let fits = if load.expected_per_day <= load.capacity_per_day { "" } else { ": too many" };
        let text = format!("{:.0} expected, {:.0} can be answered{fits}", load.expected_per_day, load.capacity_per_day);
        rows.plain(["  reviews a day".to_owned(), text]);
    }
    let text = rows.text();
    out.text(&text);
    if done.taken_over {
        out.line("  a point of the sequence that was tested before: nothing was opened for it, and nothing spent");
    } else if let Some(loosest) = done.loosest.filter(|l| c.at.is_some_and(|at| at > *l || !done.body.certified)) {
        out.line(format!("  the sequence is certified down to {loosest}: writing it into the spec spends nothing"));
    }
}

fn figures(c: &Certificate) -> Vec<(&'static str, String)> {
    let promise = format!("at most {} wrong, at {} assurance", percent(c.max_wrong), percent(c.assurance));
    let mut rows = vec![("promise", promise)];
    if c.withheld {
        rows.push(("sealed", "withheld: attempts are left, and no number is to be chosen by them".to_owned()));
    } else {
        let level = c.delta / (c.required.len() as f64 + 1.0);
        rows.push(("sealed", format!("{} wrong of {} that pass", c.errors, c.examples)));
        rows.push(("bound", format!("{} at {}", percent(c.bound), percent(1.0 - level))));
    }
    if !c.sequence.is_empty() {
        let tested = c.grid.iter().zip(&c.sequence).map(|(at, s)| format!("{at}: {} of {}", s.k, s.n));
        rows.push(("sequence", tested.collect::<Vec<_>>().join(", ")));
    }
    rows.push(("attempt", format!("{} of {} (δ spent: {})", c.attempt, c.attempts, c.delta)));
    if c.left_out > 0 {
        rows.push(("left out", format!("{} that are spent", c.left_out)));
    }
    if c.thinned > 0 {
        rows.push(("thinned", format!("{} for which another one of their cluster stands", c.thinned)));
    }
    if !c.withheld {
        rows.push(("to people", of(c.reviewed)));
    }
    rows
}

fn guaranteed(slice: &SliceCertificate) -> String {
    let said = if slice.certified { "certified" } else { "not certified, goes to people" };
    format!("{}; {said}", part(slice))
}

fn part(part: &SliceCertificate) -> String {
    format!("{} wrong, at most {} at {}", of(part.wrong), percent(part.bound), percent(1.0 - part.delta))
}

fn percent(x: f64) -> String {
    format!("{:.2} %", x * 100.0)
}

/// `3 of 210 (1.4 %)`.
fn of(share: Share) -> String {
    match share.n {
        0 => "0 of 0".to_owned(),
        n => format!("{} of {n} ({:.1} %)", share.k, 100.0 * share.k as f64 / n as f64),
    }
}
