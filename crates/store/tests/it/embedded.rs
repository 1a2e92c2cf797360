//! What the embedded store promises beyond the contract: one owner, files, restarts, readers beside it.

use crate::common::*;
use seatrial_ledger::Checkpoint;
use seatrial_store::{
    Batch, KeySource, Options, Reader as _, ReaderExt as _, Seed, SqliteStore, Started, Store as _, StoreError,
    StoreExt as _,
};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    assert_eq!(store.started(), &Started::default());
    open_log(&store).await;
    let events = (0..300).map(|_| declare()).collect();
    let batch = Batch { events, blobs: vec![b"spec".to_vec()], ..Batch::default() };
    store.append(&log(), batch).await.unwrap();
    store.secret_put("token", "a", seatrial_store::Secret(b"s".to_vec())).await.unwrap();
    let before = store.logs().await.unwrap();
    store.close().await.unwrap();

    let store = reopen(dir.path());
    assert_eq!(store.started(), &Started::default(), "an orderly end needs no recovery");
    assert_eq!(store.logs().await.unwrap(), before);
    // Closing has signed the last entries.
    let note = store.checkpoint(&log()).await.unwrap().unwrap();
    let (checkpoint, _) = Checkpoint::open(note.as_bytes(), &before[0].key.parse().unwrap()).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (301, before[0].root));
    assert_eq!(store.row(&log(), "counts", b"declared").await.unwrap().map(|v| read_count(&v)), Some(300));
    assert!(store.secret_get("token", "a").await.unwrap().is_some());
    assert_eq!(store.append(&log(), Batch::of(declare())).await.unwrap().first_index, 301);
    assert_eq!(store.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
    assert!(store.check_rows(&log()).await.unwrap().identical());

    // Dropping it is an orderly end, too.
    drop(store);
    let store = reopen(dir.path());
    assert_eq!((store.recovered(), store.size(&log()).await.unwrap()), (None, 302));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    open_log(&store).await;
    let second = SqliteStore::open(dir.path(), options());
    assert!(matches!(second.err(), Some(StoreError::Owned(_))));
    let again = SqliteStore::create(dir.path(), options());
    assert!(matches!(again.err(), Some(StoreError::Owned(_))));
    store.append(&log(), Batch::of(declare())).await.unwrap();
    store.close().await.unwrap();
    // Closed, it is free, although the value still lives.
    let next = reopen(dir.path());
    assert_eq!(next.size(&log()).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_never_made_by_accident() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    assert!(matches!(SqliteStore::open(&missing, options()).err(), Some(StoreError::NoStore(_))));
    assert!(matches!(SqliteStore::open_read_only(&missing, tokens()).err(), Some(StoreError::NoStore(_))));
    assert!(!missing.exists());
    drop(create(&missing));
    assert!(matches!(SqliteStore::create(&missing, options()).err(), Some(StoreError::StoreExists(_))));
    rusqlite::Connection::open(missing.join("evidence.db")).unwrap().execute_batch("PRAGMA user_version=9").unwrap();
    let newer = SqliteStore::open(&missing, options()).err();
    assert!(matches!(newer, Some(StoreError::Format { found: 9, expected: 2 })), "{newer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_needs_no_owner_and_disturbs_none() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    open_log(&store).await;
    let reader = SqliteStore::open_read_only(dir.path(), tokens()).unwrap();
    assert_eq!(reader.size(&log()).await.unwrap(), 1);
    store.append(&log(), Batch::of(declare())).await.unwrap();
    assert_eq!(reader.size(&log()).await.unwrap(), 2, "a reader sees what was acknowledged");
    let note = store.sign_now(&log()).await.unwrap();
    assert_eq!(reader.checkpoint(&log()).await.unwrap(), Some(note.clone()));
    store.close().await.unwrap();
    assert_eq!(reader.size(&log()).await.unwrap(), 2);
    drop(reader);
    let alone = SqliteStore::open_read_only(dir.path(), tokens()).unwrap();
    assert_eq!(alone.checkpoint(&log()).await.unwrap(), Some(note));
    assert!(alone.check_rows(&log()).await.unwrap().identical());
    assert_eq!(alone.check_database().await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_read_holds_up_no_append_and_sees_one_state() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(create(dir.path()));
    open_log(&*store).await;
    let (began, begins) = tokio::sync::oneshot::channel();
    let (done, wait) = std::sync::mpsc::channel();
    let reading = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let name = log();
            let read = store.read_with(&name, move |view| {
                let before = view.entries(0, 100)?.len();
                began.send(()).unwrap();
                wait.recv_timeout(Duration::from_secs(20)).unwrap();
                Ok((before, view.entries(0, 100)?.len(), view.row("counts", b"declared")?))
            });
            read.await
        })
    };
    begins.await.unwrap();
    for _ in 0..5 {
        store.append(&log(), Batch::of(declare())).await.unwrap();
    }
    assert_eq!(store.size(&log()).await.unwrap(), 6);
    done.send(()).unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), (1, 1, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_are_signed_in_the_background() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    open_log(&store).await;
    let key = store.logs().await.unwrap()[0].key.parse().unwrap();
    let signed_size = async || match store.checkpoint(&log()).await.unwrap() {
        Some(note) => Checkpoint::open(note.as_bytes(), &key).unwrap().0.size,
        None => 0,
    };
    for size in [2, 3] {
        store.append(&log(), Batch::of(declare())).await.unwrap();
        let began = Instant::now();
        while signed_size().await < size {
            assert!(began.elapsed() < Duration::from_secs(10), "the entry was never signed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_private_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = create(&path);
    open_log(&store).await;
    store.secret_put("token", "a", seatrial_store::Secret(b"s".to_vec())).await.unwrap();
    store.sign_now(&log()).await.unwrap();
    let files = files_below(&path);
    assert!(files.iter().any(|f| f.ends_with("keys/credit.key")), "{files:?}");
    for file in files {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{} has mode {mode:o}", file.display());
    }
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
}

fn files_below(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn erased_bytes_are_in_no_file_once_the_erasure_is_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    open_log(&store).await;
    // One small enough for a table's page, one that fills pages of its own.
    let marker = "Erika Mustermann, born 12.08.1964 ";
    let (small, large) =
        (payload(0xA7, marker.as_bytes(), Some("c")), payload(0xB8, marker.repeat(3_000).as_bytes(), Some("c")));
    let commitments = vec![small.commitment(), large.commitment()];
    store.append(&log(), with_payloads(vec![small, large])).await.unwrap();
    let holding = |needle: &[u8]| {
        let holds = |file: &std::path::PathBuf| std::fs::read(file).unwrap().windows(needle.len()).any(|w| w == needle);
        files_below(dir.path()).into_iter().filter(holds).collect::<Vec<_>>()
    };
    assert!(!holding(marker.as_bytes()).is_empty(), "the test must be able to find it");
    store.append(&log(), erasing("c", commitments)).await.unwrap();
    for needle in [marker.as_bytes(), &[0xA7; 32], &[0xB8; 32]] {
        assert_eq!(holding(needle), Vec::<std::path::PathBuf>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_another_version_are_folded_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    open_log(&store).await;
    store.append(&log(), Batch { events: vec![issue("a"), declare()], ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();
    let newer = || Arc::new(Tokens { version: 2 });
    let reader = SqliteStore::open_read_only(dir.path(), newer()).err();
    assert!(matches!(reader, Some(StoreError::RowsVersion { found: 1, expected: 2, .. })), "{reader:?}");
    let store = SqliteStore::open(dir.path(), Options { projector: newer(), ..Options::default() }).unwrap();
    assert_eq!(store.started().rebuilt, [log()]);
    assert_eq!(store.row(&log(), "tokens", b"a").await.unwrap(), Some(b"v2:1".to_vec()));
    assert!(store.check_rows(&log()).await.unwrap().identical());
    store.close().await.unwrap();
    let store = SqliteStore::open(dir.path(), Options { projector: newer(), ..Options::default() }).unwrap();
    assert_eq!(store.started(), &Started::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_signed_by_its_own_key_only() {
    let seeded = |seed| Options { keys: KeySource::Seed(Seed([seed; 32])), ..options() };
    let refused = |dir: &Path, options| match SqliteStore::open(dir, options).err() {
        Some(StoreError::Key { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    // Derived keys: none on the disk, and only the same seed opens it.
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::create(dir.path(), seeded(1)).unwrap();
    open_log(&store).await;
    let key = store.logs().await.unwrap()[0].key.clone();
    store.close().await.unwrap();
    assert_eq!(files_below(&dir.path().join("keys")), Vec::<std::path::PathBuf>::new());
    assert!(refused(dir.path(), seeded(2)).contains("the log is signed with"));
    assert!(refused(dir.path(), options()).contains("is missing"));
    let store = SqliteStore::open(dir.path(), seeded(1)).unwrap();
    assert_eq!(store.logs().await.unwrap()[0].key, key);
    assert_eq!(store.recovered(), None, "a refused start leaves the mark of the orderly end");

    // A key in a file, broken.
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    open_log(&store).await;
    drop(store);
    let file = dir.path().join("keys/credit.key");
    let secret = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, secret.trim().get(1..).unwrap()).unwrap();
    let what = refused(dir.path(), options());
    assert!(what.contains("64 hexadecimal digits") && !what.contains(&secret[1..20]), "{what}");
    std::fs::write(&file, secret).unwrap();
    drop(reopen(dir.path()));
}

/// A key that an interrupted opening left behind is used by the next one.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_opening_can_be_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    let mut empty = opening_of(&log());
    empty.first = Box::new(|_| Batch::default());
    store.open_log(&log(), empty).await.unwrap_err();
    let left = std::fs::read_to_string(dir.path().join("keys/credit.key")).unwrap();
    open_log(&store).await;
    assert_eq!(std::fs::read_to_string(dir.path().join("keys/credit.key")).unwrap(), left);
    store.append(&log(), Batch::of(declare())).await.unwrap();
    store.sign_now(&log()).await.unwrap();
}

/// While the disk is busy, what arrives waits, and is then committed together.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_shares_one_commit() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(create(dir.path()));
    open_log(&*store).await;
    store.sign_now(&log()).await.unwrap();
    let (began, begins) = tokio::sync::oneshot::channel();
    let (go, wait) = std::sync::mpsc::channel();
    let slow = store.transact(
        &log(),
        Box::new(move |_| {
            began.send(()).unwrap();
            wait.recv_timeout(Duration::from_secs(20)).unwrap();
            Ok(Batch::of(declare()))
        }),
    );
    let slow = async { slow.await.unwrap() };
    let others = async {
        begins.await.unwrap();
        let before = store.commits();
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.append(&log(), Batch::of(declare())).await.unwrap() })
            })
            .collect();
        // They have all been handed over once each holds a place in the queue.
        tokio::time::sleep(Duration::from_millis(300)).await;
        go.send(()).unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        store.commits() - before
    };
    let (_, commits) = tokio::join!(slow, others);
    // One for all, with the slow one or after it; the signer may have had one of its own.
    assert!(commits <= 4, "{commits} commits for 101 batches");
    assert_eq!(store.size(&log()).await.unwrap(), 102);
}

/// Who no longer waits takes nothing back: the batch is durable all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_takes_nothing_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    open_log(&store).await;
    let (began, begins) = tokio::sync::oneshot::channel();
    let work = Box::new(move |_: &dyn seatrial_store::View| {
        let _ = began.send(());
        Ok(Batch::of(declare()))
    });
    tokio::select! {
        biased;
        _ = begins => {}
        outcome = store.transact(&log(), work) => drop(outcome),
    }
    store.append(&log(), Batch::of(declare())).await.unwrap();
    assert_eq!(store.size(&log()).await.unwrap(), 3);
}

/// Lookups gather in the owner's memory: whoever else reads finds them in the events.
#[tokio::test(flavor = "multi_thread")]
async fn another_process_finds_what_was_only_just_appended() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    open_log(&store).await;
    let kept = payload(1, b"x", Some("c"));
    let commitment = kept.commitment();
    let reader = SqliteStore::open_read_only(dir.path(), tokens()).unwrap();
    // Again and again, so that it is also read while they are being written out.
    for n in 0..40_u64 {
        let token = format!("t{n}");
        store.append(&log(), Batch::of(issue(&token))).await.unwrap();
        if n == 0 {
            store.append(&log(), with_payloads(vec![kept.clone()])).await.unwrap();
        }
        let found = reader.read_with(&log(), move |view| view.about("token", token.as_bytes(), 9)).await.unwrap();
        assert_eq!(found, [if n == 0 { 1 } else { n + 2 }]);
        assert!(reader.payload(&log(), commitment).await.unwrap().is_some());
        assert_eq!(reader.read_with(&log(), |view| view.payloads_of_case("c")).await.unwrap(), [commitment]);
        if n % 10 == 0 {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
    assert!(reader.check_rows(&log()).await.unwrap().identical());
    assert_eq!(reader.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
    store.close().await.unwrap();
    let waiting: i64 = rusqlite::Connection::open(dir.path().join("evidence.db"))
        .unwrap()
        .query_row("SELECT size - looked FROM logs", [], |r| r.get(0))
        .unwrap();
    assert_eq!(waiting, 0, "an orderly end leaves nothing to be read again");
}
