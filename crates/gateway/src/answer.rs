//! Answers: their heads, and the `seatrial` object of their bodies.

use crate::body::{AnswerBody, full};
use crate::dialect::Dialect;
use crate::head::name;
use crate::problem::Problem;
use crate::vitals::Code;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use seatrial_factory::api::Passed;
use seatrial_model::{Action, Confidence, DecisionId, Digest, ElementPath, Finding, ReviewId, Verdict};
use serde::Serialize;
use serde_json::{Value, json};

/// An answer of the data plane.
pub(crate) type Answer = Response<AnswerBody>;

/// A JSON answer.
pub(crate) fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Answer {
    match serde_json::to_vec(value) {
        Ok(bytes) => bytes_answer(status, "application/json", full(bytes)),
        Err(error) => {
            tracing::error!(%error, "an answer has no JSON form");
            let problem = r#"{"error":{"message":"an internal fault: the answer could not be written; ask for the decision by its id","type":"server_error","code":"internal_error","param":null}}"#;
            bytes_answer(StatusCode::INTERNAL_SERVER_ERROR, "application/json", full(problem))
        }
    }
}

/// An answer of this type and body. What passed a guard is for its caller alone: nobody caches it.
pub(crate) fn bytes_answer(status: StatusCode, content_type: &'static str, body: AnswerBody) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The answer that an error is, as its client reads errors.
pub(crate) fn problem(dialect: Dialect, problem: &Problem, request: &str) -> Answer {
    erroneous(dialect, problem, None, request)
}

/// The same for a problem that a decision stands behind: with its head and its `seatrial` object.
pub(crate) fn decided_problem(dialect: Dialect, problem: &Problem, passed: &Passed, request: &str) -> Answer {
    let mut answer = erroneous(dialect, problem, Some(passed), request);
    decided(answer.headers_mut(), passed);
    answer
}

/// A fault that may pass says when to ask again; where a retry brings nothing, the SDKs are told so.
fn erroneous(dialect: Dialect, problem: &Problem, passed: Option<&Passed>, request: &str) -> Answer {
    let mut answer = json(dialect.status(problem), &dialect.error_body(problem, passed, request));
    answer.extensions_mut().insert(Code(problem.code));
    let headers = answer.headers_mut();
    if let Some(seconds) = problem.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    // After a decision, a retry would join it and learn nothing new.
    let settled = matches!(problem.status, StatusCode::FORBIDDEN | StatusCode::CONFLICT);
    if settled || (passed.is_some() && problem.status.is_server_error()) {
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
    answer
}

/// Says in the head what was decided.
pub(crate) fn decided(headers: &mut HeaderMap, passed: &Passed) {
    let release = passed.release.map_or_else(|| "rehearsal".to_owned(), |digest| digest.to_string());
    let texts = [
        (name::DECISION, passed.decision.to_string()),
        (name::VERDICT, passed.verdict.to_string()),
        (name::ACTION, passed.action.to_string()),
        (name::RELEASE, release),
        (name::INSPECTED, passed.inspected.clone()),
        (name::CASE, passed.case.clone()),
    ];
    for (name, text) in texts {
        // A value that no header can carry is left out here; the body still has it.
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}

/// Where the decision can be asked for.
pub(crate) fn poll_path(passed: &Passed) -> String {
    format!("/v1/decisions/{}?wait=30s", passed.decision)
}

/// What was decided, as the `seatrial` object of a body.
#[derive(Serialize)]
pub(crate) struct Seatrial<'a> {
    decision: DecisionId,
    case: &'a str,
    release: Option<Digest>,
    rehearsal: bool,
    verdict: Verdict,
    action: Action,
    code: &'a str,
    because: &'a [ElementPath],
    findings: &'a [Finding],
    confidence: &'a Confidence,
    inspected: &'a str,
    joined: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    review: Option<ReviewId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<String>,
}

impl<'a> Seatrial<'a> {
    pub(crate) fn of(passed: &'a Passed) -> Self {
        Self {
            decision: passed.decision,
            case: &passed.case,
            release: passed.release,
            rehearsal: passed.release.is_none(),
            verdict: passed.verdict,
            action: passed.action,
            code: &passed.code,
            because: &passed.because,
            findings: &passed.findings,
            confidence: &passed.confidence,
            inspected: &passed.inspected,
            joined: passed.joined,
            review: passed.review,
            poll: passed.review.map(|_| poll_path(passed)),
        }
    }
}

/// The same as a value, to be put beside others.
pub(crate) fn seatrial(passed: &Passed) -> Value {
    json!(Seatrial::of(passed))
}

/// An output as JSON where it is JSON, else as a string.
pub(crate) fn output_value(output: Option<&str>) -> Value {
    output.map_or(Value::Null, |text| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())))
}

/// The error that stands for a decision which lets nothing out, on the wires where it is an error.
pub(crate) fn withheld(passed: &Passed) -> Problem {
    let because: Vec<&str> = passed.because.iter().map(|path| path.as_str()).collect();
    let because = if because.is_empty() { passed.code.clone() } else { because.join(", ") };
    let decision = passed.decision;
    let forbidden = |code, message: String| Problem::new(StatusCode::FORBIDDEN, "permission_error", code, message);
    match passed.code.as_str() {
        "input_denied" => Problem::new(
            StatusCode::BAD_REQUEST,
            "policy_denied",
            "content_filter",
            format!("the input was denied by `{because}`; the model was not called. Decision `{decision}`"),
        ),
        "review_pending" => forbidden(
            "review_pending",
            format!(
                "a person has to answer first, because of `{because}`; nothing was released. Ask for the answer at `GET {}`",
                poll_path(passed)
            ),
        ),
        "workflow_stopped" => forbidden(
            "workflow_stopped",
            format!("the workflow was stopped meanwhile; nothing was released. Decision `{decision}`"),
        ),
        "not_released" => forbidden(
            "not_released",
            format!(
                "the release does not cover this, because of `{because}`; nothing was released. Decision `{decision}`"
            ),
        )
        .with("missing", json!(passed.because)),
        "model_unreachable" => Problem::new(
            StatusCode::BAD_GATEWAY,
            "server_error",
            "model_unreachable",
            format!(
                "the model gave no usable answer, because of `{because}`; nothing was released. Decision `{decision}`"
            ),
        ),
        "unreadable" => Problem::new(
            StatusCode::BAD_GATEWAY,
            "server_error",
            "model_unreadable",
            format!("what the model sent cannot be read to its end; nothing was released. Decision `{decision}`"),
        ),
        _ => forbidden(
            "output_denied",
            format!("the output was denied by `{because}`; nothing was released. Decision `{decision}`"),
        ),
    }
}
