//! Rules M8, M11, M13 and M14: pausing, gates that orders wait for, rolling back.

use crate::support::{World, vanguard};
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::intent::{Approval, Rollback, Rollout, StepRef, StrategySpec};
use shipper_core::state::WithdrawalReason;
use shipper_core::status::WaitingFor;
use std::time::Duration;

const SOAK: Duration = Duration::from_secs(600);

/// The first step soaks for ten minutes.
fn soaking() -> StrategySpec {
    let mut soaking = vanguard();
    soaking.steps[0].gate.soak = Some(SOAK);
    soaking
}

fn automatic() -> StrategySpec {
    let mut automatic = vanguard();
    automatic.steps.iter_mut().for_each(|step| step.gate.approval = Approval::Auto);
    automatic
}

/// [M13] Steps and new releases are frozen; the present step converges; what was ordered is obeyed after.
#[test]
fn m13_a_pause_freezes_steps_and_new_releases() {
    let mut world = World::at_v1();
    world.commit("v2", automatic());
    world.plan();
    world.rollout(|rollout| *rollout = Rollout { paused: true, ..Rollout::default() });
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 1/0"]);
    assert_eq!(world.contender().achieved.as_ref().unwrap().step, 0, "the present step converges");
    let waiting = world.look().status.waiting;
    assert_eq!(waiting.state, WaitingFor::Paused);
    assert!(waiting.message.contains("rollout.paused"), "{}", waiting.message);

    let v2 = world.contender().name.clone();
    world.order(v2.as_str(), StepRef::Name("full on".into()));
    world.rollout(|rollout| rollout.paused = true);
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 1/0"]);
    let (status, reason, _) = world.condition(ConditionType::OrderObeyed).unwrap();
    assert_eq!((status, reason), (Status::Unknown, Reason::RolloutPaused));

    world.commit("v3", automatic());
    world.settle();
    assert_eq!(world.contender().name, v2, "no release is made");
    assert_eq!(world.condition(ConditionType::ReleaseSynced).unwrap().1, Reason::RolloutPaused);

    world.commit("v2", automatic());
    world.rollout(|rollout| rollout.paused = false);
    world.plan();
    assert_eq!(world.target("c1"), ["v1 0/0", "v2 100/100"]);
}

/// [M13] A return is obeyed while paused.
#[test]
fn m13_a_return_is_obeyed_while_paused() {
    let mut world = World::at_v1();
    let v1 = world.contender().name.clone();
    world.commit("v2", vanguard());
    world.settle();
    world.rollout(|rollout| rollout.paused = true);
    world.commit("v1", vanguard());
    world.settle();
    assert_eq!(world.contender().name, v1);
    assert_eq!(world.target("c1"), ["v1 100/100"]);
}

/// [M14] A forward order waits for the soak of the step it leaves, says so, and goes by itself when it is over.
#[test]
fn m14_a_forward_order_waits_for_the_soak() {
    let mut world = World::at_v1();
    world.commit("v2", soaking());
    world.settle();
    world.promote("50/50");
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 1/0"]);
    let (status, reason, message) = world.condition(ConditionType::OrderObeyed).unwrap();
    assert_eq!((status, reason), (Status::Unknown, Reason::OrderWaits));
    assert!(message.contains("soaks for another") && message.contains("skipGates"), "{message}");
    let waiting = world.look().status.waiting;
    assert_eq!(waiting.state, WaitingFor::WaitingForGate);
    assert!(waiting.message.contains("skipGates"), "{}", waiting.message);
    world.now = world.look().wake_at.expect("a wake-up when the soak ends");
    world.plan();
    assert_eq!(world.target("c1"), ["v1 50/50", "v2 50/50"]);
}

/// [M14] `skipGates` goes on at once, without repeating the order.
#[test]
fn m14_skip_gates_goes_on_at_once() {
    let mut world = World::at_v1();
    world.commit("v2", soaking());
    world.settle();
    world.promote("50/50");
    world.settle();
    world.rollout(|rollout| rollout.skip_gates = true);
    world.plan();
    assert_eq!(world.target("c1"), ["v1 50/50", "v2 50/50"]);
}

