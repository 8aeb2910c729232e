//! Rules A1 to A3, M9 and M12: clusters that fail, how many may, and what the hub does then.

use crate::support::{World, broken, vanguard};
use jiff::SignedDuration;
use serde_json::json;
use shipper_core::catalogue::Trouble;
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::intent::{MaxFailedClusters, OnFailure, StepRef, StrategySpec};
use shipper_core::report::{AppReport, ObjectProblem};
use shipper_core::state::{FailureKind, WithdrawalReason};
use shipper_core::status::Liveness;
use shipper_core::why::Rule;
use std::time::Duration;

/// Progress is written down once in each tenth of it: every minute.
const DEADLINE: Duration = Duration::from_secs(600);
/// What it takes at most until a cluster without progress is called failing.
const LATEST: i64 = 661;

fn strategy(on_failure: OnFailure, max_failed: u32) -> StrategySpec {
    let max_failed_clusters = MaxFailedClusters::Number(max_failed);
    StrategySpec { progress_deadline: DEADLINE, on_failure, max_failed_clusters, ..vanguard() }
}

/// v2 is at 50/50, all targets are written, nothing is reported on them yet.
fn at_half(on_failure: OnFailure, max_failed: u32) -> World {
    let mut world = World::at_v1();
    world.commit("v2", strategy(on_failure, max_failed));
    world.settle();
    world.promote("50/50");
    world.plan();
    world
}

/// Time passes, and the hub plans whenever it asked to be woken.
fn later(world: &mut World, seconds: i64) {
    let until = world.now + SignedDuration::from_secs(seconds);
    while let Some(at) = world.look().wake_at.filter(|at| *at <= until) {
        world.now = world.now.max(at);
        world.plan();
    }
    world.now = until;
    world.plan();
}

/// As [`later`], until no cluster can be without progress and not be called failing.
fn past_the_deadline(world: &mut World) {
    world.plan();
    later(world, LATEST);
}

/// The contender has this many pods available, of five.
fn partly(pods: u32) -> impl Fn(&mut AppReport) {
    move |report| {
        broken(report);
        let newest = report.releases.last_mut().unwrap();
        (newest.capacity.ready, newest.capacity.available) = (pods, pods);
    }
}

fn rejected(heals: bool) -> impl Fn(&mut AppReport) {
    move |report| {
        report.releases.last_mut().unwrap().installed = false;
        report.problems.push(ObjectProblem {
            object: "Deployment web/app".into(),
            heals,
            reason: if heals { Trouble::Quota } else { Trouble::Rejected },
            message: "spec.replicas: too many".into(),
        });
    }
}

fn failing(world: &World) -> Vec<String> {
    let clusters = world.look().status.clusters;
    clusters.iter().filter(|c| c.failing.is_some()).map(|c| c.cluster.to_string()).collect()
}

fn kind(world: &World, cluster: &str) -> FailureKind {
    world.contender().lagging[cluster].failing.as_ref().expect("a failing cluster").kind
}

fn achieved(world: &World) -> usize {
    world.contender().achieved.as_ref().expect("an achieved step").step
}

fn reason(world: &World) -> Option<Reason> {
    world.condition(ConditionType::ClustersHealthy).map(|(status, reason, _)| {
        assert_eq!(status, Status::False);
        reason
    })
}

