//! What Prometheus is told of an agent: counts are kept as things happen, what is so at a moment is filled in by
//! [`Status`](crate::Status) when somebody scrapes. `docs/monitoring.md` has them all in a table.

use crate::api::Calls;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;

type Seconds = Gauge<f64, AtomicU64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OutcomeLabels {
    pub(crate) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ActionLabels {
    pub(crate) action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct WriteLabels {
    pub(crate) action: &'static str,
    pub(crate) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ShiftLabels {
    pub(crate) to: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct KindLabels {
    pub(crate) kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReasonLabels {
    pub(crate) reason: &'static str,
}

/// Counts and times since the agent started.
#[derive(Debug)]
pub struct Metrics {
    /// Looks at the state branch, by what came of them.
    pub(crate) fetches: Family<OutcomeLabels, Counter>,
    /// Seconds that one took.
    pub(crate) fetch_duration: Histogram,
    /// When one last succeeded.
    pub(crate) fetched: Seconds,
    /// When a state commit was last accepted.
    pub(crate) accepted: Seconds,
    /// Seconds that one application was worked on until it came to rest.
    pub(crate) reconcile_duration: Histogram,
    /// Times that an application did not come to rest.
    pub(crate) restless: Counter,
    /// Seconds from a new target to its being met.
    pub(crate) target_duration: Histogram,
    /// Writes to the cluster, by what they are and how they ended.
    pub(crate) writes: Family<WriteLabels, Counter>,
    /// Seconds that one took.
    pub(crate) write_duration: Family<ActionLabels, Histogram, fn() -> Histogram>,
    /// Objects put back after another changed them.
    pub(crate) repairs: Counter,
    /// Pods that got traffic or lost it by the agent's doing.
    pub(crate) shifts: Family<ShiftLabels, Counter>,
    /// Lists that watches began with.
    pub(crate) lists: Family<KindLabels, Counter>,
    /// Watch connections.
    pub(crate) watches: Family<KindLabels, Counter>,
    /// Lists and watches that failed.
    pub(crate) watch_errors: Family<KindLabels, Counter>,
    /// Reports, by what came of them.
    pub(crate) reports: Family<OutcomeLabels, Counter>,
    /// When the hub last took one.
    pub(crate) reported: Seconds,
    /// Objects in trouble, by reason.
    pub(crate) troubles: Family<ReasonLabels, Gauge>,
    /// What is wrong with the agent as a whole.
    pub(crate) problems: Gauge,
    pub(crate) applications: Gauge,
    pub(crate) acting: Gauge,
    pub(crate) ready: Gauge,
    pub(crate) connected: Gauge,
    pub(crate) epoch: Gauge,
    pub(crate) generation: Gauge,
}

/// 1 ms to 16 s.
fn quick() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 8))
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            fetches: Family::default(),
            fetch_duration: quick(),
            fetched: Seconds::default(),
            accepted: Seconds::default(),
            reconcile_duration: quick(),
            restless: Counter::default(),
            // 0.25 s to an hour.
            target_duration: Histogram::new(exponential_buckets(0.25, 4.0, 8)),
            writes: Family::default(),
            write_duration: Family::new_with_constructor(quick as fn() -> Histogram),
            repairs: Counter::default(),
            shifts: Family::default(),
            lists: Family::default(),
            watches: Family::default(),
            watch_errors: Family::default(),
            reports: Family::default(),
            reported: Seconds::default(),
            troubles: Family::default(),
            problems: Gauge::default(),
            applications: Gauge::default(),
            acting: Gauge::default(),
            ready: Gauge::default(),
            connected: Gauge::default(),
            epoch: Gauge::default(),
            generation: Gauge::default(),
        }
    }
}

impl Metrics {
    /// All of them for one scrape, with the requests to the API server.
    pub(crate) fn registry(&self, cluster: &str, calls: &Calls) -> Registry {
        // Else nobody could tell which cluster a series is of, for what names it elsewhere is up to who scrapes.
        let labels = std::iter::once(("cluster".into(), cluster.to_owned().into()));
        let mut registry = Registry::with_prefix_and_labels("shipper_agent", labels);
        let r = &mut registry;
        let version = ("version".into(), env!("CARGO_PKG_VERSION").into());
        let help = "The program that runs; always 1";
        r.sub_registry_with_label(version).register("build_info", help, ConstGauge::new(1_u64));
        calls.register(r);
        r.register("fetches", "Looks at the state branch, by what came of them", self.fetches.clone());
        r.register("restless", "Times that an application did not come to rest", self.restless.clone());
        let help = "Writes to the cluster: objects applied and deleted, pods labelled, and how they ended";
        r.register("writes", help, self.writes.clone());
        let help = "Objects that were put back after another had changed them";
        r.register("repairs", help, self.repairs.clone());
        let help = "Pods that were given traffic (on) or lost it (off)";
        r.register("traffic_shifts", help, self.shifts.clone());
        r.register("watch_lists", "Lists that watches began with, by kind", self.lists.clone());
        r.register("watch_connections", "Watches begun, or taken up again, by kind", self.watches.clone());
        r.register("watch_errors", "Lists and watches that failed, by kind", self.watch_errors.clone());
        r.register("reports", "Reports to the hub, by what came of them", self.reports.clone());
        let mut time = |name: &str, help: &str, of: &Histogram| {
            r.register_with_unit(name, help, Unit::Seconds, of.clone());
        };
        time("fetch_duration", "Time that a look at the state branch took", &self.fetch_duration);
        let help = "Time that one application was worked on until it came to rest";
        time("reconcile_duration", help, &self.reconcile_duration);
        let help = "Time from a new target of an application to its being met";
        time("target_duration", help, &self.target_duration);
        let help = "Time that one write to the cluster took";
        r.register_with_unit("write_duration", help, Unit::Seconds, self.write_duration.clone());
        let mut moment = |name: &str, help: &str, of: &Seconds| {
            r.register_with_unit(name, help, Unit::Seconds, of.clone());
        };
        let help = "When a look at the state branch last succeeded, in seconds since 1970";
        moment("last_fetch_timestamp", help, &self.fetched);
        let help = "When a state commit was last accepted, in seconds since 1970";
        moment("last_accepted_timestamp", help, &self.accepted);
        let help = "When the hub last took a report, in seconds since 1970";
        moment("last_report_timestamp", help, &self.reported);
        r.register("object_problems", "Objects in trouble, by reason", self.troubles.clone());
        for (name, help, of) in [
            ("problems", "Things that are wrong with the agent as a whole", &self.problems),
            ("applications", "Applications with a target in this cluster", &self.applications),
            ("acting", "Whether this agent holds the Lease", &self.acting),
            ("ready", "Whether every application has been looked at", &self.ready),
            ("connected", "Whether the event stream of the hub is there", &self.connected),
            ("state_epoch", "Epoch of the accepted state commit", &self.epoch),
            ("state_generation", "Generation of the accepted state commit", &self.generation),
        ] {
            r.register(name, help, of.clone());
        }
        registry
    }

    pub(crate) fn wrote(&self, action: &'static str, outcome: &'static str, seconds: f64) {
        self.writes.get_or_create(&WriteLabels { action, outcome }).inc();
        self.write_duration.get_or_create(&ActionLabels { action }).observe(seconds);
    }
}
