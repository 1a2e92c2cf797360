//! A factory on a copy of the example, with a real SQLite store. Delivered stages are prepared once and copied.

use crate::simulated;
use seatrial_factory::api::{Again, Caller, Passage, PassageEntry, Passed};
use seatrial_factory::{
    ApprovalInput, Clock, Factory, FactoryProjector, OpenOptions, Providers, Quiet, Released, Standing,
};
use seatrial_guard::port::Model;
use seatrial_model::event::TokenKind;
use seatrial_model::{Assurance, Digest, EventId, LogName, Principal, PrincipalKind, Side, Stage, Time};
use seatrial_spec::workflow::Provider;
use seatrial_sprint::{Example, Split, parse_examples};
use seatrial_store::{Options, SqliteStore, Store, StoreError};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Instant;
use tokio::sync::OnceCell;

pub const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/credit-preapproval");
pub const WORKFLOW: &str = "credit-preapproval";
/// The salt under which the shared deliveries split the example's applications.
pub const SALT: &str = "5eed";

/// 2026-11-23T10:00:00Z: the example's dates (a pilot until 2027-03-31) are read against this, whenever the test runs.
const MORNING_MS: i64 = 1_795_428_000_000;
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A clock that goes on from that morning.
pub struct Morning;

impl Clock for Morning {
    fn now(&self) -> Time {
        Time::from_millis(MORNING_MS + i64::try_from(STARTED.elapsed().as_millis()).unwrap())
    }
}

/// The providers of a test: one model for every name, or none.
pub struct Only(pub Option<Arc<dyn Model>>);

impl Providers for Only {
    fn model(&self, _: &Provider, _: &str) -> Result<Arc<dyn Model>, String> {
        self.0.clone().ok_or_else(|| "this test reaches no network".to_owned())
    }
}

pub fn copy(from: &Path, to: &Path, with_store: bool) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            if with_store || entry.file_name() != ".seatrial" {
                copy(&entry.path(), &target, with_store);
            }
        } else if kind.is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub struct Yard {
    pub factory: Factory,
    pub root: PathBuf,
    dir: tempfile::TempDir,
}

/// A delivery as it stood when the store was closed, and what tests want to know of it.
struct Prepared {
    dir: tempfile::TempDir,
}

static PILOT: OnceCell<Prepared> = OnceCell::const_new();
static PRODUCTION: OnceCell<Prepared> = OnceCell::const_new();

impl Yard {
    /// The example, nothing submitted.
    pub async fn new() -> Self {
        Self::with(Only(None), |_| {}).await
    }

