//! The seeded simulation: several nodes, a faulty database, a fake clock. `docs/concepts/fault-model.md` says what may go
//! wrong and what holds all the same. `SEATRIAL_SEEDS=from..to` runs these seeds alone, `SEATRIAL_SOAK=1` many more.

mod checks;
mod db;
mod desk;
mod run;
mod world;

use self::db::Plant;
use self::world::World;
use seatrial_model::Digest;
use seatrial_store::MemoryStore;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use tempfile::TempDir;

/// How many seeds are run in CI.
const SEEDS: u64 = 100;

/// What a run came to.
struct Outcome {
    problems: Vec<String>,
    trace: Vec<String>,
    acts: BTreeMap<String, u64>,
}

impl Outcome {
    fn hash(&self) -> Digest {
        Digest::of(self.trace.join("\n").as_bytes())
    }
}

struct Base {
    dir: TempDir,
    store: MemoryStore,
    runtime: tokio::runtime::Runtime,
}

impl Base {
    fn new() -> Self {
        // Its timers never fire: nobody drives them, and the world's time is another one.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let store = runtime.block_on(desk::delivered(dir.path()));
        Self { dir, store, runtime }
    }

    fn run(&self, seed: u64, plant: Option<Plant>) -> Outcome {
        let _entered = self.runtime.enter();
        desk::write_spec(self.dir.path(), 0);
        let world = World::new(seed, &self.store, self.dir.path(), plant);
        world.begin();
        world.sim.run();
        let mut problems = std::mem::take(&mut world.book().problems);
        if !world.finished.load(Ordering::SeqCst) {
            problems.push("comes_to_rest: the world stands still, and somebody still waits".to_owned());
        }
        Outcome { problems, trace: world.sim.trace(), acts: std::mem::take(&mut world.book().acts) }
    }
}

fn seeds() -> std::ops::Range<u64> {
    if let Ok(asked) = std::env::var("SEATRIAL_SEEDS") {
        let (from, to) = asked.split_once("..").unwrap_or((asked.as_str(), ""));
        let from: u64 = from.parse().unwrap();
        return from..to.parse().unwrap_or(from + 1);
    }
    let soak = std::env::var("SEATRIAL_SOAK").is_ok_and(|v| v == "1");
    0..if soak { 20_000 } else { SEEDS }
}

#[test]
fn whatever_goes_wrong_what_must_hold_holds() {
    let base = Base::new();
    let mut acts: BTreeMap<String, u64> = BTreeMap::new();
    let started = std::time::Instant::now();
    let all = std::env::var("SEATRIAL_SEEDS_ALL").is_ok();
    for seed in seeds() {
        let outcome = base.run(seed, None);
        if all && !outcome.problems.is_empty() {
            println!("seed {seed}: {:#?}", outcome.problems);
            continue;
        }
        if !outcome.problems.is_empty() {
            let shown = std::env::var("SEATRIAL_SEEDS").is_ok();
            let trace = if shown { outcome.trace.join("\n") } else { String::new() };
            panic!(
                "seed {seed}: {:#?}\nreplay: SEATRIAL_SEEDS={seed} cargo test -p seatrial-factory --test it sim::whatever\n{trace}",
                outcome.problems
            );
        }
        outcome.acts.into_iter().for_each(|(act, n)| *acts.entry(act).or_default() += n);
    }
    println!("{} seeds in {:?}: {acts:#?}", seeds().count(), started.elapsed());
}

#[test]
fn the_same_seed_is_the_same_history() {
    let base = Base::new();
    for seed in 0..5 {
        let (one, other) = (base.run(seed, None), base.run(seed, None));
        let differs = one.trace.iter().zip(&other.trace).find(|(a, b)| a != b);
        assert_eq!(one.hash(), other.hash(), "seed {seed}: {differs:?}");
    }
}
