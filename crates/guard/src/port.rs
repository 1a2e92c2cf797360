//! The port through which a model is asked. No implementation lives here: `upstream` asks over HTTP, `classifier`
//! answers in the process, tests answer from a list.

use crate::candidate::TokenLogprob;
use crate::prompt::Message;
use seatrial_model::event::Usage;
use std::future::Future;
use std::pin::Pin;

/// A boxed future, so that [`Model`] is object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Something that can be asked. Implementations keep their keys to themselves: no key stands in an [`Ask`], a
/// [`Reply`] or a [`ModelError`].
pub trait Model: Send + Sync {
    /// Asks once. Transport retries within `ask.timeout_ms` are the implementation's business; asking again because a
    /// check objected is the caller's.
    fn ask(&self, ask: Ask) -> BoxFuture<'_, Result<Reply, ModelError>>;
}

/// The protocol that a raw body is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// OpenAI chat completions.
    OpenAiChat,
    /// OpenAI responses.
    OpenAiResponses,
    /// Anthropic messages.
    AnthropicMessages,
}

/// What is asked.
#[derive(Clone, PartialEq, Debug)]
pub struct Ask {
    /// The model's name at the provider.
    pub model: String,
    /// The question.
    pub body: AskBody,
    /// Sampling temperature, for messages; a raw body carries its own.
    pub temperature: Option<f64>,
    /// The JSON Schema that the answer should follow, where the provider can constrain it. It is a help, never a
    /// check: the answer is checked again.
    pub schema: Option<serde_json::Value>,
    /// Whether log-probabilities of the answer's tokens are wanted.
    pub logprobs: bool,
    /// The longest time for all of it, in milliseconds.
    pub timeout_ms: u64,
}

/// The question: rendered by the guard, or a client's own bytes.
#[derive(Clone, PartialEq, Debug)]
pub enum AskBody {
    /// Messages that the guard rendered, and the input that they were rendered from (withheld fields removed), for
    /// models that take fields rather than text.
    Messages {
        /// The messages.
        messages: Vec<Message>,
        /// The input without withheld fields.
        input: serde_json::Value,
    },
    /// A client's body, passed on unchanged but for the model's name.
    Raw {
        /// Its protocol.
        protocol: Protocol,
        /// Its bytes.
        bytes: Vec<u8>,
        /// Whether the answer is a stream of server-sent events.
        stream: bool,
    },
}

/// What came back.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reply {
    /// The raw body, or the whole stream's bytes with their chunking in `chunks`.
    pub raw: Vec<u8>,
    /// Ends of the stream's chunks in `raw`; empty where it was no stream.
    pub chunks: Vec<usize>,
    /// The parts: text, tool-call arguments, reasoning, of every choice.
    pub parts: Vec<crate::Part>,
    /// Log-probabilities of the first choice's tokens, where they were asked for and given.
    pub logprobs: Vec<TokenLogprob>,
    /// Why the model ended (`stop`, `length`, `tool_calls`), as it wrote it.
    pub finish_reason: Option<String>,
    /// The model's identity, as it answered.
    pub model: Option<String>,
    /// Tokens used.
    pub usage: Option<Usage>,
}

/// Why there is no reply. No variant carries a body that a provider sent: it may quote the input.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// No connection, or a server error after all retries.
    #[error("the model `{model}` could not be reached ({status}); nothing was decided on its behalf")]
    Unreachable {
        /// The model.
        model: String,
        /// The HTTP status, or a word for the transport's failure.
        status: String,
    },
    /// No answer in time.
    #[error("the model `{model}` did not answer within {timeout_ms} ms; its answer, should it still come, is dropped")]
    TimedOut {
        /// The model.
        model: String,
        /// The limit.
        timeout_ms: u64,
    },
    /// The provider limits us.
    #[error("the provider of `{model}` refuses for now (rate or budget); ask again after {retry_after_ms:?} ms")]
    Limited {
        /// The model.
        model: String,
        /// What the provider said about when to ask again.
        retry_after_ms: Option<u64>,
    },
    /// The provider refused the request itself.
    #[error("the provider of `{model}` rejected the request with status {status}; it was not asked again")]
    Rejected {
        /// The model.
        model: String,
        /// The HTTP status.
        status: u16,
    },
    /// An answer that is none.
    #[error("the answer of `{model}` could not be read: {why}; it was not used")]
    Unreadable {
        /// The model.
        model: String,
        /// Why, without its content.
        why: String,
    },
}

impl ModelError {
    /// The code for `Facts::no_candidate`.
    #[must_use]
    pub const fn no_candidate(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            _ => "model_unreachable",
        }
    }
}
