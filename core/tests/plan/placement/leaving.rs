//! Rules S4 and S5: who leaves is replaced first, who joins gets the numbers of the present step.

use super::{Placing, in_one};
use crate::support::{World, broken, strategy, vanguard};
use serde_json::json;
use shipper_core::condition::{Reason, Status};
use shipper_core::intent::{Metadata, RolloutBlock};
use shipper_core::plan::EventReason;
use shipper_core::status::{DepartureStage, WaitingFor};

/// The same application with v2 at half.
fn at_half() -> (World, String) {
    let (mut world, first) = in_one();
    let requirements = world.intent.as_ref().unwrap().application.spec.template.cluster_requirements.clone();
    world.commit("v2", vanguard());
    world.intent.as_mut().unwrap().application.spec.template.cluster_requirements = requirements;
    world.settle();
    world.promote("50/50");
    world.settle();
    assert_eq!(world.target(&first), ["v1 50/50", "v2 50/50"]);
    (world, first)
}

#[test]
fn s4_a_drained_cluster_is_replaced_before_it_leaves() {
    let (mut world, first) = at_half();
    world.drain(&first, true);
    world.plan();
    let placed = world.placed();
    let second = placed.iter().find(|name| !name.contains(' ')).unwrap().clone();
    assert_eq!(placed.len(), 2, "{placed:?}");
    assert_eq!(world.target(&second), ["v1 50/50", "v2 50/50"], "[S5] the same step, both releases");
    assert_eq!(world.departure(&first).unwrap().0, DepartureStage::Waiting);

    // Both of its releases have to be ready with their traffic.
    world.report(&second, broken);
    world.plan();
    assert_eq!(world.target(&first), ["v1 50/50", "v2 50/50"]);
    let (_, message) = world.departure(&first).unwrap();
    assert!(message.contains(&second) && message.contains("is not ready"), "{message}");
    world.report(&second, |_| {});
    world.plan();
    assert_eq!(world.target(&first), ["v1 0/0", "v2 0/0"]);
    assert_eq!(world.departure(&first).unwrap().0, DepartureStage::Emptying);
    assert_eq!(
        world.look().status.waiting.state,
        WaitingFor::WaitingForCommand,
        "nobody waits for what leaves"
    );

    // 0/0, tombstones, gone; each on the report that the one before is done.
    world.plan();
    assert_eq!(world.target(&first), ["v1 0/0", "v2 0/0"]);
    world.report_all();
    world.plan();
    assert_eq!(world.target(&first), ["v1 -", "v2 -"]);
    world.report_all();
    world.plan();
    assert!(!world.targets.contains_key(first.as_str()));
    assert_eq!(world.placed(), [second.as_str()]);
    assert_eq!(world.target(&second), ["v1 50/50", "v2 50/50"]);
    let drained = format!("commit-{}", world.commits);
    assert_eq!(world.asked_by(EventReason::ClusterUnwanted), [drained.as_str()]);
    assert_eq!(world.asked_by(EventReason::ClusterReleased), [""]);
    let said = world.events.join("\n");
    for part in [format!("{second} is chosen"), format!("{first} leaves once"), format!("{first} is emptied")]
    {
        assert!(said.contains(&part), "{part}: {said}");
    }
}

#[test]
fn s4_without_a_replacement_it_stays_and_says_so() {
    let (mut world, first) = in_one();
    for name in ["c1", "c2", "c3"] {
        world.scheduler(name, |scheduler| scheduler.unschedulable = true);
    }
    let before = world.targets.clone();
    world.drain(&first, true);
    world.settle();
    assert_eq!(world.targets, before);
    let (status, reason, message) = world.scheduled();
    assert_eq!((status, reason), (Status::False, Reason::NoReplacement));
    assert!(message.contains(&format!("{first} stays although it is drained")), "{message}");
    assert!(message.contains("cordoned"), "{message}");
    assert_eq!(world.departure(&first).unwrap().0, DepartureStage::Held);

    let other = ["c1", "c2", "c3"].into_iter().find(|name| *name != first).unwrap();
    world.scheduler(other, |scheduler| scheduler.unschedulable = false);
    world.settle();
    assert_eq!(world.placed(), [other]);
    assert_eq!(world.scheduled().1, Reason::AsExpected);
}

#[test]
fn s4_a_drain_that_is_taken_back_leaves_things_as_they_were() {
    let (mut world, first) = at_half();
    world.drain(&first, true);
    world.plan();
    assert_eq!(world.placed().len(), 2);
    world.drain(&first, false);
    world.settle();
    assert_eq!(world.placed().len(), 1);
    let stays = world.placed()[0].clone();
    assert_eq!(world.target(&stays), ["v1 50/50", "v2 50/50"]);
    assert_eq!(world.targets.len(), 1);
}

#[test]
fn s4_what_is_being_emptied_comes_back_when_it_is_needed() {
    let (mut world, first) = in_one();
    world.drain(&first, true);
    world.plan();
    world.report_all();
    world.plan();
    assert_eq!(world.target(&first), ["v1 0/0"]);
    let second = world.placed().into_iter().find(|name| !name.contains(' ')).unwrap();
    // Only the first can take the place of the second now.
    for name in ["c1", "c2", "c3"] {
        world.scheduler(name, |scheduler| scheduler.unschedulable = name != first);
    }
    world.drain(&first, false);
    world.drain(&second, true);
    world.plan();
    assert_eq!(world.target(&first), ["v1 100/100"]);
    world.settle();
    assert_eq!(world.placed(), [first]);
}

