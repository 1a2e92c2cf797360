//! Commands that the pages themselves name; all others come with the view. Kept in one place, so that a test of
//! the command line can check that each exists.

/// Submits a spec.
pub const SUBMIT: &str = "seatrial submit";
/// Shows what changed since the release.
pub const DIFF: &str = "seatrial diff --released";
/// Serves the candidate to examples and marked requests.
pub const REHEARSE: &str = "seatrial rehearse";
/// Issues a token to a person.
pub const TOKEN: &str = "seatrial token issue operator you@your.example";
/// Opens a sprint.
pub const SPRINT_OPEN: &str = "seatrial sprint open --goal \"…\"";
/// Computes the production release and says what is missing.
pub const RELEASE_DRY_RUN: &str = "seatrial release production --dry-run";

/// All of them.
pub const ALL: [&str; 6] = [SUBMIT, DIFF, REHEARSE, TOKEN, SPRINT_OPEN, RELEASE_DRY_RUN];
