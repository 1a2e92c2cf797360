//! Batches that share a commit: one that fails while it is written, events sealed before, and stamps.

use crate::common::*;
use seatrial_model::Commitment;
use seatrial_store::{
    Batch, BatchError, Reader as _, ReaderExt as _, Sealed, SqliteStore, Store as _, StoreError, StoreExt as _,
};
use std::future::Future as _;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Hands over all batches while the writer is held up, in this order, and gives what became of each.
async fn together(store: &Arc<SqliteStore>, batches: Vec<Batch>) -> Vec<Result<u64, StoreError>> {
    let (began, begins) = tokio::sync::oneshot::channel();
    let (go, wait) = std::sync::mpsc::channel();
    let slow = Arc::clone(store);
    let slow = tokio::spawn(async move {
        let work = Box::new(move |_: &dyn seatrial_store::View| {
            began.send(()).unwrap();
            wait.recv_timeout(Duration::from_secs(20)).unwrap();
            Ok(Batch::of(declare()))
        });
        slow.transact(&log(), work).await.unwrap()
    });
    begins.await.unwrap();
    let log = log();
    // Each is handed over when it is polled for the first time; none is answered before the writer goes on.
    let mut waiting: Vec<_> = batches.into_iter().map(|batch| Box::pin(store.append(&log, batch))).collect();
    for one in &mut waiting {
        assert!(std::future::poll_fn(|cx| Poll::Ready(one.as_mut().poll(cx).is_pending())).await);
    }
    go.send(()).unwrap();
    slow.await.unwrap();
    let mut out = Vec::new();
    for one in waiting {
        out.push(one.await.map(|committed| committed.first_index));
    }
    out
}

/// Whatever stops a batch in the middle of its writing, those that share the commit stand as if it had not been there.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_while_it_is_written_takes_nothing_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(create(dir.path()));
    open_log(&*store).await;
    let held = with_payloads(vec![payload(1, b"first", Some("case-1"))]);
    let twice = Batch::of(held.events[0].clone());
    let batches = vec![
        Batch::of(issue("a")),
        held,
        twice,
        Batch::of(declare()),
        // No such token: the projector refuses after the event was written.
        Batch { events: vec![declare(), issue("b"), revoke("nobody")], ..Batch::default() },
        Batch::of(issue("c")),
        Batch::of(poison()),
        Batch::of(revoke("a")),
    ];
    let done = together(&store, batches).await;
    let first: Vec<Option<u64>> = done.iter().map(|done| done.as_ref().ok().copied()).collect();
    assert_eq!(first, [Some(2), Some(3), None, Some(4), None, Some(5), None, Some(6)]);
    assert!(matches!(done[2], Err(StoreError::Batch(BatchError::DuplicateId(_)))), "{:?}", done[2]);
    assert!(matches!(done[6], Err(StoreError::Panicked)), "{:?}", done[6]);
    assert_eq!(store.size(&log()).await.unwrap(), 7);
    let row = |key: &'static [u8]| {
        let store = Arc::clone(&store);
        async move { store.row(&log(), "tokens", key).await.unwrap().is_some() }
    };
    assert_eq!((row(b"a").await, row(b"b").await, row(b"c").await), (false, false, true));
    assert!(store.check_rows(&log()).await.unwrap().identical());
    assert_eq!(store.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
    let root = store.logs().await.unwrap().remove(0).root;
    store.close().await.unwrap();
    let store = reopen(dir.path());
    assert_eq!(store.logs().await.unwrap().remove(0).root, root);
    store.close().await.unwrap();
}

/// A sealed event is the one that it would be otherwise, byte for byte.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_before_is_what_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(create(dir.path()));
    open_log(&*store).await;
    let Batch { mut events, payloads, .. } = with_payloads(vec![payload(2, b"text", Some("case-2"))]);
    let event = events.remove(0);
    let commitment: Commitment = payloads[0].commitment();
    let sealed = Sealed::new(&log(), event.clone(), payloads.clone()).unwrap();
    let committed = store.append(&log(), Batch { sealed: vec![sealed.clone()], ..Batch::default() }).await.unwrap();
    let entry = store.entries(&log(), committed.first_index, 1).await.unwrap().remove(0);
    assert_eq!(entry.bytes, event.leaf().unwrap());
    assert!(store.payload(&log(), commitment).await.unwrap().is_some());
    let again = store.append(&log(), Batch { sealed: vec![sealed], ..Batch::default() }).await;
    assert!(matches!(again, Err(StoreError::Batch(BatchError::DuplicateId(_)))), "{again:?}");
    assert!(store.check_rows(&log()).await.unwrap().identical());

    let refused = Sealed::new(&other_log(), event, Vec::new());
    assert!(matches!(refused, Err(StoreError::Batch(BatchError::OtherLog { .. }))), "{refused:?}");
    let refused = Sealed::new(&log(), declare(), payloads);
    assert!(matches!(refused, Err(StoreError::Batch(BatchError::Uncommitted(_)))), "{refused:?}");
    let refused = Sealed::new(&log(), erased("case-2", 1), Vec::new());
    assert!(matches!(refused, Err(StoreError::Batch(BatchError::NotSealed(_)))), "{refused:?}");
}

/// A stamp is another one after every change of its table, and after nothing else but a change that was taken back.
#[tokio::test(flavor = "multi_thread")]
async fn a_stamp_tells_of_every_change_of_its_table() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(create(dir.path()));
    open_log(&*store).await;
    let stamp = async |event| {
        let work = move |view: &dyn seatrial_store::View| {
            let stamps = (view.stamp("tokens").unwrap(), view.stamp("stops").unwrap());
            Ok((Batch { events: Vec::from_iter(event), ..Batch::default() }, stamps))
        };
        store.transact_with::<_, (), _>(&log(), work).await.map(|(_, stamps)| stamps)
    };
    let begin = stamp(None).await.unwrap();
    assert_eq!(stamp(Some(declare())).await.unwrap(), begin);
    assert_eq!(stamp(Some(issue("a"))).await.unwrap(), begin, "read before the change");
    let issued = stamp(None).await.unwrap();
    assert!(issued.0 != begin.0 && issued.1 == begin.1);
    assert!(stamp(Some(revoke("nobody"))).await.is_err());
    let taken_back = stamp(None).await.unwrap();
    assert!(taken_back.0 != issued.0 && taken_back.0 != begin.0);
    store.rebuild(&log()).await.unwrap();
    assert_ne!(stamp(None).await.unwrap(), taken_back);
}
