//! A sprint: what it means to learn, what it learned, and operating clarity over time.

use super::boards::{GATES, state};
use super::payloads::text;
use super::words::{event_ref, references};
use crate::view::{
    BacklogItem, ClarityCount, ClarityMoment, ClarityPicture, NoteLine, QuestionLine, SprintAnswer, SprintFigure,
    SprintHead, SprintObligation, SprintPage,
};
use seatrial_factory::api::Refused;
use seatrial_factory::{ClarityLook as Look, Factory};
use seatrial_model::event::{SprintClosed, SprintOpened};
use seatrial_model::{Body, ElementPath, EventId, Logged, SprintId};
use seatrial_spec::Workflow;
use std::collections::BTreeMap;

/// A sprint as the log tells it.
struct Told<'a> {
    opened: (&'a Logged, &'a SprintOpened),
    closed: Option<(&'a Logged, &'a SprintClosed)>,
}

/// How obligations stood: id → state.
type States = BTreeMap<String, String>;

pub(super) async fn page(factory: &Factory, workflow: &str, id: Option<SprintId>) -> Result<SprintPage, Refused> {
    let history = factory.history(workflow).await?;
    let told = told(&history);
    let chosen = match id {
        Some(id) => Some(
            told.iter()
                .find(|t| t.opened.1.sprint == id)
                .ok_or_else(|| Refused::NotFound(format!("there is no sprint `{id}`")))?,
        ),
        None => told.last(),
    };
    let spec = factory.shown_spec(workflow).ok();
    let mut standings = Vec::new();
    for stage in GATES {
        standings.extend(factory.standing(workflow, stage).await.ok());
    }
    let now: States = standings
        .last()
        .map(|s| s.states.iter().map(|s| (s.obligation.id.clone(), s.state.as_str().to_owned())).collect())
        .unwrap_or_default();
    Ok(SprintPage {
        questions: questions(factory, workflow, spec.as_deref(), &history, chosen).await?,
        obligations: chosen.map(|t| obligations(t, &now)).unwrap_or_default(),
        backlog: backlog(factory, workflow).await?,
        answers: answers(factory, workflow, chosen).await?,
        notes: notes(factory, workflow, &history, chosen).await?,
        clarity: clarity(factory, workflow).await?,
        others: told
            .iter()
            .map(|t| (t.opened.1.number, t.opened.1.sprint))
            .filter(|(_, other)| chosen.is_none_or(|c| c.opened.1.sprint != *other))
            .collect(),
        sprint: match chosen {
            Some(sprint) => Some(head(factory, workflow, sprint).await?),
            None => None,
        },
    })
}

fn told(history: &[Logged]) -> Vec<Told<'_>> {
    let mut sprints: Vec<Told<'_>> = Vec::new();
    for logged in history {
        match &logged.event.body {
            Body::SprintOpened(body) => sprints.push(Told { opened: (logged, body), closed: None }),
            Body::SprintClosed(body) => {
                if let Some(sprint) = sprints.iter_mut().find(|s| s.opened.1.sprint == body.sprint) {
                    sprint.closed = Some((logged, body));
                }
            }
            _ => {}
        }
    }
    sprints
}

async fn head(factory: &Factory, workflow: &str, sprint: &Told<'_>) -> Result<SprintHead, Refused> {
    let (logged, body) = sprint.opened;
    let goal = factory.text(workflow, logged.event.payloads.get("goal").copied()).await?;
    Ok(SprintHead {
        id: body.sprint,
        number: body.number,
        goal: text(&goal).cloned(),
        opened: event_ref(logged),
        closed: sprint.closed.map(|(logged, _)| event_ref(logged)),
    })
}

/// The newest settlement of a question.
fn settled<'a>(history: &'a [Logged], question: &ElementPath) -> Option<(&'a Logged, bool, Vec<EventId>)> {
    history.iter().rev().find_map(|e| match &e.event.body {
        Body::QuestionSettled(s) if s.question == *question => Some((e, s.withdrawn, s.cites.clone())),
        _ => None,
    })
}

/// The sprint's questions; all of the spec, where no sprint was opened.
async fn questions(
    factory: &Factory,
    workflow: &str,
    spec: Option<&Workflow>,
    history: &[Logged],
    sprint: Option<&Told<'_>>,
) -> Result<Vec<QuestionLine>, Refused> {
    let wanted: Vec<String> = match (sprint, spec) {
        (Some(sprint), _) => sprint.opened.1.questions.iter().map(|q| q.name().to_owned()).collect(),
        (None, Some(spec)) => spec.questions.keys().cloned().collect(),
        (None, None) => Vec::new(),
    };
    let mut lines = Vec::with_capacity(wanted.len());
    for name in wanted {
        let question = spec.and_then(|s| s.questions.get(&name));
        let answer = settled(history, &ElementPath::new(format!("questions.{name}")));
        let said = answer.as_ref().and_then(|(e, _, _)| e.event.payloads.get("text").copied());
        let cites = answer.as_ref().map(|(_, _, cites)| cites.clone()).unwrap_or_default();
        lines.push(QuestionLine {
            ask: question.map_or_else(|| "The spec asks it no more.".to_owned(), |q| q.ask.clone()),
            owner: question.and_then(|q| q.owner.clone()).unwrap_or_default(),
            blocks: question.and_then(|q| q.blocks).map(|stage| stage.to_string()),
            state: match &answer {
                None => "open",
                Some((_, true, _)) => "withdrawn",
                Some((_, false, _)) => "answered",
            }
            .to_owned(),
            text: text(&factory.text(workflow, said).await?).cloned(),
            cites: references(factory, workflow, cites).await?,
            name,
        });
    }
    Ok(lines)
}

