//! The language as its users meet it: one binary for all of it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are not test functions themselves"
)]

mod compare;
mod declared;
mod diagnostics;
mod examples;
mod fixture;
mod hostile;
mod identity;
mod narrows;
mod people;
mod wire;
