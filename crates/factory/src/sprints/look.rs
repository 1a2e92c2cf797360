//! Looking at a sprint: its report at any time, its texts, operating clarity over time.

use super::tally::{explained_rules, tallies};
use super::{OpenSprint, roles_held};
use crate::api::{Held, Refused};
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::Handle;
use jiff::tz::TimeZone;
use seatrial_model::event::{ReleasedObligation, SprintClosed, SprintOpened};
use seatrial_model::words::Layer;
use seatrial_model::{Body, Digest, EventId, Logged, SprintId, Stage, Time};
use seatrial_spec::{Direction, Workflow, compare};
use seatrial_sprint::SprintReport;
use seatrial_sprint::clarity::{ClarityPoint, Look, Moment, layer_of, points, svg};
use seatrial_sprint::report::{Move, Moves, Shown, SprintInput};
use seatrial_store::ReaderExt as _;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A sprint as one looks at it: closed, or as far as it has come.
#[derive(Clone, Debug)]
pub struct SprintLook {
    /// The workflow.
    pub workflow: String,
    /// The event that opened it.
    pub opened: Logged,
    /// The event that closed it; none while it is open.
    pub closed: Option<Logged>,
    /// Its goal, or what became of it.
    pub goal: Held,
    /// The report: as it was recorded, or as it would be now.
    pub report: SprintReport,
    /// The texts of its notes and findings.
    pub texts: BTreeMap<EventId, String>,
    /// Operating clarity up to its end, or until now.
    pub clarity: Vec<ClarityPoint>,
    /// Nobody in it is real.
    pub simulation: bool,
    zone: TimeZone,
}

impl SprintLook {
    /// The report as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        self.with(|shown| self.report.markdown(shown))
    }

    /// The report as a page of HTML that stands alone.
    #[must_use]
    pub fn html(&self) -> String {
        self.with(|shown| self.report.html(shown))
    }

    fn with<T>(&self, render: impl FnOnce(&Shown<'_>) -> T) -> T {
        let goal = match &self.goal {
            Held::Text { text, .. } => Some(text.raw()),
            _ => None,
        };
        render(&Shown {
            workflow: &self.workflow,
            simulation: self.simulation,
            goal,
            closed: self.closed.as_ref().map(|e| e.event.time),
            texts: &self.texts,
            clarity: &self.clarity,
            time: &|at| written(&self.zone, at),
            day: &|at| day(&self.zone, at),
        })
    }
}

/// A moment to the minute, in a time zone, with its distance from UTC where that is not nothing.
fn written(zone: &TimeZone, at: Time) -> String {
    let zoned = at.timestamp().to_zoned(zone.clone());
    let form = if zoned.offset().is_zero() { "%-d %b %Y, %H:%M UTC" } else { "%-d %b %Y, %H:%M %:z" };
    zoned.strftime(form).to_string()
}

fn day(zone: &TimeZone, at: Time) -> String {
    at.timestamp().to_zoned(zone.clone()).strftime("%-d %b %Y").to_string()
}

