//! What has to be true of an ID token (OpenID Connect Core 1.0, section 3.1.3.7) before it says who somebody is.

use super::SsoError;
use super::crypto::{ALGORITHMS, install};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use seatrial_factory::SsoSubject;
use serde_json::{Map, Value};

/// The longest ID token: one with hundreds of groups stays below it.
pub const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// How far the provider's clock may be from ours, in seconds.
pub const LEEWAY_S: i64 = 60;

/// The longest subject or address of electronic mail (OpenID Connect allows 255 for a subject, mail 320).
const NAME_CHARS_MAX: usize = 320;

/// What an ID token has to say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) groups_claim: &'a str,
    /// Now, in seconds since 1970.
    pub(super) now_s: i64,
}

/// Why a token says nothing.
#[derive(Debug)]
pub(super) enum Rejected {
    /// It is signed with a key that is not known: the provider may have another one now.
    UnknownKey,
    /// It is not good.
    Bad(SsoError),
}

fn bad(why: impl Into<String>) -> Rejected {
    Rejected::Bad(SsoError::Refused(why.into()))
}

/// Who an ID token says that somebody is.
pub(super) fn verify(token: &str, keys: &JwkSet, expected: &Expected<'_>) -> Result<SsoSubject, Rejected> {
    install();
    if token.len() > TOKEN_BYTES_MAX {
        return Err(bad(format!("the ID token is longer than {TOKEN_BYTES_MAX} bytes")));
    }
    let header = decode_header(token).map_err(|_| bad("the ID token cannot be read, or is not signed"))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(bad(format!("the ID token is signed with `{:?}`, which is not accepted", header.alg)));
    }
    let key = key(keys, header.kid.as_deref(), header.alg)?;
    let mut validation = Validation::new(header.alg);
    // All of this is looked at below, at a time that is given, with words that say what is wrong.
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    let read = decode::<Map<String, Value>>(token, &key, &validation);
    let claims = read.map_err(|_| bad("the signature of the ID token is not the provider's"))?.claims;
    check(&claims, expected)?;
    subject(&claims, expected)
}

/// The key that a token names. One without a name is good where it is the only one that fits.
fn key(keys: &JwkSet, kid: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, Rejected> {
    let fits = |jwk: &&Jwk| {
        let named = kid.is_none_or(|kid| jwk.common.key_id.as_deref() == Some(kid));
        let signs = jwk.common.public_key_use.as_ref().is_none_or(|u| *u == PublicKeyUse::Signature);
        let same = jwk.common.key_algorithm.is_none_or(|a| a.to_string() == format!("{algorithm:?}"));
        // A shared secret that found its way into the public keys is a secret of everybody.
        let public = !matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_) | AlgorithmParameters::Other(_));
        named && signs && same && public
    };
    let mut found = keys.keys.iter().filter(fits);
    let (Some(jwk), None) = (found.next(), found.next()) else { return Err(Rejected::UnknownKey) };
    let key = DecodingKey::from_jwk(jwk).map_err(|_| bad("the provider's key cannot be read"))?;
    if key.family() != algorithm.family() {
        return Err(bad("the ID token's algorithm does not belong to its key"));
    }
    Ok(key)
}

fn check(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), Rejected> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let number = |name: &str| claims.get(name).and_then(Value::as_f64);
    if text("iss") != Some(expected.issuer) {
        return Err(bad("the ID token is another provider's"));
    }
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let authorized = text("azp");
    if !audience.contains(&expected.client_id)
        || authorized.is_some_and(|azp| azp != expected.client_id)
        || (audience.len() > 1 && authorized.is_none())
    {
        return Err(bad("the ID token was made for another client"));
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^53")]
    let (now, leeway) = (expected.now_s as f64, LEEWAY_S as f64);
    if number("exp").is_none_or(|exp| exp <= now - leeway) {
        return Err(bad("the ID token has expired"));
    }
    if number("iat").is_none_or(|iat| iat > now + leeway) || number("nbf").is_some_and(|nbf| nbf > now + leeway) {
        return Err(bad("the ID token is of a time to come: are both clocks right?"));
    }
    if expected.nonce.is_empty() || text("nonce") != Some(expected.nonce) {
        return Err(bad("the ID token was not made for this sign-in"));
    }
    Ok(())
}

fn subject(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<SsoSubject, Rejected> {
    let name = |key: &str| {
        let text = claims.get(key).and_then(Value::as_str).filter(|t| !t.is_empty())?;
        let plain = text.chars().count() <= NAME_CHARS_MAX && !text.chars().any(char::is_control);
        plain.then(|| text.to_owned())
    };
    let subject = name("sub").ok_or_else(|| bad("the ID token names nobody"))?;
    let verified = match claims.get("email_verified") {
        Some(Value::Bool(yes)) => *yes,
        // Some providers write it as a text.
        Some(Value::String(text)) => text == "true",
        _ => false,
    };
    let groups = match claims.get(expected.groups_claim) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Ok(SsoSubject { subject, email: name("email").filter(|_| verified), groups: groups.into_iter().collect() })
}

#[cfg(test)]
mod tests;
