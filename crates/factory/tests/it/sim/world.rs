//! Nodes of one factory over one database, and what people and callers do on them, as the seed draws it.

use super::db::{Db, Faults, NodeStore, Plant};
use super::desk::{self, APPROVALS, STEP, WORKFLOW};
use super::run::{Owner, Sim};
use crate::support::shop;
use seatrial_factory::api::{Again, Caller, Held, Passage, PassageEntry, Passed, Refused, ReviewAnswerInput};
use seatrial_factory::{Clock, Factory, OpenOptions, ReviewFilter};
use seatrial_model::{Answer, Body, DecisionId, LogName, Stage, Time};
use seatrial_store::{Commit, MemoryStore, Store as _};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::broadcast;

pub const NODES: usize = 3;
/// 2026-11-23T10:00:00Z, as the desk was delivered.
const MORNING_MS: i64 = 1_795_428_000_000;
/// A call, an answer, a stop …: so many a run.
const ACTS: u64 = 40;
/// How much later than the delivery a run begins.
const LATER_MS: i64 = 3_600_000;

/// A node's clock: the world's time, and what this machine makes of it.
#[derive(Clone)]
pub struct NodeClock {
    sim: Sim,
    pub skew: Arc<AtomicI64>,
}

impl Clock for NodeClock {
    fn now(&self) -> Time {
        let now = i64::try_from(self.sim.now()).unwrap();
        Time::from_millis(MORNING_MS + LATER_MS + now + self.skew.load(Ordering::Relaxed))
    }
}

/// A call that was answered.
pub struct Call {
    pub node: usize,
    pub began: u64,
    pub ended: u64,
    pub passed: Passed,
}

/// What the world knows besides what is in the log.
#[derive(Default)]
pub struct Book {
    pub calls: Vec<Call>,
    /// By node: since when it was known there that the desk is stopped.
    pub stops: Vec<(usize, u64)>,
    /// When somebody began to resume, and was through; none where their node crashed first.
    pub resumes: Vec<(u64, Option<u64>)>,
    pub keys: BTreeMap<String, BTreeSet<DecisionId>>,
    /// The reasons of acts that were answered to be not recorded.
    pub refused: BTreeSet<String>,
    /// How often each act came to something, and to what.
    pub acts: BTreeMap<String, u64>,
    pub problems: Vec<String>,
}

struct Node {
    life: u32,
    factory: Option<Factory>,
    alive: Arc<AtomicBool>,
    clock: NodeClock,
    opening: bool,
}

/// One run.
pub struct World {
    pub sim: Sim,
    pub db: Arc<Db>,
    pub root: PathBuf,
    nodes: Mutex<Vec<Node>>,
    book: Mutex<Book>,
    order: AtomicU64,
    version: AtomicU64,
    pub finished: AtomicBool,
}

pub fn log() -> LogName {
    WORKFLOW.parse().unwrap()
}

impl World {
    pub fn new(seed: u64, base: &MemoryStore, root: &Path, plant: Option<Plant>) -> Arc<Self> {
        let sim = Sim::new(seed);
        let node = |_| Node {
            life: 0,
            factory: None,
            alive: Arc::default(),
            clock: NodeClock { sim: sim.clone(), skew: Arc::default() },
            opening: false,
        };
        Arc::new(Self {
            db: Db::new(&sim, base, NODES, plant),
            root: root.to_owned(),
            nodes: Mutex::new((0..NODES).map(node).collect()),
            book: Mutex::default(),
            order: AtomicU64::new(1),
            version: AtomicU64::new(1),
            finished: AtomicBool::default(),
            sim,
        })
    }

    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    pub fn clock(&self, node: usize) -> NodeClock {
        self.nodes.lock().unwrap()[node].clock.clone()
    }

    pub fn factories(&self) -> Vec<(usize, Factory)> {
        let nodes = self.nodes.lock().unwrap();
        nodes.iter().enumerate().filter_map(|(i, n)| n.factory.clone().map(|f| (i, f))).collect()
    }

    /// The next place in the order of what happened.
    fn tick(&self) -> u64 {
        self.order.fetch_add(1, Ordering::Relaxed)
    }

    /// A reason that no other act has.
    fn reason(&self) -> String {
        format!("reason {}", self.tick())
    }

    /// Notes that an act was refused; not where whether it is there could not be found out.
    fn refused<T>(&self, reason: &str, came: &Result<T, Refused>) {
        let Err(refused) = came else { return };
        if !matches!(refused, Refused::Unsettled(_)) {
            self.book().refused.insert(reason.to_owned());
        }
    }

