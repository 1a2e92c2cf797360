//! Operation: what can be seen of the serving binary from outside, and how it ends and takes up changes.

mod collector;
#[path = "../../../gateway/tests/it/support/complaints.rs"]
mod complaints;
mod desk;
mod drain;
mod fleet;
mod killed;
mod openmetrics;

use collector::{Collector, attributes, black_hole};
use desk::{Desk, Provider, SUE};
use openmetrics::Metrics;
use serde_json::Value;
use std::time::Duration;

/// Nobody waits for ever in a test.
const TRIES: usize = 400;

#[tokio::test(flavor = "multi_thread")]
async fn health_readiness_and_metrics() {
    seatrial_upstream::post::install_tls();
    let (_, base) = Provider::start().await;
    let desk = Desk::new(&base);
    let serving = desk.serve(&[], &[]);
    assert_eq!(serving.get("/healthz", &[]).await, (200, r#"{"alive":true}"#.to_owned()));
    assert_eq!(serving.get("/readyz", &[]).await, (200, r#"{"ready":true,"missing":[]}"#.to_owned()));
    assert_eq!(serving.run("hello", 1.0).await.0, 200);
    assert_eq!(serving.run("much", 5_000.0).await.0, 403);
    let (status, _) = serving.get("/v1/models", &[("authorization", "Bearer seatrial_nobody")]).await;
    assert_eq!(status, 401);
    let elsewhere = format!("{}/v1/workflows/complaints/steps/chosen-by-a-client/run", serving.base);
    let bearer = format!("Bearer {}", desk.caller);
    let unknown = serving.http.post(elsewhere).header("authorization", &bearer).body(r#"{"input":{}}"#);
    assert_eq!(unknown.header("x-seatrial-release", "rehearsal").send().await.unwrap().status(), 404);
    // From this machine without a token; through a proxy, or for others, with an operator's.
    let (status, text) = serving.get("/metrics", &[]).await;
    assert_eq!(status, 200, "{text}");
    let proxied = ("x-forwarded-for", "203.0.113.7");
    assert_eq!(serving.get("/metrics", &[proxied]).await.0, 401);
    assert_eq!(serving.get("/metrics", &[proxied, ("authorization", &bearer)]).await.0, 401);
    let operator = format!("Bearer {}", desk.operator);
    assert_eq!(serving.get("/metrics", &[proxied, ("authorization", &operator)]).await.0, 200);
    let metrics = Metrics::parse(&text);
    let step = [("workflow", "complaints"), ("step", "route")];
    let of = |more: &[(&str, &str)]| metrics.sum("seatrial_decisions_total", &[&step[..], more].concat());
    assert_eq!((of(&[("verdict", "allow")]), of(&[("verdict", "escalate")])), (1.0, 1.0));
    assert_eq!(metrics.sum("seatrial_decision_seconds_count", &step), 2.0);
    assert_eq!(metrics.sum("seatrial_phase_seconds_count", &[("phase", "record")]), 2.0);
    assert_eq!(metrics.sum("seatrial_model_calls_total", &[("provider", "default"), ("outcome", "ok")]), 2.0);
    assert_eq!(metrics.sum("seatrial_model_requests_total", &[]), 2.0);
    assert_eq!(metrics.sum("seatrial_tokens_total", &[("direction", "input")]), 10.0);
    assert_eq!(metrics.sum("seatrial_refusals_total", &[("workflow", ""), ("code", "not_found")]), 1.0);
    assert_eq!(metrics.sum("seatrial_reviews_opened_total", &[]), 1.0);
    let unauthorised = [("endpoint", "models"), ("status", "401"), ("code", "invalid_api_key")];
    assert_eq!(metrics.sum("seatrial_answers_total", &unauthorised), 1.0);
    assert!(metrics.sum("seatrial_connections", &[]) >= 1.0 && metrics.sum("seatrial_store_bytes", &[]) > 0.0);
    assert_eq!(metrics.sum("seatrial_draining", &[]), 0.0);
    assert!(!text.contains("chosen-by-a-client"), "a label that a client chose: {text}");
    desk.run(&["stop", "--reason", "a look", "--as", SUE]).exits(0);
    // Commits are counted beside everything else: soon, not at once.
    let mut metrics = metrics;
    for _ in 0..TRIES {
        metrics = Metrics::parse(&serving.get("/metrics", &[]).await.1);
        if metrics.sum("seatrial_switches_total", &[("workflow", "complaints"), ("change", "stopped")]) == 1.0 {
            break;
        }
    }
    assert_eq!(metrics.sum("seatrial_switches_total", &[("change", "stopped")]), 1.0);
    assert_eq!(metrics.sum("seatrial_stops", &[("workflow", "complaints")]), 1.0);
    for standing in ["seatrial_reviews_open", "seatrial_broken"] {
        assert!(metrics.has(standing, &[("workflow", "complaints")]), "{standing}");
    }
    assert!(metrics.has("seatrial_circuit_open", &[("provider", "default"), ("model", "model-1-20261101")]));
    serving.signal("-TERM");
    assert_eq!(serving.ended().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_and_metrics_reach_a_collector_without_content() {
    seatrial_upstream::post::install_tls();
    let (_, base) = Provider::start().await;
    let (collector, endpoint) = Collector::start().await;
    let desk = Desk::new(&base);
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_SERVICE_NAME", "desk-of-complaints")];
    let serving = desk.serve(&[], &env);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let asked = serving.asks(&serving.http, "my s3cr3t complaint", 1.0).header("traceparent", &parent);
    let answer: Value = asked.header("x-seatrial-case", "case-s3cr3t").send().await.unwrap().json().await.unwrap();
    // Without a trace of the caller's, it begins one.
    assert_eq!(serving.run("another", 5_000.0).await.0, 403);
    serving.signal("-TERM");
    let (code, errors) = serving.ended();
    assert_eq!(code, Some(0), "{errors}");
    let spans = collector.spans();
    let hex = |id: &[u8]| id.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let ours: Vec<_> = spans.iter().filter(|s| hex(&s.trace_id) == trace).collect();
    let decision = ours.iter().find(|s| s.name == "invoke_workflow complaints").unwrap();
    let call = ours.iter().find(|s| s.name == "chat model-1-20261101").unwrap();
    assert_eq!(hex(&decision.parent_span_id), "b7ad6b7169203331");
    assert_eq!(call.parent_span_id, decision.span_id);
    assert!(call.start_time_unix_nano >= decision.start_time_unix_nano);
    assert!(call.end_time_unix_nano <= decision.end_time_unix_nano);
    let said = attributes(&decision.attributes);
    let is = |name: &str, value: &str| assert_eq!(said.get(name).map(String::as_str), Some(value), "{name}: {said:?}");
    is("gen_ai.operation.name", "invoke_workflow");
    is("gen_ai.workflow.name", "complaints");
    is("gen_ai.provider.name", "openai");
    is("gen_ai.request.model", "model-1-20261101");
    is("gen_ai.response.model", "model-1-20261101");
    is("gen_ai.usage.input_tokens", "5");
    is("seatrial.verdict", "allow");
    is("seatrial.action", "allow");
    is("seatrial.decision", answer["seatrial"]["decision"].as_str().unwrap());
    assert_eq!(said["gen_ai.conversation.id"].len(), 64, "a case is told by its HMAC");
    assert_eq!(attributes(&call.attributes)["gen_ai.operation.name"], "chat");
    assert_eq!(spans.iter().filter(|s| s.name == "invoke_workflow complaints").count(), 2);
    assert!(collector.services().iter().all(|name| name == "desk-of-complaints"));
    let wanted = ["gen_ai.client.operation.duration", "gen_ai.client.token.usage", "seatrial.decisions"];
    let got = collector.instruments();
    assert!(wanted.iter().all(|name| got.iter().any(|g| g == name)), "{got:?}");
    for secret in ["s3cr3t", "hunter2", "sk-first-upstream-key", desk.caller.as_str()] {
        assert!(!collector.holds(secret), "`{secret}` was exported");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_holds_nothing_up() {
    seatrial_upstream::post::install_tls();
    let (_, base) = Provider::start().await;
    let desk = Desk::new(&base);
    let endpoint = black_hole();
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
    ];
    let serving = desk.serve(&[], &env);
    // Many times what the queue holds: what does not fit is dropped, and nobody waits.
    for n in 0..60 {
        assert_eq!(serving.run(&format!("{n}"), 1.0).await.0, 200);
    }
    serving.signal("-TERM");
    let (code, errors) = serving.ended();
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("telemetry was not sent"), "it is said: {errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_ids_and_nothing_that_was_said() {
    seatrial_upstream::post::install_tls();
    let (provider, base) = Provider::start().await;
    let desk = Desk::new(&base);
    let env = [
        ("SEATRIAL_LOG", "trace"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=otel-s3cr3t"),
    ];
    let serving = desk.serve(&["--log-format", "json"], &env);
    let asked = serving.asks(&serving.http, "my s3cr3t complaint", 5_000.0);
    let asked = asked.header("x-seatrial-case", "case-s3cr3t").header("x-request-id", "req-of-the-client");
    assert_eq!(asked.send().await.unwrap().status(), 403);
    let answer: Value = serving.asks(&serving.http, "s3cr3t", 1.0).send().await.unwrap().json().await.unwrap();
    assert_eq!(serving.get("/v1/models", &[("authorization", "Bearer seatrial_s3cr3t")]).await.0, 401);
    let odd = format!("{}/v1/workflows/s3cr3t/steps/s3cr3t/run", serving.base);
    serving.http.post(odd).bearer_auth(&desk.caller).body("{\"input\":\"s3cr3t\"}").send().await.unwrap();
    serving.http.post(format!("{}/v1/chat/completions", serving.base)).body("s3cr3t").send().await.unwrap();
    provider.pauses(Duration::from_secs(20));
    assert_ne!(serving.run("s3cr3t, too late", 1.0).await.0, 200);
    serving.signal("-TERM");
    let (code, log) = serving.ended();
    assert_eq!(code, Some(0), "{log}");
    for secret in ["s3cr3t", "hunter2", "sk-first-upstream-key", &desk.caller, &desk.operator] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "`{secret}` is in the log");
    }
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answered: Vec<&Value> = lines.iter().filter(|l| l["message"] == "answered").collect();
    assert!(answered.iter().any(|l| l["span"]["id"] == "req-of-the-client" && l["status"] == 403), "{log}");
    assert!(answered.iter().any(|l| l["decision"] == answer["seatrial"]["decision"]), "{log}");
    assert!(answered.iter().any(|l| l["code"] == "invalid_api_key"), "{log}");
    assert!(lines.iter().any(|l| l["level"] == "WARN" && l["span"]["id"].is_string()), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_without_losing_a_request() {
    seatrial_upstream::post::install_tls();
    let (provider, base) = Provider::start().await;
    let desk = Desk::new(&base);
    let serving = desk.serve(&[], &[]);
    assert_eq!(serving.run("0", 1.0).await.0, 200);
    std::fs::write(desk.path().join("model.key"), "sk-second-upstream-key").unwrap();
    serving.signal("-HUP");
    let second = |keys: &[String]| keys.last().is_some_and(|key| key == "sk-second-upstream-key");
    for n in 0..TRIES {
        assert_eq!(serving.run(&format!("{n}"), 1.0).await.0, 200);
        if second(&provider.keys.lock().unwrap()) {
            break;
        }
    }
    assert!(second(&provider.keys.lock().unwrap()));
    // A file that cannot be taken changes nothing.
    std::fs::write(desk.path().join("factory.yaml"), "not a factory").unwrap();
    serving.signal("-HUP");
    for n in 0..20 {
        assert_eq!(serving.run(&format!("again {n}"), 1.0).await.0, 200);
    }
    serving.signal("-TERM");
    let (code, errors) = serving.ended();
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("stays as it was"), "{errors}");
}
