//! Drills and incidents.

use super::{ago, event};
use seatrial_factory::api::Held;
use seatrial_factory::{
    DrillGuide, DrillLook, IncidentLook, IncidentState, IncidentStory, LastDrill, Runbook, TimelineEntry, WaitingDrill,
};
use seatrial_model::{Commitment, Digest, IncidentCourse, IncidentSeverity, Side, Untrusted};
use seatrial_server::view::{Answering, DrillResult, DrillsPage, IncidentPage, IncidentsPage};

fn written(text: &str) -> Held {
    Held::Text { text: Untrusted::new(text), commitment: Commitment(Digest::of(text.as_bytes())) }
}

fn drill(control: &str, last: Option<LastDrill>) -> (DrillLook, DrillGuide) {
    let look = DrillLook {
        control: control.into(),
        title: format!("The {control} control was exercised"),
        obligation: Some(format!("drill.{control}")),
        state: Some(if last.is_some() { "discharged" } else { "open" }.into()),
        why: "not exercised yet".into(),
        allowed_ms: Some(60_000),
        last,
        command: format!("seatrial drill {control}"),
        second: matches!(control, "stop" | "incident"),
        by_answers: matches!(control, "escalation" | "degraded"),
    };
    let runbook = Runbook {
        element: "responsibilities.exceptions".into(),
        file: "runbooks/exceptions.md".into(),
        text: Untrusted::new("1. Stop.\n2. Say so.\n<script>alert('runbook')</script>"),
    };
    let guide = DrillGuide {
        control: control.into(),
        steps: vec!["You stop them.", "Another person resumes."],
        runbooks: if control == "incident" { vec![runbook] } else { Vec::new() },
    };
    (look, guide)
}

/// Every control; one counts, one does not, and one waits for another person.
pub fn drills() -> DrillsPage {
    let last = |by: &str, side: Side, counts: bool| LastDrill {
        event: event(401, "", "", 0).id,
        at: ago(90),
        by: by.into(),
        side,
        effective_ms: 212,
        in_time: true,
        counts: Some(counts),
        why: "production needs a person of the receiving side".into(),
    };
    DrillsPage {
        drills: vec![
            drill("stop", Some(last("ana@bank.example", Side::Receiving, true))),
            drill("override", Some(last("dev@shipyard.example", Side::Delivery, false))),
            drill("incident", None),
            drill("escalation", None),
            drill("restore", None),
        ],
        waiting: Some(WaitingDrill {
            control: "stop".into(),
            by: "bo@bank.example".into(),
            since: ago(2),
            steps: vec!["marked requests run: 3 answered".into()],
            left: false,
        }),
        not_finish: None,
        not_yours: None,
        delivery: false,
        answering: None,
        done: None,
    }
}

/// A drill that is recorded, and one that people answer, seen by the delivery side.
pub fn drills_after() -> DrillsPage {
    let review = super::reviews().rows.first().expect("a review").review;
    DrillsPage {
        waiting: None,
        delivery: true,
        answering: Some(Answering { control: "degraded".into(), reviews: vec![(review, "supervisors".into(), true)] }),
        done: Some(DrillResult {
            control: "stop".into(),
            by: "dev@shipyard.example".into(),
            side: Side::Delivery,
            effective_ms: 212,
            allowed_ms: Some(60_000),
            refused: 20,
            finished: 3,
            not_production: Some("production needs a person of the receiving side".into()),
            events: vec![event(402, "workflow.stopped/1", "dev@shipyard.example", 3)],
        }),
        ..drills()
    }
}

fn look(number: u64, state: IncidentState, text: &str) -> IncidentLook {
    IncidentLook {
        incident: number,
        event: event(410 + number, "", "", 0).id,
        state,
        severity: IncidentSeverity::High,
        owner: "ana@bank.example".into(),
        by: "bo@bank.example".into(),
        opened: ago(40),
        course: Some(IncidentCourse::GoOn),
        resolved: None,
        reviewed: None,
        decisions: Vec::new(),
        elements: vec!["steps.route".into()],
        findings: Vec::new(),
        drill: number == 2,
        text: written(text),
        next: Some(format!("seatrial incident resolve {number} HOW")),
    }
}

/// Two incidents; one says something hostile.
pub fn incidents() -> IncidentsPage {
    IncidentsPage {
        incidents: vec![
            look(2, IncidentState::Reviewed, "incident drill"),
            look(1, IncidentState::Open, "<img src=x onerror=alert(1)> \u{202e}two customers mixed up"),
        ],
        not_yours: None,
        people: vec!["ana@bank.example".into(), "bo@bank.example".into()],
    }
}

/// One incident, with its timeline.
pub fn incident() -> IncidentPage {
    let entry = |index: u64, says: &str, text: &str, before: bool| {
        let e = event(index, "incident.updated/1", "bo@bank.example", 30);
        TimelineEntry {
            index: e.index,
            event: e.id,
            at: e.time,
            kind: e.kind,
            by: e.actor,
            says: says.into(),
            text: written(text),
            decision: None,
            before,
        }
    };
    let incident = look(1, IncidentState::Open, "<img src=x onerror=alert(1)> two customers mixed up");
    let timeline = vec![
        entry(420, "route: allow, allow", "", true),
        entry(421, "opened, high, owned by ana@bank.example", "<b>two customers</b> mixed up", false),
    ];
    IncidentPage {
        story: IncidentStory { incident, timeline, cut_short: true },
        may_handle: true,
        may_decide: true,
        people: vec!["ana@bank.example".into(), "bo@bank.example".into()],
    }
}

/// One that is resolved, and waits for its review.
pub fn resolved_incident() -> IncidentPage {
    let mut page = incident();
    page.story.incident.state = IncidentState::Resolved;
    page
}