    /// The example, changed before anything is read, with these providers.
    pub async fn with(providers: Only, change: impl FnOnce(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("factory");
        copy(Path::new(EXAMPLE), &root, false);
        change(&root);
        let factory = open_with(&root, providers).await;
        Self { factory, root, dir }
    }

    /// A copy of the example as it was released to its pilot.
    pub async fn pilot() -> Self {
        let prepared = PILOT
            .get_or_init(|| async {
                let yard = Self::new().await;
                yard.to_pilot().await;
                yard.close()
            })
            .await;
        prepared.launch().await
    }

    /// A copy of the example as it was released to production.
    pub async fn production() -> Self {
        let prepared = PRODUCTION
            .get_or_init(|| async {
                let yard = Self::pilot().await;
                yard.to_production().await;
                yard.close()
            })
            .await;
        prepared.launch().await
    }

    fn close(self) -> Prepared {
        drop(self.factory);
        Prepared { dir: self.dir }
    }

    /// Closes the store and opens it again: the same folder, another process as far as the factory can tell.
    pub async fn reopened(self) -> Self {
        self.reopened_with(Only(None)).await
    }

    pub async fn reopened_with(self, providers: Only) -> Self {
        self.reopened_over(providers, |store| Arc::new(store)).await
    }

    /// The same, with what a test puts around the store.
    pub async fn reopened_over(self, providers: Only, over: impl FnOnce(SqliteStore) -> Arc<dyn Store>) -> Self {
        let Self { factory, root, dir } = self;
        drop(factory);
        let factory = open_over(&root, providers, over).await;
        Self { factory, root, dir }
    }

    pub fn who(&self, name: &str) -> Caller {
        let side = if name == "dev" || name == "lena" { "shipyard" } else { "harbour" };
        self.factory.local(&format!("{name}@{side}.example")).unwrap()
    }

    pub fn log(&self) -> LogName {
        WORKFLOW.parse().unwrap()
    }

    pub fn workflow_folder(&self) -> PathBuf {
        self.root.join("workflows/credit-preapproval")
    }

    pub fn workflow_file(&self) -> PathBuf {
        self.workflow_folder().join("workflow.yaml")
    }

    pub fn edit(&self, from: &str, to: &str) {
        edit(&self.workflow_file(), from, to);
    }

    /// The example's applications with the split that the shared deliveries sealed.
    pub fn applications(&self, salt: &str) -> (Vec<Example>, Split) {
        let bytes = std::fs::read(self.workflow_folder().join("examples/applications.jsonl")).unwrap();
        let examples = parse_examples(&bytes).unwrap();
        let split = Split::of(salt, &examples).unwrap();
        (examples, split)
    }

    pub async fn approve(&self, who: &str, stage: Stage, obligation: &str, role: Option<&str>) -> EventId {
        let input = ApprovalInput {
            stage,
            obligation: obligation.to_owned(),
            role: role.map(str::to_owned),
            key: None,
            shown_ms: Some(60_000),
        };
        let given = self.factory.approve(&self.who(who), WORKFLOW, input).await;
        given.unwrap_or_else(|e| panic!("{who} {obligation}: {e}"))
    }

    pub async fn standing(&self, stage: Stage) -> Standing {
        self.factory.standing(WORKFLOW, stage).await.unwrap()
    }

    pub async fn missing(&self, stage: Stage) -> Vec<String> {
        let standing = self.standing(stage).await;
        standing.missing().map(|s| format!("{} {} {}", s.obligation.id, s.state, s.why)).collect()
    }

    /// Measures everything that is measured: a certified threshold, evaluations, a rehearsal, a drill.
    pub async fn measure(&self) {
        let dev = self.who("dev");
        let (criterion, small) = simulated::CRITERION;
        self.edit(criterion, small);
        let proposed = self.factory.propose(&dev, None, "approve", Some(SALT.to_owned()), &Quiet).await.unwrap();
        let at = proposed.body.at.expect("this split lets a threshold be proposed");
        self.edit("at: none ", &format!("at: {at} "));
        let certified = self.factory.certify(&dev, None, "approve", &Quiet).await.unwrap();
        assert!(certified.body.certified, "{:?}", certified.body.certificate);
        self.factory.evaluate(&dev, None, &[], &Quiet).await.unwrap();
        self.factory.rehearse(&dev, None, &Quiet).await.unwrap();
        self.factory.drill_stop(&self.who("hana"), &self.who("hugo"), None).await.unwrap();
        simulated::drills(&self.factory).await.unwrap();
    }

    async fn cut(&self, who: &str, stage: Stage) {
        let missing = self.missing(stage).await;
        assert!(missing.is_empty(), "{stage}: {missing:#?}");
        let released = self.factory.release(&self.who(who), WORKFLOW, stage, false).await.unwrap();
        assert!(matches!(released, Released::Cut { .. }), "{released:?}");
    }

    pub async fn to_pilot(&self) {
        self.measure().await;
        self.approve("hana", Stage::Pilot, "spec.intent", Some("credit")).await;
        self.approve("hana", Stage::Pilot, "approval.credit", None).await;
        self.approve("lena", Stage::Pilot, "release.approval", Some("engineering")).await;
        self.cut("lena", Stage::Pilot).await;
    }

    /// From a pilot to production, by the simulated people.
    pub async fn to_production(&self) {
        let events = self.standing(Stage::Production).await;
        let cited = events.states.iter().find(|s| s.obligation.id == "eval.boundary").unwrap().events.clone();
        let hana = self.who("hana");
        let text = "No: such an application always goes to an underwriter, as the boundary set shows.";
        self.factory.settle_question(&hana, WORKFLOW, "missing-income", text, cited, false).await.unwrap();
        let cases = simulated::pilot(&self.factory).await.unwrap();
        simulated::after_pilot(&self.factory, cases).await.unwrap();
        self.judge_for_production().await;
        self.cut("hana", Stage::Production).await;
    }

    /// Every judgement that production needs, by those who may give it.
    pub async fn judge_for_production(&self) {
        let production = Stage::Production;
        self.approve("hana", production, "spec.intent", Some("credit")).await;
        self.approve("ria", production, "spec.intent", Some("risk")).await;
        self.approve("hana", production, "risk.register", Some("credit")).await;
        self.approve("ria", production, "risk.register", Some("risk")).await;
        self.approve("hugo", production, "approval.credit", None).await;
        self.approve("ria", production, "approval.risk", None).await;
        for responsibility in ["workflow", "changes", "behaviour", "evolution"] {
            for who in ["hana", "hugo"] {
                self.factory.accept(&self.who(who), WORKFLOW, responsibility).await.unwrap();
            }
        }
        for who in ["una", "ugo", "hana"] {
            self.factory.accept(&self.who(who), WORKFLOW, "exceptions").await.unwrap();
        }
        self.approve("hugo", production, "release.approval", Some("credit")).await;
        self.approve("rex", production, "release.approval", Some("risk")).await;
    }

    /// Passes one application as the shop, and gives what came of it.
    pub async fn pass(&self, input: Value) -> Passed {
        self.factory.pass(&shop("shop"), run(input)).await.unwrap()
    }

    /// Passes held-back applications until so many were allowed; gives those with their inputs.
    pub async fn allowed(&self, wanted: usize) -> Vec<(Value, Passed)> {
        let (examples, split) = self.applications(SALT);
        let mut found = Vec::new();
        for place in split.indexes(seatrial_model::event::SplitSide::HeldBack) {
            let input = examples[place].input.clone();
            let passed = self.pass(input.clone()).await;
            if passed.output.is_some() {
                found.push((input, passed));
            }
            if found.len() == wanted {
                return found;
            }
        }
        panic!("only {} of the held-back applications pass", found.len());
    }

    /// The digests of every element, as written and as compiled, of the work tree.
    pub fn elements(&self) -> BTreeMap<String, (Digest, Digest)> {
        let tree = self.factory.work_tree(None).unwrap();
        let workflow = tree.checked.workflow.unwrap();
        workflow.elements.iter().map(|e| (e.path.to_string(), (e.written, e.compiled))).collect()
    }
}

impl Prepared {
    async fn launch(&self) -> Yard {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("factory");
        copy(&self.dir.path().join("factory"), &root, true);
        let factory = open(&root).await;
        Yard { factory, root, dir }
    }
}

pub fn edit(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "`{}` has no `{from}`", file.display());
    std::fs::write(file, text.replacen(from, to, 1)).unwrap();
}

