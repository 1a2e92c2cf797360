//! `seatrial explain`.

use crate::args::ExplainArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown, state_ink, state_symbol};
use crate::session::Session;
use seatrial_governance::Explanation;

/// Shows the whole chain behind an obligation's state.
pub(crate) async fn explain(args: &ExplainArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let stage = session.stage(args.stage, &workflow).await?;
    let explained = if args.submitted {
        session.factory.explain(Some(&workflow), false, stage, &args.obligation).await?
    } else {
        let folder = session.folder()?;
        session.factory.explain(Some(&folder.label), true, stage, &args.obligation).await?
    };
    out.json(&explained)?;
    if !out.is_json() {
        chain(&explained, out);
    }
    Ok(Exit::ready(explained.state.is_settled()))
}

/// The chain, from the state down to paths and events.
pub(crate) fn chain(e: &Explanation, out: &mut Out) {
    let state = format!("{} {}", state_symbol(e.state), e.state.as_str().replace('_', " "));
    let state = out.paint(state_ink(e.state), &state);
    let id = out.paint(Ink::Strong, &e.obligation);
    out.line(format!("{id}  {state}  ({}, {})", e.stage, e.layer));
    out.line(format!("  {}", shown(&e.title)));
    out.line(format!("  {}", shown(&e.why)));
    out.line(format!("\n  discharged by  {}", shown(&e.by)));
    out.line(format!("  waivable       {}", if e.waivable { "yes" } else { "no" }));
    out.line(format!("  key            {}", e.key));
    if !e.changed.is_empty() || !e.changed_inputs.is_empty() {
        out.line("\nwhat changed");
        for path in &e.changed {
            out.line(format!("  {}", shown(path.as_str())));
        }
        for change in &e.changed_inputs {
            let text = |v: &Option<String>| v.as_deref().map_or_else(|| "none".to_owned(), shown);
            out.line(format!("  {}: {} → {}", shown(&change.input), text(&change.was), text(&change.now)));
        }
    }
    scope(e, out);
    if !e.considered.is_empty() {
        out.line("\nevents");
        let mut rows = Rows::new(out.layout(), &[]);
        for c in &e.considered {
            let mark = if c.counts { "✔" } else { "–" };
            rows.plain([
                mark.to_owned(),
                format!("#{}", c.index),
                c.kind.to_owned(),
                shown(&c.by),
                shown(&c.why),
                c.event.to_string(),
            ]);
        }
        let text = rows.text();
        out.text(&text);
    }
    out.line(format!("\n{}", shown(&e.help)));
    if let Some(next) = &e.next {
        out.line(format!("next: {next}"));
    }
}

fn scope(e: &Explanation, out: &mut Out) {
    if e.patterns.is_empty() {
        return;
    }
    let patterns: Vec<&str> = e.patterns.iter().map(|p| p.as_str()).collect();
    out.line(format!("\nscope: {} elements as {} of {}", e.scope.len(), e.digests, patterns.join(", ")));
    let mut rows = Rows::new(out.layout(), &[]);
    for entry in &e.scope {
        let path = if entry.0.as_str().is_empty() { "(the spec)" } else { entry.0.as_str() };
        rows.plain([format!("  {}", shown(path)), entry.1.short()]);
    }
    let text = rows.text();
    out.text(&text);
    for (name, value) in &e.parameters {
        out.line(format!("  {name} = {}", shown(&value.to_string())));
    }
    for (name, value) in &e.inputs {
        out.line(format!("  {name} = {}", shown(value)));
    }
}
