//! Use cases: load, decide with a pure crate, append.
