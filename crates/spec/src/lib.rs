//! Layer 1, the language: text to a checked workflow; digests, scopes, diagnostics.
//!
//! The checker does no I/O: files come from a [`FileSource`]. It reports as many findings as it can, each with a
//! stable code and a place; only a spec without errors becomes a [`Workflow`].

pub mod check;
pub mod diagnostic;
pub mod diff;
pub mod files;
pub mod identity;
pub mod metrics;
pub mod scope;
pub mod workflow;
pub mod yaml;

mod expr;
mod types;

pub use check::{Checked, check, check_factory, check_factory_with};
pub use diagnostic::{Code, Diagnostic, Severity, Sources};
pub use diff::{Comparison, Diff, Direction, Item, compare, diff};
pub use expr::{
    EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_OPERATORS_MAX, EXPRESSIONS_MAX, on_parser_stack,
};
pub use files::{FileError, FileSource, MemoryFiles};
pub use metrics::{METRICS, Metric};
pub use scope::{ScopeEntry, Scopes, Which, scope_digest, scope_value};
pub use workflow::{FactorySpec, Workflow};
