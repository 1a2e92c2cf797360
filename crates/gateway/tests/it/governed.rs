//! Governed delivery over the wire, on the example: who may, over what was shown, and everything that is malformed.

use crate::simulated;
use crate::support::{Got, got, rustls_ring};
use crate::yard::{WORKFLOW, Yard};
use seatrial_factory::api::{Caller, Refused};
use seatrial_factory::{ApprovalInput, NewToken, Quiet};
use seatrial_gateway::{Gateway, serve};
use seatrial_model::event::TokenKind;
use seatrial_model::{Assurance, Principal, PrincipalKind, Side, Stage};
use serde_json::{Value, json};
use std::convert::Infallible;
use tokio::net::TcpListener;

const HANA: &str = "hana@harbour.example";
const RIA: &str = "ria@harbour.example";
const LENA: &str = "lena@shipyard.example";
const DEV: &str = "dev@shipyard.example";
const EVENT: &str = "evt_019a0000-0000-7000-8000-000000000000";
const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// A yard behind a listener.
pub struct Desk {
    pub yard: Yard,
    pub base: String,
    pub http: reqwest::Client,
}

impl Desk {
    /// The example, submitted.
    async fn new() -> Self {
        let yard = Yard::new().await;
        yard.factory.submit(&yard.who("dev"), None).await.unwrap();
        Self::over(yard).await
    }

    pub async fn over(yard: Yard) -> Self {
        let _ = rustls_ring();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let gateway = Gateway::new(yard.factory.clone());
        tokio::spawn(async move {
            let elsewhere = tower::service_fn(|_: http::Request<hyper::body::Incoming>| async {
                Ok::<_, Infallible>(http::Response::new(http_body_util::Full::new(bytes::Bytes::from("elsewhere"))))
            });
            serve(listener, gateway, elsewhere, std::future::pending()).await.unwrap();
        });
        Self { yard, base, http: reqwest::Client::new() }
    }

    pub async fn token(&self, kind: TokenKind, principal: &str) -> String {
        let steps = if kind == TokenKind::Caller { vec!["*".to_owned()] } else { Vec::new() };
        let new = NewToken { kind, principal: principal.to_owned(), steps, lives: "1h".parse().unwrap() };
        self.yard.factory.issue_token(&self.yard.who("dev"), new).await.unwrap()
    }

    fn url(&self, below: &str) -> String {
        format!("{}/v1/workflows/{WORKFLOW}/{below}", self.base)
    }

    pub async fn with(&self, token: &str, below: &str, body: Option<String>) -> Got {
        let url = self.url(below);
        let request = match body {
            Some(body) => self.http.post(url).body(body),
            None => self.http.get(url),
        };
        got(request.bearer_auth(token)).await
    }

    /// As a person, with an operator's token.
    async fn get(&self, who: &str, below: &str) -> Got {
        let token = self.token(TokenKind::Operator, who).await;
        self.with(&token, below, None).await
    }

    pub async fn post(&self, who: &str, below: &str, body: Value) -> Got {
        let token = self.token(TokenKind::Operator, who).await;
        self.with(&token, below, Some(body.to_string())).await
    }

    async fn state(&self, id: &str) -> Value {
        let status = self.get(HANA, "status?stage=pilot").await.is(200, "").json();
        let all = status["obligations"].as_array().unwrap();
        all.iter().find(|o| o["id"] == id).unwrap_or_else(|| panic!("no `{id}`")).clone()
    }

    /// Looks, and approves what it was shown.
    async fn approve(&self, who: &str, id: &str, role: Option<&str>) -> Got {
        let look = self.get(who, &format!("obligations/{id}/approval?stage=pilot")).await.is(200, "").json();
        let mut body = json!({"obligation": id, "stage": "pilot", "key": look["key"], "shown_ms": 60_000});
        if let Some(role) = role {
            body["role"] = json!(role);
        }
        self.post(who, "approvals", body).await
    }

    async fn entries(&self) -> usize {
        self.yard.factory.history(WORKFLOW).await.unwrap().len()
    }
}

