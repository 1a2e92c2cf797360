//! Ownership.

use super::{WORKFLOW, ago, digest, drills, event, now};
use seatrial_factory::api::InForce;
use seatrial_factory::{
    ActionKind, Hypercare, OwnershipLook, RightsLook, Sides, Taker, Taking, TransferIndex, TransferLook, Week,
};
use seatrial_governance::status::TransferBar;
use seatrial_model::facts::OnLapse;
use seatrial_model::{Side, Span, Stage};
use seatrial_server::view::{ObligationState, OwnershipLine, OwnershipPage};
use seatrial_spec::workflow::{Bar, BarOp};
use std::collections::BTreeMap;

const DAY: i64 = 24 * 60;

fn sides(receiving: u64, delivery: u64) -> Sides {
    Sides { receiving, delivery, independent: 7 }
}

fn index(weeks: &[(&str, u64, u64)]) -> TransferIndex {
    let week = |(from, receiving, delivery): &(&str, u64, u64)| {
        let sides = sides(*receiving, *delivery);
        Week { from: from.parse().expect("a day"), sides, share: sides.share() }
    };
    let weeks: Vec<Week> = weeks.iter().map(week).collect();
    let sum = |of: fn(&Sides) -> u64| weeks.iter().map(|w| of(&w.sides)).sum();
    let all = sides(sum(|s| s.receiving), sum(|s| s.delivery));
    TransferIndex {
        since: weeks.first().expect("a week").from,
        until: now().day(),
        sides: all,
        share: all.share(),
        kinds: BTreeMap::from([(ActionKind::Review, all), (ActionKind::Stop, Sides::default())]),
        weeks,
    }
}

fn line(id: &str, state: ObligationState, why: &str) -> OwnershipLine {
    OwnershipLine { id: id.into(), state, why: why.into(), next: Some("seatrial handover index".into()) }
}

fn taking(responsibility: &'static str, accepted: bool) -> Taking {
    let taker = |name: &str, accepted: bool| Taker {
        id: format!("{name}@bank.example"),
        name: name.into(),
        side: Side::Receiving,
        accepted: accepted.then(|| (event(301, "", "", 0).id, 301)),
    };
    Taking {
        responsibility,
        delivery: Some("engineering".into()),
        receiving: Some("supervisors".into()),
        challenged_by: None,
        runbook: None,
        takers: vec![taker("Ana <b>Ruiz</b>", true), taker("Bo", accepted)],
        missing: Vec::new(),
    }
}

/// In hypercare, with the rights' end said.
pub fn ownership() -> OwnershipPage {
    let in_force = InForce {
        release: digest("release-3"),
        event: event(290, "", "", 0).id,
        stage: Stage::Production,
        spec: digest("spec-7"),
        since: ago(20 * DAY),
        until: Some(ago(-40 * DAY)),
        level: "SEATRIAL_SIMULATION".into(),
        per_day: None,
        pilot: None,
        waivers: Vec::new(),
        owned: false,
        back: None,
        lapsed: None,
    };
    let weeks = [("2026-11-02", 2, 18), ("2026-11-09", 9, 11), ("2026-11-16", 24, 6), ("2026-11-23", 11, 0)];
    let bar = Bar { op: BarOp::AtLeast, value: 0.9 };
    let over = Span::from_millis(30 * 86_400_000);
    let lowered_to = Some(Bar { op: BarOp::AtLeast, value: 0.5 });
    let transfer = TransferLook {
        workflow: WORKFLOW.parse().expect("a name"),
        index: index(&weeks),
        bar: Some(TransferBar { bar, over, fixed_by: Some(290), lowered_to, dropped: false }),
        measured: Some(index(&weeks)),
        actions_min: 20,
        reached: Some(false),
    };
    let rights = RightsLook {
        event: event(320, "", "", 0).id,
        by: "ana@bank.example".into(),
        at: ago(DAY),
        from: ago(-30 * DAY),
        ended: false,
        left_ms: Some(30 * 86_400_000),
        tokens: vec!["0123456789ab".into()],
    };
    let hypercare = Hypercare { until: ago(-40 * DAY), left_ms: Some(40 * 86_400_000), reaction: OnLapse::Escalate };
    let look = OwnershipLook {
        workflow: WORKFLOW.parse().expect("a name"),
        in_force: Some(in_force),
        hypercare: Some(hypercare),
        rights: Some(rights),
        responsibilities: vec![taking("workflow", true), taking("changes", false)],
        drills: drills().drills.into_iter().map(|(look, _)| look).collect(),
        transfer,
        handover: Vec::new(),
        missing: Vec::new(),
    };
    OwnershipPage {
        look,
        handover: vec![
            line("ownership.unaided", ObligationState::Discharged, "entry 288 by ana@bank.example"),
            line("ownership.access", ObligationState::Open, "the log is signed with the key <script>that</script>"),
            line("ownership.index", ObligationState::Failed, "46 of 81"),
        ],
        missing: vec![line("release.approval", ObligationState::Open, "nobody approved it")],
    }
}

/// Owned: nothing counts down any more, and nobody has done anything yet.
pub fn owned() -> OwnershipPage {
    let mut page = ownership();
    let look = &mut page.look;
    look.hypercare = None;
    if let Some(release) = &mut look.in_force {
        (release.stage, release.owned, release.until) = (Stage::Owned, true, None);
    }
    if let Some(rights) = &mut look.rights {
        (rights.ended, rights.left_ms) = (true, None);
    }
    look.transfer.index =
        TransferIndex { sides: Sides::default(), share: None, weeks: Vec::new(), ..index(&[("2026-11-23", 0, 0)]) };
    (look.transfer.bar, look.transfer.measured, look.transfer.reached) = (None, None, None);
    look.responsibilities.clear();
    page.missing.clear();
    page
}
