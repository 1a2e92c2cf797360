//! What lands between a request's early decision and its commit: the verdict is the commit's, in the log and to the
//! client. The write of the decision is held at a gate before the store, so the early decision is made by then.

use crate::gated::{Gate, Gated};
use crate::governed::Desk;
use crate::support::Got;
use crate::yard::{Only, WORKFLOW, Yard};
use seatrial_factory::Factory;
use seatrial_model::event::{DecisionMade, TokenKind};
use seatrial_model::{Action, Body, Event, Stage, Verdict};
use seatrial_store::ReaderExt as _;
use serde_json::{Value, json};
use std::sync::Arc;

/// The released example behind a listener, with a gate before its store, and an application that is allowed.
struct Between {
    desk: Desk,
    gate: Arc<Gate>,
    token: String,
    input: Value,
}

impl Between {
    async fn new() -> Self {
        let gate = Arc::<Gate>::default();
        let yard = Yard::production().await;
        let inner = Arc::clone(&gate);
        let yard = yard.reopened_over(Only(None), |store| Arc::new(Gated { store, gate: inner })).await;
        let (input, _) = yard.allowed(1).await.remove(0);
        let desk = Desk::over(yard).await;
        let token = desk.token(TokenKind::Caller, "shop").await;
        Self { desk, gate, token, input }
    }

    fn factory(&self) -> &Factory {
        &self.desk.yard.factory
    }

    /// A request over the wire, whose decision is held while something happens; gives the answer, what is recorded of
    /// it, and whether the early decision is what was recorded: an event's time is that of its deciding.
    async fn while_held(&self, happens: impl Future<Output = ()>) -> (Got, Event, DecisionMade, bool) {
        self.gate.shut();
        let body = json!({ "input": self.input }).to_string();
        let asked = self.desk.with(&self.token, "steps/assess/run", Some(body));
        let (got, held_at) = tokio::join!(asked, async {
            self.gate.arrived().await;
            let held_at = self.factory().now();
            happens.await;
            // The clock has gone on: what is decided now is not decided at the time before.
            while self.factory().now() <= held_at {
                tokio::task::yield_now().await;
            }
            self.gate.open();
            held_at
        });
        let id = got.header("x-seatrial-decision").to_owned();
        let (event, made) = self.newest_decision().await;
        assert_eq!(made.decision.to_string(), id, "the answer names what was recorded: {}", got.text);
        let early = event.time <= held_at;
        (got, event, made, early)
    }

    /// Nothing stands in the way: the first request sees that, and what the next one decides early is what is recorded.
    async fn is_as_it_was(&self) {
        for _ in 0..2 {
            let (got, _, made, early) = self.while_held(async {}).await;
            got.is(200, "");
            assert_eq!((made.verdict, made.action), (Verdict::Allow, Action::Allow));
            if early {
                return;
            }
        }
        panic!("what is remembered of the commit before is not used");
    }

    async fn newest_decision(&self) -> (Event, DecisionMade) {
        let (store, log) = (self.factory().store(), self.desk.yard.log());
        for index in (0..store.size(&log).await.unwrap()).rev() {
            let event = store.event(&log, index).await.unwrap().unwrap();
            if let Body::DecisionMade(made) = event.body.clone() {
                return (event, made);
            }
        }
        panic!("nothing was decided");
    }

    /// Runs what ends only after the held request did (a stop waits for it), up to its commit.
    async fn committed<T: Send + 'static>(
        &self,
        happens: impl Future<Output = T> + Send + 'static,
        wanted: fn(&Body) -> bool,
    ) -> tokio::task::JoinHandle<T> {
        let mut commits = self.factory().store().subscribe();
        let under_way = tokio::spawn(happens);
        loop {
            let commit = commits.recv().await.unwrap();
            if commit.events.iter().any(|event| wanted(&event.body)) {
                return under_way;
            }
        }
    }
}

