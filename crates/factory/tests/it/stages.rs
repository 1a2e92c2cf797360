//! What becomes of a release: lapse and restoration, rollback, retirement.

use crate::simulated;
use crate::support::{Only, WORKFLOW, Yard, application, run, shop};
use seatrial_factory::api::Refused;
use seatrial_model::facts::OnLapse;
use seatrial_model::{Action, Body, Digest, Stage, Verdict};
use seatrial_store::ReaderExt as _;

const DAY_MS: u64 = 86_400_000;

async fn lapsed(yard: &Yard) -> Option<(OnLapse, Vec<String>)> {
    let in_force = yard.factory.in_force(&yard.log()).await.unwrap();
    in_force.and_then(|r| r.lapsed).map(|l| (l.reaction, l.lost.into_keys().collect()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_approval_lapses_a_release_and_another_restores_it() {
    let yard = Yard::production().await;
    assert!(yard.factory.tick().await.lapsed.is_empty(), "nothing was lost");
    assert_eq!(lapsed(&yard).await, None);
    let (_, allowed) = yard.allowed(1).await.remove(0);
    assert_eq!(allowed.verdict, Verdict::Allow);
    // Risk takes its approval back: the spec says what follows, and it follows at once.
    let standing = yard.standing(Stage::Production).await;
    let given = standing.states.iter().find(|s| s.obligation.id == "approval.risk").unwrap().events[0];
    yard.factory.withdraw(&yard.who("ria"), WORKFLOW, given).await.unwrap();
    let ticked = yard.factory.tick().await;
    assert_eq!(ticked.lapsed.len(), 1, "{ticked:?}");
    let ticked = yard.factory.tick().await;
    assert!(ticked.lapsed.is_empty() && ticked.restored.is_empty(), "said once: {ticked:?}");
    let (reaction, lost) = lapsed(&yard).await.unwrap();
    assert_eq!((reaction, lost.as_slice()), (OnLapse::Escalate, &["approval.risk".to_owned()][..]));
    let passed = yard.pass(application(900)).await;
    assert_eq!((passed.verdict, passed.action, passed.output), (Verdict::Escalate, Action::Escalate, None));
    assert!(passed.because.iter().any(|p| p.as_str() == "gates.production.on_lapse"), "{:?}", passed.because);
    // Another holder of the role approves: it stands again, in another process too.
    yard.approve("rex", Stage::Production, "approval.risk", None).await;
    let yard = yard.reopened().await;
    assert_eq!(lapsed(&yard).await.unwrap().0, OnLapse::Escalate, "nobody has looked yet");
    let ticked = yard.factory.tick().await;
    assert_eq!((ticked.lapsed.len(), ticked.restored.len()), (0, 1), "{ticked:?}");
    assert_eq!(lapsed(&yard).await, None);
    assert_eq!(yard.allowed(1).await[0].1.verdict, Verdict::Allow);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_candidate_lacks_lapses_no_release() {
    let yard = Yard::production().await;
    yard.edit("input.credit.amount > 2000", "input.credit.amount > 1500");
    yard.edit("residual: low", "residual: medium");
    yard.factory.submit(&yard.who("dev"), None).await.unwrap();
    assert!(!yard.missing(Stage::Production).await.is_empty(), "the candidate lacks much");
    let ticked = yard.factory.tick().await;
    assert!(ticked.lapsed.is_empty() && ticked.failed.is_empty(), "{ticked:?}");
    assert_eq!(lapsed(&yard).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiver_that_ends_lapses_the_release_that_stands_on_it() {
    let yard = Yard::production().await;
    let in_force = yard.factory.in_force(&yard.log()).await.unwrap().unwrap();
    let waived: Vec<&str> = in_force.waivers.iter().map(|w| w.obligation.as_str()).collect();
    assert_eq!(
        (waived.as_slice(), in_force.level.as_str()),
        (&["oversight.efficacy"][..], "SEATRIAL_SIMULATION_WAIVED")
    );
    yard.factory.advance_clock(79 * DAY_MS).await.unwrap();
    assert!(yard.factory.tick().await.lapsed.is_empty(), "it runs still");
    yard.factory.advance_clock(3 * DAY_MS).await.unwrap();
    assert_eq!(yard.factory.tick().await.lapsed.len(), 1);
    assert_eq!(lapsed(&yard).await.unwrap().1, ["oversight.efficacy"]);
    // Hypercare ends, and nobody took it over: that is missing as well, and said again.
    yard.factory.advance_clock(300 * DAY_MS).await.unwrap();
    assert_eq!(yard.factory.tick().await.lapsed.len(), 1);
    let lost = lapsed(&yard).await.unwrap().1;
    assert!(lost.contains(&"hypercare".to_owned()) && lost.contains(&"oversight.efficacy".to_owned()), "{lost:?}");
}

/// Cuts another pilot of the same spec with one rule changed, by those who may.
async fn second_pilot(yard: &Yard) {
    another_pilot(yard, 2000, 1500).await;
}

async fn another_pilot(yard: &Yard, was: u32, is: u32) {
    yard.edit(&format!("input.credit.amount > {was}"), &format!("input.credit.amount > {is}"));
    let dev = yard.who("dev");
    yard.factory.submit(&dev, None).await.unwrap();
    discharge_pilot(yard).await;
}

pub async fn discharge_pilot(yard: &Yard) {
    let dev = yard.who("dev");
    yard.factory.evaluate(&dev, None, &[], &seatrial_factory::Quiet).await.unwrap();
    yard.factory.rehearse(&dev, None, &seatrial_factory::Quiet).await.unwrap();
    yard.factory.drill_stop(&yard.who("hana"), &yard.who("hugo"), None).await.unwrap();
    simulated::drills(&yard.factory).await.unwrap();
    for (who, obligation, role) in [
        ("hana", "spec.intent", Some("credit")),
        ("hana", "approval.credit", None),
        ("lena", "release.approval", Some("engineering")),
    ] {
        yard.approve(who, Stage::Pilot, obligation, role).await;
    }
    let missing = yard.missing(Stage::Pilot).await;
    assert!(missing.is_empty(), "{missing:#?}");
    yard.factory.release(&yard.who("lena"), WORKFLOW, Stage::Pilot, false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_puts_the_release_before_in_force_in_one_step() {
    let yard = Yard::pilot().await;
    let first = yard.factory.in_force(&yard.log()).await.unwrap().unwrap();
    let hana = yard.who("hana");
    let alone = yard.factory.rollback(&hana, WORKFLOW, None, "too strict").await.unwrap_err();
    assert!(matches!(&alone, Refused::NotFound(why) if why.contains("no earlier release")), "{alone}");
    second_pilot(&yard).await;
    let second = yard.factory.in_force(&yard.log()).await.unwrap().unwrap();
    assert_ne!(first.release, second.release);
    for (who, why) in [("ria", "independent"), ("dev", "a reason")] {
        let reason = if who == "dev" { "  " } else { "too strict" };
        let refused = yard.factory.rollback(&yard.who(who), WORKFLOW, None, reason).await.unwrap_err();
        assert!(refused.to_string().contains(why), "{who}: {refused}");
    }
    let done = yard.factory.rollback(&hana, WORKFLOW, None, "too strict").await.unwrap();
    assert_eq!((done.from, done.to, done.lapsed.is_none()), (second.release, first.release, true), "{done:?}");
    let passed = yard.pass(application(900)).await;
    assert_eq!(passed.release, Some(first.release));
    let yard = yard.reopened().await;
    let now = yard.factory.in_force(&yard.log()).await.unwrap().unwrap();
    assert_eq!((now.release, now.back.is_some()), (first.release, true));
    // And forward again, by its digest; the one in force cannot be named.
    let again = yard.factory.rollback(&hana, WORKFLOW, Some(first.release), "oops").await.unwrap_err();
    assert!(matches!(again, Refused::Conflict { .. }), "{again}");
    yard.factory.rollback(&hana, WORKFLOW, Some(second.release), "it was not the rule").await.unwrap();
    let releases = yard.factory.releases(WORKFLOW).await.unwrap();
    let shown: Vec<_> = releases.iter().map(|r| (r.release.release, r.in_force, r.by.as_str())).collect();
    assert_eq!(
        shown,
        [(second.release, true, "lena@shipyard.example"), (first.release, false, "lena@shipyard.example")]
    );
    // Folded from the log alone it is the same.
    assert!(yard.factory.store().check_rows(&yard.log()).await.unwrap().identical());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_gone_back_from_is_not_gone_back_to() {
    let yard = Yard::pilot().await;
    let good = yard.factory.in_force(&yard.log()).await.unwrap().unwrap().release;
    second_pilot(&yard).await;
    let bad = yard.factory.in_force(&yard.log()).await.unwrap().unwrap().release;
    let hana = yard.who("hana");
    assert_eq!(yard.factory.rollback(&hana, WORKFLOW, None, "too strict").await.unwrap().to, good);
    another_pilot(&yard, 1500, 1800).await;
    let back = yard.factory.rollback(&hana, WORKFLOW, None, "no better").await.unwrap();
    assert_eq!(back.to, good, "not {}, which was gone back from before", bad.short());
    // Whoever names it has it.
    assert_eq!(yard.factory.rollback(&hana, WORKFLOW, Some(bad), "it was right after all").await.unwrap().to, bad);
    assert_eq!(yard.factory.rollback(&hana, WORKFLOW, None, "it was not").await.unwrap().to, good);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_shows_what_was_lost_and_the_lapse_is_in_force_at_once() {
    let yard = Yard::pilot().await;
    let first = yard.factory.in_force(&yard.log()).await.unwrap().unwrap();
    let standing = yard.standing(Stage::Pilot).await;
    let credit = standing.states.iter().find(|s| s.obligation.id == "approval.credit").unwrap().events[0];
    second_pilot(&yard).await;
    // The approval that only the first release stood on is taken back: the second one is not concerned.
    yard.factory.withdraw(&yard.who("hana"), WORKFLOW, credit).await.unwrap();
    assert!(yard.factory.tick().await.lapsed.is_empty());
    let done = yard.factory.rollback(&yard.who("hana"), WORKFLOW, None, "too strict").await.unwrap();
    let lapsed = done.lapsed.expect("it lapsed with the rollback");
    assert_eq!(
        (done.to, lapsed.lost.keys().cloned().collect::<Vec<_>>()),
        (first.release, vec!["approval.credit".to_owned()])
    );
    let passed = yard.pass(application(900)).await;
    assert!(passed.because.iter().any(|p| p.as_str() == "gates.production.on_lapse"), "{:?}", passed.because);
    assert!(yard.factory.tick().await.lapsed.is_empty(), "said once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_workflow_serves_nothing_and_says_so() {
    let yard = Yard::production().await;
    let hana = yard.who("hana");
    for (who, reason, evidence) in [("ria", "over", "archive"), ("hana", "", "archive"), ("hana", "over", " ")] {
        yard.factory.retire(&yard.who(who), WORKFLOW, reason, evidence).await.unwrap_err();
    }
    assert!(yard.pass(application(900)).await.release.is_some());
    let in_force = yard.factory.in_force(&yard.log()).await.unwrap().unwrap();
    let done = yard.factory.retire(&hana, WORKFLOW, "replaced", "archive 12, box 7").await.unwrap();
    assert_eq!(done.release, Some(in_force.release));
    let yard = yard.reopened_with(Only(None)).await;
    let refused = yard.factory.pass(&shop("shop"), run(application(900))).await.unwrap_err();
    let Refused::NotReleased { missing, .. } = &refused else { panic!("{refused}") };
    assert!(missing[0].contains("retired since"), "{missing:?}");
    let summary = yard.factory.summary(WORKFLOW).await.unwrap();
    assert_eq!((summary.in_force.is_none(), summary.retired.map(|r| r.by)), (true, Some(hana.principal.id.clone())));
    let again = yard.factory.retire(&hana, WORKFLOW, "replaced", "archive").await.unwrap_err();
    assert!(matches!(again, Refused::Conflict { .. }), "{again}");
    let events = yard.factory.store();
    let size = seatrial_store::ReaderExt::size(&**events, &yard.log()).await.unwrap();
    let last = seatrial_store::ReaderExt::event(&**events, &yard.log(), size - 1).await.unwrap().unwrap();
    assert!(matches!(last.body, Body::WorkflowRetired(_)) && last.payloads.contains_key("evidence"), "{last:?}");
}

/// Each spec in the log with the one that it says it follows.
async fn submitted(yard: &Yard) -> Vec<(Option<Digest>, Option<Digest>)> {
    let events = yard.factory.store().events(&yard.log(), 0, 1_000).await.unwrap();
    let specs = events.into_iter().filter_map(|(_, event)| match event.body {
        Body::SpecSubmitted(body) => Some((event.spec, body.previous)),
        _ => None,
    });
    specs.collect()
}

/// Lets a future go until it waits for the first time.
async fn begin(future: impl Future) {
    tokio::select! {
        biased;
        _ = future => panic!("it waited for nothing"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test]
async fn of_two_that_submit_at_once_the_second_follows_the_first() {
    let yard = Yard::new().await;
    let dev = yard.who("dev");
    yard.factory.submit(&dev, None).await.unwrap();
    // The first has read the work tree and asked for the newest spec when the second is recorded. (Where the store
    // answered it at once, it comes first; the order among the entries has to be true either way.)
    yard.edit("input.credit.amount > 2000", "input.credit.amount > 1500");
    let mut first = Box::pin(yard.factory.submit(&dev, None));
    begin(first.as_mut()).await;
    yard.edit("input.credit.amount > 1500", "input.credit.amount > 1000");
    let second = yard.factory.submit(&dev, None).await.unwrap();
    let first = first.await.unwrap();
    assert!(first.new && second.new && first.spec != second.spec);
    let specs = submitted(&yard).await;
    assert_eq!(specs.len(), 3);
    for pair in specs.windows(2) {
        assert_eq!(pair[1].1, pair[0].0, "each names the one before it: {specs:?}");
    }
}

#[tokio::test]
async fn of_two_that_submit_the_same_at_once_one_is_recorded() {
    let yard = Yard::new().await;
    let dev = yard.who("dev");
    yard.factory.submit(&dev, None).await.unwrap();
    yard.edit("input.credit.amount > 2000", "input.credit.amount > 1500");
    let mut first = Box::pin(yard.factory.submit(&dev, None));
    begin(first.as_mut()).await;
    let second = yard.factory.submit(&dev, None).await.unwrap();
    assert_ne!(first.await.unwrap().new, second.new, "one of the two");
    assert_eq!(submitted(&yard).await.len(), 2);
}
