//! One review: the case, the AI's answer (unless the audit is blind), and the person's.

use super::decision::{answered, because, confidence, findings};
use super::frame::{Place, csrf, page};
use super::parts::{Signal, at, badge, due, icon, length};
use super::payload::payload;
use crate::text::{house, line, prose};
use crate::view::{EditField, EditKind, Frame, Me, Payload, Proposal, ReviewKind, ReviewPage};
use maud::{Markup, html};
use seatrial_model::{Answer, Untrusted};

/// What the form needs besides the review: the proof of when it was shown, and what went wrong last time.
#[derive(Clone, Debug, Default)]
pub struct ReviewForm {
    /// Made by the session, so that the time shown cannot be made up.
    pub shown: String,
    /// Why the answer that was sent was not recorded.
    pub problem: Option<String>,
    /// The reason that was sent then.
    pub reason: String,
}

/// The page.
#[must_use]
pub fn review(frame: &Frame, view: &ReviewPage, form: &ReviewForm) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        (walk(workflow, view))
        header .page-head {
            p .crumbs { a href=(at(workflow, "/reviews")) { "Reviews" } " / " (house(&view.step)) @if let Some(case) = case(view) { " / case " (line(case)) } }
            h1 { (question(view.kind)) }
            p .muted {
                @if view.kind != ReviewKind::Review { span .tag { (view.kind.as_str()) } " " }
                @match view.seeded {
                    Some(caught) => span .tag { @if caught { "seeded, and caught" } @else { "seeded, and missed" } },
                    None => @if view.rehearsal { span .tag { "rehearsal" } },
                }
                " "
                "for " strong { (house(&view.to)) } " · opened " (length(frame.now.millis_since(view.opened))) " ago · "
                @if view.answered.is_some() { "answered" } @else { (due(view.due, frame.now)) }
                @if let Some(by) = &view.claimed_by { " · claimed by " (house(by)) }
            }
        }
        div .review {
            div .material {
                section aria-labelledby="why" { h2 #why { "Why you are asked" } (because(&view.because)) (hint(view.kind)) }
                section aria-labelledby="case" { h2 #case { "The case" } p .muted { (house(&view.does)) } (payload(&view.input)) }
                @match &view.proposal {
                    Some(p) => (proposal(workflow, view.kind, p)),
                    None => section .blind aria-labelledby="ai" { h2 #ai { "The AI’s answer" } p { (icon("lock")) " Not shown: you answer first, so that its answer cannot lead yours." } },
                }
            }
            div .answering { (answering(frame, workflow, view, form)) }
        }
    };
    page(frame, Place::Reviews, question(view.kind), &body)
}

fn case(view: &ReviewPage) -> Option<&Untrusted> {
    match &view.case {
        Payload::Held { fields, .. } => fields.first().map(|f| &f.value),
        Payload::Erased { .. } | Payload::None { .. } => None,
    }
}

const fn question(kind: ReviewKind) -> &'static str {
    match kind {
        ReviewKind::Review => "May this leave?",
        ReviewKind::Own => "Your decision",
        ReviewKind::Audit => "Was this right?",
        ReviewKind::BlindAudit => "What would you decide?",
    }
}

fn hint(kind: ReviewKind) -> Markup {
    html! {
        @match kind {
            ReviewKind::Own => p { "This is not delegated to AI at all. Nobody can release the AI’s answer; you decide afresh, in your own name." },
            ReviewKind::Audit | ReviewKind::BlindAudit => p .muted { "This decision was allowed and drawn by sampling. Your answer checks the AI; it does not change the case." },
            ReviewKind::Review => {}
        }
    }
}

fn walk(workflow: &str, view: &ReviewPage) -> Markup {
    html! {
        nav .walk aria-label="Queue" {
            @if let Some(p) = view.previous { a data-key="k" href=(at(workflow, &format!("/reviews/{p}"))) rel="prev" { kbd { "k" } " previous" } }
            @if let Some(n) = view.next { a data-key="j" href=(at(workflow, &format!("/reviews/{n}"))) rel="next" { "next " kbd { "j" } } }
        }
    }
}

fn proposal(workflow: &str, kind: ReviewKind, view: &Proposal) -> Markup {
    html! {
        section aria-labelledby="ai" {
            h2 #ai { "The AI’s answer" @if kind == ReviewKind::Own { " " (badge(Signal::Bad, "cross", "cannot be released")) } }
            (payload(&view.output))
            @if let Some(redacted) = &view.redacted { h3 { "Redacted: this is what accepting releases" } (payload(redacted)) }
            (confidence(workflow, &view.confidence))
            h3 { "Findings" }
            (findings(&view.findings))
        }
    }
}

