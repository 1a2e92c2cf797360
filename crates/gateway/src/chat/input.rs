//! The step's input, as it is read from a client's call, and the fields that the model never sees.
//!
//! The rule: the input of a proxied call is the JSON object that the last `user` message consists of; where that
//! message is anything else, it is `{"messages": [...]}`, all of them. Where the step that is served withholds fields,
//! they are taken out of every `user` and `tool` message before the call goes on; such a message that is not a JSON
//! object cannot be searched, so the call is refused as `input_denied`.

use crate::problem::Problem;
use bytes::Bytes;
use seatrial_factory::api::ClientCall;
use seatrial_guard::port::Protocol;
use seatrial_upstream::raw::RawObject;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The most messages of one call: agents' sessions have hundreds.
pub(crate) const MESSAGES_MAX: usize = 10_000;

/// A chat completion request, read as far as it has to be.
#[derive(Clone, Debug)]
pub(crate) struct ChatCall {
    received: Bytes,
    body: RawObject,
    messages: Vec<RawObject>,
    pub(crate) workflow: String,
    pub(crate) step: String,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

impl ChatCall {
    /// Reads a request's body.
    pub(crate) fn parse(received: Bytes) -> Result<Self, Problem> {
        let body = RawObject::parse(&received).map_err(|e| invalid(&e.to_string()))?;
        let model = body.get_str("model").ok_or_else(|| invalid("`model` is not there, or no text"))?;
        let (workflow, step) = model.split_once('/').map(|(w, s)| (w.to_owned(), s.to_owned())).ok_or_else(|| {
            invalid("`model` is not a step: write it as `workflow/step`; `GET /v1/models` lists them")
        })?;
        let stream = match body.get("stream") {
            None | Some("null") => false,
            Some(_) => body.get_bool("stream").ok_or_else(|| invalid("`stream` is neither `true` nor `false`"))?,
        };
        let options: Option<StreamOptions> = body
            .get("stream_options")
            .map(serde_json::from_str::<Option<StreamOptions>>)
            .transpose()
            .map_err(|_| invalid("`stream_options` is no object that can be read"))?
            .flatten();
        let include_usage = options.and_then(|o| o.include_usage).unwrap_or(false);
        let messages = messages(body.get("messages"))?;
        Ok(Self { received, body, messages, workflow, step, stream, include_usage })
    }

    /// The step's input.
    pub(crate) fn input(&self) -> Value {
        let last = self.messages.iter().rev().find(|m| role(m) == "user");
        if let Some(Value::Object(input)) = last.and_then(json_content) {
            return Value::Object(input);
        }
        let all: Vec<Value> = self.messages.iter().map(|m| serde_json::to_value(m).unwrap_or(Value::Null)).collect();
        json!({ "messages": all })
    }
}

impl ClientCall for ChatCall {
    fn protocol(&self) -> Protocol {
        Protocol::OpenAiChat
    }

    fn stream(&self) -> bool {
        self.stream
    }

    fn received(&self) -> &[u8] {
        &self.received
    }

    fn stripped(&self, strip: &dyn Fn(&Value) -> Value) -> Result<Vec<u8>, String> {
        let mut messages = self.messages.clone();
        for message in messages.iter_mut().filter(|m| matches!(role(m).as_str(), "user" | "tool" | "function")) {
            let content = match json_content(message) {
                Some(content @ Value::Object(_)) => content,
                _ => return Err(CANNOT_SEARCH.to_owned()),
            };
            message.set("content", &strip(&content).to_string()).map_err(|e| e.to_string())?;
        }
        let mut body = self.body.clone();
        body.set("messages", &messages).map_err(|e| e.to_string())?;
        Ok(body.to_bytes())
    }
}

fn invalid(why: &str) -> Problem {
    Problem::invalid(format!("{why}; nothing was decided"))
}

/// Why a call cannot go on without the fields that its step withholds.
const CANNOT_SEARCH: &str = "a `user` or `tool` message of the call is not a JSON object, so they cannot be taken out; send the input as a JSON object in the message, or use `run`";

fn messages(raw: Option<&str>) -> Result<Vec<RawObject>, Problem> {
    let raw = raw.ok_or_else(|| invalid("`messages` is not there"))?;
    let items: Vec<Box<RawValue>> =
        serde_json::from_str(raw).map_err(|_| invalid("`messages` is no list of messages"))?;
    if items.is_empty() || items.len() > MESSAGES_MAX {
        return Err(invalid(&format!("`messages` holds {} messages, not 1 to {MESSAGES_MAX}", items.len())));
    }
    let mut messages = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let message = RawObject::parse(item.get().as_bytes())
            .map_err(|e| invalid(&format!("message {place} is not usable: {e}")))?;
        if message.get_str("role").is_none() {
            return Err(invalid(&format!("message {place} has no `role`")));
        }
        messages.push(message);
    }
    Ok(messages)
}

fn role(message: &RawObject) -> String {
    message.get_str("role").unwrap_or_default()
}

/// The JSON that a message's text consists of: a string, or a list with one text.
fn json_content(message: &RawObject) -> Option<Value> {
    let text = match serde_json::from_str(message.get("content")?).ok()? {
        Value::String(text) => text,
        Value::Array(items) => match items.as_slice() {
            [only] if only.get("type").and_then(Value::as_str) == Some("text") => {
                only.get("text")?.as_str()?.to_owned()
            }
            _ => return None,
        },
        _ => return None,
    };
    if seatrial_upstream::raw::depth(text.as_bytes()) > seatrial_upstream::raw::DEPTH_MAX {
        return None;
    }
    // Two readings of one object are none: the model would see the text, the checks the parsed value.
    RawObject::parse(text.as_bytes()).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests;
