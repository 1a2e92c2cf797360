use super::*;
use proptest::prelude::*;

fn rule() -> AuditRule {
    AuditRule::new(Promise::new(0.05, 0.95).unwrap())
}

fn run(wrong: usize, of: usize) -> AuditState {
    AuditState::of(&rule(), (0..of).map(|i| i < wrong))
}

#[test]
fn the_e_process_as_published() {
    assert!((run(5, 5).e() - 32.0).abs() < 1e-9);
    assert!((run(5, 20).e() - 14.221111).abs() < 5e-7);
    assert!((run(6, 20).e() - 30.022346).abs() < 5e-7);
    assert!((rule().ln_alarm() - 20.0_f64.ln()).abs() < 1e-12);
}

#[test]
fn the_audits_that_it_takes_follow_from_the_rule() {
    // ln 20 / (0.1 ln 2 + 0.9 ln(0.90/0.95))
    assert_eq!(rule().audits_to_notice(), 146);
    let strict = AuditRule::new(Promise::new(0.05, 0.99).unwrap());
    let lax = AuditRule::with_alternative(Promise::new(0.05, 0.95).unwrap(), 0.3).unwrap();
    assert!(strict.audits_to_notice() > 146 && lax.audits_to_notice() < 20);
}

#[test]
fn it_alarms_once_and_stays_alarmed() {
    let mut state = AuditState::default();
    let alarms: Vec<usize> = (0..8).filter(|_| state.feed(&rule(), true).is_some()).collect();
    assert_eq!(alarms, [4], "the fifth wrong one in a row: 32 ≥ 20");
    assert_eq!(state.alarmed_at, Some(5));
    (0..1_000).for_each(|_| assert!(state.feed(&rule(), false).is_none()));
    assert!(state.e() < 20.0 && state.alarmed_at == Some(5));
}

#[test]
fn alternatives_stay_between_alpha_and_one() {
    let promise = Promise::new(0.6, 0.9).unwrap();
    let mut state = AuditState::default();
    state.feed(&AuditRule::new(promise), false);
    assert!(state.log_e.is_finite() && state.log_e < 0.0);
    for bad in [0.6, 0.2, 1.0, f64::NAN] {
        assert!(AuditRule::with_alternative(promise, bad).is_err(), "{bad}");
    }
    assert!(AuditRule::with_alternative(promise, 0.7).is_ok());
}

proptest! {
    #[test]
    fn the_order_of_audits_does_not_matter_to_m(mut audits in proptest::collection::vec(any::<bool>(), 0..200)) {
        let forward = AuditState::of(&rule(), audits.iter().copied());
        audits.reverse();
        let backward = AuditState::of(&rule(), audits);
        prop_assert!((forward.log_e - backward.log_e).abs() < 1e-9);
        prop_assert_eq!((forward.audits, forward.wrong), (backward.audits, backward.wrong));
        let kept: AuditState = serde_json::from_str(&serde_json::to_string(&forward).unwrap()).unwrap();
        prop_assert_eq!(kept, forward);
    }
}
