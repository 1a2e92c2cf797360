//! Who asks, and for which workflow: worked out before any page.

use super::{AppState, clock};
use crate::backend::{Backend, Person, Problem};
use crate::pages::parts::{encode, in_zone};
use crate::pages::{self};
use crate::session::Session;
use crate::view::{Frame, Me};
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::Markup;
use seatrial_model::Principal;
use std::collections::HashMap;
use std::str::FromStr;

/// A signed-in person's request.
pub struct Visit {
    /// In whose name everything is asked.
    pub who: Person,
    /// Their session.
    pub session: Session,
    /// What stands around the page.
    pub frame: Frame,
    /// The names in the address.
    path: HashMap<String, String>,
}

impl Visit {
    /// A name in the address; the routes guarantee those that handlers ask for.
    pub fn named(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// The workflow in the address.
    pub fn workflow(&self) -> &str {
        self.named("workflow")
    }

    /// An id in the address.
    pub fn id<T: FromStr<Err: std::fmt::Display>>(&self) -> Result<T, Problem> {
        self.named("id").parse().map_err(|e: T::Err| Problem::NotFound(e.to_string()))
    }

    /// A page, or why there is none.
    pub fn page<V>(&self, got: Result<V, Problem>, page: impl FnOnce(&Frame, &V) -> Markup) -> Response {
        match got {
            Ok(view) => in_zone(&self.frame.zone, || page(&self.frame, &view)).into_response(),
            Err(problem) => self.problem(&problem),
        }
    }

    /// A page that says why nothing was done.
    pub fn problem(&self, problem: &Problem) -> Response {
        problem_page(&self.frame, problem)
    }
}

/// What an address asks for below its `?`.
pub type Asked<T> = Result<Query<T>, QueryRejection>;

/// What was asked for; nothing is guessed where it cannot be read.
pub fn asked<T>(query: Asked<T>) -> Result<T, Problem> {
    query
        .map(|q| q.0)
        .map_err(|e| Problem::Invalid(format!("The address cannot be read; nothing was looked up: {}.", e.body_text())))
}

/// A page that says why nothing was done.
pub fn problem_page(frame: &Frame, problem: &Problem) -> Response {
    let (status, title) = status(problem);
    if status.is_server_error() {
        tracing::warn!(%problem, "a page could not be shown");
    }
    let home = frame.workflow.as_ref().map(|w| pages::parts::at(&w.name, ""));
    let back = home.as_deref().map_or(("/", "Workflows"), |h| (h, "Board"));
    (status, pages::problem(frame, title, &problem.to_string(), Some(back))).into_response()
}

/// The status of a problem, and its title.
pub const fn status(problem: &Problem) -> (StatusCode, &'static str) {
    match problem {
        Problem::NotFound(_) => (StatusCode::NOT_FOUND, "Not found"),
        Problem::Forbidden(_) => (StatusCode::FORBIDDEN, "Not yours to do"),
        Problem::Unauthenticated(_) => (StatusCode::UNAUTHORIZED, "Not signed in"),
        Problem::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "Nothing was done"),
        Problem::Conflict(_) => (StatusCode::CONFLICT, "Something changed"),
        Problem::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "Not at the moment"),
    }
}

impl<B: Backend> FromRequestParts<AppState<B>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &AppState<B>) -> Result<Self, Response> {
        let path =
            Path::<HashMap<String, String>>::from_request_parts(parts, app).await.map(|p| p.0).unwrap_or_default();
        let Some(session) = session(app, &parts.headers) else { return Err(to_sign_in(parts, app)) };
        // Asked anew each time, so that who left or lost a role sees so at once.
        let person = app.backend().present(&session.person).await;
        let now = match person {
            Ok(Some(now)) => now,
            Ok(None) => {
                app.sign_out(&session.person.principal.id);
                return Err(to_sign_in(parts, app));
            }
            Err(problem) => return Err(problem_page(&bare(app), &problem)),
        };
        // How they were authenticated is a fact of this session, not of the directory.
        let principal = Principal { assurance: session.person.principal.assurance, ..now.principal };
        let who = Person { principal, name: now.name, token: session.person.token.clone(), sso: session.person.sso };
        let me = Me {
            id: who.principal.id.clone(),
            name: who.name.clone(),
            side: who.principal.side,
            roles: who.principal.roles.clone(),
            csrf: session.csrf.clone(),
        };
        let mut frame = Frame { me: Some(me), ..bare(app) };
        if let Some(workflow) = path.get("workflow") {
            match app.backend().tab(&who, workflow).await {
                Ok(tab) => frame.workflow = Some(tab),
                Err(problem) => return Err(problem_page(&frame, &problem)),
            }
        }
        Ok(Self { who, session, frame, path })
    }
}

/// A frame around a page for nobody in particular.
pub fn bare<B: Backend>(app: &AppState<B>) -> Frame {
    let (factory, simulation) = app.backend().factory();
    let zone = app.backend().zone();
    Frame { factory, simulation, now: app.backend().now(), zone, me: None, workflow: None }
}

/// The session of a request's cookie.
pub fn session<B: Backend>(app: &AppState<B>, headers: &HeaderMap) -> Option<Session> {
    app.sessions().find(cookie(headers, app.cookie_name())?, clock())
}

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// To the sign-in page and back; whatever is no page is refused.
fn to_sign_in<B: Backend>(parts: &Parts, app: &AppState<B>) -> Response {
    let had = cookie(&parts.headers, app.cookie_name()).is_some();
    if parts.method != Method::GET || parts.uri.path() == "/events" {
        let problem = Problem::Forbidden("You are not signed in; nothing was done. Sign in and send it again.".into());
        let mut response = problem_page(&bare(app), &problem);
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        return response;
    }
    let to = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    Redirect::to(&format!("/sign-in?{}to={}", if had { "ended=1&" } else { "" }, encode(to))).into_response()
}

/// Where to go after signing in: an address of ours, or the overview.
pub fn local(to: &str) -> String {
    let plain = to.starts_with('/') && !to.starts_with("//") && !to.contains(['\\', '\r', '\n']);
    let uri = to.parse::<Uri>().ok().filter(|u| plain && u.authority().is_none() && u.scheme().is_none());
    uri.map_or_else(|| "/".to_owned(), |u| u.to_string())
}

/// Whether a form was sent from a page of ours, as the browser itself says. One that says nothing is judged by
/// the form's own token.
pub fn from_here(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match (text("origin"), text("host")) {
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, authority)| authority == host),
        (None, _) => true,
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests;
