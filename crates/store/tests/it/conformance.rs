//! What every store promises, run against each of them.

mod kept;

use crate::common::*;
use seatrial_ledger::dsse::Envelope;
use seatrial_ledger::{Checkpoint, Note, Tile, VerifierKey, leaf_hash, proof};
use seatrial_model::{Body, Digest, ElementPath, LogName};
use seatrial_store::{
    Attest, Batch, BatchError, ReaderExt as _, Refusal, Store, StoreError, StoreExt as _, TransactError,
};
use std::sync::Arc;

macro_rules! conformance {
    ($($name:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(std::sync::Arc::new(crate::common::memory())).await;
            })+
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let dir = tempfile::tempdir().unwrap();
                super::$name(std::sync::Arc::new(crate::common::create(dir.path()))).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let node = crate::postgres::node(stringify!($name)).await;
                super::$name(std::sync::Arc::new(node.store)).await;
            })+
        }
    };
}

conformance!(
    a_log_is_never_made_by_accident,
    what_was_appended_is_read,
    work_sees_what_was_committed_before,
    a_refusal_carries_its_reason,
    a_bad_batch_is_refused_whole,
    a_numberless_event_is_refused,
    payloads_are_kept_and_erased,
    payloads_are_found_by_case_and_by_age,
    events_are_found_by_what_they_are_about,
    blobs_are_kept_by_their_content,
    rows_are_scanned_both_ways,
    an_event_that_cannot_be_folded_is_rolled_back_alone,
    a_panic_is_rolled_back_alone,
    concurrent_appends_are_serial,
    tiles_and_checkpoints_follow_the_entries,
    what_is_attested_is_signed_and_no_checkpoint,
    what_is_folded_again_is_identical,
    a_key_is_followed_by_another,
    a_key_that_was_not_made_ready_follows_nothing,
    cosignatures_are_kept_with_their_checkpoint,
    a_log_is_taken_over_byte_for_byte,
    a_log_that_was_not_taken_over_whole_does_not_go_on,
    subscribers_are_told_in_order,
    secrets_are_kept_apart,
    logs_are_independent,
    a_closed_store_refuses,
);

use self::kept::{
    blobs_are_kept_by_their_content, events_are_found_by_what_they_are_about, payloads_are_found_by_case_and_by_age,
    payloads_are_kept_and_erased, rows_are_scanned_both_ways, secrets_are_kept_apart,
};
use crate::import::{a_log_is_taken_over_byte_for_byte, a_log_that_was_not_taken_over_whole_does_not_go_on};
use crate::rotation::{
    a_key_is_followed_by_another, a_key_that_was_not_made_ready_follows_nothing,
    cosignatures_are_kept_with_their_checkpoint,
};

async fn declared(store: &dyn Store) -> u64 {
    store.row(&log(), "counts", b"declared").await.unwrap().map_or(0, |v| read_count(&v))
}

async fn a_log_is_never_made_by_accident(store: Arc<dyn Store>) {
    let none = store.append(&log(), Batch::of(declare())).await;
    assert!(matches!(none, Err(StoreError::NoLog(_))), "{none:?}");
    assert!(matches!(store.size(&log()).await, Err(StoreError::NoLog(_))));
    assert!(matches!(store.sign_now(&log()).await, Err(StoreError::NoLog(_))));
    assert_eq!(store.logs().await.unwrap(), []);

    // A log without a first event is no log.
    let mut empty = opening_of(&log());
    empty.first = Box::new(|_| Batch::default());
    assert!(matches!(store.open_log(&log(), empty).await, Err(StoreError::Invalid(_))));
    assert_eq!(store.logs().await.unwrap(), []);

    let committed = store.open_log(&log(), opening_of(&log())).await.unwrap();
    assert_eq!((committed.first_index, committed.size, committed.events.len()), (0, 1, 1));
    let again = store.open_log(&log(), opening_of(&log())).await;
    assert!(matches!(again, Err(StoreError::LogExists(_))), "{again:?}");
    let [info] = store.logs().await.unwrap().try_into().unwrap();
    assert_eq!((info.origin.as_str(), info.size), ("bank/credit", 1));
    // The first event holds the key that was made for the log.
    let first = store.event(&log(), 0).await.unwrap().unwrap();
    assert!(matches!(first.body, Body::LogOpened(opened) if opened.key == info.key));
}

