//! `seatrial calibrate`: propose a threshold, put it into the spec, certify it.

use super::eval::of;
use super::progress;
use crate::args::CalibrateArgs;
use crate::edit;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::session::Session;
use seatrial_model::EventId;
use seatrial_model::event::{Certificate, ThresholdProposed};
use seatrial_spec::check::WORKFLOW_FILE;
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Proposal<'a> {
    event: EventId,
    #[serde(flatten)]
    body: &'a ThresholdProposed,
    certify_on: u64,
    written: bool,
}

#[derive(Serialize)]
struct Tested<'a> {
    event: EventId,
    certified: bool,
    certificate: &'a Certificate,
}

/// Calibrates a threshold.
pub(crate) async fn calibrate(args: &CalibrateArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    if args.certify { certify(args, session, out).await } else { propose(args, session, out).await }
}

fn name(args: &CalibrateArgs) -> &str {
    args.threshold.strip_prefix("thresholds.").unwrap_or(&args.threshold)
}

async fn propose(args: &CalibrateArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let folder = session.folder()?;
    let name = name(args);
    let bar = progress::of(out);
    let done = session.factory.propose(&caller, Some(&folder.label), name, args.salt.clone(), bar.as_ref()).await?;
    let written = match done.body.at.filter(|_| args.write) {
        Some(at) => write(&folder.path.join(WORKFLOW_FILE), name, at)?,
        None => false,
    };
    out.json(&Proposal { event: done.event, body: &done.body, certify_on: done.certify_on, written })?;
    let Some(at) = done.body.at else {
        out.line(format!(
            "no number has a chance to be certified for `{}`: everything goes to a person, and that needs no certificate",
            shown(name)
        ));
        return Ok(Exit::NotReady);
    };
    out.line(format!("thresholds.{}.at: {at}", shown(name)));
    out.line(format!(
        "  on {} tuning examples, {} of those that pass are wrong; chance to be certified on {} sealed examples: {:.0} %",
        done.body.tuned_on,
        of(done.body.wrong),
        done.certify_on,
        done.body.power * 100.0
    ));
    let next = match (args.write, written) {
        (true, true) => format!("written into `{WORKFLOW_FILE}`; next: seatrial calibrate {name} --certify"),
        (true, false) => format!("`{WORKFLOW_FILE}` says so already; next: seatrial calibrate {name} --certify"),
        (false, _) => format!("write the number into the spec, or: seatrial calibrate {name} --write"),
    };
    out.line(next);
    Ok(Exit::Done)
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

async fn certify(args: &CalibrateArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let folder = session.folder()?;
    let name = name(args);
    let bar = progress::of(out);
    let done = session.factory.certify(&caller, Some(&folder.label), name, bar.as_ref()).await?;
    let c = &done.body.certificate;
    out.json(&Tested { event: done.event, certified: done.body.certified, certificate: c })?;
    if !out.is_json() {
        certificate(name, c, done.body.certified, out);
        out.line(format!("event {}", done.event));
    }
    Ok(Exit::ready(done.body.certified))
}

fn certificate(name: &str, c: &Certificate, certified: bool, out: &mut Out) {
    let (ink, word) = if certified { (Ink::Good, "certified") } else { (Ink::Bad, "not certified") };
    let word = out.paint(ink, word);
    let at = c.at.map_or_else(|| "none".to_owned(), |at| at.to_string());
    out.line(format!("thresholds.{} at {at}: {word}", shown(name)));
    let percent = |x: f64| format!("{:.2} %", x * 100.0);
    let mut rows = Rows::new(out.layout(), &[]);
    let figures = [
        ("promise", format!("at most {} wrong, at {} assurance", percent(c.max_wrong), percent(c.assurance))),
        ("sealed", format!("{} wrong of {} that pass", c.errors, c.examples)),
        ("bound", format!("{} at {}", percent(c.bound), percent(1.0 - c.delta))),
        ("attempt", format!("{} (δ spent: {})", c.attempt, c.delta)),
        ("to people", of(c.reviewed)),
    ];
    for (what, text) in figures {
        rows.plain([format!("  {what}"), text]);
    }
    for (slice, result) in &c.slices {
        rows.plain([format!("  slice {}", shown(slice)), format!("{} wrong", of(result.wrong))]);
    }
    let text = rows.text();
    out.text(&text);
}
