//! What is kept beside the entries: payloads, blobs, rows, secrets.

use crate::common::*;
use seatrial_model::{Commitment, Digest, Time};
use seatrial_store::{
    Batch, BatchError, CASE, Payload, ReaderExt as _, Scan, Secret, Store, StoreError, StoreExt as _,
};
use std::sync::Arc;

pub(super) async fn payloads_are_kept_and_erased(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let (one, two) = (payload(1, b"a name", Some("c1")), payload(2, b"another", Some("c2")));
    let (c1, c2) = (one.commitment(), two.commitment());
    store.append(&log(), with_payloads(vec![one.clone(), two.clone()])).await.unwrap();
    let held = store.payload(&log(), c1).await.unwrap().unwrap().held().unwrap();
    assert_eq!((held.bytes.as_slice(), held.salt, held.case.as_deref()), (&b"a name"[..], one.salt, Some("c1")));

    // Nothing without an event that commits to it; nothing erased without the event that says so.
    let stray = Batch { payloads: vec![payload(3, b"stray", None)], ..Batch::of(declare()) };
    assert!(matches!(store.append(&log(), stray).await, Err(StoreError::Batch(BatchError::Uncommitted(_)))));
    let silent = Batch { erase: vec![c1], ..Batch::of(declare()) };
    assert!(matches!(store.append(&log(), silent).await, Err(StoreError::Batch(BatchError::SilentErasure))));
    let never = Commitment(Digest::of(b"never"));
    let refused = store.append(&log(), erasing("c1", vec![c1, never])).await;
    assert!(matches!(refused, Err(StoreError::Batch(BatchError::NeverHeld(c))) if c == never));
    assert!(store.payload(&log(), c1).await.unwrap().unwrap().held().is_some());

    let by = store.append(&log(), erasing("c1", vec![c1, c1])).await.unwrap().first_index;
    let gone = store.payload(&log(), c1).await.unwrap().unwrap();
    assert!(matches!(&gone, Payload::Erased(erased) if erased.by == by && erased.kind == "input"), "{gone:?}");
    assert!(store.payload(&log(), c2).await.unwrap().unwrap().held().is_some());
    assert_eq!(store.payload(&log(), never).await.unwrap(), None);
    // Erased again: the first erasure stays on record. Taken again: refused.
    store.append(&log(), erasing("c1", vec![c1])).await.unwrap();
    assert_eq!(store.payload(&log(), c1).await.unwrap().unwrap(), gone);
    let refused = store.append(&log(), with_payloads(vec![one])).await;
    assert!(matches!(refused, Err(StoreError::Batch(BatchError::ErasedBefore(_)))), "{refused:?}");
    assert_eq!(store.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
}

pub(super) async fn payloads_are_found_by_case_and_by_age(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let expiring = |salt, case, at| {
        let mut new = payload(salt, b"text", Some(case));
        new.expires = Some(Time::from_millis(at));
        new
    };
    let payloads =
        vec![expiring(1, "a", 300), expiring(2, "a", 100), expiring(3, "b", 200), payload(4, b"t", Some("b"))];
    let [a1, a2, b1, b2] = [0, 1, 2, 3].map(|i: usize| payloads[i].commitment());
    store.append(&log(), with_payloads(payloads)).await.unwrap();
    let case_of = async |case: &'static str| store.read_with(&log(), move |v| v.payloads_of_case(case)).await.unwrap();
    let expired = async |now, limit| {
        store.read_with(&log(), move |v| v.payloads_expired(Time::from_millis(now), limit)).await.unwrap()
    };
    assert_eq!(case_of("a").await, [a1, a2]);
    assert_eq!(expired(300, 9).await, [(a2, Some("a".to_owned())), (b1, Some("b".to_owned()))]);
    assert_eq!(expired(300, 1).await.len(), 1);
    store.append(&log(), erasing("a", case_of("a").await)).await.unwrap();
    assert_eq!(case_of("a").await, []);
    assert_eq!(expired(1_000, 9).await, [(b1, Some("b".to_owned()))]);
    let all = store.read_with(&log(), |v| v.payloads(None, 9)).await.unwrap();
    assert_eq!(all, [b1, b2]);
    let rest = store.read_with(&log(), move |v| v.payloads(Some(all[0]), 9)).await.unwrap();
    assert_eq!(rest, [b2]);
}

pub(super) async fn events_are_found_by_what_they_are_about(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let batch = Batch { events: vec![issue("a"), issue("b"), revoke("a")], ..Batch::default() };
    store.append(&log(), batch).await.unwrap();
    store.append(&log(), with_payloads(vec![payload(1, b"x", Some("a")), payload(2, b"y", Some("a"))])).await.unwrap();
    let about = async |name: &'static str, key: &'static [u8], limit| {
        store.read_with(&log(), move |view| view.about(name, key, limit)).await.unwrap()
    };
    assert_eq!(about("token", b"a", 9).await, [3, 1], "the newest first");
    assert_eq!(about("token", b"a", 1).await, [3]);
    assert_eq!(about("token", b"b", 9).await, [2]);
    assert_eq!(about("token", b"c", 9).await, [0_u64; 0]);
    assert_eq!(about(CASE, b"a", 9).await, [4], "a payload's case, once for its event");
    let credit = log();
    let seen = store
        .transact_with::<Vec<u64>, (), _>(&credit, |view| Ok((Batch::of(issue("a")), view.about("token", b"a", 9)?)));
    assert_eq!(seen.await.unwrap().1, [3, 1], "inside a commit, what was committed before");
    let (whole, refused) = (Batch::of(issue("d")), Batch::of(revoke("e")));
    let (whole, refused) = tokio::join!(store.append(&credit, whole), store.append(&credit, refused));
    assert!(whole.is_ok() && refused.is_err());
    assert_eq!(about("token", b"d", 9).await, [6], "a batch beside one that was refused");
    assert_eq!(about("token", b"e", 9).await, [0_u64; 0], "what was refused is about nothing");
    assert!(store.rebuild(&log()).await.unwrap().identical());
    assert_eq!(about("token", b"a", 9).await, [5, 3, 1]);
}

pub(super) async fn blobs_are_kept_by_their_content(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let batch = Batch { blobs: vec![b"spec".to_vec(), b"prompt".to_vec(), b"spec".to_vec()], ..Batch::default() };
    store.append(&log(), batch.clone()).await.unwrap();
    store.append(&log(), batch).await.unwrap();
    assert_eq!(store.blob(&log(), Digest::of(b"spec")).await.unwrap().as_deref(), Some(&b"spec"[..]));
    assert_eq!(store.blob(&log(), Digest::of(b"none")).await.unwrap(), None);
    let mut expected = vec![Digest::of(b"spec"), Digest::of(b"prompt")];
    expected.sort();
    assert_eq!(store.read_with(&log(), |v| v.blobs(None, 9)).await.unwrap(), expected);
    let after = expected[0];
    assert_eq!(store.read_with(&log(), move |v| v.blobs(Some(after), 9)).await.unwrap(), expected[1..]);
}

pub(super) async fn rows_are_scanned_both_ways(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let names = ["a1", "a2", "a3", "b1", "b\u{10ffff}", "c"];
    store.append(&log(), Batch { events: names.iter().map(|n| issue(n)).collect(), ..Batch::default() }).await.unwrap();
    let keys = async |scan: Scan| -> Vec<String> {
        let rows = store.scan(&log(), scan).await.unwrap();
        rows.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
    };
    let all = || Scan::all("tokens");
    assert_eq!(keys(all()).await, names);
    assert_eq!(keys(all().reversed()).await, names.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!(keys(all().prefix("a")).await, ["a1", "a2", "a3"]);
    assert_eq!(keys(all().prefix("a").reversed().limit(2)).await, ["a3", "a2"]);
    assert_eq!(keys(all().prefix("a").after("a1")).await, ["a2", "a3"]);
    assert_eq!(keys(all().prefix("a").after("a2").reversed()).await, ["a1"]);
    assert_eq!(keys(all().after("b1")).await, ["b\u{10ffff}", "c"]);
    assert_eq!(keys(all().after("z")).await, Vec::<String>::new());
    assert_eq!(keys(all().prefix("b").after("c")).await, Vec::<String>::new());
    assert_eq!(keys(all().prefix("b").after("c").reversed()).await, ["b\u{10ffff}", "b1"]);
    assert_eq!(keys(all().limit(0)).await, Vec::<String>::new());
    assert_eq!(keys(Scan::all("token")).await, Vec::<String>::new());
    assert_eq!(store.read_with(&log(), |v| v.tables()).await.unwrap(), ["tokens"]);
}

pub(super) async fn secrets_are_kept_apart(store: Arc<dyn Store>) {
    let secret = |text: &str| Secret(text.as_bytes().to_vec());
    store.secret_put("token", "b", secret("two")).await.unwrap();
    store.secret_put("token", "a", secret("one")).await.unwrap();
    store.secret_put("session", "a", secret("other")).await.unwrap();
    store.secret_put("token", "a", secret("new")).await.unwrap();
    assert_eq!(store.secret_get("token", "a").await.unwrap(), Some(secret("new")));
    assert_eq!(store.secret_get("token", "c").await.unwrap(), None);
    assert_eq!(store.secret_list("token").await.unwrap(), ["a", "b"]);
    assert!(store.secret_delete("token", "a").await.unwrap());
    assert!(!store.secret_delete("token", "a").await.unwrap());
    assert_eq!(store.secret_get("token", "a").await.unwrap(), None);
    assert_eq!(store.secret_get("session", "a").await.unwrap(), Some(secret("other")));
    assert!(matches!(store.secret_put("", "a", secret("x")).await, Err(StoreError::Invalid(_))));
    let long = Secret(vec![0; 70_000]);
    assert!(matches!(store.secret_put("token", "a", long).await, Err(StoreError::Invalid(_))));
    assert_eq!(format!("{:?}", secret("one")), "Secret(…)");
}
