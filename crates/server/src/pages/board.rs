//! The board of a workflow: what it does, what stands between it and the next stage, and the stop switch.

use super::commands;
use super::frame::{Place, csrf, page};
use super::overview::{gate_line, release};
use super::parts::{
    Signal, at, badge, command, count, digest, empty, event, icon, layer, next, path, plural, state, time,
};
use crate::text::{block, house, prose};
use crate::view::{Ahead, Board, Frame, LayerRows, NextStep, ObligationRow, ReleaseLine, Running, StageState, Today};
use maud::{Markup, html};
use seatrial_model::{Stage, Verdict};

/// The most next steps on the board: more of them are no plan.
const NEXT_SHOWN: usize = 5;

/// The most changed paths that are listed before the rest is counted.
const CHANGED_SHOWN: usize = 6;

/// The page.
#[must_use]
pub fn board(frame: &Frame, view: &Board) -> Markup {
    let title = if view.title.is_empty() { &view.name } else { &view.title };
    let body = html! {
        header .page-head .with-switch {
            div {
                h1 { (house(title)) }
                @if !view.purpose.is_empty() { p .lead { (house(&view.purpose)) } }
            }
            (switch(frame, view))
        }
        div #now data-live {
            div .standing {
                (running(&view.name, &view.running))
                (in_force(&view.name, view.release.as_ref()))
            }
            @if let Some(ahead) = &view.ahead { (ahead_of(&view.name, ahead)) }
            (counters(&view.name, &view.today, view.release.as_ref()))
        }
        div #gates .gates data-live { @for gate in &view.gates { (gate_line(gate)) } }
        div #incidents data-live { (incidents(&view.name, view)) }
        div #next data-live { (next_steps(&view.name, &view.next)) }
        section aria-labelledby="obligations" {
            h2 #obligations { "Obligations" }
            div #layers data-live {
                @for rows in &view.layers { @if !rows.rows.is_empty() { (layer_rows(&view.name, rows)) } }
                @if view.layers.iter().all(|l| l.rows.is_empty()) {
                    (empty("No obligations yet.", "They follow from the spec. Submit one.", commands::SUBMIT))
                }
            }
        }
    };
    page(frame, Place::Board, title, &body)
}

/// What the workflow does at the moment, said first and loud where it needs somebody.
pub(super) fn running(workflow: &str, running: &Running) -> Markup {
    html! {
        @match running {
            Running::NotReleased => p .status .quiet { (icon("dash")) " " strong { "Not released." } " Nothing is served but in rehearsal." },
            Running::Serving { shadow: false } => p .status .good { (icon("go")) " " strong { "Serving." } },
            Running::Serving { shadow: true } => p .status .look { (icon("look")) " " strong { "Shadow." } " The guard judges and changes nothing." },
            Running::Stopped { element, by, since, reason, instead } => div .status .bad role="alert" {
                p {
                    (icon("stop")) " " strong { "Stopped" @if !element.is_empty() { ": " (house(element)) } "." }
                    " By " (house(by)) ", " (time(*since)) ". " a href=(at(workflow, "#switch")) { "Resume" } " needs another person."
                }
                @if let Some(reason) = reason { blockquote { (block(reason)) } }
                @if !instead.is_empty() { p { (prose(instead)) } }
            },
            Running::Retired { by, since } => p .status .quiet { (icon("bar")) " " strong { "Retired." } " By " (house(by)) ", " (time(*since)) ". Nothing is served any more." },
            Running::Lapsed { on_lapse, why } => div .status .bad role="alert" {
                p { (icon("bar")) " " strong { "The release has lapsed." } " " (prose(why)) }
                p { @match on_lapse.as_str() {
                    "stop" => "Nothing is served.",
                    "escalate" => "Every decision goes to a person.",
                    _ => "It goes on with a warning.",
                } }
            },
        }
    }
}

