//! Rule A5: waiting is always explained.

use crate::support::{World, broken, vanguard};
use shipper_core::api::{ApplicationSummary, RolloutState};
use shipper_core::catalogue::Trouble;
use shipper_core::plan::Unresolved;
use shipper_core::report::ObjectProblem;
use shipper_core::status::{Liveness, WaitingFor};

#[test]
fn a5_each_state_in_its_order() {
    let mut world = World::at_v1();
    assert_eq!(world.look().status.waiting.state, WaitingFor::None);
    world.commit("v2", vanguard());
    world.plan();
    let waiting = world.look().status.waiting;
    assert_eq!(waiting.state, WaitingFor::WaitingForCluster);
    assert_eq!(waiting.clusters.len(), 3);
    world.liveness.insert("c2".into(), Liveness::Offline);
    assert!(world.look().status.waiting.message.contains("c2: its agent does not report"));
    world.report("c1", |report| {
        report.releases[1].installed = false;
        report.problems.push(ObjectProblem {
            object: "Service web/app".into(),
            heals: false,
            reason: Trouble::OwnershipConflict,
            message: "exists already and is managed by helm".into(),
        });
    });
    world.report("c2", |_| {});
    world.report("c3", broken);
    let waiting = world.look().status.waiting;
    assert_eq!(waiting.state, WaitingFor::WaitingForInstallation);
    assert!(
        waiting.message.contains("c1") && waiting.message.contains("managed by helm"),
        "{}",
        waiting.message
    );
    world.report("c1", |_| {});
    let waiting = world.look().status.waiting;
    assert_eq!(waiting.state, WaitingFor::WaitingForCapacity);
    assert_eq!(waiting.clusters, ["c3".into()]);
    assert!(waiting.message.contains("ImagePullBackOff"), "{}", waiting.message);
    world.report("c3", |report| {
        let traffic = report.releases[0].traffic.as_mut().unwrap();
        traffic.ready = 11;
        traffic.achieved = false;
    });
    assert_eq!(world.look().status.waiting.state, WaitingFor::WaitingForTraffic);
    world.report("c3", |_| {});
    world.settle();
    let waiting = world.look().status.waiting;
    assert_eq!(waiting.state, WaitingFor::WaitingForCommand);
    assert!(
        waiting.message.contains("shipperctl promote web/app --release") && waiting.message.contains("50/50")
    );
}

/// [A5] Before there is a release, what is in its way is what is waited for, and no cluster has what it should.
#[test]
fn a5_what_is_in_the_way_of_the_first_release_is_told() {
    let mut world = World::new();
    world.commit("v1", vanguard());
    let environment = world.intent.as_ref().unwrap().environment.clone();
    let message = "main has nothing at apps/bad".to_owned();
    world.intent.as_mut().unwrap().environment = Err(Unresolved { message: message.clone() });
    world.plan();
    let line = ApplicationSummary::of(&world.look().status);
    assert_eq!(
        (line.state, line.waiting.state),
        (RolloutState::NoRelease, WaitingFor::WaitingForInstallation)
    );
    assert_eq!((line.waiting.message, line.clusters.waiting), (message, line.clusters.total));
    world.intent.as_mut().unwrap().environment = environment;
    world.settle();
    let line = ApplicationSummary::of(&world.look().status);
    assert_eq!((line.waiting.state, line.clusters.waiting), (WaitingFor::WaitingForCommand, 0));
}

/// [C12] Between two weights new pods need a living agent: that is said of a cluster whose agent does not report, and of no other.
#[test]
fn c12_a_cluster_is_unattended_when_its_agent_is_away_between_two_weights() {
    let mut world = World::at_v1();
    world.commit("v2", vanguard());
    world.settle();
    world.promote("50/50");
    world.settle();
    world.reports.values_mut().for_each(|report| report.unattended = true);
    let unattended = |world: &World| -> Vec<String> {
        let clusters = world.look().status.clusters.into_iter().filter(|cluster| cluster.unattended);
        clusters.map(|cluster| cluster.cluster.to_string()).collect()
    };
    assert_eq!(unattended(&world), [""; 0]);
    world.liveness.insert("c2".into(), Liveness::Offline);
    assert_eq!(unattended(&world), ["c2"]);
}
