use super::fixture::{CLIENT, ISSUER, Key, Provider, claims, now, sign_in};
use super::*;
use seatrial_model::Time;
use serde_json::json;

/// A sign-in that was begun: its state and nonce, and the browser's cookie.
struct Under {
    state: String,
    nonce: String,
    challenge: String,
    cookie: String,
}

async fn begun(sso: &Sso) -> Under {
    let begun = sso.begin(&sign_in(), "/w/credit", now()).await.unwrap();
    let query = |name: &str| {
        let pairs = begun.url.split_once('?').unwrap().1.split('&');
        pairs.filter_map(|p| p.split_once('=')).find(|(n, _)| *n == name).unwrap().1.to_owned()
    };
    assert!(begun.url.starts_with(&format!("{ISSUER}/auth?")));
    assert_eq!(query("client_id"), CLIENT);
    assert_eq!(query("code_challenge_method"), "S256");
    assert_eq!(query("redirect_uri"), "https%3A%2F%2Fseatrial.harbour.example%2Fsign-in%2Fsso%2Fcallback");
    Under { state: query("state"), nonce: query("nonce"), challenge: query("code_challenge"), cookie: begun.cookie }
}

fn returned(under: &Under) -> Returned {
    Returned { code: "c-1".to_owned(), state: under.state.clone(), ..Returned::default() }
}

async fn end(sso: &Sso, under: &Under, returned: &Returned, at: Time) -> Result<String, String> {
    let got = sso.end(&sign_in(), returned, Some(&under.cookie), at).await;
    got.map(|(subject, to)| format!("{} {to}", subject.subject)).map_err(|e| e.to_string())
}

#[tokio::test]
async fn somebody_signs_in_and_the_code_is_bound_to_the_browser() {
    let key = Key::new("a");
    let provider = Provider::new(&[&key]);
    let sso = Sso::new(Arc::new(provider.clone()));
    let under = begun(&sso).await;
    provider.0.lock().unwrap().token = key.sign(&claims(&under.nonce));
    assert_eq!(end(&sso, &under, &returned(&under), now()).await.unwrap(), "0c7f /w/credit");
    let said = provider.0.lock().unwrap();
    let form = &said.forms[0];
    let verifier = &form.iter().find(|(n, _)| n == "code_verifier").unwrap().1;
    use base64::Engine as _;
    use sha2::Digest as _;
    let challenge = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(verifier.as_bytes()));
    assert_eq!(challenge, under.challenge, "PKCE: the verifier is what was promised");
    assert_eq!(said.basic[0], Some((CLIENT.to_owned(), "p%20ss".to_owned())));
    assert!(!form.iter().any(|(n, _)| n == "client_secret"));
}

#[tokio::test]
async fn what_comes_back_has_to_be_what_was_begun() {
    let key = Key::new("a");
    let provider = Provider::new(&[&key]);
    let sso = Sso::new(Arc::new(provider.clone()));
    let say = |nonce: &str| provider.0.lock().unwrap().token = key.sign(&claims(nonce));
    // Another browser, or none.
    let under = begun(&sso).await;
    say(&under.nonce);
    for cookie in [None, Some("guessed")] {
        let under = begun(&sso).await;
        assert!(sso.end(&sign_in(), &returned(&under), cookie, now()).await.is_err());
    }
    // Twice.
    assert!(end(&sso, &under, &returned(&under), now()).await.is_ok());
    assert!(end(&sso, &under, &returned(&under), now()).await.unwrap_err().contains("was used before"));
    // Too late.
    let late = begun(&sso).await;
    say(&late.nonce);
    assert!(end(&sso, &late, &returned(&late), now().plus_millis(PENDING_MS_MAX)).await.is_err());
    // Another provider's answer, an error, no code.
    for change in [
        |r: &mut Returned| r.iss = Some("https://id.elsewhere.example".to_owned()),
        |r: &mut Returned| r.error = Some("access_denied".to_owned()),
        |r: &mut Returned| r.code.clear(),
        |r: &mut Returned| r.state.push('x'),
    ] {
        let under = begun(&sso).await;
        say(&under.nonce);
        let mut changed = returned(&under);
        change(&mut changed);
        assert!(end(&sso, &under, &changed, now()).await.is_err(), "{changed:?}");
    }
    // The token of another sign-in.
    let (one, two) = (begun(&sso).await, begun(&sso).await);
    say(&one.nonce);
    assert!(end(&sso, &two, &returned(&two), now()).await.unwrap_err().contains("not made for this sign-in"));
}

#[tokio::test]
async fn a_changed_key_is_asked_for_once_and_not_all_the_time() {
    let (old, new) = (Key::new("a"), Key::new("b"));
    let provider = Provider::new(&[&old]);
    let sso = Sso::new(Arc::new(provider.clone()));
    let later = now().plus_millis(REFRESH_MS_MIN);
    let (first, second) = (begun(&sso).await, begun(&sso).await);
    provider.0.lock().unwrap().keys = vec![new.jwk()];
    provider.0.lock().unwrap().token = new.sign(&claims(&first.nonce));
    assert_eq!(end(&sso, &first, &returned(&first), later).await.unwrap(), "0c7f /w/credit");
    assert_eq!(provider.0.lock().unwrap().key_requests, 2);
    // Signed with a key that nobody has: not asked for again within seconds.
    provider.0.lock().unwrap().token = Key::new("c").sign(&claims(&second.nonce));
    assert!(end(&sso, &second, &returned(&second), later).await.unwrap_err().contains("not the provider's"));
    assert_eq!(provider.0.lock().unwrap().key_requests, 2);
}

#[tokio::test]
async fn a_provider_that_is_not_what_it_should_be_is_not_used() {
    let key = Key::new("a");
    for (name, value) in [
        ("issuer", json!("https://id.elsewhere.example")),
        ("token_endpoint", json!("http://id.harbour.example/token")),
        ("jwks_uri", json!("http://id.harbour.example/keys")),
        ("authorization_endpoint", json!(7)),
    ] {
        let provider = Provider::new(&[&key]);
        provider.0.lock().unwrap().metadata[name] = value;
        let failed = Sso::new(Arc::new(provider)).begin(&sign_in(), "/", now()).await;
        assert!(matches!(failed, Err(SsoError::Provider(_))), "{name}: {failed:?}");
    }
    // A key of a kind that nobody knows is no reason to refuse the others.
    let provider = Provider::new(&[&key]);
    provider.0.lock().unwrap().keys.insert(0, json!({ "kty": "LATTICE", "kid": "z" }));
    let sso = Sso::new(Arc::new(provider.clone()));
    let under = begun(&sso).await;
    provider.0.lock().unwrap().token = key.sign(&claims(&under.nonce));
    assert!(end(&sso, &under, &returned(&under), now()).await.is_ok());
    // Without the client's secret no code is changed.
    let mut without = sign_in();
    without.client_secret = Some(KeyRef::Env("NONE".to_owned()));
    let begun = sso.begin(&without, "/", now()).await.unwrap();
    let state = begun.url.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let returned = Returned { code: "c".to_owned(), state, ..Returned::default() };
    assert!(matches!(sso.end(&without, &returned, Some(&begun.cookie), now()).await, Err(SsoError::Provider(_))));
}
