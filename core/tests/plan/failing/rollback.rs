//! Rules A3, M9 and M12: when the hub takes a release back, and when never.

use super::{at_half, failing, kind, later, past_the_deadline, reason, rejected, strategy};
use crate::support::{World, broken, vanguard};
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::intent::{MaxFailedClusters, OnFailure, StepRef};
use shipper_core::plan::Absence;
use shipper_core::state::{FailureKind, WithdrawalReason};
use shipper_core::status::Liveness;

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

/// [X1, R2] An application that was removed and comes back is another one: what the hub took back before is made.
#[test]
fn x1_a_removal_forgets_what_was_taken_back() {
    let mut world = at_half(OnFailure::Rollback, 0);
    world.report_all();
    world.report("c3", broken);
    past_the_deadline(&mut world);
    world.settle();
    assert_eq!(world.contender().generation, 1);
    let intent = world.intent.take();
    world.absence = Some(Absence { confirmed: Some("c0ffee".to_owned()), others: 0 });
    world.settle();
    assert!(world.releases.is_empty());
    (world.intent, world.absence) = (intent, None);
    world.reports.clear();
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
