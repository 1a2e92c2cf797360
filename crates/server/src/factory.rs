//! The pages of a real factory: each answer is read from the factory's use cases and turned into a view. Nothing here
//! decides.

mod assess;
mod boards;
mod certificates;
mod decisions;
mod edit;
mod govern;
mod logs;
mod obligations;
mod operate;
mod ownership;
mod payloads;
mod people;
mod reviews;
mod sprints;
mod words;

use crate::backend::{Backend, LogReader, Person, Problem};
use crate::router::AppState;
use crate::view::{
    AnswerSent, ApprovalSent, ApprovePage, AssessmentPage, Board, CertificatePage, DecisionFilter, DecisionPage,
    Decisions, DiffPage, DrillCame, DrillSent, DrillsAsked, DrillsPage, IncidentAct, IncidentPage, IncidentSent,
    IncidentsPage, LogPage, ObligationPage, Overview, OwnershipPage, PilotReportPage, ReleasesPage, ReviewPage,
    Reviews, SprintPage, WaiverSent, WaiversPage, WorkflowTab,
};
use seatrial_factory::api::{Caller, Refused};
use seatrial_factory::{Factory, LogBytes, LogPath, SsoSubject};
use seatrial_model::{DecisionId, Digest, EventId, LogName, ReviewId, SprintId, Stage, Time, Untrusted};
use seatrial_spec::workflow::SignIn;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;

/// What the pages of a factory are read from.
#[derive(Clone)]
pub struct FactoryBackend {
    factory: Factory,
}

impl FactoryBackend {
    /// Serves this factory.
    #[must_use]
    pub const fn new(factory: Factory) -> Self {
        Self { factory }
    }
}

/// Who asks the factory: with the token that the session was opened with, so that a reviewer's token reviews and does
/// nothing else on a page either.
fn caller(who: &Person) -> Caller {
    Caller { principal: who.principal.clone(), token: who.token.as_ref().map(|t| t.kind), steps: Vec::new() }
}

/// A refusal, as pages say it.
fn problem(refused: Refused) -> Problem {
    let text = sentence(&refused.to_string());
    match refused {
        Refused::Unauthenticated | Refused::Forbidden(_) => Problem::Forbidden(text),
        Refused::NotFound(_) => Problem::NotFound(text),
        Refused::Invalid(_) => Problem::Invalid(text),
        Refused::Conflict { .. } | Refused::Changed { .. } | Refused::NotReleased { .. } | Refused::Stopped { .. } => {
            Problem::Conflict(text)
        }
        _ => Problem::Unavailable(text),
    }
}

/// A message as a sentence: it begins with a capital and ends with a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

/// Tells open pages of every change, whoever made it: the command line, the gateway, another page. The task ends with
/// the factory's store.
#[must_use = "the task can be ended; dropped, it goes on with the store"]
pub fn watch(app: &AppState<FactoryBackend>, factory: &Factory) -> JoinHandle<()> {
    let mut commits = factory.store().subscribe();
    let live = app.live().clone();
    tokio::spawn(async move {
        loop {
            match commits.recv().await {
                // People and roles changed: every page may show something else.
                Ok(commit) if commit.log == LogName::factory() => live.everything_changed(),
                Ok(commit) => live.changed(commit.log.as_str()),
                Err(RecvError::Lagged(_)) => live.everything_changed(),
                Err(RecvError::Closed) => break,
            }
        }
    })
}

impl Backend for FactoryBackend {
    fn factory(&self) -> (String, bool) {
        (self.factory.spec().name.clone(), self.factory.is_simulation())
    }

    fn now(&self) -> Time {
        self.factory.now()
    }

    fn zone(&self) -> String {
        self.factory.spec().timezone.clone()
    }

    async fn authenticate(&self, token: &str) -> Result<Option<Person>, Problem> {
        people::authenticate(&self.factory, token).await
    }

    fn single_sign_on(&self) -> Option<SignIn> {
        self.factory.sign_in()
    }