/// [A2] The time without progress ends, with a reason that a person can act on.
#[test]
fn a2_a_cluster_without_progress_fails_at_the_deadline() {
    let mut world = at_half(OnFailure::Hold, 0);
    for cluster in ["c1", "c2"] {
        world.report(cluster, |_| {});
    }
    world.report("c3", broken);
    world.plan();
    later(&mut world, 590);
    assert!(failing(&world).is_empty() && reason(&world).is_none());
    later(&mut world, 70);
    assert_eq!(failing(&world), ["c3"]);
    assert_eq!((kind(&world, "c3"), reason(&world)), (FailureKind::NoProgress, Some(Reason::RolloutHeld)));
    let (_, _, message) = world.condition(ConditionType::ClustersHealthy).unwrap();
    for said in ["c3", "ImagePullBackOff", "10m", "onFailure is hold", "shipperctl abort web/app"] {
        assert!(message.contains(said), "{said} in {message}");
    }
    assert!(world.events.iter().any(|event| event.starts_with("c3 fails at step \"50/50\"")));
    let why = world.ask(shipper_core::plan::why).1;
    let told = why.decisions.iter().find(|because| because.rule == Rule::A2).expect("why it fails");
    assert_eq!(told.clusters, ["c3".into()]);
    assert!(why.decisions.iter().any(|because| because.rule == Rule::A3));
    let targets = world.targets.clone();
    later(&mut world, 86_400);
    assert_eq!(world.targets, targets, "every cluster stays where it is");
}

/// [A2] Progress is a new maximum within the step, not pods that come and go.
#[test]
fn a2_only_a_new_maximum_of_pods_is_progress() {
    let mut world = at_half(OnFailure::Hold, 0);
    world.report_all();
    for pods in [1, 2, 3] {
        world.report("c3", partly(pods));
        later(&mut world, 500);
        assert!(failing(&world).is_empty(), "{pods} pods");
    }
    for pods in [1, 3, 2] {
        world.report("c3", partly(pods));
        later(&mut world, 200);
    }
    assert_eq!(failing(&world), ["c3"]);
    world.report("c3", partly(4));
    world.plan();
    assert!(failing(&world).is_empty(), "a fourth pod is progress");
    assert!(world.events.iter().any(|event| event == "c3 fails no more"));
    past_the_deadline(&mut world);
    assert_eq!(failing(&world), ["c3"], "and a whole deadline begins with it");
}

/// [A2] What cannot heal by waiting fails at once; quota, web-hooks and server errors only by the deadline.
#[test]
fn a2_what_waiting_does_not_heal_fails_at_once() {
    let mut world = at_half(OnFailure::Hold, 0);
    world.report("c1", rejected(false));
    world.report("c2", rejected(true));
    world.report("c3", |_| {});
    world.plan();
    assert_eq!((failing(&world), kind(&world, "c1")), (vec!["c1".to_owned()], FailureKind::Final));
    past_the_deadline(&mut world);
    assert_eq!(failing(&world), ["c1", "c2"]);
    world.report("c1", |_| {});
    world.plan();
    assert_eq!(failing(&world), ["c2"]);
}

/// [A2] What the deadline runs from, and that a cluster fails, stands in Git: a hub that has just started, and another hub, decide
/// from that and from a report, and nothing ends because reports are missing.
#[test]
fn a2_a_restart_of_the_hub_loses_no_failure_and_begins_no_deadline_anew() {
    let mut world = at_half(OnFailure::Hold, 0);
    world.report("c3", broken);
    world.plan();
    later(&mut world, 500);
    let reports = std::mem::take(&mut world.reports);
    let online = world.liveness.clone();
    world.liveness.clear();
    later(&mut world, 500);
    assert!(failing(&world).is_empty(), "a hub that hears nobody calls nobody failing");
    (world.reports, world.liveness) = (reports, online);
    world.plan();
    assert!(failing(&world).contains(&"c3".to_owned()), "the deadline ran on meanwhile");
    world.reports.clear();
    world.liveness.clear();
    world.plan();
    assert!(failing(&world).contains(&"c3".to_owned()), "without reports nothing ends");
    world.report("c3", broken);
    world.plan();
    assert!(failing(&world).contains(&"c3".to_owned()), "as many pods as before are no progress");
    world.report("c3", |_| {});
    world.plan();
    assert!(!failing(&world).contains(&"c3".to_owned()));
}

