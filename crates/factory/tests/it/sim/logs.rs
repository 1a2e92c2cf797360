//! The same database without a factory over it: several clients append, compare and set, sign, crash and stand still.
//! Small enough for thousands of seeds.

use super::checks;
use super::db::{Db, Faults, NodeStore, Plant};
use super::run::{Owner, Sim};
use futures_util::future::FutureExt as _;
use seatrial_model::event::{LogOpened, TokenIssued, TokenKind};
use seatrial_model::words::FactoryKind;
use seatrial_model::{Body, Digest, Event, EventId, LogName, Principal, Subject, Time};
use seatrial_store::{
    Batch, KeySource, MemoryStore, OpenLog, ProjectError, Projector, ReaderExt as _, Rows, Seed, Store, StoreExt as _,
    TransactError,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

const CLIENTS: usize = 3;
/// Acts of one run.
const ACTS: u64 = 60;
/// Runs in CI.
const SEEDS: u64 = 2_000;

/// Keeps what was set last.
struct Register;

impl Projector for Register {
    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, index: u64, event: &Event, rows: &mut dyn Rows) -> Result<(), ProjectError> {
        if let Body::TokenIssued(issued) = &event.body {
            rows.put("events", &index.to_be_bytes(), issued.token.as_bytes())?;
            if issued.principal == "set" {
                rows.put("register", b"value", &index.to_be_bytes())?;
            }
        }
        Ok(())
    }
}

fn log() -> LogName {
    "desk".parse().unwrap()
}

fn event(number: u64, body: Body) -> Event {
    Event {
        v: 1,
        id: EventId::new(uuid::Uuid::from_u64_pair(0x019a_0000_0000_7000, 0x8000_0000_0000_0000 | number)),
        time: Time::from_millis(1_795_427_751_120),
        log: log(),
        simulation: true,
        actor: Principal::system(),
        subject: Subject::default(),
        spec: None,
        release: None,
        evidence: Vec::new(),
        payloads: BTreeMap::new(),
        people: None,
        body,
    }
}

fn base() -> MemoryStore {
    let store = MemoryStore::new(Arc::new(Register), KeySource::Seed(Seed([7; 32])));
    let opening = OpenLog {
        origin: "sim/desk".to_owned(),
        first: Box::new(|key| {
            let (factory, kind) = ("sim".to_owned(), FactoryKind::Simulation);
            let (origin, key) = ("sim/desk".to_owned(), key.to_owned());
            Batch::of(event(0, Body::LogOpened(LogOpened { origin, key, factory, kind })))
        }),
    };
    store.open_log(&log(), opening).now_or_never().unwrap().unwrap();
    store
}

struct Clients {
    sim: Sim,
    db: Arc<Db>,
    /// Each client's store, and which of its lives it is in.
    stores: Mutex<Vec<(Arc<NodeStore>, u32)>>,
    number: AtomicU64,
    problems: Mutex<Vec<String>>,
    finished: AtomicBool,
}

impl Clients {
    fn number(&self) -> u64 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    fn issued(&self, token: String, principal: &str) -> Event {
        let body = TokenIssued {
            token,
            kind: TokenKind::Caller,
            principal: principal.to_owned(),
            steps: Vec::new(),
            expires: Time::from_millis(2_000_000_000_000),
        };
        event(self.number(), Body::TokenIssued(body))
    }

    /// A few events that belong together.
    async fn append(&self, store: &NodeStore) {
        let (group, of) = (self.number(), 1 + self.sim.below(3));
        let events = (0..of).map(|place| self.issued(format!("{group}/{place}/{of}"), "part")).collect();
        let Ok(committed) = store.append(&log(), Batch { events, ..Batch::default() }).await else { return };
        if let Ok(size) = store.size(&log()).await
            && size < committed.size
        {
            let what = format!("reads_its_own: {size} entries are read, {} were acknowledged", committed.size);
            self.problems.lock().unwrap().push(what);
        }
    }

    /// Sets the register where it is still what was read before.
    async fn set(&self, store: &NodeStore) {
        let Ok(was) = store.row(&log(), "register", b"value").await else { return };
        self.sim.sleep(self.sim.below(20)).await;
        let event = self.issued(format!("{was:?}"), "set");
        let log = log();
        let set = store.transact_with::<(), (), _>(&log, move |view| {
            if view.row("register", b"value")? != was {
                return Err(TransactError::Refused(()));
            }
            Ok((Batch::of(event), ()))
        });
        drop(set.await);
    }

    fn act(self: &Arc<Self>) {
        let client = usize::try_from(self.sim.below(CLIENTS as u64)).unwrap();
        let (store, life) = self.stores.lock().unwrap()[client].clone();
        let (all, act) = (Arc::clone(self), self.sim.below(100));
        match act {
            0..=4 => {
                store.lives().store(false, Ordering::SeqCst);
                self.sim.end(Owner::Node(client, life));
                self.sim.note(format!("crash {client}"));
                self.stores.lock().unwrap()[client] = (Arc::new(NodeStore::new(&self.db, client)), life + 1);
                return;
            }
            5..=9 => {
                self.sim.pause(client, true);
                let ms = self.sim.below(600);
                self.sim.spawn(Owner::Wire, async move {
                    all.sim.sleep(ms).await;
                    all.sim.pause(client, false);
                });
                return;
            }
            10 => return self.db.go_down(self.sim.below(200)),
            _ => {}
        }
        self.sim.spawn(Owner::Node(client, life), async move {
            match act {
                11..=49 => all.append(&store).await,
                50..=89 => all.set(&store).await,
                _ => drop(store.sign_now(&log()).await),
            }
        });
    }
}

