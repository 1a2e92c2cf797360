//! Drills and incidents. A form that is refused leads back to its page, with why.

use super::AppState;
use super::forms::{Fields, ours, text};
use super::read::App;
use super::visit::{Asked, Visit, asked, status};
use crate::answer::sent;
use crate::backend::{Backend, Problem};
use crate::pages;
use crate::pages::parts::{at, in_zone};
use crate::view::{DrillCame, DrillSent, DrillsAsked, IncidentAct, IncidentSent};
use axum::Form;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use seatrial_model::{ReviewId, Untrusted};
use serde::Deserialize;

/// The longest text of an incident, in characters: as its fields say.
const TEXT_CHARS_MAX: usize = 1_000;

/// The most reviews of one drill that an address names.
const REVIEWS_MAX: usize = 20;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct DrillsQuery {
    done: String,
    control: String,
    reviews: String,
}

fn reviews(list: &str) -> Result<Vec<ReviewId>, Problem> {
    let ids = list.split(',').filter(|id| !id.is_empty()).take(REVIEWS_MAX);
    let read = |id: &str| id.parse().map_err(|e| Problem::NotFound(format!("{e}; nothing was looked up.")));
    ids.map(read).collect()
}

fn read(query: &DrillsQuery) -> Result<DrillsAsked, Problem> {
    let done = match query.done.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|e| Problem::NotFound(format!("{e}; nothing was looked up.")))?),
    };
    let reviews = reviews(&query.reviews)?;
    let answering = (!reviews.is_empty()).then(|| (query.control.clone(), reviews));
    Ok(DrillsAsked { done, answering })
}

pub async fn ownership<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    let got = app.backend().ownership(&visit.who, visit.workflow()).await;
    visit.page(got, pages::ownership)
}

pub async fn drills<B: Backend>(State(app): App<B>, visit: Visit, query: Asked<DrillsQuery>) -> Response {
    let asked = match asked(query).and_then(|query| read(&query)) {
        Ok(asked) => asked,
        Err(problem) => return visit.problem(&problem),
    };
    let got = app.backend().drills(&visit.who, visit.workflow(), asked).await;
    visit.page(got, |frame, view| pages::drills(frame, view, None))
}

pub async fn drill<B: Backend>(
    State(app): State<AppState<B>>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Fields,
) -> Response {
    let wanted = || match sent(&form, "act") {
        Some("begin") => Ok(DrillSent::Begin(sent(&form, "control").unwrap_or("").to_owned())),
        Some("finish") => Ok(DrillSent::Finish),
        Some("close") => {
            let control = sent(&form, "control").unwrap_or("").to_owned();
            Ok(DrillSent::Close(control, reviews(sent(&form, "reviews").unwrap_or(""))?))
        }
        _ => Err(Problem::Invalid("The form does not say what is to be done; nothing was done.".into())),
    };
    let result = match ours(&visit, &headers, &form).and_then(|()| wanted()) {
        Ok(sent) => app.backend().drill(&visit.who, visit.workflow(), sent).await,
        Err(problem) => Err(problem),
    };
    let problem = match result {
        Ok(came) => {
            app.live().changed(visit.workflow());
            let to = match came {
                DrillCame::Done(event) => format!("/drills?done={event}"),
                DrillCame::Answers(control, ids) => {
                    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                    format!("/drills?control={control}&reviews={}", ids.join(","))
                }
                DrillCame::Waits | DrillCame::Resumed => "/drills".to_owned(),
            };
            return Redirect::to(&at(visit.workflow(), &to)).into_response();
        }
        Err(problem) => problem,
    };
    match app.backend().drills(&visit.who, visit.workflow(), DrillsAsked::default()).await {
        Ok(view) => {
            let why = problem.to_string();
            let page = in_zone(&visit.frame.zone, || pages::drills(&visit.frame, &view, Some(&why)));
            (status(&problem).0, page).into_response()
        }
        Err(_) => visit.problem(&problem),
    }
}

pub async fn incidents<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    let got = app.backend().incidents(&visit.who, visit.workflow()).await;
    visit.page(got, |frame, view| pages::incidents(frame, view, None))
}

