use super::*;
use crate::sso::fixture::{CLIENT, ISSUER, Key, claims, seconds};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use proptest::prelude::*;
use serde_json::json;

const NONCE: &str = "n-1";

fn expected() -> Expected<'static> {
    Expected { issuer: ISSUER, client_id: CLIENT, nonce: NONCE, groups_claim: "groups", now_s: seconds() }
}

fn keys(all: &[&Key]) -> JwkSet {
    serde_json::from_value(json!({ "keys": all.iter().map(|k| k.jwk()).collect::<Vec<_>>() })).unwrap()
}

fn judge(token: &str, keys: &JwkSet) -> Result<SsoSubject, String> {
    verify(token, keys, &expected()).map_err(|rejected| match rejected {
        Rejected::UnknownKey => "unknown key".to_owned(),
        Rejected::Bad(error) => error.to_string(),
    })
}

#[test]
fn an_honest_token_says_who_it_is() {
    let key = Key::new("a");
    let subject = judge(&key.sign(&claims(NONCE)), &keys(&[&key])).unwrap();
    assert_eq!(subject.subject, "0c7f");
    assert_eq!(subject.email.as_deref(), Some("hana@harbour.example"));
    assert!(subject.groups.contains("credit-owners"));
}

#[test]
fn claims_that_are_not_ours_are_refused() {
    let key = Key::new("a");
    let with = |name: &str, value: Value| {
        let mut all = claims(NONCE);
        if value.is_null() {
            all.as_object_mut().unwrap().remove(name);
        } else {
            all[name] = value;
        }
        judge(&key.sign(&all), &keys(&[&key]))
    };
    let s = seconds();
    for (name, value, why) in [
        ("iss", json!("https://id.elsewhere.example"), "another provider"),
        ("iss", json!(format!("{ISSUER}/")), "another provider"),
        ("iss", Value::Null, "another provider"),
        ("aud", json!("other"), "another client"),
        ("aud", json!([CLIENT, "other"]), "another client"),
        ("aud", json!([]), "another client"),
        ("aud", Value::Null, "another client"),
        ("azp", json!("other"), "another client"),
        ("exp", json!(s - LEEWAY_S), "expired"),
        ("exp", json!("never"), "expired"),
        ("exp", Value::Null, "expired"),
        ("iat", json!(s + LEEWAY_S + 1), "to come"),
        ("iat", Value::Null, "to come"),
        ("nbf", json!(s + LEEWAY_S + 1), "to come"),
        ("nonce", json!("n-2"), "not made for this sign-in"),
        ("nonce", json!(["n-1"]), "not made for this sign-in"),
        ("nonce", Value::Null, "not made for this sign-in"),
        ("sub", Value::Null, "names nobody"),
        ("sub", json!("a\nb"), "names nobody"),
    ] {
        let got = with(name, value.clone());
        assert!(got.as_ref().is_err_and(|e| e.contains(why)), "{name}: {value}: {got:?}");
    }
    assert!(with("exp", json!(s - LEEWAY_S + 1)).is_ok(), "clocks differ a little");
    assert!(with("aud", json!([CLIENT])).is_ok());
    for unverified in [json!(false), json!("yes"), json!(1), Value::Null] {
        assert_eq!(with("email_verified", unverified).unwrap().email, None);
    }
    assert!(with("groups", json!("one")).unwrap().groups.contains("one"));
    assert!(with("groups", json!({ "credit-owners": true })).unwrap().groups.is_empty());
}

#[test]
fn only_the_providers_signature_counts() {
    let (key, other) = (Key::new("a"), Key::new("b"));
    let of_key = keys(&[&key]);
    assert_eq!(judge(&other.sign(&claims(NONCE)), &of_key).unwrap_err(), "unknown key");
    let forged = other.sign_as(&json!({ "alg": "ES256", "kid": "a" }), &claims(NONCE));
    assert!(judge(&forged, &of_key).unwrap_err().contains("signature"));
    // Without a name, the only key that fits is meant; of two nobody knows.
    let unnamed = key.sign_as(&json!({ "alg": "ES256" }), &claims(NONCE));
    assert!(judge(&unnamed, &of_key).is_ok());
    assert_eq!(judge(&unnamed, &keys(&[&key, &other])).unwrap_err(), "unknown key");
    // Claims of one token under the signature of another.
    let (honest, mut groups) = (key.sign(&claims(NONCE)), claims(NONCE));
    groups["groups"] = json!(["owners-of-everything"]);
    let parts: Vec<&str> = honest.split('.').collect();
    let mixed = format!("{}.{}.{}", parts[0], B64.encode(groups.to_string()), parts[2]);
    assert!(judge(&mixed, &of_key).unwrap_err().contains("signature"));
}

#[test]
fn no_algorithm_but_those_of_public_keys() {
    let key = Key::new("a");
    let body = B64.encode(claims(NONCE).to_string());
    for alg in ["none", "None", "NONE", ""] {
        let unsigned = format!("{}.{body}.", B64.encode(json!({ "alg": alg }).to_string()));
        assert!(judge(&unsigned, &keys(&[&key])).is_err(), "{alg}");
    }
    // The public key as a shared secret: what a verifier that trusts the header falls for.
    let message = format!("{}.{body}", B64.encode(json!({ "alg": "HS256", "kid": "a" }).to_string()));
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.public_bytes());
    let forged = format!("{message}.{}", B64.encode(ring::hmac::sign(&secret, message.as_bytes()).as_ref()));
    assert!(judge(&forged, &keys(&[&key])).unwrap_err().contains("HS256"));
    // A published shared secret is no key, either.
    let octets = json!({ "keys": [{ "kty": "oct", "k": B64.encode("secret"), "kid": "a" }] });
    assert!(judge(&forged, &serde_json::from_value(octets).unwrap()).is_err());
    // Another algorithm than the key's.
    let crossed = key.sign_as(&json!({ "alg": "RS256", "kid": "a" }), &claims(NONCE));
    assert!(judge(&crossed, &keys(&[&key])).is_err());
}

proptest! {
    #[test]
    fn hostile_tokens_do_not_panic(token in "[A-Za-z0-9_.{}:\",-]{0,200}") {
        let key = Key::new("a");
        prop_assert!(judge(&token, &keys(&[&key])).is_err());
    }

    #[test]
    fn one_changed_byte_is_another_token(at in 0usize..300, to in proptest::char::range('A', 'z')) {
        let key = Key::new("a");
        let honest = key.sign(&claims(NONCE));
        let mut bytes = honest.clone().into_bytes();
        let at = at % bytes.len();
        let to = u8::try_from(to).unwrap();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        let changed = String::from_utf8(bytes).unwrap();
        // The last digit of base64 carries bits that mean nothing; readers refuse them where they are not zero.
        prop_assert!(judge(&changed, &keys(&[&key])).is_err(), "{}", at);
    }
}