    fn vouched(&self, subject: &SsoSubject) -> Result<Person, Problem> {
        people::vouched(&self.factory, subject)
    }

    async fn present(&self, who: &Person) -> Result<Option<Person>, Problem> {
        people::present(&self.factory, who).await
    }

    async fn tab(&self, _who: &Person, workflow: &str) -> Result<WorkflowTab, Problem> {
        boards::tab(&self.factory, workflow).await.map_err(problem)
    }

    async fn overview(&self, _who: &Person) -> Result<Overview, Problem> {
        boards::overview(&self.factory).await.map_err(problem)
    }

    async fn board(&self, who: &Person, workflow: &str) -> Result<Board, Problem> {
        boards::board(&self.factory, &caller(who), workflow).await.map_err(problem)
    }

    async fn obligation(&self, _who: &Person, workflow: &str, id: &str) -> Result<ObligationPage, Problem> {
        obligations::page(&self.factory, workflow, id).await.map_err(problem)
    }

    async fn decisions(&self, who: &Person, workflow: &str, filter: DecisionFilter) -> Result<Decisions, Problem> {
        decisions::list(&self.factory, &caller(who), workflow, filter).await.map_err(problem)
    }

    async fn decision(&self, who: &Person, workflow: &str, id: DecisionId) -> Result<DecisionPage, Problem> {
        decisions::page(&self.factory, &caller(who), workflow, id).await.map_err(problem)
    }

    async fn reviews(&self, _who: &Person, workflow: &str, role: Option<String>) -> Result<Reviews, Problem> {
        reviews::queue(&self.factory, workflow, role).await.map_err(problem)
    }

    async fn review(&self, who: &Person, workflow: &str, id: ReviewId) -> Result<ReviewPage, Problem> {
        reviews::page(&self.factory, &caller(who), workflow, id).await.map_err(problem)
    }

    async fn answer(&self, who: &Person, workflow: &str, id: ReviewId, sent: AnswerSent) -> Result<(), Problem> {
        reviews::answer(&self.factory, &caller(who), workflow, id, sent).await.map_err(problem)
    }

    async fn stop(&self, who: &Person, workflow: &str, reason: Untrusted) -> Result<(), Problem> {
        let done = self.factory.stop(&caller(who), workflow, None, reason.raw()).await;
        done.map(drop).map_err(problem)
    }

    async fn resume(&self, who: &Person, workflow: &str, reason: Untrusted) -> Result<(), Problem> {
        boards::resume(&self.factory, &caller(who), workflow, reason.raw()).await.map_err(problem)
    }

    async fn log(&self, who: &Person, workflow: &str, before: Option<u64>) -> Result<LogPage, Problem> {
        logs::page(&self.factory, &caller(who), workflow, before).await.map_err(problem)
    }

    async fn certificate(&self, _who: &Person, workflow: &str, name: &str) -> Result<CertificatePage, Problem> {
        certificates::page(&self.factory, workflow, name).await.map_err(problem)
    }

    async fn curve(&self, _who: &Person, workflow: &str, blob: Digest) -> Result<Vec<u8>, Problem> {
        self.factory.curve(workflow, blob).await.map_err(problem)
    }

    async fn sprint(&self, _who: &Person, workflow: &str, id: Option<SprintId>) -> Result<SprintPage, Problem> {
        sprints::page(&self.factory, workflow, id).await.map_err(problem)
    }

    async fn sprint_report(&self, _who: &Person, workflow: &str, id: SprintId) -> Result<String, Problem> {
        sprints::report(&self.factory, workflow, id).await.map_err(problem)
    }

    async fn approval(&self, who: &Person, workflow: &str, id: &str, stage: Stage) -> Result<ApprovePage, Problem> {
        govern::approval(&self.factory, &caller(who), workflow, id, stage).await.map_err(problem)
    }

    async fn approve(&self, who: &Person, workflow: &str, id: &str, sent: ApprovalSent) -> Result<(), Problem> {
        govern::approve(&self.factory, &caller(who), workflow, id, sent).await.map_err(problem)
    }

