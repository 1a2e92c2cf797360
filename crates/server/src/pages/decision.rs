//! One decision with its whole chain, in the order in which it was made.

use super::frame::{Place, page};
use super::obligation::threshold;
use super::parts::{
    Signal, action, answer, at, badge, command, count, digest, due, event, finding, kind, length, path, stage, time,
    verdict,
};
use super::payload::payload;
use crate::chart::confidence as gauge;
use crate::text::{block, house};
use crate::view::{
    AnswerLine, AuditLine, Because, ConfidenceLine, DecisionPage, FindingLine, Frame, Inclusion, OutcomeLine,
    OverrideLine, Payload, ReviewLine, WhenLine,
};
use maud::{Markup, html};
use seatrial_model::Time;
use seatrial_model::facts::FindingResult;

/// The page.
#[must_use]
pub fn decision(frame: &Frame, view: &DecisionPage) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        header .page-head {
            p .crumbs { a href=(at(workflow, "/decisions")) { "Decisions" } " / " (house(&view.step)) }
            h1 .case { (case(&view.case)) }
            p .id { code { (view.decision) } }
            (head_line(view))
        }
        div #chain .passage data-live {
            (stationed("Verdict", "verdict", &concluded(view)))
            (stationed("Input", "input", &payload(&view.input)))
            (stationed("Output judged", "output", &output(view)))
            (stationed("Findings", "findings", &findings(&view.findings)))
            (stationed("Confidence", "confidence", &confidence(workflow, &view.confidence)))
            @if !view.whens.is_empty() { (stationed("Escalation rules", "whens", &whens(&view.whens))) }
            @if let Some(r) = &view.review { (stationed("Review", "review", &review(workflow, frame.now, r))) }
            @if let Some(o) = &view.overridden { (stationed("Override", "override", &overridden(o))) }
            @if let Some(p) = &view.released { (stationed("What left", "released", &payload(p))) }
            @if let Some(a) = &view.audit { (stationed("Audit", "audit", &audit(a))) }
            @if let Some(o) = &view.outcome { (stationed("Outcome", "outcome", &outcome(o))) }
            (stationed("In the log", "log", &inclusion(workflow, view)))
        }
    };
    page(frame, Place::Decisions, "Decision", &body)
}

fn stationed(title: &str, id: &str, body: &Markup) -> Markup {
    html! { section .station aria-labelledby={ "s-" (id) } { h2 id={ "s-" (id) } { (title) } div .body { (body) } } }
}

fn case(case: &Payload) -> Markup {
    html! {
        @match case {
            Payload::Held { fields, .. } => @for f in fields.iter().take(1) { "Case " (crate::text::line(&f.value)) },
            Payload::Erased { .. } => "Case erased",
            Payload::None { .. } => "Decision",
        }
    }
}

fn head_line(view: &DecisionPage) -> Markup {
    html! {
        p .muted {
            (time(view.event.time)) " · step " code { (house(&view.step)) } " · asked by " (house(&view.event.actor)) " through " code { (house(&view.entry)) } " · "
            @if view.rehearsal { span .tag { "rehearsal" } } @else { (stage(view.stage)) }
            @if view.shadow { " " span .tag { "shadow: nothing was changed" } }
            @if let Some(r) = &view.release { " release " (digest(r)) }
            @if let Some(s) = &view.spec { " · spec " (digest(s)) }
            @if let Some(m) = &view.model { " · model " code { (house(m)) } }
            @if view.attempts > 1 { " · asked " (view.attempts) " times" }
        }
    }
}

fn concluded(view: &DecisionPage) -> Markup {
    html! {
        p .conclusion { (verdict(view.verdict)) span .then { (action(view.action)) } }
        (because(&view.because))
    }
}

/// The elements that brought something about, with the spec's words for each.
pub(super) fn because(list: &[Because]) -> Markup {
    html! {
        @if list.is_empty() { p .muted { "No rule objected." } }
        @else { ul .because { @for b in list { li { (path(&b.path)) @if !b.text.is_empty() { " " span { (house(&b.text)) } } } } } }
    }
}

fn output(view: &DecisionPage) -> Markup {
    html! {
        (payload(&view.output))
        @if view.uninspected.is_empty() { p .muted { "Every part was inspected." } }
        @else { p { (badge(Signal::Look, "look", "not inspected")) " " @for p in &view.uninspected { code { (house(p)) } " " } } }
    }
}

/// What every check found: objections first and open, the rest folded.
pub(super) fn findings(list: &[FindingLine]) -> Markup {
    let (met, objections): (Vec<_>, Vec<_>) = list.iter().partition(|f| f.result == FindingResult::Met);
    html! {
        @if list.is_empty() { p .muted { "No check applies." } }
        @if !objections.is_empty() { (finding_rows(&objections)) }
        @if !met.is_empty() {
            @if objections.is_empty() { (finding_rows(&met)) }
            @else { details .more { summary { (met.len()) " met" } (finding_rows(&met)) } }
        }
    }
}

