use crate::fixture::World;
use crate::{gaps, responsibilities};
use expect_test::expect;

fn told(world: &World) -> String {
    let line = |g: crate::Gap| format!("{}: {} -> {}\n", g.obligation, g.why, g.next);
    gaps(&world.input()).into_iter().map(line).collect()
}

#[test]
fn what_is_missing() {
    expect![[r#"
        drill.stop: open: because -> seatrial approve drill.stop
        ownership.accepted: open: because -> seatrial approve ownership.accepted
        ownership.drills: `override` was not drilled by the receiving side; this version records no drill of it -> seatrial override DECISION ACTION --reason REASON
        ownership.drills: `escalation` was not drilled by the receiving side; this version records no drill of it -> seatrial review list
        ownership.unaided: no release after the first was submitted, approved and cut by the receiving side alone -> seatrial release pilot
        ownership.access: this log does not show that keys, tokens and store are under receiving principals -> seatrial assess
        ownership.index: the transfer index is not computed from this log -> seatrial assess
    "#]].assert_eq(&told(&World::told()));
}

#[test]
fn an_acceptance_is_ones_own_and_over_what_stands_today() {
    let mut world = World::told();
    let accepted = |world: &World| -> Vec<String> {
        let all = responsibilities(&world.input());
        let takers = all[0].takers.iter().filter(|t| t.accepted.is_some());
        takers.map(|t| t.id.clone()).collect()
    };
    assert_eq!(accepted(&world), ["ana@bank.example"]);
    world.obligations[2].key = seatrial_model::Digest::of(b"another");
    assert_eq!(accepted(&world), Vec::<String>::new());
}

#[test]
fn somebody_who_left_takes_nothing_over() {
    let mut world = World::told();
    for person in &mut world.factory.people {
        person.until = "2026-11-22".parse().ok();
    }
    let all = responsibilities(&world.input());
    assert!(all.iter().all(|t| t.missing == ["nobody present holds `officers`"]));
}

#[test]
fn unaided_means_the_second_release_and_nobody_of_delivery() {
    let unaided = |world: &World| !gaps(&world.input()).iter().any(|g| g.obligation == "ownership.unaided");
    let mut world = World::told();
    world.release("ana");
    assert!(!unaided(&world), "delivery submitted that spec");
    let submitted = world.events[0].event.body.clone();
    world.workflow.digest = seatrial_model::Digest::of(b"another spec");
    world.add("ana", &[], submitted);
    world.release("bo");
    assert!(unaided(&world));
    world.accept("dev", "workflow");
    assert!(!unaided(&world), "delivery acted on it");
}
