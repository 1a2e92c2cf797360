//! The store's tests: what every store promises, and what only the embedded one does.

mod common;
mod conformance;
mod crash;
mod differential;
mod embedded;
mod full;
mod tamper;