/// [A2] The record of progress costs few commits: none in the first tenth of the deadline, then at most one in each.
#[test]
fn a2_progress_is_written_down_once_in_a_tenth_of_the_deadline() {
    let mut world = at_half(OnFailure::Hold, 0);
    let mut strategy = strategy(OnFailure::Hold, 0);
    strategy.steps[1].capacity.as_mut().unwrap().contender = Some(100);
    let mut written = 0;
    for second in 0..600 {
        world.report("c3", partly(second / 60));
        let before = world.contender().lagging.clone();
        world.plan();
        written += u32::from(world.contender().lagging != before);
        assert!(second >= 58 || written == 0, "a write after {second} s");
    }
    assert!((1..=12).contains(&written), "{written} writes in one deadline");
    assert!(failing(&world).iter().all(|cluster| cluster != "c3"));
}

/// [A1] [A2] The deadline of a cluster that nobody hears does not run, so that coming back is not failing.
#[test]
fn a2_the_deadline_does_not_run_while_nobody_hears_the_cluster() {
    for early in [true, false] {
        let mut world = at_half(OnFailure::Rollback, 0);
        world.report_all();
        world.report("c3", broken);
        world.plan();
        if !early {
            later(&mut world, 100);
        }
        world.liveness.insert("c3".into(), Liveness::Offline);
        later(&mut world, 86_400);
        assert!(failing(&world).is_empty());
        world.liveness.insert("c3".into(), Liveness::Online);
        later(&mut world, 500);
        assert!(failing(&world).is_empty());
        assert!(world.look().wake_at.is_some());
        later(&mut world, LATEST);
        assert!(world.contender().generation == 1, "it had a whole deadline, and failed");
    }
}

/// [A2] The deadline starts again when what was achieved is lost.
#[test]
fn a2_the_deadline_starts_again_when_achieved_is_lost() {
    let mut world = at_half(OnFailure::Hold, 0);
    world.report_all();
    world.plan();
    assert_eq!(achieved(&world), 1);
    later(&mut world, 3600);
    world.report("c2", broken);
    world.plan();
    assert!(world.contender().achieved.is_none());
    later(&mut world, 590);
    assert!(failing(&world).is_empty());
    later(&mut world, 70);
    assert_eq!(failing(&world), ["c2"]);
}

/// [A1] [S5] A cluster that joins in the middle has the time of a whole deadline, from when it was asked.
#[test]
fn a2_a_cluster_that_joins_has_a_whole_deadline() {
    let mut world = at_half(OnFailure::Hold, 0);
    world.report_all();
    world.plan();
    later(&mut world, 3600);
    let joining = world.fleet.clusters["c2"].clone();
    world.fleet.clusters.insert("c4".into(), joining);
    world.liveness.insert("c4".into(), Liveness::Online);
    let template = &mut world.intent.as_mut().unwrap().application.spec.template;
    template.cluster_requirements =
        Some(serde_json::from_value(json!({"regions": [{"name": "eu", "replicas": 4}]})).unwrap());
    world.plan();
    assert!(world.targets.contains_key("c4"), "{:?}", world.look().status.conditions);
    later(&mut world, 50);
    assert!(world.contender().lagging.is_empty(), "nobody is late yet");
    world.report_all();
    world.report("c4", broken);
    later(&mut world, 500);
    assert!(failing(&world).is_empty());
    later(&mut world, 200);
    assert_eq!(failing(&world), ["c4"]);
}

