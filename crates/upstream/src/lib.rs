//! Models over HTTP: what they speak, read and said; their live streams; and small questions to other services.

mod breaker;
mod exchange;
mod json;
pub mod key;
mod live;
mod model;
mod pass;
pub mod post;
mod prompt;
pub mod raw;
pub mod read;
pub mod retry;
pub mod say;
pub mod service;
pub mod sse;
pub mod translate;
pub mod web;

pub use breaker::{Breaker, FAILURES_MAX, OPEN_FOR, State};
pub use exchange::{ANSWER_BYTES_MAX, CHUNKS_MAX, SILENCE_MAX};
pub use model::HttpModel;
pub use prompt::MAX_TOKENS_DEFAULT;
