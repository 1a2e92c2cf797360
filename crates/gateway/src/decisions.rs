//! Decisions by their id: what became of them, a person's override, what a caller did, the truth.

use crate::answer::{Answer, json, output_value};
use crate::problem::Problem;
use crate::service::Asked;
use http::StatusCode;
use seatrial_factory::api::{Caller, DecisionChain, DecisionStatus, Held};
use seatrial_factory::{TruthInput, WAIT_MS_MAX};
use seatrial_model::principal::PrincipalKind;
use seatrial_model::{Action, DecisionId, Span};
use serde::Deserialize;
use serde_json::{Value, json};

/// `GET /v1/decisions/{id}[?wait=30s]`
pub(crate) async fn get(asked: Asked, id: DecisionId) -> Result<Answer, Problem> {
    let mut chain = match asked.query("wait") {
        None => asked.factory.decision(&asked.caller, id).await?,
        Some(text) => {
            let wait: Span = text
                .parse()
                .map_err(|e| Problem::invalid(format!("`wait` is not usable: {e}; nothing was waited for")))?;
            if wait.as_millis() > WAIT_MS_MAX {
                return Err(Problem::invalid(format!(
                    "`wait` is longer than {} s; nothing was waited for. Wait shorter, and ask again",
                    WAIT_MS_MAX / 1_000
                )));
            }
            asked.factory.decision_wait(&asked.caller, id, wait.as_millis()).await?
        }
    };
    hide_withheld(&mut chain, &asked.caller);
    Ok(json(StatusCode::OK, &decision(&chain)))
}

/// What was judged and not released is the business of people who review: a program that asks for its decision gets
/// nothing that the guard withheld from it.
fn hide_withheld(chain: &mut DecisionChain, caller: &Caller) {
    if caller.principal.kind == PrincipalKind::Person {
        return;
    }
    chain.output = match (&chain.released, chain.status) {
        (Some(released), DecisionStatus::Settled) => released.clone(),
        _ => Held::None,
    };
}

/// A decision: where it stands and what may be used, then the whole chain.
fn decision(chain: &DecisionChain) -> Value {
    let output = match &chain.released {
        Some(Held::Text { text, .. }) if chain.status == DecisionStatus::Settled => output_value(Some(text.raw())),
        _ => Value::Null,
    };
    json!({
        "object": "decision",
        "decision": chain.decision,
        "workflow": chain.workflow,
        "step": chain.step,
        "status": chain.status,
        "verdict": chain.verdict,
        "action": chain.action,
        "output": output,
        "because": chain.because,
        "review": chain.review,
        "overridden": chain.overridden,
        "outcome": chain.outcome,
        "seatrial": chain,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverrideBody {
    action: Action,
    reason: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    output: Option<Value>,
}

/// `POST /v1/decisions/{id}/override`
pub(crate) async fn override_(asked: Asked, id: DecisionId) -> Result<Answer, Problem> {
    let body: OverrideBody = asked.json()?;
    let output = body.output.filter(|o| !o.is_null()).map(|o| o.to_string());
    let event =
        asked.factory.override_decision(&asked.caller, id, body.action, &body.reason, &body.note, output).await?;
    Ok(json(StatusCode::OK, &json!({"decision": id, "event": event})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutcomeBody {
    truth: Value,
}

/// `POST /v1/decisions/{id}/outcome`
pub(crate) async fn outcome(asked: Asked, id: DecisionId) -> Result<Answer, Problem> {
    let body: OutcomeBody = asked.json()?;
    let truths = vec![TruthInput { decision: id, truth: body.truth }];
    let recorded = asked.factory.truths(&asked.caller, truths).await?;
    let body = json!({
        "decision": id,
        "recorded": recorded.recorded,
        "wrong": recorded.wrong > 0,
        "matured": recorded.matured > 0,
        "revoked": recorded.revoked,
    });
    Ok(json(StatusCode::OK, &body))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EffectBody {
    action: Action,
}

/// `POST /v1/decisions/{id}/effect`
pub(crate) async fn effect(asked: Asked, id: DecisionId) -> Result<Answer, Problem> {
    let body: EffectBody = asked.json()?;
    let event = asked.factory.effect(&asked.caller, id, body.action).await?;
    Ok(json(StatusCode::OK, &json!({"decision": id, "event": event})))
}
