//! For people at a terminal.

use super::Answer;
use crate::out::{Ink, Out, shown, state_symbol};
use seatrial_factory::{Stales, Staling, ToldBy};
use seatrial_spec::{Direction, Item};

const fn ink(direction: Direction) -> Ink {
    match direction {
        Direction::Widens => Ink::Bad,
        Direction::Unclear => Ink::Warn,
        Direction::Narrows => Ink::Good,
        Direction::Neutral => Ink::Dim,
    }
}

pub(super) fn render(answer: &Answer, out: &mut Out) {
    let name = out.paint(Ink::Strong, &shown(&answer.workflow));
    out.line(format!("{name}  {} → {}", shown(&answer.old.named()), shown(&answer.new.named())));
    if answer.old.compared.is_none() {
        let elements = answer.new.compared.as_ref().map_or(0, |c| c.workflow.elements.len());
        out.line(format!("  first submission: {elements} elements"));
        return;
    }
    if answer.found.is_empty() {
        out.line("  nothing changed in meaning");
        return;
    }
    for (sign, items) in [("+", &answer.found.added), ("-", &answer.found.removed), ("~", &answer.found.changed)] {
        for item in items {
            line(sign, item, out);
        }
    }
    out.line(format!("\n  {}", counts(answer)));
    if let Some(stale) = &answer.stale {
        staling(stale, out);
    }
}

fn line(sign: &str, item: &Item, out: &mut Out) {
    let direction = out.paint(ink(item.direction), &format!("{:<8}", item.direction));
    let prose = if item.compiled { "" } else { "  prose" };
    out.line(format!("  {sign} {direction}  {}{prose}", shown(item.path.as_str())));
    let why = out.paint(Ink::Dim, &shown(&item.why));
    out.line(format!("               {why}"));
}

/// `2 widen, 1 narrows, …`.
pub(super) fn counts(answer: &Answer) -> String {
    let all = [
        (Direction::Widens, "widening"),
        (Direction::Unclear, "unclear"),
        (Direction::Narrows, "narrowing"),
        (Direction::Neutral, "neutral"),
    ];
    let counted = all.iter().map(|(direction, word)| (answer.found.count(*direction), word));
    counted.filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect::<Vec<_>>().join(", ")
}

/// The heading of what goes stale.
pub(super) fn heading(stale: &Staling) -> String {
    let n = stale.obligations.len();
    match (stale.told_by, n) {
        (ToldBy::Evidence, 0) => "Nothing that is settled goes stale.".to_owned(),
        (ToldBy::Evidence, _) => format!("{n} settled obligation(s) would have to be shown again:"),
        (ToldBy::Keys, 0) => "No obligation depends on what changed.".to_owned(),
        (ToldBy::Keys, _) => format!("{n} obligation(s) depend on what changed; evidence of before does not count:"),
    }
}

/// Why one goes stale.
pub(super) fn because(stales: &Stales) -> String {
    const PATHS_SHOWN: usize = 6;
    if stales.paths.is_empty() {
        return stales.why.clone();
    }
    let shown: Vec<&str> = stales.paths.iter().take(PATHS_SHOWN).map(seatrial_model::ElementPath::as_str).collect();
    let more = stales.paths.len().saturating_sub(PATHS_SHOWN);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

fn staling(stale: &Staling, out: &mut Out) {
    out.line(format!("\n  {}", heading(stale)));
    for stales in &stale.obligations {
        let symbol = stales.would_be.map_or("↻", state_symbol);
        let obligation = out.paint(Ink::Warn, &format!("{symbol} {}", shown(&stales.obligation)));
        let why = out.paint(Ink::Dim, &shown(&because(stales)));
        out.line(format!("    {obligation}  {}  {why}", stales.stage));
    }
}
