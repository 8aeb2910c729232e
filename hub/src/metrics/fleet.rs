//! What is so at the moment at which somebody scrapes: gauges, read from what the hub tells everybody else.

use crate::shared::Shared;
use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use shipper_core::ClusterName;
use shipper_core::condition::Reason;
use shipper_core::state::FailureKind;
use shipper_core::status::{ApplicationStatus, Liveness, WaitingFor};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;

type Seconds = Gauge<f64, AtomicU64>;

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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConditionLabels {
    r#type: String,
    status: String,
    reason: String,
}

/// The fleet and the hub at one moment.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    report_age: Family<ClusterLabels, Seconds>,
    clusters: Family<LivenessLabels, Gauge>,
    behind: Gauge,
    applications: Family<WaitingLabels, Gauge>,
    longest: Family<WaitingLabels, Seconds>,
    failing: Family<FailureLabels, Gauge>,
    held: Gauge,
    unmeasured: Gauge,
    unattended: Gauge,
    blocks: Gauge,
    unusable: Gauge,
    conditions: Family<ConditionLabels, Gauge>,
    acts: Gauge,
    database: Gauge,
    generation: Gauge,
    looked: Seconds,
}

impl Fleet {
    pub(super) fn register(&self, r: &mut Registry) {
        let help = "Time since the cluster last reported";
        r.register_with_unit("cluster_report_age", help, Unit::Seconds, self.report_age.clone());
        let help = "Clusters that ever reported, by whether they still do";
        r.register("clusters", help, self.clusters.clone());
        let help = "Clusters whose agent reports and works on another state commit than the newest";
        r.register("clusters_behind", help, self.behind.clone());
        r.register("applications", "Applications, by what they wait for", self.applications.clone());
        let help =
            "The longest that any application has waited at the step where it is, by what it waits for now";
        r.register_with_unit("longest_wait", help, Unit::Seconds, self.longest.clone());
        let help = "Clusters that fail at the step of an application, by how, over all applications";
        r.register("failing_clusters", help, self.failing.clone());
        let help = "Applications whose rollout is held because too many clusters fail";
        r.register("held_applications", help, self.held.clone());
        let help = "Clusters in which an analysis has had no sample for too long, over all applications";
        r.register("unmeasured_clusters", help, self.unmeasured.clone());
        let help =
            "Clusters whose agent is away while new pods need it to have traffic, over all applications";
        r.register("unattended_clusters", help, self.unattended.clone());
        r.register("blocks_in_force", "Rollout blocks that block now", self.blocks.clone());
        let help = "Files on main and on the state branch that cannot be used";
        r.register("unusable_files", help, self.unusable.clone());
        let help = "What the hub says of itself: 1 for each condition as it is now";
        r.register("condition", help, self.conditions.clone());
        r.register("acts", "Whether this hub acts (1) or stands by (0)", self.acts.clone());
        let help = "Whether the database took the last write (1) or not (0)";
        r.register("database_writable", help, self.database.clone());
        r.register("state_generation", "Generation of the state commit in force", self.generation.clone());
        let help = "When the repository was last looked at with success, in seconds since 1970";
        r.register_with_unit("last_look_timestamp", help, Unit::Seconds, self.looked.clone());
    }

    /// Reads everything anew.
    pub(super) fn look(&self, shared: &Shared) {
        let now = shared.clock.now();
        let hub = shared.status();
        let fleet: BTreeSet<&ClusterName> = hub.clusters.iter().map(|cluster| &cluster.name).collect();
        // Until main was read, everybody is a cluster; after that, those that were removed are none.
        self.clusters(shared, now, |name| fleet.is_empty() || fleet.contains(name));
        self.rollouts(shared, now);
        self.conditions.clear();
        for condition in &hub.conditions {
            let labels = ConditionLabels {
                r#type: format!("{:?}", condition.kind),
                status: format!("{:?}", condition.status),
                reason: condition.reason.to_string(),
            };
            self.conditions.get_or_create(&labels).set(1);
        }
        let blocks = shared.blocks.get().statuses(now);
        count(&self.blocks, blocks.iter().filter(|block| block.in_force).count());
        count(&self.unusable, hub.problems.len());
        self.acts.set(i64::from(hub.standing.is_none_or(|standing| standing.may_act())));
        self.database.set(i64::from(shared.intake.healthy()));
        self.generation.set(hub.generation.cast_signed());
        if let Some(looked) = hub.looked_at {
            self.looked.set(looked.as_duration().as_secs_f64());
        }
        let behind = hub.clusters.iter().filter(|cluster| {
            cluster.liveness == Liveness::Online && cluster.commit.is_some() && cluster.commit != hub.state
        });
        count(&self.behind, behind.count());
    }

