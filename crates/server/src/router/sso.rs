//! Single sign-on: to the provider, and back.

use super::sign_in::session_cookie;
use super::visit::{Asked, asked, bare, cookie, local, problem_page};
use super::{AppState, clock};
use crate::backend::{Backend, Problem};
use crate::pages;
use crate::session::SESSION_MS_MAX;
use crate::sso::{CALLBACK, PENDING_MS_MAX, Returned, SsoError};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

/// What a browser holds while it is at the provider.
const COOKIE: &str = "seatrial-sso";

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct BeginQuery {
    to: String,
}

/// To the provider.
pub async fn begin<B: Backend>(State(app): State<AppState<B>>, query: Asked<BeginQuery>) -> Response {
    let Some((sso, sign_in)) = app.sso() else { return nowhere(&app) };
    let to = local(&asked(query).unwrap_or_default().to);
    match sso.begin(&sign_in, &to, clock()).await {
        Ok(begun) => {
            let cookie = format!("{COOKIE}={}; Max-Age={}", begun.cookie, PENDING_MS_MAX / 1_000);
            let mut response = Redirect::to(&begun.url).into_response();
            match held(&app, &cookie) {
                Ok(cookie) => drop(response.headers_mut().insert(header::SET_COOKIE, cookie)),
                Err(problem) => return problem_page(&bare(&app), &problem),
            }
            response
        }
        Err(error) => refused(&app, error),
    }
}

/// Back from the provider.
pub async fn end<B: Backend>(State(app): State<AppState<B>>, headers: HeaderMap, query: Asked<Returned>) -> Response {
    let Some((sso, sign_in)) = app.sso() else { return nowhere(&app) };
    let returned = match asked(query) {
        Ok(returned) => returned,
        Err(problem) => return problem_page(&bare(&app), &problem),
    };
    let (subject, to) = match sso.end(&sign_in, &returned, cookie(&headers, COOKIE), clock()).await {
        Ok(found) => found,
        Err(error) => return refused(&app, error),
    };
    let opened = app
        .backend()
        .vouched(&subject)
        .and_then(|person| app.sessions().open(person, clock()).map_err(|e| Problem::Unavailable(e.to_string())));
    let session = opened.and_then(|value| {
        session_cookie(&app, &value, SESSION_MS_MAX / 1_000).map_err(|e| Problem::Unavailable(e.to_string()))
    });
    match (session, held(&app, &format!("{COOKIE}=; Max-Age=0"))) {
        (Ok(session), Ok(over)) => {
            let mut response = pages::signed_in(&bare(&app), &to).into_response();
            response.headers_mut().append(header::SET_COOKIE, session);
            response.headers_mut().append(header::SET_COOKIE, over);
            response
        }
        (Err(problem), _) | (_, Err(problem)) => problem_page(&bare(&app), &problem),
    }
}

/// A cookie for the way back. It comes from another site, so it is `Lax`; it is worth nothing without the state.
fn held<B: Backend>(app: &AppState<B>, cookie: &str) -> Result<HeaderValue, Problem> {
    let secure = if app.shared.options.tls { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{cookie}; Path={CALLBACK}; HttpOnly; SameSite=Lax{secure}"))
        .map_err(|e| Problem::Unavailable(format!("the sign-in could not be begun: {e}")))
}

fn refused<B: Backend>(app: &AppState<B>, error: SsoError) -> Response {
    let problem = match error {
        SsoError::Provider(why) => {
            // What an operator needs to know is in the log; nothing of it is a secret of the provider.
            tracing::warn!(%why, "single sign-on failed");
            Problem::Unavailable(sentence(&why))
        }
        SsoError::Refused(why) => Problem::Forbidden(sentence(&why)),
    };
    problem_page(&bare(app), &problem)
}

fn sentence(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

fn nowhere<B: Backend>(app: &AppState<B>) -> Response {
    problem_page(&bare(app), &Problem::NotFound("This factory has no single sign-on.".into()))
}
