//! Layer 1, the language: text to a checked workflow; digests, scopes, diagnostics.

pub mod workflow;

pub use workflow::Workflow;