    fn clusters(&self, shared: &Shared, now: Timestamp, is_one: impl Fn(&ClusterName) -> bool) {
        self.report_age.clear();
        for (cluster, at) in shared.agents.last_reports().into_iter().filter(|(name, _)| is_one(name)) {
            let age = now.duration_since(at).as_secs_f64().max(0.0);
            self.report_age.get_or_create(&ClusterLabels { cluster: cluster.to_string() }).set(age);
        }
        let mut liveness = shared.heartbeats.liveness(tokio::time::Instant::now());
        liveness.retain(|name, _| is_one(name));
        for (state, name) in
            [(Liveness::Online, "online"), (Liveness::Offline, "offline"), (Liveness::Unknown, "unknown")]
        {
            let gauge = self.clusters.get_or_create(&LivenessLabels { liveness: name });
            count(&gauge, liveness.values().filter(|l| **l == state).count());
        }
    }

    fn rollouts(&self, shared: &Shared, now: Timestamp) {
        let mut waiting: BTreeMap<WaitingFor, (usize, f64)> = BTreeMap::new();
        let mut failing: BTreeMap<FailureKind, usize> = BTreeMap::new();
        let (mut held, mut unmeasured, mut unattended) = (0, 0, 0);
        for status in shared.statuses.list(None) {
            let (applications, longest) = waiting.entry(status.waiting.state).or_default();
            *applications += 1;
            *longest = longest.max(waits_for(&status, now));
            held += usize::from(status.conditions.iter().any(|c| c.reason == Reason::RolloutHeld));
            for cluster in &status.clusters {
                if let Some(found) = &cluster.failing {
                    *failing.entry(found.kind).or_default() += 1;
                }
                let mut measures = cluster.analysis.iter().flat_map(|analysis| &analysis.measures);
                let measured = cluster.waiting == WaitingFor::WaitingForGate;
                unmeasured += usize::from(measured && measures.any(|measure| measure.overdue));
                unattended += usize::from(cluster.unattended);
            }
        }
        for state in WaitingFor::ALL {
            let (applications, longest) = waiting.get(state).copied().unwrap_or_default();
            let labels = WaitingLabels { waiting: state.word() };
            count(&self.applications.get_or_create(&labels), applications);
            if *state != WaitingFor::None {
                self.longest.get_or_create(&labels).set(longest);
            }
        }
        for kind in FailureKind::ALL {
            let gauge = self.failing.get_or_create(&FailureLabels { kind: kind.name() });
            count(&gauge, failing.get(&kind).copied().unwrap_or_default());
        }
        count(&self.held, held);
        count(&self.unmeasured, unmeasured);
        count(&self.unattended, unattended);
    }
}

/// Seconds since the step where the contender is was achieved, or asked for if it is not, as the records say. Not since this reason
/// to wait began: that is written nowhere, and what a restart would forget is no measure for an alert.
fn waits_for(status: &ApplicationStatus, now: Timestamp) -> f64 {
    let Some(contender) = status.contender_status() else { return 0.0 };
    let achieved = contender.achieved.as_ref().filter(|achieved| achieved.step == contender.step);
    let since = match status.waiting.state {
        // A pod that is made anew after a node is gone is no rollout that takes days.
        WaitingFor::WaitingForCluster
        | WaitingFor::WaitingForInstallation
        | WaitingFor::WaitingForCapacity
        | WaitingFor::WaitingForTraffic
            if achieved.is_some() =>
        {
            None
        }
        _ => achieved.map(|achieved| achieved.at).or(contender.step_since),
    };
    since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0))
}

fn count(gauge: &Gauge, number: usize) {
    gauge.set(number.cast_signed() as i64);
}
