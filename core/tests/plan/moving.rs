//! Rules M1 to M12 and A1.

use crate::support::{World, broken, strategy, vanguard};
use jiff::SignedDuration;
use serde_json::json;
use shipper_core::condition::{ConditionType, Reason};
use shipper_core::intent::{Approval, MaxFailedClusters, OnFailure, StepRef, StrategySpec};
use shipper_core::state::{Cause, WithdrawalReason};
use shipper_core::status::{Liveness, WaitingFor};

#[test]
fn m1_a_release_moves_by_name_and_by_index() {
    let mut world = World::with_v2_at("staging");
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 1/0"]);
    world.promote("50/50");
    world.plan();
    for cluster in ["c1", "c2", "c3"] {
        assert_eq!(world.target(cluster), ["v1 50/50", "v2 50/50"]);
    }
    world.settle();
    let name = world.contender().name.clone();
    world.order(name.as_str(), StepRef::Index(2));
    world.settle();
    assert_eq!(world.target("c1"), ["v1 0/0", "v2 100/100"]);
    assert!(world.contender().complete.is_some());
}

#[test]
fn m1_a_stale_name_or_an_unknown_step_moves_nothing() {
    let mut world = World::at_v1();
    let v1 = world.contender().name.clone();
    world.commit("v2", vanguard());
    world.settle();
    let before = world.targets.clone();
    for (release, step, said) in [
        (v1.to_string(), StepRef::Name("staging".into()), "but the contender is"),
        ("nobody-0-0".to_owned(), StepRef::Index(1), "but the contender is"),
        (
            world.contender().name.to_string(),
            StepRef::Name("60/40".into()),
            "its steps are \"staging\", \"50/50\"",
        ),
        (world.contender().name.to_string(), StepRef::Index(3), "numbers there count from 0"),
    ] {
        world.order(&release, step);
        world.settle();
        assert_eq!(world.targets, before);
        let messages: Vec<String> = world.look().status.conditions.into_iter().map(|c| c.message).collect();
        assert!(messages.iter().any(|m| m.contains(said)), "{messages:?}");
    }
}

#[test]
fn m2_steps_are_skipped_and_an_unachieved_one_is_preempted() {
    let mut world = World::at_v1();
    world.commit("v2", vanguard());
    world.plan();
    world.promote("full on");
    world.plan();
    assert_eq!(world.target("c2"), ["v1 0/0", "v2 100/100"]);
}

#[test]
fn m2_m7_walking_back_loses_the_mark_and_brings_the_incumbent_back() {
    let mut world = World::with_v2_at("full on");
    assert!(world.contender().complete.is_some());
    world.promote("staging");
    world.settle();
    assert!(world.contender().complete.is_none());
    assert_eq!(world.target("c3"), ["v1 100/100", "v2 1/0"]);
}

