//! The language as its users meet it: one binary for all of it.

mod diagnostics;
mod fixture;
mod hostile;
mod identity;
