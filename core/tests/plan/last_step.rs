//! Rule M7: a release is complete when the gates of its last step are passed too, approval aside.

use crate::gates::{run, samples};
use crate::support::{World, vanguard};
use jiff::SignedDuration;
use serde_json::{from_value, json};
use shipper_core::condition::{ConditionType, Reason};
use shipper_core::intent::{Gate, OnFailure, StrategySpec};
use shipper_core::state::WithdrawalReason;
use shipper_core::status::WaitingFor;

/// [`vanguard`] with this gate on its last step; approval is manual there, and nobody is asked for it.
fn gated(gate: serde_json::Value) -> StrategySpec {
    let mut strategy = vanguard();
    strategy.steps[2].gate = from_value::<Gate>(gate).unwrap();
    strategy
}

/// v1 is complete, and v2 has achieved its last step everywhere.
fn at_its_end(strategy: StrategySpec) -> World {
    let mut world = World::at_v1();
    world.commit("v2", strategy);
    world.settle();
    world.promote("full on");
    world.settle();
    assert_eq!(world.contender().achieved.as_ref().map(|achieved| achieved.step), Some(2));
    assert_eq!(world.contender().complete, None, "its last step has a gate");
    assert_eq!(world.look().status.waiting.state, WaitingFor::WaitingForGate);
    world
}

fn measured() -> StrategySpec {
    gated(json!({"analysis": [{
        "name": "errors", "prometheus": {"address": "http://prometheus", "query": "errors"},
        "failIf": "> 0.01", "interval": "1m", "count": 1,
    }]}))
}

/// [M7] The last step has to soak for its whole time; nobody has to approve after that.
#[test]
fn m7_the_last_step_soaks_before_the_release_is_complete() {
    let mut world = at_its_end(gated(json!({"soak": "10m"})));
    let ends = world.look().wake_at.expect("a wake-up when the soak ends");
    let achieved = world.contender().achieved.as_ref().unwrap().at;
    assert_eq!(ends.duration_since(achieved), SignedDuration::from_mins(10));
    world.now = ends - SignedDuration::from_secs(1);
    world.plan();
    assert_eq!(world.contender().complete, None);
    assert!(world.look().status.conditions.iter().all(|condition| condition.reason != Reason::RolloutHeld));
    world.now = ends;
    world.plan();
    assert_eq!(world.contender().complete, Some(ends));
}

/// [M7, A3, A4] An analysis that fails at the last step keeps the release from being complete: it is held with all it has, until the step is ordered
/// again and passes.
#[test]
fn m7_a_failed_analysis_of_the_last_step_holds_the_release() {
    let mut world = at_its_end(measured());
    let first = run(&world, "c1");
    for (cluster, counts) in [("c1", (0, 1)), ("c2", (1, 0)), ("c3", (1, 0))] {
        samples(&mut world, cluster, first, counts, "0.2");
    }
    world.plan();
    world.settle();
    assert_eq!((world.contender().complete, &world.contender().withdrawn), (None, &None));
    assert_eq!(world.target("c1"), ["v1 0/0", "v2 100/100"]);
    assert_eq!(world.incumbent().unwrap().generation, 1, "which may still be returned to");
    let (_, reason, message) = world.condition(ConditionType::ClustersHealthy).unwrap();
    assert!(reason == Reason::RolloutHeld && message.contains("rollout.request"), "{message}");
    assert_eq!(world.look().status.waiting.clusters, ["c1".into()]);

    world.rollout(|rollout| rollout.request = Some("again".to_owned()));
    world.settle();
    assert_eq!(world.contender().complete, None);
    let second = run(&world, "c1");
    assert!(second > first);
    for cluster in ["c1", "c2", "c3"] {
        samples(&mut world, cluster, second, (1, 0), "0");
    }
    world.plan();
    assert!(world.contender().complete.is_some());
}

/// [M7, A3] What is not complete is taken back where the strategy says so, also from its last step.
#[test]
fn m7_a_failed_analysis_of_the_last_step_takes_the_release_back() {
    let mut world = at_its_end(StrategySpec { on_failure: OnFailure::Rollback, ..measured() });
    let v2 = world.contender().name.clone();
    let run = run(&world, "c1");
    samples(&mut world, "c1", run, (0, 1), "0.2");
    world.plan();
    assert_eq!(world.releases[&v2].withdrawn.as_ref().unwrap().reason, WithdrawalReason::RolledBack);
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 0/0"]);
}
