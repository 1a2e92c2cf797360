//! The steps as models: what a client lists before it calls.

use crate::answer::{Answer, json};
use crate::callable::{Callable, callable};
use crate::dialect::Dialect;
use crate::problem::Problem;
use crate::service::Asked;
use http::StatusCode;
use seatrial_model::Time;
use serde_json::{Value, json};

/// `GET /v1/models`: the steps that the caller may call, all on one page.
pub(crate) async fn models(asked: Asked) -> Result<Answer, Problem> {
    let found = callable(&asked.factory, &asked.caller).await?;
    let data: Vec<Value> = found.iter().map(|one| as_model(asked.dialect, one)).collect();
    let list = match asked.dialect {
        Dialect::Messages => json!({
            "data": data, "has_more": false,
            "first_id": found.first().map(|one| &one.name), "last_id": found.last().map(|one| &one.name),
        }),
        Dialect::Chat | Dialect::Responses => json!({"object": "list", "data": data}),
    };
    Ok(json(StatusCode::OK, &list))
}

/// `GET /v1/models/{workflow}/{step}`
pub(crate) async fn model(asked: Asked, workflow: &str, step: &str) -> Result<Answer, Problem> {
    let wanted = format!("{workflow}/{step}");
    let all = callable(&asked.factory, &asked.caller).await?;
    match all.iter().find(|found| found.name == wanted) {
        Some(found) => Ok(json(StatusCode::OK, &as_model(asked.dialect, found))),
        None => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "invalid_request_error",
            "not_found",
            "there is no such step, or this token may not call it; nothing was done. `GET /v1/models` lists those that it may",
        )),
    }
}

fn as_model(dialect: Dialect, found: &Callable) -> Value {
    let ours = json!({"does": found.does});
    match dialect {
        Dialect::Messages => json!({
            "type": "model", "id": found.name, "display_name": found.name,
            "created_at": Time::from_millis(found.created.saturating_mul(1_000)).to_string(), "seatrial": ours,
        }),
        Dialect::Chat | Dialect::Responses => json!({
            "id": found.name, "object": "model", "created": found.created, "owned_by": "seatrial", "seatrial": ours,
        }),
    }
}
