//! `evidence.witnessed`.

use crate::fixture::{Log, WITNESS};
use crate::state::State;
use crate::status::Cosigned;
use seatrial_model::words::FactoryKind;
use seatrial_model::{Side, Stage};

const ID: &str = "evidence.witnessed";

fn is(log: &Log, state: State, why: &str) {
    let found = log.state(Stage::Production, ID);
    assert_eq!((found.state, found.why.as_str()), (state, why));
}

fn cosigned(log: &mut Log, hours_ago: i64) {
    let at = log.now.plus_millis(-hours_ago * 3_600_000);
    log.running.cosigned = vec![Cosigned { witness: WITNESS.to_owned(), at }];
}

#[test]
fn a_day_may_pass() {
    let mut log = Log::new();
    is(&log, State::Open, "not cosigned yet by `auditor`");
    for hours in [0, 23, 24] {
        cosigned(&mut log, hours);
        is(&log, State::Discharged, "cosigned within the last day by `auditor` (independent side)");
    }
    cosigned(&mut log, 31);
    is(&log, State::Stale, "last cosigned 31h ago by `auditor`; at most a day may pass");
    // From a clock that runs far ahead nothing is taken.
    cosigned(&mut log, -1);
    is(&log, State::Open, "not cosigned yet by `auditor`");
}

#[test]
fn only_a_configured_key_outside_delivery_counts() {
    let mut log = Log::new();
    cosigned(&mut log, 1);
    log.factory.witnesses[0].side = Side::Delivery;
    is(
        &log,
        State::Open,
        "no witness is configured: name one under `witnesses` in factory.yaml, with a key that the delivery side does not hold",
    );
    log.factory.witnesses[0].side = Side::Receiving;
    log.running.cosigned[0].witness = "another+00000000+BA".to_owned();
    is(&log, State::Open, "not cosigned yet by `auditor`");
}

#[test]
fn where_none_is_configured() {
    let mut log = Log::new();
    log.factory.witnesses.clear();
    assert_eq!(log.state(Stage::Production, ID).state, State::Open, "a standard house has to have one");
    log.factory.profile = "small".to_owned();
    is(
        &log,
        State::NotApplicable,
        "the profile is small, and no witness is configured: nobody outside cosigns this log's checkpoints",
    );
    log.factory.profile = "regulated".to_owned();
    assert_eq!(log.state(Stage::Production, ID).state, State::Open);
    log.factory.kind = FactoryKind::Simulation;
    is(
        &log,
        State::NotApplicable,
        "a simulation needs nobody outside who vouches for its log, and no witness is configured",
    );
}

#[test]
fn a_witness_that_is_away_keeps_from_releasing_and_loses_nothing() {
    let mut log = Log::complete();
    cosigned(&mut log, 40);
    let state = log.state(Stage::Production, ID);
    assert_eq!(state.state, State::Stale);
    assert!(state.obligation.duty.is_of_the_moment());
    assert_eq!(state.next.as_deref(), Some("seatrial log witness --now"));
}
