use super::*;

#[test]
fn waits_grow_are_spread_and_end() {
    let ms = |n, jitter| wait(n, None, jitter).unwrap().as_millis();
    assert_eq!((ms(1, 0.0), ms(1, 1.0)), (100, 200));
    assert_eq!((ms(2, 0.0), ms(2, 1.0)), (200, 400));
    assert_eq!(ms(40, 1.0), u128::from(WAIT_MAX_MS));
    assert_eq!(ms(1, f64::NAN), 150);
}

#[test]
fn a_providers_wish_is_obeyed_or_nothing_is_sent() {
    let two = Duration::from_secs(2);
    assert_eq!(wait(1, Some(two), 0.3), Some(two));
    assert_eq!(wait(1, Some(Duration::from_secs(60)), 0.3), None);
    assert_eq!(retry_after(None, Some("2")), Some(two));
    assert_eq!(retry_after(Some("2000"), Some("9")), Some(two));
    for odd in ["-1", "NaN", "1e300", "Wed, 21 Oct 2026 07:28:00 GMT", ""] {
        assert_eq!(retry_after(None, Some(odd)), None, "{odd}");
    }
}

#[test]
fn the_budget_ends_and_comes_back() {
    let budget = RetryBudget::default();
    let spent = (0..100).filter(|_| budget.spend()).count();
    assert_eq!(spent, 10);
    for _ in 0..5 {
        budget.call();
    }
    assert!(budget.spend());
    assert!(!budget.spend());
}

#[test]
fn only_what_may_pass_is_asked_again() {
    assert!([429, 500, 502, 503, 529].into_iter().all(is_retryable));
    assert!(![200, 400, 401, 403, 404, 422, 501].into_iter().any(is_retryable));
}
