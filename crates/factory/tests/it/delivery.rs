//! From a draft to its pilot, step by step: what is missing at each, and what each measurement came to.

use crate::support::{SALT, WORKFLOW, Yard, application};
use seatrial_factory::{Quiet, Released};
use seatrial_model::{Stage, Verdict};

async fn missing(yard: &Yard, stage: Stage) -> Vec<String> {
    let standing = yard.standing(stage).await;
    standing.missing().map(|s| s.obligation.id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_draft_to_its_pilot() {
    let yard = Yard::new().await;
    let dev = yard.who("dev");
    let proposed = yard.factory.propose(&dev, None, "approve", Some(SALT.to_owned()), &Quiet).await.unwrap();
    let at = proposed.body.at.expect("this split lets a threshold be proposed");
    assert!(proposed.body.power > 0.5);
    yard.edit("at: none ", &format!("at: {at} "));
    let certified = yard.factory.certify(&dev, None, "approve", &Quiet).await.unwrap();
    assert!(certified.body.certified && certified.body.certificate.bound <= 0.08, "{:?}", certified.body);
    assert!(certified.curve.starts_with("<svg"));
    let evaluated = yard.factory.evaluate(&dev, None, &[], &Quiet).await.unwrap();
    let sets: Vec<&str> = evaluated.iter().map(|e| e.body.set.as_str()).collect();
    assert_eq!(sets, ["boundary", "hardship", "probes"], "what a model learns from is no evaluation's");
    assert!(evaluated.iter().all(|e| e.body.let_through.k == 0));
    let rehearsed = yard.factory.rehearse(&dev, None, &Quiet).await.unwrap();
    assert!(rehearsed.unprovoked.is_empty() && rehearsed.let_through.is_empty(), "{rehearsed:?}");
    assert_eq!(rehearsed.recomputed.verdicts, rehearsed.recomputed.sampled);
    assert_eq!(rehearsed.recomputed.findings, rehearsed.recomputed.sampled);
    let drilled = yard.factory.drill_stop(&yard.who("hana"), &yard.who("hugo"), None).await.unwrap();
    assert!(drilled.answered >= 3 && drilled.refused == 20 && drilled.effective_ms < 60_000, "{drilled:?}");
    let drills = ["drill.override", "drill.escalation", "drill.degraded"];
    let open = missing(&yard, Stage::Pilot).await;
    assert_eq!(open, [&["spec.intent", "approval.credit"][..], &drills[..], &["release.approval"]].concat());
    crate::simulated::drills(&yard.factory).await.unwrap();
    assert_eq!(missing(&yard, Stage::Pilot).await, ["spec.intent", "approval.credit", "release.approval"]);
    yard.approve("hana", Stage::Pilot, "spec.intent", None).await;
    yard.approve("hana", Stage::Pilot, "approval.credit", None).await;
    assert_eq!(missing(&yard, Stage::Pilot).await, ["release.approval"]);
    yard.approve("lena", Stage::Pilot, "release.approval", None).await;
    let ready = yard.factory.release(&yard.who("lena"), WORKFLOW, Stage::Pilot, true).await.unwrap();
    assert!(matches!(ready, Released::Ready { .. }), "{ready:?}");
    assert!(yard.factory.in_force(&yard.log()).await.unwrap().is_none(), "nobody asked for it to be cut");
    let released = yard.factory.release(&yard.who("lena"), WORKFLOW, Stage::Pilot, false).await.unwrap();
    let Released::Cut { release, .. } = released else { panic!("{released:?}") };
    let passed = yard.pass(application(900)).await;
    assert_eq!((passed.release, passed.verdict, passed.output), (Some(release), Verdict::Escalate, None));
    // What a pilot does not need is still missing for production.
    let shown = ["spec.intent", "spec.questions", "outcome.waiting", "pilot.findings", "risk.register"];
    let judged = ["approval.credit", "approval.risk", "validation.independent", "runtime.complete"];
    let rest = ["oversight.efficacy", "ownership.accepted", "release.approval"];
    assert_eq!(missing(&yard, Stage::Production).await, [&shown[..], &judged[..], &rest[..]].concat());
}
