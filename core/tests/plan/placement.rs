//! Rules S1 to S5: where an application runs, and how it leaves.

use crate::support::{World, broken, strategy, vanguard};
use proptest::prelude::*;
use serde_json::json;
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::intent::{Cluster, ClusterRequirements, ClusterSpec, Metadata, RolloutBlock};
use shipper_core::plan::{ClusterInfo, Fleet};
use shipper_core::status::{DepartureStage, Refusal, WaitingFor};
use std::collections::BTreeMap;

fn cluster(name: &str, spec: serde_json::Value) -> ClusterInfo {
    let metadata = Metadata { name: name.to_owned(), ..Metadata::default() };
    let spec: ClusterSpec = serde_json::from_value(spec).unwrap();
    ClusterInfo { cluster: Cluster { metadata, spec } }
}

fn requirements(json: serde_json::Value) -> ClusterRequirements {
    serde_json::from_value(json).unwrap()
}

trait Placing {
    fn add(&mut self, name: &str, spec: serde_json::Value);
    fn require(&mut self, json: serde_json::Value);
    fn scheduler(&mut self, name: &str, change: impl FnOnce(&mut shipper_core::intent::Scheduler));
    fn drain(&mut self, name: &str, drain: bool);
    fn placed(&self) -> Vec<String>;
    fn scheduled(&self) -> (Status, Reason, String);
    fn departure(&self, name: &str) -> Option<(DepartureStage, String)>;
}

impl Placing for World {
    fn add(&mut self, name: &str, spec: serde_json::Value) {
        self.fleet.clusters.insert(name.into(), cluster(name, spec));
        self.commits += 1;
    }

    fn require(&mut self, json: serde_json::Value) {
        let intent = self.intent.as_mut().unwrap();
        intent.application.spec.template.cluster_requirements = Some(requirements(json));
        self.commits += 1;
    }

    fn scheduler(&mut self, name: &str, change: impl FnOnce(&mut shipper_core::intent::Scheduler)) {
        change(&mut self.fleet.clusters.get_mut(name).unwrap().cluster.spec.scheduler);
        self.commits += 1;
    }

    fn drain(&mut self, name: &str, drain: bool) {
        self.scheduler(name, |scheduler| scheduler.drain = drain);
    }

    /// The clusters that the record names, those that leave with a minus.
    fn placed(&self) -> Vec<String> {
        let placement = self.record.as_ref().and_then(|record| record.placement.clone()).unwrap_or_default();
        let placed = placement.clusters.into_iter().map(|(name, placed)| match placed.leaves {
            None => name.to_string(),
            Some(_) => format!("{name} waits"),
        });
        let leaving = placement.leaving.into_keys().map(|name| format!("{name} leaves"));
        let mut all: Vec<String> = placed.chain(leaving).collect();
        all.sort();
        all
    }

    fn scheduled(&self) -> (Status, Reason, String) {
        let status = self.look().status;
        let condition =
            status.conditions.iter().find(|c| c.kind == ConditionType::Scheduled).unwrap().clone();
        (condition.status, condition.reason, condition.message)
    }

    fn departure(&self, name: &str) -> Option<(DepartureStage, String)> {
        let status = self.look().status;
        let cluster = status.clusters.into_iter().find(|cluster| cluster.cluster.as_str() == name)?;
        cluster.departure.map(|departure| (departure.stage, departure.message))
    }
}

/// An application that is complete in one cluster of the region eu, of c1 to c3; and the name of that cluster.
fn in_one() -> (World, String) {
    in_some(1)
}

