//! Commands that the pages themselves name; all others come with the view. Kept in one place, so that a test of
//! the command line can check that each exists.

/// Makes a new workflow's folder.
pub const INIT: &str = "seatrial init my-workflow";
/// Submits a spec.
pub const SUBMIT: &str = "seatrial submit";
/// Says what changed since the released spec.
pub const DIFF: &str = "seatrial diff --released";
/// Serves the candidate to examples and marked requests.
pub const REHEARSE: &str = "seatrial rehearse";
/// Makes a one-time link for a person.
pub const SIGN_IN: &str = "seatrial sign-in you@your.example";
/// Opens a sprint.
pub const SPRINT_OPEN: &str = "seatrial sprint open --goal \"…\"";
/// Computes the production release and says what is missing.
pub const RELEASE_DRY_RUN: &str = "seatrial release production --dry-run";

/// All of them.
pub const ALL: [&str; 7] = [INIT, SUBMIT, DIFF, REHEARSE, SIGN_IN, SPRINT_OPEN, RELEASE_DRY_RUN];
