use super::*;
use crate::fixture::{Log, changed};

fn explained(log: &Log, id: &str) -> Explanation {
    let input = log.input(Stage::Production, &[]);
    let state = crate::status(&input).into_iter().find(|s| s.obligation.id == id).unwrap();
    explain(&input, &state)
}

#[test]
fn an_early_cut_off_is_said() {
    let log = Log::complete();
    assert_eq!(explained(&log, "eval.golden").cut_off, None);
    // Another reason behind a rule compiles to the same: what was measured stands, and the chain says why.
    let log = log.with(changed(|w| w.steps[0].forbid[0].because = Some("another".to_owned())));
    let why = explained(&log, "eval.golden").cut_off.unwrap();
    assert!(why.contains("entry 1 was recorded under another spec"), "{why}");
    let stale = explained(&log, "approval.risk");
    assert_eq!((stale.state, stale.cut_off), (State::Stale, None));
}

#[test]
fn a_waiver_is_explained_with_what_is_beneath() {
    let mut log = Log::new();
    let waiver = log.ask_waiver("ana", "spec.exercised", Stage::Production, 30, None);
    log.grant_waiver("ria", waiver, "risk");
    let explained = explained(&log, "spec.exercised");
    assert_eq!((explained.state, explained.under), (State::Waived, State::Open));
    assert_eq!(explained.waiver.unwrap().granted_by, "ria@bank.example");
}
