//! Both stores, given the same, answer the same.

use crate::common::*;
use proptest::prelude::*;
use seatrial_model::{Commitment, Event};
use seatrial_store::{Batch, ReaderExt as _, Scan, Store, StoreError, StoreExt as _};

/// One step; numbers choose among what is there.
#[derive(Clone, Debug)]
enum Step {
    /// Tokens that are issued and revoked, in one batch; a revocation may have nothing to revoke.
    Tokens(Vec<(bool, u8)>),
    Declare(u8),
    Payload(u8, Vec<u8>, bool),
    Erase(u8),
    Blob(Vec<u8>),
    Poison,
    Rebuild,
    Sign,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        6 => proptest::collection::vec((any::<bool>(), 0..6_u8), 1..5).prop_map(Step::Tokens),
        3 => (1..90_u8).prop_map(Step::Declare),
        4 => (any::<u8>(), bytes(), any::<bool>()).prop_map(|(salt, bytes, case)| Step::Payload(salt, bytes, case)),
        2 => any::<u8>().prop_map(Step::Erase),
        2 => bytes().prop_map(Step::Blob),
        1 => Just(Step::Poison),
        1 => Just(Step::Rebuild),
        1 => Just(Step::Sign),
        1 => Just(Step::Reopen),
    ]
}

/// Events have random ids: they are made once, for both.
fn batch(step: &Step, commitments: &[Commitment]) -> Option<Batch> {
    let events = |events: Vec<Event>| Batch { events, ..Batch::default() };
    Some(match step {
        Step::Tokens(tokens) => {
            let event = |(put, n): &(bool, u8)| if *put { issue(&n.to_string()) } else { revoke(&n.to_string()) };
            events(tokens.iter().map(event).collect())
        }
        Step::Declare(n) => events((0..*n).map(|_| declare()).collect()),
        Step::Payload(salt, bytes, case) => with_payloads(vec![payload(*salt, bytes, case.then_some("case"))]),
        Step::Erase(n) => {
            let chosen = commitments.get(usize::from(*n) % commitments.len().max(1)).copied();
            erasing("case", chosen.into_iter().collect())
        }
        Step::Blob(bytes) => Batch { blobs: vec![bytes.clone()], ..Batch::default() },
        Step::Poison => events(vec![declare(), poison()]),
        Step::Rebuild | Step::Sign | Step::Reopen => return None,
    })
}

/// All that a reader can see, and the signed checkpoint's text but for its key.
async fn seen(store: &dyn Store) -> String {
    let info = store.logs().await.unwrap().remove(0);
    let all = store
        .read_with(&log(), |view| {
            let mut all = String::new();
            for table in view.tables()? {
                all += &format!("{table}: {:?}\n", view.scan(&Scan::all(table.as_str()))?);
                all += &format!("{:?}\n", view.scan(&Scan::all(table.as_str()).prefix("2").reversed())?);
            }
            all += &format!("{:?}\n", view.entries(0, 1_000)?.last());
            for commitment in view.payloads(None, 1_000)? {
                all += &format!("{:?}\n", view.payload(&commitment)?.unwrap().held().map(|h| (h.bytes, h.case)));
            }
            all += &format!("{:?} {:?}\n", view.payloads_of_case("case")?, view.blobs(None, 1_000)?);
            Ok(all)
        })
        .await
        .unwrap();
    format!("{} {} {all}", info.size, info.root)
}

fn kind<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> String {
    match outcome {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    }
}

async fn run(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let mut embedded = create(dir.path());
    let memory = memory();
    // Entry 0 holds the key, which differs: it is given to both.
    let mut commitments = Vec::new();
    let first = event(seatrial_model::Body::FactoryDeclared(seatrial_model::event::FactoryDeclared {
        file: seatrial_model::Digest::of(b""),
        people: 0,
        policies: [].into(),
        directory: [].into(),
    }));
    for store in [&embedded as &dyn Store, &memory] {
        let mut opening = opening_of(&log());
        let first = first.clone();
        opening.first = Box::new(move |_| Batch::of(first));
        store.open_log(&log(), opening).await.unwrap();
    }
    for step in steps {
        match (&step, batch(&step, &commitments)) {
            (_, Some(batch)) => {
                commitments.extend(batch.payloads.iter().map(seatrial_store::NewPayload::commitment));
                let one = kind(embedded.append(&log(), batch.clone()).await);
                assert_eq!(one, kind(memory.append(&log(), batch).await), "{step:?}");
            }
            (Step::Rebuild, None) => {
                let one = embedded.rebuild(&log()).await.unwrap();
                assert_eq!(one, memory.rebuild(&log()).await.unwrap());
                assert!(one.identical());
            }
            (Step::Sign, None) => {
                let point = |note: String| note.lines().take(3).map(str::to_owned).collect::<Vec<_>>();
                let one = point(embedded.sign_now(&log()).await.unwrap());
                assert_eq!(one, point(memory.sign_now(&log()).await.unwrap()));
            }
            (_, None) => {
                drop(embedded);
                embedded = reopen(dir.path());
            }
        }
        assert_eq!(seen(&embedded).await, seen(&memory).await, "{step:?}");
    }
    for store in [&embedded as &dyn Store, &memory] {
        assert_eq!(store.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
        assert!(store.check_rows(&log()).await.unwrap().identical());
    }
}

proptest! {
    // Each case syncs a disk many times.
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_answer_the_same(steps in proptest::collection::vec(step(), 1..20)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run(steps));
    }
}
