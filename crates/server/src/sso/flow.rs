//! One sign-in: to the provider, and back with a code.

use super::provider::{Known, Metadata};
use super::token::{Expected, Rejected, verify};
use super::{Sso, SsoError};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use seatrial_factory::SsoSubject;
use seatrial_model::Time;
use seatrial_spec::workflow::SignIn;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

/// How long somebody may take at the provider, in milliseconds.
pub const PENDING_MS_MAX: i64 = 10 * 60_000;

/// Sign-ins that are under way at once; beyond it, the oldest make room.
pub const PENDING_KEPT_MAX: usize = 10_000;

/// The path that the provider sends people back to.
pub(crate) const CALLBACK: &str = "/sign-in/sso/callback";

/// A sign-in that is under way.
pub(super) struct Pending {
    /// What the browser that began it holds.
    browser: [u8; 32],
    nonce: String,
    verifier: String,
    to: String,
    began: Time,
}

/// Where to send a browser, and what it has to hold when it comes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Begun {
    /// The provider's address.
    pub url: String,
    /// The value of the cookie.
    pub cookie: String,
}

/// What came back.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Returned {
    /// The code.
    pub code: String,
    /// What the sign-in was begun with.
    pub state: String,
    /// The provider, as RFC 9207 has it say.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

impl std::fmt::Debug for Returned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Returned").field("iss", &self.iss).field("error", &self.error).finish_non_exhaustive()
    }
}

