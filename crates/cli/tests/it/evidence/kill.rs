//! `kill -9` of the server under load: no acknowledged decision is missing afterwards.

use super::yard::{Client, WORKFLOW, Yard};
use super::{Draws, soak};
use crate::support::HANA;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Applications that call side by side.
const CALLERS: usize = 8;

/// How often the long version kills.
const KILLS_LONG: usize = 200;

/// Of so many kills, one is followed by a check of everything that there is; after each, what the killed server had
/// acknowledged is asked for.
const VERIFY_EVERY: usize = 10;

/// Each acknowledged decision, with its verdict.
type Acknowledged = BTreeMap<String, String>;

/// The callers of one life of the server.
struct Load {
    known: Arc<Mutex<Acknowledged>>,
    over: Arc<AtomicBool>,
    unanswered: Arc<AtomicUsize>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Load {
    fn start(client: &Client, next: &Arc<AtomicUsize>) -> Self {
        let known: Arc<Mutex<Acknowledged>> = Arc::default();
        let (over, unanswered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let threads = (0..CALLERS).map(|_| {
            let (client, next, known) = (client.clone(), Arc::clone(next), Arc::clone(&known));
            let (over, unanswered) = (Arc::clone(&over), Arc::clone(&unanswered));
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    match client.decide(next.fetch_add(1, Ordering::Relaxed)) {
                        Some(answer) => {
                            let verdict = answer.verdict.unwrap_or_else(|| panic!("{:?}", answer.body));
                            known.lock().unwrap().insert(answer.decision.unwrap(), verdict);
                        }
                        // The server is gone, with this request under way.
                        None => {
                            unanswered.fetch_add(1, Ordering::Relaxed);
                            return;
                        }
                    }
                }
            })
        });
        let threads = threads.collect();
        Self { known, over, unanswered, threads }
    }

    fn wait_for(&self, count: usize) {
        let began = Instant::now();
        while self.known.lock().unwrap().len() < count {
            assert!(began.elapsed() < Duration::from_secs(120), "the server does not answer");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn end(self) -> (Acknowledged, usize) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let known = std::mem::take(&mut *self.known.lock().unwrap());
        (known, self.unanswered.load(Ordering::Relaxed))
    }
}

fn check_served(client: &Client, known: &Acknowledged) {
    for (decision, verdict) in known {
        let answer = client.decision(decision).unwrap_or_else(|| panic!("no answer about {decision}"));
        assert_eq!((answer.status, answer.body["decision"].as_str()), (200, Some(decision.as_str())), "{answer:?}");
        assert_eq!(answer.body["verdict"].as_str(), Some(verdict.as_str()), "{answer:?}");
    }
}

/// The store verifies as it lies there; gives how many decisions it has, and how many entries are not signed yet.
fn check_verified(yard: &Yard) -> (u64, u64) {
    let (code, report) = yard.verify();
    assert_eq!((code, report["verified"].as_bool()), (0, Some(true)), "{report:#}");
    let log = report["logs"].as_array().unwrap().iter().find(|l| l["log"] == WORKFLOW).unwrap();
    let count = |name: &str| log[name].as_u64().unwrap();
    assert_eq!(count("verdicts_recomputed"), count("decisions"), "{log:#}");
    assert_eq!(count("findings_recomputed"), count("decisions"), "{log:#}");
    (count("decisions"), count("unsigned"))
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let kills = if soak() { KILLS_LONG } else { 3 };
    let yard = Yard::new();
    let mut draws = Draws(20);
    let next = Arc::new(AtomicUsize::new(1_000));
    let mut known = Acknowledged::new();
    let (before, _) = check_verified(&yard);
    let (mut unsigned_total, mut unanswered_total) = (0, 0);
    let mut served = yard.serve();
    for kill in 1..=kills {
        let load = Load::start(&served.client(), &next);
        // At another moment each time: after some acknowledgements, and a little later.
        load.wait_for(5 + draws.below(100));
        std::thread::sleep(Duration::from_micros(draws.next() % 30_000));
        served.end("-KILL");
        let (acknowledged, unanswered) = load.end();
        let unsigned = if kills < VERIFY_EVERY || kill % VERIFY_EVERY == 0 { check_verified(&yard).1 } else { 0 };
        served = yard.serve();
        check_served(&served.client(), &acknowledged);
        eprintln!("kill {kill}: {} acknowledged, {unanswered} unanswered, {unsigned} unsigned", acknowledged.len());
        unsigned_total += unsigned;
        unanswered_total += unanswered;
        known.extend(acknowledged);
    }
    check_served(&served.client(), &known);
    assert_eq!(served.end("-TERM"), Some(0));

    let (decisions, unsigned) = check_verified(&yard);
    assert_eq!(unsigned, 0, "an orderly end signs all");
    let recorded = recorded(&yard);
    assert_eq!(recorded.len() as u64, decisions, "each once");
    assert!(known.keys().all(|id| recorded.contains(id)));
    assert!(decisions >= before + known.len() as u64);
    for log in [WORKFLOW, "factory"] {
        assert_eq!(yard.events_of(log, "node.recovered/1"), kills, "{log}");
    }
    let rebuilt = yard.run_as(HANA, &["log", "rebuild", "--format", "json"]).exits(0).json();
    assert!(rebuilt.as_array().unwrap().iter().all(|l| l["identical"] == true), "{rebuilt}");
    eprintln!(
        "kills {kills}, decisions acknowledged {}, recorded {} (of them answered to nobody {}), requests cut off \
         {unanswered_total}, entries unsigned at a kill, where counted, {unsigned_total}, verdicts recomputed {decisions}, lost 0",
        known.len(),
        decisions - before,
        decisions - before - known.len() as u64,
    );
}

fn recorded(yard: &Yard) -> BTreeSet<String> {
    let database = yard.database();
    let mut statement = database.prepare("SELECT bytes FROM events").unwrap();
    let rows = statement.query_map([], |r| r.get::<_, Vec<u8>>(0)).unwrap();
    let events = rows.map(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes.unwrap()).unwrap());
    let made = events.filter(|e| e["kind"] == "decision.made/1");
    made.map(|e| e["body"]["decision"].as_str().unwrap().to_owned()).collect()
}
