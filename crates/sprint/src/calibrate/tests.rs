use super::*;

fn promise() -> Promise {
    Promise::new(0.05, 0.95).unwrap()
}

fn context(attempt: u64) -> CertificateContext {
    CertificateContext {
        threshold: ElementPath::new("thresholds.route"),
        sealed: Digest::of(b"sealed"),
        model: "some-model".to_owned(),
        confidence: "output.confidence".to_owned(),
        attempt,
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
        let tested = certify(&points, 0.9, promise(), &context(1)).unwrap();
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
fn later_attempts_spend_less() {
    let points = at(0.9, 59, 0);
    assert!(!certify(&points, 0.9, promise(), &context(2)).unwrap().event.certified, "δ/2 asks for 72");
    assert!(certify(&at(0.9, 72, 0), 0.9, promise(), &context(2)).unwrap().event.certified);
    assert_eq!((1..=4).map(|a| promise().delta_of(a)).collect::<Vec<_>>(), [0.05, 0.025, 0.0125, 0.00625]);
    for (attempts, spent) in [(0, 0.0), (1, 0.05), (2, 0.075), (3, 0.0875)] {
        assert!((promise().spent(attempts) - spent).abs() < 1e-15, "{attempts}");
    }
    assert!(!certify(&points, 0.9, promise(), &context(u64::MAX)).unwrap().event.certified);
}

#[test]
fn what_cannot_be_certified_says_why() {
    let points = at(0.9, 59, 0);
    assert!(matches!(certify(&points, f64::INFINITY, promise(), &context(1)), Err(CalibrateError::At(_))));
    assert!(matches!(certify(&points, f64::NAN, promise(), &context(1)), Err(CalibrateError::At(_))));
    assert_eq!(certify(&points, 0.9, promise(), &context(0)), Err(CalibrateError::Attempt));
    assert_eq!(certify(&[], 0.9, promise(), &context(1)), Err(CalibrateError::NoExamples));
    assert_eq!(propose(&[], 100, promise()), Err(CalibrateError::NoExamples));
    for (a, b) in [(0.0, 0.9), (1.0, 0.9), (0.1, 1.0), (f64::NAN, 0.9), (0.1, 0.0)] {
        assert!(Promise::new(a, b).is_err(), "{a} {b}");
    }
}

#[test]
fn a_proposal_is_the_loosest_that_has_the_power() {
    let mut points = at(0.97, 200, 1);
    points.extend(at(0.853, 300, 6));
    points.extend(at(0.6, 200, 60));
    let proposal = propose(&points, 700, promise()).unwrap();
    assert_eq!(proposal.at, Some(0.61), "just above those that are often wrong");
    assert!(proposal.power >= POWER_AIM);
    assert_eq!((proposal.wrong, proposal.tuned_on), (Share { k: 7, n: 507 }, 767));
    assert_eq!(proposal.event(ElementPath::new("thresholds.x")).power, proposal.power);
}

#[test]
fn nothing_with_a_chance_is_a_result() {
    let hopeless = propose(&at(0.9, 80, 20), 1_000, promise()).unwrap();
    assert_eq!(hopeless.at, None);
    assert!(hopeless.power < CHANCE_MIN);
    let too_few = propose(&at(0.9, 1_000, 0), 58, promise()).unwrap();
    assert_eq!((too_few.at, too_few.power), (None, 0.0), "58 examples certify 5 % never");
}

#[test]
fn proposed_thresholds_read_well() {
    let texts: Vec<String> = candidates().map(|c| c.to_string()).collect();
    assert!(texts.iter().all(|t| t.len() <= 5), "{texts:?}");
    assert!(["0.29", "0.57", "0.955", "0.999"].iter().all(|t| texts.contains(&(*t).to_owned())));
    assert!(candidates().collect::<Vec<_>>().is_sorted());
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
            assert!(recomputes(&certify(&at(0.9, right, 1), 0.9, promise(), &context(attempt)).unwrap().event));
        }
    }
    let given = certify(&at(0.9, 100, 1), 0.9, promise(), &context(1)).unwrap().event;
    let forged = |change: fn(&mut ThresholdTested)| {
        let mut tested = given.clone();
        change(&mut tested);
        recomputes(&tested)
    };
    assert!(!forged(|t| t.certificate.errors = 0));
    assert!(!forged(|t| t.certificate.examples = 1_000));
    assert!(!forged(|t| t.certificate.delta = 0.5));
    assert!(!forged(|t| t.certificate.attempt = 2));
    assert!(!forged(|t| t.certificate.max_wrong = 0.04));
    assert!(!forged(|t| t.certificate.p = f64::NAN));
    assert!(!forged(|t| t.certified = false));
}
