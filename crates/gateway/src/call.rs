//! A client's own call, read as far as it has to be: which step, how its input reads, what no check can look into,
//! and the fields that the model never sees.
//!
//! The rule, alike in all dialects: the input of a proxied call is the JSON object that the last message of a user
//! consists of (messages that only carry results of tools are passed over); where that message is anything else, it is
//! `{"messages": [...]}`, all of them, the system's words first. Where the step that is served withholds fields, they
//! are taken out of every text of users and every result of a tool before the call goes on; what is not a JSON object
//! cannot be searched, so the call is refused as `input_denied`.

mod content;

use crate::dialect::Dialect;
use crate::problem::Problem;
use bytes::Bytes;
use content::Content;
use http::HeaderMap;
use seatrial_factory::api::ClientCall;
use seatrial_guard::port::Protocol;
use seatrial_upstream::raw::{self, RawObject};
use serde::Deserialize;
use serde_json::{Value, json};

/// The most messages, or input items, of one call: agents' sessions have hundreds.
pub(crate) const MESSAGES_MAX: usize = 10_000;

/// The most answers that one call asks for: what the protocol allows.
const CHOICES_MAX: u64 = 128;

/// How many parts that nobody looked into are named; what is behind them is named once, as `input.more`.
const NOT_INSPECTED_MAX: usize = 16;

/// The longest value of a header that is passed on.
const HEADER_BYTES_MAX: usize = 1_024;

/// A call, read as far as it has to be.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) dialect: Dialect,
    pub(crate) workflow: String,
    pub(crate) step: String,
    pub(crate) stream: bool,
    /// Whether a stream of chat completions ends with its usage.
    pub(crate) include_usage: bool,
    /// How many answers are asked for.
    pub(crate) choices: u64,
    received: Bytes,
    body: RawObject,
    turns: Vec<Turn>,
    headers: Vec<(String, String)>,
    not_inspected: Vec<String>,
}

/// A message, or another item of the conversation.
#[derive(Clone, Debug)]
struct Turn {
    object: RawObject,
    content: Content,
    /// The member that holds the content.
    member: &'static str,
    speaks: Speaks,
}

/// Whose words a message holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Speaks {
    User,
    Tool,
    /// The system's, or the model's own of earlier.
    Other,
    /// Nobody here can say.
    Unknown,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

impl Call {
    /// Reads a request's body.
    pub(crate) fn parse(dialect: Dialect, received: Bytes, headers: &HeaderMap) -> Result<Self, Problem> {
        let body = RawObject::read(&received).map_err(|e| invalid(&e.to_string()))?;
        let model = body.get_str("model").ok_or_else(|| invalid("`model` is not there, or no text"))?;
        let (workflow, step) = model.split_once('/').map(|(w, s)| (w.to_owned(), s.to_owned())).ok_or_else(|| {
            invalid("`model` is not a step: write it as `workflow/step`; `GET /v1/models` lists them")
        })?;
        let stream = match body.get("stream") {
            None | Some("null") => false,
            Some(_) => body.get_bool("stream").ok_or_else(|| invalid("`stream` is neither `true` nor `false`"))?,
        };
        let turns = match dialect {
            Dialect::Chat | Dialect::Messages => turns("messages", body.get_bytes("messages"))?,
            Dialect::Responses => input_items(&body)?,
        };
        let not_inspected = not_inspected(dialect, &body, &turns);
        let headers = meaningful(dialect, headers);
        let include_usage = dialect == Dialect::Chat && include_usage(&body)?;
        let choices = if dialect == Dialect::Chat { choices(&body)? } else { 1 };
        Ok(Self {
            dialect,
            workflow,
            step,
            stream,
            include_usage,
            choices,
            received,
            body,
            turns,
            headers,
            not_inspected,
        })
    }