fn answering(frame: &Frame, workflow: &str, view: &ReviewPage, form: &ReviewForm) -> Markup {
    html! {
        h2 { "Your answer" }
        @match (&view.answered, &view.barred, &frame.me) {
            (Some(a), _, _) => (answered(a)),
            (None, Some(why), _) => p .note { (icon("bar")) " " (prose(why)) },
            (None, None, Some(me)) if !view.answers.is_empty() => (answer_form(me, workflow, view, form)),
            _ => p .note { "You cannot answer this one." },
        }
        @if view.kind == ReviewKind::BlindAudit && view.answered.is_none() { p .muted .small { "The decision opens to you once you have answered." } }
        @else { p { a href=(at(workflow, &format!("/decisions/{}", view.decision))) { "The decision with its whole chain" } } }
    }
}

fn answer_form(me: &Me, workflow: &str, view: &ReviewPage, form: &ReviewForm) -> Markup {
    let only = view.answers.len() == 1;
    html! {
        form .answer method="post" action=(at(workflow, &format!("/reviews/{}/answer", view.review))) data-confirm {
            (csrf(me))
            input type="hidden" name="seen" value=(view.seen);
            input type="hidden" name="shown" value=(form.shown);
            @if let Some(problem) = &form.problem { p .note .bad role="alert" { (prose(problem)) } }
            fieldset .choices {
                legend .sr { "Answer" }
                @for a in &view.answers {
                    @let (key, name, what) = choice(*a, view.kind);
                    label .choice {
                        input type="radio" name="answer" value=(a) required checked[only] data-key=(key);
                        span { strong { (name) } @if !only { " " kbd { (key) } } span .muted { (what) } }
                    }
                }
            }
            @if !view.edit.is_empty() {
                fieldset .edit { legend { @if view.kind == ReviewKind::Review { "Corrected output" } @else { "Your output" } }
                    @for f in &view.edit { (edit_field(f)) }
                }
            }
            label for="reason" { "Reason" }
            textarea #reason name="reason" rows="4" maxlength="4000" placeholder="What you saw and why" required { (form.reason) }
            button .primary type="submit" { "Record my answer" }
            p .muted .small { "Recorded in your name (" (house(&me.id)) "), bound to exactly this output, used once." }
        }
    }
}

/// The key, the name and the effect of an answer.
const fn choice(answer: Answer, kind: ReviewKind) -> (&'static str, &'static str, &'static str) {
    match (answer, kind) {
        (Answer::Accept, ReviewKind::Audit) => ("a", "Right", "The AI decided as you would."),
        (Answer::Reject, ReviewKind::Audit) => ("r", "Wrong", "You would have decided otherwise."),
        (Answer::Accept, _) => ("a", "Accept", "Release the output as it is."),
        (Answer::Edit, _) => ("e", "Edit", "Release your corrected output."),
        (Answer::Reject, _) => ("r", "Reject", "Release nothing."),
        (Answer::Own, ReviewKind::BlindAudit) => ("o", "My answer", "Compared with the AI’s afterwards."),
        (Answer::Own, _) => ("o", "Decide myself", "Release your own decision."),
    }
}

fn edit_field(field: &EditField) -> Markup {
    let id = format!("out-{}", field.name);
    let name = format!("out.{}", field.name);
    let value = field.value.raw();
    html! {
        div .field {
            label for=(id) { (house(&field.name)) @if !field.required { span .muted { " (may be empty)" } } }
            @match &field.kind {
                EditKind::Text => textarea id=(id) name=(name) rows="3" { (value) },
                EditKind::Number { whole } => input id=(id) name=(name) type="number" step=(if *whole { "1" } else { "any" }) value=(value);,
                EditKind::Boolean => select id=(id) name=(name) {
                    option value="" selected[value.is_empty()] { "" }
                    option value="true" selected[value == "true"] { "yes" }
                    option value="false" selected[value == "false"] { "no" }
                },
                EditKind::Choice { of } => select id=(id) name=(name) {
                    option value="" { "" }
                    @for o in of { option value=(o) selected[value == o] { (house(o)) } }
                },
                EditKind::Json => textarea .code id=(id) name=(name) rows="5" spellcheck="false" { (value) },
            }
            @if !field.label.is_empty() { p .muted .small { (house(&field.label)) } }
            @if holds_invisible(value) { p .small { (badge(Signal::Look, "look", "holds invisible characters")) " " (line(&field.value)) } }
        }
    }
}

/// A form's control has to hold the text as it is; where something in it cannot be seen, the page says so.
fn holds_invisible(value: &str) -> bool {
    Untrusted::new(value).page(value.len()).contains("⟨U+")
}
