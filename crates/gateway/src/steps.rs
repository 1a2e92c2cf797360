//! `run` and `decide`: the guard's own wire, without a model's protocol around it.

use crate::answer::{Answer, decided, decided_problem, json, output_value, poll_path, seatrial, withheld};
use crate::head::check_name;
use crate::problem::Problem;
use crate::service::Asked;
use http::StatusCode;
use seatrial_factory::api::{AdmitInput, Admitted, Passage, PassageEntry, Passed};
use seatrial_model::DecisionId;
use serde::Deserialize;
use serde_json::{Value, json};

/// The body of `run`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunBody {
    input: Value,
    #[serde(default)]
    case: Option<String>,
}

/// The body of `decide`. An `output` that is a string is taken as the output's exact text, anything else as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecideBody {
    input: Value,
    output: Value,
    #[serde(default)]
    confidence: Option<f64>,
    #[serde(default)]
    case: Option<String>,
}

/// JSON input in, verified output out.
pub(crate) async fn run(asked: Asked, workflow: String, step: String) -> Result<Answer, Problem> {
    let body: RunBody = asked.json()?;
    let entry = PassageEntry::Run { input: body.input };
    let passed = pass(&asked, workflow, step, entry, body.case).await?;
    // A denied output is an answer here as it is on the model's wire: 200, without the output.
    if passed.output.is_none() && passed.code != "output_denied" {
        return Ok(decided_problem(asked.dialect, &withheld(&passed), &passed, &asked.id));
    }
    Ok(verdict(&passed))
}

/// Input, output and confidence in; verdict out. The caller holds the output, so every verdict is an answer.
pub(crate) async fn decide(asked: Asked, workflow: String, step: String) -> Result<Answer, Problem> {
    let body: DecideBody = asked.json()?;
    let output = match body.output {
        Value::String(text) => text,
        value => value.to_string(),
    };
    let entry = PassageEntry::Decide { input: body.input, output, confidence: body.confidence };
    let passed = pass(&asked, workflow, step, entry, body.case).await?;
    Ok(verdict(&passed))
}

/// The body of `admit`. An `output` that is a string is taken as the output's exact text, anything else as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdmitBody {
    #[serde(default)]
    case: Option<String>,
    #[serde(default)]
    decision: Option<DecisionId>,
    #[serde(default)]
    output: Option<Value>,
}

/// A system step asks whether it may act. Where it may not, that is an error: whoever looks at the status alone stops.
pub(crate) async fn admit(asked: Asked, workflow: String, step: String) -> Result<Answer, Problem> {
    let body: AdmitBody = asked.json()?;
    let case = case(&asked, body.case)?
        .ok_or_else(|| Problem::invalid("`case` is not there; nothing was admitted. Say which case is to go on"))?;
    let output = body.output.map(|output| match output {
        Value::String(text) => text,
        value => value.to_string(),
    });
    let input = AdmitInput { workflow, step, case, decision: body.decision, output };
    let admitted = asked.factory.admit(&asked.caller, input).await?;
    if admitted.admitted { Ok(json(StatusCode::OK, &admitted)) } else { Err(not_admitted(&admitted)) }
}

fn not_admitted(admitted: &Admitted) -> Problem {
    let (status, code, why) = match admitted.code.as_str() {
        "not_settled" => (StatusCode::CONFLICT, "not_settled", "what it requires of the case is not settled"),
        "other_output" => {
            (StatusCode::CONFLICT, "other_output", "its output is not the one that left by that decision")
        }
        "used" => (StatusCode::CONFLICT, "used", "that decision was acted on already"),
        "workflow_stopped" => (StatusCode::FORBIDDEN, "workflow_stopped", "it is stopped"),
        "not_released" => (StatusCode::FORBIDDEN, "not_released", "no release allows it"),
        _ => (StatusCode::FORBIDDEN, "not_admitted", "it may not"),
    };
    let kind = if status == StatusCode::CONFLICT { "conflict_error" } else { "permission_error" };
    let message = format!("`{}` was not admitted: {why}; nothing is to be done for the case", admitted.step);
    let problem = Problem::new(status, kind, code, message);
    serde_json::to_value(admitted).map_or(problem.clone(), |said| match said {
        Value::Object(members) => members.into_iter().fold(problem, |p, (name, value)| p.with(&name, value)),
        _ => problem,
    })
}

/// The case may stand in the header or in the body, not twice differently.
fn case(asked: &Asked, in_body: Option<String>) -> Result<Option<String>, Problem> {
    if let Some(case) = &in_body {
        check_name("case", case)?;
    }
    match (asked.said.case.clone(), in_body) {
        (Some(head), Some(body)) if head != body => Err(Problem::invalid(
            "`x-seatrial-case` and `case` in the body name two cases; nothing was decided. Send one of them",
        )),
        (head, body) => Ok(head.or(body)),
    }
}

async fn pass(
    asked: &Asked,
    workflow: String,
    step: String,
    entry: PassageEntry,
    in_body: Option<String>,
) -> Result<Passed, Problem> {
    let case = case(asked, in_body)?;
    // Where the guard calls the model, a client that hangs up cancels it. An output that was submitted is judged.
    let calls = matches!(entry, PassageEntry::Run { .. });
    let passage =
        Passage { workflow, step, entry, case, rehearsal: asked.said.rehearsal, again: asked.said.again.clone() };
    let passed = if calls {
        asked.factory.pass_unless(&asked.caller, passage, asked.gone()).await
    } else {
        asked.factory.pass(&asked.caller, passage).await
    };
    Ok(passed?)
}

fn verdict(passed: &Passed) -> Answer {
    let mut body = json!({
        "decision": passed.decision,
        "case": passed.case,
        "verdict": passed.verdict,
        "action": passed.action,
        "output": output_value(passed.output.as_deref()),
        "seatrial": seatrial(passed),
    });
    if let (Some(review), Some(members)) = (passed.review, body.as_object_mut()) {
        members.insert("review".to_owned(), json!(review));
        members.insert("poll".to_owned(), json!(poll_path(passed)));
    }
    let mut answer = json(StatusCode::OK, &body);
    decided(answer.headers_mut(), passed);
    answer
}
