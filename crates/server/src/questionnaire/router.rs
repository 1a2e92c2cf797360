//! Addresses of the questionnaire's site, and who may ask for them.

use super::form::{self, AnswerForm};
use super::{Entry, Held, Shelf, ShelfError, pages};
use crate::answer::sent;
use crate::pages::parts::encode;
use crate::router::{cookie, from_here};
use crate::session::same;
use crate::{assets, headers};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use maud::Markup;
use seatrial_assessment::questionnaire::{
    CANDIDATES_MAX, Column, REPORT_CSS, Report, compare, empty, question, report_page, to_yaml, with_about, with_answer,
};
use seatrial_model::{Digest, Time};
use seatrial_spec::Severity;
use std::collections::HashMap;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// The largest form: twelve artifacts with all their lines at their longest, three bytes for each that is escaped.
const FORM_BYTES_MAX: usize = 1 << 20;

#[derive(Clone)]
struct Site {
    shelf: Arc<dyn Shelf>,
    entry: Arc<Entry>,
}

type Fields = Form<Vec<(String, String)>>;

/// The site, with what protects it.
pub fn router(shelf: Arc<dyn Shelf>, entry: Entry) -> Router {
    let site = Site { shelf, entry: Arc::new(entry) };
    Router::new()
        .route("/", get(candidates))
        .route("/new", post(make))
        .route("/c/{name}", get(candidate))
        .route("/c/{name}/about", post(about))
        .route("/c/{name}/q/{id}", get(question_page).post(answer))
        .route("/report", get(report))
        .route("/report.html", get(download))
        .route("/report.css", get(style))
        .route("/assets/{file}", get(|Path(file): Path<String>| async move { assets::serve(&file) }))
        .fallback(async || (StatusCode::NOT_FOUND, pages::problem("Not found", "There is no such page.")))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn_with_state(site.clone(), enter))
        .layer(CatchPanicLayer::new())
        .layer(map_response(async |response: Response| headers::secure(response)))
        .with_state(site)
}

/// Lets by whoever asks this server by its own name and has the link, or the cookie that it gave.
async fn enter(State(site): State<Site>, request: Request, next: Next) -> Response {
    let entry = &site.entry;
    let host = request.headers().get(header::HOST).and_then(|v| v.to_str().ok());
    if !host.is_some_and(|host| entry.is_host(host)) {
        let text = "This server answers to its own address on this machine, and to no other name.";
        return (StatusCode::MISDIRECTED_REQUEST, pages::problem("Not here", text)).into_response();
    }
    let path = request.uri().path();
    // Styles say nothing about anybody, and a page that refuses entry is to be read.
    if path.starts_with("/assets/") || path == "/report.css" {
        return next.run(request).await;
    }
    let name = entry.cookie_name();
    if cookie(request.headers(), &name).is_some_and(|value| same(value.as_bytes(), entry.key.as_bytes())) {
        return next.run(request).await;
    }
    let key = Query::<HashMap<String, String>>::try_from_uri(request.uri()).ok().and_then(|q| q.get("key").cloned());
    if request.method() == Method::GET && key.is_some_and(|key| same(key.as_bytes(), entry.key.as_bytes())) {
        let mut response = Redirect::to("/").into_response();
        let set = format!("{name}={}; Path=/; HttpOnly; SameSite=Strict", entry.key);
        if let Ok(value) = HeaderValue::from_str(&set) {
            response.headers_mut().insert(header::SET_COOKIE, value);
        }
        return response;
    }
    let text = "Open the link that `seatrial questionnaire serve` printed: it lets this browser in.";
    (StatusCode::FORBIDDEN, pages::problem("Not without the link", text)).into_response()
}

/// Whether a form comes from a page of this site.
fn ours(site: &Site, headers: &HeaderMap, form: &[(String, String)]) -> Result<(), Box<Response>> {
    let token = sent(form, "csrf").unwrap_or("");
    if from_here(headers) && same(token.as_bytes(), site.entry.csrf.as_bytes()) {
        return Ok(());
    }
    let text = "The form is not from a page of this server; nothing was saved. Open the page again and repeat it.";
    Err(Box::new((StatusCode::FORBIDDEN, pages::problem("Not saved", text)).into_response()))
}

