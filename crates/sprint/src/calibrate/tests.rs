use super::*;
use crate::stats;
use seatrial_model::event::{SliceResult, ThresholdTested};
use seatrial_model::{Digest, ElementPath};

fn promise() -> Promise {
    Promise::new(0.05, 0.95).unwrap()
}

fn terms(attempt: u64, attempts: u64) -> Terms {
    Terms { attempt, attempts, ..Terms::once(promise()) }
}

fn once() -> Terms {
    Terms::once(promise())
}

fn grid(points: &[f64]) -> Method {
    Method::FixedSequence(points.to_vec())
}

/// One attempt at a split.
fn tested(points: &[Point], at: f64) -> Tested {
    certify(points, at, &Method::Split, &once(), &context()).unwrap()
}

fn context() -> CertificateContext {
    CertificateContext {
        threshold: ElementPath::new("thresholds.route"),
        sealed: Digest::of(b"sealed"),
        model: "some-model".to_owned(),
        confidence: "output.confidence".to_owned(),
        left_out: 0,
        thinned: 0,
    }
}

/// `right` right and `wrong` wrong ones at a confidence.
fn at(confidence: f64, right: usize, wrong: usize) -> Vec<Point> {
    let mut points = vec![Point::new(confidence, false, true); right];
    points.extend(vec![Point::new(confidence, true, true); wrong]);
    points
}

#[test]
fn certified_at_59_of_59_and_not_at_58() {
    for (right, certified) in [(59, true), (58, false)] {
        let mut points = at(0.9, right, 0);
        points.extend(at(0.5, 100, 100));
        points.extend(vec![Point::new(0.99, true, false); 50]);
        let tested = tested(&points, 0.9);
        assert_eq!(tested.event.certified, certified);
        let c = tested.event.certificate;
        assert_eq!((c.examples, c.errors, c.attempt, c.delta), (right as u64, 0, 1, 0.05));
        assert_eq!(c.reviewed, Share { k: 250, n: right as u64 + 250 }, "what other rules escalate is reviewed");
        assert_eq!(c.curve, Digest::of(tested.curve.as_bytes()));
        assert_eq!(c.bound <= 0.05, certified);
        assert_eq!(c.p <= 0.05, certified);
    }
}

#[test]
fn the_threshold_is_inclusive_and_odd_confidences_count_as_zero() {
    assert!(Point::new(0.8, false, true).passes_at(0.8));
    assert!(!Point::new(0.8, false, true).passes_at(0.81));
    for odd in [f64::NAN, f64::INFINITY, 1.01, -0.5] {
        assert!(!Point::new(odd, false, true).passes_at(0.01), "{odd}");
    }
}

#[test]
fn attempts_are_declared_and_together_spend_delta() {
    let deltas = |attempts: u64| (1..=attempts).map(|a| promise().delta_of(a, attempts).unwrap()).collect::<Vec<_>>();
    assert_eq!(deltas(1), [0.05], "one attempt has all of it");
    assert_eq!(deltas(2), [0.025, 0.025]);
    assert_eq!(deltas(4), [0.025, 0.0125, 0.00625, 0.00625]);
    for attempts in 1..=ATTEMPTS_MAX {
        assert!((promise().spent(attempts, attempts) - 0.05).abs() < 1e-15, "{attempts}");
        assert_eq!(promise().spent(attempts + 9, attempts), promise().spent(attempts, attempts));
        assert_eq!(promise().delta_of(attempts + 1, attempts), None);
        assert_eq!(promise().delta_of(0, attempts), None);
    }
    assert_eq!(promise().delta_of(1, ATTEMPTS_MAX + 1), None);
    assert_eq!(promise().delta_of(1, u64::MAX), None);
    let tested = |right: usize, attempt: u64, attempts: u64| {
        certify(&at(0.9, right, 0), 0.9, &Method::Split, &terms(attempt, attempts), &context()).unwrap().event.certified
    };
    assert!(tested(59, 1, 1) && !tested(59, 1, 2) && tested(72, 1, 2) && tested(72, 2, 2) && !tested(72, 2, 3));
}

