//! `seatrial regulation`: which obligation supports evidence for which article or clause.

use crate::args::RegulationArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::session::Session;
use seatrial_ownership::ObligationLine;
use seatrial_ownership::regulation::{Clause, Framework, Mapping, Support, mapping, support};
use serde_json::json;
use std::fmt::Write as _;

/// The mapping as it is: needs no factory.
pub(crate) fn regulation(args: &RegulationArgs, out: &mut Out) -> Result<Exit, Failure> {
    let frameworks = chosen(args)?;
    if args.markdown {
        out.pass(crate::out::Stream::Out, &markdown(mapping(), &frameworks));
        return Ok(Exit::Done);
    }
    out.json(&json!({ "as_of": mapping().as_of, "frameworks": frameworks, "unmapped": mapping().unmapped }))?;
    head(out);
    for framework in frameworks {
        about(framework, out);
        for clause in &framework.clauses {
            line(clause, &clause.supports.join(", "), out);
        }
    }
    Ok(Exit::Done)
}

/// The mapping with the states of a workflow's obligations.
pub(crate) async fn states(args: &RegulationArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let obligations: Vec<ObligationLine> = session.factory.obligations_now(&workflow).await?;
    let frameworks = chosen(args)?;
    let all: Vec<_> = frameworks.iter().map(|f| json!({ "id": f.id, "clauses": support(f, &obligations) })).collect();
    out.json(&json!({ "as_of": mapping().as_of, "workflow": workflow, "frameworks": all }))?;
    head(out);
    for framework in frameworks {
        about(framework, out);
        for s in support(framework, &obligations) {
            let told = told(&s);
            line(s.clause, &told, out);
        }
    }
    Ok(Exit::Done)
}

fn told(s: &Support<'_>) -> String {
    let mut told: Vec<String> = s.obligations.iter().map(|o| format!("{} {}", shown(o.id), o.state)).collect();
    if !s.absent.is_empty() {
        told.push(format!("not of this workflow: {}", s.absent.join(", ")));
    }
    told.join("; ")
}

fn chosen(args: &RegulationArgs) -> Result<Vec<&'static Framework>, Failure> {
    let Some(id) = &args.framework else { return Ok(mapping().frameworks.iter().collect()) };
    let known: Vec<String> = mapping().frameworks.iter().map(|f| format!("`{}`", f.id)).collect();
    let found = mapping().framework(id).ok_or_else(|| {
        Failure::usage(format!(
            "there is no framework `{}` in the mapping; nothing was shown. It has {}",
            shown(id),
            known.join(", ")
        ))
    });
    Ok(vec![found?])
}

fn head(out: &mut Out) {
    out.line(format!(
        "Which obligation supports evidence for which clause, as of {}. Evidence is not a verdict.",
        mapping().as_of
    ));
}

fn about(framework: &Framework, out: &mut Out) {
    let name = out.paint(Ink::Strong, &framework.name);
    out.line("");
    out.line(format!("{name} ({}): {}, {}", framework.id, framework.text, framework.date));
    out.line(format!("  {}", framework.applies));
}

fn line(clause: &Clause, supporting: &str, out: &mut Out) {
    let about = clause.about.as_ref().map(|a| format!(" {a}")).unwrap_or_default();
    let strong = out.paint(Ink::Strong, &clause.clause);
    out.line(format!("  {strong}{about}"));
    match &clause.exclusion {
        Some(exclusion) => out.line(format!("    nothing: {exclusion}")),
        None => out.line(format!("    supports evidence for it: {supporting}")),
    }
    if let Some(beyond) = &clause.beyond {
        out.line(format!("    not shown here: {beyond}"));
    }
}

/// The mapping as a page of the documentation.
fn markdown(mapping: &Mapping, frameworks: &[&Framework]) -> String {
    let mut out = format!(
        "As of {}. Which obligation supports evidence for which article or clause; never that a law is kept.\n",
        mapping.as_of
    );
    // Writing into a String cannot fail.
    let _ = (|| -> std::fmt::Result {
        for f in frameworks {
            writeln!(
                out,
                "\n## {} (`{}`)\n\n{}, {}: <{}>\n\n{}.\n",
                f.name, f.id, f.text, f.date, f.source, f.applies
            )?;
            writeln!(out, "| clause | about | supports evidence for it | not shown here |\n|---|---|---|---|")?;
            for c in &f.clauses {
                let supports: Vec<String> = c.supports.iter().map(|id| format!("`{id}`")).collect();
                let supports = c.exclusion.as_ref().map_or_else(|| supports.join(" "), |why| format!("nothing: {why}"));
                let text = |t: &Option<String>| t.as_deref().unwrap_or("–").replace('|', "\\|");
                writeln!(out, "| {} | {} | {supports} | {} |", c.clause, text(&c.about), text(&c.beyond))?;
            }
        }
        Ok(())
    })();
    out
}

#[cfg(test)]
mod tests;
