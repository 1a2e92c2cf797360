//! What the pages ask for. The factory answers; nothing here decides.

use crate::view::{
    AnswerSent, ApprovalSent, ApprovePage, AssessmentPage, Board, CertificatePage, DecisionFilter, DecisionPage,
    Decisions, DiffPage, DrillCame, DrillSent, DrillsAsked, DrillsPage, IncidentAct, IncidentPage, IncidentSent,
    IncidentsPage, LogPage, ObligationPage, Overview, OwnershipPage, PilotReportPage, ReleasesPage, ReviewPage,
    Reviews, SprintPage, WaiverSent, WaiversPage, WorkflowTab,
};
use seatrial_factory::{LogBytes, LogPath, SsoSubject};
use seatrial_model::event::TokenKind;
use seatrial_model::{DecisionId, Digest, EventId, Principal, ReviewId, SprintId, Stage, Time, Untrusted};
use seatrial_spec::workflow::SignIn;
use std::future::Future;

/// Somebody who signed in.
#[derive(Clone, PartialEq, Debug)]
pub struct Person {
    /// Who, with the sides, roles and assurance that events will carry.
    pub principal: Principal,
    /// The name as people write it.
    pub name: String,
    /// The token that they signed in with; none for a one-time link.
    pub token: Option<SignedWith>,
    /// A provider vouched for them: of the roles of their person they have those that their groups allowed.
    pub sso: bool,
}

/// The token of somebody who signed in with one: what it allows bounds what its session may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedWith {
    /// Its kind.
    pub kind: TokenKind,
    /// Its public name, by which it is revoked.
    pub name: String,
}

/// Who asks for a file of a log: programs do, too.
#[derive(Clone, Copy, Debug)]
pub enum LogReader<'a> {
    /// Somebody who did not say who they are.
    Anybody,
    /// Somebody with a session.
    Person(&'a Person),
    /// Whoever holds this token.
    Token(&'a str),
}

/// Why a request came to nothing. Each says what was not done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    /// There is no such thing, or not for whoever asks.
    #[error("{0}")]
    NotFound(String),
    /// They may not.
    #[error("{0}")]
    Forbidden(String),
    /// Nobody knows who asks.
    #[error("{0}")]
    Unauthenticated(String),
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Something changed in between.
    #[error("{0}")]
    Conflict(String),
    /// It cannot be done at the moment.
    #[error("{0}")]
    Unavailable(String),
}

