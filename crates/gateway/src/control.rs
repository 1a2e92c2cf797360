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

/// `POST /v1/stop`: the whole factory. Where it did not take effect everywhere, the answer names where not, and is no
/// success.
pub(crate) async fn stop_all(asked: Asked) -> Result<Answer, Problem> {
    let reason = reason(&asked)?;
    let effect = asked.factory.stop_all(&asked.caller, &reason).await?;
    Ok(json(status(effect.failed.is_empty()), &effect))
}

/// `POST /v1/resume`: the whole factory, but for what was stopped on its own.
pub(crate) async fn resume_all(asked: Asked) -> Result<Answer, Problem> {
    let reason = reason(&asked)?;
    let effect = asked.factory.resume_all(&asked.caller, &reason).await?;
    Ok(json(status(effect.failed.is_empty()), &effect))
}

const fn status(everywhere: bool) -> StatusCode {
    if everywhere { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
}
