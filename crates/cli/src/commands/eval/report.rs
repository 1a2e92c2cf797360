//! An evaluation for people: the figures, then what did not pass, then by slice, tag and label.

use super::of;
use crate::out::{Ink, Out, Rows, shown};
use seatrial_factory::Evaluated;
use seatrial_model::event::{Share, SliceResult};
use seatrial_sprint::junit::why;
use seatrial_sprint::{ExampleResult, Outcome};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// How many examples that did not pass are listed, where not all are asked for.
const LISTED_MAX: usize = 20;

pub(super) fn report(done: &[Evaluated], all: bool, out: &mut Out) {
    if done.is_empty() {
        out.line("no sets were evaluated: name one, or add `examples` to the spec");
        return;
    }
    figures(done, out);
    for evaluated in done {
        remarks(evaluated, out);
        examples(evaluated, all, out);
        groups(evaluated, "slice", &evaluated.body.slices, out);
        groups(evaluated, "tag", &evaluated.body.tags, out);
        confusion(evaluated, out);
    }
}

/// Whether an example is told of unasked.
pub(super) fn is_remarkable(result: &ExampleResult) -> bool {
    let through = result.must_not_pass && result.released();
    through || result.unstable || matches!(result.outcome, Outcome::Failed | Outcome::Inconclusive)
}

fn ink(bad: bool) -> Option<Ink> {
    Some(if bad { Ink::Bad } else { Ink::Good })
}

fn figures(done: &[Evaluated], out: &mut Out) {
    let headings = ["set", "drawn", "as expected", "at least", "bar", "let through", "inconclusive", "verdicts"];
    let mut rows = Rows::new(out.layout(), &headings);
    for e in done {
        let b = &e.body;
        let verdicts: Vec<String> = b.verdicts.iter().map(|(v, n)| format!("{v} {n}")).collect();
        let lower = b.lower.map_or_else(|| "–".to_owned(), |l| format!("{:.1} %", l * 100.0));
        let (bar, met) = e.bar.as_ref().map_or(("–", None), |(bar, met)| (bar.as_str(), Some(*met)));
        rows.row([
            (Some(Ink::Strong), Cow::Owned(shown(&b.set))),
            (None, Cow::Borrowed(b.drawn.as_str())),
            (ink(b.passed.k < b.passed.n), Cow::Owned(of(b.passed))),
            (None, Cow::Owned(lower)),
            (met.and_then(|met| ink(!met)), Cow::Borrowed(bar)),
            (ink(b.let_through.k + b.unjudged > 0), Cow::Owned(of(b.let_through))),
            (None, Cow::Owned(b.inconclusive.to_string())),
            (None, Cow::Owned(verdicts.join(", "))),
        ]);
    }
    let text = rows.text();
    out.text(&text);
}

fn remarks(e: &Evaluated, out: &mut Out) {
    let (b, set) = (&e.body, shown(&e.body.set));
    if e.side.is_some() {
        out.line(format!("{set}: tuning examples only; the sealed ones stay sealed"));
    }
    if e.continued > 0 {
        out.line(format!(
            "{set}: {} answer(s) were recorded before it was interrupted, and not asked again",
            e.continued
        ));
    }
    if b.lower.is_none() && b.passed.n > 0 {
        out.line(format!("{set}: the set is {}, so {} estimates no rate", b.drawn, of(b.passed)));
    }
    if let Some(repeats) = b.repeats {
        out.line(format!("{set}: each asked {} times; {} answered differently", repeats.times, repeats.unstable));
    }
    if b.unjudged > 0 {
        let ids: Vec<String> =
            e.results.iter().filter(|r| r.must_not_pass && r.is_unjudged()).map(|r| shown(&r.id)).collect();
        let more = ids.len().saturating_sub(LISTED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let ids: Vec<String> = ids.into_iter().take(LISTED_MAX).collect();
        let line = format!(
            "{set}: {} of {} that must not pass got no answer that could be judged, so nothing is shown of them: {}{more}; evaluate the set again when its model answers",
            b.unjudged,
            b.let_through.n,
            ids.join(", ")
        );
        let line = out.paint(Ink::Bad, &line);
        out.line(line);
    }
    if let Some(usage) = b.usage {
        out.line(format!("{set}: {} tokens in, {} out", usage.input, usage.output));
    }
    if b.outputs == "supplied" {
        out.line(format!("{set}: outputs came with the examples, so this discharges nothing"));
    }
    let unused: Vec<&str> = b.rules.iter().filter(|(_, r)| r.caught == 0).map(|(path, _)| path.as_str()).collect();
    if !unused.is_empty() {
        out.line(format!("{set}: caught nothing: {}", unused.join(", ")));
    }
}

fn examples(e: &Evaluated, all: bool, out: &mut Out) {
    let listed: Vec<&ExampleResult> = e.results.iter().filter(|r| all || is_remarkable(r)).collect();
    if listed.is_empty() {
        return;
    }
    let most = if all { listed.len() } else { LISTED_MAX };
    let mut rows = Rows::new(out.layout(), &["example", "outcome", "why"]);
    for result in listed.iter().take(most) {
        let ink = match result.outcome {
            Outcome::Failed => Ink::Bad,
            Outcome::Inconclusive => Ink::Warn,
            Outcome::Passed => Ink::Good,
            Outcome::NotExpected => Ink::Dim,
        };
        rows.row([
            (None, Cow::Owned(format!("{}/{}", shown(&e.body.set), shown(&result.id)))),
            (Some(ink), Cow::Borrowed(result.outcome.as_str())),
            (None, Cow::Owned(shown(&why(result)))),
        ]);
    }
    let text = rows.text();
    out.text(&text);
    if listed.len() > most {
        out.line(format!("… and {} more: `--each` lists all", listed.len() - most));
    }
}

fn groups(e: &Evaluated, kind: &str, groups: &BTreeMap<String, SliceResult>, out: &mut Out) {
    if groups.is_empty() {
        return;
    }
    let mut rows = Rows::new(out.layout(), &[kind, "without a person", "wrong of those"]);
    for (name, group) in groups {
        let wrong: Share = group.wrong;
        rows.row([
            (None, Cow::Owned(format!("{}/{}", shown(&e.body.set), shown(name)))),
            (None, Cow::Owned(of(group.passed))),
            (ink(wrong.k > 0), Cow::Owned(of(wrong))),
        ]);
    }
    let text = rows.text();
    out.text(&text);
}

/// What was expected down, what came across.
fn confusion(e: &Evaluated, out: &mut Out) {
    let table = &e.body.confusion;
    if table.is_empty() {
        return;
    }
    let columns: BTreeSet<&String> = table.values().flat_map(BTreeMap::keys).collect();
    let names: Vec<String> = columns.iter().map(|c| shown(c)).collect();
    let corner = format!("{}: expected", shown(&e.body.set));
    let headings: Vec<&str> = std::iter::once(corner.as_str()).chain(names.iter().map(String::as_str)).collect();
    let mut rows = Rows::new(out.layout(), &headings);
    for (expected, found) in table {
        let cells = columns.iter().map(|column| {
            let n = found.get(*column).copied().unwrap_or(0);
            let ink = if n == 0 {
                Ink::Dim
            } else if *column == expected {
                Ink::Good
            } else {
                Ink::Bad
            };
            (Some(ink), Cow::Owned(n.to_string()))
        });
        rows.row(std::iter::once((Some(Ink::Strong), Cow::Owned(shown(expected)))).chain(cells));
    }
    let text = rows.text();
    out.text(&text);
}
