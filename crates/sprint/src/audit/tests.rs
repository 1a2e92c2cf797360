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
    assert_eq!(alarms, [4, 7], "the fifth wrong one in a row: 32 ≥ 20; the detector at the eighth: 510 ≥ 400");
    assert_eq!((state.alarmed_at, state.changed_at), (Some(5), Some(8)));
    (0..1_000).for_each(|_| assert!(state.feed(&rule(), false).is_none()));
    assert!(state.e() < 20.0 && state.alarmed_at == Some(5));
}

#[test]
fn one_wrong_one_after_a_quiet_time_is_no_alarm() {
    for (max_wrong, assurance) in [(0.05, 0.95), (0.01, 0.9), (0.1, 0.99), (0.3, 0.95), (0.7, 0.9)] {
        let rule = AuditRule::new(Promise::new(max_wrong, assurance).unwrap());
        let mut state = AuditState::of(&rule, std::iter::repeat_n(false, 10_000));
        assert!(state.change < rule.change_alarm() / 2.0, "{max_wrong}: {}", state.change);
        assert!(state.feed(&rule, true).is_none(), "{max_wrong}: {}", state.change);
    }
    // 1/δ alone would be reached: R stands near (1 − 2α)/α, and a wrong one doubles it.
    let mut state = AuditState::of(&rule(), std::iter::repeat_n(false, 10_000));
    assert!((state.change - 18.0).abs() < 1e-6, "{}", state.change);
    state.feed(&rule(), true);
    assert!(state.change > 20.0 && (rule().change_alarm() - 400.0).abs() < 1e-9);
}

#[test]
fn a_change_is_noticed_where_the_e_process_is_far_away() {
    let mut state = AuditState::of(&rule(), (0..1_000).map(|i| i % 50 == 0));
    assert!(state.log_e < -20.0 && state.alarmed_at.is_none());
    let alarm = std::iter::repeat_with(|| state.feed(&rule(), true)).find_map(|a| a).unwrap();
    assert_eq!((alarm.kind, alarm.kind.reason(), state.audits), (AlarmKind::Change, "change", 1_005));
    assert!(alarm.log_change >= 400.0_f64.ln() && alarm.log_e < 3.0);
    assert_eq!((state.alarmed_at, state.changed_at), (None, Some(1_005)));
    // Alarmed is alarmed: R stays as it was, and only the other test alarms after it.
    let at = state.change;
    let kinds: Vec<AlarmKind> = (0..100).filter_map(|_| state.feed(&rule(), true)).map(|a| a.kind).collect();
    assert_eq!(kinds, [AlarmKind::Start]);
    assert!((state.change - at).abs() < f64::EPSILON);
}

#[test]
fn a_state_of_before_the_detector_is_read() {
    let old: AuditState = serde_json::from_str(r#"{"audits":3,"wrong":1,"log_e":0.2}"#).unwrap();
    assert_eq!((old.audits, old.change, old.changed_at), (3, 0.0, None));
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