const STOPPED: fn(&Body) -> bool = |body| matches!(body, Body::WorkflowStopped(_));

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_between_the_early_decision_and_its_commit_holds() {
    let between = Between::new().await;
    let yard = &between.desk.yard;
    for step in [None, Some("assess")] {
        between.is_as_it_was().await;
        let (factory, hana) = (yard.factory.clone(), yard.who("hana"));
        let stop = async move { factory.stop(&hana, WORKFLOW, step, "prices are wrong").await };
        let mut under_way = None;
        let held = between.while_held(async { under_way = Some(between.committed(stop, STOPPED).await) }).await;
        // The stop says that it took effect after this request had its answer.
        under_way.unwrap().await.unwrap().unwrap();
        stopped(&held);
        yard.factory.resume(&yard.who("hugo"), WORKFLOW, step, "they are right again").await.unwrap();
    }
    between.is_as_it_was().await;
    let (factory, hana) = (yard.factory.clone(), yard.who("hana"));
    let stop = async move { factory.stop_all(&hana, "the provider leaks").await };
    let mut under_way = None;
    let held = between.while_held(async { under_way = Some(between.committed(stop, STOPPED).await) }).await;
    under_way.unwrap().await.unwrap().unwrap();
    stopped(&held);
    yard.factory.resume_all(&yard.who("hugo"), "it does not").await.unwrap();
    between.is_as_it_was().await;
}

#[track_caller]
fn stopped((got, event, made, early): &(Got, Event, DecisionMade, bool)) {
    got.is(403, "workflow_stopped");
    assert_eq!((got.header("x-seatrial-verdict"), got.header("x-seatrial-action")), ("deny", "block"));
    assert!(got.json().get("output").is_none_or(Value::is_null), "{}", got.text);
    assert!(!got.text.contains("pre-approve"), "nothing of the output left: {}", got.text);
    assert_eq!((made.verdict, made.action, made.code.as_str()), (Verdict::Deny, Action::Block, "workflow_stopped"));
    assert!(made.facts.stopped && !early && event.release.is_some(), "{:?}", made.facts);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_the_release_in_between_holds() {
    let between = Between::new().await;
    let yard = &between.desk.yard;
    let release = yard.factory.in_force(&yard.log()).await.unwrap().unwrap().release;
    // The release loses an approval: the spec says that a person decides then.
    let standing = yard.standing(Stage::Production).await;
    let given = standing.states.iter().find(|s| s.obligation.id == "approval.risk").unwrap().events[0];
    let lapse = async {
        yard.factory.withdraw(&yard.who("ria"), WORKFLOW, given).await.unwrap();
        assert_eq!(yard.factory.tick().await.lapsed.len(), 1);
    };
    let (got, event, made, early) = between.while_held(lapse).await;
    got.is(403, "review_pending");
    assert_eq!((made.verdict, made.action, early), (Verdict::Escalate, Action::Escalate, false));
    assert!(made.facts.lapsed.is_some() && event.release == Some(release), "{:?}", made.facts);
    // It gets it again: nothing is held back for what was.
    let restore = async {
        yard.approve("rex", Stage::Production, "approval.risk", None).await;
        assert_eq!(yard.factory.tick().await.restored.len(), 1);
    };
    let (got, _, made, early) = between.while_held(restore).await;
    got.is(200, "");
    assert_eq!((made.verdict, made.facts.lapsed, early), (Verdict::Allow, None, false));
    // The workflow is retired: nothing of it leaves any more.
    let retire = async {
        yard.factory.retire(&yard.who("hana"), WORKFLOW, "replaced", "archive 12").await.unwrap();
    };
    let (got, event, made, early) = between.while_held(retire).await;
    got.is(403, "not_released");
    assert_eq!((made.verdict, made.action, made.code.as_str()), (Verdict::Deny, Action::Block, "not_released"));
    assert_eq!((made.facts.stage, early, event.release), (Stage::Retired, false, Some(release)));
    assert!(!got.text.contains("pre-approve"), "{}", got.text);
}
