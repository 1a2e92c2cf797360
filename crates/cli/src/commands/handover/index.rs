//! `seatrial handover index`.

use crate::args::IndexArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows};
use crate::session::Session;
use seatrial_factory::TransferLook;
use seatrial_ownership::Sides;

/// How many characters a week's bar has.
const BAR_CHARS: usize = 20;

/// The most weeks that a terminal shows; `--format json` and the page give all.
const WEEKS_SHOWN_MAX: usize = 26;

/// Shows the transfer index, by kind and by week, beside its bar.
pub(crate) async fn index(args: &IndexArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let look = session.factory.transfer(&workflow, args.since).await?;
    out.json(&look)?;
    if !out.is_json() {
        head(&look, out);
        kinds(&look, out);
        weeks(&look, out);
    }
    Ok(Exit::Done)
}

fn head(look: &TransferLook, out: &mut Out) {
    let index = &look.index;
    let title = out.paint(Ink::Strong, &format!("transfer index {}", percent(index.share)));
    out.line(format!(
        "{title}  {} of {} operating actions by the receiving side, {} to {}",
        index.sides.receiving,
        index.sides.all(),
        index.since,
        index.until
    ));
    let (Some(bar), Some(measured)) = (&look.bar, &look.measured) else {
        out.line("  bar       none: `gates.handover.transfer_index` in the spec, before production is released");
        return;
    };
    let (ink, word) = match look.reached {
        Some(true) => (Ink::Good, "reached".to_owned()),
        Some(false) => (Ink::Bad, "missed".to_owned()),
        None => (Ink::Warn, format!("inconclusive: fewer than {} actions tell nothing", look.actions_min)),
    };
    let verdict = out.paint(ink, &word);
    let fixed = bar.fixed_by.map(|entry| format!(", fixed by the release of entry {entry}")).unwrap_or_default();
    out.line(format!(
        "  bar       {}{} over {}{fixed}: {} of {} since {}, {verdict}",
        op(bar.bar.op),
        bar.bar.value,
        bar.over,
        measured.sides.receiving,
        measured.sides.all(),
        measured.since
    ));
    if bar.lowered_to.is_some() || bar.dropped {
        let line = out.paint(Ink::Warn, "  the spec asks for less now; a bar lowered after production does not count");
        out.line(line);
    }
}

const fn op(op: seatrial_spec::workflow::BarOp) -> &'static str {
    use seatrial_spec::workflow::BarOp;
    match op {
        BarOp::AtLeast => ">= ",
        BarOp::AtMost => "<= ",
        BarOp::Above => "> ",
        BarOp::Below => "< ",
    }
}

fn kinds(look: &TransferLook, out: &mut Out) {
    out.line("");
    let mut rows = Rows::new(out.layout(), &["", "receiving", "delivery", "independent", "share"]);
    for (kind, sides) in &look.index.kinds {
        rows.plain(cells(kind.plural().to_owned(), sides));
    }
    let text = rows.text();
    out.text(&text);
    out.line("the independent side challenges and approves: it is no part of the share");
}

fn weeks(look: &TransferLook, out: &mut Out) {
    out.line("");
    let weeks = &look.index.weeks;
    let mut rows = Rows::new(out.layout(), &["week from", "receiving", "delivery", "independent", "share", ""]);
    for week in weeks.iter().skip(weeks.len().saturating_sub(WEEKS_SHOWN_MAX)) {
        let [from, receiving, delivery, independent, share] = cells(week.from.to_string(), &week.sides);
        rows.plain([from, receiving, delivery, independent, share, bar(&week.sides)]);
    }
    let text = rows.text();
    out.text(&text);
}

fn cells(name: String, sides: &Sides) -> [String; 5] {
    let counts = [sides.receiving, sides.delivery, sides.independent].map(|n| n.to_string());
    let [receiving, delivery, independent] = counts;
    [name, receiving, delivery, independent, percent(sides.share())]
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

/// The share as a bar: what the receiving side did, of what was done.
fn bar(sides: &Sides) -> String {
    if sides.all() == 0 {
        return String::new();
    }
    let full = (BAR_CHARS as u64).saturating_mul(sides.receiving) / sides.all();
    let full = usize::try_from(full).unwrap_or(BAR_CHARS).min(BAR_CHARS);
    format!("{}{}", "#".repeat(full), ".".repeat(BAR_CHARS - full))
}
