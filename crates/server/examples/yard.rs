//! Serves the pages of a real factory in a temporary folder: the example, delivered to a pilot that has run. Prints
//! one-time links for its people.
//!
//! `cargo run -p seatrial-server --example yard`

#![expect(clippy::expect_used, reason = "an example for looking: whatever fails ends it")]

#[path = "../yard/mod.rs"]
mod yard;

use seatrial_factory::api::{PassageEntry, ReviewAnswerInput};
use seatrial_model::{Answer, Untrusted};
use seatrial_server::{AppState, FactoryBackend, Options, factory, router};
use serde_json::json;
use std::sync::Arc;
use tokio::net::TcpListener;
use yard::{WORKFLOW, Yard, application, credit};

/// Applications that run before the pages are looked at.
const APPLICATIONS: u64 = 70;

/// An answer that holds what a redaction takes out, and what a page must not run.
const HOSTILE: &str = "Call bo@mail.example or ES91 2100 0418 4502 0005 1332. <script>alert(1)</script> \u{202e}hidden";

#[tokio::main]
async fn main() {
    let yard = Yard::new().await;
    yard.deliver().await;
    run(&yard).await;
    let backend = Arc::new(FactoryBackend::new(yard.factory.clone()));
    let app = AppState::new(Arc::clone(&backend), Options { tls: false }).expect("random bytes");
    let _following = factory::watch(&app, &yard.factory);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
    let address = listener.local_addr().expect("an address");
    println!("Folder  {}", yard.root.display());
    for person in ["hana@harbour.example", "hugo@harbour.example", "una@harbour.example", "dev@shipyard.example"] {
        let link = app.sign_in_link(backend.local(person).expect("a person")).expect("random bytes");
        println!("Pages   {person} http://{address}{link}");
    }
    println!("Ready");
    axum::serve(listener, router(app)).await.expect("it serves");
}

/// A day of the pilot: applications, some answered, one overridden.
async fn run(yard: &Yard) {
    for n in 0..APPLICATIONS {
        yard.pass(&format!("A-{}", 4_100 + n), PassageEntry::Run { input: application(n) }).await;
    }
    let large = credit(3, json!({"amount": 2_600, "price": 3_000, "months": 48}));
    yard.pass("A-4190", PassageEntry::Run { input: large }).await;
    let output = json!({"decision": "pre-approve", "confidence": 0.97, "reason": HOSTILE}).to_string();
    let decide = PassageEntry::Decide { input: application(5), output, confidence: None };
    yard.pass("A-4191 \u{202e}<b>bold</b>", decide).await;
    let denied = credit(7, json!({"amount": 1_900, "price": 500, "months": 12}));
    yard.pass("A-4192", PassageEntry::Run { input: denied }).await;
    answer(yard, 9).await;
}

async fn answer(yard: &Yard, count: usize) {
    let una = yard.who("una");
    let queue = yard.factory.queue(WORKFLOW, 500).await.expect("the queue");
    let open = queue.iter().filter(|r| r.to == "underwriters" && !r.rehearsal).take(count);
    for (n, review) in open.enumerate() {
        let chain = yard.factory.decision(&una, review.decision).await.expect("a decision");
        let seatrial_factory::api::Held::Text { commitment, text } = &chain.output else { continue };
        let own = json!({"decision": "pre-approve", "confidence": 0.5, "reason": "Carries it easily."}).to_string();
        let (answer, output) = match (review.own, n % 3) {
            (true, _) => (Answer::Own, Some(own)),
            (false, 0) => (Answer::Reject, None),
            (false, _) => (Answer::Accept, None),
        };
        let reason = format!("Read it with its statements ({} bytes).", Untrusted::raw(text).len());
        let input = ReviewAnswerInput { answer, output, reason, shown_ms: Some(41_000), seen: *commitment };
        yard.factory.answer(&una, review.review, input).await.expect("an answer");
    }
}
