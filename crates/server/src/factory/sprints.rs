//! A sprint: what it means to learn, what it learned, and operating clarity over time.

use super::boards::{GATES, next_steps, state};
use super::payloads::text;
use super::words::{event_ref, references};
use crate::view::{
    BacklogItem, ClarityPoint, QuestionLine, SprintAnswer, SprintFigure, SprintHead, SprintObligation, SprintPage,
};
use seatrial_factory::Factory;
use seatrial_factory::api::Refused;
use seatrial_model::event::{SprintClosed, SprintOpened};
use seatrial_model::words::Layer;
use seatrial_model::{Body, ElementPath, EventId, Logged, SprintId, Time};
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
    let layers: BTreeMap<String, Layer> =
        standings.iter().flat_map(|s| &s.states).map(|s| (s.obligation.id.clone(), s.obligation.layer)).collect();
    Ok(SprintPage {
        questions: questions(factory, workflow, spec.as_deref(), &history, chosen).await?,
        obligations: chosen.map(|t| obligations(t, &now)).unwrap_or_default(),
        backlog: backlog(&standings, spec.as_deref(), &history),
        answers: answers(factory, workflow, chosen).await?,
        clarity: clarity(&told, &now, factory.now(), &layers),
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

/// What stands between here and the next stages, then open questions that block nothing, then alarms.
fn backlog(standings: &[seatrial_factory::Standing], spec: Option<&Workflow>, history: &[Logged]) -> Vec<BacklogItem> {
    let mut items: Vec<BacklogItem> = next_steps(standings)
        .into_iter()
        .map(|step| BacklogItem {
            what: format!("`{}`: {}", step.obligation, step.next.what),
            from: "obligation".to_owned(),
            stages: step.stages,
            command: step.next.command,
        })
        .collect();
    for (name, question) in spec.map(|s| &s.questions).into_iter().flatten() {
        let open = settled(history, &ElementPath::new(format!("questions.{name}"))).is_none();
        if open && question.blocks.is_none() {
            items.push(BacklogItem {
                what: question.ask.clone(),
                from: "question".to_owned(),
                stages: Vec::new(),
                command: format!("seatrial question answer {name} --cites EVENT ANSWER"),
            });
        }
    }
    items
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

fn clarity(told: &[Told<'_>], now: &States, at: Time, layers: &BTreeMap<String, Layer>) -> Vec<ClarityPoint> {
    let mut moments: Vec<(Time, &States)> = Vec::new();
    for sprint in told {
        moments.push((sprint.opened.0.event.time, &sprint.opened.1.states));
        moments.extend(sprint.closed.map(|(logged, closed)| (logged.event.time, &closed.states)));
    }
    // One moment is no line.
    if moments.is_empty() {
        return Vec::new();
    }
    moments.push((at, now));
    let mut before: Option<&States> = None;
    let mut points = Vec::with_capacity(moments.len());
    for (time, states) in moments {
        let only = |these: &States, those: &States| {
            u64::try_from(these.keys().filter(|id| !those.contains_key(*id)).count()).unwrap_or(u64::MAX)
        };
        points.push(ClarityPoint {
            time,
            layers: Layer::ALL.iter().map(|layer| tally(states, *layer, layers)).collect(),
            added: before.map_or(0, |b| only(states, b)),
            removed: before.map_or(0, |b| only(b, states)),
        });
        before = Some(states);
    }
    points
}

/// Discharged and all obligations of a layer; what does not apply is no work, done or not.
fn tally(states: &States, layer: Layer, layers: &BTreeMap<String, Layer>) -> (Layer, u64, u64) {
    use crate::view::ObligationState::{Discharged, NotApplicable};
    let of_layer = |id: &str| layers.get(id).copied().unwrap_or_else(|| layer_of(id)) == layer;
    let here = states.iter().filter(|(id, _)| of_layer(id)).map(|(_, word)| state(word));
    here.fold((layer, 0, 0), |(layer, done, all), state| match state {
        NotApplicable => (layer, done, all),
        Discharged => (layer, done + 1, all + 1),
        _ => (layer, done, all + 1),
    })
}

/// The layer of an obligation that the spec no longer has, by its family.
fn layer_of(id: &str) -> Layer {
    match id.split('.').next().unwrap_or_default() {
        "spec" => Layer::Spec,
        "eval" | "threshold" | "outcome" | "pilot" | "review" => Layer::Sprint,
        "runtime" | "drill" | "oversight" | "evidence" => Layer::Runtime,
        "ownership" => Layer::Ownership,
        _ => Layer::Governance,
    }
}
