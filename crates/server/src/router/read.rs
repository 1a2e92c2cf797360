//! Pages that are only read.

use super::AppState;
use super::visit::{Asked, Visit, asked, bare, problem_page, session};
use crate::backend::{Backend, Problem};
use crate::headers::BLOB_SECURITY_POLICY;
use crate::pages::{self, ReviewForm};
use crate::view::DecisionFilter;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use seatrial_model::{DecisionId, ReviewId};
use serde::Deserialize;

pub(super) type App<B> = State<AppState<B>>;

pub async fn overview<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    visit.page(app.backend().overview(&visit.who).await, pages::overview)
}

pub async fn board<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    visit.page(app.backend().board(&visit.who, visit.workflow()).await, pages::board)
}

pub async fn obligation<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    let got = app.backend().obligation(&visit.who, visit.workflow(), visit.named("obligation")).await;
    visit.page(got, pages::obligation)
}

/// What the filter's form sends: empty where nothing was chosen.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct DecisionsQuery {
    verdict: String,
    step: String,
    before: Option<u64>,
}

pub async fn decisions<B: Backend>(State(app): App<B>, visit: Visit, query: Asked<DecisionsQuery>) -> Response {
    match asked(query).and_then(filter) {
        Ok(filter) => visit.page(app.backend().decisions(&visit.who, visit.workflow(), filter).await, pages::decisions),
        Err(problem) => visit.problem(&problem),
    }
}

fn filter(query: DecisionsQuery) -> Result<DecisionFilter, Problem> {
    let verdict = match query.verdict.as_str() {
        "" => None,
        word => Some(word.parse().map_err(|e| Problem::Invalid(format!("{e}; nothing was looked up.")))?),
    };
    Ok(DecisionFilter { verdict, step: Some(query.step).filter(|s| !s.is_empty()), before: query.before })
}

pub async fn decision<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    match visit.id::<DecisionId>() {
        Ok(id) => visit.page(app.backend().decision(&visit.who, visit.workflow(), id).await, pages::decision),
        Err(problem) => visit.problem(&problem),
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ReviewsQuery {
    role: String,
}

pub async fn reviews<B: Backend>(State(app): App<B>, visit: Visit, query: Asked<ReviewsQuery>) -> Response {
    match asked(query) {
        Ok(query) => {
            let role = Some(query.role).filter(|r| !r.is_empty());
            visit.page(app.backend().reviews(&visit.who, visit.workflow(), role).await, pages::reviews)
        }
        Err(problem) => visit.problem(&problem),
    }
}

pub async fn review<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    let id = match visit.id::<ReviewId>() {
        Ok(id) => id,
        Err(problem) => return visit.problem(&problem),
    };
    let shown = app.sessions().shown(&visit.session, &id.to_string(), super::clock());
    let form = ReviewForm { shown, ..ReviewForm::default() };
    let got = app.backend().review(&visit.who, visit.workflow(), id).await;
    visit.page(got, |frame, view| pages::review(frame, view, &form))
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct LogQuery {
    before: Option<u64>,
}

pub async fn log<B: Backend>(State(app): App<B>, visit: Visit, query: Asked<LogQuery>) -> Response {
    match asked(query) {
        Ok(query) => visit.page(app.backend().log(&visit.who, visit.workflow(), query.before).await, pages::log),
        Err(problem) => visit.problem(&problem),
    }
}

pub async fn certificate<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    let got = app.backend().certificate(&visit.who, visit.workflow(), visit.named("name")).await;
    visit.page(got, pages::certificate)
}

/// The picture is a blob that somebody's evaluation made: it is served so that it can do nothing.
pub async fn curve<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    let digits = visit.named("file").strip_suffix(".svg").unwrap_or("");
    let blob = match format!("sha256:{digits}").parse() {
        Ok(digest) => app.backend().curve(&visit.who, visit.workflow(), digest).await,
        Err(e) => Err(Problem::NotFound(e.to_string())),
    };
    match blob {
        Ok(bytes) => {
            let mut response = bytes.into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(BLOB_SECURITY_POLICY));
            response
        }
        Err(problem) => visit.problem(&problem),
    }
}

pub async fn sprint<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    let id = match visit.named("id") {
        "" => None,
        _ => match visit.id() {
            Ok(id) => Some(id),
            Err(problem) => return visit.problem(&problem),
        },
    };
    visit.page(app.backend().sprint(&visit.who, visit.workflow(), id).await, pages::sprint)
}

/// A page that stands alone: it may style itself and do nothing else.
pub async fn sprint_report<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    let report = match visit.id() {
        Ok(id) => app.backend().sprint_report(&visit.who, visit.workflow(), id).await,
        Err(problem) => Err(problem),
    };
    match report {
        Ok(page) => {
            let mut response = Html(page).into_response();
            let policy = HeaderValue::from_static(BLOB_SECURITY_POLICY);
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
            response
        }
        Err(problem) => visit.problem(&problem),
    }
}

pub async fn laws<B: Backend>(State(_): App<B>, visit: Visit) -> Response {
    visit.page(Ok(()), |frame, ()| pages::regulation(frame, None))
}

pub async fn regulation<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    let got = app.backend().obligations_now(&visit.who, visit.workflow()).await;
    visit.page(got, |frame, lines| pages::regulation(frame, Some(lines)))
}

pub async fn assessment<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    visit.page(app.backend().assessment(&visit.who, visit.workflow()).await, pages::assessment)
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct EventsQuery {
    workflow: Option<String>,
}

/// Says only that something changed; what may be seen is decided when the page asks again.
pub async fn events<B: Backend>(State(app): App<B>, visit: Visit, query: Asked<EventsQuery>) -> Response {
    let workflow = match asked(query) {
        Ok(query) => query.workflow,
        Err(problem) => return visit.problem(&problem),
    };
    if let Some(name) = &workflow
        && let Err(problem) = app.backend().tab(&visit.who, name).await
    {
        return visit.problem(&problem);
    }
    app.live().stream(workflow).into_response()
}

pub async fn nowhere<B: Backend>(State(app): App<B>, headers: HeaderMap) -> Response {
    let what = match session(&app, &headers) {
        Some(_) => "There is no such page.",
        None => "There is no such page, or it needs you to sign in.",
    };
    problem_page(&bare(&app), &Problem::NotFound(what.into()))
}
