//! A backend that serves the samples and remembers what was asked of it: what the pages' own code is tested
//! against, until the whole length is.

use crate::samples;
use seatrial_model::principal::{Assurance, PrincipalKind};
use seatrial_model::{DecisionId, Digest, EventId, Principal, ReviewId, Side, SprintId, Stage, Time, Untrusted};
use seatrial_server::view::*;
use seatrial_server::{Backend, Person, Problem};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// The curve that is kept as a blob: with a script in it, to see that it cannot run.
pub const HOSTILE_SVG: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";

#[derive(Debug, Default)]
pub struct Samples {
    /// What was done, in order.
    pub done: Mutex<Vec<String>>,
    /// The person has left.
    pub left: Mutex<bool>,
    /// Answers that reached it.
    pub answers: Mutex<Vec<AnswerSent>>,
}

pub fn ana() -> Person {
    let principal = Principal {
        id: "ana@bank.example".into(),
        kind: PrincipalKind::Person,
        side: Side::Receiving,
        roles: BTreeSet::from(["supervisors".to_owned()]),
        assurance: Assurance::Token,
    };
    Person { principal, name: "Ana Ruiz".into(), token: None, sso: false }
}

fn known(workflow: &str) -> Result<(), Problem> {
    match workflow {
        samples::WORKFLOW => Ok(()),
        other => Err(Problem::NotFound(format!("There is no workflow `{other}`."))),
    }
}

impl Samples {
    fn note(&self, what: String) {
        self.done.lock().unwrap().push(what);
    }
}

impl Backend for Samples {
    fn factory(&self) -> (String, bool) {
        ("example-bank".into(), true)
    }
    fn now(&self) -> Time {
        samples::now()
    }
    fn zone(&self) -> String {
        "Europe/Madrid".into()
    }
    async fn authenticate(&self, token: &str) -> Result<Option<Person>, Problem> {
        let mut service = ana();
        service.principal.kind = PrincipalKind::Service;
        Ok(match token {
            "personal" => Some(ana()),
            "service" => Some(service),
            _ => None,
        })
    }
    async fn present(&self, _who: &Person) -> Result<Option<Person>, Problem> {
        Ok((!*self.left.lock().unwrap()).then(ana))
    }
    async fn tab(&self, _who: &Person, workflow: &str) -> Result<WorkflowTab, Problem> {
        known(workflow).map(|()| samples::frame().workflow.unwrap())
    }
    async fn overview(&self, _who: &Person) -> Result<Overview, Problem> {
        Ok(samples::overview())
    }
    async fn board(&self, _who: &Person, workflow: &str) -> Result<Board, Problem> {
        known(workflow).map(|()| samples::board())
    }
    async fn obligation(&self, _who: &Person, _workflow: &str, id: &str) -> Result<ObligationPage, Problem> {
        match id {
            "approval.risk" => Ok(samples::obligation()),
            other => Err(Problem::NotFound(format!("There is no obligation `{other}`."))),
        }
    }
    async fn decisions(&self, _who: &Person, _w: &str, filter: DecisionFilter) -> Result<Decisions, Problem> {
        let mut view = samples::decisions();
        view.rows.retain(|r| filter.verdict.is_none_or(|v| v == r.verdict));
        view.filter = filter;
        Ok(view)
    }
    async fn decision(&self, _who: &Person, _workflow: &str, id: DecisionId) -> Result<DecisionPage, Problem> {
        match id == samples::decision_id(1) {
            true => Ok(samples::decision()),
            false => Err(Problem::NotFound(format!("There is no decision `{id}`."))),
        }
    }
    async fn reviews(&self, _who: &Person, _workflow: &str, role: Option<String>) -> Result<Reviews, Problem> {
        Ok(Reviews { role, ..samples::reviews() })
    }
    async fn review(&self, _who: &Person, _workflow: &str, id: ReviewId) -> Result<ReviewPage, Problem> {
        let mut view = match id {
            id if id == samples::review_id(1) => samples::review(),
            id if id == samples::review_id(2) => samples::blind_audit(),
            id if id == samples::review_id(3) => samples::own_review(),
            id => return Err(Problem::NotFound(format!("There is no review `{id}`."))),
        };
        view.review = id;
        Ok(view)
    }
    async fn answer(&self, who: &Person, _w: &str, id: ReviewId, sent: AnswerSent) -> Result<(), Problem> {
        if sent.reason == "too late" {
            return Err(Problem::Conflict("The review was answered meanwhile; nothing was recorded.".into()));
        }
        self.note(format!("{} answers {id}: {}", who.principal.id, sent.answer));
        self.answers.lock().unwrap().push(sent);
        Ok(())
    }
    async fn stop(&self, who: &Person, workflow: &str, reason: Untrusted) -> Result<(), Problem> {
        self.note(format!("{} stops {workflow}: {}", who.principal.id, reason.raw()));
        Ok(())
    }
    async fn resume(&self, who: &Person, workflow: &str, reason: Untrusted) -> Result<(), Problem> {
        self.note(format!("{} resumes {workflow}: {}", who.principal.id, reason.raw()));
        Err(Problem::Forbidden("Whoever stops does not resume; it is still stopped.".into()))
    }
    async fn log(&self, _who: &Person, _workflow: &str, _before: Option<u64>) -> Result<LogPage, Problem> {
        Ok(samples::log())
    }
    async fn certificate(&self, _who: &Person, _w: &str, name: &str) -> Result<CertificatePage, Problem> {
        match name {
            "route" => Ok(samples::certificate()),
            _ => Ok(samples::unwatched()),
        }
    }
    async fn curve(&self, _who: &Person, _workflow: &str, _blob: Digest) -> Result<Vec<u8>, Problem> {
        Ok(HOSTILE_SVG.to_vec())
    }
    async fn sprint(&self, _who: &Person, _w: &str, _id: Option<SprintId>) -> Result<SprintPage, Problem> {
        Ok(samples::sprint())
    }
    async fn sprint_report(&self, _who: &Person, _w: &str, _id: SprintId) -> Result<String, Problem> {
        Ok("<!doctype html><title>Sprint</title><style>h1{color:red}</style><h1>Sprint</h1>".into())
    }
    async fn approval(&self, _who: &Person, _w: &str, id: &str, stage: Stage) -> Result<ApprovePage, Problem> {
        match id {
            "approval.risk" => Ok(ApprovePage { stage, ..samples::approval() }),
            other => Err(Problem::NotFound(format!("There is no obligation `{other}`."))),
        }
    }
    async fn approve(&self, who: &Person, _w: &str, id: &str, sent: ApprovalSent) -> Result<(), Problem> {
        if sent.key != samples::approval().key {
            return Err(Problem::Conflict("What was shown is not what stands now; look again.".into()));
        }
        let (role, again) = (sent.role.unwrap_or_default(), sent.reaffirm);
        let timed = sent.shown_ms.is_some();
        self.note(format!("{} approves {id} for {} as {role}, again {again}, timed {timed}", who.name, sent.stage));
        Ok(())
    }
    async fn waivers(&self, _who: &Person, _w: &str) -> Result<WaiversPage, Problem> {
        Ok(samples::waivers())
    }
    async fn ask_waiver(&self, _who: &Person, _w: &str, sent: WaiverSent) -> Result<(), Problem> {
        if sent.until.is_empty() {
            return Err(Problem::Invalid("A waiver has a last day; nothing was asked for.".into()));
        }
        let WaiverSent { stage, obligation, reason, measure, until } = sent;
        self.note(format!("waive {obligation} for {stage} until {until}: {} / {}", reason.raw(), measure.raw()));
        Ok(())
    }
    async fn grant_waiver(&self, who: &Person, _w: &str, waiver: EventId) -> Result<(), Problem> {
        self.note(format!("{} grants {waiver}", who.name));
        Ok(())
    }
    async fn end_waiver(&self, _who: &Person, _w: &str, waiver: EventId, reason: Untrusted) -> Result<(), Problem> {
        self.note(format!("end {waiver}: {}", reason.raw()));
        Ok(())
    }
    async fn releases(&self, _who: &Person, _w: &str) -> Result<ReleasesPage, Problem> {
        Ok(samples::releases())
    }
    async fn rollback(&self, _who: &Person, _w: &str, to: Digest, reason: Untrusted) -> Result<(), Problem> {
        self.note(format!("back to {}: {}", to.short(), reason.raw()));
        Ok(())
    }
    async fn pilot_report(&self, _who: &Person, _w: &str, _event: EventId) -> Result<PilotReportPage, Problem> {
        Ok(samples::pilot_report())
    }
    async fn diff(&self, _who: &Person, _w: &str) -> Result<DiffPage, Problem> {
        Ok(samples::diff())
    }
    async fn ownership(&self, _who: &Person, _w: &str) -> Result<OwnershipPage, Problem> {
        Ok(samples::ownership())
    }

