//! Staleness is exact: on the example, released to production by its simulated people.

use crate::support::{WORKFLOW, Yard, application};
use seatrial_factory::{Released, Standing};
use seatrial_governance::State;
use seatrial_model::{Stage, Verdict};
use std::collections::BTreeMap;

/// How each obligation stands: state, reason, key.
fn board(standing: &Standing) -> BTreeMap<String, (State, String, String)> {
    let row = |s: &seatrial_governance::ObligationState| (s.state, s.why.clone(), s.key.to_string());
    standing.states.iter().map(|s| (s.obligation.id.clone(), row(s))).collect()
}

fn stale(standing: &Standing) -> Vec<&str> {
    let stale = standing.states.iter().filter(|s| s.state == State::Stale);
    stale.map(|s| s.obligation.id.as_str()).collect()
}

/// What else does not stand, besides what is stale.
fn otherwise_missing(standing: &Standing) -> Vec<String> {
    let others = standing.missing().filter(|s| s.state != State::Stale);
    others.map(|s| format!("{} {}", s.obligation.id, s.state)).collect()
}

/// The paths that an obligation's staleness names, where it names any.
fn paths_named(standing: &Standing) -> BTreeMap<&str, Vec<String>> {
    let with_paths = standing.states.iter().filter(|s| !s.changed.is_empty());
    with_paths.map(|s| (s.obligation.id.as_str(), s.changed.iter().map(ToString::to_string).collect())).collect()
}

async fn work_tree(yard: &Yard, stage: Stage) -> Standing {
    yard.factory.standing_of_work_tree(None, stage).await.unwrap()
}

