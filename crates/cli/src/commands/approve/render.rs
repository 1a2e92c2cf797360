//! What is to be approved, for people.

use crate::out::{Ink, Out, Rows, shown};
use seatrial_factory::{ApprovalLook, Changed, Since};

/// The most lines of one change that are shown of each side: what is longer is read in its file.
const CHANGE_LINES_MAX: usize = 40;

/// Shows it: how it stands, what changed, the scope in its own words, the inputs, the key.
pub(super) fn show(what: &ApprovalLook, out: &mut Out) {
    let id = out.paint(Ink::Strong, &shown(&what.obligation));
    out.line(format!("{id} of {} for {}: {}", what.workflow, what.stage, what.state.replace('_', " ")));
    out.line(format!("  {}", shown(&what.title)));
    out.line(format!("  {}", shown(&what.why)));
    match &what.since {
        Some(since) => changes(since, out),
        None if !what.changed.is_empty() => {
            out.line("\nchanged since it was discharged");
            for path in &what.changed {
                let line = out.paint(Ink::Warn, &format!("  {}", shown(path.as_str())));
                out.line(line);
            }
        }
        None => {}
    }
    if !what.scope.is_empty() {
        out.line(format!("\nover {} elements of the spec", what.scope.len()));
        let mut rows = Rows::new(out.layout(), &[]);
        for (path, digest) in &what.scope {
            let path = if path.as_str().is_empty() { "(the spec)" } else { path.as_str() };
            rows.plain([format!("  {}", shown(path)), digest.short()]);
        }
        let text = rows.text();
        out.text(&text);
    }
    for (path, text) in &what.text {
        let path = out.paint(Ink::Strong, &shown(path.as_str()));
        out.line(format!("\n{path}"));
        for line in text.lines() {
            out.line(format!("  {}", shown(line)));
        }
    }
    if !what.obligations.is_empty() {
        out.line("\nover the state of all other obligations");
        let mut rows = Rows::new(out.layout(), &[]);
        for (id, state) in &what.obligations {
            rows.plain([format!("  {}", shown(id)), state.replace('_', " ")]);
        }
        let text = rows.text();
        out.text(&text);
    }
    for (name, value) in &what.inputs {
        out.line(format!("  {} = {}", shown(name), shown(value)));
    }
    out.line(format!("\nkey {}", what.key));
}

fn changes(since: &Since, out: &mut Out) {
    let who = if since.own { "you approved it".to_owned() } else { format!("{} approved it", shown(&since.by)) };
    let withdrawn = if since.withdrawn { " (withdrawn)" } else { "" };
    let when = format!("{who} on {}{withdrawn}", since.at.day());
    if since.unchanged {
        out.line(format!("\nnothing that it covers changed since {when}"));
        return;
    }
    out.line(format!("\nchanged since {when}"));
    if since.changes.is_empty() {
        out.line("  the obligation's definition, or its parameters");
    }
    for change in &since.changes {
        one(change, out);
    }
}

fn one(change: &Changed, out: &mut Out) {
    let what = match (&change.was, &change.now) {
        (None, Some(_)) => "added",
        (Some(_), None) => "removed",
        _ => "changed",
    };
    let line = out.paint(Ink::Warn, &format!("  {} ({} {what})", shown(&change.name), change.what));
    out.line(line);
    let (was, now) = (change.was.as_deref().unwrap_or_default(), change.now.as_deref().unwrap_or_default());
    let (was, now): (Vec<&str>, Vec<&str>) = (was.lines().collect(), now.lines().collect());
    let (head, tail) = alike(&was, &now);
    let middle = |lines: &[&'_ str]| lines.get(head..lines.len().saturating_sub(tail)).unwrap_or_default().len();
    for (sign, lines) in [("-", &was), ("+", &now)] {
        let differing = lines.iter().skip(head).take(middle(lines));
        for line in differing.take(CHANGE_LINES_MAX) {
            out.line(format!("    {sign} {}", shown(line)));
        }
        if middle(lines) > CHANGE_LINES_MAX {
            out.line(format!("    {sign} … {} more lines", middle(lines) - CHANGE_LINES_MAX));
        }
    }
}

/// How many lines two texts have in common at their beginnings and at their ends.
fn alike(was: &[&str], now: &[&str]) -> (usize, usize) {
    let head = was.iter().zip(now).take_while(|(a, b)| a == b).count();
    let rest = was.len().min(now.len()) - head;
    let tail = was.iter().rev().zip(now.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    (head, tail)
}
