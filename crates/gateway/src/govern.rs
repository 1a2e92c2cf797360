//! Governed delivery over the wire: how a workflow stands, what is approved, waived and released. Every request is a
//! person's, with an `operator` token; the factory asks the policies, for reading as for judging.

use crate::answer::{Answer, json};
use crate::problem::Problem;
use crate::route::Govern;
use crate::service::Asked;
use http::StatusCode;
use seatrial_factory::{ApprovalInput, Released, WaiverInput};
use seatrial_model::{Day, Digest, EventId, Stage};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// The largest body of a request here, in bytes: two texts of a waiver, were every character of them escaped.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// The longest name of an obligation or a role, in bytes: longer than any that a spec may have.
const WORD_BYTES_MAX: usize = 200;

/// The longest reason of a rollback, in bytes: a sentence or two, kept for years.
const REASON_BYTES_MAX: usize = 4_096;

/// The stages that are released. Others have no obligations, and would look ready for it.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Gate {
    Pilot,
    Production,
}

impl From<Gate> for Stage {
    fn from(gate: Gate) -> Self {
        match gate {
            Gate::Pilot => Self::Pilot,
            Gate::Production => Self::Production,
        }
    }
}

/// Answers an endpoint of governed delivery.
pub(crate) async fn answer(asked: Asked, workflow: &str, what: Govern) -> Result<Answer, Problem> {
    asked.factory.may_govern(&asked.caller, workflow)?;
    match what {
        Govern::Status => status(&asked, workflow).await,
        Govern::Obligation(id) => obligation(&asked, workflow, &id).await,
        Govern::Approval(id) => approval(&asked, workflow, &id).await,
        Govern::Approve => approve(&asked, workflow).await,
        Govern::Withdraw(id) => withdraw(&asked, workflow, id).await,
        Govern::Waivers => waivers(&asked, workflow).await,
        Govern::RequestWaiver => request_waiver(&asked, workflow).await,
        Govern::GrantWaiver(id) => grant_waiver(&asked, workflow, id).await,
        Govern::EndWaiver(id) => end_waiver(&asked, workflow, id).await,
        Govern::Releases => releases(&asked, workflow).await,
        Govern::Release => release(&asked, workflow).await,
        Govern::Rollback => rollback(&asked, workflow).await,
    }
}

/// The stage that the query names: exactly one, because answers for two stages look alike.
fn stage(asked: &Asked) -> Result<Stage, Problem> {
    let named = |pair: &&str| pair.split('=').next() == Some("stage");
    let times = asked.query.as_deref().unwrap_or_default().split('&').filter(named).count();
    match asked.query("stage") {
        Some("pilot") if times == 1 => Ok(Stage::Pilot),
        Some("production") if times == 1 => Ok(Stage::Production),
        Some("owned") if times == 1 => Ok(Stage::Owned),
        _ => Err(Problem::invalid(
            "the query does not say for which stage: add `stage=pilot`, `stage=production` or `stage=owned`, once; nothing was looked up",
        )),
    }
}

/// A body whose members may all be left out may be left out too.
fn body_or_none<T: DeserializeOwned + Default>(asked: &Asked) -> Result<T, Problem> {
    if asked.body.is_empty() { Ok(T::default()) } else { asked.json() }
}

/// A name that is looked up, and quoted where it is not found.
fn word(what: &str, text: &str) -> Result<(), Problem> {
    if text.is_empty() || text.len() > WORD_BYTES_MAX {
        return Err(Problem::invalid(format!(
            "`{what}` is empty or longer than {WORD_BYTES_MAX} bytes; nothing was done"
        )));
    }
    Ok(())
}

async fn status(asked: &Asked, workflow: &str) -> Result<Answer, Problem> {
    let standing = asked.factory.standing(workflow, stage(asked)?).await?;
    Ok(json(StatusCode::OK, &asked.factory.report(&standing)))
}

async fn obligation(asked: &Asked, workflow: &str, id: &str) -> Result<Answer, Problem> {
    let explained = asked.factory.explain(Some(workflow), false, stage(asked)?, id).await?;
    Ok(json(StatusCode::OK, &explained))
}

async fn approval(asked: &Asked, workflow: &str, id: &str) -> Result<Answer, Problem> {
    let look = asked.factory.look_at_approval(Some(&asked.caller), workflow, stage(asked)?, id).await?;
    Ok(json(StatusCode::OK, &look))
}

/// `key` is what was shown: nobody approves over the wire what they did not look at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApproveBody {
    obligation: String,
    stage: Gate,
    key: Digest,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    reaffirms: bool,
    #[serde(default)]
    shown_ms: Option<u64>,
}

