//! A factory with one workflow, served on a port, and an upstream that says what it is told to.

mod complaints;

use seatrial_factory::api::Caller;
use seatrial_factory::{Factory, FactoryProjector, NewToken, OpenOptions, SystemClock};
use seatrial_gateway::{Gateway, HttpProviders, Limits, serve};
use seatrial_model::event::TokenKind;
use seatrial_store::{Options, SqliteStore};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A running data plane.
pub struct Plane {
    pub base: String,
    pub address: SocketAddr,
    pub factory: Factory,
    pub upstream: MockServer,
    pub caller: String,
    pub supervisor: String,
    pub handler: String,
    pub second: String,
    pub http: reqwest::Client,
    pub folder: TempDir,
    end: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<()>>,
}

/// Starts one, with the spec submitted and nothing released.
pub async fn plane() -> Plane {
    plane_with(Limits::default()).await
}

/// The same, with limits.
pub async fn plane_with(limits: Limits) -> Plane {
    plane_on(limits, None).await
}

/// The same, on a store that is full when it holds so many bytes.
pub async fn plane_on(limits: Limits, bytes_max: Option<u64>) -> Plane {
    plane_of(limits, bytes_max, "", None).await
}

/// The same, with further steps, and another upstream than the usual one.
pub async fn plane_of(limits: Limits, bytes_max: Option<u64>, steps: &str, base: Option<String>) -> Plane {
    let _ = rustls_ring();
    let upstream = MockServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), steps, &base.unwrap_or_else(|| upstream.uri()));
    let options = Options { projector: Arc::new(FactoryProjector), bytes_max, ..Options::default() };
    let store = SqliteStore::create(&folder.path().join(".seatrial"), options).unwrap();
    let root = folder.path().to_owned();
    let env = |name: &str| (name == "MODEL_KEY").then(|| "sk-upstream-hidden".to_owned());
    let factory = Factory::open(OpenOptions {
        root: root.clone(),
        store: Arc::new(store),
        providers: Arc::new(HttpProviders::new(root, env)),
        clock: Box::new(SystemClock),
    })
    .await
    .unwrap();
    let dev = factory.local("dev@builder.example").unwrap();
    factory.submit(&dev, Some("complaints")).await.unwrap();
    let sue = factory.local("sue@bank.example").unwrap();
    let caller = token(&factory, &sue, TokenKind::Caller, "crm").await;
    let supervisor = token(&factory, &sue, TokenKind::Operator, "sue@bank.example").await;
    let second = token(&factory, &sue, TokenKind::Operator, "sam@bank.example").await;
    let handler = token(&factory, &sue, TokenKind::Reviewer, "han@bank.example").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let gateway = Gateway::with_limits(factory.clone(), limits);
    let served = tokio::spawn(async move {
        let fallback = tower::service_fn(|request: http::Request<hyper::body::Incoming>| async move {
            let text = format!("elsewhere: {}", request.uri().path());
            Ok::<_, Infallible>(http::Response::new(http_body_util::Full::new(bytes::Bytes::from(text))))
        });
        serve(listener, gateway, fallback, async { drop(ended.await) }).await.unwrap();
    });
    Plane {
        base: format!("http://{address}"),
        address,
        factory,
        upstream,
        caller,
        supervisor,
        handler,
        second,
        http: reqwest::Client::new(),
        end: Some(end),
        served: Some(served),
        folder,
    }
}

