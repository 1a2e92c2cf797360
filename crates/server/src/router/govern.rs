//! Judgement and releases: approvals, waivers, rollbacks. A form that is refused leads back to its page, with why.

use super::forms::{Fields, ours, reason, sure, text};
use super::read::App;
use super::visit::{Asked, Visit, asked, status};
use super::{AppState, clock};
use crate::answer::sent;
use crate::backend::{Backend, Problem};
use crate::pages::parts::{at, in_zone};
use crate::pages::{self, ApproveForm};
use crate::view::{ApprovalSent, WaiverSent};
use axum::Form;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use maud::Markup;
use seatrial_model::{Digest, EventId, Stage, Untrusted};
use serde::Deserialize;

/// The longest text of a waiver, in characters: as its fields say.
const WAIVER_CHARS_MAX: usize = 1_000;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct StageQuery {
    stage: String,
}

fn stage(word: &str) -> Result<Stage, Problem> {
    match word {
        "" => Ok(Stage::Pilot),
        word => word.parse().map_err(|e| Problem::Invalid(format!("{e}; nothing was looked up."))),
    }
}

/// What a proof of being shown is about.
fn shown_as(stage: Stage, obligation: &str) -> String {
    format!("approve/{stage}/{obligation}")
}

pub async fn approval<B: Backend>(State(app): App<B>, visit: Visit, query: Asked<StageQuery>) -> Response {
    let stage = match asked(query).and_then(|query| stage(&query.stage)) {
        Ok(stage) => stage,
        Err(problem) => return visit.problem(&problem),
    };
    let obligation = visit.named("obligation");
    let shown = app.sessions().shown(&visit.session, &shown_as(stage, obligation), clock());
    let form = ApproveForm { shown, problem: None };
    let got = app.backend().approval(&visit.who, visit.workflow(), obligation, stage).await;
    visit.page(got, |frame, view| pages::approve(frame, view, &form))
}

pub async fn approve<B: Backend>(
    State(app): State<AppState<B>>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Fields,
) -> Response {
    let obligation = visit.named("obligation").to_owned();
    let result = match signed(&app, &visit, &headers, &form) {
        Ok(sent) => {
            let stage = sent.stage;
            let done = app.backend().approve(&visit.who, visit.workflow(), &obligation, sent).await;
            done.map_err(|problem| (problem, stage))
        }
        Err(problem) => return visit.problem(&problem),
    };
    match result {
        Ok(()) => {
            app.live().changed(visit.workflow());
            Redirect::to(&at(visit.workflow(), &format!("/obligations/{}", pages::parts::encode(&obligation))))
                .into_response()
        }
        Err((problem, stage)) => {
            // What stands there now, with why the approval was not recorded.
            let shown = app.sessions().shown(&visit.session, &shown_as(stage, &obligation), clock());
            let again = ApproveForm { shown, problem: Some(problem.to_string()) };
            match app.backend().approval(&visit.who, visit.workflow(), &obligation, stage).await {
                Ok(view) => back(&visit, &problem, || pages::approve(&visit.frame, &view, &again)),
                Err(_) => visit.problem(&problem),
            }
        }
    }
}

/// What the form says: a role, a key, and that it was read.
fn signed<B: Backend>(
    app: &AppState<B>,
    visit: &Visit,
    headers: &HeaderMap,
    form: &[(String, String)],
) -> Result<ApprovalSent, Problem> {
    ours(visit, headers, form)?;
    if sent(form, "sure") != Some("yes") {
        return Err(Problem::Invalid("It was not confirmed; nothing was recorded.".into()));
    }
    let stage = stage(sent(form, "stage").unwrap_or(""))?;
    let key: Digest = sent(form, "key")
        .and_then(|key| key.parse().ok())
        .ok_or_else(|| Problem::Invalid("The form does not say what was shown; nothing was recorded.".into()))?;
    let proof = sent(form, "shown").unwrap_or("");
    let shown_ms = app.sessions().shown_ms(&visit.session, &shown_as(stage, visit.named("obligation")), proof, clock());
    let role = sent(form, "role").filter(|role| !role.is_empty()).map(str::to_owned);
    Ok(ApprovalSent { stage, role, key, shown_ms, reaffirm: sent(form, "reaffirm") == Some("yes") })
}

/// A page drawn again because something was refused.
fn back(visit: &Visit, problem: &Problem, draw: impl FnOnce() -> Markup) -> Response {
    (status(problem).0, in_zone(&visit.frame.zone, draw)).into_response()
}

