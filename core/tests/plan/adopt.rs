//! Rules R4 and M7: a release under way takes a changed strategy when it is told to, and what its end leaves out is told.

use crate::support::{World, strategy, vanguard};
use jiff::SignedDuration;
use serde_json::json;
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::intent::{MaxFailedClusters, StepRef, StrategySpec};
use std::time::Duration;

/// staging, 50/50 with other numbers, 80/20, full on.
fn longer() -> StrategySpec {
    let mut longer = vanguard();
    longer.steps[1].capacity =
        Some(serde_json::from_value(json!({"contender": 60, "incumbent": 40})).unwrap());
    let mut late = longer.steps[1].clone();
    late.name = "80/20".to_owned();
    longer.steps.insert(2, late);
    longer
}

/// The strategy on `main` changes; the environment does not.
fn change(world: &mut World, strategy: StrategySpec) {
    world.commit("v2", strategy);
}

fn adopt(world: &mut World, version: &str) {
    let release = world.contender().name.to_string();
    world.rollout(|rollout| {
        rollout.release = Some(release);
        rollout.adopt_strategy = Some(version.to_owned());
    });
}

/// [R4] Position is kept by name, and the new numbers of the step are asked for and have to be achieved.
#[test]
fn r4_a_release_goes_on_with_the_strategy_that_is_named() {
    let mut world = World::with_v2_at("50/50");
    change(&mut world, longer());
    world.settle();
    let (status, reason, message) = world.condition(ConditionType::StrategyCurrent).unwrap();
    assert_eq!((status, reason), (Status::False, Reason::StrategyChanged));
    assert!(message.contains(&format!("rollout.adoptStrategy: {}", longer().version())), "{message}");
    assert_eq!(world.target("c1"), ["v1 50/50", "v2 50/50"], "nothing moves by itself");

    adopt(&mut world, &longer().version());
    world.plan();
    assert_eq!(world.contender().strategy, longer());
    assert_eq!(world.contender().position.name, "50/50");
    assert_eq!(world.target("c1"), ["v1 40/50", "v2 60/50"]);
    assert!(world.contender().achieved.is_none(), "the new numbers are not achieved yet");
    assert!(world.events.iter().any(|event| event.contains("goes on with the strategy")));
    world.settle();
    assert_eq!(world.contender().achieved.as_ref().unwrap().step, 1);
    assert_eq!(world.condition(ConditionType::StrategyCurrent), None);
    for step in ["80/20", "full on"] {
        world.promote(step);
        world.settle();
    }
    assert!(world.contender().complete.is_some());
}

/// [R4] Where nothing changes for the step in force, it stays achieved and every target stays byte for byte.
#[test]
fn r4_only_what_differs_is_asked_for_anew() {
    let mut world = World::with_v2_at("50/50");
    let (achieved, targets) = (world.contender().achieved.clone(), world.targets.clone());
    let mut relaxed = vanguard();
    relaxed.steps.insert(0, relaxed.steps[0].clone());
    relaxed.steps[0].name = "even earlier".to_owned();
    change(&mut world, relaxed.clone());
    adopt(&mut world, &relaxed.version());
    world.settle();
    let contender = world.contender();
    assert_eq!((contender.position.step, contender.position.from), (2, 1));
    assert_eq!(contender.achieved.as_ref().unwrap().at, achieved.unwrap().at);
    assert_eq!(contender.achieved.as_ref().unwrap().step, 2);
    assert_eq!(world.targets, targets);
}

/// [R4] What was changed again meanwhile is not adopted unseen, and a release that has it already is left alone.
#[test]
fn r4_a_stale_version_adopts_nothing() {
    let mut world = World::with_v2_at("50/50");
    change(&mut world, longer());
    let version = longer().version();
    let mut again = longer();
    again.max_failed_clusters = MaxFailedClusters::Number(1);
    change(&mut world, again.clone());
    adopt(&mut world, &version);
    world.settle();
    let (status, reason, message) = world.condition(ConditionType::StrategyCurrent).unwrap();
    assert_eq!((status, reason), (Status::False, Reason::StaleStrategy));
    assert!(message.contains(&again.version()), "{message}");
    assert_eq!(world.contender().strategy, vanguard());
    adopt(&mut world, &vanguard().version());
    world.settle();
    assert_eq!(world.contender().strategy, vanguard());
}

/// [R4] Adoption is refused where the name of the step is gone, and where traffic would begin or end to be managed.
#[test]
fn r4_adoption_is_refused_where_the_step_is_gone() {
    let mut world = World::with_v2_at("50/50");
    let mut renamed = longer();
    renamed.steps[1].name = "half".to_owned();
    change(&mut world, renamed.clone());
    adopt(&mut world, &renamed.version());
    world.settle();
    let (status, reason, message) = world.condition(ConditionType::StrategyCurrent).unwrap();
    assert_eq!((status, reason), (Status::False, Reason::StrategyRefused));
    assert!(
        message.contains("\"50/50\"") && message.contains("its steps are \"staging\", \"half\""),
        "{message}"
    );
    assert_eq!(world.contender().strategy, vanguard());

    let mut worker = vanguard();
    worker.steps.iter_mut().for_each(|step| step.traffic = None);
    change(&mut world, worker.clone());
    adopt(&mut world, &worker.version());
    world.settle();
    assert_eq!(world.condition(ConditionType::StrategyCurrent).unwrap().1, Reason::StrategyRefused);
    assert_eq!(world.contender().strategy, vanguard());
}

