//! A real bank's factory under a clock of its own: people act by their tokens, and weeks pass between acts.

use crate::support::{EXAMPLE, WORKFLOW, copy, edit};
use seatrial_factory::api::{Caller, ReviewAnswerInput};
use seatrial_factory::{
    ApprovalInput, Clock, Factory, FactoryProjector, NewToken, OpenOptions, Providers, Quiet, Released, ReviewFilter,
    WitnessAnswer,
};
use seatrial_guard::port::Model;
use seatrial_ledger::{Objection, Signer, VerifierKey, Witness};
use seatrial_model::event::TokenKind;
use seatrial_model::{Answer, EventId, Span, Stage, Time};
use seatrial_spec::workflow::Provider;
use seatrial_store::{Options, SqliteStore, Store, StoreError};
use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

const FACTORY: &str = include_str!("factory.yaml");
const SPEC: &str = include_str!("workflow.yaml");
/// The applications that the model learns from: enough for it to tell clearly weak ones.
const APPLICATIONS: usize = 150;
/// 2026-09-01T08:00:00Z.
const START_MS: i64 = 1_788_249_600_000;
pub const MINUTE: i64 = 60_000;
pub const DAY: i64 = 86_400_000;

const PEOPLE: [&str; 8] = ["una", "ugo", "hana", "hugo", "ria", "rex", "dev", "lena"];

/// A clock that only the story moves; each look at it takes a millisecond.
#[derive(Clone)]
struct Tide(Arc<AtomicI64>);

