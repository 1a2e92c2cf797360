//! A log taken over from elsewhere.

use crate::common::*;
use crate::rotation::{key, point, rotation};
use seatrial_model::event::LogRestored;
use seatrial_model::{Body, LogPoint};
use seatrial_store::{
    Absent, Adopt, Batch, Last, Payload, Piece, ReaderExt as _, Seed, Store, StoreError, StoreExt as _,
};
use std::sync::Arc;

/// A log with all kinds of contents: a rotation, blobs, payloads held, erased and left out.
async fn original() -> (Arc<dyn Store>, Seed) {
    let store: Arc<dyn Store> = Arc::new(memory());
    open_log(&*store).await;
    let held = with_payloads(vec![payload(1, b"held", Some("case-1")), payload(2, b"erased", Some("case-2"))]);
    let gone = held.payloads[1].commitment();
    store.append(&log(), Batch { blobs: vec![b"a blob".to_vec()], ..held }).await.unwrap();
    store.append(&log(), with_payloads(vec![payload(3, b"left out", None)])).await.unwrap();
    store.append(&log(), erasing("case-2", vec![gone])).await.unwrap();
    let event = rotation(&*store).await;
    let mine = Seed([9; 32]);
    let new = store.stage_key(&log(), Some(mine.clone())).await.unwrap();
    let mut event = event;
    let Body::LogKeyRotated(body) = &mut event.body else { panic!() };
    body.new = new;
    store.append(&log(), Batch::of(event)).await.unwrap();
    store.append(&log(), Batch { events: vec![issue("a"), issue("b")], ..Batch::default() }).await.unwrap();
    (store, mine)
}

async fn piece(from: &dyn Store) -> Piece {
    let entries = from.entries(&log(), 0, 1_000).await.unwrap();
    let bytes = entries.iter().map(|e| e.bytes.clone()).collect();
    let blob = seatrial_model::Digest::of(b"a blob");
    let absent = |salt: u8, text: &[u8], name: &str, erased_by| {
        let commitment = payload(salt, text, None).commitment();
        Absent { commitment, kind: name.to_owned(), erased_by }
    };
    Piece {
        entries: bytes,
        payloads: vec![payload(1, b"held", Some("case-1"))],
        absent: vec![absent(2, b"erased", "p1", Some(3)), absent(3, b"left out", "p0", None)],
        blobs: vec![from.blob(&log(), blob).await.unwrap().unwrap()],
    }
}

fn restored(point: LogPoint, checkpoint: String) -> Last {
    Box::new(move |key| {
        let key = key.map(str::to_owned);
        Batch::of(event(Body::LogRestored(LogRestored { point, payloads: 1, checkpoint, key })))
    })
}

async fn take_over(from: &dyn Store, to: &dyn Store) -> (LogPoint, String) {
    let checkpoint = from.sign_now(&log()).await.unwrap();
    let first = from.event(&log(), 0).await.unwrap().unwrap();
    let Body::LogOpened(opened) = first.body else { panic!() };
    to.begin_import(&log(), &opened.origin, &opened.key).await.unwrap();
    let whole = piece(from).await;
    let (one, two) = whole.entries.split_at(2);
    let first = Piece {
        entries: one.to_vec(),
        payloads: whole.payloads,
        absent: whole.absent[..1].to_vec(),
        ..Piece::default()
    };
    let last =
        Piece { entries: two.to_vec(), absent: whole.absent[1..].to_vec(), blobs: whole.blobs, ..Piece::default() };
    assert_eq!(to.import(&log(), first).await.unwrap(), 2);
    to.import(&log(), last).await.unwrap();
    (point(from).await, checkpoint)
}

pub async fn a_log_is_taken_over_byte_for_byte(store: Arc<dyn Store>) {
    let (from, mine) = original().await;
    let (there, checkpoint) = take_over(&*from, &*store).await;
    assert_eq!(point(&*store).await, there);
    assert_eq!(key(&*store).await, key(&*from).await);
    let rows = |store: Arc<dyn Store>| async move { store.check_rows(&log()).await.unwrap() };
    let (a, b) = (rows(Arc::clone(&from)).await, rows(Arc::clone(&store)).await);
    assert!(a.identical() && b.identical() && a.before == b.before, "{a:?} {b:?}");
    // It goes on under its own key.
    let fresh: Arc<dyn Store> = Arc::new(memory());
    take_over(&*from, &*fresh).await;
    let how =
        Adopt { checkpoint: checkpoint.clone(), key: Some(mine), last: restored(there.clone(), checkpoint.clone()) };
    fresh.adopt(&log(), how).await.unwrap();
    assert_eq!(fresh.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
    let gone = payload(3, b"left out", None).commitment();
    let Some(Payload::Erased(erased)) = fresh.payload(&log(), gone).await.unwrap() else { panic!() };
    assert_eq!(erased.by, there.size, "what was left out is told by the entry that says so");
    fresh.append(&log(), Batch::of(declare())).await.unwrap();
    let note = fresh.sign_now(&log()).await.unwrap();
    let known = key(&*from).await.parse().unwrap();
    assert_eq!(seatrial_ledger::Checkpoint::open(note.as_bytes(), &known).unwrap().0.size, there.size + 2);
}

pub async fn a_log_that_was_not_taken_over_whole_does_not_go_on(store: Arc<dyn Store>) {
    let (from, mine) = original().await;
    let checkpoint = from.sign_now(&log()).await.unwrap();
    let there = point(&*from).await;
    let Body::LogOpened(opened) = from.event(&log(), 0).await.unwrap().unwrap().body else { panic!() };
    store.begin_import(&log(), &opened.origin, &opened.key).await.unwrap();
    assert!(matches!(store.begin_import(&log(), &opened.origin, &opened.key).await, Err(StoreError::LogExists(_))));
    let whole = piece(&*from).await;
    let mut changed = Piece { entries: whole.entries[..1].to_vec(), ..Piece::default() };
    changed.entries[0].push(b' ');
    assert!(matches!(store.import(&log(), changed).await, Err(StoreError::Damaged { .. })));
    let unnamed = Piece { payloads: whole.payloads.clone(), ..Piece::default() };
    assert!(matches!(store.import(&log(), unnamed).await, Err(StoreError::Batch(_))));
    let part = Piece { entries: whole.entries[..3].to_vec(), ..Piece::default() };
    store.import(&log(), part.clone()).await.unwrap();
    assert!(matches!(store.import(&log(), part).await, Err(StoreError::Batch(_) | StoreError::Damaged { .. })));
    let adopt = |key: Option<Seed>| Adopt {
        checkpoint: checkpoint.clone(),
        key,
        last: restored(there.clone(), checkpoint.clone()),
    };
    assert!(matches!(store.adopt(&log(), adopt(Some(mine.clone()))).await, Err(StoreError::Damaged { .. })));
    let rest = Piece { entries: whole.entries[3..].to_vec(), ..Piece::default() };
    store.import(&log(), rest).await.unwrap();
    // Nor under a key that is not its own.
    assert!(matches!(store.adopt(&log(), adopt(Some(Seed([4; 32])))).await, Err(StoreError::Key { .. })));
    // A new one is told by the entry.
    store.adopt(&log(), adopt(None)).await.unwrap();
    assert_ne!(key(&*store).await, key(&*from).await);
    let note = store.sign_now(&log()).await.unwrap();
    let known = key(&*store).await.parse().unwrap();
    assert!(seatrial_ledger::Checkpoint::open(note.as_bytes(), &known).is_ok());
}
