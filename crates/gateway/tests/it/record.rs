//! What cannot be recorded did not happen: a store that is full, and what is left of its answers.

use crate::support::{GOOD, ask, plane_on};
use seatrial_gateway::Limits;
use serde_json::json;

#[tokio::test]
async fn without_a_record_no_output() {
    let plane = plane_on(Limits::default(), Some(700_000)).await;
    plane.model_says(GOOD).await;
    let mut recorded = Vec::new();
    let refused = loop {
        let n = recorded.len();
        assert!(n < 1_000, "the store does not fill");
        let got = plane.chat(&ask("route", &json!({"text": format!("lost card {n}"), "amount": 5.0})), &[]).await;
        if got.status != 200 {
            break got;
        }
        recorded.push(got.header("x-seatrial-decision").to_owned());
    };
    refused.is(503, "record_failed");
    assert!(
        !refused.text.contains("lost a card") && refused.header("x-seatrial-decision").is_empty(),
        "{}",
        refused.text
    );
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("did not happen"), "{}", refused.text);
    let mut body = ask("route", &json!({"text": "lost card", "amount": 5.0}));
    body["stream"] = json!(true);
    let streamed = plane.chat(&body, &[]).await;
    streamed.is(503, "record_failed");
    assert!(!streamed.text.contains("data:"), "{}", streamed.text);
    assert!(recorded.len() > 3, "{recorded:?}");
    // Whatever was acknowledged is there, and nothing else.
    for id in &recorded {
        plane.get(&plane.caller, &format!("/v1/decisions/{id}")).await.is(200, "");
    }
    let filter = seatrial_factory::DecisionFilter { limit: 500, ..Default::default() };
    assert_eq!(plane.factory.decisions("complaints", filter).await.unwrap().len(), recorded.len().min(500));
}
