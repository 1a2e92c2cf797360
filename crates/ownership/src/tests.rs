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
    "#]]
    .assert_eq(&told(&World::told()));
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
fn what_is_settled_is_not_missing() {
    let mut world = World::told();
    for obligation in &mut world.obligations {
        obligation.settled = true;
    }
    assert_eq!(told(&world), "");
    world.obligations[0].settled = false;
    world.obligations[0].next = None;
    assert!(told(&world).ends_with("-> seatrial status --stage owned\n"), "{}", told(&world));
}
