//! Use cases: load, decide with a pure crate, append. The only place with that order.

pub mod api;
