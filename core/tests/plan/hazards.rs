//! What the original did wrong in its planning, and must not come back: `docs/original-scenes.md` has the list.

use crate::support::{World, vanguard};
use shipper_core::catalogue::Trouble;
use shipper_core::report::ObjectProblem;
use shipper_core::status::Liveness;

/// [M10] A commit in the middle of a rollout deletes nothing: the incumbent is brought back while the contender's pods stay listed,
/// until each cluster has reported that they are gone.
#[test]
fn a_commit_in_the_middle_of_a_rollout_deletes_no_pods() {
    let mut world = World::with_v2_at("50/50");
    world.commit("v3", vanguard());
    world.plan();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 0/0", "v3 1/0"]);
    // The clusters still have what they had.
    for cluster in ["c1", "c2", "c3"] {
        world.report(cluster, |report| report.releases[1].capacity.pods = 5);
    }
    world.plan();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 0/0", "v3 1/0"]);
}

/// [M2, M3] Walking back out of a step that was never achieved asks every cluster for the step's own numbers, whatever was asked for
/// before.
#[test]
fn walking_back_out_of_an_unachieved_step_depends_on_nothing_before() {
    let mut world = World::with_v2_at("staging");
    let staging = world.target("c1");
    world.promote("full on");
    world.plan();
    assert_eq!(world.target("c1"), ["v1 0/0", "v2 100/100"]);
    world.promote("staging");
    world.plan();
    assert_eq!(world.target("c1"), staging);
}

/// [A2, C8] What is wrong in one cluster, and one that is away, keep no other from its target.
#[test]
fn one_cluster_in_trouble_holds_up_no_other() {
    let mut world = World::with_v2_at("staging");
    world.liveness.insert("c3".into(), Liveness::Offline);
    world.report("c2", |report| {
        report.problems.push(ObjectProblem {
            object: "Service web/app".to_owned(),
            heals: false,
            reason: Trouble::OwnershipConflict,
            message: "belongs to another".to_owned(),
        });
    });
    world.promote("50/50");
    world.plan();
    for cluster in ["c1", "c2", "c3"] {
        assert_eq!(world.target(cluster), ["v1 50/50", "v2 50/50"], "{cluster}");
    }
}

/// [A2] A problem that waiting does not heal keeps its cluster from having achieved anything, whatever its numbers are.
#[test]
fn what_does_not_heal_is_not_done() {
    let mut world = World::with_v2_at("staging");
    world.promote("50/50");
    world.plan();
    world.report_all();
    let refused = |heals| ObjectProblem {
        object: "ConfigMap web/app".to_owned(),
        heals,
        reason: Trouble::FieldConflict,
        message: "is not as it is to be".to_owned(),
    };
    world.report("c2", |report| report.problems.push(refused(false)));
    world.plan();
    assert_eq!(world.contender().achieved.as_ref().unwrap().step, 0);
    world.report("c2", |report| report.problems.push(refused(true)));
    world.plan();
    assert_eq!(world.contender().achieved.as_ref().unwrap().step, 1);
}

/// [A1] A report that leaves a release out says nothing of it.
#[test]
fn what_a_report_leaves_out_is_not_done() {
    let mut world = World::with_v2_at("staging");
    world.promote("50/50");
    world.plan();
    world.report_all();
    world.report("c2", |report| report.releases.truncate(1));
    world.plan();
    assert_eq!(world.contender().achieved.as_ref().unwrap().step, 0);
    world.report("c2", |_| {});
    world.plan();
    assert_eq!(world.contender().achieved.as_ref().unwrap().step, 1);
}

/// [S2, S5] Another cluster in the middle of a rollout changes nothing for those that are there: not a byte, and no number goes to zero.
#[test]
fn another_set_of_clusters_resets_nothing() {
    let mut world = World::with_v2_at("50/50");
    let before = world.targets.clone();
    let mut joined = world.fleet.clusters["c3"].clone();
    joined.cluster.metadata.name = "c4".to_owned();
    world.fleet.clusters.insert("c4".into(), joined);
    world.plan();
    assert_eq!(world.target("c4"), ["v1 50/50", "v2 50/50"]);
    world.targets.remove("c4");
    assert_eq!(world.targets, before);
}

/// [S3] An application that finds no cluster goes on by itself when there is one.
#[test]
fn a_cluster_that_comes_later_is_noticed() {
    let mut world = World::new();
    let clusters = std::mem::take(&mut world.fleet.clusters);
    world.commit("v1", vanguard());
    world.settle();
    assert!(world.targets.is_empty());
    world.fleet.clusters = clusters;
    world.settle();
    assert_eq!(world.target("c2"), ["v1 1/0"]);
}
