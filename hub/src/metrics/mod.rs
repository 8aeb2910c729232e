//! What Prometheus is told: counts are kept as things happen, of rollouts in [`rollouts`]; what is so at a moment is read when somebody
//! scrapes ([`fleet`]). `docs/monitoring.md` has them all in a table.

mod bounded;
mod fleet;
mod rollouts;

pub use rollouts::{Deeds, Rollouts};

use crate::shared::Shared;
use fleet::Fleet;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeMap;
use std::time::Duration;

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
    /// Seconds that composing and pushing one commit took.
    pub push_duration: Histogram,
    /// Commits pushed to the state branch.
    pub pushes: Counter,
    /// Pushes that lost against another writer and were planned anew.
    pub lost_races: Counter,
    /// Looks at the repository that failed, because it could not be reached or may not be followed.
    pub failed_looks: Counter,
    /// Pushes that failed for another reason than a lost race.
    pub failed_pushes: Counter,
    /// Seconds that rendering one release took.
    pub render_duration: Histogram,
    /// How rollouts go.
    pub rollouts: Rollouts,
    requests: Family<RequestLabels, Counter>,
    refused: Family<CauseLabels, Counter>,
    request_duration: Family<RouteLabels, Histogram, fn() -> Histogram>,
    agent_calls: Family<VerbLabels, Counter>,
    fleet: Fleet,
    registry: Registry,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabels {
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    step: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerbLabels {
    verb: String,
}

/// 0.1 ms to 26 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 4.0, 10))
}

/// 1 ms to 16 s: of every route, so there are few.
fn answers() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 8))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            reports_received: Counter::default(),
            reports_stored: Counter::default(),
            clusters_followed: Counter::default(),
            database_transaction: seconds(),
            database_errors: Family::default(),
            plan_duration: seconds(),
            fetch_duration: seconds(),
            push_duration: seconds(),
            pushes: Counter::default(),
            lost_races: Counter::default(),
            failed_looks: Counter::default(),
            failed_pushes: Counter::default(),
            render_duration: seconds(),
            rollouts: Rollouts::default(),
            requests: Family::default(),
            refused: Family::default(),
            request_duration: Family::new_with_constructor(answers as fn() -> Histogram),
            agent_calls: Family::default(),
            fleet: Fleet::default(),
            registry: Registry::with_prefix("shipper_hub"),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let r = &mut self.registry;
        let version = ("version".into(), env!("CARGO_PKG_VERSION").into());
        r.sub_registry_with_label(version).register(
            "build_info",
            "The program that runs; always 1",
            ConstGauge::new(1_u64),
        );
        let mut counter = |name: &str, help: &str, of: &Counter| r.register(name, help, of.clone());
        counter("reports_received", "Reports that came in", &self.reports_received);
        counter("reports_stored", "Reports stored as the newest of their cluster", &self.reports_stored);
        let help = "Clusters of which something was read that another hub had stored";
        counter("clusters_followed", help, &self.clusters_followed);
        counter("pushes", "Commits pushed to the state branch", &self.pushes);
        counter("lost_races", "Pushes that lost against another writer", &self.lost_races);
        counter(
            "failed_pushes",
            "Pushes that failed for another reason than a lost race",
            &self.failed_pushes,
        );
        let help = "Looks at the repository that failed: it could not be reached, or may not be followed";
        counter("failed_looks", help, &self.failed_looks);
        let mut time = |name: &str, help: &str, of: &Histogram| {
            r.register_with_unit(name, help, Unit::Seconds, of.clone());
        };
        time("database_transaction_duration", "Time that storing one batch took", &self.database_transaction);
        time("plan_duration", "Time that planning one application took", &self.plan_duration);
        time("fetch_duration", "Time that fetching from the repository took", &self.fetch_duration);
        time(
            "push_duration",
            "Time that writing one state commit took, the push included",
            &self.push_duration,
        );
        time("render_duration", "Time that rendering one release took", &self.render_duration);
        let help = "Things that the database did not do, by what it was asked";
        r.register("database_errors", help, self.database_errors.clone());
        r.register("http_requests", "Requests answered", self.requests.clone());
        let refused = "Requests and sign-ins of people and programs that may not read, by cause";
        r.register("refused_readers", refused, self.refused.clone());
        let help = "Time until the head of an answer; what is waited for is part of it";
        r.register_with_unit("http_request_duration", help, Unit::Seconds, self.request_duration.clone());
        let help = "Requests that agents made to their API servers, as they report, by verb";
        r.register("agent_api_requests", help, self.agent_calls.clone());
        self.rollouts.register(r);
        self.fleet.register(r);
    }

    /// Counts something that the database did not do.
    pub fn database_failed(&self, step: &'static str) {
        self.database_errors.get_or_create(&StepLabels { step }).inc();
    }

    /// Counts a request that was answered after so long.
    pub fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels { method, route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        let labels = RouteLabels { route: route.to_owned() };
        self.request_duration.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Counts what an agent did between two of its reports, by what both say of the time since it started. Who is not known yet is
    /// counted from here on.
    pub fn agent_called(&self, before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>) {
        if before.is_empty() {
            return;
        }
        // An agent that started anew began to count anew.
        let again = now.iter().any(|(verb, count)| before.get(verb).is_some_and(|before| before > count));
        for (verb, count) in now {
            let known = before.get(verb).copied().filter(|_| !again).unwrap_or_default();
            if *count > known {
                let labels = VerbLabels { verb: verb.clone() };
                self.agent_calls.get_or_create(&labels).inc_by(count - known);
            }
        }
    }

    /// Counts somebody who may not read.
    pub fn refused(&self, cause: &'static str) {
        self.refused.get_or_create(&CauseLabels { cause }).inc();
    }

    /// Everything in the text format of OpenMetrics.
    ///
    /// # Errors
    /// A label cannot be written.
    pub fn scrape(&self, shared: &Shared) -> Result<String, std::fmt::Error> {
        self.fleet.look(shared);
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}
