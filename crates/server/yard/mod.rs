//! A real factory on a copy of the example, for the tests and for looking: delivered to a pilot that has run.

#[path = "../../factory/tests/it/simulated.rs"]
mod simulated;

use seatrial_factory::api::{Caller, Passage, PassageEntry, Passed};
use seatrial_factory::{
    ApprovalInput, Factory, FactoryProjector, OpenOptions, Providers, Quiet, Released, SystemClock,
};
use seatrial_guard::port::Model;
use seatrial_model::event::TokenKind;
use seatrial_model::{Assurance, Principal, PrincipalKind, Side, Stage};
use seatrial_spec::workflow::Provider;
use seatrial_store::{Options, SqliteStore, Store, StoreError};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const WORKFLOW: &str = "credit-preapproval";

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/credit-preapproval");

/// The example's model is embedded: no provider is asked for another.
struct NoProviders;

impl Providers for NoProviders {
    fn model(&self, _: &Provider, _: &str) -> Result<Arc<dyn Model>, String> {
        Err("no network is reached here".to_owned())
    }
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the example") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        // A store in the example itself is somebody's own, left by a walk through the tutorial.
        if from == Path::new(EXAMPLE) && entry.file_name() == ".seatrial" {
            continue;
        }
        if entry.file_type().expect("its type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// A factory in a folder of its own.
pub struct Yard {
    pub factory: Factory,
    pub root: PathBuf,
    _dir: tempfile::TempDir,
}

impl Yard {
    /// A copy of the example with an empty store.
    pub async fn new() -> Self {
        Self::copy_of(Path::new(EXAMPLE)).await
    }

    /// A copy of a factory's folder; with its store, where it has one that is closed.
    pub async fn copy_of(folder: &Path) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("factory");
        copy(folder, &root);
        let factory = open(&root).await;
        Self { factory, root, _dir: dir }
    }

    /// Gives the folder away; the store is closed.
    #[cfg(test)]
    pub fn keep(self) -> (tempfile::TempDir, PathBuf) {
        (self._dir, self.root)
    }

    pub fn who(&self, name: &str) -> Caller {
        let side = if name == "dev" || name == "lena" { "shipyard" } else { "harbour" };
        self.factory.local(&format!("{name}@{side}.example")).expect("a person of the example")
    }

    pub fn edit(&self, from: &str, to: &str) {
        let file = self.root.join("workflows/credit-preapproval/workflow.yaml");
        let text = std::fs::read_to_string(&file).expect("the spec");
        assert!(text.contains(from), "the example has no `{from}`");
        std::fs::write(file, text.replacen(from, to, 1)).expect("the spec is written");
    }

    async fn approve(&self, who: &str, obligation: &str) {
        let input = ApprovalInput {
            stage: Stage::Pilot,
            obligation: obligation.to_owned(),
            role: None,
            key: None,
            shown_ms: Some(60_000),
        };
        self.factory.approve(&self.who(who), WORKFLOW, input).await.expect("an approval");
    }

    /// From the draft to a pilot in force, with a sprint opened at its start and closed at its end.
    pub async fn deliver(&self) {
        let (dev, factory) = (self.who("dev"), &self.factory);
        let goal = "Find a confidence above which an application need not be read, and show that it holds.";
        let questions = vec!["short-history".to_owned()];
        let obligations = vec!["threshold.approve".to_owned(), "runtime.enforces".to_owned(), "drill.stop".to_owned()];
        factory.open_sprint(&dev, None, goal, questions, obligations).await.expect("a sprint");
        let proposed =
            factory.propose(&dev, None, "approve", Some("5eed".to_owned()), &Quiet).await.expect("a proposal");
        let at = proposed.body.at.expect("this split lets a threshold be proposed");
        self.edit("at: none ", &format!("at: {at} "));
        factory.certify(&dev, None, "approve", &Quiet).await.expect("a certification");
        factory.evaluate(&dev, None, &[], &Quiet).await.expect("an evaluation");
        factory.rehearse(&dev, None, &Quiet).await.expect("a rehearsal");
        factory.drill_stop(&self.who("hana"), &self.who("hugo"), None).await.expect("a drill");
        simulated::drills(factory).await.expect("drills");
        factory.close_sprint(&dev, WORKFLOW).await.expect("a closed sprint");
        self.approve("hana", "spec.intent").await;
        self.approve("hana", "approval.credit").await;
        self.approve("lena", "release.approval").await;
        let released = factory.release(&self.who("lena"), WORKFLOW, Stage::Pilot, false).await.expect("a release");
        assert!(matches!(released, Released::Cut { .. }), "{released:?}");
    }

    /// Passes an application of the shop.
    pub async fn pass(&self, case: &str, entry: PassageEntry) -> Passed {
        let passage = Passage {
            workflow: WORKFLOW.to_owned(),
            step: "assess".to_owned(),
            entry,
            case: Some(case.to_owned()),
            rehearsal: false,
            again: seatrial_factory::api::Again::default(),
        };
        self.factory.pass(&shop(), passage).await.expect("a decision")
    }
}

/// The application's own service.
pub fn shop() -> Caller {
    Caller {
        principal: Principal {
            id: "shop".to_owned(),
            kind: PrincipalKind::Service,
            side: Side::Receiving,
            roles: BTreeSet::new(),
            assurance: Assurance::Token,
        },
        token: Some(TokenKind::Caller),
        steps: vec!["*".to_owned()],
    }
}

/// An application for a credit that can be carried, or not.
pub fn application(n: u64) -> Value {
    let amount = 600 + (n * 211) % 1900;
    credit(n, json!({"amount": amount, "price": 3000, "months": 36}))
}

/// An application for exactly this credit.
pub fn credit(n: u64, credit: Value) -> Value {
    json!({
        "applicant": {"seniority": n % 17, "age": 24 + n % 40, "marital": if n.is_multiple_of(3) { "single" } else { "married" }, "records": "no"},
        "finances": {"income": 120 + (n * 37) % 200, "expenses": 40 + (n * 13) % 60},
        "credit": credit,
    })
}

async fn open(root: &Path) -> Factory {
    let dir = root.join(".seatrial");
    let options = || Options { projector: Arc::new(FactoryProjector), ..Options::default() };
    let store = match SqliteStore::open(&dir, options()) {
        Err(StoreError::NoStore(_)) => SqliteStore::create(&dir, options()),
        other => other,
    };
    let store: Arc<dyn Store> = Arc::new(store.expect("a store"));
    let options =
        OpenOptions { root: root.to_owned(), store, providers: Arc::new(NoProviders), clock: Box::new(SystemClock) };
    Factory::open(options).await.expect("a factory")
}