    /// The step's input.
    pub(crate) fn input(&self) -> Value {
        let last = self.turns.iter().rev().find(|t| t.speaks == Speaks::User);
        if let Some(input) = last.and_then(|t| t.content.json()) {
            return input.clone();
        }
        let system = system(self.dialect, &self.body).map(|content| json!({"role": "system", "content": content}));
        let as_value = |t: &Turn| serde_json::to_value(&t.object).unwrap_or(Value::Null);
        let all: Vec<Value> = system.into_iter().chain(self.turns.iter().map(as_value)).collect();
        json!({ "messages": all })
    }

    /// A member of the body, as it was written.
    pub(crate) fn member(&self, name: &str) -> Option<&str> {
        self.body.get(name)
    }

    /// The model as the client knows it.
    pub(crate) fn model(&self) -> String {
        format!("{}/{}", self.workflow, self.step)
    }
}

impl ClientCall for Call {
    fn protocol(&self) -> Protocol {
        self.dialect.protocol()
    }

    fn stream(&self) -> bool {
        self.stream
    }

    fn received(&self) -> &[u8] {
        &self.received
    }

    fn headers(&self) -> Vec<(String, String)> {
        self.headers.clone()
    }

    fn not_inspected(&self) -> Vec<String> {
        self.not_inspected.clone()
    }

    fn stripped(&self, strip: &dyn Fn(&Value) -> Value) -> Result<Vec<u8>, String> {
        for name in ELSEWHERE.iter().filter(|_| self.dialect == Dialect::Responses) {
            if self.body.get(name).is_some_and(|raw| raw != "null") {
                return Err(format!("`{name}` names words that are not in the call, so they cannot be taken out"));
            }
        }
        let mut list = Vec::with_capacity(self.turns.len());
        for turn in &self.turns {
            let mut object = turn.object.clone();
            match turn.speaks {
                Speaks::Other => {}
                Speaks::User | Speaks::Tool => {
                    let content = turn.content.stripped(strip).ok_or_else(|| CANNOT_SEARCH.to_owned())?;
                    content.put(&mut object, turn.member)?;
                }
                Speaks::Unknown => return Err(CANNOT_SEARCH.to_owned()),
            }
            list.push(object);
        }
        let mut body = self.body.clone();
        match (self.dialect, list.as_slice()) {
            (Dialect::Responses, [only]) if body.get("input").is_some_and(|raw| raw.starts_with('"')) => {
                body.set("input", &only.get_str("content").unwrap_or_default()).map_err(|e| e.to_string())?;
            }
            (Dialect::Responses, list) => body.set_list("input", list),
            (_, list) => body.set_list("messages", list),
        }
        Ok(body.to_bytes())
    }
}

/// Members of a responses call that name words which stand somewhere else.
const ELSEWHERE: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

/// Why a call cannot go on without the fields that its step withholds.
const CANNOT_SEARCH: &str = "a message of a user or of a tool is not a JSON object, so they cannot be taken out; send the input as a JSON object in the message, or use `run`";

fn invalid(why: &str) -> Problem {
    Problem::invalid(format!("{why}; nothing was decided"))
}

fn include_usage(body: &RawObject) -> Result<bool, Problem> {
    let options: Option<StreamOptions> = body
        .get("stream_options")
        .map(serde_json::from_str::<Option<StreamOptions>>)
        .transpose()
        .map_err(|_| invalid("`stream_options` is no object that can be read"))?
        .flatten();
    Ok(options.and_then(|o| o.include_usage).unwrap_or(false))
}

fn choices(body: &RawObject) -> Result<u64, Problem> {
    let n = match body.get("n") {
        None | Some("null") => Some(1),
        Some(raw) => serde_json::from_str::<u64>(raw).ok(),
    };
    n.filter(|n| (1..=CHOICES_MAX).contains(n))
        .ok_or_else(|| invalid(&format!("`n` is not a number from 1 to {CHOICES_MAX}")))
}

fn turns(name: &str, raw: Option<&Bytes>) -> Result<Vec<Turn>, Problem> {
    let raw = raw.ok_or_else(|| invalid(&format!("`{name}` is not there")))?;
    let items = raw::list(raw).ok_or_else(|| invalid(&format!("`{name}` is no list of messages")))?;
    if items.is_empty() || items.len() > MESSAGES_MAX {
        return Err(invalid(&format!("`{name}` holds {} messages, not 1 to {MESSAGES_MAX}", items.len())));
    }
    let mut turns = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let read = turn(item);
        turns.push(read.map_err(|why| invalid(&format!("message {place} is not usable: {why}")))?);
    }
    Ok(turns)
}

