//! The review queue over the wire.

use crate::answer::{Answer, json};
use crate::problem::Problem;
use crate::service::Asked;
use http::StatusCode;
use seatrial_factory::ReviewFilter;
use seatrial_factory::api::ReviewAnswerInput;
use seatrial_model::{Answer as Given, Commitment, ReviewId};
use serde::Deserialize;
use serde_json::{Value, json};

/// How many reviews are listed where nothing is said.
const LISTED: usize = 100;

/// The most that one request lists.
const LISTED_MAX: usize = 500;

/// `GET /v1/reviews[?workflow=…&limit=…]`: the open reviews that the caller's roles may answer.
pub(crate) async fn reviews(asked: Asked) -> Result<Answer, Problem> {
    let limit = match asked.query("limit") {
        None => LISTED,
        Some(text) => text.parse().ok().filter(|n| (1..=LISTED_MAX).contains(n)).ok_or_else(|| {
            Problem::invalid(format!("`limit` is not a number from 1 to {LISTED_MAX}; nothing was listed"))
        })?,
    };
    let workflow = asked.query("workflow").map(str::to_owned);
    let filter = ReviewFilter { workflow, roles: Vec::new(), limit };
    let found = asked.factory.reviews(&asked.caller, filter).await?;
    Ok(json(StatusCode::OK, &json!({"object": "list", "data": found})))
}

/// `POST /v1/reviews/{id}/claim`: the review, and the case to look at.
pub(crate) async fn claim(asked: Asked, id: ReviewId) -> Result<Answer, Problem> {
    let review = asked.factory.claim(&asked.caller, id).await?;
    let chain = asked.factory.decision(&asked.caller, review.decision).await?;
    Ok(json(StatusCode::OK, &json!({"review": review, "decision": chain})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerBody {
    answer: Given,
    seen: Commitment,
    #[serde(default)]
    output: Option<Value>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    shown_ms: Option<u64>,
}

/// `POST /v1/reviews/{id}/answer`
pub(crate) async fn answer(asked: Asked, id: ReviewId) -> Result<Answer, Problem> {
    let body: AnswerBody = asked.json()?;
    let input = ReviewAnswerInput {
        answer: body.answer,
        output: body.output.filter(|o| !o.is_null()).map(|o| o.to_string()),
        reason: body.reason,
        shown_ms: body.shown_ms,
        seen: body.seen,
    };
    let review = asked.factory.answer(&asked.caller, id, input).await?;
    Ok(json(StatusCode::OK, &json!({ "review": review })))
}
