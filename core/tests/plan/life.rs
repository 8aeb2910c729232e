//! Lives of an application, at random: what people, clusters and time may do to it, in any order; and what must have been reached among
//! them. [`crate::living`] lives them.

use crate::support::{strategy, vanguard};
use proptest::prelude::*;
use serde_json::json;
use shipper_core::intent::{MaxFailedClusters, OnFailure, StrategySpec};
use shipper_core::status::Liveness;

/// Clusters there are; the application begins in the first three.
pub const CLUSTERS: usize = 4;
/// What an override names the block of a life by, whatever it is called.
pub const OVERRIDE: &str = "shipper.dev/rollout-block.override";

/// Something that people, clusters or time do. Clusters, versions, steps and strategies are numbers.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    Commit {
        version: usize,
        strategy: usize,
    },
    Order {
        step: u32,
        skip_gates: bool,
    },
    StaleOrder,
    Pause(bool),
    Require(u32),
    Block(usize),
    Override(bool),
    Unblock,
    Drain(usize, bool),
    Cordon(usize, bool),
    Join,
    Plan,
    /// Everybody reports what is asked for, and the hub plans, until nothing changes.
    Settle,
    Report(usize, Said),
    Silent(usize),
    Hears(usize, Liveness),
    Pass(i64),
}

/// What a cluster reports.
#[derive(Clone, Copy, Debug)]
pub enum Said {
    /// All that is asked for is there.
    Met,
    /// Pods of the newest release do not get ready.
    Broken,
    /// An object was rejected: waiting does not heal it.
    Rejected,
    /// All is there of the target before.
    Stale,
    /// All is there, and the analysis passed or failed.
    Measured(bool),
}

/// A life: how it begins, and what happens then.
#[derive(Clone, Debug)]
pub struct Life {
    pub begins: Begins,
    pub deeds: Vec<Deed>,
}

/// How a life begins.
#[derive(Clone, Copy, Debug)]
pub enum Begins {
    /// v1 was committed a moment ago.
    New,
    /// v1 is complete.
    Complete,
    /// Besides v2 with this strategy has achieved this step.
    UnderWay { strategy: usize, step: u32 },
}

/// What things are called; nothing that is decided may depend on it.
#[derive(Clone, Debug)]
pub struct Names {
    pub clusters: [&'static str; CLUSTERS],
    /// Before the number of a version: the hashes of environments, and so names of releases, are others with each.
    pub version: String,
    pub block: &'static str,
}

impl Default for Names {
    fn default() -> Self {
        Self { clusters: ["c1", "c2", "c3", "c4"], version: "v".to_owned(), block: "freeze" }
    }
}

/// What a cluster may report.
pub fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        8 => Just(Said::Met),
        2 => Just(Said::Broken),
        2 => Just(Said::Rejected),
        1 => Just(Said::Stale),
        6 => any::<bool>().prop_map(Said::Measured),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    let cluster = || 0..CLUSTERS;
    let hears =
        prop_oneof![1 => Just(Liveness::Offline), 2 => Just(Liveness::Online), 1 => Just(Liveness::Unknown)];
    let passes = prop_oneof![Just(5_i64), Just(40), Just(90), Just(700)];
    prop_oneof![
        3 => (1..4_usize, 0..STRATEGIES).prop_map(|(version, strategy)| Deed::Commit { version, strategy }),
        4 => (0..4_u32, any::<bool>()).prop_map(|(step, skip_gates)| Deed::Order { step, skip_gates }),
        1 => Just(Deed::StaleOrder),
        1 => any::<bool>().prop_map(Deed::Pause),
        1 => (1..4_u32).prop_map(Deed::Require),
        1 => (0..ALLOW.len()).prop_map(Deed::Block),
        1 => any::<bool>().prop_map(Deed::Override),
        2 => Just(Deed::Unblock),
        2 => (cluster(), any::<bool>()).prop_map(|(cluster, drain)| Deed::Drain(cluster, drain)),
        1 => (cluster(), any::<bool>()).prop_map(|(cluster, cordon)| Deed::Cordon(cluster, cordon)),
        1 => Just(Deed::Join),
        8 => Just(Deed::Plan),
        3 => Just(Deed::Settle),
        10 => (cluster(), said()).prop_map(|(cluster, said)| Deed::Report(cluster, said)),
        1 => cluster().prop_map(Deed::Silent),
        2 => (cluster(), hears).prop_map(|(cluster, hears)| Deed::Hears(cluster, hears)),
        3 => passes.prop_map(Deed::Pass),
    ]
}

