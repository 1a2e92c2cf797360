//! Waivers: asked for, granted by somebody else, ended; never hidden.

use super::board::obligation;
use super::frame::{Place, csrf, page};
use super::parts::{Signal, at, badge, empty, event, icon, stage, time};
use crate::text::{block, house, prose};
use crate::view::{Frame, Me, WaiverLine, WaiversPage};
use maud::{Markup, html};

/// The page. `problem` says why what was sent was not recorded.
#[must_use]
pub fn waivers(frame: &Frame, view: &WaiversPage, problem: Option<&str>) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        header .page-head {
            h1 { "Waivers" }
            p .lead { "A waiver is a person’s time-limited acceptance of one undischarged obligation, with a measure taken instead. Another person grants it, and it never hides the obligation." }
        }
        @if let Some(problem) = problem { p .note .bad role="alert" { (prose(problem)) } }
        div #waivers data-live {
            @if view.waivers.is_empty() { (empty("No waivers.", "Nobody asked for one yet.", "")) }
            ul .waivers { @for w in &view.waivers { (line(frame, workflow, w)) } }
        }
        @if let Some(me) = &frame.me { (ask(me, workflow, view)) }
    };
    page(frame, Place::Waivers, "Waivers", &body)
}

fn standing(line: &WaiverLine) -> Markup {
    match line.standing.as_str() {
        "in_force" => badge(Signal::Look, "flag", "in force"),
        "asked" => badge(Signal::Wait, "clock", "waits for another person"),
        "expired" => badge(Signal::Bad, "clock", "expired"),
        "ended" => badge(Signal::Quiet, "dash", "ended"),
        other => badge(Signal::Bad, "bar", if other == "void" { "does not count" } else { "unknown" }),
    }
}

fn line(frame: &Frame, workflow: &str, w: &WaiverLine) -> Markup {
    html! {
        li .waiver {
            h2 { a href=(obligation(workflow, &w.obligation)) { (house(&w.obligation)) } " " (stage(w.stage)) }
            p { (standing(w)) " until " (time(w.until)) span .muted { " · " (w.days) " days in all" } }
            @if !w.why.is_empty() { p .muted { (prose(&w.why)) } }
            dl .facts {
                dt { "Why" } dd { @match &w.reason { Some(t) => (block(t)), None => span .muted { "erased" } } }
                dt { "Instead" } dd { @match &w.measure { Some(t) => (block(t)), None => span .muted { "erased" } } }
                dt { "Asked by" } dd { (house(&w.requested.0)) ", " (time(w.requested.1)) @if let Some(e) = &w.event { " " (event(workflow, e)) } }
                @if let Some((who, role)) = &w.granted { dt { "Granted by" } dd { (house(who)) " as " (house(role)) } }
            }
            @if let Some(me) = &frame.me { (acts(me, workflow, w)) }
        }
    }
}

fn acts(me: &Me, workflow: &str, w: &WaiverLine) -> Markup {
    let to = |act: &str| at(workflow, &format!("/waivers/{}/{act}", w.request));
    html! {
        @if w.waits {
            @if w.own { p .note { (icon("bar")) " You asked for it: another person grants it." } }
            @else {
                form .inline method="post" action=(to("grant")) {
                    (csrf(me))
                    label .check { input type="checkbox" name="sure" value="yes" required; " I accept this until that day, with that measure" }
                    button .primary type="submit" { "Grant" }
                }
            }
        }
        @if w.in_force || w.waits {
            details {
                summary .button { "End it" }
                form .inline method="post" action=(to("end")) {
                    (csrf(me))
                    label for=(format!("why-{}", w.request)) { "Why" }
                    textarea id=(format!("why-{}", w.request)) name="reason" rows="2" required maxlength="1000" {}
                    input type="hidden" name="sure" value="yes";
                    button type="submit" { "End the waiver" }
                }
            }
        }
    }
}

fn ask(me: &Me, workflow: &str, view: &WaiversPage) -> Markup {
    html! {
        section aria-labelledby="ask" {
            h2 #ask { "Ask for a waiver" }
            @if view.waivable.is_empty() {
                p { "Nothing that is open can be waived. What was measured and missed is no matter for a waiver." }
            } @else {
                form .stack method="post" action=(at(workflow, "/waivers")) {
                    (csrf(me))
                    label for="what" { "Obligation" }
                    select #what name="what" required {
                        option value="" { "" }
                        @for (s, id, now) in &view.waivable { option value=(format!("{s}/{id}")) { (house(id)) " for " (s) " (" (now.as_str()) ")" } }
                    }
                    label for="reason" { "Why it cannot be discharged now" }
                    textarea #reason name="reason" rows="3" required maxlength="1000" {}
                    label for="measure" { "What is done instead" }
                    textarea #measure name="measure" rows="3" required maxlength="1000" {}
                    label for="until" { "Its last day" }
                    input #until name="until" type="date" required;
                    input type="hidden" name="sure" value="yes";
                    p .muted .small { "At most " (view.days_max.0) " days for a pilot and " (view.days_max.1) " for production, renewals counted. It waives nothing before another person grants it." }
                    button .primary type="submit" { "Ask" }
                }
            }
        }
    }
}