    async fn waivers(&self, who: &Person, workflow: &str) -> Result<WaiversPage, Problem> {
        govern::waivers(&self.factory, who, workflow).await.map_err(problem)
    }

    async fn ask_waiver(&self, who: &Person, workflow: &str, sent: WaiverSent) -> Result<(), Problem> {
        govern::ask_waiver(&self.factory, &caller(who), workflow, sent).await.map_err(problem)
    }

    async fn grant_waiver(&self, who: &Person, workflow: &str, waiver: EventId) -> Result<(), Problem> {
        let done = self.factory.grant_waiver(&caller(who), workflow, waiver, None).await;
        done.map(drop).map_err(problem)
    }

    async fn end_waiver(
        &self,
        who: &Person,
        workflow: &str,
        waiver: EventId,
        reason: Untrusted,
    ) -> Result<(), Problem> {
        let done = self.factory.end_waiver(&caller(who), workflow, waiver, reason.raw()).await;
        done.map(drop).map_err(problem)
    }

    async fn releases(&self, _who: &Person, workflow: &str) -> Result<ReleasesPage, Problem> {
        govern::releases(&self.factory, workflow).await.map_err(problem)
    }

    async fn rollback(&self, who: &Person, workflow: &str, to: Digest, reason: Untrusted) -> Result<(), Problem> {
        let done = self.factory.rollback(&caller(who), workflow, Some(to), reason.raw()).await;
        done.map(drop).map_err(problem)
    }

    async fn pilot_report(&self, _who: &Person, workflow: &str, event: EventId) -> Result<PilotReportPage, Problem> {
        govern::pilot_report(&self.factory, workflow, event).await.map_err(problem)
    }

    async fn diff(&self, _who: &Person, workflow: &str) -> Result<DiffPage, Problem> {
        govern::diff(&self.factory, workflow).await.map_err(problem)
    }

    async fn ownership(&self, _: &Person, workflow: &str) -> Result<OwnershipPage, Problem> {
        ownership::page(&self.factory, workflow).await.map_err(problem)
    }

    async fn drills(&self, who: &Person, workflow: &str, asked: DrillsAsked) -> Result<DrillsPage, Problem> {
        operate::drills(&self.factory, &caller(who), workflow, asked).await.map_err(problem)
    }

    async fn drill(&self, who: &Person, workflow: &str, sent: DrillSent) -> Result<DrillCame, Problem> {
        operate::drill(&self.factory, &caller(who), workflow, sent).await.map_err(problem)
    }

    async fn incidents(&self, who: &Person, workflow: &str) -> Result<IncidentsPage, Problem> {
        operate::incidents(&self.factory, &caller(who), workflow).await.map_err(problem)
    }

    async fn incident(&self, who: &Person, workflow: &str, number: u64) -> Result<IncidentPage, Problem> {
        operate::incident(&self.factory, &caller(who), workflow, number).await.map_err(problem)
    }

    async fn open_incident(&self, who: &Person, workflow: &str, sent: IncidentSent) -> Result<u64, Problem> {
        operate::open_incident(&self.factory, &caller(who), workflow, sent).await.map_err(problem)
    }

    async fn in_incident(
        &self,
        who: &Person,
        workflow: &str,
        number: u64,
        act: IncidentAct,
        text: Untrusted,
    ) -> Result<(), Problem> {
        operate::act(&self.factory, &caller(who), workflow, number, act, &text).await.map_err(problem)
    }

    async fn obligations_now(
        &self,
        _who: &Person,
        workflow: &str,
    ) -> Result<Vec<seatrial_factory::PackedObligation>, Problem> {
        self.factory.obligations_now(workflow).await.map_err(problem)
    }

    async fn log_file(&self, reader: LogReader<'_>, log: &str, path: LogPath) -> Result<LogBytes, Problem> {
        logs::file(&self.factory, reader, log, path).await
    }

    async fn assessment(&self, _who: &Person, workflow: &str) -> Result<AssessmentPage, Problem> {
        assess::page(&self.factory, workflow).await.map_err(problem)
    }
}