impl Factory {
    /// The factory's time zone; UTC where the machine does not know it.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.spec().timezone).unwrap_or(TimeZone::UTC)
    }

    /// A sprint by its number, the newest where none is named.
    ///
    /// # Errors
    /// [`Refused::NotFound`] where there is none.
    pub async fn sprint_look(&self, workflow: &str, number: Option<u64>) -> Result<SprintLook, Refused> {
        let handle = self.handle(workflow)?;
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let opened = events.iter().rev().find_map(|e| match &e.event.body {
            Body::SprintOpened(body) if number.is_none_or(|n| n == body.number) => Some((e, body)),
            _ => None,
        });
        let (logged, body) = opened.ok_or_else(|| {
            Refused::NotFound(match number {
                Some(number) => format!("there is no sprint {number}; `seatrial sprint show` shows the newest"),
                None => "no sprint was opened yet; `seatrial sprint open --goal GOAL` opens one".to_owned(),
            })
        })?;
        let closed = events.iter().find(|e| closes(e, body.sprint).is_some());
        let report = match closed.and_then(|e| closes(e, body.sprint)) {
            Some(closed) => self.kept_report(workflow, closed.report).await?,
            None => self.open_report(&handle, &events, logged, body).await?,
        };
        let mut texts = BTreeMap::new();
        for note in &report.notes {
            let event = events.iter().find(|e| e.event.id == note.event);
            let text = self.text(workflow, event.and_then(|e| e.event.payloads.get("text").copied())).await?;
            if let Held::Text { text, .. } = text {
                texts.insert(note.event, text.raw().to_owned());
            }
        }
        let until = closed.map(|e| e.index);
        Ok(SprintLook {
            workflow: workflow.to_owned(),
            opened: logged.clone(),
            closed: closed.cloned(),
            goal: self.text(workflow, logged.event.payloads.get("goal").copied()).await?,
            report,
            texts,
            clarity: self.clarity_of(&handle, &events, until).await?,
            simulation: self.is_simulation(),
            zone: self.zone(),
        })
    }

    async fn kept_report(&self, workflow: &str, report: Digest) -> Result<SprintReport, Refused> {
        let kept = self.sprint_report(workflow, report).await?;
        kept.ok_or_else(|| internal("the store does not hold the sprint's report, or it cannot be read"))
    }

    async fn open_report(
        &self,
        handle: &Arc<Handle>,
        events: &[Logged],
        logged: &Logged,
        body: &SprintOpened,
    ) -> Result<SprintReport, Refused> {
        let (_, served) = self.submitted(handle.log.as_str())?;
        let opened = OpenSprint { sprint: body.sprint, since: logged.event.time, spec: logged.event.spec };
        let states = self.state_words(handle, Stage::Production).await?;
        self.report_now(handle, &served.workflow, events, &opened, &states).await
    }

    /// The report of the open sprint as it is now.
    pub(super) async fn report_now(
        &self,
        handle: &Arc<Handle>,
        workflow: &Workflow,
        events: &[Logged],
        opened: &OpenSprint,
        states: &BTreeMap<String, String>,
    ) -> Result<SprintReport, Refused> {
        let (since, now) = (opened.since, self.now());
        let explained = explained_rules(workflow);
        let before_start = since.plus_millis(since.millis_since(now));
        let (before, during) = self
            .0
            .store
            .read_with(&handle.log, move |view| {
                let before = tallies(view, before_start, since, &explained)?;
                Ok((before, tallies(view, since, now, &explained)?))
            })
            .await
            .map_err(not_recorded)?;
        let moves = self.moves_since(handle, workflow, opened.spec).await;
        let input = SprintInput {
            sprint: opened.sprint,
            states,
            moves: moves.as_ref(),
            roles: Some(roles_held(workflow, &self.spec(), now)),
            before: before.as_ref(),
            during: during.as_ref(),
        };
        SprintReport::of(events.iter().map(|e| &*e.event), &input).map_err(internal)
    }

    /// What the newest spec lets AI do, beside the one that the sprint began with; none where that one cannot be read.
    async fn moves_since(&self, handle: &Arc<Handle>, now: &Workflow, then: Option<Digest>) -> Option<Moves> {
        let then = self.spec_at(handle.log.as_str(), Some(then?)).await.ok()?;
        Some(moves(&then, now))
    }

    /// Operating clarity over time: at each sprint's start and end, at each release of production, and now.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn clarity(&self, workflow: &str) -> Result<Vec<ClarityPoint>, Refused> {
        let handle = self.handle(workflow)?;
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        self.clarity_of(&handle, &events, None).await
    }

    /// The same as a picture, in the factory's time zone.
    #[must_use]
    pub fn clarity_svg(&self, points: &[ClarityPoint], look: Look) -> String {
        let zone = self.zone();
        svg(points, look, &|at| day(&zone, at))
    }

    async fn clarity_of(
        &self,
        handle: &Arc<Handle>,
        events: &[Logged],
        until: Option<u64>,
    ) -> Result<Vec<ClarityPoint>, Refused> {
        let mut moments = Vec::new();
        for logged in events.iter().filter(|e| until.is_none_or(|until| e.index <= until)) {
            let (what, states) = match &logged.event.body {
                Body::SprintOpened(body) => (format!("sprint {} opened", body.number), body.states.clone()),
                Body::SprintClosed(body) => (closed_name(events, body.sprint), body.states.clone()),
                Body::ReleaseCut(cut) if cut.stage.in_production() => {
                    match self.released_states(handle, cut.obligations).await? {
                        Some(states) => (format!("{} released", cut.stage), states),
                        None => continue,
                    }
                }
                _ => continue,
            };
            moments.push(Moment { time: logged.event.time, what, states });
        }
        let standing = self.standing(handle.log.as_str(), Stage::Production).await.ok();
        let layers: BTreeMap<String, Layer> =
            standing.iter().flat_map(|s| &s.states).map(|s| (s.obligation.id.clone(), s.obligation.layer)).collect();
        if let Some(standing) = standing.filter(|_| until.is_none()) {
            let states =
                standing.states.iter().map(|s| (s.obligation.id.clone(), s.state.as_str().to_owned())).collect();
            moments.push(Moment { time: self.now(), what: "now".to_owned(), states });
        }
        Ok(points(&moments, |id| layers.get(id).copied().unwrap_or_else(|| layer_of(id))))
    }

    /// How the obligations stood when a release was cut, as its statement lists them.
    async fn released_states(
        &self,
        handle: &Arc<Handle>,
        list: Digest,
    ) -> Result<Option<BTreeMap<String, String>>, Refused> {
        let bytes = self.0.store.blob(&handle.log, list).await.map_err(not_recorded)?;
        let list: Option<Vec<ReleasedObligation>> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(list.map(|list| list.into_iter().map(|o| (o.id, o.state)).collect()))
    }
}

fn closes(logged: &Logged, sprint: SprintId) -> Option<&SprintClosed> {
    match &logged.event.body {
        Body::SprintClosed(closed) if closed.sprint == sprint => Some(closed),
        _ => None,
    }
}

fn closed_name(events: &[Logged], sprint: SprintId) -> String {
    let number = events.iter().find_map(|e| match &e.event.body {
        Body::SprintOpened(opened) if opened.sprint == sprint => Some(opened.number),
        _ => None,
    });
    format!("sprint {} closed", number.unwrap_or_default())
}

/// What `now` lets AI do, beside `then`.
fn moves(then: &Workflow, now: &Workflow) -> Moves {
    let compared = compare(then, now);
    let of = |direction| {
        let items = compared.items().filter(|item| item.direction == direction);
        items.map(|item| Move { path: item.path.clone(), why: item.why.clone() }).collect()
    };
    Moves { widens: of(Direction::Widens), narrows: of(Direction::Narrows), unclear: of(Direction::Unclear) }
}
