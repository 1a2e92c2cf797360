//! A request in no protocol.

use serde_json::Value;

/// What a request says.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Talk {
    pub(super) model: String,
    pub(super) turns: Vec<Turn>,
    pub(super) tools: Vec<Tool>,
    pub(super) choice: Option<Choice>,
    /// Whether several tools may be called at once; none where the request leaves it to the provider.
    pub(super) parallel: Option<bool>,
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) max_tokens: Option<u64>,
    pub(super) stop: Vec<String>,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    pub(super) logprobs: bool,
    pub(super) top_logprobs: Option<u64>,
    pub(super) format: Option<Format>,
    pub(super) user: Option<String>,
    /// Names and values for the provider's records.
    pub(super) metadata: Option<Value>,
    pub(super) effort: Option<String>,
    pub(super) verbosity: Option<String>,
}

/// One turn, or a part of one: what an assistant says and what it calls stand one behind the other.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Turn {
    System { developer: bool, text: String },
    User(Vec<Shown>),
    Said(String),
    Refused(String),
    Call { id: String, name: String, arguments: String },
    Result { id: String, text: String },
}

/// What a user shows.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Shown {
    Text(String),
    /// An address, or `data:` with the bytes in Base64; how closely to look at it.
    Image {
        url: String,
        detail: Option<String>,
    },
}

/// A function that the client offers.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) parameters: Option<Value>,
    pub(super) strict: Option<bool>,
}

/// Whether and which tools are called.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Choice {
    Auto,
    None,
    Any,
    One(String),
}

/// What form the answer has.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Format {
    Json,
    Schema { name: Option<String>, schema: Value, strict: Option<bool>, description: Option<String> },
}

/// The name of a schema, where a protocol needs one and the client gave none.
pub(super) const SCHEMA_NAME: &str = "output";
