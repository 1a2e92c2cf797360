//! OpenTelemetry: one span for each decision with the conventions for generative AI, one below it for each call of a
//! model, and the same as metrics. Switched on by the standard environment variables, off without them.
//!
//! Nothing that was said is ever exported: what comes here has no content, and case ids are HMACs. Spans wait in a
//! bounded queue for a thread of their own; where the collector is slow or gone, they are dropped, and requests do not
//! notice.

mod export;

pub(crate) use export::Failures;

use export::Told;
use opentelemetry::metrics::{Counter, Histogram, MeterProvider as _};
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use seatrial_factory::observe::{Began, Decided, ModelCall, RefusedCall};
use seatrial_gateway::{RequestContext, current_request};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How long what is left is sent when the process ends.
const FLUSH_MAX: Duration = Duration::from_secs(3);

/// What instruments are called after.
const SCOPE: &str = "seatrial";

/// Reads an environment variable.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Exporters that were asked for.
pub(crate) struct Otlp {
    traces: Option<Traces>,
    metrics: Option<Metrics>,
}

struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

struct Metrics {
    provider: SdkMeterProvider,
    operation: Histogram<f64>,
    tokens: Histogram<u64>,
    decision: Histogram<f64>,
    decisions: Counter<u64>,
    refusals: Counter<u64>,
}

/// A decision's span, kept with its request.
struct Kept(Context);

impl Otlp {
    /// What the environment asks for: `OTEL_EXPORTER_OTLP_ENDPOINT` (or the variables for one signal) switches it on,
    /// `OTEL_SDK_DISABLED` and `OTEL_…_EXPORTER=none` off.
    ///
    /// # Errors
    /// Where an exporter cannot be made of what the variables say.
    pub(crate) fn start(env: Env<'_>, failures: &Arc<Failures>) -> Result<Option<Self>, String> {
        let wanted = |signal: &str| {
            let set = |name: &str| env(name).is_some_and(|v| !v.trim().is_empty());
            let off = env("OTEL_SDK_DISABLED").is_some_and(|v| v.trim().eq_ignore_ascii_case("true"))
                || env(&format!("OTEL_{signal}_EXPORTER")).is_some_and(|v| v.trim() == "none");
            let to = set("OTEL_EXPORTER_OTLP_ENDPOINT") || set(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"));
            to && !off
        };
        let (traces, metrics) = (wanted("TRACES"), wanted("METRICS"));
        if !traces && !metrics {
            return Ok(None);
        }
        // Whoever exports over TLS needs a provider; another part of the process may have installed one.
        seatrial_upstream::post::install_tls();
        let traces = traces.then(|| Traces::start(resource(env), failures)).transpose()?;
        let metrics = metrics.then(|| Metrics::start(resource(env), failures)).transpose()?;
        Ok(Some(Self { traces, metrics }))
    }

    /// A request for a step begins.
    pub(crate) fn began(&self, began: &Began<'_>) {
        let Some(traces) = &self.traces else { return };
        let Some(request) = current_request() else { return };
        let span =
            traces.tracer.span_builder(format!("invoke_workflow {}", began.workflow)).with_kind(SpanKind::Server);
        let span = span.start_with_context(&traces.tracer, &parent(&request));
        request.keep(Arc::new(Kept(Context::new().with_span(span))));
    }

    /// A decision was made.
    pub(crate) fn decided(&self, decided: &Decided<'_>) {
        if let Some(traces) = &self.traces {
            let kept = kept().unwrap_or_else(|| traces.after(decided.workflow, decided.took.total));
            let span = kept.span();
            span.set_attributes(attributes(decided));
            if decided.code == "model_unreachable" {
                span.set_attribute(KeyValue::new("error.type", "model_unreachable"));
                span.set_status(Status::error("model_unreachable"));
            }
            span.end();
        }
        let Some(metrics) = &self.metrics else { return };
        let labels = [
            KeyValue::new("gen_ai.workflow.name", decided.workflow.to_owned()),
            KeyValue::new("seatrial.step", decided.step.to_owned()),
            KeyValue::new("seatrial.verdict", decided.verdict.as_str()),
            KeyValue::new("seatrial.action", decided.action.as_str()),
            KeyValue::new("seatrial.rehearsal", decided.rehearsal),
        ];
        if !decided.joined {
            metrics.decisions.add(1, &labels);
            metrics.decision.record(decided.took.total.as_secs_f64(), &labels);
        }
    }

    /// A request was refused.
    pub(crate) fn refused(&self, refused: &RefusedCall<'_>) {
        if let Some(kept) = kept().filter(|_| self.traces.is_some()) {
            let span = kept.span();
            span.set_attribute(KeyValue::new("gen_ai.operation.name", "invoke_workflow"));
            if let (Some(workflow), Some(step)) = (refused.workflow, refused.step) {
                span.set_attribute(KeyValue::new("gen_ai.workflow.name", workflow.to_owned()));
                span.set_attribute(KeyValue::new("seatrial.step", step.to_owned()));
            } else {
                // The name was a client's own.
                span.update_name("invoke_workflow");
            }
            span.set_attribute(KeyValue::new("seatrial.code", refused.code));
            span.set_attribute(KeyValue::new("error.type", refused.code));
            span.set_status(Status::error(refused.code));
            span.end();
        }
        let Some(metrics) = &self.metrics else { return };
        let labels = [
            KeyValue::new("gen_ai.workflow.name", refused.workflow.unwrap_or_default().to_owned()),
            KeyValue::new("seatrial.step", refused.step.unwrap_or_default().to_owned()),
            KeyValue::new("seatrial.code", refused.code),
        ];
        metrics.refusals.add(1, &labels);
    }

    /// A model was asked.
    pub(crate) fn asked(&self, call: &ModelCall<'_>) {
        let mut labels = vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.provider.name", provider(call)),
            KeyValue::new("gen_ai.request.model", call.model.to_owned()),
        ];
        labels.extend(call.answered.map(|model| KeyValue::new("gen_ai.response.model", model.to_owned())));
        if call.outcome != "ok" {
            labels.push(KeyValue::new("error.type", call.outcome));
        }
        if let Some(traces) = &self.traces {
            traces.asked(call, labels.clone());
        }
        let Some(metrics) = &self.metrics else { return };
        metrics.operation.record(call.took.as_secs_f64(), &labels);
        let Some(usage) = call.usage else { return };
        for (kind, tokens) in [("input", usage.input), ("output", usage.output)] {
            let mut labels = labels.clone();
            labels.push(KeyValue::new("gen_ai.token.type", kind));
            metrics.tokens.record(tokens, &labels);
        }
    }