    async fn drills(&self, _who: &Person, _w: &str, _asked: DrillsAsked) -> Result<DrillsPage, Problem> {
        Ok(samples::drills())
    }
    async fn drill(&self, who: &Person, _w: &str, sent: DrillSent) -> Result<DrillCame, Problem> {
        self.note(format!("{} drills {sent:?}", who.name));
        match sent {
            DrillSent::Begin(control) if control == "stop" => Ok(DrillCame::Waits),
            DrillSent::Begin(_) => Err(Problem::Conflict("Another drill is under way; nothing was done.".into())),
            DrillSent::Finish => Ok(DrillCame::Resumed),
            DrillSent::Close(control, reviews) => Ok(DrillCame::Answers(control, reviews)),
        }
    }
    async fn incidents(&self, _who: &Person, _w: &str) -> Result<IncidentsPage, Problem> {
        Ok(samples::incidents())
    }
    async fn incident(&self, _who: &Person, _w: &str, number: u64) -> Result<IncidentPage, Problem> {
        match number {
            1 => Ok(samples::incident()),
            n => Err(Problem::NotFound(format!("There is no incident {n}."))),
        }
    }
    async fn open_incident(&self, who: &Person, _w: &str, sent: IncidentSent) -> Result<u64, Problem> {
        let owner = sent.owner.unwrap_or_default();
        self.note(format!("{} opens {} for {owner}: {}", who.name, sent.severity, sent.text.raw()));
        Ok(1)
    }
    async fn in_incident(
        &self,
        who: &Person,
        _w: &str,
        number: u64,
        act: IncidentAct,
        text: Untrusted,
    ) -> Result<(), Problem> {
        self.note(format!("{} in {number}: {act:?}: {}", who.name, text.raw()));
        Ok(())
    }
    async fn obligations_now(
        &self,
        _who: &Person,
        _workflow: &str,
    ) -> Result<Vec<seatrial_factory::PackedObligation>, Problem> {
        Ok(Vec::new())
    }

    async fn assessment(&self, _who: &Person, _workflow: &str) -> Result<AssessmentPage, Problem> {
        Ok(samples::assessment())
    }
}
