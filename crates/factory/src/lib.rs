//! Use cases: load, decide with a pure crate, append. The only place with that order.

mod acknowledge;
mod acts;
mod admit;
pub mod api;
mod approve;
mod assess;
mod attest;
mod audits;
mod blind;
mod calibrate;
mod clock;
mod decisions;
mod documents;
mod drift;
mod drills;
mod embedded;
mod ending;
mod evaluate;
mod example;
mod examples;
mod factory;
mod follow;
mod handle;
mod handover;
mod import;
mod incidents;
mod join;
mod lapse;
mod look;
mod metrics;
pub mod observe;
mod outcomes;
mod owning;
mod people;
mod pilot;
mod project;
mod reconcile;
mod record;
mod recovery;
mod rehearse;
mod release;
mod replay;
mod restore;
mod reviews;
mod rights;
mod rotate;
mod running;
mod seeds;
mod serve;
mod sprints;
mod stages;
mod stale;
mod standing;
mod submit;
mod switch;
mod tlog;
mod tokens;
mod trace;
mod traffic;
mod transfer;
mod verdicts;
mod waive;
mod watch;
mod witness;
mod worktree;

pub use acknowledge::Acknowledged;
pub use acts::{TruthInput, TruthsRecorded};
pub use admit::ADMIT_OUTPUT_BYTES_MAX;
pub use approve::{ApprovalInput, ApprovalLook, Changed, Since};
pub use attest::AcceptedAttestation;
pub use calibrate::{CertifiedOutcome, Proposed};
pub use clock::{Clock, NoEntropy, SystemClock, random};
pub use decisions::{DecisionFilter, PAGE_ROWS_MAX, Unfinished, WAIT_MS_MAX};
pub use documents::{DOCUMENT_BYTES_MAX, Filed};
pub use drift::{BASELINE_DAYS, DriftLook};
pub use drills::{
    DrillGuide, DrillLook, DrillOptions, Drilled, LastDrill, MarkedReview, OpenedDrill, RestoreDrill, Runbook,
    WaitingDrill,
};
pub use ending::RightsLook;
pub use evaluate::{
    ANSWERS_MAX, EvaluateOptions, Evaluated, IN_FLIGHT, IN_FLIGHT_MAX, Progress, Quiet, REPEATS_MAX, StepAgreement,
};
pub use example::{ExampleAdded, ExampleInput, Expectation};
pub use factory::{Factory, OpenError, OpenOptions, Providers, WitnessAnswer, origin, read_factory};
pub use handover::{Attestations, PackDraft, Sealed};
pub use import::{Effect, ImportDone, ImportInput, import_examples};
pub use incidents::{
    INCIDENT_FINDINGS_MAX, INCIDENT_NAMES_MAX, INCIDENT_TEXT_BYTES_MAX, IncidentChanged, IncidentInput, IncidentLook,
    IncidentState, IncidentStep, IncidentStory, TIMELINE_ENTRIES_MAX, TIMELINE_SCAN_MAX, TimelineEntry,
};
pub use join::{CASE_BYTES_MAX, JOIN_MS};
pub use lapse::Ticked;
pub use look::{AssumptionLook, CertificateLook, DecisionHead, EntryLook, LOOK_ENTRIES_MAX, WatchLook, WatchState};
pub use outcomes::{Measured, OutcomeInput};
pub use owning::{HandoverLine, OwnershipLook};
pub use people::{Leaving, LosesOf, PersonLook, PersonOf, PersonState, Reread, SsoSubject};
pub use pilot::{PILOT_DECISIONS_MAX, PilotLook, PilotReport, day_of};
pub use project::{FactoryProjector, PROJECTION_VERSION};
pub use reconcile::{
    BILL_LINES_MAX, BilledCalls, CallsInput, DIFFERENCES_MAX, ModelDay, RECONCILE_IDS_MAX, ReconcileInput, Reconciled,
    ReconciledCalls,
};
pub use rehearse::Rehearsed;
pub use release::Released;
pub use replay::{PerDay, ReplayOptions, ReplayReport, Replayed, RoleLoad};
pub use restore::{Fingerprint, LogExport, RestoreError, TakenOver, adopt, take_over};
pub use reviews::{ANSWER_BYTES_MAX, CLAIM_MS, ReviewFilter};
pub use rights::{Can, Whom, read_policies};
pub use rotate::{KeyRotated, NewKey};
pub use seatrial_governance::status::COSIGNED_AGE_MAX_MS;
pub use seatrial_ledger::LogPath;
pub use seatrial_ownership::{ActionKind, Sides, Taker, Taking, TransferIndex, Week};
pub use seatrial_ownership::{ObligationLine as PackedObligation, regulation};
pub use seatrial_sprint::clarity::Look as ClarityLook;
pub use seeds::{SEEDS_MAX, Seeded, SeedsFrom};
pub use serve::{Answering, Ended, Gone, HOLD_MS_MAX, HeldStream, Next, STEP_MS_MAX, Streaming};
pub use sprints::{Backlog, ClosedSprint, NOTE_CHARS_MAX, NOTE_CITES_MAX, NoteInput, OPERATION_DAYS, SprintLook};
pub use stages::{ReleaseLook, Retired, RolledBack};
pub use stale::{Compared, Stales, Staling, ToldBy, stale_by_keys};
pub use standing::{Hypercare, ObligationLine, Standing, StandingReport};
pub use submit::Submitted;
pub use tlog::LogBytes;
pub use tokens::{NewToken, TOKEN_DAYS_MAX, TOKEN_PREFIX};
pub use trace::Recomputed;
pub use transfer::TransferLook;
pub use waive::{WAIVER_TEXT_BYTES_MAX, WaiverInput, WaiverLook};
pub use watch::{ASSUMPTIONS_EVERY_MS, Watched};
pub use witness::{Asked, WitnessLook};
pub use worktree::{DiskFiles, WorkTree, check_folder};