/// Each obligation of `ids` is stale, and says so by exactly this path. Nothing else is.
async fn only_stale(yard: &Yard, stage: Stage, path: &str, ids: &[&str]) {
    let standing = work_tree(yard, stage).await;
    let expected: Vec<&str> = ids.iter().copied().chain(["release.approval"]).collect();
    assert_eq!(stale(&standing), expected, "{stage}");
    // The spec of the work tree is another one that nobody submitted yet: that is no staleness.
    assert_eq!(otherwise_missing(&standing), ["spec.valid open"], "{stage}");
    let named = paths_named(&standing);
    assert_eq!(named.keys().copied().collect::<std::collections::BTreeSet<_>>(), ids.iter().copied().collect());
    assert!(named.values().all(|paths| paths == &[path]), "{named:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_means_the_same_stales_nothing() {
    let yard = Yard::production().await;
    let boards = |p: Standing, q: Standing| (board(&p), board(&q), p.spec, p.ahead, p.unsubmitted);
    let before = boards(work_tree(&yard, Stage::Pilot).await, work_tree(&yard, Stage::Production).await);
    let elements = yard.elements();
    assert!(!before.3 && !before.4);
    // A comment, …
    yard.edit("seatrial: 1\n", "# Read by the new owners on Monday.\nseatrial: 1\n");
    yard.edit("at: 0.94 ", "at: 0.94 # earned ");
    // … another order of keys, …
    yard.edit(
        "  underwriters: \"Underwriters: decide applications\"\n  credit: \"Heads of consumer credit: own the workflow\"\n",
        "  credit: \"Heads of consumer credit: own the workflow\"\n  underwriters: \"Underwriters: decide applications\"\n",
    );
    yard.edit("sample: 0.05, to: credit, blind: true", "blind: true, to: credit, sample: 0.05");
    // … another way of quoting the same string or number, another layout.
    yard.edit("influence: decide", "influence: 'decide'");
    yard.edit(
        "title: \"Pre-approve consumer credits that an underwriter need not read\"",
        "title: >-\n  Pre-approve consumer credits that an underwriter\n  need not read",
    );
    yard.edit(
        "withhold: [applicant.age, applicant.marital]",
        "withhold:\n      - applicant.age\n      - applicant.marital",
    );
    yard.edit("max_wrong: 0.08 ", "max_wrong: 0.080 ");
    assert_eq!(yard.elements(), elements);
    let after = boards(work_tree(&yard, Stage::Pilot).await, work_tree(&yard, Stage::Production).await);
    assert_eq!(after, before);
    assert!(before.1.values().all(|(state, _, _)| state.is_settled()), "{before:?}");
    let submitted = yard.factory.submit(&yard.who("dev"), None).await.unwrap();
    assert!(!submitted.new, "the same meaning is the same spec");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_threshold_stales_what_rests_on_its_number() {
    let yard = Yard::production().await;
    yard.edit("at: 0.94 ", "at: 0.95 ");
    let path = "thresholds.approve.at";
    // Measured at that number: what examples do at it, which rules they exercise, the certificate. Judged over it:
    // `risk` over `thresholds`, `credit` over the escalation that reads it, and whoever took that escalation on.
    // Untouched: the intent (nothing of it changed), the risk register (its own words), probes of `forbid` and `never`,
    // the trace audit (recomputing does not depend on the number), the drill, the questions, who is assigned.
    let ids = ["spec.exercised", "eval.boundary", "eval.forbidden.hardship", "threshold.approve"];
    let judged = ["approval.credit", "approval.risk", "validation.independent", "ownership.accepted"];
    only_stale(&yard, Stage::Production, path, &[&ids[..], &judged[..]].concat()).await;
    // In the pilot everything is reviewed: no certificate is needed, and `credit` approved all of `steps`.
    only_stale(&yard, Stage::Pilot, path, &["eval.boundary", "eval.forbidden.hardship", "approval.credit"]).await;
    for obligation in ids.iter().chain(&judged) {
        let why = yard.factory.explain(None, true, Stage::Production, obligation).await.unwrap();
        assert_eq!(why.state, State::Stale, "{obligation}");
        assert_eq!(why.changed.iter().map(|p| p.as_str()).collect::<Vec<_>>(), [path], "{obligation}");
        assert!(why.why.contains("`thresholds.approve.at`"), "{obligation}: {}", why.why);
        assert!(why.considered.iter().all(|c| !c.counts), "{obligation}");
        assert!(why.scope.iter().any(|e| e.0.as_str() == path), "{obligation}");
    }
    // Back to the number that was shown: everything stands again, because the keys are those of then.
    yard.edit("at: 0.95 ", "at: 0.94 ");
    assert!(work_tree(&yard, Stage::Production).await.missing().next().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_escalation_stales_what_rests_on_it() {
    let yard = Yard::production().await;
    yard.edit("input.credit.amount > 2000", "input.credit.amount > 2500");
    let path = "steps.assess.escalate.large";
    // The certificate is about those that no other rule holds back, so it rests on every escalation. The trace audit
    // recomputed verdicts that this rule had a say in. `risk` and `credit` approved escalations, and those who took the
    // workflow over took them on.
    let measured = ["spec.exercised", "eval.boundary", "eval.forbidden.hardship", "threshold.approve"];
    let rest = ["approval.credit", "approval.risk", "validation.independent", "runtime.trace", "drill.escalation"];
    let owned = ["ownership.accepted", "ownership.drills"];
    only_stale(&yard, Stage::Production, path, &[&measured[..], &rest[..], &owned[..]].concat()).await;
    let pilot = ["eval.boundary", "eval.forbidden.hardship", "approval.credit", "runtime.trace", "drill.escalation"];
    only_stale(&yard, Stage::Pilot, path, &pilot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons_are_for_people_and_rules_for_measurement() {
    let yard = Yard::production().await;
    // Another `because`: nobody measures it, everybody who approved the escalation read it.
    yard.edit("Large credits are a head's decision", "Large credits are decided by a head");
    only_stale(
        &yard,
        Stage::Production,
        "steps.assess.escalate.large",
        &["approval.credit", "approval.risk", "validation.independent", "ownership.accepted"],
    )
    .await;
    let yard = Yard::production().await;
    // How a certificate is watched after launch touches no measurement; `risk` approved the threshold as it was written.
    yard.edit("detect_within: 360d", "detect_within: 300d");
    let standing = work_tree(&yard, Stage::Production).await;
    let judged = ["approval.credit", "approval.risk", "validation.independent", "ownership.accepted"];
    assert_eq!(stale(&standing), [&judged[..], &["release.approval"]].concat());
    let yard = Yard::production().await;
    // Where the answer goes on while stopped is what the drill exercised, and what its owners took on.
    yard.edit("per_day: 180", "per_day: 120");
    let exercised = ["drill.stop", "drill.degraded", "ownership.accepted", "ownership.runbooks", "ownership.drills"];
    only_stale(&yard, Stage::Production, "steps.assess.fallback", &exercised).await;
    let yard = Yard::production().await;
    // A withheld field given back to the model makes another model of it: everything measured with the model is stale,
    // and `risk` approved what is withheld.
    yard.edit("withhold: [applicant.age, applicant.marital]", "withhold: [applicant.age]");
    let standing = work_tree(&yard, Stage::Production).await;
    let measured =
        ["spec.exercised", "eval.boundary", "eval.forbidden.hardship", "threshold.approve", "pilot.findings"];
    let judged = ["approval.risk", "validation.independent", "release.approval"];
    assert_eq!(stale(&standing), [&measured[..], &judged[..]].concat());
    let model = standing.states.iter().find(|s| s.obligation.id == "eval.boundary").unwrap();
    assert_eq!(model.changed_inputs.first().map(|i| i.input.as_str()), Some("model.assess"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_is_what_was_released() {
    let yard = Yard::production().await;
    let log = yard.log();
    let released = yard.factory.in_force(&log).await.unwrap().unwrap();
    let size = yard.factory.summary(WORKFLOW).await.unwrap().log_size;
    let before = yard.pass(application(900)).await;
    let of_large = yard.pass(application(2_400)).await;
    assert!(of_large.because.iter().any(|p| p.as_str() == "steps.assess.escalate.large"));
    // The work tree alone: no event, nothing else served.
    yard.edit("input.credit.amount > 2000", "input.credit.amount > 2500");
    let standing = work_tree(&yard, Stage::Production).await;
    assert!(standing.ahead && standing.unsubmitted);
    assert_eq!(standing.in_force.unwrap().release, released.release);
    assert!(!yard.standing(Stage::Production).await.ahead, "what was submitted is what is released");
    assert_eq!(yard.factory.summary(WORKFLOW).await.unwrap().log_size, size + 2, "two decisions");
    still_serves(&yard, &before, released.release).await;
    // Submitted: a candidate, and still nothing else served, nor can it be released.
    let submitted = yard.factory.submit(&yard.who("dev"), None).await.unwrap();
    assert_eq!((submitted.new, submitted.changes.2), (true, 1));
    let standing = yard.standing(Stage::Production).await;
    assert!(standing.ahead && !standing.unsubmitted);
    still_serves(&yard, &before, released.release).await;
    for dry_run in [true, false] {
        let refused = yard.factory.release(&yard.who("hana"), WORKFLOW, Stage::Production, dry_run).await.unwrap();
        let Released::Missing(missing) = refused else { panic!("{refused:?}") };
        let ids: Vec<&str> = missing.iter().map(|m| m.obligation.as_str()).collect();
        let measured = ["spec.exercised", "eval.boundary", "eval.forbidden.hardship", "threshold.approve"];
        let rest = ["approval.credit", "approval.risk", "validation.independent", "runtime.trace", "drill.escalation"];
        let owned = ["ownership.accepted", "ownership.drills", "release.approval"];
        assert_eq!(ids, [&measured[..], &rest[..], &owned[..]].concat());
        assert!(missing.iter().all(|m| m.next.is_some() || m.obligation == "release.approval"));
    }
    assert_eq!(yard.factory.in_force(&log).await.unwrap().unwrap().release, released.release);
    // Another process serves the same.
    let yard = yard.reopened().await;
    still_serves(&yard, &before, released.release).await;
}

async fn still_serves(yard: &Yard, before: &seatrial_factory::api::Passed, release: seatrial_model::Digest) {
    let now = yard.pass(application(900)).await;
    assert_eq!((now.release, now.verdict, &now.output), (Some(release), before.verdict, &before.output));
    assert_eq!(now.model, before.model);
    let large = yard.pass(application(2_400)).await;
    assert_eq!(large.verdict, Verdict::Escalate);
    assert!(large.because.iter().any(|p| p.as_str() == "steps.assess.escalate.large"));
}
