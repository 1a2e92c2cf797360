//! The stop switch over the wire.

use crate::answer::{Answer, json};
use crate::problem::Problem;
use crate::service::Asked;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

/// The longest reason, in bytes: a sentence or two, kept for years.
const REASON_BYTES_MAX: usize = 4_096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    reason: String,
}

fn reason(asked: &Asked) -> Result<String, Problem> {
    let body: Body = asked.json()?;
    if body.reason.trim().is_empty() || body.reason.len() > REASON_BYTES_MAX {
        return Err(Problem::invalid(format!(
            "`reason` is empty or longer than {REASON_BYTES_MAX} bytes; nothing was done. Say why, in a sentence"
        )));
    }
    Ok(body.reason)
}

/// `POST /v1/workflows/{w}[/steps/{s}]/stop`
pub(crate) async fn stop(asked: Asked, workflow: String, step: Option<String>) -> Result<Answer, Problem> {
    let reason = reason(&asked)?;
    let effect = asked.factory.stop(&asked.caller, &workflow, step.as_deref(), &reason).await?;
    Ok(json(StatusCode::OK, &effect))
}

/// `POST /v1/workflows/{w}[/steps/{s}]/resume`
pub(crate) async fn resume(asked: Asked, workflow: String, step: Option<String>) -> Result<Answer, Problem> {
    let reason = reason(&asked)?;
    let event = asked.factory.resume(&asked.caller, &workflow, step.as_deref(), &reason).await?;
    Ok(json(StatusCode::OK, &json!({ "event": event })))
}