#[test]
fn a_failure_with_attempts_left_says_no_more_than_that() {
    let mut points = at(0.9, 90, 10);
    points.iter_mut().for_each(|p| p.slices = vec!["all".to_owned()]);
    let attempt = |a: u64| {
        let terms = Terms { required: vec!["all".to_owned()], ..terms(a, 3) };
        certify(&points, 0.9, &Method::Split, &terms, &context()).unwrap()
    };
    let (first, last) = (attempt(1), attempt(3));
    let other = certify(&at(0.9, 70, 50), 0.9, &Method::Split, &terms(1, 3), &context()).unwrap();
    assert_eq!(first.event, other.event, "whatever the examples are");
    assert_eq!(first.curve, other.curve);
    let c = &first.event.certificate;
    assert!(c.withheld && !first.event.certified && recomputes(&first.event));
    assert_eq!((c.examples, c.errors, c.bound, c.p, c.reviewed.n), (0, 0, 1.0, 1.0, 0));
    assert!(c.slices.is_empty() && c.required.is_empty());
    let c = &last.event.certificate;
    assert!(!c.withheld && c.examples == 100 && c.errors == 10 && recomputes(&last.event), "nothing is left to choose");
}

#[test]
fn what_cannot_be_certified_says_why() {
    let points = at(0.9, 59, 0);
    let split = |points: &[Point], at: f64, terms: &Terms| {
        certify(points, at, &Method::Split, terms, &context()).map(|t| t.event.certified)
    };
    assert!(matches!(split(&points, f64::INFINITY, &once()), Err(CalibrateError::At(_))));
    assert!(matches!(split(&points, f64::NAN, &once()), Err(CalibrateError::At(_))));
    assert_eq!(split(&points, 0.9, &terms(0, 1)), Err(CalibrateError::Attempt { attempt: 0, attempts: 1 }));
    assert_eq!(split(&points, 0.9, &terms(2, 1)), Err(CalibrateError::Attempt { attempt: 2, attempts: 1 }));
    assert_eq!(split(&[], 0.9, &once()), Err(CalibrateError::NoExamples));
    assert_eq!(propose(&[], 100, &Method::Split, &once()), Err(CalibrateError::NoExamples));
    for (a, b) in [(0.0, 0.9), (1.0, 0.9), (0.1, 1.0), (f64::NAN, 0.9), (0.1, 0.0)] {
        assert!(Promise::new(a, b).is_err(), "{a} {b}");
    }
    for odd in [&[][..], &[0.9, 0.9], &[0.8, 0.9], &[1.1, 0.9], &[0.9, f64::NAN]] {
        let said = certify(&points, 0.9, &grid(odd), &once(), &context());
        assert_eq!(said.unwrap_err(), CalibrateError::Grid, "{odd:?}");
        assert!(propose(&points, 59, &grid(odd), &once()).is_err());
    }
    let said = certify(&points, 0.9, &grid(&[0.95, 0.85]), &once(), &context());
    assert_eq!(said.unwrap_err(), CalibrateError::NotInGrid(0.9));
}

/// The table of known answers, as examples: so many pass at each point, and so many of these are wrong.
fn published() -> (Vec<f64>, Vec<Point>) {
    let table = [
        (0.99, 80, 0),
        (0.97, 140, 1),
        (0.95, 210, 2),
        (0.93, 270, 4),
        (0.90, 330, 8),
        (0.85, 410, 15),
        (0.80, 600, 18),
        (0.70, 720, 30),
    ];
    let (mut points, mut before) = (Vec::new(), (0, 0));
    for (confidence, n, k) in table {
        let (passed, wrong) = (n - before.0, k - before.1);
        points.extend(at(confidence, passed - wrong, wrong));
        before = (n, k);
    }
    (table.map(|(confidence, ..)| confidence).to_vec(), points)
}

#[test]
fn a_fixed_sequence_stops_at_its_first_failure() {
    let (points_of_grid, points) = published();
    let method = grid(&points_of_grid);
    let test = |at: f64| certify(&points, at, &method, &once(), &context()).unwrap();
    for at in [0.99, 0.97, 0.95, 0.93, 0.90] {
        assert!(test(at).event.certified, "{at}");
    }
    for at in [0.85, 0.80, 0.70] {
        let failed = test(at);
        assert!(!failed.event.certified, "{at}: 0.80 passes by itself, and comes after one that fails");
        assert_eq!(failed.loosest, Some(0.90));
        assert!(recomputes(&failed.event));
    }
    let c = test(0.93).event.certificate;
    assert_eq!((c.errors, c.examples, c.method.as_str(), c.grid.len()), (4, 270, "fixed-sequence", 8));
    assert_eq!(c.sequence.len(), 6, "five that pass and the one that does not");
    assert!((c.p - 0.002176).abs() < 5e-7);
    assert!(stats::certifies(18, 600, 0.05, 0.05), "a split at 0.80 would have been certified, had it been the number");
    let proposal = propose(&points, 1_000, &method, &once()).unwrap();
    assert!(proposal.at.is_some_and(|at| at >= 0.90 && points_of_grid.contains(&at)), "{proposal:?}");
}