/// Incidents that are not closed; where the release lapsed and nobody opened one, that one can be opened.
fn incidents(workflow: &str, view: &Board) -> Markup {
    let lapsed = matches!(view.running, Running::Lapsed { .. });
    html! {
        @for (number, severity, owner, over) in &view.incidents {
            p .status .(if *over { "look" } else { "bad" }) {
                (icon("bar")) " " a href=(at(workflow, &format!("/incidents/{number}"))) { "Incident " (number) }
                " " (severity.as_str()) ", owned by " (house(owner)) @if *over { ". It is over, and waits for its review." } @else { "." }
            }
        }
        @if lapsed && view.incidents.is_empty() {
            p .muted { "Where that is an incident: " a href=(at(workflow, "/incidents")) { "open one" } ". It has an owner, and a decision to stop or to go on." }
        }
    }
}

fn in_force(workflow: &str, line: Option<&ReleaseLine>) -> Markup {
    html! {
        @if line.is_some() {
            (release(line))
            @if let Some(line) = line {
                p .muted { "spec " (digest(&line.spec)) " · signed as " code { (house(&line.level)) } " · " (event(workflow, &line.event)) }
            }
        }
    }
}

fn ahead_of(workflow: &str, ahead: &Ahead) -> Markup {
    let more = ahead.changed.len().saturating_sub(CHANGED_SHOWN);
    html! {
        div .ahead {
            p {
                (badge(Signal::Wait, "clock", "spec ahead")) " The newest spec " (digest(&ahead.spec)) " is another than the released one. "
                @match ahead.stale { 0 => "No evidence is stale by it.", n => { (plural(n, "obligation is", "obligations are")) " stale by it." } }
            }
            @if !ahead.changed.is_empty() {
                p .paths { "Changed: " @for p in ahead.changed.iter().take(CHANGED_SHOWN) { (path(p)) " " } @if more > 0 { "and " (more) " more" } }
            }
            p { a href=(at(workflow, "/diff")) { "What changed, and what that does" } " " (command(commands::DIFF)) }
        }
    }
}

/// The day's decisions by verdict, and what waits.
pub(super) fn counters(workflow: &str, today: &Today, release: Option<&ReleaseLine>) -> Markup {
    html! {
        section .counters aria-label="Today" {
            div .big { span .n { (count(today.decisions())) } span .l { "decisions today" @if let Some(max) = release.and_then(|r| r.per_day) { " of " (count(max)) } } }
            ul {
                @for v in Verdict::ALL {
                    li { a href=(at(workflow, &format!("/decisions?verdict={v}"))) {
                        (super::parts::verdict(*v)) span .num { (count(today.count(*v))) }
                    } }
                }
            }
            div .big { a href=(at(workflow, "/reviews")) {
                span .n { (count(today.reviews_open)) } span .l { "open reviews" }
                @if today.reviews_late > 0 { " " (badge(Signal::Bad, "clock", &format!("{} late", today.reviews_late))) }
            } }
            div .big { span .n { (count(today.overrides)) } span .l { "overrides today" } }
        }
    }
}

fn next_steps(workflow: &str, steps: &[NextStep]) -> Markup {
    html! {
        @if !steps.is_empty() {
            section .next-steps aria-labelledby="next-title" {
                h2 #next-title { "Next" }
                ol {
                    @for step in steps.iter().take(NEXT_SHOWN) {
                        li {
                            p { (prose(&step.next.what)) br; span .muted .small { "for " a href=(obligation(workflow, &step.obligation)) { (house(&step.obligation)) }
                                ", " (gates(&step.stages)) } }
                            (command(&step.next.command))
                        }
                    }
                }
            }
        }
    }
}

/// Which gates wait for something, in words.
pub(super) fn gates(stages: &[Stage]) -> String {
    let names: Vec<&str> = stages.iter().map(|s| s.as_str()).collect();
    match names.as_slice() {
        [] => "no gate waits for it".to_owned(),
        [one] => format!("{one} waits for it"),
        several => format!("{} wait for it", several.join(" and ")),
    }
}

