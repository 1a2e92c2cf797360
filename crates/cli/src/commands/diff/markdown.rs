//! For a comment on a pull request.

use super::Answer;
use super::human::{because, counts, heading};
use seatrial_factory::Staling;
use seatrial_model::Untrusted;
use seatrial_spec::{Direction, Item};

/// The most rows of one table: a comment has a limit of its own, and nobody reads more.
const ROWS_MAX: usize = 100;
/// The most characters of somebody else's text in a cell.
const CELL_CHARS_MAX: usize = 400;

/// The whole comment.
pub(super) fn page(answer: &Answer) -> String {
    let mut out = format!(
        "### Seatrial: {}\n\n{} → {}\n\n",
        text(&answer.workflow),
        text(&answer.old.named()),
        text(&answer.new.named())
    );
    if answer.old.compared.is_none() {
        let elements = answer.new.compared.as_ref().map_or(0, |c| c.workflow.elements.len());
        out.push_str(&format!("A first spec, of {elements} elements: there is nothing to compare with.\n"));
        return out;
    }
    if answer.found.is_empty() {
        out.push_str("Nothing changed in meaning.\n");
        return out;
    }
    out.push_str(&format!("**{}**: {}.\n\n", verdict(answer), counts(answer)));
    let notable = |i: &&(&str, &Item)| i.1.direction >= Direction::Unclear;
    let all: Vec<(&str, &Item)> =
        [("added", &answer.found.added), ("removed", &answer.found.removed), ("changed", &answer.found.changed)]
            .into_iter()
            .flat_map(|(what, items)| items.iter().map(move |i| (what, i)))
            .collect();
    let mut first: Vec<(&str, &Item)> = all.iter().filter(notable).copied().collect();
    first.sort_by_key(|(_, i)| std::cmp::Reverse(i.direction));
    let rest: Vec<(&str, &Item)> = all.iter().filter(|i| !notable(i)).copied().collect();
    if !first.is_empty() {
        out.push_str(&table(&first));
    }
    if !rest.is_empty() {
        out.push_str(&details(&format!("{} that widen nothing", rest.len()), &table(&rest)));
    }
    if let Some(stale) = &answer.stale {
        out.push_str(&staling(stale));
    }
    out
}

fn verdict(answer: &Answer) -> &'static str {
    match answer.found.direction() {
        Direction::Widens => "It widens what AI may do, or shows less of it",
        Direction::Unclear => "Whether it widens what AI may do cannot be told from the spec",
        Direction::Narrows => "It narrows what AI may do, or shows more of it",
        Direction::Neutral => "It does not touch what AI may do",
    }
}

fn table(items: &[(&str, &Item)]) -> String {
    let mut out = String::from("| | element | | why |\n|---|---|---|---|\n");
    for (what, item) in items.iter().take(ROWS_MAX) {
        let prose = if item.compiled { "" } else { ", prose" };
        let direction = match item.direction {
            Direction::Widens => "**widens**",
            Direction::Unclear => "unclear",
            Direction::Narrows => "narrows",
            Direction::Neutral => "neutral",
        };
        out.push_str(&format!(
            "| {direction} | `{}` | {what}{prose} | {} |\n",
            path(item.path.as_str()),
            text(&item.why)
        ));
    }
    if items.len() > ROWS_MAX {
        out.push_str(&format!("\n… and {} more: `seatrial diff` lists all.\n", items.len() - ROWS_MAX));
    }
    out.push('\n');
    out
}

fn staling(stale: &Staling) -> String {
    let heading = heading(stale);
    if stale.obligations.is_empty() {
        return format!("{heading}\n");
    }
    let mut rows = String::from("| obligation | stage | because of |\n|---|---|---|\n");
    for stales in stale.obligations.iter().take(ROWS_MAX) {
        rows.push_str(&format!("| `{}` | {} | {} |\n", path(&stales.obligation), stales.stage, text(&because(stales))));
    }
    if stale.obligations.len() > ROWS_MAX {
        rows.push_str(&format!("\n… and {} more.\n", stale.obligations.len() - ROWS_MAX));
    }
    format!("#### What goes stale\n\n{heading}\n\n{rows}")
}

fn details(summary: &str, body: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{body}</details>\n\n")
}

/// A path or an id between backticks: nothing in it ends them.
fn path(text: &str) -> String {
    Untrusted::new(text).terminal(CELL_CHARS_MAX).replace(['`', '|'], "_")
}

/// Somebody else's words in a cell. Nothing in them is markup, mentions anybody or links anywhere: what Markdown or HTML
/// would act on is written as a character reference.
fn text(text: &str) -> String {
    let plain = Untrusted::new(text).terminal(CELL_CHARS_MAX).replace("www.", "www\u{200b}.");
    let mut out = String::with_capacity(plain.len());
    let mut chars = plain.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // A colon at the end of a word begins no address.
            ':' if chars.peek().is_none_or(|next| *next == ' ') => out.push(c),
            // A reference becomes the sign again before names and links are looked for: a space of no width parts them.
            '@' | '#' | ':' => out.push_str(&format!("&#{};&#8203;", u32::from(c))),
            '&' | '<' | '>' | '|' | '`' | '*' | '_' | '~' | '[' | ']' | '!' | '\\' | '$' | '{' | '}' => {
                out.push_str(&format!("&#{};", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