#[test]
fn a_point_of_the_same_sequence_needs_no_other_attempt() {
    let (points_of_grid, points) = published();
    let method = grid(&points_of_grid);
    let strict = certify(&points, 0.95, &method, &once(), &context()).unwrap().event.certificate;
    let taken = taken_over(&strict, 0.90).unwrap();
    let mut again = certify(&points, 0.90, &method, &once(), &context()).unwrap().event;
    again.certificate.curve = strict.curve;
    assert_eq!(taken, again);
    assert_eq!(taken_over(&strict, 0.85), None, "it failed there");
    assert_eq!(taken_over(&strict, 0.80), None, "it never came there");
    assert_eq!(taken_over(&strict, 0.91), None);
    let split = tested(&points, 0.93).event.certificate;
    assert_eq!(taken_over(&split, 0.90), None);
}

/// 400 in a good slice, 400 in another, and as many in none.
fn sliced(good: usize, other: usize, rest: usize) -> Vec<Point> {
    let mut points = Vec::new();
    for (name, wrong) in [("a", good), ("b", other), ("", rest)] {
        let slices = if name.is_empty() { Vec::new() } else { vec![name.to_owned()] };
        points.extend(at(0.9, 400 - wrong, wrong).into_iter().map(|p| Point { slices: slices.clone(), ..p }));
    }
    points
}

fn with_slices() -> Terms {
    Terms { required: vec!["a".to_owned(), "b".to_owned()], ..once() }
}

fn with(points: &[Point]) -> ThresholdTested {
    let tested = certify(points, 0.9, &Method::Split, &with_slices(), &context()).unwrap().event;
    assert!(recomputes(&tested), "{tested:?}");
    tested
}

#[test]
fn required_slices_divide_delta_and_one_that_fails_escalates() {
    let all = with(&sliced(4, 5, 6));
    assert!(all.certified && all.certificate.remainder.is_none());
    let c = &all.certificate;
    assert!(c.required.values().all(|s| s.certified && (s.delta - 0.05 / 3.0).abs() < 1e-15));
    assert_eq!(c.bound, stats::upper_bound(15, 1_200, 0.05 / 3.0));
    let one = with(&sliced(4, 30, 6));
    assert!(one.certified && !one.certificate.required["b"].certified && one.certificate.required["a"].certified);
    let left = one.certificate.remainder.unwrap();
    assert_eq!((left.wrong, left.delta), (Share { k: 10, n: 800 }, 0.05 / 3.0 / 4.0));
    assert_eq!(one.certificate.reviewed, Share { k: 400, n: 1_200 }, "the slice goes to people");
    assert!(!with(&sliced(40, 40, 40)).certified);
}

#[test]
fn a_slice_that_is_missing_is_not_certified() {
    let nobody = with(&at(0.9, 800, 4));
    assert!(nobody.certified && nobody.certificate.required.values().all(|s| !s.certified && s.bound == 1.0));
}

/// The whole is good because of slices that are too small to be certified: without them it is not.
#[test]
fn what_is_left_must_keep_the_promise_too() {
    let mut points = at(0.9, 900, 52);
    for slice in 0..20 {
        points.extend(at(0.9, 60, 0).into_iter().map(|p| Point { slices: vec![format!("s{slice:02}")], ..p }));
    }
    let required: Vec<String> = (0..20).map(|i| format!("s{i:02}")).collect();
    let terms = Terms { required, ..once() };
    let tested = certify(&points, 0.9, &Method::Split, &terms, &context()).unwrap().event;
    assert!(recomputes(&tested));
    let c = &tested.certificate;
    assert!(stats::certifies(c.errors, c.examples, 0.05, 0.05 / 21.0), "the whole would be certified");
    assert!(c.required.values().all(|s| !s.certified), "60 without an error are too few for a twenty-first of δ");
    assert!(!tested.certified && !c.remainder.unwrap().certified, "52 of 952 are what would pass");
}

#[test]
fn a_proposal_is_the_loosest_that_has_the_power() {
    let mut points = at(0.97, 200, 1);
    points.extend(at(0.853, 300, 6));
    points.extend(at(0.6, 200, 60));
    let proposal = propose(&points, 700, &Method::Split, &once()).unwrap();
    assert_eq!(proposal.at, Some(0.61), "just above those that are often wrong");
    assert!(proposal.power >= POWER_AIM);
    assert_eq!((proposal.wrong, proposal.tuned_on), (Share { k: 7, n: 507 }, 767));
    assert_eq!(proposal.event(ElementPath::new("thresholds.x")).power, proposal.power);
}

#[test]
fn nothing_with_a_chance_is_a_result() {
    let hopeless = propose(&at(0.9, 80, 20), 1_000, &Method::Split, &once()).unwrap();
    assert_eq!(hopeless.at, None);
    assert!(hopeless.power < CHANCE_MIN);
    let too_few = propose(&at(0.9, 1_000, 0), 58, &Method::Split, &once()).unwrap();
    assert_eq!((too_few.at, too_few.power), (None, 0.0), "58 examples certify 5 % never");
}