fn layer_rows(workflow: &str, rows: &LayerRows) -> Markup {
    let (number, name) = layer(rows.layer);
    let done =
        rows.rows.iter().filter(|r| [&r.pilot, &r.production].into_iter().flatten().all(|s| !s.state.blocks())).count();
    html! {
        table .layer {
            caption { span .number { (number) } " " (name) " " span .muted { (done) " of " (rows.rows.len()) " need nothing" } }
            thead { tr { th scope="col" { "Obligation" } th scope="col" { "Pilot" } th scope="col" { "Production" } th scope="col" { "Why, and what next" } } }
            tbody { @for row in &rows.rows { (obligation_row(workflow, row)) } }
        }
    }
}

fn obligation_row(workflow: &str, row: &ObligationRow) -> Markup {
    html! {
        tr {
            th scope="row" {
                a href=(obligation(workflow, &row.id)) { (house(&row.id)) }
                span .title { (prose(&row.title)) }
            }
            td data-label="Pilot" { (cell(row.pilot.as_ref())) }
            td data-label="Production" { (cell(row.production.as_ref())) }
            td .why { (why(row)) }
        }
    }
}

fn cell(now: Option<&StageState>) -> Markup {
    html! {
        @match now {
            None => span .muted title="not needed for this stage" { "not needed" },
            Some(s) => { (state(s.state)) @if let Some(until) = s.until { span .until { "until " (time(until)) } } }
        }
    }
}

/// Why, and what next: once where both stages say the same, else the nearest stage that is not done.
fn why(row: &ObligationRow) -> Markup {
    let speaks = [("Pilot", &row.pilot), ("Production", &row.production)]
        .into_iter()
        .filter_map(|(name, s)| s.as_ref().map(|s| (name, s)))
        .collect::<Vec<_>>();
    let chosen = speaks.iter().find(|(_, s)| s.state.blocks()).or(speaks.last());
    let differ = speaks.iter().any(|(_, s)| chosen.is_some_and(|(_, c)| c.why != s.why));
    html! {
        @if let Some((name, s)) = chosen {
            p { @if differ && s.state.blocks() { span .muted { (name) ": " } } (prose(&s.why)) }
            @if let Some(n) = &s.next { @if s.state.blocks() { (next(n)) } }
        }
    }
}

/// The address of an obligation's page.
pub(super) fn obligation(workflow: &str, id: &str) -> String {
    at(workflow, &format!("/obligations/{}", super::parts::encode(id)))
}

fn switch(frame: &Frame, view: &Board) -> Markup {
    let stopped = matches!(view.running, Running::Stopped { .. });
    html! {
        div #switch .switch {
            @if let Some(me) = &frame.me {
                @if stopped {
                    details .resume {
                        summary .button { (icon("go")) " Resume" }
                        @if view.can_resume {
                            form method="post" action=(at(&view.name, "/resume")) {
                                (csrf(me))
                                p { "Cases are served again, and reviews can release outputs." }
                                label for="resume-reason" { "Why it is safe to go on" }
                                textarea #resume-reason name="reason" rows="3" required maxlength="2000" {}
                                label .check { input type="checkbox" name="sure" value="yes" required; " Resume " (house(&view.name)) }
                                button type="submit" { "Resume now" }
                            }
                        } @else { p { "Whoever stops does not resume, and it takes the right to. Ask somebody else." } }
                    }
                } @else if view.can_stop {
                    details .stop {
                        summary .button { (icon("stop")) " Stop" }
                        form method="post" action=(at(&view.name, "/stop")) {
                            (csrf(me))
                            p { "Nothing more is decided or released, streams in flight are cut, and reviews release nothing. Somebody else has to resume." }
                            label for="stop-reason" { "Why" }
                            textarea #stop-reason name="reason" rows="3" required maxlength="2000" {}
                            label .check { input type="checkbox" name="sure" value="yes" required; " Stop " (house(&view.name)) }
                            button .danger type="submit" { "Stop now" }
                        }
                    }
                }
            }
        }
    }
}