fn turn(item: &Bytes) -> Result<Turn, String> {
    let object = RawObject::read_within(item).map_err(|e| e.to_string())?;
    let role = object.get_str("role");
    let kind = object.get_str("type");
    let (speaks, member) = match (role.as_deref(), kind.as_deref()) {
        (Some("user"), _) => (Speaks::User, "content"),
        (Some("tool" | "function"), _) => (Speaks::Tool, "content"),
        (Some("system" | "developer" | "assistant"), _) => (Speaks::Other, "content"),
        (Some(_), _) => (Speaks::Unknown, "content"),
        (None, Some("function_call_output" | "custom_tool_call_output")) => (Speaks::Tool, "output"),
        (None, Some("function_call" | "custom_tool_call" | "reasoning")) => (Speaks::Other, "content"),
        (None, Some(_)) => (Speaks::Unknown, "content"),
        (None, None) => return Err("it has no `role`".to_owned()),
    };
    let content = Content::read(object.get_bytes(member))?;
    // Where a message is nothing but results of tools, it is a tool that speaks.
    let speaks = if speaks == Speaks::User && content.is_results() { Speaks::Tool } else { speaks };
    Ok(Turn { object, content, member, speaks })
}

/// The conversation of a responses call. A text alone is one message of a user.
fn input_items(body: &RawObject) -> Result<Vec<Turn>, Problem> {
    match body.get_str("input") {
        Some(text) => {
            let message = json!([{"role": "user", "content": text}]).to_string();
            turns("input", Some(&message.into()))
        }
        None => turns("input", body.get_bytes("input")),
    }
}

/// The system's words, where they stand beside the messages.
fn system(dialect: Dialect, body: &RawObject) -> Option<Value> {
    let name = match dialect {
        Dialect::Chat => return None,
        Dialect::Responses => "instructions",
        Dialect::Messages => "system",
    };
    serde_json::from_str(body.get(name)?).ok().filter(|v: &Value| !v.is_null())
}

/// What no check can look into, by where it stands among the messages as the step's input has them.
fn not_inspected(dialect: Dialect, body: &RawObject, turns: &[Turn]) -> Vec<String> {
    let mut names = Vec::new();
    let first = usize::from(system(dialect, body).is_some());
    for (place, turn) in turns.iter().enumerate() {
        let place = place.saturating_add(first);
        let mut kinds = turn.content.opaque();
        if turn.object.get("audio").is_some_and(|raw| raw != "null") {
            kinds.push("audio");
        }
        if turn.object.get_str("type").as_deref() == Some("item_reference") {
            kinds.push("reference");
        }
        kinds.sort_unstable();
        kinds.dedup();
        names.extend(kinds.iter().map(|kind| format!("input.messages.{place}.{kind}")));
        if names.len() > NOT_INSPECTED_MAX {
            names.truncate(NOT_INSPECTED_MAX);
            names.push("input.more".to_owned());
            break;
        }
    }
    if dialect == Dialect::Responses {
        let there = |name: &&&str| body.get(name).is_some_and(|raw| raw != "null");
        names.extend(ELSEWHERE.iter().filter(there).map(|name| format!("input.{name}")));
    }
    names
}

/// The headers that the protocol gives a meaning.
fn meaningful(dialect: Dialect, headers: &HeaderMap) -> Vec<(String, String)> {
    let names: &[&str] = match dialect {
        Dialect::Chat | Dialect::Responses => &["openai-beta"],
        Dialect::Messages => &["anthropic-version", "anthropic-beta"],
    };
    let mut found = Vec::new();
    for name in names {
        for value in headers.get_all(*name) {
            if let Ok(text) = value.to_str()
                && text.len() <= HEADER_BYTES_MAX
            {
                found.push(((*name).to_owned(), text.to_owned()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
