use super::*;
use proptest::prelude::*;

fn of(cells: &[(&'static str, &'static str, usize)]) -> Agreement {
    agreement(cells.iter().flat_map(|(a, b, n)| std::iter::repeat_n((*a, *b), *n)))
}

#[test]
fn the_textbook_example() {
    // 50 proposals read by two people: both yes 20, both no 15, only the first yes 5, only the second yes 10. κ = 0.4.
    let found = of(&[("yes", "yes", 20), ("yes", "no", 5), ("no", "yes", 10), ("no", "no", 15)]);
    assert_eq!(found.agreed, Share { k: 35, n: 50 });
    assert!((found.kappa.unwrap() - 0.4).abs() < 1e-12);
    // Clopper–Pearson for 35 of 50, from published tables: 0.554 … 0.821.
    let (low, high) = found.interval.unwrap();
    assert!((low - 0.554).abs() < 1e-3 && (high - 0.821).abs() < 1e-3, "{low} {high}");
}

/// The variance by another way: the jackknife over the items.
fn jackknife(cells: &[(&'static str, &'static str, usize)]) -> f64 {
    let n: usize = cells.iter().map(|c| c.2).sum();
    let mut without = Vec::new();
    for (i, cell) in cells.iter().enumerate() {
        let mut fewer = cells.to_vec();
        fewer[i].2 -= 1;
        without.push((of(&fewer).kappa.unwrap(), cell.2));
    }
    let mean = without.iter().map(|(k, w)| k * *w as f64).sum::<f64>() / n as f64;
    let sum: f64 = without.iter().map(|(k, w)| (k - mean).powi(2) * *w as f64).sum();
    ((n as f64 - 1.0) / n as f64 * sum).sqrt()
}

#[test]
fn the_interval_is_that_of_the_jackknife() {
    let cells = [
        ("a", "a", 530),
        ("a", "b", 50),
        ("a", "c", 20),
        ("b", "a", 110),
        ("b", "b", 140),
        ("b", "c", 50),
        ("c", "a", 10),
        ("c", "b", 60),
        ("c", "c", 30),
    ];
    let found = of(&cells);
    let (low, high) = found.kappa_interval.unwrap();
    let (ours, theirs) = ((high - low) / 2.0 / Z, jackknife(&cells));
    assert!((ours / theirs - 1.0).abs() < 0.01, "{ours} and {theirs}");
    assert!((found.kappa.unwrap() - (low + high) / 2.0).abs() < 1e-12);
}

#[test]
fn where_nothing_can_be_said() {
    assert_eq!(of(&[]).kappa, None);
    assert_eq!(of(&[]).interval, None);
    let one = of(&[("yes", "yes", 40)]);
    assert_eq!((one.agreed, one.kappa), (Share { k: 40, n: 40 }, None), "both only ever say yes");
    let few = of(&[("yes", "yes", 3), ("no", "no", 3)]);
    assert_eq!((few.kappa, few.kappa_interval), (Some(1.0), None));
    assert_eq!(of(&[("yes", "no", 30), ("no", "yes", 30)]).kappa, Some(-1.0));
}

proptest! {
    #[test]
    fn figures_stay_where_they_belong(pairs in proptest::collection::vec((0_usize..4, 0_usize..4), 0..120)) {
        let names = ["a", "b", "c", "d"];
        let found = agreement(pairs.iter().map(|(a, b)| (names[*a], names[*b])));
        prop_assert!(found.agreed.k <= found.agreed.n);
        if let Some(kappa) = found.kappa {
            prop_assert!((-1.0..=1.0).contains(&kappa));
        }
        if let (Some(kappa), Some((low, high))) = (found.kappa, found.kappa_interval) {
            prop_assert!(low <= kappa && kappa <= high && !low.is_nan());
        }
        let turned = agreement(pairs.iter().map(|(a, b)| (names[*b], names[*a])));
        prop_assert_eq!(turned.agreed, found.agreed);
        prop_assert!((turned.kappa.unwrap_or(9.0) - found.kappa.unwrap_or(9.0)).abs() < 1e-9, "who is first does not matter");
    }
}