impl Clock for Tide {
    fn now(&self) -> Time {
        Time::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// The independent side's witness, as the small program that it runs would answer, by the story's clock.
struct Outside {
    witness: Arc<Mutex<Witness>>,
    tide: Tide,
}

impl Providers for Outside {
    fn model(&self, _: &Provider, _: &str) -> Result<Arc<dyn Model>, String> {
        Err("this test reaches no network".to_owned())
    }

    fn add_checkpoint(
        &self,
        _: &str,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<WitnessAnswer, String>> + Send + '_>> {
        let time_s = u64::try_from(self.tide.now().as_millis() / 1_000).unwrap();
        let (status, body) = match self.witness.lock().unwrap().add_checkpoint(&body, time_s) {
            Ok(line) => (200, line),
            Err(Objection::Conflict { size, .. }) => (409, format!("{size}\n")),
            Err(objection) => (objection.status(), objection.to_string()),
        };
        Box::pin(ready(Ok(WitnessAnswer { status, body: body.into_bytes() })))
    }
}

/// The factory, with whoever acts in it.
pub struct House {
    pub factory: Factory,
    root: PathBuf,
    _dir: tempfile::TempDir,
    tide: Tide,
    witness: Arc<Mutex<Witness>>,
    tokens: BTreeMap<&'static str, String>,
    callers: BTreeMap<&'static str, Caller>,
    /// The behaviour in which this history differs from the honest one; none for the honest one.
    pub twist: &'static str,
}

/// A history up to some point, to be gone on with in several ways.
pub struct Kept {
    dir: tempfile::TempDir,
    at: i64,
    witness: Witness,
    tokens: BTreeMap<&'static str, String>,
}

impl House {
    pub async fn new(twist: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("factory");
        copy(Path::new(EXAMPLE), &root, false);
        let kind = if twist == "theatre.simulated" { "kind: simulation" } else { "kind: real" };
        let witness = Witness::new(Signer::from_seed("harbour-risk", &[7; 32]).unwrap());
        let watched = format!(
            "witnesses: [{{ name: risk, url: \"https://witness.harbour.example\", key: \"{}\", side: independent }}]\n",
            witness.key()
        );
        std::fs::write(root.join("factory.yaml"), FACTORY.replace("kind: real", kind) + &watched).unwrap();
        let folder = root.join("workflows/credit-preapproval");
        std::fs::write(folder.join("workflow.yaml"), SPEC).unwrap();
        std::fs::remove_file(folder.join("examples/hardship.jsonl")).unwrap();
        let learned = std::fs::read_to_string(folder.join("examples/applications.jsonl")).unwrap();
        let learned: Vec<&str> = learned.lines().take(APPLICATIONS).collect();
        std::fs::write(folder.join("examples/applications.jsonl"), learned.join("\n") + "\n").unwrap();
        let mut house = Self::open(dir, root, START_MS, witness, BTreeMap::new(), twist).await;
        house.tokens_for_all().await;
        house
    }

    async fn open(
        dir: tempfile::TempDir,
        root: PathBuf,
        at: i64,
        witness: Witness,
        tokens: BTreeMap<&'static str, String>,
        twist: &'static str,
    ) -> Self {
        let tide = Tide(Arc::new(AtomicI64::new(at)));
        let witness = Arc::new(Mutex::new(witness));
        let options = || Options { projector: Arc::new(FactoryProjector), ..Options::default() };
        let folder = root.join(".seatrial");
        let store = match SqliteStore::open(&folder, options()) {
            Err(StoreError::NoStore(_)) => SqliteStore::create(&folder, options()),
            other => other,
        };
        let store: Arc<dyn Store> = Arc::new(store.unwrap());
        let options = OpenOptions {
            root: root.clone(),
            store,
            providers: Arc::new(Outside { witness: Arc::clone(&witness), tide: tide.clone() }),
            clock: Box::new(tide.clone()),
        };
        let factory = Factory::open(options).await.unwrap();
        let mut house = Self { factory, root, _dir: dir, tide, witness, tokens, callers: BTreeMap::new(), twist };
        house.sign_in().await;
        house
    }

    /// Closes the store, so that it can be copied.
    pub fn keep(self) -> Kept {
        let Self { factory, _dir, tide, witness, tokens, .. } = self;
        drop(factory);
        let witness = witness.lock().unwrap().clone();
        Kept { dir: _dir, at: tide.0.load(Ordering::Relaxed), witness, tokens }
    }

    async fn tokens_for_all(&mut self) {
        for name in PEOPLE {
            let local = self.factory.local(&id(name)).unwrap();
            let lives = Span::from_millis(360 * 86_400_000);
            let new = NewToken { kind: TokenKind::Operator, principal: id(name), steps: Vec::new(), lives };
            self.tokens.insert(name, self.factory.issue_token(&local, new).await.unwrap());
        }
        self.sign_in().await;
    }

    async fn sign_in(&mut self) {
        for (name, token) in &self.tokens {
            self.callers.insert(name, self.factory.authenticate(token).await.unwrap());
        }
    }

    pub fn is(&self, twist: &str) -> bool {
        self.twist == twist
    }

    pub fn who(&self, name: &str) -> &Caller {
        &self.callers[name]
    }

    pub fn wait(&self, ms: i64) {
        self.tide.0.fetch_add(ms, Ordering::Relaxed);
    }

    pub fn folder(&self) -> PathBuf {
        self.root.join("workflows/credit-preapproval")
    }

    pub fn edit(&self, from: &str, to: &str) {
        edit(&self.folder().join("workflow.yaml"), from, to);
    }

    /// Adds examples to the curated set.
    pub fn examples(&self, lines: &[&str]) {
        let file = self.folder().join("examples/boundary.jsonl");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text + &lines.join("\n") + "\n").unwrap();
    }

    pub async fn submit(&self, who: &str) -> EventId {
        let submitted = self.factory.submit(self.who(who), None).await.unwrap();
        assert!(submitted.new, "the spec did not change");
        self.newest().await
    }

    pub async fn newest(&self) -> EventId {
        self.factory.history(WORKFLOW).await.unwrap().last().unwrap().event.id
    }

    /// Evaluates; gives the newest event of the set.
    pub async fn evaluate(&self, sets: &[String]) -> EventId {
        self.factory.evaluate(self.who("dev"), None, sets, &Quiet).await.unwrap();
        self.newest().await
    }

    pub async fn approve(&self, who: &str, stage: Stage, obligation: &str, role: Option<&str>, shown_ms: u64) {
        self.wait(30 * MINUTE);
        self.approve_now(who, stage, obligation, role, shown_ms).await;
    }

    pub async fn approve_now(&self, who: &str, stage: Stage, obligation: &str, role: Option<&str>, shown_ms: u64) {
        let input = ApprovalInput {
            stage,
            obligation: obligation.to_owned(),
            role: role.map(str::to_owned),
            key: None,
            shown_ms: Some(shown_ms),
        };
        let given = self.factory.approve(self.who(who), WORKFLOW, input).await;
        given.unwrap_or_else(|e| panic!("{}: {who} {obligation}: {e}", self.twist));
    }

    /// Everybody who takes over accepts, one by one.
    pub async fn accept(&self) {
        for responsibility in ["workflow", "changes", "behaviour", "evolution"] {
            for who in ["hana", "hugo"] {
                self.wait(15 * MINUTE);
                self.factory.accept(self.who(who), WORKFLOW, responsibility).await.unwrap();
            }
        }
        for who in ["una", "ugo", "hana"] {
            self.wait(15 * MINUTE);
            self.factory.accept(self.who(who), WORKFLOW, "exceptions").await.unwrap();
        }
    }

    /// The independent side cosigns the log as it stands.
    pub async fn witnessed(&self) {
        let log = WORKFLOW.parse().unwrap();
        let info = self.factory.store().logs().await.unwrap().into_iter().find(|l| l.log == log).unwrap();
        let key: VerifierKey = info.key.parse().unwrap();
        self.witness.lock().unwrap().trust(key);
        let asked = self.factory.witness_now(&log).await.unwrap();
        assert!(asked.iter().all(|a| a.error.is_none()), "{}: {asked:?}", self.twist);
    }

    pub async fn release(&self, who: &str, stage: Stage) {
        let standing = self.factory.standing(WORKFLOW, stage).await.unwrap();
        let missing: Vec<String> =
            standing.missing().map(|s| format!("{} {} {}", s.obligation.id, s.state, s.why)).collect();
        assert!(missing.is_empty(), "{}: {stage}: {missing:#?}", self.twist);
        let released = self.factory.release(self.who(who), WORKFLOW, stage, false).await.unwrap();
        assert!(matches!(released, Released::Cut { .. }), "{}: {released:?}", self.twist);
    }

    /// Answers what waits; gives how many that were.
    pub async fn answer(&self, no: bool) -> usize {
        let filter = ReviewFilter { workflow: Some(WORKFLOW.to_owned()), roles: Vec::new(), limit: 500 };
        let reviews = self.factory.reviews(self.who("hana"), filter).await.unwrap();
        let waiting: Vec<_> = reviews.into_iter().filter(|r| !r.rehearsal).collect();
        for review in &waiting {
            let holds = |name: &&&str| self.who(name).principal.has_role(&review.to);
            let una = self.who(["una", "hana"].iter().find(holds).unwrap());
            self.wait(MINUTE);
            let chain = self.factory.decision(una, review.decision).await.unwrap();
            let seatrial_factory::api::Held::Text { commitment, .. } = chain.output else { panic!("nothing is shown") };
            let answer = if no { Answer::Reject } else { Answer::Accept };
            let reason = "as the papers say".to_owned();
            let input = ReviewAnswerInput { answer, output: None, reason, shown_ms: Some(40_000), seen: commitment };
            self.factory.answer(una, review.review, input).await.unwrap();
        }
        waiting.len()
    }
}

impl Kept {
    pub async fn go_on(&self, twist: &'static str) -> House {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("factory");
        copy(&self.dir.path().join("factory"), &root, true);
        House::open(dir, root, self.at, self.witness.clone(), self.tokens.clone(), twist).await
    }
}

fn id(name: &str) -> String {
    let side = if matches!(name, "dev" | "lena") { "shipyard" } else { "harbour" };
    format!("{name}@{side}.example")
}
