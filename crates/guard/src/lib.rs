//! Layer 4, deciding: from a checked workflow to a [`Program`], from a candidate to a [`Judgement`], from facts to a
//! [`Decision`]. Nothing here does I/O, reads a clock or draws a random number, so evaluation, replay, verification
//! and the running server reach the same verdict from the same facts.
//!
//! The order of one passage is: [`StepProgram::check_input`], [`StepProgram::withhold`], [`StepProgram::render`], the
//! model (behind [`port::Model`], outside this crate), [`StepProgram::judge`], then [`decide()`].

pub mod candidate;
pub mod decide;
pub mod detect;
pub mod expr;
mod fields;
pub mod json;
pub mod judge;
pub mod plan;
pub mod port;
pub mod program;
pub mod prompt;
pub mod redact;
pub mod replay;
pub mod schema;
pub mod shape;
pub mod stream;

pub use candidate::{Aside, Candidate, Judged, Part, PartKind, TokenLogprob};
pub use decide::{Decision, ReviewAsk, decide, draw};
pub use judge::{JudgeAsk, Judgement, Modified};
pub use plan::Plan;
pub use program::{CompileError, Program, StepProgram};
pub use prompt::{Message, RenderError, Role};

/// The version of [`decide()`]. Facts name the version that they were decided under, and every past version stays.
pub const DECIDE_VERSION: u32 = 1;

/// The version of the checks: schema, expressions, detectors, redaction, tools, judges, agreement. Findings recompute
/// under the same version only. Version 1 had no checks of tools, and asked no judges.
pub const CHECKS_VERSION: u32 = 2;