/// [R4, M7] A complete release never finds itself in the middle.
#[test]
fn r4_a_complete_release_takes_only_a_strategy_that_ends_where_it_is() {
    let mut world = World::at_v1();
    let mut on = vanguard();
    let mut more = on.steps[2].clone();
    more.name = "more".to_owned();
    on.steps.push(more);
    world.commit("v1", on.clone());
    adopt(&mut world, &on.version());
    world.settle();
    assert_eq!(world.condition(ConditionType::StrategyCurrent).unwrap().1, Reason::StrategyRefused);
    assert!(world.contender().complete.is_some());
    let mut slower = vanguard();
    slower.steps.remove(0);
    world.commit("v1", slower.clone());
    adopt(&mut world, &slower.version());
    world.settle();
    assert_eq!(world.contender().strategy, slower);
    assert!(world.contender().complete.is_some());
}

/// [R4] An order in the same commit may name a step that only the new strategy has.
#[test]
fn r4_an_order_beside_it_is_of_the_new_strategy() {
    let mut world = World::with_v2_at("50/50");
    change(&mut world, longer());
    let release = world.contender().name.to_string();
    world.order(&release, StepRef::Name("80/20".into()));
    adopt(&mut world, &longer().version());
    world.plan();
    assert_eq!(world.contender().position.name, "80/20");
}

/// [M7] Clusters that the end of the strategy leaves out are told when the release is placed.
#[test]
fn m7_a_strategy_that_leaves_a_cluster_without_the_whole_contender_is_told() {
    let mut world = World::at_v1();
    assert_eq!(world.condition(ConditionType::WholeAtEnd), None);
    world.commit(
        "v2",
        strategy(json!({"steps": [
            {"name": "one", "clusters": {"names": ["c1"]}, "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
            {"name": "two", "clusters": {"names": ["c2"]}, "capacity": {"contender": 50, "incumbent": 50}, "traffic": {"contender": 50, "incumbent": 50}},
        ]})),
    );
    world.plan();
    let (status, reason, message) = world.condition(ConditionType::WholeAtEnd).unwrap();
    assert_eq!((status, reason), (Status::False, Reason::ContenderNotWhole));
    assert!(!message.contains("c1"), "{message}");
    assert!(message.contains("c2 ends with 50 % of the capacity"), "{message}");
    assert!(message.contains("c3 is selected by no step"), "{message}");
}

/// [R4, A4] A step that asks for something else under the new strategy soaks anew.
#[test]
fn r4_a4_other_numbers_soak_anew() {
    let soaking = |contender: u8| {
        let mut soaking = vanguard();
        soaking.steps[0].gate.soak = Some(Duration::from_secs(60));
        let capacity = json!({"contender": contender, "incumbent": 100});
        soaking.steps[0].capacity = Some(serde_json::from_value(capacity).unwrap());
        soaking
    };
    let mut world = World::at_v1();
    world.commit("v2", soaking(1));
    world.settle();
    world.now += SignedDuration::from_secs(50);
    change(&mut world, soaking(20));
    adopt(&mut world, &soaking(20).version());
    world.settle();
    world.promote("50/50");
    world.now += SignedDuration::from_secs(30);
    world.plan();
    assert_eq!(world.contender().position.name, "staging", "20 % have soaked for half a minute");
    world.now += SignedDuration::from_secs(30);
    world.plan();
    assert_eq!(world.contender().position.name, "50/50");
}

/// [R4, A4] A gate that is another under the new strategy is judged by that: the time soaked counts, a judgement does not.
#[test]
fn r4_a4_a_longer_soak_counts_although_the_shorter_was_passed() {
    let soaking = |seconds: u64| {
        let mut soaking = vanguard();
        soaking.steps[0].gate.soak = Some(Duration::from_secs(seconds));
        soaking
    };
    let mut world = World::at_v1();
    world.commit("v2", soaking(10));
    world.settle();
    world.now += SignedDuration::from_secs(20);
    world.plan();
    let mut patient = soaking(60);
    patient.steps.insert(0, vanguard().steps[0].clone());
    patient.steps[0].name = "even earlier".to_owned();
    change(&mut world, patient.clone());
    adopt(&mut world, &patient.version());
    world.settle();
    world.promote("50/50");
    world.plan();
    assert_eq!(world.contender().position.name, "staging", "it has soaked for 20 seconds of 60");
    world.now += SignedDuration::from_secs(40);
    world.plan();
    assert_eq!(world.contender().position.name, "50/50");
}
