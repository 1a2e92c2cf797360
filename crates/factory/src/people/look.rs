//! Looking at people: who is there, what they did and what still stands on it, and what would go stale without them.

use crate::api::Refused;
use crate::factory::{Factory, internal};
use crate::standing::Gathered;
use seatrial_governance::people::{Grace, deputy, grace_end, today};
use seatrial_governance::{ObligationState, StatusInput, status};
use seatrial_model::{Day, EventId, LogName, Side, Stage, Time};
use seatrial_spec::workflow::{Departure, FactorySpec, Person};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How somebody stands today.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonState {
    /// They are there.
    There,
    /// They are away for a while.
    Away,
    /// Their first day is still to come.
    NotYet,
    /// Their last day is over.
    Left,
    /// They hold nothing before the receiving side approves it.
    Pending,
}

/// A person as they stand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PersonLook {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Their side.
    pub side: Side,
    /// The roles that they hold.
    pub roles: Vec<String>,
    /// How they stand.
    pub state: PersonState,
    /// Their first day.
    #[serde(with = "maybe_day", skip_serializing_if = "Option::is_none")]
    pub from: Option<Day>,
    /// Their last day.
    #[serde(with = "maybe_day", skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Who stands in for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deputy: Option<String>,
    /// What they are given, and that waits for the receiving side.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
}

mod maybe_day {
    use seatrial_model::Day;
    use serde::Serializer;

    #[expect(clippy::ref_option, reason = "serde asks by reference")]
    pub(super) fn serialize<S: Serializer>(day: &Option<Day>, s: S) -> Result<S::Ok, S::Error> {
        match day {
            Some(day) => s.collect_str(day),
            None => s.serialize_none(),
        }
    }
}

/// Something that a person did, and an obligation that it was looked at for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PersonOf {
    /// The workflow.
    pub workflow: LogName,
    /// For which stage.
    pub stage: Stage,
    /// For which obligation.
    pub obligation: String,
    /// The event.
    pub event: EventId,
    /// Its entry.
    pub index: u64,
    /// Its kind.
    pub kind: &'static str,
    /// Whether it counts today.
    pub counts: bool,
    /// Why, or why not.
    pub why: String,
}

/// What would become of a workflow.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LosesOf {
    /// The workflow.
    pub workflow: LogName,
    /// For which stage.
    pub stage: Stage,
    /// What would stand on the grace: (obligation, why).
    pub in_grace: Vec<(String, String)>,
    /// What would be settled no more after it, or at once without it: (obligation, why).
    pub stale: Vec<(String, String)>,
}

/// What it would mean if somebody left today.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Leaving {
    /// Who.
    pub person: PersonLook,
    /// The last day of the grace; none where no deputy is there.
    #[serde(with = "maybe_day", skip_serializing_if = "Option::is_none")]
    pub grace: Option<Day>,
    /// By workflow; those that lose nothing are left out.
    pub loses: Vec<LosesOf>,
}

impl Factory {
    /// The people, and those who wait; of one role where it is named.
    pub async fn people(&self, role: Option<&str>) -> Vec<PersonLook> {
        let spec = self.spec();
        let on = today(&spec, self.now());
        let taken = self.0.people.lock().await;
        let adds = |id: &str| taken.pending.iter().find(|p| p.person == id).map(|p| p.adds.clone()).unwrap_or_default();
        let held = spec.people.iter().map(|p| look(&spec, p, on, adds(&p.id)));
        let wanted = taken.wanted.iter().flat_map(|w| &w.people).filter(|p| spec.person(&p.id).is_none());
        let waiting = wanted.map(|p| PersonLook { state: PersonState::Pending, ..look(&spec, p, on, adds(&p.id)) });
        held.chain(waiting).filter(|p| role.is_none_or(|role| p.roles.iter().any(|r| r == role))).collect()
    }

    async fn person_look(&self, id: &str) -> Result<PersonLook, Refused> {
        let people = self.people(None).await;
        people.into_iter().find(|p| p.id == id).ok_or_else(|| {
            let shown = seatrial_model::Untrusted::new(id).terminal(80);
            Refused::NotFound(format!("`factory.yaml` names no person `{shown}`: `seatrial people list` shows all"))
        })
    }

    /// A person, and everything of theirs that obligations look at, also after they left.
    ///
    /// # Errors
    /// [`Refused`] where nobody of that name is known.
    pub async fn person_of(&self, id: &str) -> Result<(Option<PersonLook>, Vec<PersonOf>), Refused> {
        let look = self.person_look(id).await;
        let mut did = Vec::new();
        for log in self.workflows() {
            let Some(gathered) = self.gathered(&log).await? else { continue };
            for stage in [Stage::Pilot, Stage::Production, Stage::Owned] {
                for state in self.states(&gathered, stage) {
                    let theirs = state.considered.iter().filter(|c| c.by == id);
                    did.extend(theirs.map(|c| PersonOf {
                        workflow: log.clone(),
                        stage,
                        obligation: state.obligation.id.clone(),
                        event: c.event,
                        index: c.index,
                        kind: c.kind,
                        counts: c.counts,
                        why: c.why.clone(),
                    }));
                }
            }
        }
        match look {
            Err(refused) if did.is_empty() => Err(refused),
            look => Ok((look.ok(), did)),
        }
    }

