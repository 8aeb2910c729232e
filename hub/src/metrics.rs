//! What Prometheus is told. Counts are kept as things happen; ages and states are read when somebody scrapes.

use crate::shared::Shared;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use shipper_core::condition::Reason;
use shipper_core::state::FailureKind;
use shipper_core::status::{ApplicationStatus, Liveness, WaitingFor};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The hub's metrics.
#[derive(Debug)]
pub struct Metrics {
    /// Reports that came in, whatever became of them.
    pub reports_received: Counter,
    /// Reports that were stored as the newest of their cluster.
    pub reports_stored: Counter,
    /// Clusters of which something was read that another hub had stored.
    pub clusters_followed: Counter,
    /// Seconds that storing one batch took, from its beginning until it was durable.
    pub database_transaction: Histogram,
    database_errors: Family<StepLabels, Counter>,
    /// Seconds that planning one application took.
    pub plan_duration: Histogram,
    /// Seconds that fetching from the repository took.
    pub fetch_duration: Histogram,
    /// Commits pushed to the state branch.
    pub pushes: Counter,
    /// Pushes that lost against another writer and were planned anew.
    pub lost_races: Counter,
    requests: Family<RequestLabels, Counter>,
    report_age: Family<ClusterLabels, Gauge<f64, AtomicU64>>,
    clusters: Family<LivenessLabels, Gauge>,
    /// Releases that the hub took back by itself [A3].
    pub rollbacks: Counter,
    applications: Family<WaitingLabels, Gauge>,
    failing: Family<FailureLabels, Gauge>,
    held: Gauge,
    acts: Gauge,
    registry: Registry,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    step: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClusterLabels {
    cluster: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LivenessLabels {
    liveness: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaitingLabels {
    waiting: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    kind: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        // 0.1 ms to 26 s.
        let seconds = || Histogram::new(exponential_buckets(0.0001, 4.0, 10));
        let mut metrics = Self {
            reports_received: Counter::default(),
            reports_stored: Counter::default(),
            clusters_followed: Counter::default(),
            database_transaction: seconds(),
            database_errors: Family::default(),
            plan_duration: seconds(),
            fetch_duration: seconds(),
            pushes: Counter::default(),
            lost_races: Counter::default(),
            requests: Family::default(),
            report_age: Family::default(),
            clusters: Family::default(),
            rollbacks: Counter::default(),
            applications: Family::default(),
            failing: Family::default(),
            held: Gauge::default(),
            acts: Gauge::default(),
            registry: Registry::with_prefix("shipper_hub"),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("reports_received", "Reports that came in", self.reports_received.clone());
        r.register(
            "reports_stored",
            "Reports stored as the newest of their cluster",
            self.reports_stored.clone(),
        );
        let followed = "Clusters of which something was read that another hub had stored";
        r.register("clusters_followed", followed, self.clusters_followed.clone());
        let transaction = "Time that storing one batch took";
        r.register_with_unit(
            "database_transaction_duration",
            transaction,
            Unit::Seconds,
            self.database_transaction.clone(),
        );
        let errors = "Things that the database did not do, by what it was asked";
        r.register("database_errors", errors, self.database_errors.clone());
        let plan = "Time that planning one application took";
        r.register_with_unit("plan_duration", plan, Unit::Seconds, self.plan_duration.clone());
        let fetch = "Time that fetching from the repository took";
        r.register_with_unit("fetch_duration", fetch, Unit::Seconds, self.fetch_duration.clone());
        r.register("pushes", "Commits pushed to the state branch", self.pushes.clone());
        r.register("lost_races", "Pushes that lost against another writer", self.lost_races.clone());
        r.register("http_requests", "Requests answered", self.requests.clone());
        let age = "Time since the cluster last reported";
        r.register_with_unit("cluster_report_age", age, Unit::Seconds, self.report_age.clone());
        r.register(
            "clusters",
            "Clusters that ever reported, by whether they still do",
            self.clusters.clone(),
        );
        r.register("applications", "Applications, by what they wait for", self.applications.clone());
        let failing = "Clusters that fail at the step of an application, by how, over all applications";
        r.register("failing_clusters", failing, self.failing.clone());
        let held = "Applications whose rollout is held because too many clusters fail";
        r.register("held_applications", held, self.held.clone());
        let acts = "Whether this hub acts (1) or stands by (0)";
        r.register("acts", acts, self.acts.clone());
        r.register("rollbacks", "Releases that the hub took back by itself", self.rollbacks.clone());
    }

    /// Counts something that the database did not do.
    pub fn database_failed(&self, step: &'static str) {
        self.database_errors.get_or_create(&StepLabels { step }).inc();
    }

    /// Counts a request that was answered.
    pub fn answered(&self, method: &str, route: &str, status: u16) {
        let labels = RequestLabels { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
    }

    /// Everything in the text format of OpenMetrics.
    ///
    /// # Errors
    /// A label cannot be written.
    pub fn scrape(&self, shared: &Shared) -> Result<String, std::fmt::Error> {
        self.look(shared);
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }

    fn look(&self, shared: &Shared) {
        let now = shared.clock.now();
        for (cluster, at) in shared.agents.last_reports() {
            let age = now.duration_since(at).as_secs_f64().max(0.0);
            self.report_age.get_or_create(&ClusterLabels { cluster: cluster.to_string() }).set(age);
        }
        let liveness = shared.heartbeats.liveness(tokio::time::Instant::now());
        for (state, name) in
            [(Liveness::Online, "online"), (Liveness::Offline, "offline"), (Liveness::Unknown, "unknown")]
        {
            let count = liveness.values().filter(|l| **l == state).count();
            self.clusters.get_or_create(&LivenessLabels { liveness: name }).set(count.cast_signed() as i64);
        }
        let statuses = shared.statuses.list(None);
        for state in WAITING {
            let count = statuses.iter().filter(|s| s.waiting.state == state).count();
            self.applications
                .get_or_create(&WaitingLabels { waiting: state.word() })
                .set(count.cast_signed() as i64);
        }
        for kind in FailureKind::ALL {
            let clusters = statuses.iter().flat_map(|status| &status.clusters);
            let count =
                clusters.filter(|c| c.failing.as_ref().is_some_and(|failing| failing.kind == kind)).count();
            let labels = FailureLabels { kind: kind.name() };
            self.failing.get_or_create(&labels).set(count.cast_signed() as i64);
        }
        let held = |s: &&Arc<ApplicationStatus>| s.conditions.iter().any(|c| c.reason == Reason::RolloutHeld);
        self.acts.set(i64::from(shared.stand.get().is_none_or(|standing| standing.may_act())));
        self.held.set(statuses.iter().filter(held).count().cast_signed() as i64);
    }
}

const WAITING: [WaitingFor; 9] = [
    WaitingFor::Blocked,
    WaitingFor::Paused,
    WaitingFor::WaitingForCluster,
    WaitingFor::WaitingForInstallation,
    WaitingFor::WaitingForCapacity,
    WaitingFor::WaitingForTraffic,
    WaitingFor::WaitingForGate,
    WaitingFor::WaitingForCommand,
    WaitingFor::None,
];