/// [A1] Failing and offline clusters count together, and never all of those that the step changes are excused.
#[test]
fn a1_failing_and_offline_count_together() {
    let mut world = at_half(OnFailure::Hold, 1);
    world.report("c1", |_| {});
    world.report("c2", |_| {});
    world.report("c3", broken);
    world.plan();
    assert_ne!(world.contender().achieved.as_ref().unwrap().step, 1, "not before the deadline");
    past_the_deadline(&mut world);
    let achieved = world.contender().achieved.clone().unwrap();
    assert_eq!((achieved.step, achieved.excused.len()), (1, 1));
    assert_eq!(reason(&world), Some(Reason::ClustersFailing));

    world.promote("full on");
    world.plan();
    world.report("c1", |_| {});
    world.report("c3", broken);
    world.liveness.insert("c2".into(), Liveness::Offline);
    past_the_deadline(&mut world);
    assert_eq!(world.contender().achieved.as_ref().unwrap().step, 1, "two lack and one is allowed");
    assert_eq!(reason(&world), Some(Reason::RolloutHeld));

    let mut all = at_half(OnFailure::Hold, 3);
    for cluster in ["c1", "c2", "c3"] {
        all.report(cluster, broken);
    }
    past_the_deadline(&mut all);
    assert_eq!(failing(&all).len(), 3);
    assert_ne!(all.contender().achieved.as_ref().unwrap().step, 1, "never all of them");
}

/// [A1] A cluster that was excused undoes nothing by coming on, and counts once it is there.
#[test]
fn a1_an_excused_cluster_that_comes_on_undoes_nothing() {
    let mut world = at_half(OnFailure::Hold, 1);
    world.report_all();
    world.report("c3", broken);
    past_the_deadline(&mut world);
    let at = world.contender().achieved.as_ref().unwrap().at;
    world.report("c3", partly(2));
    world.plan();
    assert!(failing(&world).is_empty());
    assert_eq!(world.contender().achieved.as_ref().unwrap().at, at);
    world.report("c3", |_| {});
    world.plan();
    let achieved = world.contender().achieved.clone().unwrap();
    assert_eq!((achieved.at, achieved.excused.len()), (at, 0));
    world.report("c3", broken);
    world.plan();
    assert!(world.contender().achieved.is_none(), "a report that it lost what it had counts");
}

/// [A3, M8, M12] The contender is withdrawn with its cause, and not made again until the file changes [R2].
#[test]
fn a3_rollback_withdraws_the_contender_with_its_cause() {
    let mut world = at_half(OnFailure::Rollback, 0);
    let v2 = world.contender().name.clone();
    world.report_all();
    world.report("c3", broken);
    past_the_deadline(&mut world);
    let withdrawn = world.releases[&v2].withdrawn.clone().unwrap();
    assert_eq!((withdrawn.reason, withdrawn.commit), (WithdrawalReason::RolledBack, None));
    let cause = withdrawn.cause.unwrap();
    assert!(cause.contains("c3") && cause.contains("ImagePullBackOff"), "{cause}");
    assert!(
        world.events.iter().any(|event| event.contains("is taken back by the hub") && event.contains("c3"))
    );
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 0/0"]);
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/100"]);
    assert_eq!(world.contender().generation, 1);
    let (status, reason, message) = world.condition(ConditionType::ReleaseSynced).unwrap();
    assert_eq!((status, reason), (Status::False, Reason::RolledBack));
    assert!(message.contains("spec.restart") && message.contains("c3"), "{message}");

    // The file changes to the predecessor's environment and back: that is another wish.
    world.commit("v1", vanguard());
    world.settle();
    assert_eq!(world.condition(ConditionType::ReleaseSynced).unwrap().1, Reason::AsExpected);
    world.commit("v2", strategy(OnFailure::Rollback, 0));
    world.settle();
    assert_eq!(world.contender().generation, 3);
}

/// [A3] Neither offline clusters alone, nor agents that cannot read the state branch, take a release back.
#[test]
fn a3_absence_takes_no_release_back() {
    let mut world = at_half(OnFailure::Rollback, 0);
    for cluster in ["c1", "c2", "c3"] {
        world.liveness.insert(cluster.into(), Liveness::Offline);
    }
    later(&mut world, 3600);
    assert!(world.contender().generation == 2 && failing(&world).is_empty());
    for cluster in ["c1", "c2", "c3"] {
        world.liveness.insert(cluster.into(), Liveness::Online);
    }
    past_the_deadline(&mut world);
    assert_eq!(failing(&world).len(), 3);
    assert!(["c1", "c2", "c3"].iter().all(|name| kind(&world, name) == FailureKind::Silent));
    assert_eq!(world.contender().generation, 2);
    world.report_all();
    world.plan();
    assert!(failing(&world).is_empty());
}