fn in_some(replicas: u32) -> (World, String) {
    let mut world = World::new();
    world.commit("v1", vanguard());
    world.require(json!({"regions": [{"name": "eu", "replicas": replicas}]}));
    world.settle();
    for step in ["50/50", "full on"] {
        world.promote(step);
        world.settle();
    }
    assert!(world.contender().complete.is_some());
    let first = world.placed()[0].clone();
    (world, first)
}

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
fn s1_regions_capabilities_and_cordons_decide_and_each_refusal_is_told() {
    let mut world = World::new();
    world.add("c4", json!({"region": "us", "capabilities": ["gpu"]}));
    world.add("c5", json!({"region": "us", "capabilities": ["gpu"], "scheduler": {"unschedulable": true}}));
    world.add("c6", json!({"region": "us"}));
    world.commit("v1", vanguard());
    world.require(json!({"regions": [{"name": "us", "replicas": 2}], "capabilities": ["gpu"]}));
    world.settle();
    assert!(world.placed().is_empty() && world.targets.is_empty(), "[S3] too few are not used");
    let (status, reason, message) = world.scheduled();
    assert_eq!((status, reason), (Status::False, Reason::NotEnoughClusters));
    assert!(message.contains("region us has 1 of 2 clusters that fit"), "{message}");
    assert!(message.contains("c5: cordoned") && message.contains("c6: lacks capability gpu"), "{message}");
    let refused: BTreeMap<_, _> =
        world.look().status.refused.into_iter().map(|one| (one.cluster.to_string(), one.reason)).collect();
    let expected = [("c5", Refusal::Cordoned), ("c6", Refusal::LacksCapability)];
    assert_eq!(refused, expected.into_iter().map(|(name, why)| (name.to_owned(), why)).collect());

    // [S3] It goes on by itself when the fleet changes.
    world.scheduler("c5", |scheduler| scheduler.unschedulable = false);
    world.settle();
    assert_eq!(world.placed(), ["c4", "c5"]);
    assert!(world.look().status.refused.is_empty());
}

#[test]
fn s3_too_few_are_used_where_that_is_allowed() {
    let mut world = World::new();
    world.commit("v1", vanguard());
    world.require(json!({"regions": [{"name": "eu", "replicas": 5}], "allowFewer": true}));
    world.settle();
    assert_eq!(world.placed(), ["c1", "c2", "c3"]);
    let (status, _, message) = world.scheduled();
    assert!(status == Status::True && message.contains("3 of 5"), "{message}");
    world.add("c4", json!({"region": "eu"}));
    world.settle();
    assert_eq!(world.placed(), ["c1", "c2", "c3", "c4"]);
}

#[test]
fn s3_what_was_chosen_stays_while_more_are_asked_for_than_there_are() {
    let (mut world, first) = in_one();
    world.require(json!({"regions": [{"name": "eu", "replicas": 4}]}));
    world.settle();
    assert_eq!(world.placed(), [first.as_str()]);
    assert_eq!(world.target(&first), ["v1 100/100"]);
    assert_eq!(world.scheduled().1, Reason::NotEnoughClusters);
    // A drained one is replaced all the same: that takes nothing more.
    world.drain(&first, true);
    world.settle();
    assert_eq!(world.placed().len(), 1);
    assert_ne!(world.placed(), [first]);
}

#[test]
fn s2_nobody_is_moved_by_weights_new_clusters_or_files_that_are_gone() {
    let (mut world, first) = in_one();
    let before = world.targets.clone();
    for n in 4..20 {
        world.add(&format!("c{n}"), json!({"region": "eu", "scheduler": {"weight": 100_000}}));
    }
    world.scheduler(&first, |scheduler| scheduler.weight = Some(1));
    world.scheduler(&first, |scheduler| scheduler.unschedulable = true);
    world.settle();
    assert_eq!(world.placed(), [first.as_str()]);
    world.fleet.clusters.remove(first.as_str());
    world.settle();
    assert_eq!(world.placed(), [first]);
    assert_eq!(world.targets, before);
}

#[test]
fn s2_changed_requirements_move_the_running_release_and_make_none() {
    let (mut world, first) = in_one();
    world.add("u1", json!({"region": "us"}));
    let release = world.contender().name.clone();
    world.require(json!({"regions": [{"name": "us"}]}));
    world.plan();
    assert_eq!(world.placed(), [format!("{first} waits"), "u1".to_owned()]);
    assert_eq!(world.target("u1"), ["v1 100/100"]);
    assert_eq!(world.target(&first), ["v1 100/100"], "it serves until the other is ready");
    world.plan();
    assert_eq!(world.target(&first), ["v1 100/100"], "nothing was reported yet");
    world.report_all();
    world.plan();
    assert_eq!(world.target(&first), ["v1 0/0"]);
    world.settle();
    assert_eq!(world.placed(), ["u1"]);
    assert!(!world.targets.contains_key(first.as_str()), "its folder is gone");
    assert_eq!(world.contender().name, release);
    assert_eq!(world.releases.len(), 1);
}

