//! A desk that routes complaints with a model over HTTP, the binary that serves it, and the model's provider.

use super::complaints;
use crate::support::{Ran, seatrial};
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const SUE: &str = "sue@bank.example";
pub const SAM: &str = "sam@bank.example";
pub const DEV: &str = "dev@builder.example";

/// What stands for the model: it answers the same after a while, and remembers who asked.
#[derive(Default)]
pub struct Provider {
    /// The keys that it was asked with.
    pub keys: Mutex<Vec<String>>,
    pause_ms: AtomicU64,
}

impl Provider {
    pub async fn start() -> (Arc<Self>, String) {
        let provider = Arc::new(Self::default());
        let router = Router::new().route("/v1/chat/completions", post(completion)).with_state(Arc::clone(&provider));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (provider, base)
    }

    pub fn pauses(&self, pause: Duration) {
        self.pause_ms.store(u64::try_from(pause.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

async fn completion(State(provider): State<Arc<Provider>>, headers: HeaderMap) -> axum::Json<Value> {
    let key = headers.get("authorization").map_or("", |v| v.to_str().unwrap());
    provider.keys.lock().unwrap().push(key.trim_start_matches("Bearer ").to_owned());
    tokio::time::sleep(Duration::from_millis(provider.pause_ms.load(Ordering::Relaxed))).await;
    axum::Json(json!({
        "id": "c-1", "object": "chat.completion", "created": 1, "model": "model-1-20261101",
        "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": r#"{"team":"cards","reason":"The output says hunter2."}"#}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    }))
}

/// The folder of a factory whose spec is submitted, and tokens for it.
pub struct Desk {
    pub dir: tempfile::TempDir,
    pub caller: String,
    pub operator: String,
    env: Vec<(String, String)>,
}

impl Desk {
    pub fn new(base: &str) -> Self {
        Self::with(base, "{ sqlite: .seatrial }", Vec::new())
    }

    /// One whose store is a fleet's, at this address of a database.
    pub fn in_fleet(base: &str, database: &str) -> Self {
        let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let env = vec![of("DESK_DATABASE", database), of("SEATRIAL_KEY_SEED", &"07".repeat(32))];
        Self::with(base, "{ postgres: { env: DESK_DATABASE } }", env)
    }

    /// Another node of the same fleet: the same files, and nothing of what the first keeps for itself.
    pub fn another(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let copied = Command::new("cp").arg("-r").arg(format!("{}/.", self.path().display())).arg(dir.path()).status();
        assert!(copied.unwrap().success());
        std::fs::remove_dir_all(dir.path().join(".seatrial")).unwrap();
        let (caller, operator) = (self.caller.clone(), self.operator.clone());
        Self { dir, caller, operator, env: self.env.clone() }
    }

    fn with(base: &str, store: &str, env: Vec<(String, String)>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let factory = format!(
            r#"seatrial: 1
factory: test-bank
kind: simulation
profile: small
timezone: UTC
people:
  - {{ id: {SUE}, name: "Sue", side: receiving, roles: [supervisors, handlers] }}
  - {{ id: {SAM}, name: "Sam", side: receiving, roles: [supervisors] }}
  - {{ id: {DEV}, name: "Dev", side: delivery, roles: [engineering] }}
providers:
  default: {{ kind: openai, base_url: "{base}", key: {{ file: model.key }} }}
store: {store}
workflows: [workflows/complaints]
"#
        );
        std::fs::write(dir.path().join("factory.yaml"), factory).unwrap();
        std::fs::write(dir.path().join("model.key"), "sk-first-upstream-key").unwrap();
        // The program starts beside other tests, and the machine may be slow.
        complaints::write(dir.path(), &complaints::WORKFLOW.replace("within: 3s", "within: 5s"));
        let mut desk = Self { dir, caller: String::new(), operator: String::new(), env };
        if !desk.env.is_empty() {
            desk.run(&["store", "init"]).exits(0);
        }
        desk.run(&["submit", "--as", DEV]).exits(0);
        desk.caller = desk.token("caller", "crm", &["--step", "*"]);
        desk.operator = desk.token("operator", SUE, &[]);
        desk
    }

    fn token(&self, kind: &str, of: &str, more: &[&str]) -> String {
        let args = [&["token", "issue", kind, of, "--as", SUE], more].concat();
        self.run(&args).exits(0).out.lines().find(|l| l.starts_with("seatrial_")).unwrap().trim().to_owned()
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(seatrial(self.path()).envs(self.env.iter().cloned()).args(args).output().unwrap())
    }

    /// Serves it.
    pub fn serve(&self, args: &[&str], env: &[(&str, &str)]) -> Serving {
        let mut child = seatrial(self.path())
            .args(["serve", "--listen", "127.0.0.1:0", "--format", "json"])
            .args(args)
            .envs(self.env.iter().cloned())
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        // What is said is one JSON document, laid out over several lines.
        while serde_json::from_str::<Value>(&line).is_err() {
            assert_ne!(out.read_line(&mut line).unwrap(), 0, "it ended: {line}");
        }
        let said: Value = serde_json::from_str(&line).unwrap();
        let mut err = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            err.read_to_string(&mut text).unwrap();
            text
        });
        Serving {
            base: format!("http://{}", said["listening"].as_str().unwrap()),
            caller: self.caller.clone(),
            http: reqwest::Client::new(),
            child,
            errors: Some(errors),
        }
    }
}

/// The binary while it serves.
pub struct Serving {
    pub base: String,
    pub http: reqwest::Client,
    caller: String,
    child: Child,
    errors: Option<std::thread::JoinHandle<String>>,
}

impl Serving {
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Its exit code, and what it logged.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let status = crate::support::ended(&mut self.child);
        (status.code(), self.errors.take().unwrap().join().unwrap())
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let request = self.http.get(format!("{}{path}", self.base));
        let answer = headers.iter().fold(request, |r, (name, value)| r.header(*name, *value)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A run of the step in rehearsal.
    pub fn asks(&self, http: &reqwest::Client, text: &str, amount: f64) -> reqwest::RequestBuilder {
        http.post(format!("{}/v1/workflows/complaints/steps/route/run", self.base))
            .bearer_auth(&self.caller)
            .header("x-seatrial-release", "rehearsal")
            .body(json!({"input": {"text": text, "amount": amount}}).to_string())
    }

    pub async fn run(&self, text: &str, amount: f64) -> (u16, Value) {
        let answer = self.asks(&self.http, text, amount).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}
