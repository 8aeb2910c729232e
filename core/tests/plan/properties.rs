//! What holds of the planner whatever people and clusters do: it repeats itself, comes to rest, gains by evidence and looks at no name.

use crate::support::{World, broken, vanguard};
use proptest::prelude::*;
use shipper_core::ClusterName;
use shipper_core::intent::{StepRef, StrategySpec};
use shipper_core::status::Liveness;
use std::collections::BTreeMap;

const CLUSTERS: [&str; 3] = ["c1", "c2", "c3"];

/// Something that people, clusters or the hub do.
#[derive(Clone, Copy, Debug)]
enum Event {
    Commit(u8),
    Order(usize),
    Plan,
    Met(usize),
    Broken(usize),
    Stale(usize),
    Silent(usize),
    Offline(usize),
    Online(usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let cluster = 0..3_usize;
    let event = prop_oneof![
        2 => (1..4_u8).prop_map(Event::Commit),
        3 => (0..4_usize).prop_map(Event::Order),
        6 => Just(Event::Plan),
        6 => cluster.clone().prop_map(Event::Met),
        1 => cluster.clone().prop_map(Event::Broken),
        1 => cluster.clone().prop_map(Event::Stale),
        1 => cluster.clone().prop_map(Event::Silent),
        1 => cluster.clone().prop_map(Event::Offline),
        1 => cluster.prop_map(Event::Online),
    ];
    proptest::collection::vec(event, 0..40)
}

/// The strategy without its cluster names, and forgiving, so that evidence that is missing matters.
fn strategy() -> StrategySpec {
    StrategySpec { max_failed_clusters: shipper_core::intent::MaxFailedClusters::Number(1), ..vanguard() }
}

/// Lives through the events; `names`: what the three clusters are called.
fn after(events: &[Event], names: [&str; 3]) -> World {
    let mut world = World::new();
    let known = std::mem::take(&mut world.fleet.clusters);
    for (name, info) in names.iter().zip(known.into_values()) {
        let mut info = info;
        info.cluster.metadata.name = (*name).to_owned();
        world.fleet.clusters.insert((*name).into(), info);
    }
    world.liveness = names.iter().map(|name| (ClusterName::from(*name), Liveness::Online)).collect();
    world.commit("v1", strategy());
    world.plan();
    for event in events {
        match *event {
            Event::Commit(version) => world.commit(&format!("v{version}"), strategy()),
            Event::Order(step) => {
                let contender = world.contender().name.clone();
                world.order(contender.as_str(), StepRef::Index(u32::try_from(step).unwrap()));
            }
            Event::Plan => drop(world.plan()),
            Event::Met(of) => report(&mut world, names[of], |_| {}),
            Event::Broken(of) => report(&mut world, names[of], broken),
            Event::Stale(of) => report(&mut world, names[of], |report| report.target_generation -= 1),
            Event::Silent(of) => drop(world.reports.remove(names[of])),
            Event::Offline(of) => drop(world.liveness.insert(names[of].into(), Liveness::Offline)),
            Event::Online(of) => drop(world.liveness.insert(names[of].into(), Liveness::Online)),
        }
    }
    world
}

fn report(world: &mut World, cluster: &str, change: impl FnOnce(&mut shipper_core::report::AppReport)) {
    if world.targets.contains_key(cluster) {
        world.report(cluster, change);
    }
}

/// The step that the contender has achieved and whether it is complete.
fn reached(world: &World) -> (Option<usize>, bool) {
    let contender = world.contender();
    (contender.achieved.as_ref().map(|achieved| achieved.step), contender.complete.is_some())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    /// The same input gives the same plan.
    #[test]
    fn the_planner_repeats_itself(events in events()) {
        let world = after(&events, CLUSTERS);
        prop_assert_eq!(format!("{:?}", world.look()), format!("{:?}", world.look()));
        let again = after(&events, CLUSTERS);
        prop_assert_eq!(&world.targets, &again.targets);
        prop_assert_eq!(&world.releases, &again.releases);
    }

    /// Without news, planning comes to rest: what was written is what would be written.
    #[test]
    fn without_news_nothing_is_written(events in events()) {
        let mut world = after(&events, CLUSTERS);
        let quiet = (0..12).any(|_| !world.plan());
        prop_assert!(quiet, "it goes on writing: {:#?}", world.look());
        prop_assert!(!world.plan());
    }

    /// [A1] Evidence that all is well takes nothing away, and what is missing takes nothing away either.
    #[test]
    fn a1_good_news_and_no_news_undo_nothing(events in events(), of in 0..3_usize) {
        let mut silent = after(&events, CLUSTERS);
        while silent.plan() {}
        let mut told = after(&events, CLUSTERS);
        while told.plan() {}
        let before = reached(&silent);
        let contender = silent.contender().name.clone();

        silent.reports.clear();
        silent.plan();
        prop_assert_eq!(reached(&silent), before);

        report(&mut told, CLUSTERS[of], |_| {});
        let target = told.targets.clone();
        told.plan();
        prop_assert_eq!(&told.contender().name, &contender);
        let after = reached(&told);
        prop_assert!(after.0 >= before.0 && after.1 >= before.1, "{before:?} became {after:?} of {target:?}");
    }

    /// What clusters are called, and so in which order their files and reports are read, decides nothing.
    #[test]
    fn names_and_order_of_clusters_decide_nothing(events in events()) {
        let one = after(&events, ["a", "b", "c"]);
        let other = after(&events, ["z", "y", "x"]);
        let numbers = |world: &World, names: [&str; 3]| -> BTreeMap<usize, Vec<String>> {
            names.iter().enumerate().map(|(index, name)| (index, world.target(name))).collect()
        };
        prop_assert_eq!(numbers(&one, ["a", "b", "c"]), numbers(&other, ["z", "y", "x"]));
        prop_assert_eq!(reached(&one), reached(&other));
    }
}