/// What the pages ask for, always in somebody's name: whoever answers decides what that person may see
/// and do.
pub trait Backend: Send + Sync + 'static {
    /// The factory's name, and whether it is a simulation.
    fn factory(&self) -> (String, bool);

    /// The factory's clock: a simulation's may be ahead.
    fn now(&self) -> Time;

    /// The factory's time zone, by its IANA name: times are shown in it.
    fn zone(&self) -> String;

    /// Who holds this personal token; none where it is unknown, expired, revoked, or no person's.
    fn authenticate(&self, token: &str) -> impl Future<Output = Result<Option<Person>, Problem>> + Send;

    /// Single sign-on, where there is any. Asked for each sign-in: it may change while this runs.
    fn single_sign_on(&self) -> Option<SignIn> {
        None
    }

    /// Who it is that a provider vouches for.
    ///
    /// The error says what to do.
    fn vouched(&self, subject: &SsoSubject) -> Result<Person, Problem> {
        let _ = subject;
        Err(Problem::Forbidden("This factory has no single sign-on; nobody was signed in.".into()))
    }

    /// How somebody who signed in stands now; none where they left, or their token ended. Asked on every request, so
    /// that it takes effect at once and not at the end of a session.
    fn present(&self, who: &Person) -> impl Future<Output = Result<Option<Person>, Problem>> + Send;

    /// A workflow as its tabs need it.
    fn tab(&self, who: &Person, workflow: &str) -> impl Future<Output = Result<WorkflowTab, Problem>> + Send;

    /// The factory's workflows.
    fn overview(&self, who: &Person) -> impl Future<Output = Result<Overview, Problem>> + Send;

    /// A workflow's board.
    fn board(&self, who: &Person, workflow: &str) -> impl Future<Output = Result<Board, Problem>> + Send;

    /// One obligation, explained.
    fn obligation(
        &self,
        who: &Person,
        workflow: &str,
        id: &str,
    ) -> impl Future<Output = Result<ObligationPage, Problem>> + Send;

    /// Decisions.
    fn decisions(
        &self,
        who: &Person,
        workflow: &str,
        filter: DecisionFilter,
    ) -> impl Future<Output = Result<Decisions, Problem>> + Send;

    /// One decision. Somebody with an unanswered blind audit of it is refused.
    fn decision(
        &self,
        who: &Person,
        workflow: &str,
        id: DecisionId,
    ) -> impl Future<Output = Result<DecisionPage, Problem>> + Send;

    /// Open reviews, for one role or for all.
    fn reviews(
        &self,
        who: &Person,
        workflow: &str,
        role: Option<String>,
    ) -> impl Future<Output = Result<Reviews, Problem>> + Send;

    /// One review.
    fn review(
        &self,
        who: &Person,
        workflow: &str,
        id: ReviewId,
    ) -> impl Future<Output = Result<ReviewPage, Problem>> + Send;

    /// Records an answer.
    fn answer(
        &self,
        who: &Person,
        workflow: &str,
        id: ReviewId,
        sent: AnswerSent,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Stops the workflow.
    fn stop(&self, who: &Person, workflow: &str, reason: Untrusted)
    -> impl Future<Output = Result<(), Problem>> + Send;

    /// Resumes it.
    fn resume(
        &self,
        who: &Person,
        workflow: &str,
        reason: Untrusted,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// The log, with entries below `before`.
    fn log(
        &self,
        who: &Person,
        workflow: &str,
        before: Option<u64>,
    ) -> impl Future<Output = Result<LogPage, Problem>> + Send;

    /// A threshold and its certificate.
    fn certificate(
        &self,
        who: &Person,
        workflow: &str,
        name: &str,
    ) -> impl Future<Output = Result<CertificatePage, Problem>> + Send;

    /// The picture of a certificate's curve, as it was kept.
    fn curve(
        &self,
        who: &Person,
        workflow: &str,
        blob: Digest,
    ) -> impl Future<Output = Result<Vec<u8>, Problem>> + Send;

    /// A sprint; the newest where none is named.
    fn sprint(
        &self,
        who: &Person,
        workflow: &str,
        id: Option<SprintId>,
    ) -> impl Future<Output = Result<SprintPage, Problem>> + Send;

    /// A sprint's report as a page that stands alone.
    fn sprint_report(
        &self,
        who: &Person,
        workflow: &str,
        id: SprintId,
    ) -> impl Future<Output = Result<String, Problem>> + Send;

    /// What an approval would be over.
    fn approval(
        &self,
        who: &Person,
        workflow: &str,
        obligation: &str,
        stage: Stage,
    ) -> impl Future<Output = Result<ApprovePage, Problem>> + Send;

    /// Records an approval, or that it was read again and still holds.
    fn approve(
        &self,
        who: &Person,
        workflow: &str,
        obligation: &str,
        sent: ApprovalSent,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Waivers of both gates.
    fn waivers(&self, who: &Person, workflow: &str) -> impl Future<Output = Result<WaiversPage, Problem>> + Send;

    /// Asks for a waiver.
    fn ask_waiver(
        &self,
        who: &Person,
        workflow: &str,
        sent: WaiverSent,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Grants a waiver that somebody else asked for.
    fn grant_waiver(
        &self,
        who: &Person,
        workflow: &str,
        waiver: EventId,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Ends a waiver before its time.
    fn end_waiver(
        &self,
        who: &Person,
        workflow: &str,
        waiver: EventId,
        reason: Untrusted,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Releases and pilots.
    fn releases(&self, who: &Person, workflow: &str) -> impl Future<Output = Result<ReleasesPage, Problem>> + Send;

    /// Puts an earlier release in force again.
    fn rollback(
        &self,
        who: &Person,
        workflow: &str,
        to: Digest,
        reason: Untrusted,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// What a pilot showed.
    fn pilot_report(
        &self,
        who: &Person,
        workflow: &str,
        event: EventId,
    ) -> impl Future<Output = Result<PilotReportPage, Problem>> + Send;

    /// What the newest spec changes in the released one.
    fn diff(&self, who: &Person, workflow: &str) -> impl Future<Output = Result<DiffPage, Problem>> + Send;

    /// How far a workflow is taken over.
    fn ownership(&self, who: &Person, workflow: &str) -> impl Future<Output = Result<OwnershipPage, Problem>> + Send;

    /// Every control, and the drill that goes on.
    fn drills(
        &self,
        who: &Person,
        workflow: &str,
        asked: DrillsAsked,
    ) -> impl Future<Output = Result<DrillsPage, Problem>> + Send;

    /// Exercises a control.
    fn drill(
        &self,
        who: &Person,
        workflow: &str,
        sent: DrillSent,
    ) -> impl Future<Output = Result<DrillCame, Problem>> + Send;

    /// Incidents.
    fn incidents(&self, who: &Person, workflow: &str) -> impl Future<Output = Result<IncidentsPage, Problem>> + Send;

    /// One incident with its timeline.
    fn incident(
        &self,
        who: &Person,
        workflow: &str,
        number: u64,
    ) -> impl Future<Output = Result<IncidentPage, Problem>> + Send;

    /// Opens an incident; gives its number.
    fn open_incident(
        &self,
        who: &Person,
        workflow: &str,
        sent: IncidentSent,
    ) -> impl Future<Output = Result<u64, Problem>> + Send;

    /// Takes a step in an incident.
    fn in_incident(
        &self,
        who: &Person,
        workflow: &str,
        number: u64,
        act: IncidentAct,
        text: Untrusted,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// How the obligations of production and of the handover stand: for the mapping to laws and standards.
    fn obligations_now(
        &self,
        who: &Person,
        workflow: &str,
    ) -> impl Future<Output = Result<Vec<seatrial_factory::PackedObligation>, Problem>> + Send;

    /// A file of a log, as C2SP `tlog-tiles` has them.
    fn log_file(
        &self,
        reader: LogReader<'_>,
        log: &str,
        path: LogPath,
    ) -> impl Future<Output = Result<LogBytes, Problem>> + Send {
        let _ = (reader, path);
        let text = format!("There is no log `{}` here.", Untrusted::new(log).terminal(80));
        async { Err(Problem::NotFound(text)) }
    }

    /// The assessment.
    fn assessment(&self, who: &Person, workflow: &str) -> impl Future<Output = Result<AssessmentPage, Problem>> + Send;
}
