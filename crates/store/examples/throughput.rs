//! How many events a second become durable, with 1 and with 64 appenders side by side:
//! `cargo run --release -p seatrial-store --example throughput [SECONDS]`.

use seatrial_model::event::TokenRevoked;
use seatrial_model::{Body, Event, EventId, LogName, Principal, Subject, Time};
use seatrial_store::{Batch, OpenLog, Options, SqliteStore, Store, StoreExt as _};
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn event(log: &LogName) -> Event {
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
        // About the size of a decision.
        body: Body::TokenRevoked(TokenRevoked { token: "x".repeat(1_000) }),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let seconds = std::env::args().nth(1).map_or(Ok(3), |text| text.parse())?;
    for appenders in [1, 8, 64, 256] {
        // Beside the build, not in a temporary folder that may be in memory.
        let dir = tempfile::tempdir_in("target")?;
        let store = Arc::new(SqliteStore::create(dir.path(), Options::default())?);
        let log: LogName = "bench".parse()?;
        let name = log.clone();
        let first = Box::new(move |_: &str| Batch::of(event(&name)));
        store.open_log(&log, OpenLog { origin: "bench/bench".to_owned(), first }).await?;
        let began = Instant::now();
        let tasks: Vec<_> =
            (0..appenders).map(|_| tokio::spawn(append(Arc::clone(&store), log.clone(), began, seconds))).collect();
        let (mut events, mut slowest) = (0, Duration::ZERO);
        for task in tasks {
            let (appended, longest) = task.await??;
            events += appended;
            slowest = slowest.max(longest);
        }
        let rate = f64::from(events) / began.elapsed().as_secs_f64();
        println!("{appenders:>3} appenders: {rate:>8.0} events/s durable, slowest {slowest:?}");
        store.close().await?;
    }
    Ok(())
}

async fn append(
    store: Arc<SqliteStore>,
    log: LogName,
    began: Instant,
    seconds: u64,
) -> Result<(u32, Duration), seatrial_store::StoreError> {
    let (mut events, mut slowest) = (0, Duration::ZERO);
    while began.elapsed() < Duration::from_secs(seconds) {
        let asked = Instant::now();
        store.append(&log, Batch::of(event(&log))).await?;
        slowest = slowest.max(asked.elapsed());
        events += 1;
    }
    Ok((events, slowest))
}
