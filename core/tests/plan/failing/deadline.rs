//! Rule A2: which clusters fail, and when.

use super::{
    DEADLINE, LATEST, achieved, at_half, failing, kind, later, partly, past_the_deadline, reason, rejected,
    strategy,
};
use crate::support::broken;
use serde_json::json;
use shipper_core::condition::{ConditionType, Reason};
use shipper_core::intent::{OnFailure, StrategySpec};
use shipper_core::state::FailureKind;
use shipper_core::status::Liveness;
use shipper_core::why::Rule;

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
    for said in
        ["c3", "ImagePullBackOff", "10m", "onFailure is hold", "shipperctl abort web/app --release app-"]
    {
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

/// [A2, R4] A strategy with a longer deadline that is adopted gives its time to who failed by the shorter one, also where it says to take
/// back what fails.
#[test]
fn a2_r4_a_longer_deadline_that_is_adopted_counts_at_once() {
    let mut world = at_half(OnFailure::Hold, 0);
    world.report_all();
    world.report("c3", broken);
    past_the_deadline(&mut world);
    assert_eq!(failing(&world), ["c3"]);

    let patient = StrategySpec { progress_deadline: 3 * DEADLINE, ..strategy(OnFailure::Rollback, 0) };
    world.commit("v2", patient.clone());
    let release = world.contender().name.to_string();
    world.rollout(|rollout| {
        rollout.release = Some(release);
        rollout.adopt_strategy = Some(patient.version());
    });
    world.plan();
    assert_eq!(world.contender().strategy, patient);
    assert!(failing(&world).is_empty(), "it has time");
    later(&mut world, LATEST);
    assert!(failing(&world).is_empty());
    later(&mut world, 2 * LATEST);
    assert_eq!(world.contender().generation, 1, "which is over: v2 is taken back");
}
