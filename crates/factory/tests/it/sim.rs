//! The seeded simulation: several nodes, a faulty database, a fake clock. `docs/concepts/fault-model.md` says what may go
//! wrong and what holds all the same. `SEATRIAL_SEEDS=from..to` runs these seeds alone, `SEATRIAL_SOAK=1` many more.

mod checks;
mod db;
mod desk;
mod logs;
mod run;
mod world;

use self::db::Plant;
use self::world::World;
use seatrial_model::Digest;
use seatrial_store::MemoryStore;
use std::collections::BTreeMap;
use std::ops::Range;
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

/// The seeds that are asked for: `7`, or `0..1000`.
fn asked() -> Option<Range<u64>> {
    let asked = std::env::var("SEATRIAL_SEEDS").ok()?;
    let (from, to) = asked.split_once("..").unwrap_or((asked.as_str(), ""));
    let from: u64 = from.parse().unwrap();
    Some(from..to.parse().unwrap_or(from + 1))
}

fn seeds() -> Range<u64> {
    let soak = std::env::var("SEATRIAL_SOAK").is_ok_and(|v| v == "1");
    asked().unwrap_or(0..if soak { SEEDS * 100 } else { SEEDS })
}

#[test]
fn whatever_goes_wrong_what_must_hold_holds() {
    let base = Base::new();
    let mut acts: BTreeMap<String, u64> = BTreeMap::new();
    let started = std::time::Instant::now();
    for seed in seeds() {
        let outcome = base.run(seed, None);
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

/// How many seeds a planted bug may take to be found.
const PLANTED_SEEDS: u64 = 60;

/// A bug that is planted is found, by the check that is about it.
#[test]
fn planted_bugs_are_found() {
    let base = Base::new();
    for (plant, check) in [
        (Plant::AckBeforeDurable, "acknowledged_is_there"),
        (Plant::BlindRetry, "not_recorded_is_absent"),
        (Plant::StalePrecondition, "one_winner"),
        (Plant::StopNotReread, "a_stop_holds"),
    ] {
        let found = (0..PLANTED_SEEDS).find(|seed| {
            let outcome = base.run(*seed, Some(plant));
            outcome.problems.iter().any(|problem| problem.starts_with(check))
        });
        println!("{plant:?}: `{check}` finds it with seed {found:?}");
        assert!(found.is_some(), "{plant:?} is not found by `{check}` within {PLANTED_SEEDS} seeds");
    }
}