    /// Sends what is left, for a while.
    pub(crate) async fn end(self: Arc<Self>) {
        // A thread of its own, which the end of the process does not wait for.
        let (done, flushed) = tokio::sync::oneshot::channel();
        let flushing = std::thread::Builder::new().name("telemetry-end".to_owned()).spawn(move || {
            let traces = self.traces.as_ref().map(|t| t.provider.shutdown_with_timeout(FLUSH_MAX));
            let metrics = self.metrics.as_ref().map(|m| m.provider.shutdown_with_timeout(FLUSH_MAX));
            let failed = [traces, metrics].into_iter().flatten().any(|done| done.is_err());
            let _ = done.send(failed);
        });
        let failed = match flushing {
            Ok(_) => tokio::time::timeout(FLUSH_MAX, flushed).await.map_or(true, |failed| failed.unwrap_or(true)),
            Err(_) => true,
        };
        if failed {
            tracing::warn!("what was left of the telemetry was not sent");
        }
    }
}

impl Traces {
    fn start(resource: Resource, failures: &Arc<Failures>) -> Result<Self, String> {
        let exporter = SpanExporter::builder().with_http().build().map_err(|e| e.to_string())?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Told::new(exporter, Arc::clone(failures)))
            .with_resource(resource)
            .build();
        let tracer = provider.tracer(SCOPE);
        Ok(Self { provider, tracer })
    }

    /// A span for a decision that no request of the listener's stands behind.
    fn after(&self, workflow: &str, took: Duration) -> Context {
        let began = SystemTime::now().checked_sub(took).unwrap_or_else(SystemTime::now);
        let span = self.tracer.span_builder(format!("invoke_workflow {workflow}")).with_start_time(began);
        Context::new().with_span(span.start_with_context(&self.tracer, &Context::new()))
    }

    fn asked(&self, call: &ModelCall<'_>, mut attributes: Vec<KeyValue>) {
        let now = SystemTime::now();
        let parent = kept();
        if let Some(parent) = &parent {
            parent.span().set_attributes(attributes.iter().take(3).skip(1).cloned());
        }
        attributes.push(KeyValue::new("seatrial.provider", call.provider.to_owned()));
        attributes.push(KeyValue::new("seatrial.requests", whole(call.requests)));
        attributes.push(KeyValue::new("seatrial.outcome", call.outcome));
        if let Some(usage) = call.usage {
            attributes.push(KeyValue::new("gen_ai.usage.input_tokens", whole(usage.input)));
            attributes.push(KeyValue::new("gen_ai.usage.output_tokens", whole(usage.output)));
        }
        let mut builder = SpanBuilder::from_name(format!("chat {}", call.model)).with_kind(SpanKind::Client);
        builder = builder.with_start_time(now.checked_sub(call.took).unwrap_or(now)).with_attributes(attributes);
        let mut span = builder.start_with_context(&self.tracer, &parent.unwrap_or_default());
        if call.outcome != "ok" {
            span.set_status(Status::error(call.outcome));
        }
        span.end_with_timestamp(now);
    }
}

