//! The embedded store beside what the disk gives: `cargo run --release -p seatrial-store --example durability --
//! [SECONDS] [EVENTS…]`.
//!
//! 1. Events acknowledged a second, at 1, 16, 64 and 256 callers, beside the raw limit: the same bytes appended to a file
//!    in groups of the same size, each group followed by `fdatasync`. Rounds are taken in turn.
//! 2. For each number of events: how long opening takes after an orderly end and after none, proofs a second.
//! 3. Readers beside appends: what they cost each other.
#![expect(clippy::print_stdout, reason = "an example's output is its purpose")]

use seatrial_ledger::proof::{consistency, inclusion};
use seatrial_ledger::{Tile, TileReader};
use seatrial_model::event::TokenRevoked;
use seatrial_model::{Body, Digest, Event, EventId, LogName, Principal, Subject, Time};
use seatrial_store::{
    Batch, OpenLog, Options, ReaderExt as _, SqliteStore, Store as _, StoreError, StoreExt as _, View,
};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// About the size of a decision.
const DECISION: usize = 1_000;

/// Of the stores that are opened and proved from.
const SMALL: usize = 60;

/// Callers side by side.
const CALLERS: [u64; 4] = [1, 16, 64, 256];

/// How often each pair is measured.
const ROUNDS: usize = 3;

/// Proofs of each kind.
const PROOFS: u64 = 20_000;

/// Opened so often; the median is told.
const OPENED: usize = 9;

/// Of these, as after `kill -9`: each takes a copy.
const COPIED: usize = 3;

fn event(log: &LogName, bytes: usize) -> Event {
    Event {
        v: 1,
        id: EventId::new(uuid::Uuid::now_v7()),
        time: Time::from_millis(1_795_427_751_120),
        log: log.clone(),
        simulation: false,
        actor: Principal::system(),
        subject: Subject::default(),
        spec: None,
        release: None,
        evidence: Vec::new(),
        payloads: BTreeMap::new(),
        people: None,
        body: Body::TokenRevoked(TokenRevoked { token: "x".repeat(bytes) }),
    }
}

fn log() -> Outcome<LogName> {
    Ok("bench".parse()?)
}

async fn made(dir: &Path) -> Outcome<SqliteStore> {
    let store = SqliteStore::create(dir, Options::default())?;
    let name = log()?;
    let first = Box::new(move |_: &str| Batch::of(event(&name, SMALL)));
    store.open_log(&log()?, OpenLog { origin: "bench/bench".to_owned(), first }).await?;
    Ok(store)
}

/// Beside the build, not in a temporary folder that may be in memory.
fn folder() -> Outcome<tempfile::TempDir> {
    Ok(tempfile::tempdir_in("target")?)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let sizes: Vec<u64> = arguments.map(|text| text.parse()).collect::<Result<_, _>>()?;
    appends(Duration::from_secs(seconds)).await?;
    for size in sizes {
        opened(size).await?;
    }
    reads(Duration::from_secs(seconds)).await
}

/// Appends until the time is over; gives events and commits.
async fn append(callers: u64, time: Duration) -> Outcome<(u64, u64, f64)> {
    let dir = folder()?;
    let store = Arc::new(made(dir.path()).await?);
    let (name, before, began) = (log()?, store.commits(), Instant::now());
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (store, name) = (Arc::clone(&store), name.clone());
            tokio::spawn(async move {
                let mut events = 0;
                while began.elapsed() < time {
                    store.append(&name, Batch::of(event(&name, DECISION))).await?;
                    events += 1;
                }
                Ok::<u64, StoreError>(events)
            })
        })
        .collect();
    let mut events = 0;
    for task in tasks {
        events += task.await??;
    }
    let (seconds, commits) = (began.elapsed().as_secs_f64(), store.commits() - before);
    store.close().await?;
    Ok((events, commits, seconds))
}

/// The same events, as bytes of a file, so many with each `fdatasync`; gives events a second.
fn raw(group: u64, time: Duration) -> Outcome<f64> {
    let dir = folder()?;
    let one = event(&log()?, DECISION).leaf()?;
    let bytes = one.repeat(usize::try_from(group)?);
    let mut file = File::create(dir.path().join("raw"))?;
    let (mut events, began) = (0, Instant::now());
    while began.elapsed() < time {
        file.write_all(&bytes)?;
        file.sync_data()?;
        events += group;
    }
    Ok(f64::from(u32::try_from(events)?) / began.elapsed().as_secs_f64())
}

async fn appends(time: Duration) -> Outcome<()> {
    println!("| callers | events/s acknowledged | events a commit | raw: events/s in such groups | ratio |");
    println!("|---|---|---|---|---|");
    for callers in CALLERS {
        let (mut rates, mut groups, mut raws, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (events, commits, seconds) = append(callers, time).await?;
            let group = (events as f64 / commits as f64).max(1.0);
            let limit = raw(group.round() as u64, time)?;
            let rate = events as f64 / seconds;
            rates.push(rate);
            groups.push(group);
            raws.push(limit);
            ratios.push(rate / limit);
        }
        let [rate, group, limit, ratio] = [rates, groups, raws, ratios].map(median);
        println!("| {callers} | {rate:.0} | {group:.1} | {limit:.0} | {ratio:.2} |");
    }
    Ok(())
}

/// A log's tiles, read each time.
struct Tiles<'a>(&'a dyn View);

