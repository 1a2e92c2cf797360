//! A release and a rollback while clients go on calling: nobody is refused or cut off, and each decision names the
//! release that it was made under.

use crate::governed::Desk;
use crate::simulated;
use crate::windows::{Act, Script, finish, says, script};
use crate::yard::{Only, WORKFLOW, Yard, edit};
use seatrial_factory::api::InForce;
use seatrial_factory::{Factory, Providers as _, Quiet, Released};
use seatrial_gateway::HttpProviders;
use seatrial_model::event::{DecisionMade, TokenKind};
use seatrial_model::{Body, Digest, Event, Protocol, Stage, StreamEnd, Verdict};
use seatrial_spec::workflow::{HttpKind, HttpProvider, Provider};
use seatrial_store::ReaderExt as _;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Clients of the plain step, each with one request at a time.
const CLIENTS: usize = 4;

/// Answers of each client between two switches.
const ROUNDS: usize = 10;

/// A second step of the example, whose answers leave while the model still writes.
const LETTER: &str = r#"  letter:
    does: "Write to the customer"
    actor: ai
    influence: suggest
    reversible: true
    input: Anything
    output: Words
    model: { provider: letters, name: letters-2026-11-01, temperature: 0 }
    within: 60s
    stream: { window: 8 }
    forbid:
      addresses: { detect: [email] }
    fallback: { to: underwriters, per_day: 10, runbook: runbooks/by-hand.md }

thresholds:
"#;