impl Metrics {
    fn start(resource: Resource, failures: &Arc<Failures>) -> Result<Self, String> {
        let exporter = MetricExporter::builder().with_http().build().map_err(|e| e.to_string())?;
        let provider = SdkMeterProvider::builder()
            .with_periodic_exporter(Told::new(exporter, Arc::clone(failures)))
            .with_resource(resource)
            .build();
        let meter = provider.meter(SCOPE);
        let seconds = |name: &'static str, help: &'static str| {
            // The boundaries that the conventions advise for durations of models.
            let bounds = vec![0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
            meter.f64_histogram(name).with_unit("s").with_description(help).with_boundaries(bounds).build()
        };
        let tokens =
            vec![1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262_144.0, 1_048_576.0, 4_194_304.0];
        Ok(Self {
            operation: seconds("gen_ai.client.operation.duration", "How long a model took"),
            tokens: meter
                .u64_histogram("gen_ai.client.token.usage")
                .with_unit("{token}")
                .with_description("Tokens of one call of a model")
                .with_boundaries(tokens)
                .build(),
            decision: seconds("seatrial.decision.duration", "From a request's admission to its durable decision"),
            decisions: meter.u64_counter("seatrial.decisions").with_description("Decisions made and recorded").build(),
            refusals: meter
                .u64_counter("seatrial.refusals")
                .with_description("Requests for a step that were refused before any decision")
                .build(),
            provider,
        })
    }
}

/// Who sends: `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES`, else our name.
fn resource(env: Env<'_>) -> Resource {
    let named = env("OTEL_SERVICE_NAME").is_some_and(|v| !v.is_empty())
        || env("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|v| v.contains("service.name="));
    let mut builder = Resource::builder();
    if !named {
        builder = builder.with_service_name(SCOPE);
    }
    builder.with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))).build()
}

fn kept() -> Option<Context> {
    Some(current_request()?.kept::<Kept>()?.0.clone())
}

/// The trace that the caller's `traceparent` names; a new one where it names none.
fn parent(request: &RequestContext) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Carried(request))
}

struct Carried<'a>(&'a RequestContext);

impl Extractor for Carried<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => self.0.traceparent(),
            "tracestate" => self.0.tracestate(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

/// The provider in the words of the conventions; ours where they have none.
const fn provider(call: &ModelCall<'_>) -> &'static str {
    match call.kind.as_bytes() {
        b"openai" => "openai",
        b"anthropic" => "anthropic",
        _ => "seatrial.classifier",
    }
}

fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn attributes(decided: &Decided<'_>) -> Vec<KeyValue> {
    let mut all = vec![
        KeyValue::new("gen_ai.operation.name", "invoke_workflow"),
        KeyValue::new("gen_ai.workflow.name", decided.workflow.to_owned()),
        KeyValue::new("gen_ai.conversation.id", decided.case.to_owned()),
        KeyValue::new("seatrial.step", decided.step.to_owned()),
        KeyValue::new("seatrial.decision", decided.decision.to_string()),
        KeyValue::new("seatrial.verdict", decided.verdict.as_str()),
        KeyValue::new("seatrial.action", decided.action.as_str()),
        KeyValue::new("seatrial.code", decided.code.to_owned()),
        KeyValue::new("seatrial.rehearsal", decided.rehearsal),
        KeyValue::new("seatrial.joined", decided.joined),
        KeyValue::new("seatrial.inspected_all", decided.inspected_all),
        KeyValue::new("seatrial.review", decided.review),
        KeyValue::new("seatrial.record_ms", decided.took.record.as_secs_f64() * 1_000.0),
    ];
    all.extend(decided.release.map(|release| KeyValue::new("seatrial.release", release.to_string())));
    all.extend(decided.model.map(|model| KeyValue::new("gen_ai.response.model", model.to_owned())));
    if let (confidence, true) = decided.confidence {
        all.push(KeyValue::new("seatrial.confidence", confidence));
    }
    if let Some(usage) = decided.usage {
        all.push(KeyValue::new("gen_ai.usage.input_tokens", whole(usage.input)));
        all.push(KeyValue::new("gen_ai.usage.output_tokens", whole(usage.output)));
    }
    all.extend(decided.stream.map(|end| KeyValue::new("seatrial.stream_end", end.as_str())));
    all
}
