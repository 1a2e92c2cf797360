//! A real factory, with its store on this disk, behind a port.

use super::Failure;
use bytes::Bytes;
use http_body_util::Full;
use seatrial_factory::api::Caller;
use seatrial_factory::{Factory, FactoryProjector, NewToken, OpenOptions, SystemClock};
use seatrial_gateway::{Gateway, HttpProviders};
use seatrial_model::event::TokenKind;
use seatrial_store::{Options, SqliteStore};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Opens the factory in a folder that has no store yet.
pub async fn open(root: &Path) -> Result<Factory, Failure> {
    let options = Options { projector: Arc::new(FactoryProjector), ..Options::default() };
    let store = SqliteStore::create(&root.join(".seatrial"), options)?;
    let options = OpenOptions {
        root: root.to_owned(),
        store: Arc::new(store),
        providers: Arc::new(HttpProviders::new(root, |_| None)),
        clock: Box::new(SystemClock),
    };
    Ok(Factory::open(options).await?)
}

/// A token for a day; callers may ask every step.
pub async fn token(factory: &Factory, by: &Caller, kind: TokenKind, principal: &str) -> Result<String, Failure> {
    let steps = if kind == TokenKind::Caller { vec!["*".to_owned()] } else { Vec::new() };
    let new = NewToken { kind, principal: principal.to_owned(), steps, lives: "1d".parse()? };
    Ok(factory.issue_token(by, new).await?)
}

/// Serves what is under `/v1/`, and nothing else, for ever.
pub async fn serve(listener: TcpListener, factory: Factory) -> Result<(), Failure> {
    let nothing = tower::service_fn(|_: http::Request<hyper::body::Incoming>| async {
        let mut answer = http::Response::new(Full::<Bytes>::default());
        *answer.status_mut() = http::StatusCode::NOT_FOUND;
        Ok::<_, Infallible>(answer)
    });
    Ok(seatrial_gateway::serve(listener, Gateway::new(factory), nothing, std::future::pending()).await?)
}