pub async fn waivers<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    let got = app.backend().waivers(&visit.who, visit.workflow()).await;
    visit.page(got, |frame, view| pages::waivers(frame, view, None))
}

async fn waived<B: Backend>(app: &AppState<B>, visit: &Visit, result: Result<(), Problem>) -> Response {
    let problem = match result {
        Ok(()) => {
            app.live().changed(visit.workflow());
            return Redirect::to(&at(visit.workflow(), "/waivers")).into_response();
        }
        Err(problem) => problem,
    };
    let why = problem.to_string();
    match app.backend().waivers(&visit.who, visit.workflow()).await {
        Ok(view) => back(visit, &problem, || pages::waivers(&visit.frame, &view, Some(&why))),
        Err(_) => visit.problem(&problem),
    }
}

pub async fn ask_waiver<B: Backend>(
    State(app): State<AppState<B>>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Fields,
) -> Response {
    let result = match ours(&visit, &headers, &form).and_then(|()| asks(&form)) {
        Ok(sent) => app.backend().ask_waiver(&visit.who, visit.workflow(), sent).await,
        Err(problem) => Err(problem),
    };
    waived(&app, &visit, result).await
}

fn asks(form: &[(String, String)]) -> Result<WaiverSent, Problem> {
    let (word, obligation) = sent(form, "what")
        .and_then(|what| what.split_once('/'))
        .ok_or_else(|| Problem::Invalid("No obligation was chosen; nothing was asked for.".into()))?;
    Ok(WaiverSent {
        stage: stage(word)?,
        obligation: obligation.to_owned(),
        reason: Untrusted::new(text(form, "reason", "A reason", WAIVER_CHARS_MAX)?),
        measure: Untrusted::new(text(form, "measure", "A measure", WAIVER_CHARS_MAX)?),
        until: sent(form, "until").unwrap_or("").to_owned(),
    })
}

pub async fn grant_waiver<B: Backend>(
    State(app): State<AppState<B>>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Fields,
) -> Response {
    let confirmed = || match sent(&form, "sure") {
        Some("yes") => visit.id::<EventId>(),
        _ => Err(Problem::Invalid("It was not confirmed; nothing was granted.".into())),
    };
    let result = match ours(&visit, &headers, &form).and_then(|()| confirmed()) {
        Ok(id) => app.backend().grant_waiver(&visit.who, visit.workflow(), id).await,
        Err(problem) => Err(problem),
    };
    waived(&app, &visit, result).await
}

pub async fn end_waiver<B: Backend>(
    State(app): State<AppState<B>>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Fields,
) -> Response {
    let told = || Ok((visit.id::<EventId>()?, reason(&form)?));
    let result = match ours(&visit, &headers, &form).and_then(|()| told()) {
        Ok((id, why)) => app.backend().end_waiver(&visit.who, visit.workflow(), id, Untrusted::new(why)).await,
        Err(problem) => Err(problem),
    };
    waived(&app, &visit, result).await
}

pub async fn releases<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    let got = app.backend().releases(&visit.who, visit.workflow()).await;
    visit.page(got, |frame, view| pages::releases(frame, view, None))
}

pub async fn rollback<B: Backend>(
    State(app): State<AppState<B>>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Fields,
) -> Response {
    let named = || {
        let to: Option<Digest> = sent(&form, "release").and_then(|digest| digest.parse().ok());
        to.ok_or_else(|| Problem::Invalid("No release was named; nothing was changed.".into()))
    };
    let result = match sure(&visit, &headers, &form).and_then(|why| Ok((named()?, why))) {
        Ok((to, why)) => app.backend().rollback(&visit.who, visit.workflow(), to, why).await,
        Err(problem) => Err(problem),
    };
    let problem = match result {
        Ok(()) => {
            app.live().changed(visit.workflow());
            return Redirect::to(&at(visit.workflow(), "/releases")).into_response();
        }
        Err(problem) => problem,
    };
    let why = problem.to_string();
    match app.backend().releases(&visit.who, visit.workflow()).await {
        Ok(view) => back(&visit, &problem, || pages::releases(&visit.frame, &view, Some(&why))),
        Err(_) => visit.problem(&problem),
    }
}

pub async fn pilot_report<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    match visit.id::<EventId>() {
        Ok(id) => {
            let got = app.backend().pilot_report(&visit.who, visit.workflow(), id).await;
            visit.page(got, pages::pilot_report)
        }
        Err(problem) => visit.problem(&problem),
    }
}

pub async fn diff<B: Backend>(State(app): App<B>, visit: Visit) -> Response {
    visit.page(app.backend().diff(&visit.who, visit.workflow()).await, pages::diff)
}