/// [A3, M13] A complete release, one on its way back, and a paused one are not taken back.
#[test]
fn a3_what_is_never_taken_back() {
    let mut world = at_half(OnFailure::Rollback, 0);
    world.rollout(|rollout| rollout.paused = true);
    world.report("c3", rejected(false));
    later(&mut world, 1);
    assert_eq!(world.contender().generation, 2, "paused");
    assert!(world.condition(ConditionType::ClustersHealthy).unwrap().2.contains("paused"));

    let mut world = at_half(OnFailure::Rollback, 0);
    world.settle();
    world.promote("staging");
    world.plan();
    world.report("c3", rejected(false));
    later(&mut world, 1);
    assert_eq!(world.contender().generation, 2, "on its way back");

    let mut world = at_half(OnFailure::Rollback, 0);
    world.settle();
    world.promote("full on");
    world.settle();
    world.report("c3", rejected(false));
    later(&mut world, 3600);
    assert_eq!(world.contender().generation, 2, "complete");
    assert!(failing(&world).is_empty());
}

/// [M9] A first release has nothing to go back to: it is held, and says so.
#[test]
fn m9_a_first_release_is_held() {
    let mut world = World::new();
    world.commit("v1", strategy(OnFailure::Rollback, 0));
    world.plan();
    world.report("c1", rejected(false));
    world.plan();
    assert!(world.contender().withdrawn.is_none());
    let (_, reason, message) = world.condition(ConditionType::ClustersHealthy).unwrap();
    assert_eq!(reason, Reason::RolloutHeld);
    assert!(
        message.contains("A first release") && message.contains("shipperctl remove web/app"),
        "{message}"
    );
}

/// [M12] What a person orders comes before what the hub does by itself.
#[test]
fn m12_an_order_comes_before_the_rollback() {
    let mut world = at_half(OnFailure::Rollback, 0);
    let v2 = world.contender().name.to_string();
    world.report("c3", rejected(false));
    world.order(&v2, StepRef::Name("staging".to_owned()));
    world.plan();
    assert_eq!(world.contender().generation, 2);
    assert_eq!(world.contender().position.name, "staging");
    assert!(world.contender().lagging.is_empty(), "what was at another step is forgotten");
}

