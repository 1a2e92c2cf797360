//! What a witness answers is verified; whatever it says, nothing stops.

use crate::support::{EXAMPLE, Morning, WORKFLOW, copy};
use futures_util::future::{BoxFuture, ready};
use seatrial_factory::{Factory, FactoryProjector, OpenOptions, Providers, WitnessAnswer};
use seatrial_guard::port::Model;
use seatrial_ledger::{AddCheckpoint, Note, Signer, VerifierKey, Witness};
use seatrial_model::LogName;
use seatrial_spec::workflow::Provider;
use seatrial_store::{KeySource, MemoryStore, Reader as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Answers what it was told to; where nothing was said, as a witness does.
struct Said {
    witness: Mutex<Witness>,
    says: Mutex<Option<Result<WitnessAnswer, String>>>,
    asked: Mutex<Vec<String>>,
}

struct Outside(Arc<Said>);

impl Providers for Outside {
    fn model(&self, _: &Provider, _: &str) -> Result<Arc<dyn Model>, String> {
        Err("this test asks no model".to_owned())
    }

    fn add_checkpoint(&self, url: &str, body: Vec<u8>) -> BoxFuture<'_, Result<WitnessAnswer, String>> {
        self.0.asked.lock().unwrap().push(url.to_owned());
        if let Some(said) = self.0.says.lock().unwrap().clone() {
            return Box::pin(ready(said));
        }
        let mut witness = self.0.witness.lock().unwrap();
        let answer = match witness.add_checkpoint(&body, 1_795_428_000) {
            Ok(line) => WitnessAnswer { status: 200, body: line.into_bytes() },
            Err(objection) => {
                let origin = AddCheckpoint::parse(&body).unwrap().note.text().lines().next().unwrap().to_owned();
                let size = witness.newest(&origin).map_or(0, |point| point.size);
                WitnessAnswer { status: objection.status(), body: format!("{size}\n").into_bytes() }
            }
        };
        Box::pin(ready(Ok(answer)))
    }
}

fn signer(seed: u8) -> Signer {
    Signer::from_seed("witness.example/w1", &[seed; 32]).unwrap()
}

async fn open() -> (tempfile::TempDir, Factory, Arc<MemoryStore>, Arc<Said>, LogName) {
    let dir = tempfile::tempdir().unwrap();
    copy(Path::new(EXAMPLE), dir.path(), false);
    let file = dir.path().join("factory.yaml");
    let key = signer(1).cosigner_key();
    let witness = format!("{{ name: w1, url: \"https://w.example/x\", key: \"{key}\", side: independent }}");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\nwitnesses: [{witness}]\n")).unwrap();
    let said = Arc::new(Said {
        witness: Mutex::new(Witness::new(signer(1))),
        says: Mutex::default(),
        asked: Mutex::default(),
    });
    let store = Arc::new(MemoryStore::new(Arc::new(FactoryProjector), KeySource::Files));
    let factory = Factory::open(OpenOptions {
        root: dir.path().to_owned(),
        store: store.clone(),
        providers: Arc::new(Outside(Arc::clone(&said))),
        clock: Box::new(Morning),
    });
    let factory = factory.await.unwrap();
    let log = LogName::factory();
    let info = store.logs().await.unwrap().remove(0);
    said.witness.lock().unwrap().trust(info.key.parse().unwrap());
    (dir, factory, store, said, log)
}

#[tokio::test]
async fn a_cosignature_is_recorded_and_kept_with_the_newest_checkpoint() {
    let (_dir, factory, store, said, log) = open().await;
    let before = store.logs().await.unwrap()[0].size;
    let asked = factory.witness_now(&log).await.unwrap();
    assert_eq!((asked.len(), asked[0].point.as_ref().map(|p| p.size)), (1, Some(before)), "{asked:?}");
    assert_eq!(said.asked.lock().unwrap().as_slice(), ["https://w.example/x/add-checkpoint"; 2]);
    let key: VerifierKey = signer(1).cosigner_key();
    let note = store.checkpoint(&log).await.unwrap().unwrap();
    assert!(Note::parse(note.as_bytes()).unwrap().verify(&[key]).is_ok(), "{note}");
    assert_eq!(store.logs().await.unwrap()[0].size, before + 1);
    let look = factory.witnesses(&log).await.unwrap().remove(0);
    assert!(look.due > look.at.unwrap());
    // Half of its time has not passed: nobody is asked.
    assert!(factory.witness_due().await.is_empty());
    // A witness that knows more than is recorded here says so, and is asked from there.
    factory.witness_now(&log).await.unwrap();
    assert!(factory.witness_now(&log).await.unwrap()[0].error.is_none());
}

#[tokio::test]
async fn whatever_a_witness_answers_nothing_stops() {
    let (_dir, factory, store, said, log) = open().await;
    let before = store.logs().await.unwrap()[0].size;
    let ok = |body: &[u8]| Ok(WitnessAnswer { status: 200, body: body.to_vec() });
    let status = |status: u16, body: &str| Ok(WitnessAnswer { status, body: body.as_bytes().to_vec() });
    let other = {
        let mut note = Note::new("another text\n".to_owned()).unwrap();
        note.cosign(&signer(1), 7);
        format!("{}\n", note.signatures()[0])
    };
    let stranger = {
        let mut note = Note::new("another text\n".to_owned()).unwrap();
        note.cosign(&signer(2), 7);
        format!("{}\n", note.signatures()[0])
    };
    for (says, told) in [
        (Err("it could not be reached".to_owned()), "could not be reached"),
        (ok(b""), "no signature by its key"),
        (ok(b"\xff\xfe"), "not UTF-8"),
        (ok("\u{2014} nonsense".as_bytes()), "no signature"),
        (ok(other.as_bytes()), "does not hold"),
        (ok(stranger.as_bytes()), "no signature by its key"),
        (status(403, "no"), "does not know the key"),
        (status(404, "no"), "does not know the log"),
        (status(422, "no"), "does not extend"),
        (status(500, "\u{1b}[31m"), "did not cosign (500"),
        (status(409, "0\n"), "another history"),
        (status(409, "1\n"), "another"),
        (status(409, "99999\n"), "the log was cut, or is an old copy"),
        (status(409, "many"), "another history"),
    ] {
        *said.says.lock().unwrap() = Some(says.clone());
        let asked = factory.witness_now(&log).await.unwrap().remove(0);
        let error = asked.error.unwrap_or_else(|| panic!("{says:?}"));
        assert!(error.contains(told) && !error.contains('\u{1b}'), "{told}: {error}");
    }
    assert_eq!(store.logs().await.unwrap()[0].size, before, "nothing was recorded");
    // In the background it is asked again only after a while.
    assert_eq!(factory.witness_due().await.len(), 1);
    assert!(factory.witness_due().await.is_empty());
    assert!(factory.workflows().iter().all(|w| w.as_str() != WORKFLOW));
}
