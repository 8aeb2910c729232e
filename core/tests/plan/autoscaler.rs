//! Rule C3: what releases with an autoscaler take their percentages of.

use crate::support::{World, strategy, vanguard};
use serde_json::json;
use shipper_core::report::AppReport;
use std::collections::BTreeMap;

/// Every agent reports that its target is met and that an autoscaler has made `replicas` of every release with capacity.
fn report(world: &mut World, replicas: &[(&str, u32)]) {
    for (cluster, n) in replicas {
        world.report(cluster, |report: &mut AppReport| {
            for release in &mut report.releases {
                let scaled = if release.capacity.desired > 0 { *n } else { 0 };
                release.autoscaled = BTreeMap::from([("app".to_owned(), scaled)]);
            }
        });
    }
}

/// The base of every release of a target, oldest first; 0 = none.
fn bases(world: &World, cluster: &str) -> Vec<u32> {
    let releases = &world.targets[cluster].releases;
    releases.iter().map(|r| r.autoscaler_base.get("app").copied().unwrap_or(0)).collect()
}

fn at_v1() -> World {
    let mut world = World::at_v1();
    report(&mut world, &[("c1", 4), ("c2", 7), ("c3", 4)]);
    world.plan();
    world
}

#[test]
fn c3_the_base_is_what_each_cluster_had_when_the_rollout_began() {
    let mut world = at_v1();
    assert_eq!(bases(&world, "c1"), [0]);
    world.commit("v2", vanguard());
    world.plan();
    assert_eq!((bases(&world, "c1"), bases(&world, "c2")), (vec![0, 4], vec![0, 7]));
    let before = world.targets.clone();
    report(&mut world, &[("c1", 2), ("c2", 2), ("c3", 9)]);
    world.plan();
    world.plan();
    assert_eq!(world.targets, before, "what is reported later changes nothing");
    for step in ["50/50", "full on"] {
        world.promote(step);
        world.plan();
        assert_eq!((bases(&world, "c1"), bases(&world, "c2")), (vec![0, 4], vec![0, 7]));
        world.settle();
    }
    assert!(world.contender().complete.is_some());
    assert_eq!(
        (bases(&world, "c1"), bases(&world, "c2")),
        (vec![0, 0], vec![0, 0]),
        "it follows the load now"
    );
    world.order(world.contender().name.clone().as_str(), shipper_core::intent::StepRef::Index(1));
    world.plan();
    assert_eq!(bases(&world, "c2"), [0, 7], "walking back, it rolls out again");
}

#[test]
fn c3_without_autoscalers_nothing_is_recorded() {
    let world = World::with_v2_at("staging");
    assert!(world.releases.values().all(|release| release.autoscaler_bases.is_empty()));
    assert_eq!(bases(&world, "c1"), [0, 0]);
}

#[test]
fn c3_what_a_hub_did_not_know_yet_is_recorded_with_the_first_report() {
    let mut world = at_v1();
    world.reports.clear();
    world.commit("v2", vanguard());
    world.plan();
    assert_eq!(bases(&world, "c1"), [0, 0]);
    report(&mut world, &[("c1", 4)]);
    world.plan();
    assert_eq!((bases(&world, "c1"), bases(&world, "c2")), (vec![0, 4], vec![0, 0]));
}

#[test]
fn c3_m10_a_third_release_takes_over_what_the_second_was_to() {
    let mut world = at_v1();
    world.commit("v2", vanguard());
    world.plan();
    report(&mut world, &[("c1", 3), ("c2", 3), ("c3", 3)]);
    world.plan();
    world.commit("v3", vanguard());
    world.plan();
    assert_eq!((bases(&world, "c1"), bases(&world, "c2")), (vec![0, 0, 4], vec![0, 0, 7]));
}

#[test]
fn c3_m8_the_incumbent_takes_back_the_load_before_it_follows_it() {
    let mut world = at_v1();
    let at_once = || {
        strategy(
            json!({"steps": [{"name": "all", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}}]}),
        )
    };
    world.commit("v2", at_once());
    world.plan();
    report(&mut world, &[("c1", 5), ("c2", 5), ("c3", 5)]);
    for _ in 0..3 {
        world.plan();
        report(&mut world, &[("c1", 5), ("c2", 5), ("c3", 5)]);
    }
    assert!(world.contender().complete.is_some());
    world.commit("v1", vanguard());
    world.plan();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 0/0"]);
    assert_eq!(bases(&world, "c1"), [5, 0]);
    world.settle();
    assert_eq!((world.target("c1"), bases(&world, "c1")), (vec!["v1 100/100".to_owned()], vec![0]));
}
