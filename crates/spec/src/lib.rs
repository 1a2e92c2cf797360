//! Layer 1, the language: text to a checked workflow; digests, scopes, diagnostics.

pub mod diagnostic;
pub mod workflow;
pub mod yaml;

pub use workflow::Workflow;
