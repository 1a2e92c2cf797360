//! Keys that follow each other, and cosignatures.

use crate::common::*;
use seatrial_ledger::{Checkpoint, Note, NoteSignature, Rotation, Signer, VerifierKey};
use seatrial_model::event::LogKeyRotated;
use seatrial_model::{Body, Event, LogPoint};
use seatrial_store::{Attest, Batch, Reader as _, ReaderExt as _, Store, StoreError, StoreExt as _};
use std::path::Path;
use std::sync::Arc;

pub async fn key(store: &dyn Store) -> String {
    store.logs().await.unwrap().into_iter().find(|l| l.log == log()).unwrap().key
}

pub async fn point(store: &dyn Store) -> LogPoint {
    let info = store.logs().await.unwrap().into_iter().find(|l| l.log == log()).unwrap();
    LogPoint { size: info.size, root: info.root }
}

fn verified(note: &str, key: &str) -> bool {
    let key: VerifierKey = key.parse().unwrap();
    Checkpoint::open(note.as_bytes(), &key).is_ok()
}

/// The event that names the key that is ready.
pub async fn rotation(store: &dyn Store) -> Event {
    let (old, point) = (key(store).await, point(store).await);
    let new = store.stage_key(&log(), None).await.unwrap();
    let rotation = Rotation { old: &old, new: &new, holder: "hana", point: &point };
    let text = rotation.statement().unwrap().text().to_owned();
    let signed = store.attest(&log(), Attest::Note(text)).await.unwrap();
    let line = Note::parse(signed.as_bytes()).unwrap().signatures()[0].to_string();
    rotation.verify(&line).unwrap();
    event(Body::LogKeyRotated(LogKeyRotated { old, new, holder: "hana".to_owned(), point, line, drill: false }))
}