#[test]
fn proposed_thresholds_read_well() {
    let texts: Vec<String> = propose::round_numbers().map(|c| c.to_string()).collect();
    assert!(texts.iter().all(|t| t.len() <= 5), "{texts:?}");
    assert!(["0.29", "0.57", "0.955", "0.999"].iter().all(|t| texts.contains(&(*t).to_owned())));
    assert!(propose::round_numbers().collect::<Vec<_>>().is_sorted());
}

#[test]
fn slices_are_reported_with_what_can_be_said() {
    let mut points = at(0.9, 300, 3);
    for (i, p) in points.iter_mut().enumerate() {
        p.slices = vec!["all".to_owned(), if i < 10 { "few".to_owned() } else { "rest".to_owned() }];
    }
    points.extend(at(0.9, 30, 30).into_iter().map(|p| Point { slices: vec!["bad".to_owned()], ..p }));
    points.push(Point { slices: vec!["few".to_owned()], ..Point::new(0.1, true, true) });
    let slices = slices(&points, 0.8);
    assert_eq!(slices["few"], SliceResult { passed: Share { k: 10, n: 11 }, wrong: Share { k: 0, n: 10 } });
    let reading = |name: &str| read_slice(&slices[name], promise()).1;
    assert_eq!(reading("all"), SliceReading::Within);
    assert_eq!(reading("few"), SliceReading::Inconclusive);
    assert_eq!(reading("bad"), SliceReading::Above);
}

#[test]
fn reviews_follow_the_volume() {
    assert_eq!(reviews_per_day(Share { k: 70, n: 100 }, 400.0), 280.0);
    assert_eq!(reviews_per_day(Share { k: 0, n: 0 }, 400.0), 400.0, "not measured: everything");
}

#[test]
fn a_certificate_recomputes_from_its_counts_and_a_forged_one_does_not() {
    for attempt in 1..=3 {
        for right in [59, 58, 200] {
            let tested = certify(&at(0.9, right, 1), 0.9, &Method::Split, &terms(attempt, 3), &context()).unwrap();
            assert!(recomputes(&tested.event));
        }
    }
    let given = tested(&at(0.9, 100, 1), 0.9).event;
    let sliced = with(&sliced(4, 30, 6));
    let (points_of_grid, points) = published();
    let sequence = certify(&points, 0.9, &grid(&points_of_grid), &once(), &context()).unwrap().event;
    let forged = |from: &ThresholdTested, change: fn(&mut ThresholdTested)| {
        let mut tested = from.clone();
        change(&mut tested);
        recomputes(&tested)
    };
    assert!(!forged(&given, |t| t.certificate.errors = 0));
    assert!(!forged(&given, |t| t.certificate.examples = 1_000));
    assert!(!forged(&given, |t| t.certificate.delta = 0.5));
    assert!(!forged(&given, |t| t.certificate.attempt = 2));
    assert!(!forged(&given, |t| t.certificate.attempts = 2));
    assert!(!forged(&given, |t| t.certificate.max_wrong = 0.04));
    assert!(!forged(&given, |t| t.certificate.p = f64::NAN));
    assert!(!forged(&given, |t| t.certificate.withheld = true));
    assert!(!forged(&given, |t| t.certified = false));
    assert!(!forged(&sliced, |t| t.certificate.remainder = None));
    assert!(!forged(&sliced, |t| t.certificate.required.get_mut("b").unwrap().certified = true));
    assert!(!forged(&sliced, |t| {
        t.certificate.required.remove("a");
    }));
    assert!(!forged(&sequence, |t| t.certificate.at = Some(0.85)));
    assert!(!forged(&sequence, |t| t.certificate.sequence[2].k = 9));
    assert!(!forged(&sequence, |t| t.certificate.grid.truncate(3)));
    assert!(!forged(&sequence, |t| t.certificate.method = "split".to_owned()));
}

#[test]
fn a_power_is_said_for_each_required_slice() {
    let proposal = propose(&sliced(4, 30, 6), 1_200, &Method::Split, &with_slices()).unwrap();
    assert_eq!(
        proposal.slices.iter().map(|s| (s.name.as_str(), s.expected)).collect::<Vec<_>>(),
        [("a", 400), ("b", 400)]
    );
    assert!(proposal.slices[0].power > 0.9 && proposal.slices[1].power < 0.05, "{proposal:?}");
    assert_eq!(proposal.event("thresholds.x".into()).slices.len(), 2);
}
