//! What a request's headers say, checked before anything believes them.

use crate::problem::Problem;
use http::{HeaderMap, StatusCode};
use seatrial_factory::api::Again;

/// The longest case id or idempotency key, in bytes: room for two UUIDs and a prefix, and it fits a header back.
pub const NAME_BYTES_MAX: usize = 200;

/// The longest request id that is taken over from a client.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

/// The longest token.
const TOKEN_BYTES_MAX: usize = 512;

/// The names of our headers.
pub(crate) mod name {
    pub(crate) const CASE: &str = "x-seatrial-case";
    pub(crate) const RELEASE: &str = "x-seatrial-release";
    pub(crate) const RETRY: &str = "x-seatrial-retry";
    pub(crate) const DECISION: &str = "x-seatrial-decision";
    pub(crate) const VERDICT: &str = "x-seatrial-verdict";
    pub(crate) const ACTION: &str = "x-seatrial-action";
    pub(crate) const INSPECTED: &str = "x-seatrial-inspected";
    pub(crate) const REQUEST_ID: &str = "x-request-id";
    /// The same, where Anthropic's clients look for it.
    pub(crate) const REQUEST_ID_TOO: &str = "request-id";
    pub(crate) const KEEP_ALIVE: &str = "x-seatrial-keepalive";
}

/// What the caller says beside the body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) case: Option<String>,
    pub(crate) rehearsal: bool,
    pub(crate) again: Again,
    /// A stream is to show signs of life before its verdict.
    pub(crate) keep_alive: bool,
}

/// The token: a bearer token, or an `x-api-key`. Which of them it is says nothing about the client.
pub(crate) fn token(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            "invalid_api_key",
            "there is no usable token, or there are two; nothing was done. Send `authorization: Bearer TOKEN`, or `x-api-key: TOKEN`",
        )
    };
    let usable = |token: &&str| !token.is_empty() && token.len() <= TOKEN_BYTES_MAX;
    let mut found: Option<&str> = None;
    for value in headers.get_all(http::header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok().and_then(|v| v.split_once(' ')).ok_or_else(missing)?;
        let bearer = scheme.eq_ignore_ascii_case("bearer") && found.is_none();
        found = Some(Some(token.trim()).filter(usable).filter(|_| bearer).ok_or_else(missing)?);
    }
    let mut keys = headers.get_all("x-api-key").iter();
    if let Some(key) = keys.next() {
        let key = key.to_str().ok().map(str::trim).filter(usable).ok_or_else(missing)?;
        // Some clients send the same token twice; of two different ones, nobody knows which is meant.
        if keys.next().is_some() || found.is_some_and(|token| token != key) {
            return Err(missing());
        }
        found = Some(key);
    }
    found.ok_or_else(missing)
}

/// What the headers say about the passage.
pub(crate) fn said(headers: &HeaderMap) -> Result<Said, Problem> {
    let rehearsal = match one(headers, name::RELEASE)? {
        None | Some("in-force") => false,
        Some("rehearsal") => true,
        Some(_) => return Err(odd(name::RELEASE, "write `rehearsal`, or leave it out")),
    };
    let afresh = match one(headers, name::RETRY)? {
        None => false,
        Some("new") => true,
        Some(_) => return Err(odd(name::RETRY, "write `new`, or leave it out")),
    };
    let keep_alive = match one(headers, name::KEEP_ALIVE)? {
        None | Some("0") => false,
        Some("1") => true,
        Some(_) => return Err(odd(name::KEEP_ALIVE, "write `1`, or leave it out")),
    };
    let retries = one(headers, "x-stainless-retry-count")?.and_then(|count| count.parse().ok()).unwrap_or(0);
    let case = named(headers, name::CASE)?;
    let key = named(headers, "idempotency-key")?;
    Ok(Said { case, rehearsal, again: Again { key, retries, afresh }, keep_alive })
}

/// A case id or key that came in a header or a body: it goes back out in a header, and onto pages.
pub(crate) fn check_name(what: &str, text: &str) -> Result<(), Problem> {
    let visible = !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic());
    if visible {
        Ok(())
    } else {
        Err(odd(what, &format!("use 1 to {NAME_BYTES_MAX} visible ASCII characters without spaces")))
    }
}

