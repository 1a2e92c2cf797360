//! Layer 2, learning: evaluation statistics, calibration, the audit, sprint reports.
//!
//! All of it is arithmetic over values that somebody else obtained: nothing here calls a model, reads a file or a clock, or
//! draws a random number. What counts as evidence is exact (Clopper–Pearson, sums of the binomial itself), so that a third
//! party gets the same figures from the same counts.

pub mod audit;
pub mod calibrate;
pub mod curve;
pub mod evaluate;
pub mod example;
pub mod report;
pub mod split;
pub mod stats;

pub use audit::{Alarm, AuditRule, AuditState};
pub use calibrate::{CalibrateError, CertificateContext, Point, Promise, Proposal, Tested, certify, propose};
pub use evaluate::{Evaluation, ExampleResult, Outcome, SetUnderTest};
pub use example::{Example, ExampleError, parse_examples};
pub use report::{SprintInput, SprintReport, Tallies};
pub use split::Split;