/// Every route, with a body that would be read where it takes one.
fn routes() -> Vec<(String, Option<Value>)> {
    let waiver =
        json!({"obligation": "runtime.trace", "stage": "pilot", "reason": "a", "measure": "b", "until": "2026-12-01"});
    vec![
        ("status?stage=pilot".to_owned(), None),
        ("obligations/spec.intent?stage=pilot".to_owned(), None),
        ("obligations/spec.intent/approval?stage=pilot".to_owned(), None),
        ("approvals".to_owned(), Some(json!({"obligation": "spec.intent", "stage": "pilot", "key": DIGEST}))),
        (format!("approvals/{EVENT}/withdraw"), Some(json!({}))),
        ("waivers?stage=pilot".to_owned(), None),
        ("waivers".to_owned(), Some(waiver)),
        (format!("waivers/{EVENT}/grant"), Some(json!({}))),
        (format!("waivers/{EVENT}/end"), Some(json!({"reason": "a"}))),
        ("releases".to_owned(), None),
        ("releases".to_owned(), Some(json!({"stage": "pilot", "dry_run": true}))),
        ("releases/rollback".to_owned(), Some(json!({"reason": "a"}))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_a_person_with_an_operators_token() {
    let desk = Desk::new().await;
    let before = desk.entries().await;
    let others = [
        desk.token(TokenKind::Caller, "shop").await,
        desk.token(TokenKind::Reviewer, HANA).await,
        desk.token(TokenKind::Ci, "pipeline").await,
    ];
    for (below, body) in routes() {
        let body = body.map(|b| b.to_string());
        for token in &others {
            let got = desk.with(token, &below, body.clone()).await;
            got.is(403, "forbidden");
            assert!(got.text.contains("nothing was done"), "{below}: {}", got.text);
            assert!(got.json().get("seatrial").is_none(), "a refusal tells nothing else: {}", got.text);
        }
        desk.with("seatrial_000000000000_AAAA", &below, body.clone()).await.is(401, "invalid_api_key");
        // The same request of a person gets past the door: it is answered, or refused for what it asks.
        let operator = desk.token(TokenKind::Operator, HANA).await;
        assert!(![401, 403].contains(&desk.with(&operator, &below, body).await.status), "{below}");
    }
    assert_eq!(desk.entries().await, before + 1, "the waiver that a person asked for, and nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_gets_no_token_for_it_and_is_refused_behind_the_door_as_well() {
    let desk = Desk::new().await;
    let factory = &desk.yard.factory;
    for kind in [TokenKind::Operator, TokenKind::Reviewer] {
        let new = NewToken { kind, principal: "helper".to_owned(), steps: Vec::new(), lives: "1h".parse().unwrap() };
        assert!(matches!(factory.issue_token(&desk.yard.who("dev"), new).await, Err(Refused::NotFound(_))));
    }
    for kind in [PrincipalKind::Agent, PrincipalKind::Service] {
        let agent = Caller {
            principal: Principal {
                id: "helper".to_owned(),
                kind,
                side: Side::Receiving,
                roles: ["credit".to_owned()].into(),
                assurance: Assurance::Simulated,
            },
            token: Some(TokenKind::Operator),
            steps: Vec::new(),
        };
        assert!(matches!(factory.may_govern(&agent, WORKFLOW), Err(Refused::Forbidden(_))));
        let input = ApprovalInput {
            stage: Stage::Pilot,
            obligation: "approval.credit".to_owned(),
            role: Some("credit".to_owned()),
            key: None,
            shown_ms: None,
        };
        let refused = factory.approve(&agent, WORKFLOW, input).await.unwrap_err();
        assert!(matches!(&refused, Refused::Forbidden(why) if why.contains("only people")), "{refused}");
    }
    factory.may_govern(&desk.yard.who("hana"), WORKFLOW).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_over_what_was_shown_and_an_outdated_one_is_told_what_changed() {
    let desk = Desk::new().await;
    let look = "obligations/approval.credit/approval?stage=pilot";
    let first = desk.get(HANA, look).await.is(200, "").json();
    assert!(first.get("since").is_none() && first["roles"] == json!(["credit"]), "{first}");
    assert!(first["text"].as_array().unwrap().iter().any(|t| t[0] == "purpose"), "{first}");
    let with = |key: &Value| json!({"obligation": "approval.credit", "stage": "pilot", "key": key});
    let without = json!({"obligation": "approval.credit", "stage": "pilot"});
    let refused = desk.post(HANA, "approvals", without).await;
    assert!(refused.is(400, "invalid_request").text.contains("`key`"), "{}", refused.text);
    let stranger = desk.post(HANA, "approvals", with(&json!(DIGEST))).await.is(409, "conflict").json();
    assert_eq!(stranger["seatrial"]["now"], first["key"], "{stranger}");
    desk.post(DEV, "approvals", with(&first["key"])).await.is(403, "forbidden");
    desk.post(RIA, "approvals", with(&first["key"])).await.is(403, "forbidden");
    assert_eq!(desk.state("approval.credit").await["state"], "open");
    let given = desk.post(HANA, "approvals", with(&first["key"])).await.is(200, "").json();
    let state = desk.state("approval.credit").await;
    assert_eq!((&state["state"], &state["events"][0]), (&json!("discharged"), &given["approval"]));
    let chain = desk.get(HANA, "obligations/approval.credit?stage=pilot").await.is(200, "").json();
    assert!(chain["considered"].as_array().unwrap().iter().any(|c| c["event"] == given["approval"]), "{chain}");

    desk.yard.edit("input.credit.amount > 2000", "input.credit.amount > 2500");
    desk.yard.factory.submit(&desk.yard.who("dev"), None).await.unwrap();
    let second = desk.get(HANA, look).await.is(200, "").json();
    let since = &second["since"];
    assert_eq!((&since["own"], &since["approval"]), (&json!(true), &given["approval"]), "{since}");
    assert_eq!(since["changes"][0]["name"], "steps.assess.escalate.large", "{since}");
    assert_eq!(since["changes"].as_array().unwrap().len(), 1, "{since}");
    let late = desk.post(HANA, "approvals", with(&first["key"])).await.is(409, "conflict").json();
    assert_eq!(late["seatrial"]["now"], second["key"]);
    assert_eq!(late["seatrial"]["changed"], json!(["steps.assess.escalate.large"]));
    assert!(late["error"]["message"].as_str().unwrap().contains("nothing was done"), "{late}");

    let mut again = with(&second["key"]);
    again["reaffirms"] = json!(true);
    let again = desk.post(HANA, "approvals", again).await.is(200, "").json();
    assert_eq!(desk.state("approval.credit").await["state"], "discharged");
    let taken = format!("approvals/{}/withdraw", again["approval"].as_str().unwrap());
    desk.post(DEV, &taken, json!({})).await.is(403, "forbidden");
    desk.post(HANA, &taken, json!({"because": "x"})).await.is(400, "invalid_request");
    let hana = desk.token(TokenKind::Operator, HANA).await;
    // Nothing is to be said, so nothing has to be sent.
    assert_eq!(desk.with(&hana, &taken, Some(String::new())).await.is(200, "").json()["approval"], again["approval"]);
    assert_ne!(desk.state("approval.credit").await["state"], "discharged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiver_is_asked_for_granted_by_another_and_ended() {
    let desk = Desk::new().await;
    let until = desk.yard.factory.now().plus_millis(20 * 86_400_000).day().to_string();
    let ask = |key: Value| {
        json!({"obligation": "runtime.trace", "stage": "pilot", "reason": "no traffic yet", "measure": "all are read",
               "until": until, "key": key})
    };
    desk.post(HANA, "waivers", ask(json!(DIGEST))).await.is(409, "conflict");
    let key = desk.state("runtime.trace").await["key"].clone();
    desk.post(RIA, "waivers", ask(key.clone())).await.is(403, "forbidden");
    let asked = desk.post(HANA, "waivers", ask(key)).await.is(200, "").json();
    let waiver = asked["waiver"].as_str().unwrap();
    let list = desk.get(RIA, "waivers?stage=pilot").await.is(200, "").json();
    let shown = &list["data"][0];
    assert_eq!((shown["request"].as_str(), shown["requested_by"].as_str()), (Some(waiver), Some(HANA)), "{shown}");
    assert_eq!((&shown["standing"], &shown["measure"]["text"]), (&json!("asked"), &json!("all are read")), "{shown}");
    assert_eq!(desk.get(RIA, "waivers?stage=production").await.is(200, "").json()["data"], json!([]));

    let (grant, end) = (format!("waivers/{waiver}/grant"), format!("waivers/{waiver}/end"));
    desk.post(HANA, &grant, json!({})).await.is(403, "forbidden");
    desk.post(RIA, &grant, json!({"role": "credit"})).await.is(403, "forbidden");
    desk.post(RIA, &grant, json!({"rôle": "risk"})).await.is(400, "invalid_request");
    assert_eq!(desk.state("runtime.trace").await["state"], "open");
    desk.post(RIA, &grant, json!({"role": "risk"})).await.is(200, "");
    let state = desk.state("runtime.trace").await;
    assert_eq!(state["state"], "waived", "{state}");
    desk.post(HANA, &end, json!({})).await.is(400, "invalid_request");
    desk.post(HANA, &end, json!({"reason": " "})).await.is(400, "invalid_request");
    desk.post(HANA, &end, json!({"reason": "there is traffic"})).await.is(200, "");
    desk.post(HANA, &end, json!({"reason": "again"})).await.is(409, "conflict");
    assert_eq!(desk.state("runtime.trace").await["state"], "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_cut_where_nothing_is_missing_and_rolled_back() {
    let desk = Desk::over(Yard::pilot().await).await;
    let first = desk.get(HANA, "releases").await.is(200, "").json()["data"][0].clone();
    assert_eq!((&first["in_force"], &first["stage"]), (&json!(true), &json!("pilot")), "{first}");
    desk.post(HANA, "releases/rollback", json!({"reason": "too strict"})).await.is(404, "not_found");

    // Another spec: nothing of it is released before everything is shown again.
    desk.yard.edit("input.credit.amount > 2000", "input.credit.amount > 1500");
    let (dev, factory) = (desk.yard.who("dev"), &desk.yard.factory);
    factory.submit(&dev, None).await.unwrap();
    let cut = json!({"stage": "pilot"});
    let before = desk.entries().await;
    let missing = desk.post(LENA, "releases", json!({"stage": "pilot", "dry_run": true})).await.is(200, "").json();
    assert_eq!(missing["outcome"], "missing");
    let refused = desk.post(LENA, "releases", cut.clone()).await.is(409, "not_ready").json();
    assert_eq!(refused["seatrial"]["missing"], missing["missing"], "{refused}");
    assert!(missing["missing"].as_array().unwrap().iter().any(|m| m["obligation"] == "approval.credit"), "{missing}");
    assert_eq!(desk.entries().await, before);

    factory.evaluate(&dev, None, &[], &Quiet).await.unwrap();
    factory.rehearse(&dev, None, &Quiet).await.unwrap();
    factory.drill_stop(&desk.yard.who("hana"), &desk.yard.who("hugo"), None).await.unwrap();
    simulated::drills(factory).await.unwrap();
    for (who, id, role) in [
        (HANA, "spec.intent", Some("credit")),
        (HANA, "approval.credit", None),
        (LENA, "release.approval", Some("engineering")),
    ] {
        desk.approve(who, id, role).await.is(200, "");
    }
    let ready = desk.post(LENA, "releases", json!({"stage": "pilot", "dry_run": true})).await.is(200, "").json();
    assert_eq!(ready["outcome"], "ready", "{ready}");
    desk.post(RIA, "releases", cut.clone()).await.is(403, "forbidden");
    let second = desk.post(LENA, "releases", cut).await.is(200, "").json();
    assert_eq!((&second["outcome"], &second["statement"]["stage"]), (&json!("cut"), &json!("pilot")), "{second}");
    let now = desk.get(HANA, "status?stage=pilot").await.is(200, "").json();
    assert_eq!((&now["ready"], &now["in_force"]["release"]), (&json!(true), &second["release"]));

    let back = "releases/rollback";
    desk.post(RIA, back, json!({"reason": "too strict"})).await.is(403, "forbidden");
    desk.post(HANA, back, json!({"reason": ""})).await.is(400, "invalid_request");
    desk.post(HANA, back, json!({"reason": "x", "to": DIGEST})).await.is(404, "not_found");
    desk.post(HANA, back, json!({"reason": "x", "to": second["release"]})).await.is(409, "conflict");
    let done = desk.post(HANA, back, json!({"reason": "too strict"})).await.is(200, "").json();
    assert_eq!((&done["from"], &done["to"]), (&second["release"], &first["release"]), "{done}");
    let all = desk.get(HANA, "releases").await.is(200, "").json();
    let in_force: Vec<&Value> = all["data"].as_array().unwrap().iter().map(|r| &r["in_force"]).collect();
    assert_eq!(in_force, [false, true], "the newest first");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_is_what_the_command_line_says() {
    let desk = Desk::new().await;
    let standing = desk.yard.standing(Stage::Production).await;
    let told = desk.get(HANA, "status?stage=production").await.is(200, "").json();
    assert_eq!(told, serde_json::to_value(desk.yard.factory.report(&standing)).unwrap());
    assert_eq!(
        (&told["workflow"], &told["ready"], &told["simulation"]),
        (&json!(WORKFLOW), &json!(false), &json!(true))
    );
    let listed: Vec<&str> = told["obligations"].as_array().unwrap().iter().map(|o| o["id"].as_str().unwrap()).collect();
    let all: Vec<&str> = standing.states.iter().map(|s| s.obligation.id.as_str()).collect();
    assert_eq!(listed, all);
    for id in all {
        let chain = desk.get(HANA, &format!("obligations/{id}?stage=production")).await.is(200, "").json();
        assert_eq!(chain["obligation"], id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_malformed_is_said_and_does_nothing() {
    let desk = Desk::new().await;
    let before = desk.entries().await;
    let hana = desk.token(TokenKind::Operator, HANA).await;
    let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    let long = "x".repeat(70_000);
    for (below, body) in routes() {
        let Some(good) = body else {
            let (path, query) = below.split_once('?').unwrap_or((&below, ""));
            for query in
                ["", "?stage=", "?stage=draft", "?stage=Pilot", "?stage=pilot&stage=production", "?Stage=pilot"]
            {
                if path != "releases" {
                    desk.with(&hana, &format!("{path}{query}"), None).await.is(400, "invalid_request");
                }
            }
            assert!(path == "releases" || query == "stage=pilot");
            continue;
        };
        for bad in
            ["{", "[]", "[\"pilot\", true]", "null", "7", "\"pilot\"", "\u{0}", "{\"a\":1,\"a\":2}", "{}{}", &deep]
        {
            let got = desk.with(&hana, &below, Some(bad.to_owned())).await;
            got.is(400, "invalid_request");
            let error = &got.json()["error"];
            assert!(error["message"].as_str().unwrap().contains("nothing was done"), "{below} {bad}: {error}");
            assert!(error["type"].is_string() && error["param"].is_null(), "{error}");
        }
        let mut more = good.clone();
        more["unknown"] = json!(1);
        let got = desk.with(&hana, &below, Some(more.to_string())).await;
        assert!(got.is(400, "invalid_request").text.contains("`unknown`"), "{}", got.text);
        desk.with(&hana, &below, Some(json!({"reason": long}).to_string())).await.is(413, "body_too_large");
        // Each member of another type, or out of its bounds.
        for name in good.as_object().unwrap().keys() {
            for value in [json!(null), json!([]), json!({}), json!(-1), json!(""), json!("x".repeat(5_000))] {
                let mut other = good.clone();
                other[name] = value;
                let got = desk.with(&hana, &below, Some(other.to_string())).await;
                got.is(400, "invalid_request");
            }
        }
    }
    for (word, stage) in [("draft", "draft"), ("retired", "retired")] {
        let got = desk.with(&hana, "releases", Some(json!({"stage": stage}).to_string())).await;
        assert!(got.is(400, "invalid_request").text.contains(word), "{}", got.text);
    }
    for below in ["waivers/7/grant", "waivers/%00/end", "approvals/x/withdraw"] {
        desk.with(&hana, below, Some("{}".to_owned())).await.is(404, "not_found");
    }
    for below in ["obligations/spec.none?stage=pilot", "obligations/%00%c3%28/approval?stage=pilot"] {
        desk.with(&hana, below, None).await.is(404, "not_found");
    }
    let elsewhere = format!("{}/v1/workflows/nothing/status?stage=pilot", desk.base);
    got(desk.http.get(elsewhere).bearer_auth(&hana)).await.is(404, "not_found");
    let wrong = got(desk.http.delete(desk.url("releases")).bearer_auth(&hana)).await;
    assert_eq!(wrong.is(405, "method_not_allowed").header("allow"), "GET, POST");
    desk.with(&hana, "status", Some("{}".to_owned())).await.is(405, "method_not_allowed");
    assert_eq!(desk.entries().await, before);
}