/// [M14, M2] Out of a step that is not achieved, an order waits only where that step has a soak.
#[test]
fn m14_an_unachieved_step_holds_an_order_only_where_it_has_gates() {
    for (strategy, moves) in [(vanguard(), true), (soaking(), false)] {
        let mut world = World::at_v1();
        world.commit("v2", strategy);
        world.plan();
        world.promote("full on");
        world.plan();
        assert_eq!(world.contender().position.name == "full on", moves);
        if !moves {
            let (_, reason, message) = world.condition(ConditionType::OrderObeyed).unwrap();
            assert_eq!(reason, Reason::OrderWaits);
            assert!(message.contains("not achieved") && message.contains("skipGates"), "{message}");
        }
    }
}

/// [M14] A backward order never waits, nor does a return.
#[test]
fn m14_backward_orders_and_returns_never_wait() {
    let mut slow = vanguard();
    slow.steps.iter_mut().for_each(|step| step.gate.soak = Some(SOAK));
    let mut world = World::at_v1();
    world.commit("v2", slow.clone());
    world.settle();
    world.promote("50/50");
    world.rollout(|rollout| rollout.skip_gates = true);
    world.plan();
    world.promote("staging");
    world.plan();
    assert_eq!(world.contender().position.name, "staging");
    world.commit("v1", slow);
    world.plan();
    assert_eq!(world.target("c1")[0], "v1 100/100");
    assert!(world.contender().complete.is_some());
}

/// [M11] An older environment is a new iteration, from step 0.
#[test]
fn m11_an_older_release_comes_back_as_a_new_one() {
    let mut world = two_later();
    world.commit("v1", vanguard());
    world.plan();
    assert!(world.contender().name.as_str().ends_with("-1"), "{}", world.contender().name);
    assert_eq!(world.target("c1"), ["v2 -", "v3 100/100", "v1 1/0"]);
}

/// [M11, M12] The order may stand in the very commit that brings the environment, for the name that follows from it.
#[test]
fn m11_the_order_may_come_in_the_same_commit() {
    let mut world = two_later();
    let first = world.releases.values().find(|release| release.generation == 1).unwrap();
    let again = first.name.as_str().strip_suffix('0').unwrap().to_owned() + "1";
    world.commit("v1", vanguard());
    world.order(&again, StepRef::Name("full on".into()));
    world.plan();
    assert_eq!(world.contender().name.as_str(), again);
    assert_eq!(world.target("c1"), ["v2 -", "v3 0/0", "v1 100/100"]);
    world.settle();
    assert!(world.contender().complete.is_some());
    // It stays obeyed: walking back by hand is not undone.
    world.promote("staging");
    world.settle();
    assert_eq!(world.target("c1"), ["v3 100/100", "v1 1/0"]);
}

/// v3 is complete, v2 is the incumbent, v1 is history.
fn two_later() -> World {
    let mut world = World::at_v1();
    for version in ["v2", "v3"] {
        world.roll_out(version);
    }
    assert_eq!(world.target("c1"), ["v2 0/0", "v3 100/100"]);
    world
}

/// [M8, M11] `rollback: steps` asks for steps where the predecessor's environment comes back.
#[test]
fn m8_rollback_in_steps_is_a_new_release() {
    let mut world = World::with_v2_at("50/50");
    let v2 = world.contender().name.clone();
    world.commit("v1", vanguard());
    world.intent.as_mut().unwrap().application.spec.rollback = Rollback::Steps;
    world.plan();
    assert_eq!(world.releases[&v2].withdrawn.as_ref().unwrap().reason, WithdrawalReason::Superseded);
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 0/0", "v1 1/0"]);
    world.settle();
    assert_eq!(world.contender().position.name, "staging");
}
