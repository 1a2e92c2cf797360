//! The runbooks, with their text.

use super::cite::{Citations, t, ticks};
use crate::PackInput;
use maud::{Markup, html};
use seatrial_model::{Body, ElementPath};
use seatrial_spec::Workflow;
use std::collections::BTreeSet;

/// The most lines of a runbook on the page; the file in the folder is whole.
const RUNBOOK_LINES_MAX: usize = 1_000;

/// The most characters of one of its paragraphs.
const BLOCK_CHARS_MAX: usize = 4_000;

/// The files of the workflow's runbooks.
pub(super) fn files(workflow: &Workflow) -> BTreeSet<&str> {
    used(workflow).into_iter().map(|(_, file)| file).collect()
}

/// What has a runbook, and its file.
fn used(workflow: &Workflow) -> Vec<(ElementPath, &str)> {
    let responsibilities = workflow
        .responsibilities
        .iter()
        .filter_map(|(name, r)| Some((ElementPath::new(format!("responsibilities.{name}")), r.runbook.as_deref()?)));
    let fallbacks = workflow.steps.iter().filter_map(|s| {
        let file = s.fallback.as_ref()?.runbook.as_deref()?;
        Some((ElementPath::new(format!("steps.{}.fallback", s.name)), file))
    });
    responsibilities.chain(fallbacks).collect()
}

pub(super) fn section(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let files = files(input.workflow);
    html! {
        section #runbooks {
            h2 { "Runbooks" }
            @if files.is_empty() { p.warn { "The spec names no runbook. " (cites.spec()) } }
            @for file in files { (runbook(input, file, cites)) }
        }
    }
}

fn runbook(input: &PackInput<'_>, file: &str, cites: &mut Citations<'_>) -> Markup {
    let text = input.workflow.files.get(file).map(|f| String::from_utf8_lossy(&f.bytes).into_owned());
    let of: Vec<ElementPath> =
        used(input.workflow).into_iter().filter(|(_, f)| *f == file).map(|(path, _)| path).collect();
    let drilled: Vec<u64> = input
        .events
        .iter()
        .filter(|e| matches!(&e.event.body, Body::DrillDone(d) if d.runbooks.iter().any(|r| of.contains(r))))
        .map(|e| e.index)
        .collect();
    html! {
        article.runbook {
            h3 { code { (t(file, 200)) } }
            p { "For " @for (i, path) in of.iter().enumerate() { @if i > 0 { ", " } code { (path) } } ". " (cites.spec())
                @if drilled.is_empty() { span.warn { " No drill names it yet." } }
                @else { " Followed in a drill: " @for index in &drilled { (cites.index(*index)) } } }
            @match text {
                Some(text) => { div.text { (markdown(&text)) } },
                None => { p.warn { "Its text is not in the spec." } },
            }
        }
    }
}

/// The simple part of Markdown: headings, lists, code, paragraphs. Everything else stays as it is written.
fn markdown(text: &str) -> Markup {
    let ticks = |text: &str| ticks(text, BLOCK_CHARS_MAX);
    let mut blocks: Vec<Markup> = Vec::new();
    let mut lines = text.lines().take(RUNBOOK_LINES_MAX).peekable();
    while let Some(line) = lines.next() {
        let plain = line.trim();
        if plain.is_empty() {
            continue;
        }
        if plain.starts_with("```") {
            let mut code = String::new();
            for inner in lines.by_ref().take_while(|l| !l.trim().starts_with("```")) {
                code.push_str(&t(inner, BLOCK_CHARS_MAX));
                code.push('\n');
            }
            blocks.push(html! { pre { (code) } });
        } else if let Some(heading) = plain.strip_prefix('#') {
            blocks.push(html! { h4 { (ticks(heading.trim_start_matches('#').trim())) } });
        } else if let Some((ordered, first)) = item(plain) {
            let mut items = vec![first.to_owned()];
            while let Some(next) = lines.peek().copied() {
                match (item(next.trim()), next.trim().is_empty()) {
                    (Some((o, text)), _) if o == ordered => items.push(text.to_owned()),
                    // What is indented goes on with the item before it.
                    (None, false) if next.starts_with(' ') => {
                        if let Some(last) = items.last_mut() {
                            last.push(' ');
                            last.push_str(next.trim());
                        }
                    }
                    _ => break,
                }
                lines.next();
            }
            let list = html! { @for i in &items { li { (ticks(i)) } } };
            blocks.push(html! { @if ordered { ol { (list) } } @else { ul { (list) } } });
        } else {
            let mut paragraph = plain.to_owned();
            while let Some(next) = lines.peek().map(|l| l.trim()) {
                if next.is_empty() || next.starts_with('#') || next.starts_with("```") || item(next).is_some() {
                    break;
                }
                paragraph.push(' ');
                paragraph.push_str(next);
                lines.next();
            }
            blocks.push(html! { p { (ticks(&paragraph)) } });
        }
    }
    html! { @for block in &blocks { (block) } }
}

/// The text of a list's item, and whether the list is numbered.
fn item(line: &str) -> Option<(bool, &str)> {
    if let Some(text) = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
        return Some((false, text));
    }
    let (number, text) = line.split_once(". ")?;
    (!number.is_empty() && number.len() <= 3 && number.bytes().all(|b| b.is_ascii_digit())).then_some((true, text))
}

#[cfg(test)]
mod tests {
    use super::markdown;

    #[test]
    fn the_simple_part_of_markdown() {
        let page = markdown("# Stop\nTell `x`\nothers.\n\n1. One\n   more\n2. Two\n- x\n```\na < b\n```\n<b>no</b>")
            .into_string();
        let expected = "<h4>Stop</h4><p>Tell <code>x</code> others.</p><ol><li>One more</li><li>Two</li></ol><ul><li>x</li></ul>\
                        <pre>a &lt; b\n</pre><p>&lt;b&gt;no&lt;/b&gt;</p>";
        assert_eq!(page, expected);
        assert_eq!(markdown("```").into_string(), "<pre></pre>");
    }
}
