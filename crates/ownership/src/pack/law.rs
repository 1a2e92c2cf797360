//! The section on laws and standards: which evidence supports what, and what nothing here supports.

use super::cite::{Citations, t, ticks};
use crate::PackInput;
use crate::regulation::{Framework, Support, Supporting, mapping, support};
use maud::{Markup, html};
use serde_json::{Value, json};

pub(super) fn section(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let mapping = mapping();
    html! {
        section #regulation {
            h2 { "Laws and standards" }
            p { "Which obligation supports evidence for which article or clause, as of " (mapping.as_of) ". Evidence is not a verdict: whether a law binds you, and whether it is kept, people decide. "
                "An obligation is shown with its state; the entries that it rests on stand under “What is still missing”. " (cites.spec()) }
            @for framework in &mapping.frameworks { (one(input, framework)) }
        }
    }
}

fn one(input: &PackInput<'_>, framework: &Framework) -> Markup {
    html! {
        h3 { (framework.name) }
        p.source { (framework.text) ", " time datetime=(framework.date) { (framework.date) } ", " code { (t(framework.source.trim_start_matches("https://"), 200)) } ". " (framework.applies) "." }
        table.law {
            thead { tr { th { "Clause" } th { "Supports evidence for it" } th { "Not shown here" } } }
            tbody { @for clause in support(framework, input.obligations) { (row(&clause)) } }
        }
    }
}

fn row(s: &Support<'_>) -> Markup {
    html! {
        tr {
            td { b { (s.clause.clause) } @if let Some(about) = &s.clause.about { br; (about) } }
            td {
                ul.states {
                    @for o in &s.obligations { (state(o)) }
                    @if !s.absent.is_empty() { li.soft { "not of this workflow: " @for (i, id) in s.absent.iter().enumerate() { @if i > 0 { ", " } code { (id) } } } }
                }
            }
            td { @if let Some(exclusion) = &s.clause.exclusion { em { "nothing: " } (exclusion) } @if let Some(beyond) = &s.clause.beyond { (ticks(beyond, 400)) } }
        }
    }
}

fn state(o: &Supporting<'_>) -> Markup {
    let (class, sign) = match o.state {
        "discharged" => ("ok", "✓"),
        "not_applicable" => ("soft", "–"),
        _ => ("warn", "○"),
    };
    html! { li class=(class) { (sign) " " code { (t(o.id, 120)) } " " span.word { (t(&o.state.replace('_', " "), 40)) } } }
}

/// The same, for programs.
pub(super) fn json(input: &PackInput<'_>) -> Value {
    let mapping = mapping();
    let framework = |f: &Framework| {
        json!({
            "id": f.id, "name": f.name, "text": f.text, "date": f.date, "source": f.source, "applies": f.applies,
            "clauses": support(f, input.obligations),
        })
    };
    json!({
        "as_of": mapping.as_of,
        "says": "which obligation supports evidence for which clause; never that a law is kept",
        "frameworks": mapping.frameworks.iter().map(framework).collect::<Vec<_>>(),
    })
}
