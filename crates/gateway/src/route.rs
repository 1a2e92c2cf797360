//! Which endpoint a request is for. Pure: method and path in, endpoint out.

use crate::dialect::Dialect;
use http::Method;
use seatrial_model::{DecisionId, EventId, ReviewId};

/// An endpoint of the data plane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Endpoint {
    /// `POST /v1/chat/completions`
    /// `POST /v1/responses`
    /// `POST /v1/messages`
    Proxy(Dialect),
    /// `GET /v1/models`
    Models,
    /// `GET /v1/models/{workflow}/{step}`
    Model { workflow: String, step: String },
    /// `POST /v1/workflows/{w}/steps/{s}/run`
    Run { workflow: String, step: String },
    /// `POST /v1/workflows/{w}/steps/{s}/decide`
    Decide { workflow: String, step: String },
    /// `POST /v1/workflows/{w}/steps/{s}/admit`
    Admit { workflow: String, step: String },
    /// `POST /v1/stop`: the whole factory
    StopAll,
    /// `POST /v1/resume`: the whole factory
    ResumeAll,
    /// `POST /v1/workflows/{w}[/steps/{s}]/stop`
    Stop { workflow: String, step: Option<String> },
    /// `POST /v1/workflows/{w}[/steps/{s}]/resume`
    Resume { workflow: String, step: Option<String> },
    /// `GET /v1/decisions/{id}`
    Decision(DecisionId),
    /// `POST /v1/decisions/{id}/override`
    Override(DecisionId),
    /// `POST /v1/decisions/{id}/outcome`
    Outcome(DecisionId),
    /// `POST /v1/decisions/{id}/effect`
    Effect(DecisionId),
    /// `GET /v1/reviews`
    Reviews,
    /// `POST /v1/reviews/{id}/claim`
    Claim(ReviewId),
    /// `POST /v1/reviews/{id}/answer`
    Answer(ReviewId),
    /// What governs the delivery of a workflow.
    Govern { workflow: String, what: Govern },
}

/// An endpoint of governed delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Govern {
    /// `GET /v1/workflows/{w}/status`
    Status,
    /// `GET /v1/workflows/{w}/obligations/{o}`
    Obligation(String),
    /// `GET /v1/workflows/{w}/obligations/{o}/approval`
    Approval(String),
    /// `POST /v1/workflows/{w}/approvals`
    Approve,
    /// `POST /v1/workflows/{w}/approvals/{id}/withdraw`
    Withdraw(EventId),
    /// `GET /v1/workflows/{w}/waivers`
    Waivers,
    /// `POST /v1/workflows/{w}/waivers`
    RequestWaiver,
    /// `POST /v1/workflows/{w}/waivers/{id}/grant`
    GrantWaiver(EventId),
    /// `POST /v1/workflows/{w}/waivers/{id}/end`
    EndWaiver(EventId),
    /// `GET /v1/workflows/{w}/releases`
    Releases,
    /// `POST /v1/workflows/{w}/releases`
    Release,
    /// `POST /v1/workflows/{w}/releases/rollback`
    Rollback,
}

/// What a method and a path lead to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    /// An endpoint of the data plane.
    Here(Endpoint),
    /// One of its paths, with another method.
    WrongMethod(&'static str),
    /// One of its paths, with an id that is none.
    BadId(String),
    /// A path that clients of models call, and that this version does not serve.
    NotServed,
    /// Not the data plane's: the other service answers.
    Elsewhere,
}

/// Paths below `/v1/` that SDKs of models call. They get an error in the shape that these SDKs read.
const NOT_SERVED: [&str; 19] = [
    "responses",
    "messages",
    "completions",
    "embeddings",
    "moderations",
    "images",
    "audio",
    "files",
    "batches",
    "assistants",
    "threads",
    "complete",
    "conversations",
    "fine_tuning",
    "vector_stores",
    "realtime",
    "skills",
    "uploads",
    "videos",
];

