//! Models over HTTP, and the scanner of their streams.

pub mod key;
pub mod raw;
pub mod retry;
pub mod sse;