pub async fn open_incident<B: Backend>(
    State(app): State<AppState<B>>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Fields,
) -> Response {
    let result = match ours(&visit, &headers, &form).and_then(|()| opens(&form)) {
        Ok(sent) => app.backend().open_incident(&visit.who, visit.workflow(), sent).await,
        Err(problem) => Err(problem),
    };
    let problem = match result {
        Ok(number) => {
            app.live().changed(visit.workflow());
            return Redirect::to(&at(visit.workflow(), &format!("/incidents/{number}"))).into_response();
        }
        Err(problem) => problem,
    };
    match app.backend().incidents(&visit.who, visit.workflow()).await {
        Ok(view) => {
            let why = problem.to_string();
            let page = in_zone(&visit.frame.zone, || pages::incidents(&visit.frame, &view, Some(&why)));
            (status(&problem).0, page).into_response()
        }
        Err(_) => visit.problem(&problem),
    }
}

fn opens(form: &[(String, String)]) -> Result<IncidentSent, Problem> {
    let named = |name: &str| sent(form, name).filter(|value| !value.trim().is_empty());
    let severity = named("severity").and_then(|s| s.parse().ok());
    let severity = severity.ok_or_else(|| Problem::Invalid("No severity was chosen; nothing was opened.".into()))?;
    let decision = match named("decision") {
        None => None,
        Some(id) => Some(id.trim().parse().map_err(|e| Problem::Invalid(format!("{e}; nothing was opened.")))?),
    };
    let text = Untrusted::new(text(form, "text", "What was seen", TEXT_CHARS_MAX)?);
    Ok(IncidentSent { severity, owner: named("owner").map(str::to_owned), decision, text })
}

fn number(visit: &Visit) -> Result<u64, Problem> {
    let named = visit.named("number").parse();
    named.map_err(|_| Problem::NotFound("There is no such incident; incidents have numbers.".into()))
}

pub async fn incident<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    match number(&visit) {
        Ok(number) => {
            let got = app.backend().incident(&visit.who, visit.workflow(), number).await;
            visit.page(got, |frame, view| pages::incident(frame, view, None))
        }
        Err(problem) => visit.problem(&problem),
    }
}

pub async fn in_incident<B: Backend>(
    State(app): State<AppState<B>>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Fields,
) -> Response {
    let number = match number(&visit) {
        Ok(number) => number,
        Err(problem) => return visit.problem(&problem),
    };
    let told = || Ok((act(&form)?, Untrusted::new(text(&form, "text", "A text", TEXT_CHARS_MAX)?)));
    let result = match ours(&visit, &headers, &form).and_then(|()| told()) {
        Ok((act, text)) => app.backend().in_incident(&visit.who, visit.workflow(), number, act, text).await,
        Err(problem) => Err(problem),
    };
    let problem = match result {
        Ok(()) => {
            app.live().changed(visit.workflow());
            return Redirect::to(&at(visit.workflow(), &format!("/incidents/{number}"))).into_response();
        }
        Err(problem) => problem,
    };
    match app.backend().incident(&visit.who, visit.workflow(), number).await {
        Ok(view) => {
            let why = problem.to_string();
            let page = in_zone(&visit.frame.zone, || pages::incident(&visit.frame, &view, Some(&why)));
            (status(&problem).0, page).into_response()
        }
        Err(_) => visit.problem(&problem),
    }
}

fn act(form: &[(String, String)]) -> Result<IncidentAct, Problem> {
    let invalid = |what: &str| Problem::Invalid(format!("{what}; nothing was recorded."));
    let chosen = |name: &str| sent(form, name).unwrap_or("").trim().to_owned();
    Ok(match sent(form, "act") {
        Some("note") => IncidentAct::Note,
        Some("severity") => {
            IncidentAct::Severity(chosen("severity").parse().map_err(|_| invalid("No severity was chosen"))?)
        }
        Some("hand-over") => match chosen("owner") {
            owner if owner.is_empty() => return Err(invalid("Nobody was named")),
            owner => IncidentAct::HandOver(owner),
        },
        Some("decide") => {
            if sent(form, "sure") != Some("yes") {
                return Err(invalid("It was not confirmed"));
            }
            IncidentAct::Decide(chosen("course").parse().map_err(|_| invalid("Neither was chosen"))?)
        }
        Some("resolve") => IncidentAct::Resolve,
        Some("review") => {
            let lines = chosen("findings");
            IncidentAct::Review(lines.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect())
        }
        _ => return Err(invalid("The form does not say what is to be done")),
    })
}
