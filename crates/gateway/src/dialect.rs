//! What a client speaks: how it reads errors, verdicts, signs of life, and the end of a stream.

mod progress;

pub(crate) use progress::{DONE, Progress};

use crate::answer;
use crate::problem::Problem;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use seatrial_factory::api::Passed;
use seatrial_guard::port::Protocol;
use seatrial_model::Untrusted;
use serde_json::{Map, Value, json};

/// What a client speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    /// OpenAI chat completions, and everything of our own.
    Chat,
    /// OpenAI responses.
    Responses,
    /// Anthropic messages.
    Messages,
}

/// The name of the event that says what was decided.
pub(crate) const VERDICT_EVENT: &str = "seatrial.verdict";

/// The header that every Anthropic client sends, whatever it asks for.
const ANTHROPIC_VERSION: &str = "anthropic-version";

impl Dialect {
    /// What whoever asks for this path reads: the path says it, and on the paths that both kinds of clients ask for,
    /// the header that one kind always sends. Never the kind of credential.
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Self {
        let below = path.strip_prefix("/v1/").unwrap_or_default();
        match below.split('/').next().unwrap_or_default() {
            "messages" | "complete" => Self::Messages,
            "responses" => Self::Responses,
            "chat" | "workflows" | "decisions" | "reviews" | "stop" | "resume" => Self::Chat,
            _ if headers.contains_key(ANTHROPIC_VERSION) => Self::Messages,
            _ => Self::Chat,
        }
    }

    /// The protocol.
    pub(crate) const fn protocol(self) -> Protocol {
        match self {
            Self::Chat => Protocol::OpenAiChat,
            Self::Responses => Protocol::OpenAiResponses,
            Self::Messages => Protocol::AnthropicMessages,
        }
    }

    /// The status that tells this client the same.
    pub(crate) fn status(self, problem: &Problem) -> StatusCode {
        match (self, problem.status) {
            (Self::Messages, busy @ StatusCode::SERVICE_UNAVAILABLE) => {
                StatusCode::from_u16(OVERLOADED).unwrap_or(busy)
            }
            (_, status) => status,
        }
    }

    /// The body of an error. Messages may quote what callers wrote, so nothing invisible stays invisible in them.
    pub(crate) fn error_body(self, problem: &Problem, passed: Option<&Passed>, request: &str) -> Value {
        let message = Untrusted::new(problem.message.as_str()).terminal(2_000);
        let mut body = match self {
            Self::Chat | Self::Responses => {
                json!({"error": {"message": message, "type": problem.kind, "code": problem.code, "param": null}})
            }
            Self::Messages => json!({
                "type": "error",
                "error": {"type": anthropic_type(self.status(problem)), "message": message},
                "request_id": request,
            }),
        };
        let ours = self.ours(problem, passed);
        if let Some(members) = body.as_object_mut().filter(|_| !ours.is_empty()) {
            members.insert("seatrial".to_owned(), Value::Object(ours));
        }
        body
    }

    /// What the `seatrial` object of an error says. Anthropic's errors have no code of their own, so it stands here.
    fn ours(self, problem: &Problem, passed: Option<&Passed>) -> Map<String, Value> {
        let mut ours = match passed.map(answer::seatrial) {
            Some(Value::Object(members)) => members,
            _ => Map::new(),
        };
        if self == Self::Messages {
            ours.entry("code").or_insert_with(|| json!(problem.code));
        }
        ours.extend(problem.more.iter().cloned());
        ours
    }

    /// A sign of life on a stream that has nothing to say yet. Clients of every kind pass over it.
    pub(crate) const fn keep_alive(self) -> Bytes {
        match self {
            Self::Chat | Self::Responses => Bytes::from_static(b": keep-alive\n\n"),
            Self::Messages => Bytes::from_static(b"event: ping\ndata: {\"type\": \"ping\"}\n\n"),
        }
    }
}

/// What Anthropic says where others say 503.
const OVERLOADED: u16 = 529;

/// An event of a stream with its name, as clients of responses and messages read it.
pub(crate) fn named_event(name: &str, data: &Value) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

/// An event of a stream without a name, as clients of chat completions read it.
pub(crate) fn data_event(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

/// Anthropic's word for a status.
fn anthropic_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests;