pub async fn open(root: &Path) -> Factory {
    open_with(root, Only(None)).await
}

pub async fn open_with(root: &Path, providers: Only) -> Factory {
    open_over(root, providers, |store| Arc::new(store)).await
}

async fn open_over(root: &Path, providers: Only, over: impl FnOnce(SqliteStore) -> Arc<dyn Store>) -> Factory {
    let dir = root.join(".seatrial");
    let options = || Options { projector: Arc::new(FactoryProjector), ..Options::default() };
    let store = match SqliteStore::open(&dir, options()) {
        Err(StoreError::NoStore(_)) => SqliteStore::create(&dir, options()),
        other => other,
    };
    let store = over(store.unwrap());
    let options =
        OpenOptions { root: root.to_owned(), store, providers: Arc::new(providers), clock: Box::new(Morning) };
    Factory::open(options).await.unwrap()
}

/// A service with a caller's token for every step.
pub fn shop(name: &str) -> Caller {
    Caller {
        principal: Principal {
            id: name.to_owned(),
            kind: PrincipalKind::Service,
            side: Side::Receiving,
            roles: Default::default(),
            assurance: Assurance::Token,
        },
        token: Some(TokenKind::Caller),
        steps: vec!["*".to_owned()],
    }
}

pub fn run(input: Value) -> Passage {
    Passage {
        workflow: WORKFLOW.to_owned(),
        step: "assess".to_owned(),
        entry: PassageEntry::Run { input },
        case: None,
        rehearsal: false,
        again: Again::default(),
    }
}

/// An application that nothing objects to but, perhaps, the model.
pub fn application(amount: u64) -> Value {
    serde_json::json!({"applicant": {"seniority": 14, "records": "no"}, "finances": {"income": 240, "expenses": 60},
        "credit": {"amount": amount, "price": 1_500.max(amount), "months": 36}})
}
