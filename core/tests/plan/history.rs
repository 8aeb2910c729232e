//! Rule R7: what is kept of releases that are neither contender nor incumbent.

use crate::support::{World, strategy, vanguard};
use serde_json::json;
use shipper_core::intent::StrategySpec;

/// Beside contender and incumbent the records keep what was withdrawn while no more newer releases exist than the history limit, two here.
#[test]
fn r7_withdrawn_records_are_kept_until_as_many_newer_exist() {
    let mut world = World::with_v2_at("50/50");
    let v2 = world.contender().name.clone();
    world.commit("v1", vanguard());
    world.settle();
    assert!(world.releases[&v2].withdrawn.is_some());
    assert_eq!(world.target("c1"), ["v1 100/100"], "nothing of it is left");
    for (version, kept) in [("v3", true), ("v4", true), ("v5", false)] {
        world.commit(version, StrategySpec::default());
        world.settle();
        assert_eq!(world.releases.contains_key(&v2), kept, "{version}");
    }
}

/// [R7] However many newer ones exist: while a cluster may have something of it, its record is kept.
#[test]
fn r7_a_record_is_kept_while_a_cluster_may_have_something_of_it() {
    let mut world = World::with_v2_at("50/50");
    let v2 = world.contender().name.clone();
    world.commit("v1", vanguard());
    world.plan();
    for version in ["v3", "v4", "v5", "v6"] {
        world.commit(version, StrategySpec::default());
        world.plan();
        for cluster in ["c1", "c2"] {
            world.report(cluster, |_| {});
        }
        world.plan();
    }
    assert!(world.target("c3").contains(&"v2 0/0".to_owned()), "{:?}", world.target("c3"));
    assert!(world.releases.contains_key(&v2));
}

/// [R7] A release that is listed again is no tombstone any more: the incumbent before, after a return.
#[test]
fn r7_listing_again_cancels_the_tombstone() {
    let mut world = World::at_v1();
    world.roll_out("v2");
    world.commit("v3", vanguard());
    world.plan();
    assert_eq!(world.target("c1"), ["v1 -", "v2 100/100", "v3 1/0"]);
    // Nobody has reported it gone.
    world.commit("v2", vanguard());
    world.plan();
    assert_eq!(world.target("c1"), ["v1 0/0", "v2 100/100", "v3 0/0"]);
    world.promote("staging");
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 1/0"]);
}

/// [R7, M3] The objects of older history stay where the contender has not come: the target there is what it was, byte for byte.
#[test]
fn r7_older_history_stays_where_the_contender_has_not_come() {
    let mut world = World::at_v1();
    world.roll_out("v2");
    let before = world.targets.clone();
    world.commit(
        "v3",
        strategy(json!({"steps": [
            {"name": "one", "clusters": {"names": ["c1"]},
             "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
            {"name": "all", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
        ]})),
    );
    world.plan();
    assert_eq!(world.target("c1"), ["v1 -", "v2 0/0", "v3 100/100"]);
    world.settle();
    assert_eq!(world.target("c1"), ["v2 0/0", "v3 100/100"]);
    assert_eq!(world.target("c2"), ["v1 0/0", "v2 100/100"]);
    assert_eq!((&world.targets["c2"], &world.targets["c3"]), (&before["c2"], &before["c3"]));
    world.promote("all");
    world.settle();
    assert_eq!(world.target("c2"), ["v2 0/0", "v3 100/100"]);
}
