//! The example workflow, as the checker reads it.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod corpus;
mod edits;
mod example;
mod expected;
mod history;
mod matrix;
mod staleness;
mod table;