/// Finds the endpoint.
pub(crate) fn route(method: &Method, path: &str) -> Route {
    let Some(below) = path.strip_prefix("/v1/") else { return Route::Elsewhere };
    let segments: Vec<&str> = below.split('/').collect();
    let (wanted, endpoint) = match segments.as_slice() {
        ["chat", "completions"] => ("POST", Ok(Endpoint::Proxy(Dialect::Chat))),
        ["responses"] => ("POST", Ok(Endpoint::Proxy(Dialect::Responses))),
        ["messages"] => ("POST", Ok(Endpoint::Proxy(Dialect::Messages))),
        ["stop"] => ("POST", Ok(Endpoint::StopAll)),
        ["resume"] => ("POST", Ok(Endpoint::ResumeAll)),
        ["models"] => ("GET", Ok(Endpoint::Models)),
        ["models", workflow, step] => ("GET", Ok(Endpoint::Model { workflow: own(workflow), step: own(step) })),
        // SDKs escape the slash of a model's name.
        ["models", name] => match name.split_once("%2F").or_else(|| name.split_once("%2f")) {
            Some((workflow, step)) => ("GET", Ok(Endpoint::Model { workflow: own(workflow), step: own(step) })),
            None => ("GET", Ok(Endpoint::Model { workflow: own(name), step: String::new() })),
        },
        ["workflows", workflow, "steps", step, verb] => match step_verb(workflow, step, verb) {
            Some(endpoint) => ("POST", Ok(endpoint)),
            None => return Route::Elsewhere,
        },
        ["workflows", workflow, "stop"] => ("POST", Ok(Endpoint::Stop { workflow: own(workflow), step: None })),
        ["workflows", workflow, "resume"] => ("POST", Ok(Endpoint::Resume { workflow: own(workflow), step: None })),
        ["workflows", workflow, below @ ..] => return governed(method, workflow, below),
        ["decisions", id] => ("GET", id.parse().map(Endpoint::Decision).map_err(|e| e.to_string())),
        ["decisions", id, "override"] => ("POST", id.parse().map(Endpoint::Override).map_err(|e| e.to_string())),
        ["decisions", id, "outcome"] => ("POST", id.parse().map(Endpoint::Outcome).map_err(|e| e.to_string())),
        ["decisions", id, "effect"] => ("POST", id.parse().map(Endpoint::Effect).map_err(|e| e.to_string())),
        ["reviews"] => ("GET", Ok(Endpoint::Reviews)),
        ["reviews", id, "claim"] => ("POST", id.parse().map(Endpoint::Claim).map_err(|e| e.to_string())),
        ["reviews", id, "answer"] => ("POST", id.parse().map(Endpoint::Answer).map_err(|e| e.to_string())),
        [first, ..] if NOT_SERVED.contains(first) => return Route::NotServed,
        ["chat", ..] => return Route::NotServed,
        _ => return Route::Elsewhere,
    };
    match endpoint {
        _ if method.as_str() != wanted => Route::WrongMethod(wanted),
        Ok(endpoint) => Route::Here(endpoint),
        Err(message) => Route::BadId(message),
    }
}

/// The endpoints of governed delivery. One that reads and one that writes may share a path.
fn governed(method: &Method, workflow: &str, below: &[&str]) -> Route {
    let event = |id: &str| id.parse::<EventId>().map_err(|e| e.to_string());
    let (read, write) = match below {
        ["status"] => (Some(Govern::Status), None),
        ["obligations", o] => (Some(Govern::Obligation(own(o))), None),
        ["obligations", o, "approval"] => (Some(Govern::Approval(own(o))), None),
        ["approvals"] => (None, Some(Ok(Govern::Approve))),
        ["approvals", id, "withdraw"] => (None, Some(event(id).map(Govern::Withdraw))),
        ["waivers"] => (Some(Govern::Waivers), Some(Ok(Govern::RequestWaiver))),
        ["waivers", id, "grant"] => (None, Some(event(id).map(Govern::GrantWaiver))),
        ["waivers", id, "end"] => (None, Some(event(id).map(Govern::EndWaiver))),
        ["releases"] => (Some(Govern::Releases), Some(Ok(Govern::Release))),
        ["releases", "rollback"] => (None, Some(Ok(Govern::Rollback))),
        _ => return Route::Elsewhere,
    };
    let here = |what| Route::Here(Endpoint::Govern { workflow: own(workflow), what });
    match (method.as_str(), read, write) {
        ("GET", Some(what), _) | ("POST", _, Some(Ok(what))) => here(what),
        ("POST", _, Some(Err(message))) => Route::BadId(message),
        (_, Some(_), Some(_)) => Route::WrongMethod("GET, POST"),
        (_, Some(_), None) => Route::WrongMethod("GET"),
        (_, None, _) => Route::WrongMethod("POST"),
    }
}

fn step_verb(workflow: &str, step: &str, verb: &str) -> Option<Endpoint> {
    let (workflow, step) = (own(workflow), own(step));
    match verb {
        "run" => Some(Endpoint::Run { workflow, step }),
        "decide" => Some(Endpoint::Decide { workflow, step }),
        "admit" => Some(Endpoint::Admit { workflow, step }),
        "stop" => Some(Endpoint::Stop { workflow, step: Some(step) }),
        "resume" => Some(Endpoint::Resume { workflow, step: Some(step) }),
        _ => None,
    }
}

fn own(segment: &str) -> String {
    segment.to_owned()
}

