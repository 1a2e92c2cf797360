//! Messages that the guard rendered, as a request of a protocol.

use bytes::Bytes;
use seatrial_guard::port::Protocol;
use seatrial_guard::{Message, Role};
use serde_json::{Map, Value, json};

/// What messages asks for where nobody said how long an answer may be: there it has to be said.
pub const MAX_TOKENS_DEFAULT: u64 = 4_096;

/// How responses are asked for log-probabilities.
pub(crate) const LOGPROBS: &str = "message.output_text.logprobs";

/// What is wished for beside the messages.
pub(crate) struct Wish<'a> {
    pub(crate) model: &'a str,
    pub(crate) temperature: Option<f64>,
    pub(crate) schema: Option<&'a Value>,
    pub(crate) logprobs: bool,
}

/// The request's body.
pub(crate) fn body(protocol: Protocol, messages: &[Message], wish: &Wish<'_>) -> Bytes {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    put("model", json!(wish.model));
    if let Some(temperature) = wish.temperature {
        put("temperature", json!(temperature));
    }
    let plain = |m: &Message| json!({"role": m.role, "content": m.content});
    match protocol {
        Protocol::OpenAiChat => {
            put("messages", messages.iter().map(plain).collect());
            if wish.logprobs {
                put("logprobs", json!(true));
            }
            if let Some(schema) = wish.schema {
                let format = json!({"type": "json_schema", "json_schema": {"name": "output", "schema": schema}});
                put("response_format", format);
            }
        }
        Protocol::OpenAiResponses => {
            put("input", messages.iter().map(plain).collect());
            // Nobody will refer to it.
            put("store", json!(false));
            if wish.logprobs {
                put("include", json!([LOGPROBS]));
            }
            if let Some(schema) = wish.schema {
                let format = json!({"type": "json_schema", "name": "output", "schema": schema, "strict": false});
                put("text", json!({"format": format}));
            }
        }
        Protocol::AnthropicMessages => {
            put("max_tokens", json!(MAX_TOKENS_DEFAULT));
            let system: Vec<&str> =
                messages.iter().filter(|m| m.role == Role::System).map(|m| m.content.as_str()).collect();
            if !system.is_empty() {
                put("system", json!(system.join("\n\n")));
            }
            put("messages", messages.iter().filter(|m| m.role != Role::System).map(plain).collect());
            if let Some(schema) = wish.schema {
                put("output_config", json!({"format": {"type": "json_schema", "schema": schema}}));
            }
        }
    }
    Value::Object(body).to_string().into()
}
