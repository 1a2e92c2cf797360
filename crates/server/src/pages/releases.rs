//! Releases and pilots: what is in force, what was, and the way back.

use super::frame::{Place, csrf, page};
use super::parts::{Signal, at, badge, cites, count, digest, empty, event, icon, plural, stage, time};
use crate::text::{house, prose};
use crate::view::{Frame, Me, PilotFinding, PilotReportPage, PilotRow, ReleaseRow, ReleasesPage};
use maud::{Markup, html};

/// The page. `problem` says why what was sent was not recorded.
#[must_use]
pub fn releases(frame: &Frame, view: &ReleasesPage, problem: Option<&str>) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        header .page-head {
            h1 { "Releases" }
            p .lead { "A release is the signed statement that every obligation of a stage is settled for one spec." }
            p { a href=(at(workflow, "/diff")) { "What the newest spec changes in the released one" } }
        }
        @if let Some(problem) = problem { p .note .bad role="alert" { (prose(problem)) } }
        div #releases data-live {
            @if view.releases.is_empty() { (empty("Nothing was released.", "A release is cut when nothing is missing.", super::commands::RELEASE_DRY_RUN)) }
            ul .releases { @for r in &view.releases { (release(frame, workflow, r)) } }
        }
        section aria-labelledby="pilots" {
            h2 #pilots { "Pilots" }
            div #pilot-list data-live {
                @if view.pilots.is_empty() { p { "No pilot was released yet." } } @else { (pilots(workflow, &view.pilots)) }
            }
        }
    };
    page(frame, Place::Releases, "Releases", &body)
}

fn release(frame: &Frame, workflow: &str, r: &ReleaseRow) -> Markup {
    html! {
        li .release {
            p .head {
                (stage(r.stage)) " " (digest(&r.release)) " "
                @if r.in_force { (badge(Signal::Good, "go", "in force")) }
                @else if let Some(ended) = &r.ended { (badge(Signal::Quiet, "dash", "over")) " " span .muted { (prose(ended)) } }
                @else { (badge(Signal::Quiet, "clock", "earlier")) }
            }
            p .muted {
                "cut " (time(r.since)) " by " (house(&r.by)) @if let Some(e) = &r.event { " " (event(workflow, e)) }
                " · spec " (digest(&r.spec)) " · signed as " code { (house(&r.level)) }
                @if let Some(until) = r.until { " · until " (time(until)) }
            }
            @if r.can_return { @if let Some(me) = &frame.me { (back(me, workflow, r)) } }
        }
    }
}

fn back(me: &Me, workflow: &str, r: &ReleaseRow) -> Markup {
    let id = format!("why-{}", r.release.short());
    html! {
        details {
            summary .button { (icon("clock")) " Roll back to it" }
            form .inline method="post" action=(at(workflow, "/releases/rollback")) {
                (csrf(me))
                input type="hidden" name="release" value=(r.release);
                p { "It is in force again at once. What it lost since it was cut is shown then, and the spec’s reaction to that holds from the same moment." }
                label for=(id) { "Why" }
                textarea id=(id) name="reason" rows="2" required maxlength="2000" {}
                label .check { input type="checkbox" name="sure" value="yes" required; " Roll back to " (r.release.short()) }
                button .danger type="submit" { "Roll back now" }
            }
        }
    }
}

fn pilots(workflow: &str, list: &[PilotRow]) -> Markup {
    html! {
        table .list {
            thead { tr { th scope="col" { "Pilot" } th scope="col" { "When" } th scope="col" { "Decisions" } th scope="col" { "Criterion to go on" } th scope="col" { "Reports" } } }
            tbody { @for p in list {
                tr {
                    th scope="row" { "Pilot " (p.number) " " @if p.in_force { (badge(Signal::Good, "go", "in force")) } @if p.shadow { " " (badge(Signal::Look, "look", "shadow")) }
                        br; span .muted { (plural(p.releases, "release", "releases")) } }
                    td data-label="When" { (time(p.from)) @if let Some(until) = p.until { " to " (time(until)) } }
                    td data-label="Decisions" { (count(p.decisions)) span .muted { " · today " (count(p.today)) @if let Some(max) = p.per_day { " of " (count(max)) } } }
                    td data-label="Criterion" { @match &p.continue_if { Some(c) => code { (house(c)) }, None => span .muted { "no criterion" } } }
                    td data-label="Reports" {
                        @if p.reports.is_empty() { span .muted { "none yet" } }
                        @for (id, when, met) in &p.reports {
                            p { a href=(at(workflow, &format!("/pilots/{id}"))) { (time(*when)) } " " (criterion(*met)) }
                        }
                    }
                }
            } }
        }
    }
}

fn criterion(met: Option<bool>) -> Markup {
    match met {
        Some(true) => badge(Signal::Good, "check", "criterion met"),
        Some(false) => badge(Signal::Bad, "cross", "criterion not met"),
        None => badge(Signal::Unknown, "ask", "criterion not decided"),
    }
}

/// A pilot's report.
#[must_use]
pub fn pilot_report(frame: &Frame, view: &PilotReportPage) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        header .page-head {
            p .crumbs { a href=(at(workflow, "/releases")) { "Releases" } " / pilot " (view.pilot) }
            h1 { "What pilot " (view.pilot) " showed" }
            p { (criterion(view.continues)) @if view.shadow { " " (badge(Signal::Look, "look", "shadow")) } }
            p .muted { (time(view.window.0)) " to " (time(view.window.1)) " · " (plural(view.decisions, "decision", "decisions"))
                @if let Some(e) = &view.event { " " (event(workflow, e)) } }
        }
        @for f in &view.findings { (finding(workflow, f)) }
    };
    page(frame, Place::Releases, &format!("Pilot {}", view.pilot), &body)
}

fn finding(workflow: &str, f: &PilotFinding) -> Markup {
    html! {
        article .answered {
            h2 { (house(&f.question)) }
            p .reading { @match f.answer.as_str() {
                "yes" => (badge(Signal::Good, "check", "yes")),
                "no" => (badge(Signal::Bad, "cross", "no")),
                "listed" => (badge(Signal::Quiet, "dash", "listed")),
                _ => (badge(Signal::Unknown, "ask", "unknown")),
            } " " (prose(&f.says)) }
            ul .findings { @for (what, value, events) in &f.figures { li { (badge(Signal::Quiet, "dash", "figure")) div { p { (house(what)) ": " strong { (house(value)) } } (cites(workflow, events)) } } } }
        }
    }
}
