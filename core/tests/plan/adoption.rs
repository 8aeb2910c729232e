//! What C8 needs to know of a rollout, and M3 about targets that stay as they are.

use crate::support::{World, strategy, vanguard};
use serde_json::json;

fn arriving(world: &World) -> Vec<bool> {
    world.targets.values().map(|target| target.arriving).collect()
}

#[test]
fn c8_a_first_release_is_arriving_until_it_has_the_numbers_of_its_last_step() {
    let mut world = World::new();
    world.commit("v1", vanguard());
    world.settle();
    assert_eq!(arriving(&world), [true; 3]);
    world.promote("50/50");
    world.settle();
    assert_eq!(arriving(&world), [true; 3]);
    world.promote("full on");
    world.settle();
    assert_eq!(arriving(&world), [false; 3]);
    world.commit("v2", vanguard());
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 1/0"]);
    assert_eq!(arriving(&world), [false; 3], "it has arrived, whatever comes after it");
}

#[test]
fn m3_a_target_says_nothing_new_where_the_numbers_stay() {
    let full = || json!({"contender": 100, "incumbent": 0});
    let mut world = World::new();
    world.commit(
        "v1",
        strategy(json!({"steps": [
            {"name": "full", "capacity": full(), "traffic": full()},
            {"name": "checked", "capacity": full(), "traffic": full()},
        ]})),
    );
    world.settle();
    let before = world.targets.clone();
    assert_eq!(arriving(&world), [false; 3]);
    world.promote("checked");
    world.settle();
    assert_eq!(world.contender().position.step, 1);
    assert_eq!(world.targets, before);
}