    /// What would go stale if somebody left today. Nothing is recorded.
    ///
    /// # Errors
    /// [`Refused`] where there is no such person.
    pub async fn people_leaving(&self, id: &str) -> Result<Leaving, Refused> {
        let person = self.person_look(id).await?;
        let spec = self.spec();
        let now = self.now();
        let on = today(&spec, now);
        let without = without(&spec, id, on);
        let stands_in = spec.person(id).and_then(|p| deputy(&spec, p, on));
        let after = end_of_grace(&spec, on)?;
        let mut loses = Vec::new();
        for log in self.workflows() {
            let Some(gathered) = self.gathered(&log).await? else { continue };
            for stage in [Stage::Production, Stage::Owned] {
                let at_once = states_as(&gathered, stage, &without, now);
                let in_grace = grace_of(&at_once, id);
                let stale = lost(&gathered, stage, (&spec, &without), after);
                // What is owned is asked for where something is owned, or about to be.
                if (!in_grace.is_empty() || !stale.is_empty()) && self.is_asked(&log, stage).await? {
                    loses.push(LosesOf { workflow: log.clone(), stage, in_grace, stale });
                }
            }
        }
        Ok(Leaving { person, grace: stands_in.map(|_| grace_end(on)), loses })
    }

    async fn is_asked(&self, log: &LogName, stage: Stage) -> Result<bool, Refused> {
        let in_force = self.in_force(log).await?.map(|r| r.stage);
        Ok(stage == Stage::Production || in_force == Some(Stage::Owned))
    }

    async fn gathered(&self, log: &LogName) -> Result<Option<Gathered>, Refused> {
        let Ok((handle, served)) = self.submitted(log.as_str()) else { return Ok(None) };
        self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await.map(Some)
    }
}

fn look(spec: &FactorySpec, person: &Person, on: Day, pending: Vec<String>) -> PersonLook {
    let state = if person.from.is_some_and(|from| on < from) {
        PersonState::NotYet
    } else if person.until.is_some_and(|until| until < on) {
        PersonState::Left
    } else if spec.absence(&person.id, on).is_some() {
        PersonState::Away
    } else {
        PersonState::There
    };
    PersonLook {
        id: person.id.clone(),
        name: person.name.clone(),
        side: person.side,
        roles: person.roles.clone(),
        state,
        from: person.from,
        until: person.until,
        deputy: person.deputy.clone(),
        pending,
    }
}

/// The factory without a person who leaves on that day.
fn without(spec: &FactorySpec, id: &str, on: Day) -> FactorySpec {
    let mut without = spec.clone();
    for person in spec.people.iter().filter(|p| p.id == id) {
        without.departures.extend(person.roles.iter().map(|role| Departure {
            person: person.id.clone(),
            side: person.side,
            role: role.clone(),
            last: on,
            deputy: person.deputy.clone(),
        }));
    }
    without.people.retain(|p| p.id != id);
    without
}

/// The first moment after the grace of somebody who leaves on that day.
fn end_of_grace(spec: &FactorySpec, on: Day) -> Result<Time, Refused> {
    let zone = jiff::tz::TimeZone::get(&spec.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    let day = grace_end(on).0.tomorrow().map_err(internal)?;
    Ok(day.to_zoned(zone).map_err(internal)?.timestamp().into())
}

fn states_as(gathered: &Gathered, stage: Stage, factory: &FactorySpec, now: Time) -> Vec<ObligationState> {
    status(&StatusInput {
        workflow: &gathered.workflow,
        factory,
        events: &gathered.events,
        inputs: &gathered.inputs,
        old_elements: &gathered.tables,
        running: &gathered.running,
        now,
        findings: &gathered.findings,
        stage,
    })
}

fn grace_of(states: &[ObligationState], id: &str) -> Vec<(String, String)> {
    let of = |g: &&Grace| g.person == id;
    let with = states.iter().filter(|s| s.grace.iter().any(|g| of(&g)));
    with.map(|s| {
        let why: BTreeSet<String> = s.grace.iter().filter(of).map(ToString::to_string).collect();
        (s.obligation.id.clone(), why.into_iter().collect::<Vec<_>>().join("; "))
    })
    .collect()
}

/// What is settled at a time with these people, and not with those.
fn lost(
    gathered: &Gathered,
    stage: Stage,
    (with, without): (&FactorySpec, &FactorySpec),
    at: Time,
) -> Vec<(String, String)> {
    let before = states_as(gathered, stage, with, at);
    let settled: BTreeSet<&str> =
        before.iter().filter(|s| s.state.is_settled()).map(|s| s.obligation.id.as_str()).collect();
    let after = states_as(gathered, stage, without, at);
    let lost = after.into_iter().filter(|s| !s.state.is_settled() && settled.contains(s.obligation.id.as_str()));
    lost.map(|s| (s.obligation.id, s.why)).collect()
}
