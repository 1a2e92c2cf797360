//! `seatrial eval`.

mod agreement;
mod report;

use super::progress;
use crate::args::EvalArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Out;
use crate::session::Session;
use seatrial_factory::{EvaluateOptions, Evaluated};
use seatrial_model::event::{EvaluationRecorded, Share, SplitSide};
use seatrial_model::{EventId, Verdict};
use seatrial_sprint::Outcome;
use seatrial_sprint::junit::{Suite, junit};
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Answer<'a> {
    event: EventId,
    side: Option<SplitSide>,
    /// Whether it is in order, as the exit code says of all.
    in_order: bool,
    /// The gate's bar, where there is one.
    bar: Option<Bar<'a>>,
    /// Answers that an interrupted evaluation had recorded.
    continued: u64,
    #[serde(flatten)]
    body: &'a EvaluationRecorded,
    /// Each example: all with `--each`, else those that did not pass.
    each: Vec<Each<'a>>,
}

#[derive(Serialize)]
struct Bar<'a> {
    asked: &'a str,
    met: bool,
}

#[derive(Serialize)]
struct Each<'a> {
    id: &'a str,
    verdict: Option<Verdict>,
    outcome: Outcome,
    must_not_pass: bool,
    unstable: bool,
    /// Fields that were not as expected.
    differs: &'a [String],
    /// Rules that caught it.
    caught: Vec<&'a str>,
    took_ms: u64,
}

/// Evaluates sets of examples.
pub(crate) async fn eval(args: &EvalArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    if let Some(step) = &args.agreement {
        return agreement::agreement(step, session, out).await;
    }
    let caller = session.caller().await?;
    let folder = session.folder()?;
    let progress = progress::of(out);
    let options = EvaluateOptions { in_flight: args.in_flight, repeats: args.repeat, afresh: args.afresh };
    let workflow = Some(folder.label.as_str());
    let done = session.factory.evaluate_with(&caller, workflow, &args.sets, options, progress.as_ref()).await?;
    drop(progress);
    let all: Vec<Answer<'_>> = done.iter().map(|e| answer(e, args.each)).collect();
    out.json(&all)?;
    if !out.is_json() {
        report::report(&done, args.each, out);
    }
    if let Some(file) = &args.junit {
        let class = session.workflow()?;
        let suites: Vec<Suite<'_>> =
            done.iter().map(|e| Suite { name: &e.body.set, class: &class, results: &e.results }).collect();
        write(&session.start.join(file), &junit(&suites))?;
        out.note(format!("the report is in `{}`", crate::out::shown(&file.display().to_string())));
    }
    Ok(Exit::ready(done.iter().all(Evaluated::in_order)))
}

fn answer(evaluated: &Evaluated, all: bool) -> Answer<'_> {
    let wanted = evaluated.results.iter().filter(|r| all || report::is_remarkable(r));
    let each = wanted.map(|r| Each {
        id: &r.id,
        verdict: r.verdict,
        outcome: r.outcome,
        must_not_pass: r.must_not_pass,
        unstable: r.unstable,
        differs: &r.differs,
        caught: r.rules.iter().filter(|(_, caught)| *caught).map(|(path, _)| path.as_str()).collect(),
        took_ms: r.took_ms,
    });
    Answer {
        event: evaluated.event,
        side: evaluated.side,
        in_order: evaluated.in_order(),
        bar: evaluated.bar.as_ref().map(|(asked, met)| Bar { asked, met: *met }),
        continued: evaluated.continued,
        body: &evaluated.body,
        each: each.collect(),
    }
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|e| {
        Failure::file(format!("`{}` cannot be written ({e}); the evaluation is recorded all the same", file.display()))
    })
}

/// `k of n`, or a dash where there is nothing to count.
pub(super) fn of(share: Share) -> String {
    if share.n == 0 { "–".to_owned() } else { format!("{} of {}", share.k, share.n) }
}