    fn did(&self, act: &str, came: &str) {
        self.sim.note(format!("{act}: {came}"));
        *self.book().acts.entry(format!("{act}: {came}")).or_default() += 1;
    }

    /// Begins a node's next life: its process starts, and tries until the database lets it.
    fn start(self: &Arc<Self>, node: usize) {
        let (life, alive, store, clock) = {
            let mut nodes = self.nodes.lock().unwrap();
            let it = &mut nodes[node];
            if it.factory.is_some() || it.opening {
                return;
            }
            it.opening = true;
            it.life += 1;
            let store = Arc::new(NodeStore::new(&self.db, node));
            it.alive = store.lives();
            (it.life, Arc::clone(&it.alive), store, it.clock.clone())
        };
        let world = Arc::clone(self);
        self.sim.spawn(Owner::Node(node, life), async move {
            let told = store.subscribe();
            let factory = loop {
                let options = OpenOptions {
                    root: world.root.clone(),
                    store: store.clone(),
                    providers: Arc::new(desk::providers()),
                    clock: Box::new(clock.clone()),
                };
                match Factory::open(options).await {
                    Ok(factory) => break factory,
                    Err(_) => world.sim.sleep(50).await,
                }
            };
            {
                let mut nodes = world.nodes.lock().unwrap();
                if !alive.load(Ordering::SeqCst) {
                    return;
                }
                nodes[node].factory = Some(factory.clone());
                nodes[node].opening = false;
            }
            world.did("start", "up");
            world.follow(node, factory, told).await;
        });
    }

    /// A node takes up what others record, as one that serves does.
    async fn follow(&self, node: usize, factory: Factory, mut told: broadcast::Receiver<Arc<Commit>>) {
        loop {
            let heard = told.recv().await;
            let began = self.tick();
            let stop = match heard {
                Ok(commit) => {
                    factory.take_up(&commit).await;
                    commit.foreign && commit.events.iter().any(|e| matches!(e.body, Body::WorkflowStopped(_)))
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    factory.take_up_all().await;
                    false
                }
                Err(broadcast::error::RecvError::Closed) => return,
            };
            // Where somebody resumed meanwhile, what was read may be newer than the stop.
            let resumed = self.book().resumes.iter().any(|(_, ended)| ended.is_none_or(|e| e >= began));
            if stop && !resumed {
                let known = self.tick();
                self.book().stops.push((node, known));
            }
        }
    }

    pub fn crash(&self, node: usize) {
        let mut nodes = self.nodes.lock().unwrap();
        let it = &mut nodes[node];
        it.alive.store(false, Ordering::SeqCst);
        self.sim.end(Owner::Node(node, it.life));
        (it.factory, it.opening) = (None, false);
        drop(nodes);
        self.did("crash", "down");
    }

    /// The whole run: it begins, things happen and go wrong, everything heals, and everybody comes back.
    pub fn begin(self: &Arc<Self>) {
        let world = Arc::clone(self);
        self.sim.spawn(Owner::World, async move {
            (0..NODES).for_each(|node| world.start(node));
            while world.factories().len() < NODES {
                world.sim.sleep(20).await;
            }
            world.db.set_faults(Faults::SOME);
            for _ in 0..ACTS {
                world.act();
                world.sim.sleep(world.sim.below(60)).await;
            }
            world.db.set_faults(Faults::NONE);
            world.db.go_down(0);
            (0..NODES).for_each(|node| world.sim.pause(node, false));
            (0..NODES).for_each(|node| world.clock(node).skew.store(0, Ordering::Relaxed));
            loop {
                world.sim.sleep(500).await;
                (0..NODES).for_each(|node| world.start(node));
                if world.factories().len() == NODES {
                    break;
                }
            }
            world.sim.sleep(5_000).await;
            // What a node does every minute.
            for (_, factory) in world.factories() {
                factory.tick().await;
            }
            super::checks::at_the_end(&world).await;
            world.finished.store(true, Ordering::SeqCst);
        });
    }

