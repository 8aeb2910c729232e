//! What a target carries beside its numbers: rules C2 and C10.

use crate::support::{World, vanguard};
use shipper_core::intent::{StrategySpec, Surge};

/// One pod more at a time, but for a withdrawal.
fn careful() -> StrategySpec {
    StrategySpec { surge: Surge::Pods(1), withdrawal_surge: Some(Surge::Percent(100)), ..vanguard() }
}

/// v1 is complete and v2 is at half, both by [`careful`].
fn at_half() -> World {
    let mut world = World::new();
    world.commit("v1", careful());
    world.settle();
    world.promote("full on");
    world.settle();
    world.commit("v2", careful());
    world.settle();
    world.promote("50/50");
    world.settle();
    world
}

fn surges(world: &World) -> Vec<Surge> {
    world.targets.values().map(|target| target.surge).collect()
}

/// [C2] What is taken back has its own surge as long as any of it is on its way out, and no longer; forward and backward steps do not have it.
#[test]
fn c2_a_withdrawal_has_its_own_surge() {
    let mut world = at_half();
    for step in ["full on", "staging", "50/50"] {
        world.promote(step);
        world.plan();
        assert_eq!(surges(&world), [Surge::Pods(1); 3], "{step}");
        world.settle();
    }
    world.commit("v1", careful());
    world.plan();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 0/0"]);
    assert_eq!(surges(&world), [Surge::Percent(100); 3]);
    // Where it is not gone it goes on.
    world.report("c1", |_| {});
    world.plan();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 -"]);
    assert_eq!(surges(&world), [Surge::Pods(1), Surge::Percent(100), Surge::Percent(100)]);
    world.settle();
    assert_eq!(world.target("c2"), ["v1 100/100"]);
    assert_eq!(surges(&world), [Surge::Pods(1); 3]);
}

/// [C2, M10] So has what a third environment supersedes.
#[test]
fn c2_what_is_superseded_is_withdrawn_with_its_own_surge() {
    let mut world = at_half();
    world.commit("v3", careful());
    world.plan();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 0/0", "v3 1/0"]);
    assert_eq!(surges(&world), [Surge::Percent(100); 3]);
    world.settle();
    assert_eq!(surges(&world), [Surge::Pods(1); 3]);
}

/// [C10] Agents make the namespace where the Application says so, from the commit on that says it.
#[test]
fn c10_the_target_says_whether_the_namespace_is_to_be_made() {
    let mut world = World::at_v1();
    assert!(world.targets.values().all(|target| !target.create_namespace));
    world.intent.as_mut().unwrap().application.spec.create_namespace = true;
    world.settle();
    assert!(world.targets.values().all(|target| target.create_namespace));
    // Without its file it stays as it was.
    world.intent = None;
    world.settle();
    assert!(world.targets.values().all(|target| target.create_namespace));
}
