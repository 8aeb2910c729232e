//! Rules A1 and M7: how many clusters may fail, and what goes on without them.

use super::{achieved, at_half, failing, later, partly, past_the_deadline, reason, rejected, strategy};
use crate::support::{World, broken};
use serde_json::json;
use shipper_core::condition::Reason;
use shipper_core::intent::{MaxFailedClusters, OnFailure, StrategySpec};
use shipper_core::status::Liveness;

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

/// [A1] [A3] Where a step changes none of the clusters that stay, it waits for one of them all the same, and says so.
#[test]
fn a3_a_step_that_changes_nobody_is_held_when_all_fail() {
    let canary = crate::support::strategy(json!({"steps": [
        {"name": "staging", "capacity": {"contender": 20, "incumbent": 100}, "traffic": {"contender": 0, "incumbent": 100}},
        {"name": "canary", "clusters": {"names": ["c1"]}, "capacity": {"contender": 40}, "traffic": {"contender": 40, "incumbent": 60}},
        {"name": "all", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
    ]}));
    let mut world = World::at_v1();
    world.commit("v2", StrategySpec { steps: canary.steps, ..strategy(OnFailure::Hold, 2) });
    world.settle();
    world.promote("canary");
    world.plan();
    let template = &mut world.intent.as_mut().unwrap().application.spec.template;
    template.cluster_requirements =
        Some(serde_json::from_value(json!({"regions": [{"name": "eu", "replicas": 2}]})).unwrap());
    world.fleet.clusters.get_mut("c1").unwrap().cluster.spec.scheduler.drain = true;
    world.plan();
    for cluster in ["c2", "c3"] {
        world.report(cluster, broken);
    }
    past_the_deadline(&mut world);
    assert_eq!(failing(&world), ["c2", "c3"], "as many as may fail, and all that there are");
    assert_eq!(reason(&world), Some(Reason::RolloutHeld));
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

/// [A1, R4] A step that was achieved without a cluster that may fail is not, once a strategy is adopted by which none may.
#[test]
fn a1_r4_a_smaller_budget_that_is_adopted_counts_at_once() {
    let mut world = at_half(OnFailure::Hold, 1);
    world.report_all();
    world.report("c3", rejected(false));
    world.plan();
    assert_eq!(achieved(&world), 1);

    let mut strict = strategy(OnFailure::Hold, 0);
    strict.steps[1].gate.approval = shipper_core::intent::Approval::Auto;
    world.commit("v2", strict.clone());
    let release = world.contender().name.to_string();
    world.rollout(|rollout| {
        rollout.release = Some(release);
        rollout.adopt_strategy = Some(strict.version());
    });
    world.plan();
    // It begins to try again, and says nothing of failure any more.
    world.report("c3", broken);
    world.plan();
    assert_eq!(world.contender().strategy, strict);
    assert_eq!(world.contender().position.name, "50/50");
    world.report_all();
    world.plan();
    assert_eq!(world.contender().position.name, "full on", "now all have it");
}
