//! What is known of the provider: its addresses and its keys, kept for a while.

use super::{Sso, SsoError};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use seatrial_model::Time;
use seatrial_spec::workflow::SignIn;
use serde::Deserialize;
use serde_json::Value;

/// The longest answer of a provider: its keys and addresses have some kilobytes.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;

/// How long addresses and keys are good for, in milliseconds: an hour.
pub const METADATA_MS_MAX: i64 = 3_600_000;

/// Between two askings for a key that is not known, in milliseconds: whoever sends us nonsense cannot make us ask the
/// provider each time.
pub const REFRESH_MS_MIN: i64 = 10_000;

/// The most keys of a provider that are looked at.
const KEYS_MAX: usize = 64;

/// The provider's discovery document, as far as it is used.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    pub(super) scopes_supported: Vec<String>,
    #[serde(default)]
    pub(super) token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

/// The provider as it was found.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) metadata: Metadata,
    pub(super) keys: JwkSet,
    at: Time,
}

impl Sso {
    /// The provider; asked again where what is known is old.
    pub(super) async fn provider(&self, sign_in: &SignIn, now: Time) -> Result<Known, SsoError> {
        self.known_since(sign_in, now, METADATA_MS_MAX).await
    }

    /// The provider with a key that was not known: asked again, but not all the time.
    pub(super) async fn provider_anew(&self, sign_in: &SignIn, now: Time) -> Result<Known, SsoError> {
        self.known_since(sign_in, now, REFRESH_MS_MIN).await
    }

    async fn known_since(&self, sign_in: &SignIn, now: Time, age_ms_max: i64) -> Result<Known, SsoError> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref()
            && known.metadata.issuer == sign_in.issuer
            && now.millis_since(known.at).abs() < age_ms_max
        {
            return Ok(known.clone());
        }
        let metadata = self.metadata(sign_in).await?;
        let keys = self.keys(&metadata.jwks_uri).await?;
        let fresh = Known { metadata, keys, at: now };
        *known = Some(fresh.clone());
        Ok(fresh)
    }

    async fn metadata(&self, sign_in: &SignIn) -> Result<Metadata, SsoError> {
        let url = format!("{}/.well-known/openid-configuration", sign_in.issuer);
        let body = self.web.get(&url).await.map_err(|e| failed(&sign_in.issuer, &e))?;
        let metadata: Metadata = serde_json::from_slice(&body).map_err(|e| failed(&sign_in.issuer, &e.to_string()))?;
        // Some providers end their name with a slash; what tokens say is compared with the provider's own spelling.
        if metadata.issuer.trim_end_matches('/') != sign_in.issuer {
            return Err(failed(&sign_in.issuer, "it says that it is another one"));
        }
        let secure = |url: &str| url.starts_with("https://") || sign_in.issuer.starts_with("http://");
        let all = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        if let Some(plain) = all.into_iter().find(|url| !secure(url)) {
            return Err(failed(&sign_in.issuer, &format!("`{plain}` has no TLS")));
        }
        Ok(metadata)
    }

    async fn keys(&self, url: &str) -> Result<JwkSet, SsoError> {
        #[derive(Deserialize)]
        struct Keys {
            keys: Vec<Value>,
        }
        let body = self.web.get(url).await.map_err(|e| failed(url, &e))?;
        let all: Keys = serde_json::from_slice(&body).map_err(|e| failed(url, &e.to_string()))?;
        // A kind of key that is not known here is no reason to refuse the others.
        let keys = all.keys.into_iter().take(KEYS_MAX).filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Ok(JwkSet { keys: keys.collect() })
    }
}

fn failed(what: &str, why: &str) -> SsoError {
    SsoError::Provider(format!("the identity provider `{what}` cannot be used ({why}); nobody was signed in"))
}
