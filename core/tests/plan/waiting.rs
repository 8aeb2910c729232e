//! Rule A5: waiting is always explained.

use crate::support::{World, broken, vanguard};
use shipper_core::api::{ApplicationSummary, RolloutState};
use shipper_core::catalogue::Trouble;
use shipper_core::condition::{Condition, ConditionType, Reason, Status};
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
    world.intent.as_mut().unwrap().environment = Err(missing(&message));
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

fn missing(message: &str) -> Unresolved {
    Unresolved { message: message.to_owned(), looking: false }
}

/// [A5, M7] What runs stays complete, and the application does not read as if it were what `main` asks for: it says at a look what the next
/// release lacks. While its chart is only looked up, nothing is known to be wrong.
#[test]
fn a5_a_complete_application_says_what_its_next_release_lacks() {
    let mut world = World::at_v1();
    let v1 = world.contender().name.clone();
    let good = world.intent.clone();
    let message = "nginx 9.9.9 is not in https://charts.example.com";
    world.intent.as_mut().unwrap().environment = Err(Unresolved { looking: true, ..missing(message) });
    assert_eq!(RolloutState::of(&world.look().status), RolloutState::Complete);

    world.intent.as_mut().unwrap().environment = Err(missing(message));
    let status = world.look().status;
    let line = ApplicationSummary::of(&status);
    assert_eq!((line.state, line.state.words()), (RolloutState::OutOfSync, "out of sync"));
    assert!(line.complete && line.state.needs_somebody() && line.contender == Some(v1));
    assert_eq!(line.waiting.state, WaitingFor::WaitingForInstallation);
    assert_eq!((line.waiting.message.as_str(), line.clusters.waiting), (message, 0));
    let complete = status.conditions.iter().find(|condition| condition.kind == ConditionType::Complete);
    assert_eq!(complete.map(|complete| complete.status), Some(Status::True));

    // A cluster that lost what it had is waited for first.
    world.report("c3", broken);
    assert_eq!(world.look().status.waiting.clusters, ["c3".into()]);
    world.report("c3", |_| {});

    // An archive that cannot be fetched, and a file that is refused, are told as the chart is.
    world.intent = good;
    let archive = ("Rendered", ConditionType::Rendered, Reason::ChartUnavailable);
    let file = ("Valid", ConditionType::Valid, Reason::InvalidFile);
    for (words, kind, reason) in [archive, file] {
        world.reading = vec![Condition::new(kind, Status::False, reason, words)];
        let status = world.look().status;
        assert_eq!((RolloutState::of(&status), status.sentence().as_str()), (RolloutState::OutOfSync, words));
    }
    world.reading.clear();
    assert_eq!(RolloutState::of(&world.look().status), RolloutState::Complete);

    world.intent.as_mut().unwrap().strategy = None;
    world.intent.as_mut().unwrap().environment.as_mut().unwrap().environment.restart = Some("again".into());
    let status = world.look().status;
    assert_eq!(RolloutState::of(&status), RolloutState::OutOfSync);
    assert!(status.waiting.message.contains("strategyRef"), "{}", status.waiting.message);
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