/// [M3] Where the incumbent's strategy never put it, it is not put by the next contender either.
#[test]
fn m3_a_cluster_that_no_step_selected_stays_as_it_is() {
    let mut world = World::at_v1();
    let only_c1 = crate::support::strategy(json!({"steps": [
        {"name": "one", "clusters": {"names": ["c1"]}, "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
    ]}));
    world.commit("v2", only_c1);
    world.settle();
    assert!(world.contender().complete.is_some());
    let before = world.targets["c3"].clone();
    assert_eq!(world.target("c3"), ["v1 100/100"]);
    let canary = crate::support::strategy(json!({"steps": [
        {"name": "one", "clusters": {"names": ["c1"]}, "capacity": {"contender": 1, "incumbent": 100}, "traffic": {"contender": 0, "incumbent": 100}},
        {"name": "all", "capacity": {"contender": 100}, "traffic": {"contender": 100, "incumbent": 0}},
    ]}));
    world.commit("v3", canary);
    world.settle();
    assert_eq!(world.target("c1"), ["v2 100/100", "v3 1/0"]);
    assert_eq!(world.targets["c3"], before, "c3 is left alone byte for byte");
}

/// [A1] A percentage is one of the clusters that the application is in.
#[test]
fn a1_a_percentage_is_of_the_clusters_of_the_application() {
    for (percent, step) in [(33, 0), (34, 1)] {
        let mut world = World::at_v1();
        let max_failed_clusters = MaxFailedClusters::Percent(percent);
        world.commit("v2", StrategySpec { max_failed_clusters, ..strategy(OnFailure::Hold, 0) });
        world.settle();
        world.promote("50/50");
        world.plan();
        world.report_all();
        world.report("c3", rejected(false));
        world.plan();
        assert_eq!(achieved(&world), step, "{percent} % of three clusters");
    }
}

/// [A3] [M7] The last step is complete without the clusters that may fail, and that is told until they are well.
#[test]
fn m7_a_release_is_complete_without_the_clusters_that_may_fail() {
    let mut world = at_half(OnFailure::Rollback, 1);
    world.settle();
    world.promote("full on");
    world.plan();
    world.report_all();
    world.report("c3", broken);
    past_the_deadline(&mut world);
    assert!(world.contender().complete.is_some());
    assert_eq!((failing(&world), reason(&world)), (vec!["c3".to_owned()], Some(Reason::ClustersFailing)));
    later(&mut world, 86_400);
    assert_eq!((world.contender().generation, failing(&world).len()), (2, 1));
    world.report("c3", |_| {});
    world.plan();
    assert!(failing(&world).is_empty() && reason(&world).is_none());
    assert!(
        world.contender().lagging.is_empty()
            && world.contender().achieved.as_ref().unwrap().excused.is_empty()
    );
    world.report("c3", broken);
    past_the_deadline(&mut world);
    assert!(failing(&world).is_empty(), "a rollout that is over fails nowhere");
}

/// [A3] [A4] A failed analysis is a failing cluster as any other: it counts with the others, and takes the release back.
#[test]
fn a3_a_failed_analysis_takes_the_release_back() {
    for (on_failure, generation) in [(OnFailure::Hold, 2), (OnFailure::Rollback, 1)] {
        let mut strategy = crate::gates::everywhere();
        (strategy.on_failure, strategy.max_failed_clusters) = (on_failure, MaxFailedClusters::Number(1));
        let mut world = crate::gates::at_its_gate(strategy);
        let run = crate::gates::run(&world, "c1");
        crate::gates::samples(&mut world, "c1", run, (0, 1), "0.2");
        world.plan();
        assert_eq!((failing(&world), reason(&world)), (vec!["c1".to_owned()], Some(Reason::ClustersFailing)));
        crate::gates::samples(&mut world, "c2", run, (0, 1), "0.3");
        world.plan();
        assert_eq!(world.contender().generation, generation);
        if on_failure == OnFailure::Hold {
            let (_, reason, message) = world.condition(ConditionType::ClustersHealthy).unwrap();
            assert_eq!(reason, Reason::RolloutHeld);
            assert!(message.contains("0.2") && message.contains("rollout.request"), "{message}");
            let failing = world.look().status.clusters[0].failing.clone().unwrap();
            assert_eq!(failing.kind, FailureKind::Analysis);
        }
    }
}

/// [A3] [B1] A block keeps the hub from taking a release back, unless it allows that.
#[test]
fn a3_a_block_forbids_the_rollback() {
    let mut world = at_half(OnFailure::Rollback, 0);
    world.block("freeze");
    world.report("c3", rejected(false));
    world.plan();
    assert_eq!(world.contender().generation, 2);
    let (_, reason, message) = world.condition(ConditionType::ClustersHealthy).unwrap();
    assert!(reason == Reason::RolloutHeld && message.contains("freeze"), "{message}");
    world.fleet.blocks.clear();
    world.plan();
    assert_eq!(world.contender().generation, 1);
}

/// [A3] What fails holds `approval: auto`, and goes on by itself when few enough fail.
#[test]
fn a3_a_held_rollout_goes_on_when_the_cluster_is_well() {
    let mut strategy = strategy(OnFailure::Hold, 0);
    for step in &mut strategy.steps {
        step.gate.approval = shipper_core::intent::Approval::Auto;
    }
    let mut world = World::at_v1();
    world.commit("v2", strategy);
    world.plan();
    world.report_all();
    world.report("c3", rejected(false));
    world.plan();
    assert_eq!((world.contender().position.step, reason(&world)), (0, Some(Reason::RolloutHeld)));
    assert_eq!(world.target("c3"), ["v1 100/100", "v2 1/0"], "the incumbent is left as it is");
    world.settle();
    assert!(world.contender().complete.is_some());
}

/// [A2] An order that is repeated begins the step's time anew.
#[test]
fn m12_a_repeated_order_begins_anew() {
    let mut world = at_half(OnFailure::Hold, 0);
    world.report_all();
    world.report("c3", broken);
    past_the_deadline(&mut world);
    assert_eq!(failing(&world), ["c3"]);
    world.rollout(|rollout| rollout.request = Some("again".to_owned()));
    world.plan();
    assert!(failing(&world).is_empty());
    past_the_deadline(&mut world);
    assert_eq!(failing(&world), ["c3"]);
}

/// [S4] [A1] Nobody waits for a cluster that leaves, and it fails nowhere.
#[test]
fn a1_a_cluster_that_leaves_does_not_fail() {
    let mut world = at_half(OnFailure::Hold, 0);
    world.report_all();
    world.report("c3", broken);
    past_the_deadline(&mut world);
    assert_eq!(failing(&world), ["c3"]);
    let template = &mut world.intent.as_mut().unwrap().application.spec.template;
    template.cluster_requirements =
        Some(serde_json::from_value(json!({"regions": [{"name": "eu", "replicas": 2}]})).unwrap());
    world.fleet.clusters.get_mut("c3").unwrap().cluster.spec.scheduler.drain = true;
    world.plan();
    world.plan();
    assert!(failing(&world).is_empty(), "{:?}", world.look().status.clusters);
    assert_eq!(achieved(&world), 1);
}

/// What one of two hubs without a common database knows: it hears these clusters alone.
fn hears(world: &mut World, clusters: &[&str]) {
    for (name, liveness) in &mut world.liveness {
        let heard = clusters.contains(&name.as_str());
        *liveness = if heard { Liveness::Online } else { Liveness::Offline };
    }
    world.reports.retain(|name, _| clusters.contains(&name.as_str()));
}

/// [A6] [A2] A hub that hears nobody gives no cluster more time than the one that hears them, and writes nothing of its own.
#[test]
fn a6_a_hub_that_hears_nobody_gives_no_time() {
    let mut world = at_half(OnFailure::Hold, 0);
    for _ in 0..LATEST / 10 + 3 {
        hears(&mut world, &["c1", "c2", "c3"]);
        world.report_all();
        world.report("c3", broken);
        world.plan();
        hears(&mut world, &[]);
        let before = (world.contender().lagging.clone(), world.contender().achieved.clone());
        world.plan();
        assert_eq!((world.contender().lagging.clone(), world.contender().achieved.clone()), before);
        world.now += SignedDuration::from_secs(8);
    }
    assert_eq!(failing(&world), ["c3"]);
}

/// [A6] [A1] Two hubs that hear other clusters come to rest: neither undoes what the other saw.
#[test]
fn a6_two_hubs_that_hear_other_clusters_come_to_rest() {
    let mut world = at_half(OnFailure::Hold, 2);
    for round in 0..4 {
        for clusters in [&["c1", "c2"][..], &["c3"]] {
            hears(&mut world, clusters);
            for cluster in clusters {
                world.report(cluster, |_| {});
            }
            let changed = world.plan();
            assert!(round == 0 || !changed, "round {round}, {clusters:?}: {:?}", world.contender());
        }
    }
    assert_eq!(achieved(&world), 1);
}