fn write_files(folder: &std::path::Path, steps: &str, base: &str) {
    let factory_yaml = format!(
        r#"seatrial: 1
factory: test-bank
kind: simulation
profile: small
timezone: UTC
people:
  - {{ id: sue@bank.example, name: "Sue", side: receiving, roles: [supervisors] }}
  - {{ id: sam@bank.example, name: "Sam", side: receiving, roles: [supervisors] }}
  - {{ id: han@bank.example, name: "Han", side: receiving, roles: [handlers] }}
  - {{ id: dev@builder.example, name: "Dev", side: delivery, roles: [engineering] }}
providers:
  default: {{ kind: openai, base_url: "{base}/v1", key: {{ env: MODEL_KEY }}, speaks: [chat, responses, messages] }}
  plain: {{ kind: openai, base_url: "{base}/v1", key: {{ env: MODEL_KEY }}, speaks: [chat] }}
store: {{ sqlite: .seatrial }}
workflows: [workflows/complaints]
"#
    );
    std::fs::write(folder.join("factory.yaml"), factory_yaml).unwrap();
    let mut workflow = complaints::WORKFLOW.replace("responsibilities:\n", &format!("{steps}responsibilities:\n"));
    if !steps.is_empty() {
        workflow =
            workflow.replace("types:\n", "types:\n  Anything: schemas/anything.json\n  Words: schemas/words.json\n");
    }
    let flow = complaints::write(folder, &workflow);
    if !steps.is_empty() {
        std::fs::write(flow.join("schemas/anything.json"), r#"{"type":"object"}"#).unwrap();
        std::fs::write(flow.join("schemas/words.json"), r#"{"type":"string"}"#).unwrap();
    }
}

pub fn rustls_ring() -> Result<(), ()> {
    // The test's own HTTP client needs what the gateway's has.
    rustls::crypto::ring::default_provider().install_default().map_err(drop)
}

async fn token(factory: &Factory, by: &Caller, kind: TokenKind, principal: &str) -> String {
    let steps = if kind == TokenKind::Caller { vec!["complaints/*".to_owned()] } else { Vec::new() };
    let new = NewToken { kind, principal: principal.to_owned(), steps, lives: "1h".parse().unwrap() };
    factory.issue_token(by, new).await.unwrap()
}

/// An answer, read.
pub struct Got {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub text: String,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    #[track_caller]
    pub fn is(&self, status: u16, code: &str) -> &Self {
        assert_eq!(self.status, status, "{}", self.text);
        if !code.is_empty() {
            assert_eq!(self.json()["error"]["code"], code, "{}", self.text);
        }
        self
    }
}

impl Plane {
    /// What the upstream answers from now on.
    pub async fn model_says(&self, text: &str) {
        self.model(ResponseTemplate::new(200).set_body_json(completion(text))).await;
    }

    pub async fn model(&self, response: ResponseTemplate) {
        self.upstream.reset().await;
        Mock::given(method("POST")).respond_with(response).mount(&self.upstream).await;
    }

    pub async fn asked(&self) -> Vec<Value> {
        let requests = self.upstream.received_requests().await.unwrap_or_default();
        requests.iter().map(|r| serde_json::from_slice(&r.body).unwrap()).collect()
    }

    pub async fn post(&self, token: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> Got {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(token).body(body.to_string());
        got(headers.iter().fold(request, |r, (name, value)| r.header(*name, *value))).await
    }

    pub async fn get(&self, token: &str, path: &str) -> Got {
        got(self.http.get(format!("{}{path}", self.base)).bearer_auth(token)).await
    }

    /// A chat completion in rehearsal.
    pub async fn chat(&self, body: &Value, headers: &[(&str, &str)]) -> Got {
        let headers = [headers, &[("x-seatrial-release", "rehearsal")]].concat();
        self.post(&self.caller, "/v1/chat/completions", body, &headers).await
    }

    pub async fn run(&self, input: &Value) -> Got {
        let headers = [("x-seatrial-release", "rehearsal")];
        self.post(&self.caller, "/v1/workflows/complaints/steps/route/run", &json!({ "input": input }), &headers).await
    }

    /// Ends the server as an operator would.
    pub async fn end(mut self) {
        drop(self.end.take());
        self.served.take().unwrap().await.unwrap();
    }
}

pub async fn got(request: reqwest::RequestBuilder) -> Got {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Got { status, headers, text: response.text().await.unwrap() }
}

pub fn completion(text: &str) -> Value {
    json!({
        "id": "c-1", "object": "chat.completion", "created": 1, "model": "model-1-20261101", "x_vendor": 1.50,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    })
}

pub fn ask(step: &str, input: &Value) -> Value {
    json!({"model": format!("complaints/{step}"), "messages": [
        {"role": "system", "content": "Route it."}, {"role": "user", "content": input.to_string()}]})
}

pub const GOOD: &str = r#"{"team":"cards","reason":"The customer lost a card."}"#;
