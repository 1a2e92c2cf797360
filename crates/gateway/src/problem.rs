//! Errors, in OpenAI's words; each dialect writes them in its own. Every message says what was not done.

use http::StatusCode;
use seatrial_factory::api::Refused;
use serde_json::Value;

/// An answer that is an error.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// `error.type`: the family.
    pub(crate) kind: &'static str,
    /// `error.code`: the case; stable.
    pub(crate) code: &'static str,
    /// `error.message`: for people.
    pub(crate) message: String,
    /// `retry-after`, in seconds.
    pub(crate) retry_after_s: Option<u64>,
    /// What the `seatrial` object says beside.
    pub(crate) more: Vec<(String, Value)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, kind: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code, message: message.into(), retry_after_s: None, more: Vec::new() }
    }

    /// 400: the request makes no sense.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", "invalid_request", message)
    }

    /// Adds a member to the `seatrial` object.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

/// How long a caller should wait before it asks again after a fault that may pass.
const FAULT_RETRY_S: u64 = 1;

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let message = refused.to_string();
        let permission = |code| Self::new(StatusCode::FORBIDDEN, "permission_error", code, message.clone());
        match refused {
            Refused::Unauthenticated => {
                Self::new(StatusCode::UNAUTHORIZED, "authentication_error", "invalid_api_key", message)
            }
            Refused::Forbidden(_) => permission("forbidden"),
            Refused::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "invalid_request_error", "not_found", message),
            Refused::Invalid(_) => Self::invalid(message),
            Refused::CannotWithhold(_) => {
                Self::new(StatusCode::BAD_REQUEST, "policy_denied", "content_filter", message)
                    .with("code", "input_denied")
            }
            Refused::Conflict { now, .. } => {
                Self::new(StatusCode::CONFLICT, "conflict_error", "conflict", message).with("now", now)
            }
            Refused::Changed { now, changed, .. } => {
                let problem = Self::new(StatusCode::CONFLICT, "conflict_error", "conflict", message);
                problem.with("now", now).with("changed", changed)
            }
            Refused::NotReleased { missing, .. } => permission("not_released").with("missing", missing),
            Refused::Stopped { element, since, instead, .. } => permission("workflow_stopped")
                .with("element", element)
                .with("since", since.to_string())
                .with("instead", instead),
            Refused::TooMany { retry_after_s, .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "rate_limit_exceeded", message)
                    .after(retry_after_s)
            }
            Refused::NotRecorded(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", "record_failed", message)
                    .after(FAULT_RETRY_S)
            }
            Refused::Unsettled(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", "record_unsettled", message)
                    .after(FAULT_RETRY_S)
            }
            Refused::ModelUnreachable(_) => {
                Self::new(StatusCode::BAD_GATEWAY, "server_error", "model_unreachable", message)
            }
            Refused::Internal(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "internal_error", message)
            }
            other => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "server_error",
                "internal_error",
                format!("the request was refused for a reason that this version has no word for: {other}"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use serde_json::json;

    #[test]
    fn every_refusal_has_its_status_and_code() {
        let missing = vec!["approval by risk".to_owned()];
        let cases = [
            (Refused::Unauthenticated, 401, "invalid_api_key"),
            (Refused::Forbidden("x".to_owned()), 403, "forbidden"),
            (Refused::NotFound("x".to_owned()), 404, "not_found"),
            (Refused::Invalid("x".to_owned()), 400, "invalid_request"),
            (Refused::CannotWithhold("a message is a picture".to_owned()), 400, "content_filter"),
            (Refused::Conflict { message: "x".to_owned(), now: None }, 409, "conflict"),
            (Refused::NotReleased { workflow: "w".to_owned(), missing }, 403, "not_released"),
            (
                Refused::TooMany { step: "s".to_owned(), limit: "1 call a minute".to_owned(), retry_after_s: 7 },
                429,
                "rate_limit_exceeded",
            ),
            (Refused::NotRecorded("disk".to_owned()), 503, "record_failed"),
            (Refused::Unsettled("disk".to_owned()), 503, "record_unsettled"),
            (Refused::ModelUnreachable("down".to_owned()), 502, "model_unreachable"),
            (Refused::Internal("x".to_owned()), 500, "internal_error"),
        ];
        for (refused, status, code) in cases {
            let problem = Problem::from(refused);
            assert_eq!((problem.status.as_u16(), problem.code), (status, code));
            let body = Dialect::Chat.error_body(&problem, None, "req_1");
            assert!(body["error"]["param"].is_null() && body["error"]["type"].is_string());
            let message = body["error"]["message"].as_str().unwrap();
            assert!(["not", "nothing"].iter().any(|word| message.contains(word)), "{message}");
        }
    }

    #[test]
    fn what_is_missing_is_said_and_nothing_hides() {
        let refused = Refused::NotReleased { workflow: "w\u{202e}".to_owned(), missing: vec!["drill.stop".to_owned()] };
        let body = Dialect::Chat.error_body(&Problem::from(refused), None, "req_1");
        assert_eq!(body["seatrial"]["missing"], json!(["drill.stop"]));
        assert!(body["error"]["message"].as_str().unwrap().contains("⟨U+202E⟩"));
    }
}
