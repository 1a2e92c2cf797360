use super::*;
use crate::fixture::Log;

#[test]
fn what_was_not_computed_for_the_stage_releases_nothing() {
    let log = Log::complete();
    let production = log.states(Stage::Production);
    assert_eq!(can_release(Stage::Pilot, &production), Err(ReleaseError::OtherStage(Stage::Pilot)));
    assert_eq!(can_release(Stage::Production, &[]), Err(ReleaseError::OtherStage(Stage::Production)));
    assert_eq!(can_release(Stage::Retired, &production), Err(ReleaseError::NoSuchRelease(Stage::Retired)));
    let text = can_release(Stage::Production, &production).unwrap_err().to_string();
    assert_eq!(
        text,
        "1 obligation(s) stand between here and `production`, nothing was cut: `release.approval` is open"
    );
}

#[test]
fn a_simulation_is_signed_as_one_whatever_the_stage() {
    for stage in Stage::ALL {
        assert_eq!(level(*stage, FactoryKind::Simulation, &[]), "SEATRIAL_SIMULATION");
    }
    assert_eq!(level(Stage::Production, FactoryKind::Real, &[]), "SEATRIAL_PRODUCTION");
}

#[test]
fn the_digest_leaves_the_approval_out_and_nothing_else() {
    let mut states = Log::complete().states(Stage::Production);
    let before = state_digest(&states);
    states.last_mut().unwrap().state = State::Discharged;
    assert_eq!(before, state_digest(&states));
    states.first_mut().unwrap().events.clear();
    assert_ne!(before, state_digest(&states));
}
