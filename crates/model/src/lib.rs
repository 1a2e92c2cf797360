//! The words of Seatrial: ids, digests, canonical bytes, principals, events, facts, units.
//!
//! Every other crate speaks in these types, and nothing here does I/O, reads a clock or draws a
//! random number: times, salts and ids come in as values.

pub mod attestor;
pub mod canonical;
pub mod digest;
pub mod event;
pub mod facts;
pub mod ids;
pub mod path;
pub mod principal;
pub mod statement;
pub mod text;
pub mod time;
pub mod units;
pub mod words;

pub use attestor::{ATTESTOR_KEY_BYTES_MAX, AttestorKey, ParseAttestorKeyError};
pub use canonical::{CanonicalError, canonical, canonical_finite, canonical_value};
pub use digest::{Commitment, Digest, Salt};
pub use event::{Body, Event, Evidence, LogPoint, Logged, Subject};
pub use facts::{Confidence, Facts, Finding, FindingResult};
pub use ids::{DecisionId, EventId, LogName, ReviewId, SprintId};
pub use path::{ElementPath, PathPattern};
pub use principal::{Assurance, Principal, PrincipalKind, Side};
pub use statement::{ApprovalStatement, SIGNATURE_NAMESPACE};
pub use text::Untrusted;
pub use time::{Day, Time};
pub use units::Span;
pub use words::{
    Action, Answer, IncidentCourse, IncidentSeverity, Influence, Protocol, Stage, StreamEnd, Tier, Verdict,
};
