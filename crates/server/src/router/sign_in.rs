//! Signing in and out.

use super::visit::{Asked, Visit, asked, bare, cookie, from_here, local, problem_page};
use super::{AppState, clock};
use crate::backend::{Backend, Person, Problem};
use crate::pages::{self, SignInNote};
use crate::session::SESSION_MS_MAX;
use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use seatrial_model::principal::PrincipalKind;
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct SignInQuery {
    token: Option<String>,
    to: String,
    ended: Option<String>,
    out: Option<String>,
}

#[derive(Deserialize)]
pub struct SignInForm {
    token: String,
    #[serde(default)]
    to: String,
}

#[derive(Deserialize)]
pub struct SignOutForm {
    #[serde(default)]
    csrf: String,
}

pub async fn page<B: Backend>(State(app): State<AppState<B>>, query: Asked<SignInQuery>) -> Response {
    let query = asked(query).unwrap_or_default();
    let note = match (query.ended, query.out) {
        (Some(_), _) => SignInNote::Ended,
        (None, Some(_)) => SignInNote::SignedOut,
        (None, None) => SignInNote::None,
    };
    let sso = app.sso().is_some();
    pages::sign_in(&bare(&app), query.token.as_deref(), &local(&query.to), note, sso).into_response()
}

pub async fn enter<B: Backend>(
    State(app): State<AppState<B>>,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Response {
    if !from_here(&headers) {
        // Otherwise another site could sign somebody in as a person of its choice.
        return problem_page(
            &bare(&app),
            &Problem::Forbidden("The form came from another site; nobody was signed in.".into()),
        );
    }
    let person = match who(&app, form.token.trim()).await {
        Ok(Some(person)) if person.principal.kind == PrincipalKind::Person => person,
        Ok(_) => {
            let sso = app.sso().is_some();
            let page = pages::sign_in(&bare(&app), None, &local(&form.to), SignInNote::Refused, sso);
            return (StatusCode::UNAUTHORIZED, page).into_response();
        }
        Err(problem) => return problem_page(&bare(&app), &problem),
    };
    match app.sessions().open(person, clock()) {
        Ok(value) => with_cookie(&app, &value, SESSION_MS_MAX / 1_000, &local(&form.to)),
        Err(e) => problem_page(&bare(&app), &Problem::Unavailable(e.to_string())),
    }
}

async fn who<B: Backend>(app: &AppState<B>, token: &str) -> Result<Option<Person>, Problem> {
    match app.sessions().redeem_link(token, clock()) {
        Some(person) => Ok(Some(person)),
        None => app.backend().authenticate(token).await,
    }
}

pub async fn leave<B: Backend>(
    State(app): State<AppState<B>>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Form<SignOutForm>,
) -> Response {
    if !from_here(&headers) || !visit.session.accepts(&form.csrf) {
        return visit.problem(&Problem::Forbidden("The form came from another site; you are still signed in.".into()));
    }
    if let Some(value) = cookie(&headers, app.cookie_name()) {
        app.sessions().close(value);
    }
    with_cookie(&app, "", 0, "/sign-in?out=1")
}

fn with_cookie<B: Backend>(app: &AppState<B>, value: &str, seconds: i64, to: &str) -> Response {
    match session_cookie(app, value, seconds) {
        Ok(cookie) => {
            let mut response = Redirect::to(to).into_response();
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            response
        }
        Err(e) => problem_page(&bare(app), &Problem::Unavailable(format!("the session could not be set: {e}"))),
    }
}

/// The cookie of a session.
pub(super) fn session_cookie<B: Backend>(
    app: &AppState<B>,
    value: &str,
    seconds: i64,
) -> Result<HeaderValue, header::InvalidHeaderValue> {
    let secure = if app.shared.options.tls { "; Secure" } else { "" };
    let name = app.cookie_name();
    HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"))
}
