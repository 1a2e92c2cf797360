//! Use cases: load, decide with a pure crate, append. The only place with that order.

mod acts;
pub mod api;
mod calibrate;
mod clock;
mod decisions;
mod embedded;
mod evaluate;
mod examples;
mod factory;
mod handle;
mod join;
mod project;
mod record;
mod reviews;
mod serve;
mod standing;
mod submit;
mod tokens;
mod traffic;
mod verdicts;
mod worktree;

pub use acts::{TruthInput, TruthsRecorded};
pub use calibrate::{CertifiedOutcome, Proposed};
pub use clock::{Clock, NoEntropy, SystemClock, random};
pub use decisions::{DecisionFilter, PAGE_ROWS_MAX, WAIT_MS_MAX};
pub use evaluate::{Evaluated, Progress, Quiet};
pub use factory::{Factory, OpenError, OpenOptions, Providers, origin, read_factory};
pub use join::{CASE_BYTES_MAX, JOIN_MS};
pub use project::{FactoryProjector, PROJECTION_VERSION};
pub use reviews::{ANSWER_BYTES_MAX, CLAIM_MS, ReviewFilter};
pub use serve::STEP_MS_MAX;
pub use standing::Standing;
pub use submit::Submitted;
pub use tokens::{NewToken, TOKEN_DAYS_MAX, TOKEN_PREFIX};
pub use worktree::{DiskFiles, WorkTree, check_folder};
