use super::*;
use proptest::prelude::*;
use serde_json::json;

fn example(id: &str, input: serde_json::Value, cluster: Option<&str>) -> Example {
    let cluster = cluster.map(str::to_owned);
    Example {
        id: id.into(),
        input,
        expected: None,
        must_not_pass: false,
        output: None,
        confidence: None,
        cluster,
        tags: vec![],
    }
}

fn many(n: usize) -> Vec<Example> {
    (0..n).map(|i| example(&format!("e{i}"), json!({"i": i}), None)).collect()
}

#[test]
fn sides_have_their_shares() {
    let examples = many(20_000);
    let split = Split::of("5a17", &examples).unwrap();
    for (side, percent) in SHARES {
        let share = split.indexes(side).count() as f64 / 200.0;
        assert!((share - percent as f64).abs() < 1.5, "{side:?}: {share} %");
    }
    assert_eq!(SHARES.iter().map(|(_, share)| share).sum::<u64>(), 100);
    assert_eq!(split.set_aside().count(), 0);
}

#[test]
fn no_example_changes_side_when_others_come() {
    let (few, more) = (many(200), many(400));
    let (before, after) = (Split::of("a", &few).unwrap(), Split::of("a", &more).unwrap());
    assert!((0..200).all(|i| before.side(i) == after.side(i)));
    let other = Split::of("b", &few).unwrap();
    assert!((0..200).any(|i| before.side(i) != other.side(i)), "the salt matters");
    // What is text of the salt cannot become text of the id.
    assert_ne!(hash("ab", "c"), hash("a", "bc"));
}

#[test]
fn a_cluster_stays_together_and_certifies_once() {
    let examples: Vec<Example> =
        (0..600).map(|i| example(&format!("e{i}"), json!({"i": i}), Some(&format!("c{}", i % 60)))).collect();
    let split = Split::of("a", &examples).unwrap();
    assert!((0..600).all(|i| split.side(i) == split.side(i % 60)));
    let all: usize = SHARES.iter().map(|(side, _)| split.thinned(*side, &examples).len()).sum();
    assert_eq!(all, 60, "one of each cluster");
    let mut backwards = examples.clone();
    backwards.reverse();
    let reversed = Split::of("a", &backwards).unwrap();
    let ids = |split: &Split, examples: &[Example]| -> std::collections::BTreeSet<String> {
        split.thinned(SplitSide::Certify, examples).into_iter().map(|i| examples[i].id.clone()).collect()
    };
    assert_eq!(ids(&split, &examples), ids(&reversed, &backwards), "which one does not depend on the order");
}

#[test]
fn an_input_is_on_one_side_only() {
    let mut examples = many(300);
    examples.extend((0..300).map(|i| example(&format!("again{i}"), json!({"i": i}), None)));
    let split = Split::of("a", &examples).unwrap();
    let mut moved = 0;
    for i in 0..300 {
        match split.side(300 + i) {
            Some(side) => assert_eq!(Some(side), split.side(i)),
            None => moved += 1,
        }
    }
    assert!(moved > 150, "most copies would be on another side: {moved}");
    assert_eq!(split.set_aside().count(), moved);
}

#[test]
fn a_seal_changes_with_a_label() {
    let mut examples = many(40);
    let seal = |examples: &[Example]| {
        Split::of("a", examples)
            .unwrap()
            .seal(ElementPath::new("thresholds.x"), "set", Digest::of(b"set"), examples)
            .unwrap()
    };
    let before = seal(&examples);
    assert_eq!(before.sides.values().map(|s| s.rows).sum::<u64>(), 40);
    let mut shuffled = examples.clone();
    shuffled.reverse();
    assert_eq!(seal(&shuffled), before, "the order of lines is no matter");
    examples[3].expected = Some(json!("other"));
    let changed = seal(&examples);
    let differing = before.sides.iter().filter(|(side, s)| changed.sides[side] != **s).count();
    assert_eq!(differing, 1);
}

proptest! {
    #[test]
    fn sides_are_disjoint_by_input(ids in proptest::collection::btree_set("[a-z]{1,4}", 1..40), salt in "[0-9a-f]{0,8}") {
        let examples: Vec<Example> = ids.iter().enumerate()
            .map(|(i, id)| example(id, json!(i % 7), (i % 3 == 0).then_some("c"))).collect();
        let split = Split::of(&salt, &examples).unwrap();
        for i in 0..examples.len() {
            for j in 0..examples.len() {
                if examples[i].input == examples[j].input && split.side(i).is_some() && split.side(j).is_some() {
                    prop_assert_eq!(split.side(i), split.side(j));
                }
            }
        }
    }
}
