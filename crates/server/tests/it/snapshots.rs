//! What a person reads, as markup.

use crate::samples;
use expect_test::{Expect, expect};
use seatrial_model::{Stage, Time};
use seatrial_server::chart;
use seatrial_server::pages::{self, parts};
use seatrial_server::view::{ObligationState, Tally};

/// The part of a page from one text to another, broken into lines between elements.
fn part(page: &str, from: &str, to: &str) -> String {
    let (_, rest) = page.split_once(from).expect("the part begins");
    let (inner, _) = rest.split_once(to).expect("the part ends");
    format!("{from}{inner}{to}").replace("><", ">\n<")
}

fn check(got: &str, expect: &Expect) {
    expect.assert_eq(got);
}

#[test]
fn a_row_of_the_queue() {
    let page = pages::reviews(&samples::frame(), &samples::reviews()).into_string();
    check(
        &part(&page, "<li class=\"late\"", "</li>"),
        &expect![[r#"
            <li class="late" data-row>
            <a class="stretch" href="/w/complaint-routing/reviews/rev_0193f2a0-7c1d-7000-8000-000000000003">Case <bdi class="outside">C-20877</bdi>
            </a>
            <p class="what">
            <span class="badge bad">
            <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path fill="currentColor" stroke="none" d="M5.2.9h5.6l4.3 4.3v5.6l-4.3 4.3H5.2L.9 10.8V5.2z"/>
            <path class="cut" d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8"/>
            </svg>
            <span>own decision</span>
            </span> <code>route</code> for <strong>supervisors</strong>
            </p>
            <p class="because">
            <code class="path">steps.<wbr>route.<wbr>never.<wbr>closes-a-complaint</code> </p>
            <p class="times">
            <span class="badge bad">
            <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <circle cx="8" cy="8" r="6.2"/>
            <path d="M8 4.4V8l2.5 1.7"/>
            </svg>
            <span>late by 41 min</span>
            </span>
            <span class="muted">opened 4 h 41 min ago</span>
            </p>
            </li>"#]],
    );
}

#[test]
fn a_row_of_the_board() {
    let page = pages::board(&samples::frame(), &samples::board()).into_string();
    check(
        &part(&page, "<a href=\"/w/complaint-routing/obligations/spec.intent\"", "</tr>"),
        &expect![[r#"
        <a href="/w/complaint-routing/obligations/spec.intent">spec.intent</a>
        <span class="title">Purpose, population, influence and limits are agreed</span>
        </th>
        <td data-label="Pilot">
        <span class="badge good">
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
        <circle cx="8" cy="8" r="7" fill="currentColor" stroke="none"/>
        <path class="cut" d="m4.8 8.3 2.2 2.2 4.3-4.8"/>
        </svg>
        <span>discharged</span>
        </span>
        </td>
        <td data-label="Production">
        <span class="badge wait">
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
        <circle cx="8" cy="8" r="6.2"/>
        <path d="M8 4.4V8l2.5 1.7"/>
        </svg>
        <span>stale</span>
        </span>
        </td>
        <td class="why">
        <p>
        <span class="muted">Production: </span>
        <code>steps.route.forbid.promises-money</code> changed after the approval of risk.</p>
        <div class="next">
        <span>Read what changed and approve again.</span> <span class="command">
        <code>seatrial approve spec.intent --as risk</code>
        <button type="button" data-copy="seatrial approve spec.intent --as risk" hidden>copy</button>
        </span>
        </div>
        </td>
        </tr>"#]],
    );
}

#[test]
fn a_field_with_findings() {
    let page = pages::decision(&samples::frame(), &samples::decision()).into_string();
    check(
        &part(&page, "<bdi class=\"outside block\">Charged", "</dd>"),
        &expect![[r#"
        <bdi class="outside block">Charged twice for a card; the customer asks to be called at <mark title="steps.route.forbid.personal-data: phone">+34 600 123 456<span class="sr"> (steps.route.forbid.personal-data: phone)</span>
        </mark> or <mark title="steps.route.forbid.personal-data: email">bo@mail.example<span class="sr"> (steps.route.forbid.personal-data: email)</span>
        </mark>.</bdi>
        </dd>"#]],
    );
}

#[test]
fn a_waterline() {
    let tally = Tally::of([
        ObligationState::Discharged,
        ObligationState::Stale,
        ObligationState::Open,
        ObligationState::NotApplicable,
    ]);
    check(
        &chart::waterline(&tally, "pilot").into_string().replace("><", ">\n<"),
        &expect![[r#"
        <svg class="waterline" viewBox="0 0 400 18" preserveAspectRatio="none" role="img" aria-label="pilot: 1 discharged, 1 stale, 1 open of 3 obligations">
        <rect class="good" x="0" y="3" width="131.83" height="12">
        </rect>
        <rect class="wait" x="133.33" y="3" width="131.83" height="12">
        </rect>
        <rect class="unknown" x="266.67" y="3" width="131.83" height="12">
        </rect>
        </svg>"#]],
    );
}

#[test]
fn small_parts() {
    let now: Time = "2026-11-23T14:32:10Z".parse().unwrap();
    let parts = [
        parts::stage(Stage::Pilot),
        parts::path("steps.route"),
        parts::command("seatrial eval golden"),
        parts::event("claims", &samples::event(7, "release.cut/1", "dev@b.example", 1)),
        parts::time(now),
    ];
    let got: String = parts.iter().map(|p| format!("{}\n", p.clone().into_string())).collect();
    check(
        &got,
        &expect![[r#"
        <span class="stamp stage-pilot">pilot</span>
        <code class="path">steps.<wbr>route</code>
        <span class="command"><code>seatrial eval golden</code><button type="button" data-copy="seatrial eval golden" hidden>copy</button></span>
        <a class="event" href="/w/claims/log?before=8#e7" title="evt_0193f2a0-7c1d-7000-8000-000000000007 by dev@b.example, 2026-11-23T14:31:10.000Z"><span class="entry">№ 7</span> release.cut/1</a>
        <time datetime="2026-11-23T14:32:10.000Z" title="2026-11-23T14:32:10.000Z">23 Nov 2026, 14:32</time>
    "#]],
    );
}
