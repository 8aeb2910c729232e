//! What is to be seen of an agent from outside: `/healthz`, `/readyz`, `/metrics`.

use crate::analysis::Counts;
use crate::api::Calls;
use crate::engine::state::State;
use crate::fetcher::Wake;
use crate::lease::Leadership;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A view of a running agent.
#[derive(Clone)]
pub struct Status {
    state: Arc<State>,
    leadership: Leadership,
    wake: Wake,
    calls: Arc<Calls>,
    samples: Arc<Counts>,
}

impl Status {
    pub(crate) fn new(
        state: Arc<State>,
        leadership: Leadership,
        wake: Wake,
        calls: Arc<Calls>,
        samples: Arc<Counts>,
    ) -> Self {
        Self { state, leadership, wake, calls, samples }
    }

    /// Whether a state has been accepted and every application in it looked at.
    pub fn is_ready(&self) -> bool {
        self.state.is_ready()
    }

    /// Whether this agent may act in its cluster.
    pub fn is_acting(&self) -> bool {
        self.leadership.is_held()
    }

    /// The metrics in the OpenMetrics text format.
    pub fn metrics(&self) -> String {
        let mut registry = Registry::with_prefix("shipper_agent");
        registry.register_collector(Box::new(Metrics(self.clone())));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &registry);
        text
    }

    /// The HTTP service.
    pub fn router(&self) -> Router {
        let (ready, metrics) = (self.clone(), self.clone());
        Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route(
                "/readyz",
                get(|| async move {
                    if ready.is_ready() {
                        (StatusCode::OK, "ok")
                    } else {
                        (StatusCode::SERVICE_UNAVAILABLE, "not yet")
                    }
                }),
            )
            .route(
                "/metrics",
                get(|| async move {
                    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                    ([("content-type", kind)], metrics.metrics())
                }),
            )
    }
}

struct Metrics(Status);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = &self.0;
        let help = "Requests to the API server";
        let mut calls = encoder.encode_descriptor("api_requests", help, None, MetricType::Counter)?;
        for (verb, count) in status.calls.by_verb() {
            ConstCounter::new(count).encode(calls.encode_family(&[("verb", verb)])?)?;
        }
        let help = "Samples of analyses, by what they were worth";
        let mut samples = encoder.encode_descriptor("analysis_samples", help, None, MetricType::Counter)?;
        for (outcome, count) in status.samples.by_outcome() {
            ConstCounter::new(count).encode(samples.encode_family(&[("outcome", outcome)])?)?;
        }
        let connected = status.wake.connected.load(Ordering::Relaxed);
        for (name, help, value) in [
            (
                "applications",
                "Applications with a target in this cluster",
                status.state.applications() as u64,
            ),
            ("acting", "Whether this agent holds the Lease", u64::from(status.is_acting())),
            ("ready", "Whether every application has been looked at", u64::from(status.is_ready())),
            ("connected", "Whether the event stream of the hub is there", u64::from(connected)),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
