//! One small request to a service that is no model: a witness.

use bytes::{Bytes, BytesMut};
use std::time::Duration;

/// How long all of it may take: whoever waits for it has other things to do.
pub const TIME_MAX: Duration = Duration::from_secs(10);

/// The most bytes of an answer that are read.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// What came with it.
    pub body: Vec<u8>,
}

/// A client of its own: it shares no connection, no key and no proxy's cookie with anything that asks models.
#[derive(Clone, Debug)]
pub struct Poster(reqwest::Client);

impl Poster {
    /// A client.
    ///
    /// # Errors
    /// Where the HTTP client cannot be started, in words.
    pub fn new() -> Result<Self, String> {
        install_tls();
        let client = reqwest::Client::builder()
            .timeout(TIME_MAX)
            .pool_max_idle_per_host(1)
            // Only who is named is asked.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("seatrial/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map(Self).map_err(|e| format!("the HTTP client could not be started: {e}"))
    }

    /// Sends a body, and reads the answer.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn post(&self, url: &str, body: Vec<u8>) -> Result<Answer, String> {
        let failed = |e: reqwest::Error| {
            let what = if e.is_timeout() { "it took longer than 10 s" } else { "it could not be reached" };
            format!("{what}: {}", e.without_url())
        };
        let mut answer = self.0.post(url).body(Bytes::from(body)).send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        let mut read = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if read.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(format!("its answer is longer than {ANSWER_BYTES_MAX} bytes"));
            }
            read.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body: read.to_vec() })
    }
}

/// Makes TLS work for every client of this process. Another part of it may have done so already: either is fine.
pub fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