#[test]
fn s2_fewer_replicas_let_one_go_and_keep_the_others() {
    let (mut world, _) = in_some(3);
    world.require(json!({"regions": [{"name": "eu", "replicas": 2}]}));
    world.settle();
    assert_eq!(world.placed().len(), 2);
    assert_eq!(world.targets.len(), 2);
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

/// Which clusters an application of that name gets in a fleet.
fn chosen(app: &str, fleet: &Fleet, wanted: usize) -> Vec<String> {
    let mut world = World::new();
    world.app.name = app.to_owned();
    world.fleet = fleet.clone();
    world.commit("v1", vanguard());
    world.require(json!({"regions": [{"name": "eu", "replicas": wanted}]}));
    world.plan();
    world.placed()
}

fn fleet_of(clusters: impl IntoIterator<Item = (String, u32)>) -> Fleet {
    let clusters = clusters.into_iter().map(|(name, weight)| {
        let spec = json!({"region": "eu", "scheduler": {"weight": weight}});
        (name.as_str().into(), cluster(&name, spec))
    });
    Fleet { clusters: clusters.collect(), ..Fleet::default() }
}

#[test]
fn s1_weights_hold_over_many_applications() {
    let fleet = fleet_of([("light".to_owned(), 50), ("heavy".to_owned(), 150), ("none".to_owned(), 0)]);
    let count = 600;
    let heavy = (0..count).filter(|n| chosen(&format!("app-{n}"), &fleet, 1) == ["heavy"]).count();
    let none = (0..count).filter(|n| chosen(&format!("app-{n}"), &fleet, 1) == ["none"]).count();
    // Three quarters of 600 with a standard deviation of about 11.
    assert!((400..=500).contains(&heavy), "{heavy} of {count}");
    assert_eq!(none, 0);
}

#[test]
fn s1_an_identity_takes_the_place_of_a_name() {
    let fleet = fleet_of((0..9).map(|n| (format!("c{n}"), 100)));
    let before = chosen("shop", &fleet, 1);
    let mut renamed = fleet.clone();
    let mut info = renamed.clusters.remove(before[0].as_str()).unwrap();
    info.cluster.spec.scheduler.identity = Some(before[0].clone());
    renamed.clusters.insert("another".into(), info);
    assert_eq!(chosen("shop", &renamed, 1), ["another"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// [S1, S2] The choice depends on names and weights alone, and a new cluster takes at most one place of a new choice, none of one that
    /// was made.
    #[test]
    fn s1_s2_a_new_cluster_moves_nobody(
        weights in proptest::collection::vec(1_u32..1000, 2..12),
        wanted in 1_usize..4,
        weight in 1_u32..100_000,
        app in "[a-z]{1,8}",
    ) {
        let wanted = wanted.min(weights.len());
        let named = |(n, weight): (usize, &u32)| (format!("c{n}"), *weight);
        let fleet = fleet_of(weights.iter().enumerate().map(named));
        let backwards = fleet_of(weights.iter().enumerate().rev().map(named));
        let first = chosen(&app, &fleet, wanted);
        prop_assert_eq!(first.len(), wanted);
        prop_assert_eq!(&first, &chosen(&app, &backwards, wanted));

        let mut larger = fleet.clone();
        larger.clusters.insert("new".into(), cluster("new", json!({"region": "eu", "scheduler": {"weight": weight}})));
        let anew = chosen(&app, &larger, wanted);
        let lost: Vec<_> = first.iter().filter(|name| !anew.contains(*name)).collect();
        prop_assert!(lost.len() <= 1 && anew.iter().all(|name| name == "new" || first.contains(name)));

        let mut world = World::new();
        world.fleet = fleet;
        world.commit("v1", vanguard());
        world.require(json!({"regions": [{"name": "eu", "replicas": wanted}]}));
        world.settle();
        let (placed, targets) = (world.placed(), world.targets.clone());
        world.fleet = larger;
        world.settle();
        prop_assert_eq!(world.placed(), placed);
        prop_assert_eq!(&world.targets, &targets);
    }
}
