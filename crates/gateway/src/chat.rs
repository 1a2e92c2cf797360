//! The OpenAI wire: chat completions, and the steps as models.

mod input;
mod render;

use crate::answer::{Answer, json};
use crate::callable::{Callable, callable};
use crate::problem::Problem;
use crate::service::Asked;
use http::StatusCode;
use input::ChatCall;
use seatrial_factory::api::{Passage, PassageEntry};
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /v1/chat/completions`
pub(crate) async fn completions(asked: Asked) -> Result<Answer, Problem> {
    let call = Arc::new(ChatCall::parse(asked.body)?);
    let entry = PassageEntry::Proxy { input: call.input(), call: Arc::clone(&call) as _ };
    let passage = Passage {
        workflow: call.workflow.clone(),
        step: call.step.clone(),
        entry,
        case: asked.said.case.clone(),
        rehearsal: asked.said.rehearsal,
        again: asked.said.again.clone(),
    };
    let passed = asked.factory.pass(&asked.caller, passage).await?;
    Ok(render::answer(&call, &passed, asked.factory.now().as_millis() / 1_000))
}

/// `GET /v1/models`: the steps that the caller may call.
pub(crate) async fn models(asked: Asked) -> Result<Answer, Problem> {
    let data: Vec<Value> = callable(&asked.factory, &asked.caller).await?.iter().map(as_model).collect();
    Ok(json(StatusCode::OK, &json!({"object": "list", "data": data})))
}

/// `GET /v1/models/{workflow}/{step}`
pub(crate) async fn model(asked: Asked, workflow: &str, step: &str) -> Result<Answer, Problem> {
    let wanted = format!("{workflow}/{step}");
    let all = callable(&asked.factory, &asked.caller).await?;
    match all.iter().find(|found| found.name == wanted) {
        Some(found) => Ok(json(StatusCode::OK, &as_model(found))),
        None => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "invalid_request_error",
            "not_found",
            "there is no such step, or this token may not call it; nothing was done. `GET /v1/models` lists those that it may",
        )),
    }
}

fn as_model(found: &Callable) -> Value {
    json!({
        "id": found.name, "object": "model", "created": found.created, "owned_by": "seatrial",
        "seatrial": {"does": found.does},
    })
}
