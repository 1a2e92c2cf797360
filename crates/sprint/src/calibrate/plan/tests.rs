use super::*;
use crate::stats::{items_needed, tail};

fn effort() -> Effort {
    Effort {
        promise: Promise::new(0.05, 0.95).unwrap(),
        attempts: 1,
        slices: 0,
        expected_error: 0.03,
        pass_share: 0.5,
        power: 0.8,
    }
}

#[test]
fn the_table_is_the_published_one() {
    let planned = plan(&effort()).unwrap();
    assert_eq!(planned.level, 0.05);
    let items: Vec<_> = planned.table.iter().map(|n| n.items.unwrap()).collect();
    assert_eq!(items, [59, 93, 124, 153, 181, 208]);
}

#[test]
fn the_power_is_reached_and_one_error_less_does_not_reach_it() {
    for (error, power) in [(0.0, 0.5), (0.01, 0.8), (0.03, 0.8), (0.04, 0.9), (0.045, 0.95)] {
        let planned = plan(&Effort { expected_error: error, power, ..effort() }).unwrap();
        let Need { errors, items } = planned.passing.unwrap();
        let items = items.unwrap();
        assert!(tail(errors, items, 0.05) <= 0.05 && tail(errors, items, error) >= power, "{planned:?}");
        if let Some(less) = errors.checked_sub(1) {
            let fewer = items_needed(less, 0.05, 0.05).unwrap();
            assert!(tail(less, fewer, error) < power, "{planned:?}");
        }
        assert_eq!(planned.sealed.unwrap(), items * 2);
        assert_eq!(planned.labelled.unwrap(), items * 8, "a quarter of the labelled ones is sealed");
    }
}

#[test]
fn slices_and_attempts_take_more() {
    let passing = |effort: Effort| plan(&effort).unwrap().passing.unwrap().items.unwrap();
    let one = passing(effort());
    assert!(passing(Effort { attempts: 2, ..effort() }) > one);
    assert!(passing(Effort { slices: 6, ..effort() }) > passing(Effort { slices: 1, ..effort() }));
    let promise = Promise::new(0.08, 0.95).unwrap();
    // What the design says of six slices: about 1 000 accepted ones each, at even chances.
    let six = passing(Effort { promise, slices: 6, expected_error: 0.06, power: 0.5, ..effort() });
    assert!((900..1_200).contains(&six), "{six}");
}

#[test]
fn what_cannot_be_reached_is_no_number() {
    for error in [0.05, 0.2] {
        let planned = plan(&Effort { expected_error: error, ..effort() }).unwrap();
        assert_eq!((planned.passing, planned.sealed, planned.labelled), (None, None, None));
    }
    let close = plan(&Effort { expected_error: 0.049_999, ..effort() }).unwrap();
    assert_eq!(close.passing, None, "more than a set holds");
    for odd in [
        Effort { power: 1.0, ..effort() },
        Effort { pass_share: 0.0, ..effort() },
        Effort { expected_error: f64::NAN, ..effort() },
        Effort { attempts: 9, ..effort() },
        Effort { attempts: 0, ..effort() },
    ] {
        assert!(plan(&odd).is_err(), "{odd:?}");
    }
}
