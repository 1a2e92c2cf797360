//! Models over HTTP, the scanner of their streams, and small questions to other services.

pub mod completion;
mod exchange;
pub mod key;
mod model;
pub mod openai;
pub mod post;
pub mod raw;
pub mod retry;
pub mod sse;
pub mod web;

pub use exchange::{ANSWER_BYTES_MAX, CHUNKS_MAX, SILENCE_MAX};
pub use model::OpenAiModel;
