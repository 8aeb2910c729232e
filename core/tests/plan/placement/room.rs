//! Rule S1: a cluster holds the peak of the rollout, or is not chosen.

use super::{Placing, in_one};
use crate::support::{World, vanguard};
use serde_json::json;
use shipper_core::status::Refusal;

/// Three clusters with 8, 12 and 20 CPUs free, and an application of ten pods of one CPU.
fn with_room(surge: &str) -> World {
    let mut world = World::new();
    for (name, cpu) in [("c1", "8"), ("c2", "12"), ("c3", "20")] {
        let free = serde_json::from_value(json!({"cpu": cpu, "memory": "64Gi", "pods": "110"})).unwrap();
        world.free.insert(name.into(), free);
    }
    world.asked = Some(serde_json::from_value(json!({"cpu": "10", "memory": "10Gi", "pods": "10"})).unwrap());
    let mut steps = vanguard();
    steps.surge = serde_json::from_value(json!(surge)).unwrap();
    world.commit("v1", steps);
    world
}

#[test]
fn s1_a_cluster_that_cannot_hold_the_peak_is_not_chosen() {
    for (surge, placed) in [("100%", vec!["c3"]), ("20%", vec!["c2", "c3"]), ("21%", vec!["c3"])] {
        let mut world = with_room(surge);
        world.settle();
        assert_eq!(world.placed(), placed, "surge {surge}");
        let release = world.contender();
        assert_eq!(release.requests_of(None), world.asked.as_ref(), "kept in the record, not rendered again");
    }
    let mut world = with_room("20%");
    world.require(json!({"regions": [{"name": "eu", "replicas": 3}]}));
    world.settle();
    let (_, _, message) = world.scheduled();
    assert!(message.contains("c1: no capacity: needs 12 cpu, 8 free"), "{message}");
    assert_eq!(world.look().status.refused[0].reason, Refusal::NoCapacity);
    assert!(world.look().wake_at.is_some(), "it looks again by itself");

    let free = serde_json::from_value(json!({"cpu": "12", "memory": "64Gi", "pods": "110"})).unwrap();
    world.free.insert("c1".into(), free);
    world.settle();
    assert_eq!(world.placed(), ["c1", "c2", "c3"]);
}

/// [S1] What a cluster would have to hold is rendered before it is chosen, with the values that it will have.
#[test]
fn s1_c3_what_is_rendered_to_choose_a_cluster_has_the_overrides_of_that_cluster() {
    let mut world = with_room("20%");
    let environment = &mut world.intent.as_mut().unwrap().environment.as_mut().unwrap().environment;
    environment.values = serde_json::from_value(json!({"replicas": 10})).unwrap();
    environment.overrides = serde_json::from_value(
        json!([{"clusters": {"matchLabels": {"tier": "vanguard"}}, "values": {"replicas": 2}}]),
    )
    .unwrap();
    let plan = world.look();
    assert!(plan.record.unwrap().placement.is_none(), "nothing is chosen yet");
    let needs: Vec<_> =
        plan.renders.iter().map(|need| (need.variant.is_some(), need.values["replicas"].clone())).collect();
    assert_eq!(needs, [(true, json!(2)), (false, json!(10))]);
}

#[test]
fn s1_s2_a_chosen_cluster_that_fills_up_keeps_what_it_has() {
    let mut world = with_room("100%");
    world.settle();
    world.free.get_mut("c3").unwrap().take(&serde_json::from_value(json!({"cpu": "20"})).unwrap());
    world.settle();
    assert_eq!(world.placed(), ["c3"]);
}

#[test]
fn s1_who_says_nothing_of_what_is_free_is_taken_to_have_room() {
    let mut world = with_room("100%");
    world.free.remove("c1");
    world.settle();
    assert_eq!(world.placed(), ["c1", "c3"]);
}

#[test]
fn s1_records_of_before_requests_were_kept_hold_nobody_back() {
    let (mut world, first) = in_one();
    world.free = with_room("100%").free;
    world.drain(&first, true);
    world.settle();
    assert_ne!(world.placed(), [first]);
}