pub fn lives() -> impl Strategy<Value = Life> {
    let under_way =
        (0..STRATEGIES, 0..2_u32).prop_map(|(strategy, step)| Begins::UnderWay { strategy, step });
    let begins = prop_oneof![2 => Just(Begins::New), 1 => Just(Begins::Complete), 7 => under_way];
    (begins, proptest::collection::vec(deed(), 0..50)).prop_map(|(begins, deeds)| Life { begins, deeds })
}

/// Lives in which no cluster is chosen out of several, for whose names decide that [S1].
pub fn lives_everywhere() -> impl Strategy<Value = Life> {
    lives().prop_map(|life| {
        let deeds = life.deeds.into_iter().filter(|deed| !matches!(deed, Deed::Require(_)));
        Life { deeds: deeds.collect(), ..life }
    })
}

const STRATEGIES: usize = 4;

/// By hand and forgiving; by itself after a soak; measured where it comes first; taken back as soon as one fails.
pub fn strategy_of(number: usize) -> StrategySpec {
    let measured = || {
        strategy(json!({"progressDeadline": "60s", "onFailure": "rollback", "steps": [
            {"name": "staging", "clusters": {"matchLabels": {"tier": "vanguard"}},
                "capacity": {"contender": 50, "incumbent": 50}, "traffic": {"contender": 50, "incumbent": 50},
                "gate": {"approval": "auto", "analysis": [{"name": "errors", "interval": "10s", "count": 2, "failIf": "> 1",
                    "prometheus": {"address": "http://prometheus", "query": "errors"}}]}},
            {"name": "full on", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
        ]}))
    };
    let soaking = || {
        strategy(json!({"progressDeadline": "60s", "maxFailedClusters": 1, "steps": [
            {"name": "50/50", "gate": {"approval": "auto", "soak": "30s"},
                "capacity": {"contender": 50, "incumbent": 50}, "traffic": {"contender": 50, "incumbent": 50}},
            {"name": "full on", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
        ]}))
    };
    match number {
        0 => StrategySpec { max_failed_clusters: MaxFailedClusters::Number(1), ..vanguard() },
        1 => soaking(),
        2 => measured(),
        _ => StrategySpec { on_failure: OnFailure::Rollback, ..vanguard() },
    }
}

/// What blocks let go on all the same; the first is what they do where they do not say.
pub const ALLOW: [&[&str]; 3] = [&["abort", "pause"], &[], &["abort", "pause", "rollback", "drain"]];

/// What is reached by any run over [`lives`]: events, ways of withdrawal, what is waited for, how clusters leave.
pub const INTERESTING: &str = "AnalysisFailed Blocked Carried ClusterChosen ClusterFailing ClusterLeft ClusterRecovered ClusterReleased \
    ClusterUnwanted Completed Created Emptying None Paused Returned RolledBack StepAchieved StepAsked StepLost Superseded \
    Waiting WaitingForCapacity WaitingForCluster WaitingForCommand WaitingForGate WaitingForInstallation WalkedBack Withdrawn";

/// What is reached by so many of them that a run of 128 never misses it.
pub const FREQUENT: &str = "Blocked ClusterChosen ClusterFailing ClusterLeft ClusterReleased Completed Emptying Paused Returned StepAchieved \
    Superseded WaitingForGate WalkedBack";
