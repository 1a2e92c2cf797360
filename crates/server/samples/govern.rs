//! Approvals, waivers, releases, pilots, and what changed since the release.

use super::{ago, digest, event, now, outside};
use ObligationState::{Discharged, Open, Stale};
use seatrial_model::{EventId, Stage};
use seatrial_server::view::*;

fn id(n: u64) -> EventId {
    event(n, "", "", 0).id
}

/// An approval that has gone stale.
pub fn approval() -> ApprovePage {
    ApprovePage {
        obligation: "approval.risk".into(),
        title: "Risk approves influence and limits".into(),
        stage: Stage::Production,
        state: Stale,
        why: "`steps.route.forbid.promises-money` changed.".into(),
        key: digest("key"),
        spec: digest("spec-2"),
        roles: vec!["risk".into(), "supervisors".into()],
        mine: vec!["supervisors".into()],
        text: vec![
            (
                "steps.route.forbid".into(),
                "promises-money: { rule: \"!output.reason.contains('refund')\" }\n<b>x</b>".into(),
            ),
            ("steps.route.influence".into(), "decide".into()),
        ],
        elements: 14,
        inputs: vec![("people in `risk`".into(), "ria@bank.example".into())],
        obligations: Vec::new(),
        since: Some(Since {
            event: Some(event(188, "approval.given/1", "ana@bank.example", 5_800)),
            by: "ana@bank.example".into(),
            at: ago(5_800),
            own: true,
            withdrawn: false,
            changes: vec![ChangeLine {
                what: "element".into(),
                name: "steps.route.forbid.promises-money".into(),
                was: Some("!output.reason.contains('money')".into()),
                now: Some("!output.reason.contains('refund')".into()),
            }],
        }),
        can_reaffirm: true,
    }
}

/// The approval of a release, by somebody who holds none of its roles.
pub fn release_approval() -> ApprovePage {
    ApprovePage {
        obligation: "release.approval".into(),
        title: "The release is approved".into(),
        state: Open,
        why: "Nobody approved this state yet.".into(),
        mine: Vec::new(),
        roles: vec!["credit".into()],
        text: Vec::new(),
        obligations: vec![("spec.valid".into(), Discharged), ("approval.risk".into(), Stale)],
        since: None,
        can_reaffirm: false,
        ..approval()
    }
}

/// Waivers in every standing.
pub fn waivers() -> WaiversPage {
    let line = |n: u64, standing: &str, own: bool| WaiverLine {
        request: id(n),
        event: Some(event(n, "waiver.requested/1", "dev@builder.example", 900)),
        obligation: "review.load".into(),
        stage: Stage::Production,
        standing: standing.into(),
        why: String::new(),
        requested: (if own { "ana@bank.example" } else { "dev@builder.example" }.into(), ago(900)),
        granted: (standing == "in_force").then(|| ("ria@bank.example".to_owned(), "risk".to_owned())),
        until: now().plus_millis(20 * 86_400_000),
        days: 30,
        reason: Some(outside("No volume is known before the <pilot>.")),
        measure: Some(outside("Weekly sampling by risk.")),
        own,
        waits: standing == "asked",
        in_force: standing == "in_force",
    };
    WaiversPage {
        waivers: vec![
            line(301, "asked", false),
            line(299, "asked", true),
            line(280, "in_force", false),
            line(200, "expired", false),
            line(190, "ended", false),
            WaiverLine { why: "whoever asked cannot grant it".into(), reason: None, ..line(180, "void", false) },
        ],
        waivable: vec![(Stage::Production, "outcome.same-day".into(), Open)],
        days_max: (30, 90),
    }
}

/// Nothing was waived yet.
pub fn no_waivers() -> WaiversPage {
    WaiversPage { waivers: Vec::new(), waivable: Vec::new(), days_max: (30, 90) }
}

/// Releases and pilots.
pub fn releases() -> ReleasesPage {
    let row = |n: u64, name: &str, stage, in_force, ended: Option<&str>| ReleaseRow {
        release: digest(name),
        stage,
        level: "SEATRIAL_SIMULATION".into(),
        spec: digest("spec-1"),
        since: ago(4_320),
        until: "2027-01-31T23:00:00Z".parse().ok(),
        by: "lena@builder.example".into(),
        event: Some(event(n, "release.cut/1", "lena@builder.example", 4_320)),
        in_force,
        ended: ended.map(Into::into),
        can_return: !in_force && ended.is_none(),
    };
    ReleasesPage {
        releases: vec![
            row(290, "release-3", Stage::Production, true, None),
            row(260, "release-2", Stage::Production, false, None),
            row(212, "release", Stage::Pilot, false, Some("The pilot `1` is over.")),
        ],
        pilots: vec![PilotRow {
            number: 1,
            shadow: true,
            continue_if: Some("metrics.agreement >= 0.9".into()),
            from: ago(40_000),
            until: Some(ago(4_400)),
            per_day: Some(200),
            in_force: false,
            decisions: 2_412,
            today: 0,
            releases: 2,
            reports: vec![(id(250), ago(4_500), Some(true)), (id(230), ago(9_000), None)],
        }],
    }
}

/// Nothing was released yet.
pub fn no_releases() -> ReleasesPage {
    ReleasesPage { releases: Vec::new(), pilots: Vec::new() }
}

/// What a pilot showed.
pub fn pilot_report() -> PilotReportPage {
    let finding = |question: &str, answer: &str, says: &str| PilotFinding {
        question: question.into(),
        answer: answer.into(),
        says: says.into(),
        figures: vec![(
            "decisions".into(),
            "2412".into(),
            vec![event(212, "release.cut/1", "lena@builder.example", 9)],
        )],
    };
    PilotReportPage {
        event: Some(event(250, "pilot.reported/1", "dev@builder.example", 4_500)),
        pilot: 1,
        shadow: true,
        window: (ago(40_000), ago(4_400)),
        decisions: 2_412,
        continues: Some(true),
        findings: vec![
            finding("Is it worth going on?", "yes", "The criterion is met."),
            finding("Where does AI help, and where does it add too much risk?", "listed", "By slice and rule."),
            finding("Which variability is acceptable?", "unknown", "No repeated runs."),
            finding("Which controls does operation need?", "no", "Reviews were late."),
        ],
    }
}

/// What the newest spec changes in the released one.
pub fn diff() -> DiffPage {
    let item = |path: &str, how: &str, direction: &str, why: &str| DiffLine {
        path: path.into(),
        how: how.into(),
        direction: direction.into(),
        why: why.into(),
        prose: direction == "neutral",
    };
    DiffPage {
        released: Some(digest("spec-1")),
        submitted: Some(digest("spec-2")),
        items: vec![
            item("steps.route.forbid.promises-money", "removed", "widens", "the rule `<b>` is gone"),
            item("steps.route.prompt", "changed", "unclear", "another prompt"),
            item("thresholds.route.at", "changed", "narrows", "0.8 → 0.9"),
            item("purpose", "changed", "neutral", "its words changed"),
        ],
        stale: vec![(Stage::Production, "approval.risk".into(), vec!["steps.route.forbid.promises-money".into()])],
    }
}

/// Nothing is released.
pub fn no_diff() -> DiffPage {
    DiffPage { released: None, submitted: Some(digest("spec-1")), items: Vec::new(), stale: Vec::new() }
}
