//! Addresses, and what stands behind each.

mod forms;
mod govern;
mod operate;
mod read;
mod sign_in;
mod sso;
mod tlog;
mod visit;

pub(crate) use visit::{cookie, from_here};

use crate::backend::{Backend, Person};
use crate::live::Live;
use crate::session::{Sessions, SessionsError};
use crate::sso::{Sso, Web};
use crate::{assets, headers};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path};
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use seatrial_model::Time;
use seatrial_spec::workflow::SignIn;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// The largest form: an edited output with its reason. The guard has its own limits.
const FORM_BYTES_MAX: usize = 512 * 1024;

/// How the pages are served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Whether browsers reach them through TLS: cookies are then `Secure` with the `__Host-` prefix, and browsers
    /// are told to insist.
    pub tls: bool,
}

/// What every request needs.
#[derive(Debug)]
pub struct AppState<B> {
    shared: Arc<Shared<B>>,
}

#[derive(Debug)]
struct Shared<B> {
    backend: Arc<B>,
    sessions: Sessions,
    live: Live,
    options: Options,
    sso: Option<Sso>,
    log_limits: tlog::Limits,
}

impl<B> Clone for AppState<B> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<B: Backend> AppState<B> {
    /// Nobody signed in yet.
    ///
    /// # Errors
    /// Where the system has no random bytes.
    pub fn new(backend: Arc<B>, options: Options) -> Result<Self, SessionsError> {
        Self::with_web(backend, options, None)
    }

    /// As [`Self::new`], with a way to reach the identity provider of a factory that has single sign-on.
    ///
    /// # Errors
    /// Where the system has no random bytes.
    pub fn with_web(backend: Arc<B>, options: Options, web: Option<Arc<dyn Web>>) -> Result<Self, SessionsError> {
        let sso = web.map(Sso::new);
        let shared = Shared {
            backend,
            sessions: Sessions::new()?,
            live: Live::default(),
            options,
            sso,
            log_limits: tlog::Limits::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The path of a link that signs this person in once, soon; put the server's address before it.
    ///
    /// # Errors
    /// Where the system has no random bytes.
    pub fn sign_in_link(&self, person: Person) -> Result<String, SessionsError> {
        Ok(format!("/sign-in?token={}", self.sessions().issue_link(person, clock())?))
    }

    /// Through which pages learn that a workflow changed.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.shared.live
    }

    /// Ends a person's sessions at once.
    pub fn sign_out(&self, id: &str) {
        self.sessions().close_all_of(id);
    }

    fn backend(&self) -> &B {
        &self.shared.backend
    }

    fn sessions(&self) -> &Sessions {
        &self.shared.sessions
    }

    /// Single sign-on, where the factory has any and its provider can be reached.
    fn sso(&self) -> Option<(&Sso, SignIn)> {
        Some((self.shared.sso.as_ref()?, self.backend().single_sign_on()?))
    }

    fn cookie_name(&self) -> &'static str {
        if self.shared.options.tls { "__Host-seatrial" } else { "seatrial" }
    }
}

/// The machine's clock, for sessions: a simulation's own clock must not end or lengthen them.
fn clock() -> Time {
    jiff::Timestamp::now().into()
}

/// All pages, with the headers that protect them.
pub fn router<B: Backend>(state: AppState<B>) -> Router {
    let tls = state.shared.options.tls;
    Router::new()
        .route("/", get(read::overview::<B>))
        .route("/sign-in", get(sign_in::page::<B>).post(sign_in::enter::<B>))
        .route("/sign-in/sso", get(sso::begin::<B>))
        .route(crate::sso::CALLBACK, get(sso::end::<B>))
        .route("/sign-out", post(sign_in::leave::<B>))
        .route("/events", get(read::events::<B>))
        .route("/w/{workflow}", get(read::board::<B>))
        .route("/w/{workflow}/stop", post(forms::stop::<B>))
        .route("/w/{workflow}/resume", post(forms::resume::<B>))
        .route("/w/{workflow}/obligations/{obligation}", get(read::obligation::<B>))
        .route("/w/{workflow}/decisions", get(read::decisions::<B>))
        .route("/w/{workflow}/decisions/{id}", get(read::decision::<B>))
        .route("/w/{workflow}/reviews", get(read::reviews::<B>))
        .route("/w/{workflow}/reviews/{id}", get(read::review::<B>))
        .route("/w/{workflow}/reviews/{id}/answer", post(forms::answer::<B>))
        .route("/w/{workflow}/log", get(read::log::<B>))
        .route("/w/{workflow}/thresholds/{name}", get(read::certificate::<B>))
        .route("/w/{workflow}/curves/{file}", get(read::curve::<B>))
        .route("/w/{workflow}/sprint", get(read::sprint::<B>))
        .route("/w/{workflow}/sprint/{id}", get(read::sprint::<B>))
        .route("/w/{workflow}/sprint/{id}/report", get(read::sprint_report::<B>))
        .route("/w/{workflow}/approve/{obligation}", get(govern::approval::<B>).post(govern::approve::<B>))
        .route("/w/{workflow}/waivers", get(govern::waivers::<B>).post(govern::ask_waiver::<B>))
        .route("/w/{workflow}/waivers/{id}/grant", post(govern::grant_waiver::<B>))
        .route("/w/{workflow}/waivers/{id}/end", post(govern::end_waiver::<B>))
        .route("/w/{workflow}/releases", get(govern::releases::<B>))
        .route("/w/{workflow}/releases/rollback", post(govern::rollback::<B>))
        .route("/w/{workflow}/pilots/{id}", get(govern::pilot_report::<B>))
        .route("/w/{workflow}/diff", get(govern::diff::<B>))
        .route("/w/{workflow}/ownership", get(operate::ownership::<B>))
        .route("/w/{workflow}/drills", get(operate::drills::<B>).post(operate::drill::<B>))
        .route("/w/{workflow}/incidents", get(operate::incidents::<B>).post(operate::open_incident::<B>))
        .route("/w/{workflow}/incidents/{number}", get(operate::incident::<B>).post(operate::in_incident::<B>))
        .route("/regulation", get(read::laws::<B>))
        .route("/w/{workflow}/regulation", get(read::regulation::<B>))
        .route("/w/{workflow}/assessment", get(read::assessment::<B>))
        .route("/log/{*path}", get(tlog::file::<B>))
        .route("/assets/{file}", get(|Path(file): Path<String>| async move { assets::serve(&file) }))
        .fallback(read::nowhere::<B>)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(CatchPanicLayer::new())
        .layer(map_response(move |response: Response| async move { protect(response, tls) }))
        .with_state(state)
}

fn protect(response: Response, tls: bool) -> Response {
    let mut response = headers::secure(response);
    if tls {
        let insist = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, insist);
    }
    response
}