#[test]
fn m3_a_vanguard_touches_only_its_clusters() {
    let mut world = World::at_v1();
    let before = world.targets.clone();
    let by_region = strategy(json!({"steps": [
        {"name": "one", "clusters": {"matchLabels": {"tier": "vanguard"}},
         "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
        {"name": "all", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
    ]}));
    world.commit("v2", by_region);
    world.settle();
    assert_eq!(world.target("c1"), ["v1 0/0", "v2 100/100"]);
    for cluster in ["c2", "c3"] {
        assert_eq!(world.targets[cluster], before[cluster], "{cluster} stays as it is");
    }
    world.promote("all");
    world.settle();
    assert_eq!(world.target("c3"), ["v1 0/0", "v2 100/100"]);
    assert!(world.contender().complete.is_some());
}

#[test]
fn m3_a_first_release_waits_only_for_the_clusters_it_has_come_to() {
    let mut world = World::new();
    world.commit(
        "v1",
        strategy(json!({"steps": [
            {"name": "one", "clusters": {"names": ["c1"]}, "capacity": {"contender": 100}, "traffic": {"contender": 100}},
            {"name": "all", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
        ]})),
    );
    world.settle();
    assert_eq!(world.targets.len(), 1);
    assert_eq!(world.contender().achieved.as_ref().unwrap().name, "one");
    assert_eq!(world.look().status.waiting.state, shipper_core::status::WaitingFor::WaitingForCommand);
}

#[test]
fn m3_a_cluster_that_joins_gets_the_numbers_of_the_present_step() {
    let mut world = World::with_v2_at("50/50");
    let mut joined = world.fleet.clusters["c3"].clone();
    joined.cluster.metadata.name = "c4".to_owned();
    world.fleet.clusters.insert("c4".into(), joined);
    world.plan();
    assert_eq!(world.target("c4"), ["v1 50/50", "v2 50/50"]);
}

#[test]
fn m4_what_a_step_leaves_out_comes_from_the_step_before() {
    let mut world = World::at_v1();
    world.commit(
        "v2",
        strategy(json!({"steps": [
            {"name": "capacity only", "capacity": {"contender": 100}},
            {"name": "traffic only", "traffic": {"contender": 100, "incumbent": 0}},
            {"name": "clean up", "capacity": {"incumbent": 0}},
        ]})),
    );
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 100/0"]);
    world.promote("traffic only");
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/0", "v2 100/100"]);
    world.promote("clean up");
    world.settle();
    assert_eq!(world.target("c1"), ["v1 0/0", "v2 100/100"]);
}

#[test]
fn m4_without_traffic_in_any_step_nothing_of_traffic_is_asked_for() {
    let mut world = World::new();
    world.commit(
        "v1",
        strategy(json!({"steps": [{"name": "all", "capacity": {"contender": 100, "incumbent": 0}}]})),
    );
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100"]);
}

#[test]
fn m5_m6_without_a_strategy_the_first_release_is_full_on() {
    let mut world = World::new();
    world.commit("v1", shipper_core::intent::StrategySpec::default());
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/100"]);
    assert!(world.contender().complete.is_some());
}

#[test]
fn m8_a_return_withdraws_the_contender_at_once() {
    let mut world = World::at_v1();
    let v1 = world.contender().name.clone();
    world.commit("v2", vanguard());
    world.settle();
    world.promote("50/50");
    world.settle();
    let v2 = world.contender().name.clone();
    world.commit("v1", vanguard());
    world.plan();
    assert_eq!(world.releases[&v2].withdrawn.as_ref().unwrap().reason, WithdrawalReason::Returned);
    assert_eq!(world.contender().name, v1, "no new release, no new iteration");
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 0/0"]);
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/100"]);
    assert!(world.contender().complete.is_some());
}

#[test]
fn m8_a_complete_contender_is_rolled_back_the_same_way() {
    let mut world = World::at_v1();
    let v1 = world.contender().name.clone();
    world.roll_out("v2");
    world.commit("v1", vanguard());
    world.settle();
    assert_eq!(world.contender().name, v1);
    assert_eq!(world.target("c2"), ["v1 100/100"]);
}

#[test]
fn m9_a_first_release_that_fails_is_held() {
    let mut world = World::new();
    world.commit("v1", StrategySpec { on_failure: OnFailure::Rollback, ..vanguard() });
    world.plan();
    for cluster in ["c1", "c2", "c3"] {
        world.report(cluster, broken);
    }
    // Past its progress deadline of ten minutes.
    for _ in 0..15 {
        world.now += SignedDuration::from_mins(1);
        world.plan();
    }
    let (_, reason, message) = world.condition(ConditionType::ClustersHealthy).unwrap();
    assert!(reason == Reason::RolloutHeld && message.contains("3 clusters fail"), "{message}");
    assert!(world.contender().withdrawn.is_none());
    assert_eq!(world.target("c1"), ["v1 1/0"]);
}

#[test]
fn m10_a_third_environment_supersedes_and_what_serves_is_kept() {
    let mut world = World::with_v2_at("50/50");
    world.commit("v3", vanguard());
    world.plan();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 0/0", "v3 1/0"]);
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/100", "v3 1/0"]);
}

#[test]
fn m12_only_a_difference_in_the_order_is_an_order() {
    let mut world = World::at_v1();
    let mut half_automatic = vanguard();
    half_automatic.steps[1].gate.approval = Approval::Auto;
    world.commit("v2", half_automatic);
    world.settle();
    world.promote("50/50");
    world.settle();
    // The order stands in the file, and the rollout went on by itself: that is not repeated.
    assert_eq!(world.target("c1"), ["v1 0/0", "v2 100/100"]);
    assert!(!world.plan());
    // `request` repeats it; where the rollout was walked back it stays.
    world.rollout(|rollout| rollout.request = Some("again".to_owned()));
    world.settle();
    assert_eq!(world.target("c1"), ["v1 50/50", "v2 50/50"]);
}

#[test]
fn m12_the_order_in_a_commit_that_returns_counts_as_obeyed() {
    let mut world = World::at_v1();
    let v1 = world.contender().name.clone();
    world.commit("v2", vanguard());
    world.settle();
    world.promote("50/50");
    world.settle();
    // The revert brings back the old order of v1 as well.
    world.commit("v1", vanguard());
    world.order(v1.as_str(), StepRef::Name("staging".into()));
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/100"]);
}

#[test]
fn m12_approval_auto_goes_on_by_itself_one_step_at_a_time() {
    let mut world = World::at_v1();
    let mut auto = vanguard();
    for step in &mut auto.steps {
        step.gate.approval = shipper_core::intent::Approval::Auto;
    }
    world.commit("v2", auto);
    world.plan();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 1/0"]);
    world.report_all();
    world.plan();
    assert_eq!(world.target("c1"), ["v1 50/50", "v2 50/50"]);
    assert_eq!(world.contender().position.cause, Cause::GatePassed);
    world.settle();
    assert!(world.contender().complete.is_some());
}

#[test]
fn a_soak_holds_the_step_for_its_time() {
    let mut world = World::at_v1();
    let mut soaking = vanguard();
    soaking.steps[0].gate.approval = shipper_core::intent::Approval::Auto;
    soaking.steps[0].gate.soak = Some(std::time::Duration::from_secs(600));
    world.commit("v2", soaking);
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 1/0"]);
    let wake = world.look().wake_at.expect("a wake-up when the soak ends");
    world.now = wake;
    world.plan();
    assert_eq!(world.target("c1"), ["v1 50/50", "v2 50/50"]);
}

#[test]
fn a1_every_placed_cluster_must_report_on_the_target_that_asks() {
    let mut world = World::with_v2_at("staging");
    world.promote("full on");
    world.plan();
    let stale = world.targets["c3"].generation - 1;
    world.report("c1", |_| {});
    world.report("c2", |_| {});
    world.report("c3", |report| report.target_generation = stale);
    world.plan();
    assert!(world.contender().complete.is_none(), "an old report proves nothing");
    world.report("c3", |report| report.releases[1].capacity.achieved = false);
    world.plan();
    assert!(world.contender().complete.is_none());
    world.report("c3", |report| report.releases[1].traffic.as_mut().unwrap().achieved = false);
    world.plan();
    assert!(world.contender().complete.is_none());
    world.report("c3", |_| {});
    world.plan();
    assert!(world.contender().complete.is_some());
}

#[test]
fn a1_missing_evidence_never_undoes_but_a_report_does() {
    let mut world = World::with_v2_at("staging");
    assert!(world.contender().achieved.is_some());
    world.reports.clear();
    world.plan();
    assert!(world.contender().achieved.is_some(), "a hub without reports undoes nothing");
    world.report("c2", broken);
    world.plan();
    assert!(world.contender().achieved.is_none());
}

#[test]
fn a1_offline_clusters_are_excused_up_to_the_limit_and_never_all() {
    let mut world = World::at_v1();
    let mut lenient = vanguard();
    lenient.max_failed_clusters = MaxFailedClusters::Number(1);
    world.commit("v2", lenient);
    world.settle();
    world.promote("50/50");
    world.plan();
    world.liveness.insert("c3".into(), Liveness::Offline);
    world.report("c1", |_| {});
    world.report("c2", |_| {});
    world.plan();
    assert_eq!(world.contender().achieved.as_ref().unwrap().step, 1);
    world.promote("full on");
    world.plan();
    world.liveness.insert("c2".into(), Liveness::Offline);
    world.report("c1", |_| {});
    world.plan();
    assert_eq!(world.contender().achieved.as_ref().unwrap().step, 1, "two are away and one is allowed");
}

/// [A1] However many clusters may fail: where all that the step changes are away, nobody has shown that it works.
#[test]
fn a1_a_step_is_not_achieved_by_clusters_that_are_away() {
    let mut world = World::at_v1();
    let mut lenient = vanguard();
    lenient.max_failed_clusters = MaxFailedClusters::Number(3);
    world.commit("v2", lenient);
    world.settle();
    world.promote("50/50");
    world.plan();
    for cluster in ["c1", "c2", "c3"] {
        world.liveness.insert(cluster.into(), Liveness::Offline);
    }
    world.plan();
    assert_eq!(world.contender().achieved.as_ref().unwrap().step, 0);
    world.report("c1", |_| {});
    world.plan();
    assert_eq!(
        world.contender().achieved.as_ref().unwrap().step,
        1,
        "one has reported, and the others may be away"
    );
}

/// [M7] What is complete stays so, whatever a report says.
#[test]
fn m7_no_report_takes_the_mark_away() {
    let mut world = World::at_v1();
    for cluster in ["c1", "c2", "c3"] {
        world.report(cluster, broken);
    }
    world.plan();
    assert!(world.contender().complete.is_some() && world.contender().achieved.is_some());
    assert_eq!(world.target("c1"), ["v1 100/100"]);
}

#[test]
fn c1_an_incumbent_that_falls_short_delays_no_forward_step() {
    let mut world = World::with_v2_at("staging");
    world.promote("50/50");
    world.plan();
    for cluster in ["c1", "c2", "c3"] {
        world.report(cluster, |report| {
            let old = &mut report.releases[0];
            old.capacity.available = 0;
            old.capacity.achieved = false;
            old.traffic.as_mut().unwrap().ready = 0;
            old.traffic.as_mut().unwrap().achieved = false;
        });
    }
    world.plan();
    assert_eq!(world.contender().achieved.as_ref().unwrap().step, 1);
    assert!(world.look().status.clusters[0].message.contains("0 of 5 pods available"));
}

/// [A1, M2] A step that is walked back to is achieved when that is reported on the target that asks for it again, not because it was before.
#[test]
fn a1_a_step_that_is_walked_back_to_has_to_be_achieved_again() {
    let mut world = World::at_v1();
    world.commit("v2", vanguard());
    world.settle();
    let release = world.contender().name.clone();
    assert!(world.contender().achieved.as_ref().is_some_and(|achieved| achieved.step == 0));
    world.promote("50/50");
    world.plan();
    world.order(release.as_str(), StepRef::Name("staging".to_owned()));
    world.plan();
    assert_eq!(world.contender().position.name, "staging");
    assert_eq!(world.contender().achieved, None, "nobody has reported on this target");
    assert_eq!(world.look().status.waiting.state, WaitingFor::WaitingForCluster);
    world.settle();
    assert!(world.contender().achieved.as_ref().is_some_and(|achieved| achieved.step == 0));
}
