//! A factory on a copy of the example, with a real SQLite store.

use seatrial_factory::api::{Caller, Passage, PassageEntry};
use seatrial_factory::{Factory, FactoryProjector, OpenOptions, Providers, SystemClock};
use seatrial_guard::port::Model;
use seatrial_spec::workflow::Provider;
use seatrial_store::{Options, SqliteStore, Store, StoreError};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/credit-preapproval");
pub const WORKFLOW: &str = "credit-preapproval";

struct NoProviders;

impl Providers for NoProviders {
    fn model(&self, _: &Provider, _: &str) -> Result<Arc<dyn Model>, String> {
        Err("this test reaches no network".to_owned())
    }
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != ".seatrial" {
                copy(&entry.path(), &target);
            }
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub struct Yard {
    pub factory: Factory,
    pub root: PathBuf,
    _dir: tempfile::TempDir,
}

impl Yard {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("factory");
        copy(Path::new(EXAMPLE), &root);
        let factory = open(&root).await;
        Self { factory, root, _dir: dir }
    }

    pub fn who(&self, name: &str) -> Caller {
        let side = if name == "dev" || name == "lena" { "shipyard" } else { "harbour" };
        self.factory.local(&format!("{name}@{side}.example")).unwrap()
    }

    pub fn workflow_file(&self) -> PathBuf {
        self.root.join("workflows/credit-preapproval/workflow.yaml")
    }

    pub fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.workflow_file()).unwrap();
        assert!(text.contains(from), "the example has no `{from}`");
        std::fs::write(self.workflow_file(), text.replacen(from, to, 1)).unwrap();
    }
}

pub async fn open(root: &Path) -> Factory {
    let dir = root.join(".seatrial");
    let options = || Options { projector: Arc::new(FactoryProjector), ..Options::default() };
    let store = match SqliteStore::open(&dir, options()) {
        Err(StoreError::NoStore(_)) => SqliteStore::create(&dir, options()),
        other => other,
    };
    let store: Arc<dyn Store> = Arc::new(store.unwrap());
    let options =
        OpenOptions { root: root.to_owned(), store, providers: Arc::new(NoProviders), clock: Box::new(SystemClock) };
    Factory::open(options).await.unwrap()
}

pub fn run(input: Value) -> Passage {
    Passage {
        workflow: WORKFLOW.to_owned(),
        step: "assess".to_owned(),
        entry: PassageEntry::Run { input },
        case: None,
        rehearsal: false,
        again: Default::default(),
    }
}