async fn approve(asked: &Asked, workflow: &str) -> Result<Answer, Problem> {
    let body: ApproveBody = asked.json()?;
    word("obligation", &body.obligation)?;
    body.role.as_deref().map_or(Ok(()), |role| word("role", role))?;
    let stage = Stage::from(body.stage);
    let input = ApprovalInput {
        stage,
        obligation: body.obligation.clone(),
        role: body.role,
        key: Some(body.key),
        shown_ms: body.shown_ms,
    };
    let approval = if body.reaffirms {
        asked.factory.reaffirm(&asked.caller, workflow, input).await?
    } else {
        asked.factory.approve(&asked.caller, workflow, input).await?
    };
    let done = json!({"approval": approval, "obligation": body.obligation, "stage": stage, "key": body.key});
    Ok(json(StatusCode::OK, &done))
}

/// No member: what is withdrawn stands in the path.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct WithdrawBody {}

async fn withdraw(asked: &Asked, workflow: &str, approval: EventId) -> Result<Answer, Problem> {
    let WithdrawBody {} = body_or_none(asked)?;
    let event = asked.factory.withdraw(&asked.caller, workflow, approval).await?;
    Ok(json(StatusCode::OK, &json!({"event": event, "approval": approval})))
}

async fn waivers(asked: &Asked, workflow: &str) -> Result<Answer, Problem> {
    let all = asked.factory.waivers(workflow, stage(asked)?).await?;
    Ok(json(StatusCode::OK, &json!({"object": "list", "data": all})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WaiverBody {
    obligation: String,
    stage: Gate,
    reason: String,
    measure: String,
    until: Day,
    #[serde(default)]
    renews: Option<EventId>,
    #[serde(default)]
    key: Option<Digest>,
}

async fn request_waiver(asked: &Asked, workflow: &str) -> Result<Answer, Problem> {
    let body: WaiverBody = asked.json()?;
    word("obligation", &body.obligation)?;
    let (obligation, stage, until) = (body.obligation.clone(), Stage::from(body.stage), body.until);
    let input = WaiverInput {
        stage,
        obligation: body.obligation,
        reason: body.reason,
        measure: body.measure,
        until,
        renews: body.renews,
        key: body.key,
    };
    let waiver = asked.factory.request_waiver(&asked.caller, workflow, input).await?;
    let done = json!({"waiver": waiver, "obligation": obligation, "stage": stage, "until": until});
    Ok(json(StatusCode::OK, &done))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct GrantBody {
    #[serde(default)]
    role: Option<String>,
}

async fn grant_waiver(asked: &Asked, workflow: &str, waiver: EventId) -> Result<Answer, Problem> {
    let GrantBody { role } = body_or_none(asked)?;
    role.as_deref().map_or(Ok(()), |role| word("role", role))?;
    let event = asked.factory.grant_waiver(&asked.caller, workflow, waiver, role.as_deref()).await?;
    Ok(json(StatusCode::OK, &json!({"event": event, "waiver": waiver})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndBody {
    reason: String,
}

async fn end_waiver(asked: &Asked, workflow: &str, waiver: EventId) -> Result<Answer, Problem> {
    let EndBody { reason } = asked.json()?;
    let event = asked.factory.end_waiver(&asked.caller, workflow, waiver, &reason).await?;
    Ok(json(StatusCode::OK, &json!({"event": event, "waiver": waiver})))
}

async fn releases(asked: &Asked, workflow: &str) -> Result<Answer, Problem> {
    let all = asked.factory.releases(workflow).await?;
    Ok(json(StatusCode::OK, &json!({"object": "list", "data": all})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReleaseBody {
    stage: Gate,
    #[serde(default)]
    dry_run: bool,
}

/// To ask what is missing is answered with what is missing; to cut where something is missing is an error.
async fn release(asked: &Asked, workflow: &str) -> Result<Answer, Problem> {
    let ReleaseBody { stage, dry_run } = asked.json()?;
    let stage = Stage::from(stage);
    let done = match asked.factory.release(&asked.caller, workflow, stage, dry_run).await? {
        Released::Cut { event, release, body } => {
            json!({"outcome": "cut", "event": event, "release": release, "statement": body})
        }
        Released::Ready { obligations } => json!({"outcome": "ready", "obligations": obligations}),
        Released::Missing(missing) if dry_run => json!({"outcome": "missing", "missing": missing}),
        Released::Missing(missing) => {
            let message = format!("{} obligation(s) stand between here and {stage}; nothing was cut", missing.len());
            let problem = Problem::new(StatusCode::CONFLICT, "conflict_error", "not_ready", message);
            return Err(problem.with("missing", json!(missing)));
        }
    };
    Ok(json(StatusCode::OK, &done))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RollbackBody {
    reason: String,
    #[serde(default)]
    to: Option<Digest>,
}

async fn rollback(asked: &Asked, workflow: &str) -> Result<Answer, Problem> {
    let RollbackBody { reason, to } = asked.json()?;
    if reason.trim().is_empty() || reason.len() > REASON_BYTES_MAX {
        return Err(Problem::invalid(format!(
            "`reason` is empty or longer than {REASON_BYTES_MAX} bytes; nothing was changed. Say why, in a sentence"
        )));
    }
    let done = asked.factory.rollback(&asked.caller, workflow, to, &reason).await?;
    Ok(json(StatusCode::OK, &done))
}
