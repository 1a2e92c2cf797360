//! `kill -9` at any moment: no acknowledged event is lost, no half-written one is seen.

use crate::common::*;
use seatrial_ledger::Checkpoint;
use seatrial_model::EventId;
use seatrial_store::{Batch, Reader as _, ReaderExt as _, SqliteStore, Store as _, StoreError, StoreExt as _};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Tells the child where its store is; only a test that starts one sets it.
const STORE: &str = "SEATRIAL_TEST_STORE";

/// How often the writing process is killed.
const KILLS: u64 = 6;

/// Tasks that append side by side.
const APPENDERS: u64 = 8;

/// The process that is killed: run by the tests below only, in a process of its own.
#[test]
#[ignore = "it appends until it is killed; the other tests start it"]
fn child() {
    let dir = PathBuf::from(std::env::var_os(STORE).expect("only the other tests start this"));
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(reopen(&dir));
        let tasks: Vec<_> = (0..APPENDERS).map(|n| tokio::spawn(append_for_ever(Arc::clone(&store), n))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

async fn append_for_ever(store: Arc<SqliteStore>, task: u64) {
    for n in 0_u64.. {
        let text = format!("{task} {n} {}", "x".repeat(usize::try_from(n * 37 % 3_000).unwrap()));
        // Two of one case: both are found by it, and by the one event.
        let case = format!("case-{task}-{n}");
        let payloads = [text.as_bytes(), b"the answer"].map(|bytes| payload(0, bytes, Some(&case)));
        let mut batch = with_payloads(payloads.to_vec());
        // Salts must differ between runs, too.
        let salt = batch.events[0].id.uuid().into_bytes();
        for (n, payload) in batch.payloads.iter_mut().enumerate() {
            payload.salt.0[..16].copy_from_slice(&salt);
            batch.events[0].payloads.insert(format!("p{n}"), payload.commitment());
        }
        batch.events.push(issue(&format!("{task}-{n}")));
        match store.append(&log(), batch).await {
            Ok(committed) => {
                let line = format!("{} {} {}\n", committed.first_index, committed.events[0], committed.events[1]);
                // One write for a line: lines of several tasks must not mix.
                std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn start_child(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--ignored", "--nocapture"])
        .env(STORE, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// `index id id` of a line; the test harness writes lines of its own between.
fn acknowledged(line: &str) -> Option<(u64, [EventId; 2])> {
    let mut parts = line.split(' ');
    Some((parts.next()?.parse().ok()?, [parts.next()?.parse().ok()?, parts.next()?.parse().ok()?]))
}

#[test]
fn nothing_acknowledged_is_lost_when_the_writer_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    runtime.block_on(async {
        let store = create(dir.path());
        open_log(&store).await;
        store.close().await.unwrap();
    });
    let mut known: BTreeMap<u64, [EventId; 2]> = BTreeMap::new();
    for kill in 1..=KILLS {
        let before = known.len();
        let mut child = start_child(dir.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // At another moment each time: after some acknowledgements, and a little later.
        let wanted = usize::try_from(kill * kill * 20).unwrap();
        while known.len() < before + wanted {
            let line = lines.next().expect("the child must go on until it is killed").unwrap();
            known.extend(acknowledged(&line));
        }
        std::thread::sleep(Duration::from_millis(kill * 17));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had written before it died was acknowledged as well; the last line may be cut off.
        known.extend(lines.map_while(Result::ok).filter_map(|line| acknowledged(&line)));
        runtime.block_on(check_after(dir.path(), &known));
    }
}

async fn check_after(dir: &Path, known: &BTreeMap<u64, [EventId; 2]>) {
    let store = reopen(dir);
    let size = store.size(&log()).await.unwrap();
    let [recovered] = store.recovered().expect("the end was not orderly") else { panic!("one log") };
    assert_eq!(recovered.signed.size + recovered.unsigned_entries, size);
    for (index, ids) in known {
        for (at, id) in (*index..).zip(ids) {
            let found = store.event_by_id(&log(), *id).await.unwrap().map(|(index, _)| index);
            assert_eq!(found, Some(at), "an acknowledged event is missing");
        }
    }
    // Batches of two events and two payloads: whole or not there.
    assert_eq!(size % 2, 1);
    let mut after = None;
    let mut payloads = 0;
    loop {
        let page = store.read_with(&log(), move |view| view.payloads(after, 1_000)).await.unwrap();
        payloads += page.len() as u64;
        after = page.last().copied();
        if page.is_empty() {
            break;
        }
    }
    assert_eq!(payloads, size - 1);
    assert_eq!(store.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
    assert!(store.check_rows(&log()).await.unwrap().identical());
    assert_eq!(store.check_database().await.unwrap(), Vec::<String>::new());
    let key = store.logs().await.unwrap()[0].key.parse().unwrap();
    let note = store.sign_now(&log()).await.unwrap();
    assert_eq!(Checkpoint::open(note.as_bytes(), &key).unwrap().0.size, size);
    store.close().await.unwrap();
    assert_eq!(reopen(dir).recovered(), None);
}

#[test]
fn another_process_that_owns_the_store_is_respected() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    runtime.block_on(async {
        let store = create(dir.path());
        open_log(&store).await;
        store.close().await.unwrap();
    });
    let mut child = start_child(dir.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.by_ref().map_while(Result::ok).find_map(|line| acknowledged(&line)).unwrap();
    let refused = SqliteStore::open(dir.path(), options()).err();
    assert!(matches!(refused, Some(StoreError::Owned(_))), "{refused:?}");
    // Reading beside it is possible, and sees what it acknowledged.
    runtime.block_on(async {
        let reader = SqliteStore::open_read_only(dir.path(), tokens()).unwrap();
        assert_eq!(reader.event_by_id(&log(), first.1[0]).await.unwrap().map(|(index, _)| index), Some(first.0));
    });
    child.kill().unwrap();
    child.wait().unwrap();
    // The lock went with the process.
    let store = reopen(dir.path());
    runtime.block_on(async {
        store.append(&log(), Batch::of(declare())).await.unwrap();
        store.close().await.unwrap();
    });
}