    /// One thing happens.
    fn act(self: &Arc<Self>) {
        let node = usize::try_from(self.sim.below(NODES as u64)).unwrap();
        match self.sim.below(100) {
            0..=3 => return self.crash(node),
            4..=6 => return self.pause(node),
            7..=9 => return self.jump(node),
            10 => return self.db.go_down(self.sim.below(300)),
            11..=19 => return self.start(node),
            _ => {}
        }
        let (factory, life) = {
            let nodes = self.nodes.lock().unwrap();
            let Some(factory) = nodes[node].factory.clone() else { return };
            (factory, nodes[node].life)
        };
        let (world, act) = (Arc::clone(self), self.sim.below(100));
        self.sim.spawn(Owner::Node(node, life), async move {
            match act {
                0..=44 => world.call(node, &factory).await,
                45..=59 => world.answer(&factory).await,
                60..=69 => world.stop(node, &factory).await,
                70..=81 => world.resume(&factory).await,
                82..=86 => world.ship(&factory).await,
                87..=89 => world.approve(&factory).await,
                90..=92 => world.roll_back(&factory).await,
                93..=95 => {
                    let came = factory.store().sign_now(&log()).await.map(drop);
                    world.did("sign", if came.is_ok() { "ok" } else { "failed" });
                }
                _ => drop(factory.tick().await),
            }
        });
    }

    fn pause(self: &Arc<Self>, node: usize) {
        let (world, ms) = (Arc::clone(self), 100 + self.sim.below(1_500));
        self.did("pause", "stands");
        self.sim.pause(node, true);
        self.sim.spawn(Owner::Wire, async move {
            world.sim.sleep(ms).await;
            world.sim.pause(node, false);
        });
    }

    /// A node's clock is put right, or wrong, by up to two minutes.
    fn jump(&self, node: usize) {
        let by = i64::try_from(self.sim.below(240_000)).unwrap() - 120_000;
        self.clock(node).skew.store(by, Ordering::Relaxed);
        self.did("jump", "clock");
    }

    async fn call(&self, node: usize, factory: &Factory) {
        let n = self.sim.below(4);
        let (key, case, text, large) = match self.sim.below(10) {
            0..=3 => (Some(format!("key-{n}")), None, format!("key {n}"), n == 0),
            4..=6 => (None, Some(format!("case-{n}")), format!("case {n}"), n < 2),
            _ => (None, None, format!("another {}", self.sim.below(1_000)), self.sim.in_thousand(300)),
        };
        let passage = Passage {
            workflow: WORKFLOW.to_owned(),
            step: STEP.to_owned(),
            entry: PassageEntry::Run { input: desk::complaint(&text, large) },
            case,
            rehearsal: false,
            again: Again { key: key.clone(), ..Again::default() },
        };
        let began = self.tick();
        let passed = factory.pass(&shop("shop"), passage).await;
        let ended = self.tick();
        let passed = match passed {
            Ok(passed) => passed,
            Err(refused) => return self.did("call", word(&refused)),
        };
        self.did("call", &format!("{}{}", passed.code, if passed.joined { " joined" } else { "" }));
        let (decision, mut book) = (passed.decision, self.book.lock().unwrap());
        if let Some(key) = key {
            book.keys.entry(key).or_default().insert(decision);
        }
        let there = self.db.look(&log(), move |view| view.row("decision", decision.uuid().as_bytes()));
        if there.unwrap().is_none() {
            book.problems.push("decided_before_it_left: an answer was given, and its decision is not there".to_owned());
        }
        book.calls.push(Call { node, began, ended, passed });
    }

    async fn answer(&self, factory: &Factory) {
        let who = self.one_of(factory, &["sue@bank.example", "sam@bank.example", "han@bank.example"]);
        let open = factory.reviews(&who, ReviewFilter { limit: 50, ..ReviewFilter::default() }).await;
        let Some(view) = open.ok().and_then(|open| {
            let place = usize::try_from(self.sim.below(open.len().max(1) as u64)).unwrap();
            open.into_iter().nth(place)
        }) else {
            return;
        };
        let Ok(chain) = factory.decision(&who, view.decision).await else { return };
        let shown = if matches!(chain.output, Held::None) { &chain.input } else { &chain.output };
        let (Held::Text { commitment, .. } | Held::Hidden { commitment }) = shown else { return };
        let own = r#"{"team":"loans","reason":"by hand"}"#.to_owned();
        let (answer, output) = match self.sim.below(3) {
            0 => (Answer::Reject, None),
            _ if view.own => (Answer::Own, Some(own)),
            _ => (Answer::Accept, None),
        };
        let seen = *commitment;
        let input = ReviewAnswerInput { answer, output, reason: "simulated".to_owned(), shown_ms: Some(1_000), seen };
        let came = factory.answer(&who, view.review, input).await;
        self.did("answer", came.as_ref().map_or_else(word, |_| "given"));
    }

