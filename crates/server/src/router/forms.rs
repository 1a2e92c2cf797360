//! Forms that change something: stop, resume, answer. Each carries its session's token, comes from a page of
//! ours, and leads to a page by a redirect, so that reloading repeats nothing.

use super::visit::{Visit, from_here, status};
use super::{AppState, clock};
use crate::answer::{compose, keep, sent};
use crate::backend::{Backend, Problem};
use crate::pages::parts::{at, in_zone};
use crate::pages::{self, ReviewForm};
use crate::view::{AnswerSent, ReviewPage};
use axum::Form;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use seatrial_model::digest::Digest;
use seatrial_model::{Answer, Commitment, ReviewId, Untrusted};

/// The longest reason, in characters: as the pages' own fields say.
const REASON_CHARS_MAX: usize = 4_000;

pub(super) type Fields = Form<Vec<(String, String)>>;

pub async fn stop<B: Backend>(
    State(app): State<AppState<B>>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Fields,
) -> Response {
    match sure(&visit, &headers, &form) {
        Ok(reason) => done(&app, &visit, app.backend().stop(&visit.who, visit.workflow(), reason).await),
        Err(problem) => visit.problem(&problem),
    }
}

pub async fn resume<B: Backend>(
    State(app): State<AppState<B>>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Fields,
) -> Response {
    match sure(&visit, &headers, &form) {
        Ok(reason) => done(&app, &visit, app.backend().resume(&visit.who, visit.workflow(), reason).await),
        Err(problem) => visit.problem(&problem),
    }
}

fn done<B: Backend>(app: &AppState<B>, visit: &Visit, result: Result<(), Problem>) -> Response {
    match result {
        Ok(()) => {
            app.live().changed(visit.workflow());
            Redirect::to(&at(visit.workflow(), "")).into_response()
        }
        Err(problem) => visit.problem(&problem),
    }
}

/// A form of ours, confirmed, with a reason.
pub(super) fn sure(visit: &Visit, headers: &HeaderMap, form: &[(String, String)]) -> Result<Untrusted, Problem> {
    ours(visit, headers, form)?;
    if sent(form, "sure") != Some("yes") {
        return Err(Problem::Invalid("It was not confirmed; nothing was done. Tick the box and send it again.".into()));
    }
    reason(form).map(Untrusted::new)
}

pub(super) fn ours(visit: &Visit, headers: &HeaderMap, form: &[(String, String)]) -> Result<(), Problem> {
    if from_here(headers) && visit.session.accepts(sent(form, "csrf").unwrap_or("")) {
        return Ok(());
    }
    Err(Problem::Forbidden(
        "The form is not from this session; nothing was done. Open the page again and repeat it.".into(),
    ))
}

pub(super) fn reason(form: &[(String, String)]) -> Result<String, Problem> {
    text(form, "reason", "A reason", REASON_CHARS_MAX)
}

/// A text that has to be there, and not longer than its field allows.
pub(super) fn text(form: &[(String, String)], name: &str, what: &str, max: usize) -> Result<String, Problem> {
    let text = sent(form, name).unwrap_or("").replace("\r\n", "\n");
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Problem::Invalid(format!("{what} is missing; nothing was done. Say why."))),
        n if n <= max => Ok(text.to_owned()),
        n => Err(Problem::Invalid(format!(
            "{what} has {n} characters, {max} are allowed; nothing was done. Shorten it."
        ))),
    }
}

pub async fn answer<B: Backend>(
    State(app): State<AppState<B>>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Fields,
) -> Response {
    let id = match visit.id::<ReviewId>().and_then(|id| ours(&visit, &headers, &form).map(|()| id)) {
        Ok(id) => id,
        Err(problem) => return visit.problem(&problem),
    };
    let view = match app.backend().review(&visit.who, visit.workflow(), id).await {
        Ok(view) => view,
        Err(problem) => return visit.problem(&problem),
    };
    let shown_ms =
        app.sessions().shown_ms(&visit.session, &id.to_string(), sent(&form, "shown").unwrap_or(""), clock());
    let next = view.next;
    let result = match read(&view, &form, shown_ms) {
        Ok(answer) => app.backend().answer(&visit.who, visit.workflow(), id, answer).await,
        Err(problem) => Err(problem),
    };
    match result {
        Ok(()) => {
            app.live().changed(visit.workflow());
            let to = next.map_or_else(|| "/reviews".to_owned(), |n| format!("/reviews/{n}"));
            Redirect::to(&at(visit.workflow(), &to)).into_response()
        }
        Err(problem) => again(&visit, view, &form, &problem),
    }
}

/// What the form says, checked against what the review allows.
fn read(view: &ReviewPage, form: &[(String, String)], shown_ms: Option<u64>) -> Result<AnswerSent, Problem> {
    let invalid = |what: &str| Problem::Invalid(format!("{what}; the answer was not recorded."));
    let answer: Answer =
        sent(form, "answer").and_then(|a| a.parse().ok()).ok_or_else(|| invalid("No answer was chosen"))?;
    if !view.answers.contains(&answer) {
        return Err(invalid(&format!("`{answer}` is not open for this review")));
    }
    let seen: Digest = sent(form, "seen")
        .and_then(|s| s.parse().ok())
        .ok_or_else(|| invalid("The form does not say which output it judges"))?;
    let output = match answer {
        Answer::Edit | Answer::Own => Some(compose(&view.edit, form).map_err(Problem::Invalid)?),
        Answer::Accept | Answer::Reject => None,
    };
    Ok(AnswerSent { answer, output, reason: reason(form)?, seen: Commitment(seen), shown_ms })
}

/// The review again, with what was sent and why it was not recorded.
fn again(visit: &Visit, mut view: ReviewPage, form: &[(String, String)], problem: &Problem) -> Response {
    keep(&mut view.edit, form);
    let text = |name: &str| sent(form, name).unwrap_or("").to_owned();
    let again = ReviewForm { shown: text("shown"), problem: Some(problem.to_string()), reason: text("reason") };
    let page = in_zone(&visit.frame.zone, || pages::review(&visit.frame, &view, &again));
    (status(problem).0, page).into_response()
}