#[test]
fn s4_where_it_runs_everywhere_a_drained_cluster_leaves_and_the_last_one_stays() {
    let mut world = World::at_v1();
    world.drain("c1", true);
    world.plan();
    assert_eq!(world.placed(), ["c1 leaves", "c2", "c3"], "the others have their part already");
    world.settle();
    assert_eq!(world.targets.len(), 2);
    world.drain("c2", true);
    world.drain("c3", true);
    world.settle();
    assert_eq!(world.placed(), ["c2", "c3"], "nothing would be left");
    assert_eq!(world.scheduled().1, Reason::NoReplacement);
    world.drain("c1", false);
    world.settle();
    assert_eq!(world.placed(), ["c1"]);
}

#[test]
fn s4_the_others_must_serve_before_it_leaves() {
    let mut world = World::at_v1();
    world.drain("c1", true);
    world.report("c2", broken);
    world.plan();
    world.plan();
    assert_eq!(world.placed(), ["c1 waits", "c2", "c3"]);
    assert_eq!(world.target("c1"), ["v1 100/100"]);
    let (_, message) = world.departure("c1").unwrap();
    assert!(message.contains("c2 is not ready"), "{message}");
}

#[test]
fn s4_a_rollout_does_not_wait_for_a_cluster_that_leaves() {
    let mut world = World::at_v1();
    world.report("c3", broken);
    world.drain("c1", true);
    world.plan();
    world.commit("v2", vanguard());
    world.plan();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 1/0"], "it goes along as long as it serves");
    for name in ["c2", "c3"] {
        world.report(name, |_| {});
    }
    world.plan();
    assert!(world.contender().achieved.is_some(), "c1 has not reported on this step");
}

#[test]
fn s4_the_only_cluster_with_the_first_steps_keeps_it_until_the_rollout_comes_elsewhere() {
    let steps = strategy(json!({"steps": [
        {"name": "one", "clusters": {"matchLabels": {"tier": "vanguard"}},
         "capacity": {"contender": 100}, "traffic": {"contender": 100}},
        {"name": "all", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
    ]}));
    let mut world = World::new();
    world.commit("v1", steps);
    world.settle();
    world.drain("c1", true);
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/100"]);
    let (_, message) = world.departure("c1").unwrap();
    assert!(message.contains("has not come to any other cluster"), "{message}");
    world.promote("all");
    world.settle();
    assert_eq!(world.placed(), ["c2", "c3"]);
    assert!(!world.targets.contains_key("c1"));
}

#[test]
fn s4_pods_without_traffic_elsewhere_take_nobodys_place() {
    let steps = strategy(json!({"steps": [
        {"name": "pods", "capacity": {"contender": 20}, "traffic": {"contender": 0}},
        {"name": "canary", "clusters": {"names": ["c1"]}, "capacity": {"contender": 50}, "traffic": {"contender": 50}},
        {"name": "all", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
    ]}));
    let mut world = World::new();
    world.commit("v1", steps);
    world.settle();
    world.promote("canary");
    world.settle();
    world.drain("c1", true);
    world.settle();
    assert_eq!(world.target("c1"), ["v1 50/50"], "the others have pods, but none of them serves");
    world.promote("all");
    world.settle();
    assert_eq!(world.placed(), ["c2", "c3"]);
}

#[test]
fn b1_s4_a_block_keeps_what_was_chosen_unless_it_allows_to_drain() {
    let (mut world, first) = in_one();
    let block = |allow: &str| {
        let spec = serde_json::from_value(
            json!({"message": "stop", "author": {"type": "user", "name": "ada"}, "allow": [allow]}),
        );
        RolloutBlock {
            metadata: Metadata { name: "stop".to_owned(), ..Metadata::default() },
            spec: spec.unwrap(),
        }
    };
    world.fleet.blocks.insert((None, "stop".to_owned()), block("abort"));
    let before = world.targets.clone();
    world.drain(&first, true);
    world.settle();
    assert_eq!(world.targets, before);
    assert_eq!(world.scheduled().1, Reason::RolloutsBlocked);
    world.fleet.blocks.insert((None, "stop".to_owned()), block("drain"));
    world.require(json!({"regions": [{"name": "eu", "replicas": 2}]}));
    world.settle();
    assert_eq!(world.placed().len(), 1, "the requirements count once the block is gone");
    assert_ne!(world.placed(), [first]);
    world.fleet.blocks.clear();
    world.settle();
    assert_eq!(world.placed().len(), 2);
}

#[test]
fn s5_a_cluster_that_joins_gets_the_numbers_of_the_present_step() {
    let mut world = World::with_v2_at("50/50");
    world.add("c4", json!({"region": "eu"}));
    world.plan();
    assert_eq!(world.target("c4"), ["v1 50/50", "v2 50/50"]);
    assert_eq!(world.look().status.waiting.state, WaitingFor::WaitingForCluster);
    world.settle();
    world.promote("full on");
    world.settle();
    assert!(world.contender().complete.is_some());
    assert_eq!(world.target("c4"), ["v1 0/0", "v2 100/100"]);
}
