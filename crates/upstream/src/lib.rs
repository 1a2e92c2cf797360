//! Models over HTTP, and the scanner of their streams.

pub mod completion;
mod exchange;
pub mod key;
mod model;
pub mod openai;
pub mod raw;
pub mod retry;
pub mod sse;

pub use exchange::{ANSWER_BYTES_MAX, CHUNKS_MAX, SILENCE_MAX};
pub use model::OpenAiModel;
