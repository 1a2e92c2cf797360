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

    /// Asks once, and hands out a stream's events as they come. Dropping what it gives cancels the request at the
    /// provider. Without streams of its own, a model answers with everything at once.
    fn open(&self, ask: Ask) -> BoxFuture<'_, Result<Box<dyn ReplyStream>, ModelError>> {
        Box::pin(async move {
            let reply = self.ask(ask).await?;
            Ok(Box::new(Whole(Some(reply))) as Box<dyn ReplyStream>)
        })
    }
}

/// A reply that is still coming.
pub trait ReplyStream: Send {
    /// The next event, or the end. After the end, and after an error, there is nothing more.
    fn next(&mut self) -> BoxFuture<'_, Result<Streamed, ModelError>>;
}

/// What a stream hands out.
#[derive(Clone, PartialEq, Debug)]
pub enum Streamed {
    /// One whole event of the stream.
    Event(StreamEvent),
    /// The stream ended as it should: the reply as a whole. Its `raw` and `chunks` are empty.
    End(Box<Reply>),
}

/// One event of a stream, in the protocol that was asked.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StreamEvent {
    /// Its bytes, the blank line included.
    pub raw: Vec<u8>,
    /// The texts that it adds, and to which parts. Empty for what a client shows nothing of.
    pub deltas: Vec<Delta>,
}

/// Text that an event adds to a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delta {
    /// The part's name, as in [`crate::Part::name`].
    pub part: String,
    /// The part's kind.
    pub kind: crate::PartKind,
    /// The text, appended to what the part has.
    pub text: String,
}

/// A whole reply as a stream of one event.
struct Whole(Option<Reply>);

impl ReplyStream for Whole {
    fn next(&mut self) -> BoxFuture<'_, Result<Streamed, ModelError>> {
        let next = match &mut self.0 {
            Some(reply) if !reply.raw.is_empty() => {
                let delta = |p: &crate::Part| Delta { part: p.name.clone(), kind: p.kind, text: p.text.clone() };
                let deltas = reply.parts.iter().map(delta).collect();
                reply.chunks.clear();
                Streamed::Event(StreamEvent { raw: std::mem::take(&mut reply.raw), deltas })
            }
            reply => Streamed::End(Box::new(reply.take().unwrap_or_default())),
        };
        Box::pin(std::future::ready(Ok(next)))
    }
}

pub use seatrial_model::Protocol;

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
        /// Headers of the client's that its protocol gives a meaning (`anthropic-version`, `anthropic-beta`): never
        /// one that holds a key.
        headers: Vec<(String, String)>,
    },
}

/// What came back.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reply {
    /// The raw body in the protocol that was asked, or the whole stream's bytes with their chunking in `chunks`.
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
    /// How many requests the provider was sent for it; at least 1 where it was asked over HTTP.
    pub requests: u64,
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
    /// The call says something that the provider's protocol has no words for: the model was not asked.
    #[error(
        "the call was not passed on: the provider of `{model}` has no words for `{what}`; leave it out, or call in the provider's own protocol"
    )]
    Untranslatable {
        /// The model.
        model: String,
        /// The field, by its place in the client's call (`n`, `messages.2.content.0`): no text of the client.
        what: String,
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