fn named(headers: &HeaderMap, name: &str) -> Result<Option<String>, Problem> {
    let Some(text) = one(headers, name)? else { return Ok(None) };
    check_name(name, text)?;
    Ok(Some(text.to_owned()))
}

/// The one value of a header; several would be read differently by different readers.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(odd(name, "send it once"));
    }
    first.to_str().map(Some).map_err(|_| odd(name, "use visible ASCII characters"))
}

fn odd(what: &str, advice: &str) -> Problem {
    Problem::invalid(format!("`{what}` is not usable: {advice}; nothing was decided"))
}

/// The client's request id, where it can go back out as it is.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(name::REQUEST_ID).or_else(|| headers.get(name::REQUEST_ID_TOO))?.to_str().ok()?;
    let sane = !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX && id.bytes().all(|b| b.is_ascii_graphic());
    sane.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        map
    }

    #[test]
    fn tokens() {
        assert_eq!(token(&headers(&[("authorization", b"Bearer abc")])).ok(), Some("abc"));
        assert_eq!(token(&headers(&[("authorization", b"bearer  abc")])).ok(), Some("abc"));
        for bad in [&b"abc"[..], b"Basic abc", b"Bearer ", b"", b"Bearer \xff"] {
            assert!(token(&headers(&[("authorization", bad)])).is_err());
        }
        assert!(token(&headers(&[("authorization", b"Bearer a"), ("authorization", b"Bearer b")])).is_err());
        assert!(token(&HeaderMap::new()).is_err());
        assert_eq!(token(&headers(&[("x-api-key", b"abc")])).ok(), Some("abc"));
        assert_eq!(token(&headers(&[("x-api-key", b"abc"), ("authorization", b"Bearer abc")])).ok(), Some("abc"));
        assert!(token(&headers(&[("x-api-key", b"abc"), ("authorization", b"Bearer abd")])).is_err());
        assert!(token(&headers(&[("x-api-key", b"abc"), ("authorization", b"Basic abc")])).is_err());
        assert!(token(&headers(&[("x-api-key", b"abc"), ("x-api-key", b"abc")])).is_err());
        assert!(token(&headers(&[("x-api-key", b"")])).is_err());
    }

    #[test]
    fn what_is_said_is_checked() {
        let said_of = |pairs: &[(&'static str, &[u8])]| said(&headers(pairs));
        let all = said_of(&[
            ("x-seatrial-case", b"claim-7"),
            ("x-seatrial-release", b"rehearsal"),
            ("idempotency-key", b"k"),
            ("x-stainless-retry-count", b"2"),
            ("x-seatrial-retry", b"new"),
            ("x-seatrial-keepalive", b"1"),
        ])
        .unwrap();
        assert_eq!((all.case.as_deref(), all.rehearsal, all.again.retries), (Some("claim-7"), true, 2));
        assert_eq!((all.again.key.as_deref(), all.again.afresh, all.keep_alive), (Some("k"), true, true));
        for (name, value) in [
            ("x-seatrial-case", &b"a b"[..]),
            ("x-seatrial-case", b""),
            ("x-seatrial-case", b"\xe2\x80\xae"),
            ("x-seatrial-case", &[b'a'; 201]),
            ("x-seatrial-release", b"Rehearsal"),
            ("x-seatrial-retry", b"yes"),
            ("x-seatrial-keepalive", b"yes"),
        ] {
            assert!(said_of(&[(name, value)]).is_err(), "{name}: {value:?}");
        }
        assert!(said_of(&[("x-seatrial-case", b"a"), ("x-seatrial-case", b"b")]).is_err());
        assert_eq!(said_of(&[("x-stainless-retry-count", b"many")]).unwrap().again.retries, 0);
    }

    #[test]
    fn request_ids_come_back_only_when_harmless() {
        assert_eq!(request_id(&headers(&[("x-request-id", b"r-1")])), Some("r-1"));
        assert_eq!(request_id(&headers(&[("x-request-id", b"a b")])), None);
        assert_eq!(request_id(&headers(&[("x-request-id", &[b'a'; 200])])), None);
    }
}
