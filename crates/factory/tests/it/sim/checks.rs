//! What must hold, whatever went wrong. Each has a name; `docs/concepts/fault-model.md` says the same in words.

use super::db::Db;
use super::desk::{PER_DAY, WORKFLOW, providers};
use super::world::{World, log};
use seatrial_factory::{Factory, OpenOptions};
use seatrial_ledger::{Checkpoint, Frontier, Note};
use seatrial_model::{Action, Body, Digest, Event, EventId, LogName, Stage};
use seatrial_store::{Payload, Reader as _, ReaderExt as _, Store as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything that is looked at when the world has come to rest.
pub async fn at_the_end(world: &World) {
    let events = world.db.events(&log());
    let mut found = Vec::new();
    acknowledged_is_there(&world.db, &mut found);
    not_recorded_is_absent(&world.db, &mut found);
    refused_is_absent(world, &events, &mut found);
    one_history(&world.db, &mut found).await;
    rows_are_the_fold(&world.db, &mut found).await;
    one_chain_of_checkpoints(&world.db, &mut found);
    a_stop_holds(world, &events, &mut found);
    released_alone_is_served(&events, &mut found);
    answered_once(&events, &mut found);
    one_winner(&events, &mut found);
    the_ceiling_holds(&events, &mut found);
    one_decision_per_key(world, &events, &mut found);
    readiness_is_a_fold(world, &mut found).await;
    world.book().problems.extend(found);
}

/// What was acknowledged is there, where it was said to be.
pub fn acknowledged_is_there(db: &Db, found: &mut Vec<String>) {
    for (log, committed) in db.acknowledged() {
        for (at, id) in (committed.first_index..).zip(committed.events) {
            let there = db.look(&log, move |view| view.event_index(id)).unwrap();
            if there != Some(at) {
                found.push(format!("acknowledged_is_there: an event of `{log}` at {at} is at {there:?}"));
            }
        }
    }
}

/// What was answered to be not recorded is not there.
pub fn not_recorded_is_absent(db: &Db, found: &mut Vec<String>) {
    for (log, ids, why) in db.denied() {
        for id in ids {
            if let Some(at) = db.look(&log, move |view| view.event_index(id)).unwrap() {
                found.push(format!("not_recorded_is_absent: entry {at} of `{log}` is there, and it was said: {why}"));
            }
        }
    }
}

/// What a person was told to be not recorded is not there either; acts have reasons that say which they are.
fn refused_is_absent(world: &World, events: &[(u64, Event)], found: &mut Vec<String>) {
    let refused = world.book().refused.clone();
    for (at, event) in events {
        let Some(commitment) = event.payloads.get("reason").copied() else { continue };
        let reason = world.db.look(&log(), move |view| view.payload(&commitment)).unwrap();
        let Some(held) = reason.and_then(Payload::held) else { continue };
        if refused.contains(&String::from_utf8_lossy(&held.bytes).into_owned()) {
            found.push(format!("refused_is_absent: entry {at} (`{}`) was said to be not recorded", event.body.kind()));
        }
    }
}

/// One history without a gap, whose tree and lookups are complete; each event is there once.
pub async fn one_history(db: &Db, found: &mut Vec<String>) {
    for info in db.truth.logs().await.unwrap() {
        let problems = db.truth.check_mirror(&info.log).await.unwrap();
        found.extend(problems.into_iter().map(|p| format!("one_history: {p}")));
        let events = db.events(&info.log);
        let ids: BTreeSet<EventId> = events.iter().map(|(_, e)| e.id).collect();
        let gapless = (0..).zip(&events).all(|(place, (at, _))| place == *at);
        if ids.len() != events.len() || !gapless || events.len() as u64 != info.size {
            found.push(format!("one_history: `{}` has a gap, or an event twice", info.log));
        }
    }
}

/// The rows are what the events fold to.
pub async fn rows_are_the_fold(db: &Db, found: &mut Vec<String>) {
    for name in db.truth.logs().await.unwrap().into_iter().map(|info| info.log) {
        let report = db.truth.check_rows(&name).await.unwrap();
        if !report.identical() {
            found.push(format!("rows_are_the_fold: {} rows of `{name}` differ", report.differences.len()));
        }
    }
}

/// Every checkpoint that was handed out is over a beginning of the one history.
pub fn one_chain_of_checkpoints(db: &Db, found: &mut Vec<String>) {
    let mut leaves: BTreeMap<LogName, Vec<Digest>> = BTreeMap::new();
    for (log, note) in db.notes() {
        let said = Checkpoint::parse(Note::parse(note.as_bytes()).unwrap().text()).unwrap();
        let leaves = leaves.entry(log.clone()).or_insert_with(|| db.leaves(&log));
        let mut tree = Frontier::new();
        tree.extend(leaves.get(..usize::try_from(said.size).unwrap()).unwrap_or_default());
        if (tree.size(), tree.root()) != (said.size, said.root) {
            found.push(format!("one_chain_of_checkpoints: the one of size {} is of another history", said.size));
        }
    }
}

/// Nothing is allowed between a stop and its end; and where a node knew of a stop before a request began, no output
/// leaves there, not even an earlier one.
fn a_stop_holds(world: &World, events: &[(u64, Event)], found: &mut Vec<String>) {
    let mut stopped: Option<u64> = None;
    for (at, event) in events {
        match &event.body {
            Body::WorkflowStopped(_) => stopped = Some(*at),
            Body::WorkflowResumed(_) => stopped = None,
            Body::DecisionMade(made) if stopped.is_some() && made.action == Action::Allow => {
                found.push(format!("a_stop_holds: entry {at} allows, and entry {} stopped it", stopped.unwrap_or(0)));
            }
            _ => {}
        }
    }
    let book = world.book();
    for call in book.calls.iter().filter(|c| c.passed.output.is_some()) {
        let before = |known: &u64| *known < call.began;
        for (_, known) in book.stops.iter().filter(|(node, known)| *node == call.node && before(known)) {
            // Whoever resumed since, or was at it already and was not through, may have ended it.
            let ended = |(began, ended): &(u64, Option<u64>)| *began < call.ended && ended.is_none_or(|e| e > *known);
            if !book.resumes.iter().any(ended) {
                found.push(format!("a_stop_holds: node {} gave an output out, and it knew of a stop", call.node));
            }
        }
    }
}

/// A case is served under a spec that was released before, and by nothing else.
fn released_alone_is_served(events: &[(u64, Event)], found: &mut Vec<String>) {
    let mut cut: BTreeMap<Digest, Option<Digest>> = BTreeMap::new();
    for (at, event) in events {
        match &event.body {
            Body::ReleaseCut(body) => drop(event.subject.release.map(|r| cut.insert(r, Some(body.spec)))),
            Body::DecisionMade(_) => {
                let spec = event.release.and_then(|release| cut.get(&release).copied().flatten());
                if spec.is_none() || spec != event.spec {
                    found.push(format!("released_alone_is_served: entry {at} is of no release"));
                }
            }
            _ => {}
        }
    }
}

/// A review has one answer that counts.
fn answered_once(events: &[(u64, Event)], found: &mut Vec<String>) {
    let mut answered = BTreeSet::new();
    for (at, event) in events {
        if let Body::ReviewAnswered(body) = &event.body
            && body.usable
            && !answered.insert(body.review)
        {
            found.push(format!("answered_once: entry {at} answers a review that was answered"));
        }
    }
}

/// Of those who acted on the same state one wins: nothing that is stopped is stopped again, each stop is ended once, and
/// nothing lapses twice.
fn one_winner(events: &[(u64, Event)], found: &mut Vec<String>) {
    let (mut stop, mut releases): (Option<EventId>, BTreeSet<Digest>) = (None, BTreeSet::new());
    for (at, event) in events {
        let wrong = match &event.body {
            Body::WorkflowStopped(_) => stop.replace(event.id).map(|_| "stops what is stopped"),
            Body::WorkflowResumed(body) => (stop.take() != Some(body.stop)).then_some("ends a stop that was over"),
            Body::ReleaseCut(_) => {
                let again = event.subject.release.is_some_and(|release| !releases.insert(release));
                again.then_some("cuts a release that was cut")
            }
            _ => None,
        };
        found.extend(wrong.map(|what| format!("one_winner: entry {at} {what}")));
    }
}

/// A pilot lets no more cases a day through than its terms say.
fn the_ceiling_holds(events: &[(u64, Event)], found: &mut Vec<String>) {
    let mut days: BTreeMap<i64, u64> = BTreeMap::new();
    for (_, event) in events {
        if let Body::DecisionMade(made) = &event.body
            && made.action == Action::Allow
        {
            *days.entry(event.time.as_millis() / 86_400_000).or_default() += 1;
        }
    }
    if let Some((_, most)) = days.iter().find(|(_, n)| **n > PER_DAY) {
        found.push(format!("the_ceiling_holds: {most} cases passed in a day, and {PER_DAY} may"));
    }
}

/// An idempotency key has one decision, on whichever nodes it was asked.
fn one_decision_per_key(world: &World, events: &[(u64, Event)], found: &mut Vec<String>) {
    for (key, decisions) in &world.book().keys {
        if decisions.len() > 1 {
            found.push(format!("one_decision_per_key: `{key}` was answered with {} decisions", decisions.len()));
        }
        let ask = events.iter().find_map(|(_, e)| match &e.body {
            Body::DecisionMade(made) if decisions.contains(&made.decision) => Some(made.ask.clone()),
            _ => None,
        });
        let made =
            events.iter().filter(|(_, e)| matches!(&e.body, Body::DecisionMade(m) if Some(&m.ask) == ask.as_ref()));
        let made = made.count();
        if made > 1 {
            found.push(format!("one_decision_per_key: `{key}` has {made} decisions in the log"));
        }
    }
}

/// Every node says of readiness what one says that has nothing but the events.
async fn readiness_is_a_fold(world: &World, found: &mut Vec<String>) {
    let fresh = Arc::new(world.db.truth.fork());
    for name in [log(), LogName::factory()] {
        fresh.rebuild(&name).await.unwrap();
    }
    let options = OpenOptions {
        root: world.root.clone(),
        store: fresh.clone(),
        providers: Arc::new(providers()),
        clock: Box::new(world.clock(0)),
    };
    let fresh = Factory::open(options).await.unwrap();
    let wanted = said(&fresh).await;
    for (node, factory) in world.factories() {
        let says = said(&factory).await;
        for (says, wanted) in says.iter().zip(&wanted).filter(|(a, b)| a != b) {
            found.push(format!("readiness_is_a_fold: node {node} says `{says}`, and the events say `{wanted}`"));
        }
    }
}

/// What a node says of the desk: what is in force, what is stopped, and how each obligation stands.
async fn said(factory: &Factory) -> Vec<String> {
    let standing = factory.standing(WORKFLOW, Stage::Pilot).await.unwrap();
    let mut all = vec![format!("in force {:?}", standing.in_force.as_ref().map(|r| r.release))];
    all.extend(standing.states.iter().map(|s| format!("{} {} {}", s.obligation.id, s.state, s.key)));
    let summary = factory.summary(WORKFLOW).await.unwrap();
    all.push(format!("stops {:?} open {} size {}", summary.stopped, summary.reviews_open, summary.log_size));
    let size = factory.store().size(&log()).await.unwrap();
    all.push(format!("{size}"));
    all
}
