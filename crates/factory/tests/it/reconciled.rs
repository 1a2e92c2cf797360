//! Calls of a provider's bill against what decisions took of its models.

use crate::support::{Only, WORKFLOW, Yard, application, edit, run};
use seatrial_factory::api::{Passage, Refused};
use seatrial_factory::{BilledCalls, CallsInput};
use seatrial_guard::port::{Ask, BoxFuture, Model, ModelError, Reply};
use seatrial_guard::{Part, PartKind};
use seatrial_store::ReaderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A model that answers, but for every third call.
#[derive(Default)]
struct Faulty(AtomicU64);

impl Model for Faulty {
    fn ask(&self, _: Ask) -> BoxFuture<'_, Result<Reply, ModelError>> {
        Box::pin(async move {
            if self.0.fetch_add(1, Ordering::SeqCst) % 3 == 2 {
                return Err(ModelError::TimedOut { model: "faulty".to_owned(), timeout_ms: 5_000 });
            }
            let text = r#"{"decision":"pre-approve","confidence":0.99,"reason":"fits"}"#.to_owned();
            let part = Part { name: "choices.0.text".to_owned(), kind: PartKind::Text, text };
            let model = Some("faulty-2026-11-01".to_owned());
            Ok(Reply { parts: vec![part], model, ..Reply::default() })
        })
    }
}

fn billed(root: &Path) {
    let provider = "providers:\n  faulty: { kind: openai, base_url: \"http://127.0.0.1:9/v1\" }\n";
    edit(&root.join("factory.yaml"), "providers:\n", provider);
    let file = root.join("workflows/credit-preapproval/workflow.yaml");
    let trained = "provider: embedded\n      name: credit-scorecard\n      train: { examples: applications, label: expected.decision }";
    edit(&file, trained, "provider: faulty\n      name: faulty-2026-11-01");
    edit(&file, "    within: 5s\n", "    within: 5s\n    prompt: prompts/assess.md\n");
    std::fs::create_dir_all(root.join("workflows/credit-preapproval/prompts")).unwrap();
    let prompt = root.join("workflows/credit-preapproval/prompts/assess.md");
    std::fs::write(prompt, "Assess {{ input.credit.amount }} against {{ input.finances.expenses }}.\n").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_billed_call_that_nothing_recorded_is_found() {
    let model = Arc::new(Faulty::default());
    let yard = Yard::with(Only(Some(Arc::clone(&model) as Arc<dyn Model>)), billed).await;
    yard.factory.submit(&yard.who("dev"), None).await.unwrap();
    for amount in 0..6 {
        let passage = Passage { rehearsal: true, ..run(application(500 + amount)) };
        yard.factory.pass(&yard.who("una"), passage).await.unwrap();
    }
    let asked = model.0.load(Ordering::SeqCst);
    let now = yard.factory.now();
    let day = now.day();
    let (hana, from, until) = (yard.who("hana"), now.plus_millis(-60_000), now.plus_millis(60_000));
    let bill =
        |count: u64| CallsInput { lines: vec![BilledCalls { day, model: "faulty".to_owned(), count }], from, until };
    // Every call is billed, those that failed, too: what got no answer explains as many.
    let all = yard.factory.reconcile_calls(&hana, WORKFLOW, bill(asked)).await.unwrap();
    assert_eq!((all.done.theirs, all.done.unrecorded), (asked, 0), "{all:?}");
    assert_eq!((all.unanswered, all.done.ours), (asked / 3, asked - asked / 3));
    let more = yard.factory.reconcile_calls(&hana, WORKFLOW, bill(asked + 2)).await.unwrap();
    assert_eq!((more.done.unrecorded, more.differences[0].unrecorded), (2, 2));
    let mut other = bill(asked);
    other.lines.push(BilledCalls { day, model: "another".to_owned(), count: 1 });
    other.lines.push(BilledCalls { day: "2020-01-01".parse().unwrap(), model: "faulty".to_owned(), count: 7 });
    let other = yard.factory.reconcile_calls(&hana, WORKFLOW, other).await.unwrap();
    assert_eq!((other.done.unrecorded, other.outside), (1, 1), "another model, by the same key");
    let (_, event) = yard.factory.store().event_by_id(&yard.log(), other.event).await.unwrap().unwrap();
    assert_eq!(event.evidence[0].obligation, "runtime.complete");
    // Production waits for the cases still, and says what it found of the calls.
    let standing = yard.factory.standing(WORKFLOW, seatrial_model::Stage::Production).await.unwrap();
    let complete = standing.states.iter().find(|s| s.obligation.id == "runtime.complete").unwrap();
    assert!(
        complete.why.contains("`cases` were not reconciled") && complete.why.contains("1 of theirs"),
        "{}",
        complete.why
    );
    let outsider = yard.factory.reconcile_calls(&yard.who("ria"), WORKFLOW, bill(1)).await.unwrap_err();
    assert!(matches!(outsider, Refused::Forbidden(_)), "{outsider}");
}
