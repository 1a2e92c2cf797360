//! Layer 2, learning: evaluation statistics, calibration, the audit, sprint reports.
//!
//! All of it is arithmetic over values that somebody else obtained: nothing here calls a model, reads a file or a clock, or
//! draws a random number. What counts as evidence is exact (Clopper–Pearson, sums of the binomial itself), so that a third
//! party gets the same figures from the same counts.
//!
//! ```
//! use seatrial_sprint::{CertificateContext, Method, Point, Promise, Terms, certify, propose};
//!
//! // Of what passes without a person, at most 5 % wrong, at 95 % assurance.
//! let terms = Terms::once(Promise::new(0.05, 0.95)?);
//! let examples = |n: u32| -> Vec<Point> {
//!     (0..n).map(|i| Point::new(f64::from(i % 100) / 100.0, i % 100 < 50 && i % 3 == 0, true)).collect()
//! };
//! let proposal = propose(&examples(1_000), 600, &Method::Split, &terms)?;
//! let at = proposal.at.expect("a threshold with a chance");
//! let context = CertificateContext {
//!     threshold: "thresholds.route".into(),
//!     sealed: seatrial_model::Digest::of(b"the certification examples"),
//!     model: "some-model-2026-03-01".into(),
//!     confidence: "output.confidence".into(),
//!     left_out: 0,
//!     thinned: 0,
//! };
//! let tested = certify(&examples(600), at, &Method::Split, &terms, &context)?;
//! assert!(tested.event.certified && tested.event.certificate.bound <= 0.05);
//! # Ok::<(), seatrial_sprint::CalibrateError>(())
//! ```

pub mod agreement;
pub mod audit;
pub mod backlog;
pub mod calibrate;
pub mod clarity;
pub mod curve;
pub mod drift;
pub mod evaluate;
pub mod example;
pub mod import;
pub mod junit;
pub mod pilot;
pub mod report;
pub mod split;
pub mod stats;

pub use audit::{Alarm, AlarmKind, AuditRule, AuditState};
pub use calibrate::{
    CalibrateError, CertificateContext, Method, Point, Promise, Proposal, Terms, Tested, certify, propose,
};
pub use evaluate::{Evaluation, ExampleResult, Outcome, SetUnderTest};
pub use example::{Example, ExampleError, parse_examples};
pub use pilot::PilotFindings;
pub use report::{SprintInput, SprintReport, Tallies};
pub use split::Split;
