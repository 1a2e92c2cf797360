//! Single sign-on with OpenID Connect: the authorization-code flow with PKCE, and what has to be true of an ID token.
//!
//! Who somebody is, the provider says; what they may do, `factory.yaml` says. Everything between two requests is kept in
//! memory: a restart asks for another sign-in.

mod crypto;
mod flow;
mod provider;
mod token;

pub(crate) use flow::CALLBACK;
pub use flow::{Begun, PENDING_KEPT_MAX, PENDING_MS_MAX, Returned};
pub use provider::{ANSWER_BYTES_MAX, METADATA_MS_MAX, REFRESH_MS_MIN};
pub use token::{LEEWAY_S, TOKEN_BYTES_MAX};

use futures_util::future::BoxFuture;
use provider::Known;
use seatrial_spec::workflow::KeyRef;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

/// How a provider is reached. Redirects are not followed, and answers are read up to [`ANSWER_BYTES_MAX`].
pub trait Web: Send + Sync + 'static {
    /// The body of an address, where it answers 200.
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>>;

    /// Sends a form, with the client's id and secret as HTTP's basic authentication where they are given; the body of the
    /// answer, where it is 200.
    fn post<'a>(
        &'a self,
        url: &'a str,
        form: &'a [(&'a str, &'a str)],
        basic: Option<(&'a str, &'a str)>,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>>;

    /// A secret from where it is kept.
    ///
    /// # Errors
    /// Why it is not there, in words.
    fn secret(&self, place: &KeyRef) -> Result<String, String>;
}

/// Why nobody was signed in.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SsoError {
    /// The provider cannot be asked, or answers nonsense: for whoever operates this.
    #[error("{0}")]
    Provider(String),
    /// What came back does not prove who somebody is: for whoever signs in.
    #[error("{0}")]
    Refused(String),
}

/// Sign-ins that are under way, and what is known of the provider.
pub struct Sso {
    web: Arc<dyn Web>,
    pending: Mutex<HashMap<[u8; 32], flow::Pending>>,
    known: tokio::sync::Mutex<Option<Known>>,
}

impl Sso {
    /// Nobody signs in yet.
    #[must_use]
    pub fn new(web: Arc<dyn Web>) -> Self {
        Self { web, pending: Mutex::default(), known: tokio::sync::Mutex::default() }
    }
}

impl fmt::Debug for Sso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sso(…)")
    }
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