impl Sso {
    /// Begins a sign-in.
    ///
    /// # Errors
    /// [`SsoError::Provider`] where the provider cannot be asked, or there is no randomness.
    pub async fn begin(&self, sign_in: &SignIn, to: &str, now: Time) -> Result<Begun, SsoError> {
        let known = self.provider(sign_in, now).await?;
        let (state, nonce, verifier, cookie) = (random()?, random()?, random()?, random()?);
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let mut scope = "openid email profile".to_owned();
        if !sign_in.groups.is_empty() && known.metadata.scopes_supported.iter().any(|s| s == "groups") {
            scope.push_str(" groups");
        }
        let callback = callback(sign_in);
        let query = [
            ("response_type", "code"),
            ("client_id", &sign_in.client_id),
            ("redirect_uri", &callback),
            ("scope", &scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let url = with_query(&known.metadata.authorization_endpoint, &query);
        let pending = Pending { browser: key(&cookie), nonce, verifier, to: to.to_owned(), began: now };
        let mut all = self.pending();
        all.retain(|_, p| now.millis_since(p.began) < PENDING_MS_MAX);
        while all.len() >= PENDING_KEPT_MAX {
            let Some(oldest) = all.iter().min_by_key(|(_, p)| p.began).map(|(k, _)| *k) else { break };
            all.remove(&oldest);
        }
        all.insert(key(&state), pending);
        Ok(Begun { url, cookie })
    }

    /// Ends a sign-in: who it was, and where they wanted to go.
    ///
    /// # Errors
    /// [`SsoError`]: nobody is signed in.
    pub async fn end(
        &self,
        sign_in: &SignIn,
        returned: &Returned,
        cookie: Option<&str>,
        now: Time,
    ) -> Result<(SsoSubject, String), SsoError> {
        // Used up, whatever comes of it.
        let pending = self.pending().remove(&key(&returned.state));
        let began_here = pending.filter(|p| {
            now.millis_since(p.began) < PENDING_MS_MAX && cookie.is_some_and(|cookie| key(cookie) == p.browser)
        });
        let pending = began_here.ok_or_else(|| {
            SsoError::Refused(
                "this sign-in was not begun in this browser, took too long, or was used before; nobody was signed in. \
                 Begin again"
                    .to_owned(),
            )
        })?;
        let known = self.provider(sign_in, now).await?;
        check_issuer(&known.metadata, returned)?;
        if returned.error.is_some() || returned.code.is_empty() {
            return Err(SsoError::Refused("the identity provider refused; nobody was signed in".to_owned()));
        }
        let token = self.redeem(sign_in, &known, &returned.code, &pending.verifier).await?;
        let subject = self.subject(sign_in, known, &token, &pending.nonce, now).await?;
        Ok((subject, pending.to))
    }

    /// Changes the code for an ID token.
    async fn redeem(&self, sign_in: &SignIn, known: &Known, code: &str, verifier: &str) -> Result<String, SsoError> {
        #[derive(Deserialize)]
        struct Tokens {
            id_token: String,
        }
        let secret = match &sign_in.client_secret {
            None => None,
            Some(place) => Some(self.web.secret(place).map_err(|why| {
                SsoError::Provider(format!("the client's secret is not at hand ({why}); nobody was signed in"))
            })?),
        };
        let callback = callback(sign_in);
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", callback.as_str()),
            ("code_verifier", verifier),
        ];
        let methods = &known.metadata.token_endpoint_auth_methods_supported;
        let in_form =
            methods.iter().any(|m| m == "client_secret_post") && !methods.iter().any(|m| m == "client_secret_basic");
        let basic = match &secret {
            Some(secret) if !in_form => Some((encoded(&sign_in.client_id), encoded(secret))),
            _ => None,
        };
        if basic.is_none() {
            form.push(("client_id", &sign_in.client_id));
            form.extend(secret.as_deref().map(|secret| ("client_secret", secret)));
        }
        let basic = basic.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str()));
        let refused = |why: String| {
            SsoError::Provider(format!(
                "the identity provider gave no token for the code ({why}); nobody was signed in"
            ))
        };
        let body = self.web.post(&known.metadata.token_endpoint, &form, basic).await.map_err(refused)?;
        let tokens: Tokens =
            serde_json::from_slice(&body).map_err(|_| refused("its answer has no `id_token`".to_owned()))?;
        Ok(tokens.id_token)
    }

    async fn subject(
        &self,
        sign_in: &SignIn,
        known: Known,
        token: &str,
        nonce: &str,
        now: Time,
    ) -> Result<SsoSubject, SsoError> {
        let judge = |known: &Known| {
            let expected = Expected {
                issuer: &known.metadata.issuer,
                client_id: &sign_in.client_id,
                nonce,
                groups_claim: &sign_in.groups_claim,
                now_s: now.as_millis().div_euclid(1_000),
            };
            verify(token, &known.keys, &expected)
        };
        let unsigned = || SsoError::Refused("the ID token is signed with a key that is not the provider's".to_owned());
        let verdict = match judge(&known) {
            // Keys are changed now and then: the provider is asked once more.
            Err(Rejected::UnknownKey) => judge(&self.provider_anew(sign_in, now).await?),
            other => other,
        };
        verdict.map_err(|rejected| match rejected {
            Rejected::UnknownKey => unsigned(),
            Rejected::Bad(error) => error,
        })
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<[u8; 32], Pending>> {
        // The map is whole between two statements, whatever panicked elsewhere.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the answer is of the provider that was asked (RFC 9207).
fn check_issuer(metadata: &Metadata, returned: &Returned) -> Result<(), SsoError> {
    let said = returned.iss.as_deref();
    let missing = said.is_none() && metadata.authorization_response_iss_parameter_supported;
    if missing || said.is_some_and(|iss| iss != metadata.issuer) {
        return Err(SsoError::Refused("the answer is another provider's; nobody was signed in".to_owned()));
    }
    Ok(())
}

fn callback(sign_in: &SignIn) -> String {
    format!("{}{CALLBACK}", sign_in.address)
}

fn with_query(url: &str, query: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    format!("{url}{}{}", if url.contains('?') { '&' } else { '?' }, pairs.join("&"))
}

/// As in a form.
fn encoded(text: &str) -> String {
    crate::pages::parts::encode(text)
}

fn key(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// 256 random bits, as a text that fits everywhere.
fn random() -> Result<String, SsoError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|e| SsoError::Provider(format!("the system gave no random bytes ({e}); nobody was signed in")))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
