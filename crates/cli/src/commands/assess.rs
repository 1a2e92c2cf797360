//! `seatrial assess`.

use crate::args::{AssessArgs, Audience};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::session::Session;
use seatrial_assessment::{Assessment, Item, Standing};

/// Answers the questions of whoever asks, from the log.
pub(crate) async fn assess(args: &AssessArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let mut found = session.factory.assess(&workflow).await?;
    match args.audience {
        Some(Audience::Cto) => found.founder.clear(),
        Some(Audience::Founder) => found.cto.clear(),
        Some(Audience::Auditor) | None => {}
    }
    out.json(&found)?;
    if !out.is_json() {
        render(&found, args.audience, out);
    }
    Ok(Exit::Done)
}

fn render(found: &Assessment, audience: Option<Audience>, out: &mut Out) {
    let name = out.paint(Ink::Strong, &found.workflow);
    let mark = if found.simulation { "  SIMULATION" } else { "" };
    out.line(format!("{name}{mark}  spec {} at {}", found.spec.short(), found.at));
    out.line(found.caveat);
    let questions = [("What a CTO should ask", &found.cto), ("What a founder should ask", &found.founder)];
    let flags = [("Red flags", &found.red_flags), ("Signs of theatre", &found.theatre)];
    let (first, then) = if audience == Some(Audience::Auditor) { (flags, questions) } else { (questions, flags) };
    for (title, items) in first.into_iter().chain(then) {
        if items.is_empty() {
            continue;
        }
        let title = out.paint(Ink::Strong, title);
        out.line(format!("\n{title}"));
        for item in items {
            one(item, out);
        }
    }
    out.line(format!(
        "\n{} evidenced, {} partly, {} no evidence, {} contradicted",
        found.count(Standing::Evidenced),
        found.count(Standing::Partly),
        found.count(Standing::NoEvidence),
        found.count(Standing::Contradicted)
    ));
}

fn one(item: &Item, out: &mut Out) {
    let (ink, symbol) = match item.standing {
        Standing::Evidenced => (Ink::Good, "✔"),
        Standing::Partly => (Ink::Warn, "◐"),
        Standing::NoEvidence => (Ink::Warn, "○"),
        Standing::Contradicted => (Ink::Bad, "✘"),
    };
    let standing = out.paint(ink, &format!("{symbol} {}", item.standing.as_str()));
    out.line(format!("  {standing}  {}", item.question));
    for reason in &item.reasons {
        let cites: Vec<String> = reason.cites.iter().map(|c| format!("#{}", c.index)).collect();
        let cites = if cites.is_empty() { String::new() } else { format!(" [{}]", cites.join(" ")) };
        out.line(format!("      {}{cites}", shown(&reason.text)));
    }
    if let Some(better) = &item.better {
        let line = out.paint(Ink::Dim, &format!("      → {}: {}", shown(&better.what), shown(&better.command)));
        out.line(line);
    }
}
