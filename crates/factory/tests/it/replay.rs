//! Replay over a real log: what it says is what the log says.

use crate::support::{WORKFLOW, Yard};
use seatrial_factory::api::Refused;
use seatrial_factory::{ReplayOptions, ReplayReport};
use seatrial_model::{Action, Body, Verdict};
use seatrial_spec::Workflow;
use seatrial_store::ReaderExt as _;
use std::sync::Arc;

/// The spec of the work tree as it stands.
fn tree(yard: &Yard) -> Arc<Workflow> {
    Arc::new(yard.factory.work_tree(None).unwrap().checked.workflow.unwrap())
}

async fn replay(yard: &Yard, against: &Arc<Workflow>, options: ReplayOptions) -> ReplayReport {
    yard.factory.replay(&yard.who("dev"), WORKFLOW, Arc::clone(against), &options).await.unwrap().report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_spec_over_recorded_decisions() {
    let yard = Yard::production().await;
    let (examples, split) = yard.applications(crate::support::SALT);
    let places: Vec<usize> = split.indexes(seatrial_model::event::SplitSide::HeldBack).take(60).collect();
    let mut passed = Vec::new();
    for place in places {
        passed.push((examples[place].input.clone(), yard.pass(examples[place].input.clone()).await));
    }
    // Under what is in force nothing changes; rehearsals and the pilot's are told apart from what was never served.
    let same = replay(&yard, &tree(&yard), ReplayOptions::default()).await;
    assert_eq!((same.changed, same.need_outputs, same.erased, same.gone), (0, 0, 0, 0), "{same:?}");
    assert!(same.again >= 60 && same.again == same.decisions);
    // Every amount is large: what passed escalates, and what was denied stays denied.
    yard.edit("input.credit.amount > 2000", "input.credit.amount >= 0");
    let against = tree(&yard);
    let all = replay(&yard, &against, ReplayOptions { threads: Some(1), ..ReplayOptions::default() }).await;
    let production: Vec<_> = passed.iter().filter(|(_, p)| p.verdict < Verdict::Escalate).collect();
    assert!(!production.is_empty());
    assert_eq!(all.changed, production.len() as u64, "{all:?}");
    assert_eq!(all.rules.keys().map(|k| k.as_str()).collect::<Vec<_>>(), ["steps.assess.escalate.large"]);
    assert!(all.reviews.after >= all.changed && all.list().len() as u64 == all.changed);
    for threads in [2, 7] {
        let other = replay(&yard, &against, ReplayOptions { threads: Some(threads), ..ReplayOptions::default() }).await;
        assert_eq!(serde_json::to_value(&other).unwrap(), serde_json::to_value(&all).unwrap(), "{threads} threads");
    }
    // Only the newest ten.
    let few = replay(&yard, &against, ReplayOptions { limit: Some(10), ..ReplayOptions::default() }).await;
    assert_eq!(few.decisions, 10);
    let none = ReplayOptions { since: Some(yard.factory.now().plus_millis(1)), ..ReplayOptions::default() };
    assert_eq!(replay(&yard, &against, none).await.decisions, 0);
    // An overridden decision that would have escalated is one that would have gone another way.
    let (_, overridden) = production[0];
    let una = yard.who("una");
    yard.factory
        .override_decision(&una, overridden.decision, Action::Block, "wrong-data", "two people mixed up", None)
        .await
        .unwrap();
    let after = replay(&yard, &against, ReplayOptions::default()).await;
    assert_eq!((after.overrides.before, after.overrides.after), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_recorded_for_a_submitted_spec_alone() {
    let yard = Yard::production().await;
    yard.allowed(3).await;
    let dev = yard.who("dev");
    yard.edit("input.credit.amount > 2000", "input.credit.amount > 1");
    let (against, options) = (tree(&yard), ReplayOptions { record: true, ..ReplayOptions::default() });
    let refused = yard.factory.replay(&dev, WORKFLOW, Arc::clone(&against), &options).await.unwrap_err();
    assert!(
        matches!(&refused, Refused::Conflict { message, .. } if message.contains("was not submitted")),
        "{refused}"
    );
    yard.factory.submit(&dev, None).await.unwrap();
    let done = yard.factory.replay(&dev, WORKFLOW, Arc::clone(&against), &options).await.unwrap();
    let event = done.event.unwrap();
    let (_, event) = yard.factory.store().event_by_id(&yard.log(), event).await.unwrap().unwrap();
    let Body::ReplayRecorded(body) = &event.body else { panic!("{event:?}") };
    assert_eq!((event.spec, body.changed, body.again), (Some(against.digest), done.report.changed, done.report.again));
    assert!(body.changed >= 3);
    let blob = yard.factory.store().blob(&yard.log(), body.results).await.unwrap().unwrap();
    let blob: serde_json::Value = serde_json::from_slice(&blob).unwrap();
    assert_eq!(blob["changed"].as_array().unwrap().len() as u64, body.changed);
    assert_eq!(blob["left_off"], 0);
}
