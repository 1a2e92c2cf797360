//! From a draft to production, by evidence.

use crate::support::{WORKFLOW, Yard, run};
use seatrial_factory::{ApprovalInput, Quiet, Released};
use seatrial_model::{EventId, Stage};

async fn approve(yard: &Yard, who: &str, stage: Stage, obligation: &str) -> EventId {
    let input =
        ApprovalInput { stage, obligation: obligation.to_owned(), role: None, key: None, shown_ms: Some(60_000) };
    yard.factory.approve(&yard.who(who), WORKFLOW, input).await.unwrap_or_else(|e| panic!("{who} {obligation}: {e}"))
}

async fn missing(yard: &Yard, stage: Stage) -> Vec<String> {
    let standing = yard.factory.standing(WORKFLOW, stage).await.unwrap();
    standing.missing().map(|s| format!("{} {} {}", s.obligation.id, s.state, s.why)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_draft_to_production() {
    let yard = Yard::new().await;
    let dev = yard.who("dev");
    let proposed = yard.factory.propose(&dev, None, "approve", Some("5eed".to_owned()), &Quiet).await.unwrap();
    println!("{proposed:?}");
    let at = proposed.body.at.expect("this split lets a threshold be proposed");
    yard.edit("at: none ", &format!("at: {at} "));
    let certified = yard.factory.certify(&dev, None, "approve", &Quiet).await.unwrap();
    println!("{:?}", certified.body);
    let evaluated = yard.factory.evaluate(&dev, None, &[], &Quiet).await.unwrap();
    for e in &evaluated {
        println!("{} {:?} let through {:?} {:?}", e.body.set, e.body.passed, e.body.let_through, e.body.rules);
    }
    let rehearsed = yard.factory.rehearse(&dev, None, &Quiet).await.unwrap();
    println!("{rehearsed:?}");
    assert!(rehearsed.unprovoked.is_empty() && rehearsed.let_through.is_empty());
    assert_eq!(rehearsed.recomputed.verdicts, rehearsed.recomputed.sampled);
    assert_eq!(rehearsed.recomputed.findings, rehearsed.recomputed.sampled);
    let drilled = yard.factory.drill_stop(&yard.who("hana"), &yard.who("hugo"), None).await.unwrap();
    println!("{drilled:?}");
    println!("pilot misses: {:#?}", missing(&yard, Stage::Pilot).await);
    approve(&yard, "hana", Stage::Pilot, "spec.intent").await;
    approve(&yard, "hana", Stage::Pilot, "approval.credit").await;
    println!("pilot misses: {:#?}", missing(&yard, Stage::Pilot).await);
    approve(&yard, "lena", Stage::Pilot, "release.approval").await;
    let released = yard.factory.release(&yard.who("lena"), WORKFLOW, Stage::Pilot, false).await.unwrap();
    assert!(matches!(released, Released::Cut { .. }), "{released:?}");
    let input = serde_json::json!({"applicant": {"seniority": 14, "records": "no"}, "finances": {"income": 240, "expenses": 60},
        "credit": {"amount": 900, "price": 1500, "months": 36}});
    let shop = seatrial_factory::api::Caller {
        principal: seatrial_model::Principal {
            id: "shop".to_owned(),
            kind: seatrial_model::PrincipalKind::Service,
            side: seatrial_model::Side::Receiving,
            roles: Default::default(),
            assurance: seatrial_model::Assurance::Token,
        },
        token: Some(seatrial_model::event::TokenKind::Caller),
        steps: vec!["*".to_owned()],
    };
    let passed = yard.factory.pass(&shop, run(input)).await.unwrap();
    println!("{passed:?}");
    println!("production misses: {:#?}", missing(&yard, Stage::Production).await);
}
