//! The logs over HTTP: who may read them, what is served, and what is not.

use super::Pages;
use crate::yard::WORKFLOW;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use seatrial_factory::NewToken;
use seatrial_model::event::TokenKind;
use tower::ServiceExt as _;

impl Pages {
    /// A file of a log, by whoever the headers say.
    async fn file(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, body) = self.site.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().into_parts();
        (parts.status, parts.headers, to_bytes(body, 1 << 25).await.unwrap().to_vec())
    }

    async fn token(&self, kind: TokenKind, principal: &str) -> String {
        let lives = "1h".parse().unwrap();
        let steps = if kind == TokenKind::Caller { vec!["*".to_owned()] } else { Vec::new() };
        let new = NewToken { kind, principal: principal.to_owned(), steps, lives };
        format!("Bearer {}", self.yard.factory.issue_token(&self.yard.who("hana"), new).await.unwrap())
    }
}

/// Every file that a log of this size has.
fn size_of(checkpoint: &[u8]) -> u64 {
    std::str::from_utf8(checkpoint).unwrap().lines().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_served_as_tlog_tiles_to_whoever_may_read_it() {
    let pages = Pages::new().await;
    let ria = pages.token(TokenKind::Operator, "ria@harbour.example").await;
    let by = [("authorization", ria.as_str())];
    pages.yard.factory.store().sign_now(&WORKFLOW.parse().unwrap()).await.unwrap();
    let at = |path: &str| format!("/log/{WORKFLOW}/{path}");
    let (status, headers, checkpoint) = pages.file(&at("checkpoint"), &by).await;
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&checkpoint));
    assert_eq!(headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    assert_eq!(headers[header::CACHE_CONTROL], "private, no-cache");
    let size = size_of(&checkpoint);
    let (full, width) = (size / 256, size % 256);
    assert!(full >= 1 || width >= 1, "{size}");
    let last = if full == 0 { format!("000.p/{width}") } else { "000".to_owned() };
    for (path, bytes) in
        [(format!("tile/0/{last}"), Some(32 * width.max(full * 256).min(256))), (format!("tile/entries/{last}"), None)]
    {
        let (status, headers, body) = pages.file(&at(&path), &by).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(headers[header::CONTENT_TYPE], "application/octet-stream");
        assert_eq!(headers[header::CACHE_CONTROL], "private, max-age=31536000, immutable");
        assert!(bytes.is_none_or(|bytes| body.len() as u64 == bytes), "{path}");
    }
    // Beginnings of a tile are served, for checkpoints that were signed before; nothing beyond the signed tree is.
    assert_eq!(pages.file(&at("tile/0/000.p/1"), &by).await.2.len(), 32);
    let beyond = [
        format!("tile/0/{:03}.p/{}", full, width + 1),
        "tile/0/900".to_owned(),
        "tile/5/000.p/1".to_owned(),
        format!("proof/{size}"),
        "proof/9007199254740991".to_owned(),
        "tile/entries/x018/x446/744".to_owned(),
    ];
    let hostile = [
        "tile/0/x000/000",
        "tile/00/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/../../checkpoint",
        "tile/0/%2e%2e/checkpoint",
        "tile%2F0%2F000.p%2F1",
        "tile/0/99999999999999999999",
        "proof/01",
        "proof/-1",
        "",
        "checkpoint/",
    ];
    for path in beyond.iter().map(String::as_str).chain(hostile) {
        let (status, ..) = pages.file(&at(path), &by).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    let (_, _, key) = pages.file(&at("key"), &by).await;
    assert!(String::from_utf8(key).unwrap().contains(WORKFLOW));
    let (status, _, proof) = pages.file(&at("proof/3"), &by).await;
    assert_eq!(status, StatusCode::OK);
    assert!(String::from_utf8(proof).unwrap().starts_with("c2sp.org/tlog-proof@v1\nindex 3\n"));
    assert_eq!(pages.file("/log/factory/checkpoint", &by).await.0, StatusCode::OK);
    assert_eq!(pages.file("/log/nothing/checkpoint", &by).await.0, StatusCode::NOT_FOUND);
    assert_eq!(pages.file("/log/../etc/passwd", &by).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_read_by_people_with_all_their_rights() {
    let pages = Pages::new().await;
    let path = format!("/log/{WORKFLOW}/checkpoint");
    let (status, headers, _) = pages.file(&path, &[]).await;
    assert_eq!((status, &headers[header::WWW_AUTHENTICATE]), (StatusCode::UNAUTHORIZED, &"Bearer".parse().unwrap()));
    // What is not there is no answer for strangers either.
    assert_eq!(pages.file("/log/nothing/checkpoint", &[]).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(pages.file(&path, &[("authorization", "Bearer nonsense")]).await.0, StatusCode::UNAUTHORIZED);
    for (kind, who) in
        [(TokenKind::Caller, "shop"), (TokenKind::Ci, "pipeline"), (TokenKind::Reviewer, "una@harbour.example")]
    {
        let token = pages.token(kind, who).await;
        let (status, ..) = pages.file(&path, &[("authorization", token.as_str())]).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{kind:?}");
    }
    // A session does, too.
    let hana = pages.seat("hana").await;
    assert_eq!(hana.get(&path).await.0, StatusCode::OK);
    // Whoever still has to answer reads no entries: the answer could be in them.
    let una = pages.token(TokenKind::Operator, "una@harbour.example").await;
    let by = [("authorization", una.as_str())];
    assert_eq!(pages.file(&path, &by).await.0, StatusCode::OK);
    let (status, _, text) = pages.file(&format!("/log/{WORKFLOW}/tile/entries/000.p/1"), &by).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(String::from_utf8(text).unwrap().contains("wait for your roles"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_log_is_for_anybody_within_limits() {
    let pages = Pages::new().await;
    let file = pages.yard.factory.root().join("factory.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\nlog: {{ public: true }}\n")).unwrap();
    pages.yard.factory.reload_all().await.unwrap();
    let path = format!("/log/{WORKFLOW}/tile/entries/000.p/1");
    let (status, headers, _) = pages.file(&path, &[]).await;
    assert_eq!(
        (status, &headers[header::CACHE_CONTROL]),
        (StatusCode::OK, &"public, max-age=31536000, immutable".parse().unwrap())
    );
    let (_, headers, _) = pages.file(&format!("/log/{WORKFLOW}/checkpoint"), &[]).await;
    assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=2");
    assert_eq!(pages.file("/log/nothing/checkpoint", &[]).await.0, StatusCode::NOT_FOUND);
    // Its pages are as closed as before.
    assert_eq!(pages.file(&format!("/w/{WORKFLOW}/log"), &[]).await.0, StatusCode::SEE_OTHER);
}