impl TileReader for Tiles<'_> {
    fn tile(&self, level: u8, n: u64, _: u16) -> Result<Vec<Digest>, String> {
        let bytes = self.0.tile(level, n).map_err(|e| e.to_string())?.ok_or("it is not there")?;
        Tile::from_bytes(level, n, &bytes).map(|tile| tile.hashes).map_err(|e| e.to_string())
    }
}

/// Places spread over a log.
fn spread(n: u64, size: u64) -> u64 {
    (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) % size
}

async fn opened(size: u64) -> Outcome<()> {
    let dir = folder()?;
    let (name, began) = (log()?, Instant::now());
    let store = made(dir.path()).await?;
    for first in (1..size).step_by(2_000) {
        let events = (first..size.min(first + 2_000)).map(|_| event(&name, SMALL)).collect();
        store.append(&name, Batch { events, ..Batch::default() }).await?;
    }
    let filled = began.elapsed().as_secs_f64();
    let (inclusions, consistencies) = store
        .read_with(&name, move |view| {
            let run = |prove: &dyn Fn(u64) -> bool| {
                let began = Instant::now();
                let proved = (0..PROOFS).filter(|n| prove(spread(*n, size))).count();
                if proved as u64 == PROOFS { PROOFS as f64 / began.elapsed().as_secs_f64() } else { f64::NAN }
            };
            let tiles = Tiles(view);
            let each = run(&|n| inclusion(&tiles, n, size).is_ok());
            Ok((each, run(&|n| consistency(&tiles, n + 1, size).is_ok())))
        })
        .await?;
    store.close().await?;
    drop(store);
    let (mut orderly, mut not) = (Vec::new(), Vec::new());
    for _ in 0..OPENED {
        let began = Instant::now();
        let store = SqliteStore::open(dir.path(), Options::default())?;
        orderly.push(began.elapsed().as_secs_f64() * 1e3);
        store.close().await?;
        drop(store);
        if not.len() >= COPIED {
            continue;
        }
        // As after `kill -9`: a copy taken while an owner is at work, with entries that nobody signed.
        let copy = folder()?;
        let store = SqliteStore::open(dir.path(), Options::default())?;
        for _ in 0..500 {
            store.append(&name, Batch::of(event(&name, SMALL))).await?;
        }
        copy_store(dir.path(), copy.path())?;
        let began = Instant::now();
        let again = SqliteStore::open(copy.path(), Options::default())?;
        not.push(began.elapsed().as_secs_f64() * 1e3);
        if again.recovered().is_none() {
            return Err("the copy was closed in an orderly way".into());
        }
        drop(again);
        store.close().await?;
    }
    let (orderly, not) = (median(orderly), median(not));
    println!(
        "{size} events (filled in {filled:.0} s): opened in {orderly:.1} ms, after `kill -9` in {not:.1} ms; \
         {inclusions:.0} inclusion and {consistencies:.0} consistency proofs a second, one thread"
    );
    Ok(())
}

fn copy_store(from: &Path, to: &Path) -> Outcome<()> {
    std::fs::create_dir_all(to)?;
    let mut entries = std::fs::read_dir(from)?.collect::<Result<Vec<_>, _>>()?;
    // The remembered checkpoints first: an older one beside a newer database is what a crash may leave.
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_store(&entry.path(), &target)?;
        } else if !entry.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Appends by 16 callers: alone, and beside as many readers as there are threads for them, that never pause.
async fn reads(time: Duration) -> Outcome<()> {
    let mut ratios = Vec::new();
    let mut scanned = Vec::new();
    for _ in 0..ROUNDS {
        let (events, _, seconds) = append(16, time).await?;
        let (beside, entries) = append_beside_readers(time).await?;
        ratios.push(beside / (events as f64 / seconds));
        scanned.push(entries);
    }
    let (ratio, entries) = (median(ratios), median(scanned));
    println!(
        "16 callers beside 4 readers that never pause ({entries:.0} entries/s read): {ratio:.2} of the appends alone"
    );
    Ok(())
}

async fn append_beside_readers(time: Duration) -> Outcome<(f64, f64)> {
    let dir = folder()?;
    let (store, name) = (Arc::new(made(dir.path()).await?), log()?);
    let (over, entries) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (store, name) = (Arc::clone(&store), name.clone());
            let (over, entries) = (Arc::clone(&over), Arc::clone(&entries));
            tokio::spawn(async move {
                let mut from = 0;
                while !over.load(Ordering::Relaxed) {
                    let read = store.read_with(&name, move |view| view.entries(from, 1_000)).await?.len() as u64;
                    entries.fetch_add(read, Ordering::Relaxed);
                    from = if read < 1_000 { 0 } else { from + read };
                }
                Ok::<(), StoreError>(())
            })
        })
        .collect();
    let began = Instant::now();
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let (store, name) = (Arc::clone(&store), name.clone());
            tokio::spawn(async move {
                let mut events = 0_u64;
                while began.elapsed() < time {
                    store.append(&name, Batch::of(event(&name, DECISION))).await?;
                    events += 1;
                }
                Ok::<u64, StoreError>(events)
            })
        })
        .collect();
    let mut events = 0;
    for caller in callers {
        events += caller.await??;
    }
    let seconds = began.elapsed().as_secs_f64();
    over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await??;
    }
    store.close().await?;
    Ok((events as f64 / seconds, entries.load(Ordering::Relaxed) as f64 / seconds))
}