fn obligations(sprint: &Told<'_>, now: &States) -> Vec<SprintObligation> {
    let (start, end) = (&sprint.opened.1.states, sprint.closed.map_or(now, |(_, closed)| &closed.states));
    let of = |states: &States, id: &str| states.get(id).map(|word| state(word));
    let line = |id: &String| SprintObligation { id: id.clone(), start: of(start, id), now: of(end, id) };
    sprint.opened.1.obligations.iter().map(line).collect()
}

/// The computed backlog; empty while nothing was submitted.
async fn backlog(factory: &Factory, workflow: &str) -> Result<Vec<BacklogItem>, Refused> {
    let backlog = match factory.backlog(workflow, None).await {
        Ok(backlog) => backlog,
        Err(Refused::Conflict { .. }) => return Ok(Vec::new()),
        Err(other) => return Err(other),
    };
    let mut items = Vec::with_capacity(backlog.items.len());
    for item in backlog.items {
        items.push(BacklogItem {
            what: item.what,
            from: item.source.as_str().to_owned(),
            subject: item.subject,
            stages: item.stages,
            unblocks: item.unblocks.unwrap_or(0),
            people: item.people,
            command: item.command.unwrap_or_default(),
            cites: references(factory, workflow, item.events).await?,
        });
    }
    Ok(items)
}

async fn notes(
    factory: &Factory,
    workflow: &str,
    history: &[Logged],
    sprint: Option<&Told<'_>>,
) -> Result<Vec<NoteLine>, Refused> {
    let Some(sprint) = sprint.map(|s| s.opened.1.sprint) else { return Ok(Vec::new()) };
    let mut lines = Vec::new();
    for logged in history {
        let Body::SprintNoted(noted) = &logged.event.body else { continue };
        if noted.sprint != Some(sprint) {
            continue;
        }
        let said = factory.text(workflow, logged.event.payloads.get("text").copied()).await?;
        lines.push(NoteLine {
            event: Some(event_ref(logged)),
            by: logged.event.actor.id.clone(),
            finding: noted.finding,
            element: noted.element.as_ref().map(ToString::to_string),
            text: text(&said).cloned(),
            cites: references(factory, workflow, noted.cites.clone()).await?,
        });
    }
    Ok(lines)
}

/// The report of a sprint as a page that stands alone.
pub(super) async fn report(factory: &Factory, workflow: &str, id: SprintId) -> Result<String, Refused> {
    let history = factory.history(workflow).await?;
    let number = told(&history).iter().find(|t| t.opened.1.sprint == id).map(|t| t.opened.1.number);
    let number = number.ok_or_else(|| Refused::NotFound(format!("there is no sprint `{id}`")))?;
    Ok(factory.sprint_look(workflow, Some(number)).await?.html())
}

async fn answers(factory: &Factory, workflow: &str, sprint: Option<&Told<'_>>) -> Result<Vec<SprintAnswer>, Refused> {
    let Some((_, closed)) = sprint.and_then(|s| s.closed) else { return Ok(Vec::new()) };
    let Some(report) = factory.sprint_report(workflow, closed.report).await? else { return Ok(Vec::new()) };
    let mut answers = Vec::with_capacity(report.answers.len());
    for answer in report.answers {
        let reading = serde_json::to_value(answer.reading).unwrap_or_default();
        let mut figures = Vec::with_capacity(answer.figures.len());
        for figure in answer.figures {
            let speaks = match serde_json::to_value(figure.direction).unwrap_or_default().as_str() {
                Some("for") => Some(true),
                Some("against") => Some(false),
                _ => None,
            };
            let cites = references(factory, workflow, figure.events).await?;
            figures.push(SprintFigure { what: figure.what, value: figure.value, speaks, cites });
        }
        let said = match reading.as_str() {
            Some("yes") => "Yes: everything that moved, moved that way.",
            Some("mixed") => "Mixed: some figures moved that way, some the other.",
            Some("no") => "No: everything that moved went the other way.",
            Some("unchanged") => "Unchanged: measured, and nothing moved.",
            _ => "Unknown: the log does not tell.",
        };
        answers.push(SprintAnswer { question: answer.question, answer: said.to_owned(), figures });
    }
    Ok(answers)
}

/// Operating clarity over time; none before the first sprint or release: one moment is no line.
async fn clarity(factory: &Factory, workflow: &str) -> Result<Option<ClarityPicture>, Refused> {
    let points = factory.clarity(workflow).await?;
    if points.len() < 2 {
        return Ok(None);
    }
    let svg = factory.clarity_svg(&points, Look::Within);
    let moments = points.into_iter().map(|point| ClarityMoment {
        time: point.time,
        what: point.what,
        layers: point
            .layers
            .into_iter()
            .map(|(layer, n)| {
                let (discharged, waived, total) = (n.discharged, n.waived, n.total);
                (layer, ClarityCount { discharged, waived, total, added: n.added, removed: n.removed })
            })
            .collect(),
    });
    Ok(Some(ClarityPicture { moments: moments.collect(), svg }))
}
