use super::*;
use proptest::prelude::*;
use serde_json::json;

fn example(input: u64, cluster: Option<&str>) -> Example {
    serde_json::from_value(json!({ "id": format!("e{input}"), "input": { "n": input }, "cluster": cluster })).unwrap()
}

fn side(inputs: std::ops::Range<u64>) -> Vec<(usize, Vec<Digest>)> {
    inputs.enumerate().map(|(i, n)| (i, marks(&example(n, None)).unwrap())).collect()
}

fn all(side: &[(usize, Vec<Digest>)]) -> Vec<Digest> {
    side.iter().flat_map(|(_, m)| m.clone()).collect()
}

/// (attempt, of how many, tested, left out).
fn next(spending: &Spending, inputs: std::ops::Range<u64>, declared: u64) -> (u64, u64, usize, u64) {
    let next = spending.next(&side(inputs), declared);
    (next.attempt, next.attempts, next.places.len(), next.left_out)
}

fn tested(inputs: std::ops::Range<u64>, attempts: u64) -> Spending {
    let mut spending = Spending::default();
    spending.tested(all(&side(inputs)), attempts);
    spending
}

#[test]
fn fresh_examples_are_a_first_attempt() {
    assert_eq!(next(&Spending::default(), 0..10, 1), (1, 1, 10, 0));
    assert_eq!(next(&tested(0..10, 1), 10..20, 3), (1, 3, 10, 0));
}

#[test]
fn what_is_spent_is_left_out() {
    let spending = tested(0..10, 1);
    assert_eq!(next(&spending, 0..10, 1), (1, 1, 0, 10), "nothing is left");
    assert_eq!(next(&spending, 0..13, 1), (1, 1, 3, 10), "only what is fresh is tested");
    assert_eq!(next(&spending, 9..13, 8), (1, 8, 3, 1), "declaring more afterwards opens nothing again");
}

#[test]
fn declared_attempts_are_counted_by_any_example_shared() {
    let mut spending = tested(0..10, 3);
    assert_eq!(next(&spending, 0..10, 1), (2, 3, 10, 0), "what was declared before the first counts");
    assert_eq!(next(&spending, 9..30, 3), (2, 3, 21, 0), "one example shared is a repeat");
    spending.tested(all(&side(9..30)), 3);
    assert_eq!(next(&spending, 25..40, 3), (3, 3, 15, 0), "and so is one shared by way of another attempt");
    spending.tested(all(&side(25..40)), 3);
    assert_eq!(next(&spending, 0..50, 3), (1, 3, 10, 40), "three were declared");
}

#[test]
fn a_relabelled_or_renamed_example_is_the_same() {
    let of = |text: &str| marks(&serde_json::from_str::<Example>(text).unwrap()).unwrap();
    let before = of(r#"{"id":"a","input":{"x":1,"y":2},"expected":{"d":"yes"}}"#);
    assert_eq!(before, of(r#"{"id":"b","input":{"y":2,"x":1},"expected":{"d":"no"},"tags":["t"]}"#));
    assert_ne!(before, of(r#"{"id":"a","input":{"x":1,"y":3},"expected":{"d":"yes"}}"#));
    let cluster = |c: &str, n: u64| marks(&example(n, Some(c))).unwrap();
    let mut spending = Spending::default();
    spending.tested(cluster("c1", 1), 1);
    assert!(spending.touched(&cluster("c1", 2)), "another one of the same cluster is not independent");
    assert!(!spending.touched(&cluster("c2", 2)));
}

#[test]
fn an_evaluation_of_sealed_examples_is_a_look_at_them() {
    let mut spending = Spending::default();
    spending.evaluated(all(&side(5..7)));
    assert_eq!(next(&spending, 0..10, 1), (1, 1, 8, 2));
    assert_eq!(next(&spending, 0..10, 2), (2, 2, 10, 0));
    spending.evaluated(all(&side(5..7)));
    assert_eq!(next(&spending, 0..10, 2), (1, 2, 8, 2));
}

#[test]
fn what_a_model_learned_from_never_certifies_it() {
    let mut spending = Spending::default();
    spending.learned(all(&side(0..4)));
    assert_eq!(next(&spending, 0..10, 5), (1, 5, 6, 4));
    spending.tested(all(&side(4..10)), 5);
    assert_eq!(next(&spending, 0..10, 5), (2, 5, 6, 4));
}

proptest! {
    /// However attempts and sets follow each other, no example is tested more often than was declared before its first
    /// attempt, and the δ that is spent on it comes to δ at most.
    #[test]
    fn no_example_is_tested_with_more_than_delta(runs in proptest::collection::vec((0..40_u64, 1..20_u64, 1..5_u64), 1..12)) {
        let promise = crate::Promise::new(0.05, 0.95).unwrap();
        let mut spending = Spending::default();
        let mut spent: std::collections::HashMap<u64, f64> = std::collections::HashMap::new();
        for (from, length, declared) in runs {
            let side = side(from..from + length);
            let next = spending.next(&side, declared);
            prop_assert_eq!(next.places.len() as u64 + next.left_out, length);
            if next.places.is_empty() {
                continue;
            }
            let delta = promise.delta_of(next.attempt, next.attempts).unwrap();
            let marks = next.places.iter().flat_map(|i| side[*i].1.clone());
            spending.tested(marks.collect::<Vec<_>>(), next.attempts);
            for place in next.places {
                let sum = spent.entry(from + place as u64).or_default();
                *sum += delta;
                prop_assert!(*sum <= 0.05 + 1e-12, "{}", sum);
            }
        }
    }
}