async fn what_was_appended_is_read(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let events = [issue("a"), issue("b"), declare()];
    let committed = store.append(&log(), Batch { events: events.to_vec(), ..Batch::default() }).await.unwrap();
    assert_eq!((committed.first_index, committed.size), (1, 4));
    assert_eq!(committed.events, events.each_ref().map(|e| e.id));
    assert_eq!(store.size(&log()).await.unwrap(), 4);
    for (index, event) in (1..).zip(&events) {
        assert_eq!(store.event(&log(), index).await.unwrap().as_ref(), Some(event));
        assert_eq!(store.event_by_id(&log(), event.id).await.unwrap(), Some((index, event.clone())));
    }
    let entries = store.entries(&log(), 2, 1).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].index, &entries[0].bytes), (2, &events[1].leaf().unwrap()));
    assert_eq!(store.events(&log(), 3, 100).await.unwrap(), [(3, events[2].clone())]);
    assert_eq!(store.event(&log(), 4).await.unwrap(), None);
    assert_eq!(store.event_by_id(&log(), declare().id).await.unwrap(), None);

    // A batch without events is a commit, too.
    let committed = store.append(&log(), Batch::default()).await.unwrap();
    assert_eq!((committed.first_index, committed.size), (4, 4));
}

async fn work_sees_what_was_committed_before(store: Arc<dyn Store>) {
    open_log(&*store).await;
    store.append(&log(), Batch::of(issue("a"))).await.unwrap();
    let (committed, seen) = store
        .transact_with::<_, (), _>(&log(), |view| {
            let size = view.size()?;
            let row = view.row("tokens", b"a")?;
            let event = view.event(1)?.unwrap();
            assert_eq!(view.event_by_id(event.id)?.unwrap(), (1, event));
            Ok((Batch::of(declare()), (size, row)))
        })
        .await
        .unwrap();
    assert_eq!(committed.first_index, 2);
    assert_eq!(seen, (2, Some(b"1".to_vec())));
}

async fn a_refusal_carries_its_reason(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let refused = store
        .transact_with::<(), String, _>(&log(), |view| {
            Err(TransactError::Refused(format!("the log has {} entries", view.size()?)))
        })
        .await;
    assert!(matches!(refused, Err(TransactError::Refused(reason)) if reason == "the log has 1 entries"));
    let refused = store.transact(&log(), Box::new(|_| Err(Refusal::new(409_u16)))).await;
    let Err(StoreError::Refused(refusal)) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.downcast::<String>().unwrap_err().downcast::<u16>().unwrap(), 409);
    assert_eq!(store.size(&log()).await.unwrap(), 1);
}

