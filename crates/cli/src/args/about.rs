//! What `seatrial --help` says first.

/// What it is.
pub(super) const ABOUT: &str = "The operating system for delivering AI workflows";

/// What it is, and the way through it.
pub(super) const LONG_ABOUT: &str = "\
The operating system for delivering AI workflows.

One spec for each AI workflow drives everything: what is verified while it is built, what must be approved, what the \
runtime enforces, what is recorded, and what the new owner signs for. Readiness is computed, not declared.

The way of a delivery:

  seatrial new NAME               a small workflow to begin with
  seatrial check                  what is wrong with the spec
  seatrial submit                 put it into the log; you are its author
  seatrial status                 what is discharged, stale, open, and the next useful thing to do
  seatrial eval                   run the examples through the guard
  seatrial rehearse               provoke every rule, before anything is served
  seatrial approve OBLIGATION     sign for exactly what you were shown
  seatrial release pilot          cut the release, if nothing is missing
  seatrial serve                  serve it, guarded";
