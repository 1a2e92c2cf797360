//! Several nodes on one database: one history, whoever writes it, and whoever is paused or gone.

use super::{another, cluster, node, options};
use crate::common::*;
use seatrial_ledger::{Checkpoint, leaf_hash};
use seatrial_model::{EventId, LogName};
use seatrial_store::{
    Batch, Commit, PgStore, Reader as _, ReaderExt as _, Store, StoreError, StoreExt as _, TransactError,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;

/// Longer than any of these takes on a busy machine; nothing here waits for ever.
const ENDS_WITHIN: Duration = Duration::from_secs(90);

async fn told(commits: &mut Receiver<Arc<Commit>>, log: &LogName, until: u64) -> Vec<(u64, EventId, bool)> {
    let mut seen: Vec<(u64, EventId, bool)> = Vec::new();
    while seen.last().is_none_or(|(index, ..)| index + 1 < until) {
        let commit = tokio::time::timeout(ENDS_WITHIN, commits.recv()).await.expect("it is told").unwrap();
        assert_eq!(commit.log, *log);
        let events = (commit.first_index..).zip(&commit.events);
        seen.extend(events.map(|(index, event)| (index, event.id, commit.foreign)));
    }
    seen
}

/// What must hold of a log, read by a node that had no part in it.
async fn check(schema: &str, acknowledged: &BTreeMap<u64, EventId>) -> u64 {
    let reader = another(schema).await;
    let store = &reader.store;
    assert_eq!(store.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
    assert!(store.check_rows(&log()).await.unwrap().identical());
    let info = store.logs().await.unwrap().remove(0);
    let (mut leaves, mut next) = (Vec::new(), 0);
    while next < info.size {
        for entry in store.entries(&log(), next, 1_000).await.unwrap() {
            assert_eq!(entry.index, next, "no gap");
            let id = entry.event(&log()).unwrap().id;
            assert!(
                acknowledged.get(&next).is_none_or(|known| *known == id),
                "entry {next} was acknowledged as another"
            );
            leaves.push(leaf_hash(&entry.bytes));
            next += 1;
        }
    }
    assert!(acknowledged.keys().all(|index| *index < info.size), "an acknowledged entry is missing");
    assert_eq!(seatrial_ledger::hash::root_of(&leaves), info.root);
    let note = store.sign_now(&log()).await.unwrap();
    let (checkpoint, _) = Checkpoint::open(note.as_bytes(), &info.key.parse().unwrap()).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (info.size, info.root));
    store.close().await.unwrap();
    info.size
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_write_one_history() {
    const EACH: usize = 60;
    let schema = "three_nodes";
    let first = node(schema).await;
    open_log(&first.store).await;
    let stores: Vec<Arc<PgStore>> =
        vec![first.store.into(), another(schema).await.store.into(), another(schema).await.store.into()];
    let mut listeners: Vec<_> = stores.iter().map(|store| store.subscribe()).collect();
    let mut tasks = Vec::new();
    for (n, store) in stores.iter().enumerate() {
        for task in 0..4 {
            let store = Arc::clone(store);
            tasks.push(tokio::spawn(async move {
                let mut seen = Vec::new();
                for i in 0..EACH / 4 {
                    // What each counts on is what all before it had left, on whichever node.
                    let (committed, count) = store
                        .transact_with::<_, (), _>(&log(), move |view| {
                            let count = view.row("counts", b"declared")?.map_or(0, |v| read_count(&v));
                            let events = vec![declare(), issue(&format!("{n}-{task}-{i}"))];
                            Ok((Batch { events, ..Batch::default() }, count))
                        })
                        .await
                        .map_err(|error| match error {
                            TransactError::Store(error) => error.to_string(),
                            TransactError::Refused(()) => "refused".to_owned(),
                        })
                        .unwrap();
                    seen.push((committed, count));
                }
                seen
            }));
        }
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort_by_key(|(committed, _)| committed.first_index);
    let expected: Vec<_> = (0..3 * EACH as u64).map(|n| (1 + 2 * n, n)).collect();
    let found: Vec<_> = all.iter().map(|(committed, count)| (committed.first_index, *count)).collect();
    assert_eq!(found, expected, "each has its own place, and saw those before");
    let size = 1 + 6 * EACH as u64;
    // Every node is told of everything, in order, once.
    let mut told_to = Vec::new();
    for listener in &mut listeners {
        told_to.push(told(listener, &log(), size).await);
    }
    for told in &told_to {
        assert_eq!(told.iter().map(|(index, ..)| *index).collect::<Vec<_>>(), (1..size).collect::<Vec<_>>());
        let own = told.iter().filter(|(_, _, foreign)| !foreign).count();
        assert_eq!(own, 2 * EACH, "a node's own are its own");
    }
    let ids = |told: &[(u64, EventId, bool)]| told.iter().map(|(_, id, _)| *id).collect::<Vec<_>>();
    assert!(told_to.iter().all(|told| ids(told) == ids(&told_to[0])));
    let acknowledged = all.iter().flat_map(|(c, _)| (c.first_index..).zip(c.events.iter().copied())).collect();
    assert_eq!(check(schema, &acknowledged).await, size);
    // Whoever signs, all have the same newest checkpoint.
    let note = stores[0].sign_now(&log()).await.unwrap();
    for store in &stores {
        assert_eq!(store.sign_now(&log()).await.unwrap(), note);
        assert_eq!(store.checkpoint(&log()).await.unwrap().as_ref(), Some(&note));
        store.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_a_log_and_does_not_go_on_is_cut_off_and_cannot_come_back() {
    let schema = "held_up";
    let zombie = node(schema).await;
    open_log(&zombie.store).await;
    let other = another(schema).await;
    // It stops in the middle of its transaction, as a paused process does.
    let (began, begun) = std::sync::mpsc::channel();
    let (go, goes_on) = std::sync::mpsc::channel::<()>();
    let held = zombie.store.transact(
        &log(),
        Box::new(move |view| {
            let _ = view.size();
            began.send(()).unwrap();
            let _ = goes_on.recv_timeout(ENDS_WITHIN);
            Ok(Batch::of(issue("zombie")))
        }),
    );
    let held = async {
        let outcome = held.await;
        assert!(matches!(outcome, Err(StoreError::Database(_))), "{outcome:?}");
    };
    let others = async {
        tokio::task::spawn_blocking(move || begun.recv_timeout(ENDS_WITHIN).unwrap()).await.unwrap();
        // Some wait for the row too long and are told so; none is let in beside the one that holds it.
        let committed = tokio::time::timeout(ENDS_WITHIN, async {
            loop {
                match other.store.append(&log(), Batch::of(issue("other"))).await {
                    Ok(committed) => return committed,
                    Err(StoreError::Database(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
        let committed = committed.await.expect("another node takes over");
        assert_eq!(committed.first_index, 1);
        go.send(()).unwrap();
        committed.events[0]
    };
    let ((), id) = tokio::join!(held, others);
    // It is a node like all others again.
    let committed = zombie.store.append(&log(), Batch::of(issue("back"))).await.unwrap();
    assert_eq!(committed.first_index, 2);
    assert_eq!(check(schema, &[(1, id), (2, committed.events[0])].into()).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_loses_nothing_and_nodes_come_back_by_themselves() {
    let kills = if std::env::var_os("SEATRIAL_SOAK").is_some() { 200 } else { 3 };
    let mut database = cluster::Cluster::start();
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let of = |n: usize| seatrial_store::PgOptions { url: database.url(), ..options("killed", dirs[n].path()) };
    PgStore::init(&of(0)).await.unwrap();
    let stores = [Arc::new(PgStore::open(of(0)).await.unwrap()), Arc::new(PgStore::open(of(1)).await.unwrap())];
    open_log(&*stores[0]).await;
    let mut known: BTreeMap<u64, EventId> = BTreeMap::new();
    let (mut gone, mut unsettled) = (Vec::new(), 0_u64);
    for kill in 0..kills {
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let tasks: Vec<_> = (0..8_u64)
            .map(|n| {
                let (store, stop) = (Arc::clone(&stores[n as usize % 2]), Arc::clone(&stop));
                tokio::spawn(async move {
                    let mut outcomes = Vec::new();
                    while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                        let event = issue(&format!("{kill}-{n}-{}", outcomes.len()));
                        let id = event.id;
                        outcomes.push((id, store.append(&log(), Batch::of(event)).await));
                        if outcomes.last().is_some_and(|(_, outcome)| outcome.is_err()) {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    }
                    outcomes
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(60 + kill * 37 % 200)).await;
        // Blocking is fine: the tasks run on other threads.
        tokio::task::block_in_place(|| {
            database.kill();
            database.run();
        });
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        for task in tasks {
            let outcomes = tokio::time::timeout(ENDS_WITHIN, task).await.expect("every call is answered").unwrap();
            for (id, outcome) in outcomes {
                match outcome {
                    Ok(committed) => drop(known.insert(committed.first_index, id)),
                    Err(StoreError::Unsettled(_)) => unsettled += 1,
                    Err(_) => gone.push(id),
                }
            }
        }
        // The same nodes go on, without a restart.
        for store in &stores {
            let committed = tokio::time::timeout(ENDS_WITHIN, async {
                loop {
                    match store.append(&log(), Batch::of(declare())).await {
                        Ok(committed) => return committed,
                        Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    }
                }
            });
            let committed = committed.await.expect("it recovers");
            known.insert(committed.first_index, committed.events[0]);
        }
    }
    let store = &stores[1];
    for (index, id) in &known {
        assert_eq!(store.event_by_id(&log(), *id).await.unwrap().map(|(index, _)| index), Some(*index));
    }
    for id in &gone {
        assert_eq!(store.event_by_id(&log(), *id).await.unwrap(), None, "it was said not to be recorded");
    }
    assert_eq!(store.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
    assert!(store.check_rows(&log()).await.unwrap().identical());
    println!("{kills} kills: {} acknowledged, {} refused, {unsettled} unsettled", known.len(), gone.len());
    for store in stores {
        store.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_of_the_database_is_refused_rather_than_forked() {
    let schema = "old_copy";
    let one = node(schema).await;
    open_log(&one.store).await;
    one.store.append(&log(), Batch::of(issue("a"))).await.unwrap();
    one.store.sign_now(&log()).await.unwrap();
    // The tables as they were, kept beside.
    let database = cluster::shared();
    let tables = ["logs", "events", "tiles", "checkpoints", "rows", "lookups"];
    for table in tables {
        database.sql(&format!("CREATE TABLE old_copy.saved_{table} AS SELECT * FROM old_copy.{table}"));
    }
    one.store.append(&log(), Batch { events: vec![issue("b"), issue("c")], ..Batch::default() }).await.unwrap();
    let newest = one.store.sign_now(&log()).await.unwrap();
    // Put back under the running node, and going on as if nothing had been.
    let back: String = tables
        .iter()
        .map(|table| {
            let over = if *table == "checkpoints" { " OVERRIDING SYSTEM VALUE" } else { "" };
            match *table {
                "logs" => "UPDATE old_copy.logs SET size = s.size, root = s.root, epoch = s.epoch FROM old_copy.saved_logs s;".to_owned(),
                table => format!("DELETE FROM old_copy.{table}; INSERT INTO old_copy.{table}{over} SELECT * FROM old_copy.saved_{table};"),
            }
        })
        .collect();
    database.sql(&format!("BEGIN; {back} COMMIT"));
    let signed = one.store.sign_now(&log()).await;
    assert!(matches!(signed, Err(StoreError::Forked { signed: 4, .. })), "{signed:?}");
    drop(
        one.store.append(&log(), Batch { events: vec![issue("d"), issue("e"), issue("f")], ..Batch::default() }).await,
    );
    let signed = one.store.sign_now(&log()).await;
    assert!(matches!(signed, Err(StoreError::Forked { signed: 4, .. })), "grown past it: {signed:?}");
    one.store.close().await.unwrap();
    let opened = PgStore::open(options(schema, one.dir.path())).await.err();
    assert!(matches!(opened, Some(StoreError::Forked { signed: 4, .. })), "{opened:?}");
    assert!(newest.contains("bank/credit\n4\n"));
    // A node that never saw more cannot know; its checkpoints contradict those that others hold.
    let stranger = another(schema).await;
    assert!(stranger.store.sign_now(&log()).await.is_ok());
    // A database that lost the log altogether is none of this node's.
    database.sql("ALTER SCHEMA old_copy RENAME TO old_copy_gone");
    let empty = options(schema, one.dir.path());
    PgStore::init(&empty).await.unwrap();
    let opened = PgStore::open(empty).await.err();
    assert!(matches!(opened, Some(StoreError::Damaged { .. })), "{opened:?}");
}
