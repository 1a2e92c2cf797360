//! Small questions over HTTP, to services that are no models: an identity provider, for instance.

use reqwest::header::{ACCEPT, HeaderValue};
use std::time::Duration;

/// The longest that a question may take: somebody waits before a browser.
pub const ANSWER_MAX: Duration = Duration::from_secs(10);

/// A client that follows no redirect, asks for JSON, and reads answers up to a limit.
#[derive(Clone, Debug)]
pub struct WebClient {
    client: reqwest::Client,
    bytes_max: usize,
}

impl WebClient {
    /// A client that reads answers up to so many bytes.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn new(bytes_max: usize) -> Result<Self, String> {
        // Another part of the process may have installed a provider already: either is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(ANSWER_MAX)
            .timeout(ANSWER_MAX)
            // A redirect would lead to a place that nobody named.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("seatrial/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| e.to_string())?;
        Ok(Self { client, bytes_max })
    }

    /// The body of an address, where it answers 200.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        self.ask(self.client.get(url)).await
    }

    /// A file of any kind, with a token where there is one; none where the answer is 404.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn file(&self, url: &str, token: Option<&str>) -> Result<Option<Vec<u8>>, String> {
        let mut request = self.client.get(url).header(ACCEPT, HeaderValue::from_static("*/*"));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(|e| e.without_url().to_string())?;
        match response.status().as_u16() {
            200 => self.body(response).await.map(Some),
            404 => Ok(None),
            status => Err(format!("it answers {status}")),
        }
    }

    /// Sends a form; the body of the answer, where it is 200. `basic` is a name and its password.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn post(&self, url: &str, form: String, basic: Option<(&str, &str)>) -> Result<Vec<u8>, String> {
        let mut request = self.client.post(url).body(form);
        request = request.header("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some((name, password)) = basic {
            request = request.basic_auth(name, Some(password));
        }
        self.ask(request).await
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Vec<u8>, String> {
        let request = request.header(ACCEPT, HeaderValue::from_static("application/json"));
        // Where an address holds something secret, no message shows it.
        let response = request.send().await.map_err(|e| e.without_url().to_string())?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("it answers {}", response.status().as_u16()));
        }
        self.body(response).await
    }

    /// The body, up to the limit.
    async fn body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| e.without_url().to_string())? {
            if body.len() + chunk.len() > self.bytes_max {
                return Err(format!("its answer is longer than {} bytes", self.bytes_max));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
