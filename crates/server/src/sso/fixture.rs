//! A provider of our own: keys, tokens and addresses, in memory.

use super::Web;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use futures_util::future::BoxFuture;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use seatrial_model::Time;
use seatrial_spec::workflow::{KeyRef, SignIn};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

pub(super) const ISSUER: &str = "https://id.harbour.example";
pub(super) const CLIENT: &str = "seatrial";

/// A key, and the name under which it is published.
pub(super) struct Key {
    pair: EcdsaKeyPair,
    pub(super) kid: String,
}

impl Key {
    pub(super) fn new(kid: &str) -> Self {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap();
        Self { pair, kid: kid.to_owned() }
    }

    pub(super) fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (B64.encode(&point[1..33]), B64.encode(&point[33..65]));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid, "use": "sig", "alg": "ES256" })
    }

    pub(super) fn public_bytes(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&json!({ "alg": "ES256", "kid": self.kid }), claims)
    }

    pub(super) fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", B64.encode(signature.as_ref()))
    }
}

pub(super) fn now() -> Time {
    "2026-11-23T12:00:00.000Z".parse().unwrap()
}

pub(super) fn seconds() -> i64 {
    now().as_millis() / 1_000
}

/// What an honest provider says.
pub(super) fn claims(nonce: &str) -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT, "sub": "0c7f", "nonce": nonce,
        "iat": seconds() - 1, "exp": seconds() + 300,
        "email": "hana@harbour.example", "email_verified": true, "groups": ["credit-owners", "everybody"],
    })
}

pub(super) fn sign_in() -> SignIn {
    SignIn {
        issuer: ISSUER.to_owned(),
        client_id: CLIENT.to_owned(),
        client_secret: Some(KeyRef::Env("SECRET".to_owned())),
        address: "https://seatrial.harbour.example".to_owned(),
        groups_claim: "groups".to_owned(),
        groups: HashMap::<String, _>::new().into_iter().collect(),
    }
}

/// What was asked of it, and what it answers.
#[derive(Default)]
pub(super) struct Said {
    pub(super) token: String,
    pub(super) keys: Vec<Value>,
    pub(super) metadata: Value,
    pub(super) forms: Vec<Vec<(String, String)>>,
    pub(super) basic: Vec<Option<(String, String)>>,
    pub(super) key_requests: usize,
}

/// The provider.
#[derive(Clone, Default)]
pub(super) struct Provider(pub(super) Arc<Mutex<Said>>);

impl Provider {
    pub(super) fn new(keys: &[&Key]) -> Self {
        let said = Said {
            keys: keys.iter().map(|k| k.jwk()).collect(),
            metadata: json!({
                "issuer": ISSUER,
                "authorization_endpoint": format!("{ISSUER}/auth"),
                "token_endpoint": format!("{ISSUER}/token"),
                "jwks_uri": format!("{ISSUER}/keys"),
            }),
            ..Said::default()
        };
        Self(Arc::new(Mutex::new(said)))
    }
}

impl Web for Provider {
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        let mut said = self.0.lock().unwrap();
        let answer = match url.strip_prefix(ISSUER) {
            Some("/.well-known/openid-configuration") => Ok(said.metadata.to_string().into_bytes()),
            Some("/keys") => {
                said.key_requests += 1;
                Ok(json!({ "keys": said.keys }).to_string().into_bytes())
            }
            _ => Err("it answers 404".to_owned()),
        };
        Box::pin(async { answer })
    }

    fn post<'a>(
        &'a self,
        url: &'a str,
        form: &'a [(&'a str, &'a str)],
        basic: Option<(&'a str, &'a str)>,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        assert_eq!(url, format!("{ISSUER}/token"));
        let mut said = self.0.lock().unwrap();
        said.forms.push(form.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect());
        said.basic.push(basic.map(|(id, secret)| (id.to_owned(), secret.to_owned())));
        let answer = Ok(json!({ "id_token": said.token, "access_token": "…" }).to_string().into_bytes());
        Box::pin(async { answer })
    }

    fn secret(&self, place: &KeyRef) -> Result<String, String> {
        match place {
            KeyRef::Env(name) if name == "SECRET" => Ok("p ss".to_owned()),
            _ => Err("it is not there".to_owned()),
        }
    }
}
