//! Lives of an application, at random: what people, clusters and time may do to it, in any order. What properties are asked of must
//! have been reached: a run in which it never was says nothing, and fails.

use crate::placement::Placing;
use crate::support::{World, broken, strategy, vanguard};
use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};
use serde_json::json;
use shipper_core::catalogue::Trouble;
use shipper_core::intent::{MaxFailedClusters, Metadata, OnFailure, RolloutBlock, StepRef, StrategySpec};
use shipper_core::report::{AnalysisReport, AppReport, MeasureReport, ObjectProblem, Outcome, Sample};
use shipper_core::status::Liveness;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Clusters there are; the application begins in the first three.
pub const CLUSTERS: usize = 4;
/// What an override names the block of a life by, whatever it is called.
const OVERRIDE: &str = "shipper.dev/rollout-block.override";

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
    begins: Begins,
    pub deeds: Vec<Deed>,
}

/// How a life begins.
#[derive(Clone, Copy, Debug)]
enum Begins {
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
fn strategy_of(number: usize) -> StrategySpec {
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
const ALLOW: [&[&str]; 3] = [&["abort", "pause"], &[], &["abort", "pause", "rollback", "drain"]];

/// Lives it, and tells of every decision on the way: the world before it and after.
pub fn live_and_tell(life: &Life, names: &Names, told: &mut dyn FnMut(&World, &World)) -> World {
    let mut world = World::new();
    let known = std::mem::take(&mut world.fleet.clusters);
    for (name, mut info) in names.clusters.iter().zip(known.into_values()) {
        info.cluster.metadata.name = (*name).to_owned();
        world.fleet.clusters.insert((*name).into(), info);
    }
    world.liveness = names.clusters.iter().map(|name| ((*name).into(), Liveness::Online)).collect();
    let version = |number: usize| format!("{}{number}", names.version);
    world.commit(&version(1), strategy_of(0));
    let order = |step| Deed::Order { step, skip_gates: true };
    let complete = [Deed::Settle, order(2), Deed::Settle];
    let begun: Vec<Deed> = match life.begins {
        Begins::New => Vec::new(),
        Begins::Complete => complete.to_vec(),
        Begins::UnderWay { strategy, step } => {
            let under_way = [Deed::Commit { version: 2, strategy }, Deed::Settle, order(step), Deed::Settle];
            complete.into_iter().chain(under_way).collect()
        }
    };
    for deed in begun.into_iter().chain(life.deeds.iter().copied()) {
        match deed {
            Deed::Plan => decide(&mut world, told),
            Deed::Settle => {
                for _ in 0..4 {
                    for name in world.targets.keys().cloned().collect::<Vec<_>>() {
                        report(&mut world, name.as_str(), Said::Met);
                    }
                    decide(&mut world, told);
                }
            }
            Deed::Commit { version: number, strategy } => commit(&mut world, &version(number), strategy),
            Deed::Block(allow) => block(&mut world, names.block, ALLOW[allow]),
            Deed::Override(on) => {
                let annotations = &mut world.intent.as_mut().unwrap().application.metadata.annotations;
                annotations.clear();
                annotations.extend(on.then(|| (OVERRIDE.to_owned(), names.block.to_owned())));
            }
            other => happen(&mut world, other, names),
        }
    }
    world
}

/// One thing more happens, in a world with the usual names; the block of lives has its own.
pub fn go_on(world: &mut World, deed: Deed) {
    let names = Names::default();
    match deed {
        Deed::Settle | Deed::Plan => drop(world.plan()),
        Deed::Commit { version, strategy } => commit(world, &format!("v{version}"), strategy),
        Deed::Unblock | Deed::Block(_) | Deed::Override(_) => {}
        other => happen(world, other, &names),
    }
}

/// Lives it.
pub fn live(life: &Life, names: &Names) -> World {
    live_and_tell(life, names, &mut |_, _| {})
}

fn happen(world: &mut World, deed: Deed, names: &Names) {
    let name = |cluster: usize| names.clusters[cluster];
    let known = |world: &World, cluster: usize| world.fleet.clusters.contains_key(name(cluster));
    match deed {
        Deed::Order { step, skip_gates } => {
            if let Some(contender) = world.look().status.contender {
                world.order(contender.as_str(), StepRef::Index(step));
                world.rollout(|rollout| rollout.skip_gates = skip_gates);
            }
        }
        Deed::StaleOrder => world.order("app-00000000-9", StepRef::Index(1)),
        Deed::Pause(paused) => world.rollout(|rollout| rollout.paused = paused),
        Deed::Require(replicas) => {
            world.require(json!({"regions": [{"name": "eu", "replicas": replicas}], "allowFewer": true}));
        }
        Deed::Unblock => world.fleet.blocks.clear(),
        Deed::Drain(cluster, drain) if known(world, cluster) => world.drain(name(cluster), drain),
        Deed::Cordon(cluster, cordon) if known(world, cluster) => {
            world.scheduler(name(cluster), |scheduler| scheduler.unschedulable = cordon);
        }
        Deed::Join => world.add(name(CLUSTERS - 1), json!({"region": "eu"})),
        Deed::Report(cluster, said) => report(world, name(cluster), said),
        Deed::Silent(cluster) => drop(world.reports.remove(name(cluster))),
        Deed::Hears(cluster, liveness) => drop(world.liveness.insert(name(cluster).into(), liveness)),
        Deed::Pass(seconds) => world.now += SignedDuration::from_secs(seconds),
        _ => {}
    }
}

fn decide(world: &mut World, told: &mut dyn FnMut(&World, &World)) {
    let before = world.clone();
    world.plan();
    told(&before, world);
}

/// Another version with another strategy; what else is in the file stays.
fn commit(world: &mut World, version: &str, strategy: usize) {
    let before = world.intent.clone().unwrap().application;
    world.commit(version, strategy_of(strategy));
    let after = &mut world.intent.as_mut().unwrap().application;
    after.metadata.annotations = before.metadata.annotations;
    after.spec.template.cluster_requirements = before.spec.template.cluster_requirements;
}

/// A block over everything.
pub fn block(world: &mut World, name: &str, allow: &[&str]) {
    let spec = json!({"message": "frozen", "author": {"type": "user", "name": "ada"}, "allow": allow});
    let metadata = Metadata { name: name.to_owned(), ..Metadata::default() };
    let block = RolloutBlock { metadata, spec: serde_json::from_value(spec).unwrap() };
    world.fleet.blocks.insert((None, name.to_owned()), block);
    world.commits += 1;
}

/// A cluster reports, if it has a target at all.
pub fn report(world: &mut World, cluster: &str, said: Said) {
    let Some(target) = world.targets.get(cluster) else { return };
    let measured = target.analysis.clone();
    let measured = |report: &mut AppReport, passed: bool| {
        let Some(asked) = &measured else { return };
        let outcome = if passed { Outcome::Passed } else { Outcome::Failed };
        let sample = Sample {
            generation: report.target_generation,
            at: jiff::Timestamp::UNIX_EPOCH,
            outcome,
            measured: "1".to_owned(),
        };
        let measures = asked.measures.iter().map(|measure| MeasureReport {
            name: measure.name.clone(),
            passed: if passed { measure.count } else { 0 },
            failed: u32::from(!passed),
            samples: vec![sample.clone()],
            ..MeasureReport::default()
        });
        report.analysis = Some(AnalysisReport {
            release: asked.release.clone(),
            run: asked.run,
            measures: measures.collect(),
        });
    };
    world.report(cluster, |report| match said {
        Said::Met => {}
        Said::Broken => broken(report),
        Said::Rejected => report.problems.push(ObjectProblem {
            object: "Deployment web/app".into(),
            heals: false,
            reason: Trouble::Rejected,
            message: "spec.replicas: wrong".into(),
        }),
        Said::Stale => report.target_generation -= 1,
        Said::Measured(passed) => measured(report, passed),
    });
}

/// What was reached in how many of the lives of a run.
#[derive(Default)]
pub struct Reached(RefCell<BTreeMap<String, usize>>);

impl Reached {
    pub fn count(&self, what: impl Into<String>) {
        *self.0.borrow_mut().entry(what.into()).or_default() += 1;
    }

    /// What has happened in a life.
    pub fn count_all(&self, world: &World) {
        let mut all = world.seen.clone();
        all.extend(world.happened.iter().map(|event| format!("{:?}", event.reason)));
        let withdrawn = world.releases.values().filter_map(|release| release.withdrawn.as_ref());
        all.extend(withdrawn.map(|withdrawal| format!("{:?}", withdrawal.reason)));
        all.into_iter().for_each(|what| self.count(what));
    }
}

/// What is reached by any run over [`lives`]: events, ways of withdrawal, what is waited for, how clusters leave.
pub const INTERESTING: &str = "AnalysisFailed Blocked Carried ClusterChosen ClusterFailing ClusterLeft ClusterRecovered ClusterReleased \
    ClusterUnwanted Completed Created Emptying None Paused Returned RolledBack StepAchieved StepAsked StepLost Superseded \
    Waiting WaitingForCapacity WaitingForCluster WaitingForCommand WaitingForGate WaitingForInstallation WalkedBack Withdrawn";

/// What is reached by so many of them that a run of 128 never misses it.
pub const FREQUENT: &str = "Blocked ClusterChosen ClusterFailing ClusterLeft ClusterReleased Completed Emptying Paused Returned StepAchieved \
    Superseded WaitingForGate WalkedBack";

/// Whether a property holds of so many lives, and all of `wanted` was reached among them.
pub fn holds<T: std::fmt::Debug>(
    lives: impl Strategy<Value = T>,
    cases: u32,
    wanted: &str,
    property: impl Fn(&T, &Reached) -> TestCaseResult,
) {
    let reached = Reached::default();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    let mut runner = TestRunner::new(config);
    if let Err(broken) = runner.run(&lives, |life| property(&life, &reached)) {
        panic!("{broken}");
    }
    let reached = reached.0.into_inner();
    let missed: Vec<&str> = wanted.split_whitespace().filter(|what| !reached.contains_key(*what)).collect();
    assert!(missed.is_empty(), "in {cases} lives there was no {missed:?}: {reached:?}");
    println!("{cases} lives: {reached:?}");
}