/// The example with the letter, in a pilot that is looked at afterwards: its streams leave in windows.
fn with_letter(root: &Path) {
    let providers = "providers:\n  letters: { kind: openai, base_url: \"http://127.0.0.1:9/v1\" }\n";
    edit(&root.join("factory.yaml"), "providers:\n", providers);
    let flow = root.join("workflows/credit-preapproval");
    let file = flow.join("workflow.yaml");
    edit(&file, "types:\n", "types:\n  Anything: schemas/anything.json\n  Words: schemas/words.json\n");
    edit(&file, "thresholds:\n", LETTER);
    edit(
        &file,
        "examples:\n",
        "examples:\n  letters: { file: examples/letters.jsonl, step: letter, drawn: curated }\n",
    );
    let probe =
        json!({"id": "gives-an-address", "input": {}, "output": "\"Write to ana@bank.example.\"", "tags": ["forbid"]});
    std::fs::write(flow.join("examples/letters.jsonl"), format!("{probe}\n")).unwrap();
    edit(&file, "review: all", "review: audit");
    edit(&file, "    per_day: 200\n", "    per_day: 100000\n");
    std::fs::write(flow.join("schemas/anything.json"), r#"{"type":"object"}"#).unwrap();
    std::fs::write(flow.join("schemas/words.json"), r#"{"type":"string"}"#).unwrap();
}

async fn released(script: &Script) -> Desk {
    let _ = crate::support::rustls_ring();
    let base_url = format!("{}/v1", script.base);
    let speaks = vec![Protocol::OpenAiChat];
    let kind = HttpKind::OpenAi;
    let provider = Provider::Http(HttpProvider { kind, base_url, key: None, speaks, prices: BTreeMap::new() });
    let model = HttpProviders::new("/", |_| None).model(&provider, "letters").unwrap();
    let yard = Yard::with(Only(Some(model)), with_letter).await;
    yard.to_pilot().await;
    Desk::over(yard).await
}

/// Everything that another pilot needs, but the release.
async fn prepare_another(yard: &Yard) {
    yard.edit("input.credit.amount > 2000", "input.credit.amount > 1900");
    let (dev, factory) = (yard.who("dev"), &yard.factory);
    factory.submit(&dev, None).await.unwrap();
    factory.evaluate(&dev, None, &[], &Quiet).await.unwrap();
    factory.rehearse(&dev, None, &Quiet).await.unwrap();
    factory.drill_stop(&yard.who("hana"), &yard.who("hugo"), None).await.unwrap();
    simulated::drills(factory).await.unwrap();
    yard.approve("hana", Stage::Pilot, "spec.intent", Some("credit")).await;
    yard.approve("hana", Stage::Pilot, "approval.credit", None).await;
    yard.approve("lena", Stage::Pilot, "release.approval", Some("engineering")).await;
}

async fn in_force(yard: &Yard) -> InForce {
    yard.factory.in_force(&yard.log()).await.unwrap().unwrap()
}

/// What is switched, as the clients see it: how many switches were begun, and how many are over.
#[derive(Default)]
struct Switches {
    begun: AtomicUsize,
    over: AtomicUsize,
    answers: AtomicUsize,
    done: AtomicBool,
}

impl Switches {
    /// Until every client, on average, had so many answers more.
    async fn rounds(&self) {
        let wanted = self.answers.load(Ordering::SeqCst) + CLIENTS * ROUNDS;
        while self.answers.load(Ordering::SeqCst) < wanted {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }

    async fn switch(&self, happens: impl Future<Output = ()>) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        happens.await;
        self.over.fetch_add(1, Ordering::SeqCst);
    }
}

/// An answer: its decision, the release that it names, and which switches its request may have seen.
struct Named {
    decision: String,
    release: String,
    from: usize,
    until: usize,
}

/// Calls until it is over. Whatever is no answer with an output ends the test.
async fn client(url: String, token: String, body: String, switches: Arc<Switches>) -> Vec<Named> {
    let http = reqwest::Client::new();
    let mut all = Vec::new();
    while !switches.done.load(Ordering::SeqCst) {
        let from = switches.over.load(Ordering::SeqCst);
        let got = crate::support::got(http.post(&url).bearer_auth(&token).body(body.clone())).await;
        let until = switches.begun.load(Ordering::SeqCst);
        got.is(200, "");
        assert!(got.json()["output"].is_object(), "{}", got.text);
        let of = |name: &str| got.header(name).to_owned();
        all.push(Named { decision: of("x-seatrial-decision"), release: of("x-seatrial-release"), from, until });
        switches.answers.fetch_add(1, Ordering::SeqCst);
    }
    all
}

/// A stream of the letter, read until its first text left.
struct Letter {
    response: reqwest::Response,
    text: String,
}

impl Letter {
    async fn open(desk: &Desk, token: &str) -> Self {
        let body = json!({"model": format!("{WORKFLOW}/letter"), "stream": true,
            "messages": [{"role": "user", "content": "Hello?"}]});
        let request = desk.http.post(format!("{}/v1/chat/completions", desk.base)).bearer_auth(token);
        let response = request.body(body.to_string()).send().await.unwrap();
        assert_eq!(response.headers()["x-seatrial-verdict"], "pending", "it leaves in windows");
        let mut letter = Self { response, text: String::new() };
        while !letter.text.contains("charged once") {
            let piece = letter.response.chunk().await.unwrap().expect("it goes on");
            letter.text.push_str(&String::from_utf8_lossy(&piece));
        }
        letter
    }

    fn header(&self, name: &str) -> String {
        self.response.headers()[name].to_str().unwrap().to_owned()
    }

    /// The rest of it comes; gives what it named.
    async fn finish(mut self, script: &Script) -> (String, String) {
        script.go.add_permits(1);
        while let Some(piece) = self.response.chunk().await.unwrap() {
            self.text.push_str(&String::from_utf8_lossy(&piece));
        }
        assert!(self.text.contains("That is all.") && self.text.contains("[DONE]"), "{}", self.text);
        assert!(self.text.contains(r#""verdict":"allow""#), "{}", self.text);
        (self.header("x-seatrial-decision"), self.header("x-seatrial-release"))
    }
}

async fn decisions(factory: &Factory, yard: &Yard) -> BTreeMap<String, (Event, DecisionMade)> {
    let (store, log) = (factory.store(), yard.log());
    let mut all = BTreeMap::new();
    for index in 0..store.size(&log).await.unwrap() {
        let event = store.event(&log, index).await.unwrap().unwrap();
        if let Body::DecisionMade(made) = event.body.clone() {
            all.insert(made.decision.to_string(), (event, made));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_and_a_rollback_lose_no_request() {
    let acts = vec![says("Your card was charged once. "), Act::Wait, says("That is all."), finish()];
    let script = script(acts).await;
    let desk = released(&script).await;
    let yard = &desk.yard;
    let first = in_force(yard).await;
    let found = yard.allowed(8).await;
    let (input, _) = found.iter().find(|(i, _)| i["credit"]["amount"].as_u64().unwrap() <= 1_900).unwrap();
    prepare_another(yard).await;
    let token = desk.token(TokenKind::Caller, "shop").await;
    let switches = Arc::<Switches>::default();
    let url = format!("{}/v1/workflows/{WORKFLOW}/steps/assess/run", desk.base);
    let body = json!({ "input": input }).to_string();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(client(url.clone(), token.clone(), body.clone(), Arc::clone(&switches))))
        .collect();
    switches.rounds().await;

    // A release, with a stream in flight.
    let under_first = Letter::open(&desk, &token).await;
    switches
        .switch(async {
            let cut = yard.factory.release(&yard.who("lena"), WORKFLOW, Stage::Pilot, false).await.unwrap();
            assert!(matches!(cut, Released::Cut { .. }), "{cut:?}");
        })
        .await;
    let second = in_force(yard).await;
    assert_ne!(first.release, second.release);
    switches.rounds().await;
    let first_letter = under_first.finish(&script).await;

    // And back, with another one in flight.
    let under_second = Letter::open(&desk, &token).await;
    switches
        .switch(async {
            yard.factory.rollback(&yard.who("hana"), WORKFLOW, None, "too strict").await.unwrap();
        })
        .await;
    switches.rounds().await;
    let second_letter = under_second.finish(&script).await;
    let third_letter = Letter::open(&desk, &token).await.finish(&script).await;
    switches.done.store(true, Ordering::SeqCst);
    let mut answers = Vec::new();
    for client in clients {
        answers.extend(client.await.unwrap());
    }

    let order = [first.release, second.release, first.release];
    let (mut old, mut new) = (0, 0);
    let recorded = decisions(&yard.factory, yard).await;
    let is_under = |decision: &str, release: &str| {
        let (event, made) = &recorded[decision];
        let under = event.release.expect("no rehearsal");
        assert_eq!(under.to_string(), release, "the answer says what is recorded");
        let spec = if under == first.release { first.spec } else { second.spec };
        assert_eq!((event.spec, made.verdict), (Some(spec), Verdict::Allow));
        under
    };
    for Named { decision, release, from, until } in &answers {
        let under: Digest = is_under(decision, release);
        assert!(
            order[*from..=*until].contains(&under),
            "asked after switch {from}, answered before {until}: {release}"
        );
        *(if under == first.release { &mut old } else { &mut new }) += 1;
    }
    assert!(old >= 2 * CLIENTS * ROUNDS && new >= CLIENTS * ROUNDS / 2, "{old} {new}");
    // What was in flight ends under the release that it began under.
    for ((decision, release), expected) in [first_letter, second_letter, third_letter].iter().zip(order) {
        assert_eq!(is_under(decision, release), expected);
        assert_eq!(recorded[decision].1.stream.as_ref().unwrap().end, StreamEnd::Complete);
    }
    assert!(yard.factory.unfinished(WORKFLOW).await.unwrap().is_empty());
    assert!(yard.factory.store().check_rows(&yard.log()).await.unwrap().identical());
}
