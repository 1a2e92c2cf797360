//! A model that is slow and counts: it answers as the question says, after a while.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[derive(Default)]
struct Seen {
    /// How often each example was asked for.
    asked: BTreeMap<String, u64>,
    in_flight: u64,
    /// The sum of (requests in flight × seconds), up to the newest arrival.
    area: f64,
    until_newest: (f64, f64),
    most: u64,
    began: Option<Instant>,
    last: Option<Instant>,
    down: bool,
    /// Questions that ask to be missed are answered like all others.
    healed: bool,
}

impl Seen {
    fn step(&mut self, now: Instant) {
        if let Some(last) = self.last {
            self.area += self.in_flight as f64 * (now - last).as_secs_f64();
        }
        self.last = Some(now);
        self.began.get_or_insert(now);
    }
}

/// A running one.
pub struct Upstream {
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    _runtime: tokio::runtime::Runtime,
}

impl Upstream {
    pub fn start(delay: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let state = (Arc::clone(&seen), delay);
        let app = axum::Router::new().route("/v1/chat/completions", post(answer)).with_state(state);
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, seen, _runtime: runtime }
    }

    /// Takes what was counted, and begins anew.
    pub fn take(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.seen.lock().unwrap().asked)
    }

    pub fn asked(&self) -> usize {
        self.seen.lock().unwrap().asked.len()
    }

    pub fn go_down(&self, down: bool) {
        self.seen.lock().unwrap().down = down;
    }

    /// From now on every question is answered, those marked `away` and `garbled` too.
    pub fn heal(&self) {
        self.seen.lock().unwrap().healed = true;
    }

    /// The most requests that were in flight at once.
    pub fn most_in_flight(&self) -> u64 {
        self.seen.lock().unwrap().most
    }

    /// How many requests were in flight on the mean, from the first arrival to the last one.
    pub fn mean_in_flight(&self) -> f64 {
        let (area, seconds) = self.seen.lock().unwrap().until_newest;
        area / seconds
    }
}

async fn answer(
    State((seen, delay)): State<(Arc<Mutex<Seen>>, Duration)>,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let question: Value = serde_json::from_str(body["messages"][0]["content"].as_str().unwrap()).unwrap();
    let now = Instant::now();
    let attempt = {
        let mut seen = seen.lock().unwrap();
        if seen.down {
            return (StatusCode::BAD_REQUEST, Json(json!({"error": {"code": "down", "message": "down"}})));
        }
        if !seen.healed && question["away"] == true {
            return (StatusCode::BAD_REQUEST, Json(json!({"error": {"code": "down", "message": "down"}})));
        }
        if !seen.healed && question["garbled"] == true {
            return (StatusCode::OK, Json(json!({"this": "is no completion"})));
        }
        seen.step(now);
        seen.in_flight += 1;
        seen.most = seen.most.max(seen.in_flight);
        seen.until_newest = (seen.area, (now - seen.began.unwrap()).as_secs_f64());
        let asked = seen.asked.entry(question["id"].as_str().unwrap().to_owned()).or_default();
        *asked += 1;
        *asked
    };
    tokio::time::sleep(delay).await;
    {
        let mut seen = seen.lock().unwrap();
        seen.step(Instant::now());
        seen.in_flight -= 1;
    }
    let right = question["answer"].as_str().unwrap();
    // A moody question is answered wrongly at every second time.
    let team = if question["moody"] == true && attempt % 2 == 0 { "other" } else { right };
    let content = json!({ "team": team }).to_string();
    (
        StatusCode::OK,
        Json(json!({
            "id": "c", "object": "chat.completion", "created": 0, "model": "slow-1-20261101",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13},
        })),
    )
}