/// The value of a query parameter, as it stands: none of ours needs escaping.
pub(crate) fn query<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    query?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Route {
        route(&Method::GET, path)
    }

    fn post(path: &str) -> Route {
        route(&Method::POST, path)
    }

    #[test]
    fn every_endpoint() {
        let id = "dec_01890a5d-ac96-774b-bcce-b302099a8057".parse::<DecisionId>().unwrap();
        let (w, s) = ("credit".to_owned(), "assess".to_owned());
        for (path, dialect) in [
            ("/v1/chat/completions", Dialect::Chat),
            ("/v1/responses", Dialect::Responses),
            ("/v1/messages", Dialect::Messages),
        ] {
            assert_eq!(post(path), Route::Here(Endpoint::Proxy(dialect)));
        }
        assert_eq!(post("/v1/stop"), Route::Here(Endpoint::StopAll));
        assert_eq!(post("/v1/resume"), Route::Here(Endpoint::ResumeAll));
        let admit = Endpoint::Admit { workflow: "credit".to_owned(), step: "pay".to_owned() };
        assert_eq!(post("/v1/workflows/credit/steps/pay/admit"), Route::Here(admit));
        assert_eq!(get("/v1/models"), Route::Here(Endpoint::Models));
        for path in ["/v1/models/credit/assess", "/v1/models/credit%2Fassess"] {
            assert_eq!(get(path), Route::Here(Endpoint::Model { workflow: w.clone(), step: s.clone() }));
        }
        let run = Endpoint::Run { workflow: w.clone(), step: s.clone() };
        assert_eq!(post("/v1/workflows/credit/steps/assess/run"), Route::Here(run));
        let stop = Endpoint::Stop { workflow: w.clone(), step: Some(s) };
        assert_eq!(post("/v1/workflows/credit/steps/assess/stop"), Route::Here(stop));
        assert_eq!(post("/v1/workflows/credit/resume"), Route::Here(Endpoint::Resume { workflow: w, step: None }));
        assert_eq!(get(&format!("/v1/decisions/{id}")), Route::Here(Endpoint::Decision(id)));
        assert_eq!(post(&format!("/v1/decisions/{id}/effect")), Route::Here(Endpoint::Effect(id)));
    }

    #[test]
    fn governed_delivery() {
        let id = "evt_01890a5d-ac96-774b-bcce-b302099a8057".parse::<EventId>().unwrap();
        let here = |what| Route::Here(Endpoint::Govern { workflow: "credit".to_owned(), what });
        let below = |path: &str| format!("/v1/workflows/credit/{path}");
        for (path, what) in [
            ("status", Govern::Status),
            ("obligations/eval.smoke", Govern::Obligation("eval.smoke".to_owned())),
            ("obligations/eval.smoke/approval", Govern::Approval("eval.smoke".to_owned())),
            ("waivers", Govern::Waivers),
            ("releases", Govern::Releases),
        ] {
            assert_eq!(get(&below(path)), here(what), "{path}");
        }
        for (path, what) in [
            ("approvals".to_owned(), Govern::Approve),
            (format!("approvals/{id}/withdraw"), Govern::Withdraw(id)),
            ("waivers".to_owned(), Govern::RequestWaiver),
            (format!("waivers/{id}/grant"), Govern::GrantWaiver(id)),
            (format!("waivers/{id}/end"), Govern::EndWaiver(id)),
            ("releases".to_owned(), Govern::Release),
            ("releases/rollback".to_owned(), Govern::Rollback),
        ] {
            assert_eq!(post(&below(&path)), here(what), "{path}");
        }
        assert_eq!(route(&Method::PUT, &below("waivers")), Route::WrongMethod("GET, POST"));
        assert_eq!(post(&below("status")), Route::WrongMethod("GET"));
        assert_eq!(get(&below("approvals")), Route::WrongMethod("POST"));
        assert_eq!(get(&below("waivers/7/grant")), Route::WrongMethod("POST"));
        for path in ["waivers/7/grant", "waivers//end", "approvals/dec_01890a5d-ac96-774b-bcce-b302099a8057/withdraw"] {
            assert!(matches!(post(&below(path)), Route::BadId(_)), "{path}");
        }
        for path in ["waivers/7", "releases/rollback/now", "approvals/x", "obligations", "status/"] {
            assert_eq!(post(&below(path)), Route::Elsewhere, "{path}");
        }
    }

    #[test]
    fn what_is_not_here() {
        assert_eq!(get("/v1/chat/completions"), Route::WrongMethod("POST"));
        assert!(matches!(get("/v1/decisions/7"), Route::BadId(_)));
        assert!(matches!(post("/v1/reviews/../answer"), Route::BadId(_)));
        for path in
            ["/v1/responses/r", "/v1/messages/count_tokens", "/v1/messages/batches", "/v1/embeddings", "/v1/chat/x"]
        {
            assert_eq!(post(path), Route::NotServed, "{path}");
        }
        for path in ["/", "/v1", "/v1/", "/v1/workflows/credit", "/board/credit", "/v1/workflows/a/steps/b/fly"] {
            assert_eq!(get(path), Route::Elsewhere, "{path}");
        }
    }

    #[test]
    fn query_parameters() {
        assert_eq!(query(Some("a=1&wait=30s"), "wait"), Some("30s"));
        assert_eq!(query(Some("waiting=30s"), "wait"), None);
        assert_eq!(query(None, "wait"), None);
    }
}
