//! Layer 2, learning: evaluation statistics, calibration, the audit, sprint reports.
//!
//! All of it is arithmetic over values that somebody else obtained: nothing here calls a model, reads a file or a clock, or
//! draws a random number. What counts as evidence is exact (Clopper–Pearson, sums of the binomial itself), so that a third
//! party gets the same figures from the same counts.
//!
//! ```
//! use seatrial_sprint::{CertificateContext, Point, Promise, certify, propose};
//!
//! // Of what passes without a person, at most 5 % wrong, at 95 % assurance.
//! let promise = Promise::new(0.05, 0.95)?;
//! let examples = |n: u32| -> Vec<Point> {
//!     (0..n).map(|i| Point::new(f64::from(i % 100) / 100.0, i % 100 < 50 && i % 3 == 0, true)).collect()
//! };
//! let proposal = propose(&examples(1_000), 600, promise)?;
//! let at = proposal.at.expect("a threshold with a chance");
//! let context = CertificateContext {
//!     threshold: "thresholds.route".into(),
//!     sealed: seatrial_model::Digest::of(b"the certification examples"),
//!     model: "some-model-2026-03-01".into(),
//!     confidence: "output.confidence".into(),
//!     attempt: 1,
//! };
//! let tested = certify(&examples(600), at, promise, &context)?;
//! assert!(tested.event.certified && tested.event.certificate.bound <= 0.05);
//! # Ok::<(), seatrial_sprint::CalibrateError>(())
//! ```

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
