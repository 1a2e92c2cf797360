//! Drills and incidents.

use super::words::references;
use crate::view::{
    Answering, DrillCame, DrillResult, DrillSent, DrillsAsked, DrillsPage, IncidentAct, IncidentPage, IncidentSent,
    IncidentsPage,
};
use seatrial_factory::api::{Caller, Refused};
use seatrial_factory::{DrillLook, Factory, IncidentInput, IncidentStep};
use seatrial_model::{Body, EventId, ReviewId, Side, Untrusted};

pub(super) async fn drills(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    asked: DrillsAsked,
) -> Result<DrillsPage, Refused> {
    let looks = factory.drills(workflow).await?;
    let done = match asked.done {
        Some(event) => Some(result(factory, workflow, event, &looks).await?),
        None => None,
    };
    let answering = match asked.answering {
        Some((control, reviews)) => Some(answering(factory, control, reviews).await?),
        None => None,
    };
    let mut drills = Vec::with_capacity(looks.len());
    for look in looks {
        let guide = factory.drill_guide(workflow, &look.control)?;
        drills.push((look, guide));
    }
    let waiting = factory.waiting_drill(workflow).await?;
    let why = |refused: Result<(), Refused>| refused.err().map(|r| super::sentence(&r.to_string()));
    Ok(DrillsPage {
        not_finish: waiting.as_ref().and_then(|w| why(factory.may_resume(caller, workflow, &w.by))),
        not_yours: why(factory.may_drill(caller, workflow)),
        delivery: caller.principal.side == Side::Delivery,
        drills,
        waiting,
        answering,
        done,
    })
}

async fn result(
    factory: &Factory,
    workflow: &str,
    event: EventId,
    looks: &[DrillLook],
) -> Result<DrillResult, Refused> {
    let found = factory.events_of(workflow, vec![event]).await?;
    let logged = found.get(&event).ok_or_else(|| Refused::NotFound("there is no such drill".to_owned()))?;
    let Body::DrillDone(done) = &logged.event.body else {
        return Err(Refused::NotFound("there is no such drill".to_owned()));
    };
    let last = looks.iter().find(|l| l.control == done.control).and_then(|l| l.last.as_ref());
    let not_production = last.filter(|l| l.event == event && l.counts == Some(false)).map(|l| l.why.clone());
    Ok(DrillResult {
        control: done.control.clone(),
        by: logged.event.actor.id.clone(),
        side: logged.event.actor.side,
        effective_ms: done.effective_ms,
        allowed_ms: done.allowed_ms,
        refused: done.refused,
        finished: done.finished,
        not_production,
        events: references(factory, workflow, done.events.clone()).await?,
    })
}

async fn answering(factory: &Factory, control: String, reviews: Vec<ReviewId>) -> Result<Answering, Refused> {
    let mut lines = Vec::with_capacity(reviews.len());
    for review in reviews {
        let view = factory.review(review).await?;
        // Of others than marked ones nothing is told here.
        if !view.rehearsal {
            return Err(Refused::NotFound("there is no such review of a drill".to_owned()));
        }
        lines.push((review, view.to, view.answer.is_some()));
    }
    Ok(Answering { control, reviews: lines })
}

pub(super) async fn drill(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    sent: DrillSent,
) -> Result<DrillCame, Refused> {
    let name = Some(workflow);
    Ok(match sent {
        DrillSent::Begin(control) => match control.as_str() {
            "stop" | "incident" => {
                factory.begin_drill(caller, workflow, &control).await?;
                DrillCame::Waits
            }
            "override" => DrillCame::Done(factory.drill_override(caller, name).await?.event),
            "escalation" => answers(factory.open_escalation_drill(caller, name).await?),
            "degraded" => answers(factory.open_degraded_drill(caller, name).await?),
            _ => return Err(Refused::NotFound("that drill is not done on the page; nothing was done".to_owned())),
        },
        DrillSent::Finish => match factory.finish_drill(caller, workflow).await? {
            Some(done) => DrillCame::Done(done.event),
            None => DrillCame::Resumed,
        },
        DrillSent::Close(control, reviews) => {
            DrillCame::Done(factory.close_drill(caller, name, &control, &reviews).await?.event)
        }
    })
}

fn answers(opened: seatrial_factory::OpenedDrill) -> DrillCame {
    DrillCame::Answers(opened.control, opened.reviews.into_iter().map(|r| r.review).collect())
}

pub(super) async fn incidents(factory: &Factory, caller: &Caller, workflow: &str) -> Result<IncidentsPage, Refused> {
    let refused = factory.may_open_incident(caller, workflow).err();
    Ok(IncidentsPage {
        incidents: factory.incidents(workflow).await?,
        not_yours: refused.map(|r| super::sentence(&r.to_string())),
        people: people(factory),
    })
}

pub(super) async fn incident(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    number: u64,
) -> Result<IncidentPage, Refused> {
    let story = factory.incident(workflow, number).await?;
    let (may_handle, may_decide) = factory.may_in_incident(caller, workflow, &story.incident.owner);
    Ok(IncidentPage { story, may_handle, may_decide, people: people(factory) })
}

/// Who can own an incident: present people who are not of the independent side.
fn people(factory: &Factory) -> Vec<String> {
    let spec = factory.spec();
    let present = spec.people.iter().filter(|p| p.side != Side::Independent && factory.local(&p.id).is_ok());
    present.map(|p| p.id.clone()).collect()
}

pub(super) async fn open_incident(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    sent: IncidentSent,
) -> Result<u64, Refused> {
    let input = IncidentInput {
        owner: sent.owner,
        decisions: sent.decision.into_iter().collect(),
        text: sent.text.raw().to_owned(),
        ..IncidentInput::of(sent.severity)
    };
    factory.open_incident(caller, workflow, input).await.map(|opened| opened.incident)
}

pub(super) async fn act(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    number: u64,
    act: IncidentAct,
    text: &Untrusted,
) -> Result<(), Refused> {
    let text = text.raw();
    let step = match act {
        IncidentAct::Note => IncidentStep::note(text),
        IncidentAct::Severity(severity) => IncidentStep::severity(severity, text),
        IncidentAct::HandOver(owner) => IncidentStep::hand_over(owner, text),
        IncidentAct::Decide(course) => IncidentStep::decide(course, text),
        IncidentAct::Resolve => IncidentStep::resolve(text),
        IncidentAct::Review(findings) => {
            return factory.review_incident(caller, workflow, number, text, findings).await.map(drop);
        }
    };
    factory.incident_step(caller, workflow, number, step).await.map(drop)
}
