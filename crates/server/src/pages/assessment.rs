//! The assessment: what the log answers to those who ask, and signs of theatre.

use super::frame::{Place, page};
use super::parts::{Signal, at, badge, cites, count, support};
use crate::text::{house, prose};
use crate::view::{Assessed, AssessmentPage, Flag, Frame, Support};
use maud::{Markup, html};

/// The page.
#[must_use]
pub fn assessment(frame: &Frame, view: &AssessmentPage) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let raised = view.flags.iter().filter(|f| f.raised == Some(true)).count();
    let body = html! {
        header .page-head {
            h1 { "Assessment" }
            p .lead { "Answered from the first " (count(view.size)) " entries of the log, with citations or “no evidence”. Promises do not count." }
            p { a href=(at(workflow, "/regulation")) { "Laws and standards: which obligation supports evidence for what" } }
            (summary(view, raised))
        }
        @for group in &view.groups {
            section .group {
                h2 { (house(&group.title)) }
                @for q in &group.questions { (assessed(workflow, q)) }
            }
        }
        section aria-labelledby="flags" {
            h2 #flags { "Red flags, theatre, assumptions" }
            p .muted { "Each is a statement that should hold. A detector prompts an inquiry; it proves nothing. What each reads, and what it does not see: " code { "seatrial assess --explain ID" } "." }
            ul .flags { @for f in sorted(&view.flags) { (flag(workflow, f)) } }
        }
    };
    page(frame, Place::Assessment, "Assessment", &body)
}

fn summary(view: &AssessmentPage, raised: usize) -> Markup {
    let of = |s: Support| view.groups.iter().flat_map(|g| &g.questions).filter(|q| q.support == s).count();
    html! {
        ul .legend {
            @for s in [Support::Evidenced, Support::Partly, Support::NoEvidence, Support::Contradicted] { li { (support(s)) " " span .num { (of(s)) } } }
            li { (badge(if raised > 0 { Signal::Bad } else { Signal::Quiet }, "flag", "flags raised")) " " span .num { (raised) } }
        }
    }
}

fn assessed(workflow: &str, q: &Assessed) -> Markup {
    html! {
        article .assessed {
            div .support { (support(q.support)) }
            div {
                h3 { (house(&q.question)) }
                p { (prose(&q.answer)) }
                (cites(workflow, &q.cites))
                @if q.support != Support::Evidenced && !q.better.is_empty() { p .better { strong { "To answer better: " } (prose(&q.better)) } }
            }
        }
    }
}

fn sorted(flags: &[Flag]) -> Vec<&Flag> {
    let mut flags: Vec<&Flag> = flags.iter().collect();
    flags.sort_by_key(|f| match f.raised {
        Some(true) => 0,
        None => 1,
        Some(false) => 2,
    });
    flags
}

fn flag(workflow: &str, f: &Flag) -> Markup {
    html! {
        li .raised[f.raised == Some(true)] {
            @match f.raised {
                Some(true) => (badge(Signal::Bad, "flag", "raised")),
                Some(false) => (badge(Signal::Good, "check", "not seen")),
                None => (badge(Signal::Unknown, "ask", "cannot tell yet")),
            }
            div {
                p { strong { (house(&f.title)) } }
                @if !f.detail.is_empty() { p { (prose(&f.detail)) } }
                (cites(workflow, &f.cites))
                @if f.raised == Some(true) && !f.better.is_empty() { p .better { strong { "To settle it: " } (prose(&f.better)) } }
            }
        }
    }
}