pub async fn a_key_is_followed_by_another(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let first = key(&*store).await;
    let before = store.sign_now(&log()).await.unwrap();
    assert!(verified(&before, &first));
    store.append(&log(), Batch::of(rotation(&*store).await)).await.unwrap();
    let second = key(&*store).await;
    assert_ne!(first, second);
    let both = store.sign_now(&log()).await.unwrap();
    assert!(verified(&both, &first) && verified(&both, &second), "{both}");
    assert_eq!(store.sign_now(&log()).await.unwrap(), both, "the same point has the same signatures");
    store.append(&log(), Batch::of(declare())).await.unwrap();
    let later = store.sign_now(&log()).await.unwrap();
    assert!(!verified(&later, &first) && verified(&later, &second), "{later}");
    assert_eq!(store.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
    // And once more.
    store.append(&log(), Batch::of(rotation(&*store).await)).await.unwrap();
    let both = store.sign_now(&log()).await.unwrap();
    assert!(verified(&both, &second) && verified(&both, &key(&*store).await));
    assert_eq!(store.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
}

pub async fn a_key_that_was_not_made_ready_follows_nothing(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let first = key(&*store).await;
    let event = rotation(&*store).await;
    // Another one was made ready in between.
    store.stage_key(&log(), None).await.unwrap();
    let refused = store.append(&log(), Batch::of(event.clone())).await;
    assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    let mut forged = rotation(&*store).await;
    let Body::LogKeyRotated(body) = &mut forged.body else { panic!() };
    body.old = Signer::from_seed("bank/credit", &[3; 32]).unwrap().verifier_key().to_string();
    assert!(store.append(&log(), Batch::of(forged)).await.is_err());
    assert_eq!((key(&*store).await, store.size(&log()).await.unwrap()), (first.clone(), 1));
    assert!(verified(&store.sign_now(&log()).await.unwrap(), &first));
    let mine = seatrial_store::Seed([9; 32]);
    let given = store.stage_key(&log(), Some(mine.clone())).await.unwrap();
    assert_eq!(given, Signer::from_seed("bank/credit", &mine.0).unwrap().verifier_key().to_string());
}

pub async fn cosignatures_are_kept_with_their_checkpoint(store: Arc<dyn Store>) {
    open_log(&*store).await;
    let witness = Signer::from_seed("witness.example/w1", &[5; 32]).unwrap();
    let mut note = Note::parse(store.sign_now(&log()).await.unwrap().as_bytes()).unwrap();
    note.cosign(&witness, 1_795_427_751);
    let line: NoteSignature = note.signatures()[1].clone();
    let here = point(&*store).await;
    assert!(store.add_cosignatures(&log(), here.clone(), vec![line.clone()]).await.unwrap());
    let kept = store.checkpoint(&log()).await.unwrap().unwrap();
    assert_eq!(kept, note.to_string());
    assert_eq!(store.sign_now(&log()).await.unwrap(), kept, "it stays");
    store.append(&log(), Batch::of(declare())).await.unwrap();
    let newer = store.sign_now(&log()).await.unwrap();
    assert_eq!(Note::parse(newer.as_bytes()).unwrap().signatures().len(), 1, "of another checkpoint it says nothing");
    assert!(!store.add_cosignatures(&log(), here, vec![line]).await.unwrap());
}

/// The next key is in a file of its own until a checkpoint is signed by both: whatever was reached when the process
/// ended, the next start goes on from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_survives_an_end_between_any_two_steps() {
    let dir = tempfile::tempdir().unwrap();
    let first = {
        let store = create(dir.path());
        open_log(&store).await;
        store.close().await.unwrap();
        key_of(dir.path()).await
    };
    // Made ready, and named by nothing: as if it had not begun.
    {
        let store = reopen(dir.path());
        store.stage_key(&log(), None).await.unwrap();
        store.close().await.unwrap();
        assert_eq!(key_of(dir.path()).await, first);
    }
    // Named by an entry, and no checkpoint signed over it: copied away before the signer thread came to it.
    let copy = tempfile::tempdir().unwrap();
    let second = {
        let store = reopen(dir.path());
        let event = rotation(&store).await;
        let saved: Vec<_> = ["keys", "checkpoints"].iter().map(|f| (f, files(&dir.path().join(f)))).collect();
        store.append(&log(), Batch::of(event)).await.unwrap();
        store.close().await.unwrap();
        copy_folder(dir.path(), copy.path());
        for (folder, files) in saved {
            let to = copy.path().join(folder);
            std::fs::remove_dir_all(&to).unwrap();
            std::fs::create_dir(&to).unwrap();
            files.iter().for_each(|(name, bytes)| std::fs::write(to.join(name), bytes).unwrap());
        }
        let db = rusqlite::Connection::open(copy.path().join("evidence.db")).unwrap();
        let note = std::fs::read_to_string(copy.path().join("checkpoints/credit")).unwrap();
        db.execute("UPDATE logs SET note = ?1", [note]).unwrap();
        key_of(dir.path()).await
    };
    assert_ne!(first, second);
    {
        let store = reopen(copy.path());
        assert_eq!(store.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
        let both = store.sign_now(&log()).await.unwrap();
        assert!(verified(&both, &first) && verified(&both, &second), "{both}");
        store.append(&log(), Batch::of(declare())).await.unwrap();
        assert!(!verified(&store.sign_now(&log()).await.unwrap(), &first));
        store.close().await.unwrap();
    }
    // Signed by both, the old key not yet removed.
    std::fs::write(dir.path().join("keys/credit.key.next"), std::fs::read(dir.path().join("keys/credit.key")).unwrap())
        .unwrap();
    let old = files(&copy.path().join("keys"));
    assert_eq!(old.len(), 1, "the old key is gone: {:?}", old.iter().map(|(name, _)| name).collect::<Vec<_>>());
    let store = reopen(dir.path());
    assert_eq!(key(&store).await, second);
    store.append(&log(), Batch::of(declare())).await.unwrap();
    assert!(verified(&store.sign_now(&log()).await.unwrap(), &second));
    store.close().await.unwrap();
}

async fn key_of(dir: &Path) -> String {
    let store = reopen(dir);
    let found = key(&store).await;
    store.close().await.unwrap();
    found
}

fn files(dir: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let all = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap());
    all.map(|f| (f.file_name(), std::fs::read(f.path()).unwrap())).collect()
}

fn copy_folder(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap().map(|f| f.unwrap()) {
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_folder(&file.path(), &target);
        } else {
            std::fs::copy(file.path(), target).unwrap();
        }
    }
}
