//! What is to be seen of an agent from outside: `/healthz`, `/readyz`, `/metrics`.

use crate::analysis::Counts;
use crate::api::Calls;
use crate::engine::state::State;
use crate::fetcher::Wake;
use crate::lease::Leadership;
use crate::metrics::ReasonLabels;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use shipper_core::ClusterName;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A view of a running agent.
#[derive(Clone)]
pub struct Status {
    pub(crate) cluster: ClusterName,
    pub(crate) state: Arc<State>,
    pub(crate) leadership: Leadership,
    pub(crate) wake: Wake,
    pub(crate) calls: Arc<Calls>,
    pub(crate) samples: Arc<Counts>,
}

impl Status {
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
        self.look();
        let mut registry = self.state.metrics.registry(self.cluster.as_str(), &self.calls);
        registry.register_collector(Box::new(Samples(Arc::clone(&self.samples))));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &registry);
        text
    }

    /// Fills in what is so now.
    fn look(&self) {
        let metrics = &self.state.metrics;
        let sight = self.state.sight();
        metrics.troubles.clear();
        for (reason, count) in sight.troubles {
            metrics.troubles.get_or_create(&ReasonLabels { reason }).set(count);
        }
        metrics.problems.set(sight.problems);
        metrics.applications.set(sight.applications);
        let (epoch, generation) = sight.standing.unwrap_or_default();
        metrics.epoch.set(epoch.cast_signed());
        metrics.generation.set(generation.cast_signed());
        metrics.acting.set(i64::from(self.is_acting()));
        metrics.ready.set(i64::from(self.is_ready()));
        metrics.connected.set(i64::from(self.wake.connected.load(Ordering::Relaxed)));
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

struct Samples(Arc<Counts>);

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Samples")
    }
}

impl Collector for Samples {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Samples of analyses, by what they were worth.";
        let mut samples = encoder.encode_descriptor("analysis_samples", help, None, MetricType::Counter)?;
        for (outcome, count) in self.0.by_outcome() {
            ConstCounter::new(count).encode(samples.encode_family(&[("outcome", outcome)])?)?;
        }
        Ok(())
    }
}