    async fn stop(&self, node: usize, factory: &Factory) {
        let who = self.one_of(factory, &["sue@bank.example", "sam@bank.example"]);
        let reason = self.reason();
        let came = factory.stop(&who, WORKFLOW, None, &reason).await;
        self.refused(&reason, &came);
        self.did("stop", came.as_ref().map_or_else(word, |_| "stopped"));
        if let Ok(effect) = came {
            let known = self.tick();
            let resumed = self.resumed(effect.event);
            if !resumed {
                self.book().stops.push((node, known));
            }
        }
    }

    /// Whether a stop is over already, or somebody is about to end it.
    fn resumed(&self, stop: seatrial_model::EventId) -> bool {
        self.db.events(&log()).into_iter().any(|(_, e)| match e.body {
            Body::WorkflowResumed(body) => body.stop == stop,
            _ => false,
        })
    }

    async fn resume(&self, factory: &Factory) {
        let who = self.one_of(factory, &["sue@bank.example", "sam@bank.example"]);
        let began = self.tick();
        let place = {
            let mut book = self.book();
            book.resumes.push((began, None));
            book.resumes.len() - 1
        };
        let reason = self.reason();
        let came = factory.resume(&who, WORKFLOW, None, &reason).await;
        self.refused(&reason, &came);
        let ended = self.tick();
        // Of what came to no answer nobody knows when it comes to be.
        if !matches!(came, Err(Refused::NotRecorded(_) | Refused::Unsettled(_))) {
            self.book().resumes[place].1 = Some(ended);
        }
        self.did("resume", came.as_ref().map_or_else(word, |_| "resumed"));
    }

    /// A new version of the spec, up to its release, as far as it gets.
    async fn ship(&self, factory: &Factory) {
        let dev = factory.local("dev@builder.example").unwrap();
        desk::write_spec(&self.root, self.version.fetch_add(1, Ordering::Relaxed));
        if factory.submit(&dev, Some(WORKFLOW)).await.is_err() {
            return self.did("ship", "not submitted");
        }
        for (who, obligation, role) in APPROVALS {
            if let Err(refused) = desk::approve(factory, who, obligation, role).await {
                return self.did("ship", &format!("{obligation} {}", word(&refused)));
            }
        }
        let lena = factory.local("lena@builder.example").unwrap();
        let came = factory.release(&lena, WORKFLOW, Stage::Pilot, false).await;
        let came = match &came {
            Ok(seatrial_factory::Released::Cut { .. }) => "released",
            Ok(_) => "missing",
            Err(refused) => word(refused),
        };
        self.did("ship", came);
        if came == "released" && self.sim.in_thousand(400) {
            self.sim.sleep(self.sim.below(200)).await;
            self.roll_back(factory).await;
        }
    }

    async fn approve(&self, factory: &Factory) {
        let (who, obligation, role) = APPROVALS[usize::try_from(self.sim.below(3)).unwrap()];
        let came = desk::approve(factory, who, obligation, role).await;
        self.did("approve", came.as_ref().map_or_else(word, |_| "given"));
    }

    async fn roll_back(&self, factory: &Factory) {
        let sue = factory.local("sue@bank.example").unwrap();
        let reason = self.reason();
        let came = factory.rollback(&sue, WORKFLOW, None, &reason).await;
        self.refused(&reason, &came);
        self.did("rollback", came.as_ref().map_or_else(word, |_| "back"));
    }

    fn one_of(&self, factory: &Factory, people: &[&str]) -> Caller {
        let place = usize::try_from(self.sim.below(people.len() as u64)).unwrap();
        factory.local(people[place]).unwrap()
    }
}

/// A refusal in one word.
fn word(refused: &Refused) -> &'static str {
    match refused {
        Refused::Conflict { .. } => "conflict",
        Refused::Changed { .. } => "changed",
        Refused::NotRecorded(_) => "not recorded",
        Refused::Unsettled(_) => "unsettled",
        Refused::Stopped { .. } => "stopped",
        Refused::NotReleased { .. } => "not released",
        Refused::NotFound(_) => "not found",
        Refused::Forbidden(_) => "forbidden",
        Refused::Invalid(_) => "invalid",
        Refused::TooMany { .. } => "too many",
        Refused::Internal(_) => "internal",
        _ => "refused",
    }
}
