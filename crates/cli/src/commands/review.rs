//! `seatrial review`: questions put to people by escalated decisions.

use super::decision::{held, paths};
use crate::args::ReviewCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::session::Session;
use seatrial_factory::ReviewFilter;
use seatrial_factory::api::{DecisionChain, Held, ReviewAnswerInput, ReviewView};
use seatrial_model::{ReviewId, Time};
use serde::Serialize;
use std::borrow::Cow;

/// `seatrial review …`.
pub(crate) async fn review(command: ReviewCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    match command {
        ReviewCommand::List { roles, limit } => list(roles, limit, session, out).await,
        ReviewCommand::Show { review } => show(review, session, out).await,
        ReviewCommand::Claim { review } => {
            let caller = session.caller().await?;
            let view = session.factory.claim(&caller, review).await?;
            out.json(&view)?;
            out.line(format!("claimed: {review}"));
            Ok(Exit::Done)
        }
        ReviewCommand::Answer { review, answer, reason, output, seen } => {
            let caller = session.caller().await?;
            let input = ReviewAnswerInput { answer, output, reason, shown_ms: None, seen };
            let view = session.factory.answer(&caller, review, input).await?;
            out.json(&view)?;
            out.line(format!("answered `{answer}`: {review}"));
            match view.seeded {
                Some(true) => {
                    out.line("  it had been seeded, known to be bad, and you caught it; nobody was waiting for it")
                }
                Some(false) => out.line("  it had been seeded, known to be bad, and was missed; nobody got its output"),
                None => {}
            }
            if view.usable == Some(false) {
                out.line("  the answer could not be used: what it releases violates the spec");
            }
            Ok(Exit::Done)
        }
    }
}

async fn list(roles: Vec<String>, limit: usize, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let filter = ReviewFilter { workflow: session.named.clone(), roles, limit };
    let reviews = session.factory.reviews(&caller, filter).await?;
    out.json(&reviews)?;
    if reviews.is_empty() {
        out.line("no review is open that you may answer");
        return Ok(Exit::Done);
    }
    if !out.is_json() {
        let now = session.factory.now();
        let mut rows = Rows::new(out.layout(), &["review", "step", "to", "", "because"]);
        rows.whole(0);
        for r in &reviews {
            let (ink, state) = state(r, now);
            rows.row([
                (None, Cow::Owned(r.review.to_string())),
                (None, Cow::Owned(format!("{}/{}", r.workflow, shown(&r.step)))),
                (None, Cow::Owned(shown(&r.to))),
                (ink, state),
                (None, Cow::Owned(paths(&r.because))),
            ]);
        }
        let text = rows.text();
        out.text(&text);
    }
    Ok(Exit::Done)
}

fn state(r: &ReviewView, now: Time) -> (Option<Ink>, Cow<'static, str>) {
    if r.rehearsal && r.claimed_by.is_none() {
        // Nobody waits for it; only a drill may.
        return (Some(Ink::Dim), Cow::Borrowed("rehearsal"));
    }
    if r.due.is_some_and(|due| due < now) {
        return (Some(Ink::Bad), Cow::Borrowed("late"));
    }
    match &r.claimed_by {
        Some(by) => (Some(Ink::Dim), Cow::Owned(format!("claimed by {}", shown(by)))),
        None if r.audit => (None, Cow::Borrowed("audit")),
        None => (None, Cow::Borrowed("open")),
    }
}

/// A review with its case. In a blind audit the AI's answer is hidden.
#[derive(Serialize)]
struct Shown<'a> {
    review: &'a ReviewView,
    case: &'a Held,
    input: &'a Held,
    output: &'a Held,
}

async fn show(review: ReviewId, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let mut view = session.factory.review(review).await?;
    let chain: DecisionChain = session.factory.decision(&caller, view.decision).await?;
    // Who audits blindly answers before they see what the AI said, or what was found in it.
    if chain.blind {
        view.because.clone_from(&chain.because);
    }
    out.json(&Shown { review: &view, case: &chain.case, input: &chain.input, output: &chain.output })?;
    if out.is_json() {
        return Ok(Exit::Done);
    }
    let id = out.paint(Ink::Strong, &view.review.to_string());
    let (_, state) = state(&view, session.factory.now());
    out.line(format!("{id}  {state}  of {}/{} to {}", view.workflow, shown(&view.step), shown(&view.to)));
    if !view.because.is_empty() {
        out.line(format!("  because  {}", paths(&view.because)));
    }
    held("case", &chain.case, out);
    held("input", &chain.input, out);
    held("output", &chain.output, out);
    let without = matches!(chain.output, Held::None);
    if view.own {
        let why =
            if without { "there is no output of the AI's" } else { "a `never` forbids releasing the AI's output" };
        out.line(format!("{why}: only `own`, with `--output`, or `reject` is possible"));
    }
    // An answer to a decision without an output speaks of the input.
    let judged = if without { &chain.input } else { &chain.output };
    if let Held::Text { commitment, .. } | Held::Hidden { commitment } = judged {
        let answers = if view.own { "`own` or `reject`" } else { "`accept`, `edit`, `reject` or `own`" };
        out.line(format!("next, where ANSWER is {answers}:"));
        out.line(format!("  seatrial review answer {review} ANSWER --reason WHY --seen {commitment}"));
    }
    Ok(Exit::Done)
}
