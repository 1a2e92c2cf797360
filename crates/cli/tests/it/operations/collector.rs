//! Where telemetry is sent to: a collector that reads it, and one that never answers.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What came.
#[derive(Default)]
pub struct Collector {
    traces: Mutex<Vec<ExportTraceServiceRequest>>,
    metrics: Mutex<Vec<ExportMetricsServiceRequest>>,
    raw: Mutex<Vec<u8>>,
}

impl Collector {
    pub async fn start() -> (Arc<Self>, String) {
        let collector = Arc::new(Self::default());
        let router = Router::new()
            .route("/v1/traces", post(traces))
            .route("/v1/metrics", post(metrics))
            .with_state(Arc::clone(&collector));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (collector, base)
    }

    pub fn spans(&self) -> Vec<Span> {
        let traces = self.traces.lock().unwrap();
        let scopes = traces.iter().flat_map(|t| &t.resource_spans).flat_map(|r| &r.scope_spans);
        scopes.flat_map(|s| s.spans.clone()).collect()
    }

    pub fn services(&self) -> Vec<String> {
        let traces = self.traces.lock().unwrap();
        let resources = traces.iter().flat_map(|t| &t.resource_spans).filter_map(|r| r.resource.as_ref());
        resources.filter_map(|r| attributes(&r.attributes).remove("service.name")).collect()
    }

    pub fn instruments(&self) -> Vec<String> {
        let metrics = self.metrics.lock().unwrap();
        let scopes = metrics.iter().flat_map(|m| &m.resource_metrics).flat_map(|r| &r.scope_metrics);
        let mut names: Vec<String> = scopes.flat_map(|s| s.metrics.iter().map(|m| m.name.clone())).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Everything that came, as it came.
    pub fn holds(&self, text: &str) -> bool {
        let raw = self.raw.lock().unwrap();
        raw.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

async fn traces(State(collector): State<Arc<Collector>>, body: Bytes) {
    collector.raw.lock().unwrap().extend_from_slice(&body);
    collector.traces.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
}

async fn metrics(State(collector): State<Arc<Collector>>, body: Bytes) {
    collector.raw.lock().unwrap().extend_from_slice(&body);
    collector.metrics.lock().unwrap().push(ExportMetricsServiceRequest::decode(body).unwrap());
}

/// Attributes as texts.
pub fn attributes(all: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::BoolValue(is) => is.to_string(),
        Value::IntValue(n) => n.to_string(),
        Value::DoubleValue(n) => n.to_string(),
        other => format!("{other:?}"),
    };
    let value = |kv: &KeyValue| kv.value.as_ref().and_then(|v| v.value.as_ref()).map(text).unwrap_or_default();
    all.iter().map(|kv| (kv.key.clone(), value(kv))).collect()
}

/// A collector that takes connections, and never answers.
pub fn black_hole() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let held: Vec<std::net::TcpStream> = listener.incoming().map_while(Result::ok).collect();
        drop(held);
    });
    base
}
