//! `seatrial eval`.

use super::progress;
use crate::args::EvalArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::session::Session;
use seatrial_factory::Evaluated;
use seatrial_model::EventId;
use seatrial_model::event::{EvaluationRecorded, Share, SplitSide};
use serde::Serialize;
use std::borrow::Cow;

#[derive(Serialize)]
struct Answer<'a> {
    event: EventId,
    side: Option<SplitSide>,
    #[serde(flatten)]
    body: &'a EvaluationRecorded,
}

/// Evaluates sets of examples.
pub(crate) async fn eval(args: &EvalArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let folder = session.folder()?;
    let progress = progress::of(out);
    let done = session.factory.evaluate(&caller, Some(&folder.label), &args.sets, progress.as_ref()).await?;
    let all: Vec<Answer<'_>> = done.iter().map(|e| Answer { event: e.event, side: e.side, body: &e.body }).collect();
    out.json(&all)?;
    if !out.is_json() {
        table(&done, out);
    }
    let ok = |e: &Evaluated| e.body.passed.k == e.body.passed.n && e.body.let_through.k == 0;
    Ok(Exit::ready(done.iter().all(ok)))
}

fn table(done: &[Evaluated], out: &mut Out) {
    if done.is_empty() {
        out.line("no sets were evaluated: name one, or add `examples` to the spec");
        return;
    }
    let mut rows = Rows::new(
        out.layout(),
        &["set", "drawn", "as expected", "at least", "let through", "inconclusive", "verdicts"],
    );
    for e in done {
        let b = &e.body;
        let ink = |bad: bool| Some(if bad { Ink::Bad } else { Ink::Good });
        let verdicts: Vec<String> = b.verdicts.iter().map(|(v, n)| format!("{v} {n}")).collect();
        let lower = b.lower.map_or_else(|| "–".to_owned(), |l| format!("{:.1} %", l * 100.0));
        rows.row([
            (Some(Ink::Strong), Cow::Owned(shown(&b.set))),
            (None, Cow::Borrowed(b.drawn.as_str())),
            (ink(b.passed.k < b.passed.n), Cow::Owned(of(b.passed))),
            (None, Cow::Owned(lower)),
            (ink(b.let_through.k > 0), Cow::Owned(of(b.let_through))),
            (None, Cow::Owned(b.inconclusive.to_string())),
            (None, Cow::Owned(verdicts.join(", "))),
        ]);
    }
    let text = rows.text();
    out.text(&text);
    for e in done {
        if e.side.is_some() {
            out.line(format!("{}: tuning examples only; the sealed ones stay sealed", shown(&e.body.set)));
        }
        let unused: Vec<&str> =
            e.body.rules.iter().filter(|(_, r)| r.caught == 0).map(|(path, _)| path.as_str()).collect();
        if !unused.is_empty() {
            out.line(format!("{}: caught nothing: {}", shown(&e.body.set), unused.join(", ")));
        }
    }
}

/// `k of n`, or a dash where there is nothing to count.
pub(super) fn of(share: Share) -> String {
    if share.n == 0 { "–".to_owned() } else { format!("{} of {}", share.k, share.n) }
}