fn failed(error: &ShelfError) -> Response {
    let status = match error {
        ShelfError::NotFound => StatusCode::NOT_FOUND,
        ShelfError::Changed => StatusCode::CONFLICT,
        ShelfError::Other(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, pages::problem("Nothing was done", &format!("{error}; nothing was done."))).into_response()
}

/// Every questionnaire of the folder as it stands.
fn all(site: &Site) -> Result<Vec<Held>, ShelfError> {
    let names = site.shelf.names()?;
    names.iter().map(|name| Held::open(site.shelf.as_ref(), name)).collect()
}

async fn candidates(State(site): State<Site>) -> Response {
    match all(&site) {
        Ok(all) => candidates_page(&site, &all, None).into_response(),
        Err(error) => failed(&error),
    }
}

fn candidates_page(site: &Site, all: &[Held], problem: Option<(&str, &[(String, String)])>) -> Markup {
    let today = Time::from(jiff::Timestamp::now()).day();
    pages::candidates(&site.shelf.label(), all, &site.entry.csrf, today, problem)
}

async fn make(State(site): State<Site>, headers: HeaderMap, Form(form): Fields) -> Response {
    if let Err(refused) = ours(&site, &headers, &form) {
        return *refused;
    }
    let about = match form::about(&form) {
        Ok(about) => about,
        Err(problem) => {
            return match all(&site) {
                Ok(all) => {
                    let page = candidates_page(&site, &all, Some((&problem, &form)));
                    (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
                }
                Err(error) => failed(&error),
            };
        }
    };
    let (base, text) = (form::name_of(&about.name), to_yaml(&empty(about)));
    // The first name that is free.
    for name in std::iter::once(base.clone()).chain((2..100).map(|i| format!("{base}-{i}"))) {
        match site.shelf.save(&name, None, &text) {
            Ok(()) => return Redirect::to(&format!("/c/{}", encode(&name))).into_response(),
            Err(ShelfError::Changed) => {}
            Err(error) => return failed(&error),
        }
    }
    failed(&ShelfError::Other(format!("a hundred files are called `{base}`")))
}

async fn candidate(State(site): State<Site>, Path(name): Path<String>) -> Response {
    match Held::open(site.shelf.as_ref(), &name) {
        Ok(held) => pages::candidate(&held, &site.entry.csrf, None).into_response(),
        Err(error) => failed(&error),
    }
}

async fn about(State(site): State<Site>, Path(name): Path<String>, headers: HeaderMap, Form(form): Fields) -> Response {
    if let Err(refused) = ours(&site, &headers, &form) {
        return *refused;
    }
    let held = match Held::open(site.shelf.as_ref(), &name) {
        Ok(held) => held,
        Err(error) => return failed(&error),
    };
    let saved = form::about(&form).and_then(|about| {
        let text = with_about(&held.text, &about).ok_or_else(broken)?;
        save(&site, &held, seen(&form), &text)
    });
    match saved {
        Ok(()) => Redirect::to(&format!("/c/{}", encode(&name))).into_response(),
        Err(problem) => {
            (StatusCode::UNPROCESSABLE_ENTITY, pages::candidate(&held, &site.entry.csrf, Some((&problem, &form))))
                .into_response()
        }
    }
}

async fn question_page(State(site): State<Site>, Path((name, id)): Path<(String, String)>) -> Response {
    let Some(question) = question(&id) else { return failed(&ShelfError::NotFound) };
    match Held::open(site.shelf.as_ref(), &name) {
        Ok(held) => pages::question(&held, question, &site.entry.csrf, None).into_response(),
        Err(error) => failed(&error),
    }
}

async fn answer(
    State(site): State<Site>,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
    Form(form): Fields,
) -> Response {
    if let Err(refused) = ours(&site, &headers, &form) {
        return *refused;
    }
    let Some(question) = question(&id) else { return failed(&ShelfError::NotFound) };
    let held = match Held::open(site.shelf.as_ref(), &name) {
        Ok(held) => held,
        Err(error) => return failed(&error),
    };
    let typed = AnswerForm::read(&form);
    let saved = typed.answer(site.shelf.as_ref()).and_then(|answer| {
        let text = with_answer(&held.text, question.id, &answer).ok_or_else(broken)?;
        save(&site, &held, seen(&form), &text)
    });
    match saved {
        Ok(()) => {
            let to = match sent(&form, "then") {
                Some("stay") => format!("/c/{}/q/{}#artifacts", encode(&name), question.id),
                _ => pages::after(question.id)
                    .map_or_else(|| format!("/c/{}", encode(&name)), |next| format!("/c/{}/q/{next}", encode(&name))),
            };
            Redirect::to(&to).into_response()
        }
        Err(problem) => {
            let page = pages::question(&held, question, &site.entry.csrf, Some((&problem, &typed)));
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }
    }
}

fn broken() -> String {
    "The file has errors, so nothing was saved. `seatrial questionnaire check` shows them.".to_owned()
}

fn seen(form: &[(String, String)]) -> Option<Digest> {
    sent(form, "seen")?.parse().ok()
}

/// Saves a text that reads without errors, where the file is still the one that the form was made from.
fn save(site: &Site, held: &Held, seen: Option<Digest>, text: &str) -> Result<(), String> {
    let read = seatrial_assessment::questionnaire::read(&super::file_name(&held.name), text, site.shelf.artifacts());
    if let Some(error) = read.diagnostics.iter().find(|d| d.severity == Severity::Error) {
        let help = error.help.as_deref().map_or_else(String::new, |help| format!(" {help}."));
        return Err(format!("{}; nothing was saved.{help}", error.message));
    }
    let seen = seen.ok_or("The form does not say which file it changes; nothing was saved. Open the page again.")?;
    site.shelf.save(&held.name, Some(seen), text).map_err(|error| match error {
        ShelfError::Changed => {
            "The file was changed meanwhile, perhaps by an editor; nothing was saved. Copy what you \
                                typed, open the page again, and put it in."
                .to_owned()
        }
        other => format!("{other}; nothing was saved."),
    })
}

/// The candidates named, or all; with the name of each column's file.
fn compared(site: &Site, query: &[(String, String)]) -> Result<(Report, Vec<String>), ShelfError> {
    let named: Vec<&str> = query.iter().filter(|(k, _)| k == "c").map(|(_, v)| v.as_str()).collect();
    let (mut columns, mut names) = (Vec::new(), Vec::new());
    for held in all(site)? {
        if !named.is_empty() && !named.contains(&held.name.as_str()) || columns.len() >= CANDIDATES_MAX {
            continue;
        }
        if let Some(questionnaire) = &held.read.questionnaire {
            columns.push(Column::new(&super::file_name(&held.name), questionnaire));
            names.push(held.name);
        }
    }
    Ok((compare(columns), names))
}

type Wanted = Query<Vec<(String, String)>>;

async fn report(State(site): State<Site>, Query(query): Wanted) -> Response {
    match (compared(&site, &query), site.shelf.names()) {
        (Ok((report, names)), Ok(all)) => pages::report(&report, &names, &all, &query).into_response(),
        (Err(error), _) | (_, Err(error)) => failed(&error),
    }
}

async fn download(State(site): State<Site>, Query(query): Wanted) -> Response {
    match compared(&site, &query) {
        Ok((report, _)) => {
            let mut response = report_page(&report).into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            let name = HeaderValue::from_static("attachment; filename=\"questionnaire-report.html\"");
            headers.insert(header::CONTENT_DISPOSITION, name);
            response
        }
        Err(error) => failed(&error),
    }
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"))], REPORT_CSS).into_response()
}