/// A group of events is there whole or not at all, in one piece.
fn together(events: &[(u64, Event)], found: &mut Vec<String>) {
    let mut at = 0;
    while let Some((index, event)) = events.get(at) {
        at += 1;
        let Body::TokenIssued(first) = &event.body else { continue };
        let parts: Vec<&str> = first.token.split('/').collect();
        let [group, place, of] = parts.as_slice() else { continue };
        let of: usize = of.parse().unwrap();
        let whole = *place == "0"
            && (1..of).all(|next| {
                let wanted = format!("{group}/{next}/{of}");
                matches!(events.get(at + next - 1), Some((_, Event { body: Body::TokenIssued(t), .. })) if t.token == wanted)
            });
        if !whole {
            found.push(format!("together: entry {index} is a part of what is not there"));
        }
        at += of - 1;
    }
}

/// Of those who read the same value one sets the next.
fn one_setter(events: &[(u64, Event)], found: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for (index, event) in events {
        if let Body::TokenIssued(set) = &event.body
            && set.principal == "set"
            && !seen.insert(set.token.clone())
        {
            found.push(format!("one_setter: entry {index} sets what another had set"));
        }
    }
}

fn run(base: &MemoryStore, seed: u64, plant: Option<Plant>) -> (Vec<String>, Digest) {
    let sim = Sim::new(seed);
    let db = Db::new(&sim, base, CLIENTS, plant);
    let stores = (0..CLIENTS).map(|client| (Arc::new(NodeStore::new(&db, client)), 0)).collect();
    let clients = Arc::new(Clients {
        sim: sim.clone(),
        db: Arc::clone(&db),
        stores: Mutex::new(stores),
        number: AtomicU64::new(1),
        problems: Mutex::default(),
        finished: AtomicBool::default(),
    });
    let world = Arc::clone(&clients);
    sim.spawn(Owner::World, async move {
        world.db.set_faults(Faults::SOME);
        for _ in 0..ACTS {
            world.act();
            world.sim.sleep(world.sim.below(40)).await;
        }
        world.db.set_faults(Faults::NONE);
        (0..CLIENTS).for_each(|client| world.sim.pause(client, false));
        world.sim.sleep(2_000).await;
        world.finished.store(true, Ordering::SeqCst);
    });
    sim.run();
    let mut found = std::mem::take(&mut *clients.problems.lock().unwrap());
    if !clients.finished.load(Ordering::SeqCst) {
        found.push("comes_to_rest: somebody still waits".to_owned());
    }
    checks::acknowledged_is_there(&db, &mut found);
    checks::not_recorded_is_absent(&db, &mut found);
    checks::one_history(&db, &mut found).now_or_never().unwrap();
    checks::rows_are_the_fold(&db, &mut found).now_or_never().unwrap();
    checks::one_chain_of_checkpoints(&db, &mut found);
    let events = db.events(&log());
    together(&events, &mut found);
    one_setter(&events, &mut found);
    (found, Digest::of(sim.trace().join("\n").as_bytes()))
}

fn seeds() -> u64 {
    let soak = std::env::var("SEATRIAL_SOAK").is_ok_and(|v| v == "1");
    if soak { SEEDS * 100 } else { SEEDS }
}

#[test]
fn a_store_keeps_its_promises_whatever_goes_wrong() {
    let base = base();
    let started = std::time::Instant::now();
    for seed in super::asked().unwrap_or(0..seeds()) {
        let (found, _) = run(&base, seed, None);
        assert!(
            found.is_empty(),
            "seed {seed}: {found:#?}\nreplay: SEATRIAL_SEEDS={seed} cargo test -p seatrial-factory --test it sim::logs::a_store"
        );
    }
    println!("{} seeds in {:?}", seeds(), started.elapsed());
}

#[test]
fn the_same_seed_is_the_same_log() {
    let base = base();
    for seed in 0..50 {
        assert_eq!(run(&base, seed, None).1, run(&base, seed, None).1, "seed {seed}");
    }
}

#[test]
fn a_store_that_breaks_its_promises_is_found() {
    let base = base();
    for (plant, check) in [
        (Plant::AckBeforeDurable, "acknowledged_is_there"),
        (Plant::BlindRetry, "not_recorded_is_absent"),
        (Plant::StalePrecondition, "one_setter"),
        (Plant::Torn, "together"),
        (Plant::ReadsBehind, "reads_its_own"),
    ] {
        let found = (0..200).find(|seed| run(&base, *seed, Some(plant)).0.iter().any(|p| p.starts_with(check)));
        println!("{plant:?}: `{check}` finds it with seed {found:?}");
        assert!(found.is_some(), "{plant:?} is not found by `{check}`");
    }
}
