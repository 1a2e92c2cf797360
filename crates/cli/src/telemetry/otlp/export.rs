//! Exporters that say when nobody takes what they send.

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines about exports that fail: a collector that is gone fills no log.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// Exports that failed.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    count: AtomicU64,
    said: Mutex<Option<Instant>>,
}

impl Failures {
    /// How many.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn note(&self, done: &OTelSdkResult) {
        let Err(error) = done else { return };
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|at| at.elapsed() >= SAID_EVERY) {
            *said = Some(Instant::now());
            tracing::warn!(%error, failed = count, "telemetry was not taken by its collector; requests go on without it");
        }
    }
}

/// An exporter whose failures are counted and said.
#[derive(Debug)]
pub(super) struct Told<E> {
    exporter: E,
    failures: Arc<Failures>,
}

impl<E> Told<E> {
    pub(super) const fn new(exporter: E, failures: Arc<Failures>) -> Self {
        Self { exporter, failures }
    }
}

impl<E: SpanExporter> SpanExporter for Told<E> {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        let exporting = self.exporter.export(batch);
        async move {
            let done = exporting.await;
            self.failures.note(&done);
            done
        }
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Told<E> {
    fn export(&self, metrics: &ResourceMetrics) -> impl Future<Output = OTelSdkResult> + Send {
        let exporting = self.exporter.export(metrics);
        async move {
            let done = exporting.await;
            self.failures.note(&done);
            done
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