async fn a_bad_batch_is_refused_whole(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let known = issue("known");
    store.append(&log(), Batch::of(known.clone())).await.unwrap();
    let refused = async |events: Vec<_>| {
        // What stands before the bad event goes with it.
        let events = [vec![declare()], events].concat();
        match store.append(&log(), Batch { events, ..Batch::default() }).await {
            Err(StoreError::Batch(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(vec![known.clone()]).await, BatchError::DuplicateId(known.id));
    let twice = declare();
    assert_eq!(refused(vec![twice.clone(), twice.clone()]).await, BatchError::DuplicateId(twice.id));
    let elsewhere = event_in(&other_log(), declare().body);
    assert!(matches!(refused(vec![elsewhere]).await, BatchError::OtherLog { .. }));
    let mut newer = declare();
    newer.v = 2;
    assert!(matches!(refused(vec![newer]).await, BatchError::EnvelopeVersion { version: 2, .. }));

    // An entry of exactly 65 535 bytes is taken, one of a byte more is not.
    let overhead = issue("").leaf().unwrap().len();
    let fits = issue(&"x".repeat(65_535 - overhead));
    assert_eq!(fits.leaf().unwrap().len(), 65_535);
    let too_long = issue(&"x".repeat(65_536 - overhead));
    assert!(matches!(refused(vec![too_long]).await, BatchError::EntryTooLong { bytes: 65_536, .. }));

    assert_eq!(store.size(&log()).await.unwrap(), 2);
    assert_eq!(declared(&*store).await, 0);
    store.append(&log(), Batch::of(fits)).await.unwrap();
}

/// A NaN is written as `null`, and could never be read back.
async fn a_numberless_event_is_refused(store: Arc<dyn Store>) {
    use seatrial_model::event::{Share, ThresholdProposed};
    open_log(&*store).await;
    let proposed = |power| {
        event(Body::ThresholdProposed(ThresholdProposed {
            threshold: ElementPath::new("thresholds.auto"),
            at: Some(0.9),
            power,
            wrong: Share { k: 1, n: 2 },
            tuned_on: 2,
            slices: std::collections::BTreeMap::new(),
        }))
    };
    let refused = store.append(&log(), Batch::of(proposed(f64::NAN))).await;
    assert!(matches!(refused, Err(StoreError::Batch(BatchError::NotReadable(_)))), "{refused:?}");
    store.append(&log(), Batch::of(proposed(0.25))).await.unwrap();
    assert_eq!(store.size(&log()).await.unwrap(), 2);
}

async fn an_event_that_cannot_be_folded_is_rolled_back_alone(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let bad = Batch { events: vec![declare(), issue("x"), revoke("never-issued")], ..Batch::default() };
    // Side by side, so that they may share a commit.
    let name = log();
    let (before, refused, after) = tokio::join!(
        store.append(&name, Batch::of(declare())),
        store.append(&name, bad),
        store.append(&name, Batch::of(issue("y"))),
    );
    let error = refused.unwrap_err();
    assert!(matches!(error, StoreError::Project { .. }), "{error:?}");
    assert!(error.to_string().contains("there is no token `never-issued`"), "{error}");
    before.unwrap();
    after.unwrap();
    assert_eq!(store.size(&log()).await.unwrap(), 3);
    assert_eq!(declared(&*store).await, 1);
    assert_eq!(store.row(&log(), "tokens", b"x").await.unwrap(), None);
    assert_eq!(store.row(&log(), "revoked", b"never-issued").await.unwrap(), None);
    assert!(store.check_rows(&log()).await.unwrap().identical());
    assert_eq!(store.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
}

async fn a_panic_is_rolled_back_alone(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let panicked = store.transact(&log(), Box::new(|_| panic!("the caller's own bug"))).await;
    assert!(matches!(panicked, Err(StoreError::Panicked)), "{panicked:?}");
    let poisoned = store.append(&log(), Batch { events: vec![declare(), poison()], ..Batch::default() }).await;
    assert!(matches!(poisoned, Err(StoreError::Panicked)), "{poisoned:?}");
    let read = store.read(&log(), Box::new(|_| panic!("a reader's bug"))).await;
    assert!(matches!(read, Err(StoreError::Panicked)), "{read:?}");
    store.append(&log(), Batch::of(declare())).await.unwrap();
    assert_eq!((store.size(&log()).await.unwrap(), declared(&*store).await), (2, 1));
}

async fn concurrent_appends_are_serial(store: Arc<dyn Store>) {
    const TASKS: u64 = 32;
    const EACH: u64 = 20;
    open_log(&*store).await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut seen = Vec::new();
                for n in 0..EACH {
                    // Every fifth one refuses, and must leave no trace.
                    let refuse = n % 5 == 4;
                    let outcome = store
                        .transact_with(&log(), move |view| {
                            let count = view.row("counts", b"declared")?.map_or(0, |v| read_count(&v));
                            if refuse { Err(TransactError::Refused(())) } else { Ok((Batch::of(declare()), count)) }
                        })
                        .await;
                    match outcome {
                        Ok((committed, count)) => seen.push((committed.first_index, count)),
                        Err(TransactError::Refused(())) => assert!(refuse),
                        Err(TransactError::Store(error)) => panic!("{error}"),
                    }
                }
                seen
            })
        })
        .collect();
    let mut seen = Vec::new();
    for task in tasks {
        seen.extend(task.await.unwrap());
    }
    seen.sort();
    // Each saw exactly the count that those before it had left.
    let expected: Vec<_> = (0..TASKS * EACH * 4 / 5).map(|n| (n + 1, n)).collect();
    assert_eq!(seen, expected);
    assert!(store.check_rows(&log()).await.unwrap().identical());
    assert_eq!(store.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
}

/// The tiles of a store, for proofs.
struct Tiles(std::collections::BTreeMap<(u8, u64), Vec<u8>>);

impl seatrial_ledger::TileReader for Tiles {
    fn tile(&self, level: u8, n: u64, _: u16) -> Result<Vec<Digest>, String> {
        let bytes = self.0.get(&(level, n)).ok_or("not there")?;
        Tile::from_bytes(level, n, bytes).map(|tile| tile.hashes).map_err(|e| e.to_string())
    }
}

async fn what_is_attested_is_signed_and_no_checkpoint(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let info = store.logs().await.unwrap().remove(0);
    let key: VerifierKey = info.key.parse().unwrap();
    let note = store.attest(&log(), Attest::Note("some-format/1\nand a line\n".to_owned())).await.unwrap();
    assert!(Note::parse(note.as_bytes()).unwrap().verify(std::slice::from_ref(&key)).is_ok());
    let dsse = Attest::Dsse { payload_type: "text/plain".to_owned(), payload: b"said".to_vec() };
    let envelope: Envelope = serde_json::from_str(&store.attest(&log(), dsse).await.unwrap()).unwrap();
    assert_eq!(envelope.verify(&key).unwrap(), b"said");
    // Nobody gets a checkpoint signed that the log never had.
    let forged = Checkpoint::new(info.origin.as_str(), 1_000, Digest::of(b"root")).to_string();
    for text in [forged.clone(), forged.replacen(&info.origin, "another/origin", 1), format!("{}\n", info.origin)] {
        let refused = store.attest(&log(), Attest::Note(text)).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
    let unknown = store.attest(&other_log(), Attest::Note("some-format/1\n".to_owned())).await;
    assert!(matches!(unknown, Err(StoreError::NoLog(_))));
}

async fn tiles_and_checkpoints_follow_the_entries(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let key = store.logs().await.unwrap()[0].key.parse().unwrap();
    let mut signed = Vec::new();
    // Beyond one full tile, in batches that do and do not end at its edge.
    for batch in [1, 100, 154, 1, 300] {
        let events = (0..batch).map(|_| declare()).collect();
        store.append(&log(), Batch { events, ..Batch::default() }).await.unwrap();
        let note = store.sign_now(&log()).await.unwrap();
        let (checkpoint, _) = Checkpoint::open(note.as_bytes(), &key).unwrap();
        assert_eq!(checkpoint.size, store.size(&log()).await.unwrap());
        assert_eq!(store.checkpoint(&log()).await.unwrap(), Some(note));
        signed.push(checkpoint);
    }
    let last = signed.last().unwrap();
    assert_eq!(last.size, 557);
    let entries = store.entries(&log(), 0, 1_000).await.unwrap();
    let leaves: Vec<_> = entries.iter().map(|e| leaf_hash(&e.bytes)).collect();
    assert_eq!(seatrial_ledger::hash::root_of(&leaves), last.root);
    let mut tiles = Tiles(std::collections::BTreeMap::new());
    for (level, n, width) in [(0, 0, 256), (0, 1, 256), (0, 2, 45), (1, 0, 2)] {
        let bytes = store.tile(&log(), level, n).await.unwrap().unwrap();
        assert_eq!(bytes.len(), width * 32, "tile {level}/{n}");
        tiles.0.insert((level, n), bytes);
    }
    assert_eq!(store.tile(&log(), 0, 3).await.unwrap(), None);
    for old in &signed {
        let hashes = proof::consistency(&tiles, old.size, last.size).unwrap();
        proof::verify_consistency(&hashes, old.size, &old.root, last.size, &last.root).unwrap();
    }
    let info = store.logs().await.unwrap().remove(0);
    assert_eq!((info.size, info.root), (last.size, last.root));
}

async fn what_is_folded_again_is_identical(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let events = vec![issue("a"), issue("b"), declare(), revoke("a"), declare()];
    store.append(&log(), Batch { events, ..Batch::default() }).await.unwrap();
    let checked = store.check_rows(&log()).await.unwrap();
    assert!(checked.identical() && checked.differences.is_empty(), "{checked:?}");
    assert_eq!(checked.events, 6);
    let rebuilt = store.rebuild(&log()).await.unwrap();
    assert_eq!(rebuilt, checked);
    assert_eq!(store.row(&log(), "tokens", b"b").await.unwrap(), Some(b"2".to_vec()));
    assert_eq!(declared(&*store).await, 2);
    store.append(&log(), Batch::of(declare())).await.unwrap();
    assert_ne!(store.rebuild(&log()).await.unwrap().after, rebuilt.after);
    assert_eq!(store.check_database().await.unwrap(), Vec::<String>::new());
}

async fn subscribers_are_told_in_order(store: Arc<dyn Store>) {
    let mut commits = store.subscribe();
    open_log(&*store).await;
    let events = vec![issue("a"), declare()];
    store.append(&log(), Batch { events: events.clone(), ..Batch::default() }).await.unwrap();
    let _ = store.append(&log(), Batch::of(revoke("never"))).await.unwrap_err();
    store.append(&log(), Batch::default()).await.unwrap();
    store.append(&log(), Batch::of(declare())).await.unwrap();
    let first = commits.recv().await.unwrap();
    assert_eq!((first.log.clone(), first.first_index), (log(), 0));
    let second = commits.recv().await.unwrap();
    assert_eq!(second.first_index, 1);
    assert_eq!(second.events.iter().map(|e| (**e).clone()).collect::<Vec<_>>(), events);
    assert_eq!(commits.recv().await.unwrap().first_index, 3);
    assert!(commits.try_recv().is_err());
}

async fn logs_are_independent(store: Arc<dyn Store>) {
    open_log(&*store).await;
    store.open_log(&other_log(), opening_of(&other_log())).await.unwrap();
    let one = declare();
    store.append(&log(), Batch { blobs: vec![b"blob".to_vec()], ..Batch::of(one.clone()) }).await.unwrap();
    assert_eq!(store.size(&other_log()).await.unwrap(), 1);
    assert_eq!(store.event_by_id(&other_log(), one.id).await.unwrap(), None);
    assert_eq!(store.blob(&other_log(), Digest::of(b"blob")).await.unwrap(), None);
    assert_eq!(store.row(&other_log(), "counts", b"declared").await.unwrap(), None);
    let logs = store.logs().await.unwrap();
    assert_eq!(logs.iter().map(|l| l.log.clone()).collect::<Vec<LogName>>(), [log(), other_log()]);
    assert_ne!(logs[0].key, logs[1].key);
    assert_ne!(store.sign_now(&log()).await.unwrap(), store.sign_now(&other_log()).await.unwrap());
}

async fn a_closed_store_refuses(store: Arc<dyn Store>) {
    open_log(&*store).await;
    store.close().await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(store.append(&log(), Batch::of(declare())).await, Err(StoreError::Closed)));
    assert!(matches!(store.size(&log()).await, Err(StoreError::Closed)));
    assert!(matches!(store.sign_now(&log()).await, Err(StoreError::Closed)));
}