fn finding_rows(list: &[&FindingLine]) -> Markup {
    html! {
        ul .findings {
            @for f in list {
                li {
                    (finding(f.result))
                    div {
                        p { span .kind { (kind(f.kind)) } " " (path(&f.path)) @if !f.code.is_empty() { " " span .tag { (house(&f.code)) } }
                            @if f.places > 0 { " " span .muted { "in " (f.places) @if f.places == 1 { " place" } @else { " places" } } } }
                        @if !f.rule.is_empty() { p { code .rule { (house(&f.rule)) } } }
                        @if !f.reason.is_empty() { p .muted { (house(&f.reason)) } }
                    }
                }
            }
        }
    }
}

/// The confidence against its threshold.
pub(super) fn confidence(workflow: &str, view: &ConfidenceLine) -> Markup {
    if !view.present && view.source == "none" && view.threshold.is_none() {
        return html! { p .muted { "No confidence is stated, and none is asked for." } };
    }
    html! {
        div .confidence {
            p { span .n { (format!("{:.3}", view.value)) } " from " code { (house(&view.source)) }
                @if !view.present { " " (badge(Signal::Bad, "ask", "absent, so it counts as zero")) } }
            (gauge(view.value, view.threshold.as_ref().map(|(_, t)| *t)))
            @if let Some((name, t)) = &view.threshold {
                p .muted {
                    @if view.value >= *t { "at or above " } @else { "below " } a href=(threshold(workflow, name.trim_start_matches("thresholds."))) { (path(name)) } " = " (t)
                    @match view.certificate.as_deref() {
                        Some("certified") => { " · " (badge(Signal::Good, "check", "certified")) },
                        Some("revoked") => { " · " (badge(Signal::Bad, "bar", "certificate revoked")) },
                        _ => { " · " (badge(Signal::Unknown, "ring", "no certificate: everything escalates")) },
                    }
                }
            }
        }
    }
}

fn whens(list: &[WhenLine]) -> Markup {
    html! {
        ul .findings {
            @for w in list {
                li {
                    @if w.failed { (badge(Signal::Bad, "ask", "could not be evaluated")) }
                    @else if w.holds { (badge(Signal::Wait, "person", "holds")) }
                    @else { (badge(Signal::Quiet, "dash", "does not hold")) }
                    div { p { (path(&w.path)) } @if !w.rule.is_empty() { p { code .rule { (house(&w.rule)) } } } }
                }
            }
        }
    }
}

fn review(workflow: &str, now: Time, view: &ReviewLine) -> Markup {
    html! {
        p { "For " strong { (house(&view.to)) } ", " a href=(at(workflow, &format!("/reviews/{}", view.review))) { "open the review" } "." }
        @match &view.answer {
            Some(a) => (answered(a)),
            None => p { (badge(Signal::Wait, "person", "waits for an answer")) " " (due(view.due, now)) },
        }
    }
}

/// A person's answer.
pub(super) fn answered(view: &AnswerLine) -> Markup {
    html! {
        p { strong { (answer(view.answer)) } " by " (house(&view.by)) ", " (time(view.at))
            @if let Some(ms) = view.shown_ms { span .muted { " · shown for " (length(i64::try_from(ms).unwrap_or(i64::MAX))) } } }
        @if !view.usable { p { (badge(Signal::Bad, "bar", "superseded")) " The answer could not be used, and the question was put again." } }
        @if let Some(reason) = &view.reason { blockquote { (block(reason)) } }
    }
}

fn overridden(view: &OverrideLine) -> Markup {
    html! {
        p { strong { (action(view.action)) } " by " (house(&view.by)) ", " (time(view.at)) ": " span .tag { (house(&view.reason)) } }
        @if let Some(note) = &view.note { blockquote { (block(note)) } }
        p .muted { "The verdict above stays as it was; an override is a record of its own." }
    }
}

fn audit(view: &AuditLine) -> Markup {
    html! {
        p {
            "Drawn by sampling" @if view.blind { ", answered blind" } ". "
            @match view.answered {
                None => (badge(Signal::Wait, "person", "waits for an answer")),
                Some(true) => (badge(Signal::Good, "check", "the auditor agrees")),
                Some(false) => (badge(Signal::Bad, "cross", "the auditor disagrees")),
            }
            @if let Some((by, at)) = &view.by { " " (house(by)) ", " (time(*at)) }
        }
        p .muted { "An audit never changes the decision." }
    }
}

fn outcome(view: &OutcomeLine) -> Markup {
    html! {
        p {
            @if view.wrong { (badge(Signal::Bad, "cross", "wrong")) } @else { (badge(Signal::Good, "check", "right")) }
            " recorded " (time(view.at))
            @if !view.matured { " · not matured: it feeds no statistics" }
        }
        (payload(&view.truth))
    }
}

fn inclusion(workflow: &str, view: &DecisionPage) -> Markup {
    let Inclusion { index, size, root, signed, command: check } = &view.inclusion;
    html! {
        p { (event(workflow, &view.event)) " is entry " span .num { (count(*index)) } " of " span .num { (count(*size)) } ", root " (digest(root)) ". "
            @if *signed { (badge(Signal::Good, "check", "in a signed checkpoint")) } @else { (badge(Signal::Wait, "clock", "durable, not yet signed")) } }
        (command(check))
        @if !view.followed_by.is_empty() {
            h3 { "What followed" }
            ol .followed { @for e in &view.followed_by { li { (event(workflow, e)) " " span .muted { (house(&e.actor)) ", " (time(e.time)) } } } }
        }
    }
}
