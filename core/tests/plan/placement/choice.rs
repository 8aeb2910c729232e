//! Rules S1 to S3: which clusters are chosen, and what changes that.

use super::{Placing, cluster, in_one, in_some};
use crate::support::{World, vanguard};
use proptest::prelude::*;
use serde_json::json;
use shipper_core::condition::{Reason, Status};
use shipper_core::plan::Fleet;
use shipper_core::status::Refusal;
use std::collections::BTreeMap;

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
