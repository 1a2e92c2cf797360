//! Models over HTTP, and the scanner of their streams.

pub mod sse;
