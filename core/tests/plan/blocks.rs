//! Rules B1 to B3: what blocks stop, what goes on, and what overrides them.

use crate::support::{World, broken, vanguard};
use jiff::SignedDuration;
use serde_json::{Value, json};
use shipper_core::catalogue::Trouble;
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::intent::{Metadata, Object, OnFailure, RolloutBlock, StrategySpec, UnreadableBlock, load};
use shipper_core::plan::BlockSurvey;
use shipper_core::report::ObjectProblem;
use shipper_core::status::WaitingFor;

/// Puts a block on `main`; `more` is merged into its spec.
fn block(world: &mut World, namespace: Option<&str>, name: &str, more: &Value) {
    let mut spec = json!({"message": "an incident", "author": {"type": "user", "name": "jo"}});
    spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    let metadata =
        Metadata { name: name.to_owned(), namespace: namespace.map(str::to_owned), ..Metadata::default() };
    let block = RolloutBlock { metadata, spec: serde_json::from_value(spec).unwrap() };
    world.fleet.blocks.insert((namespace.map(str::to_owned), name.to_owned()), block);
}

fn annotate(world: &mut World, annotation: &str, value: &str) {
    let annotations = &mut world.intent.as_mut().unwrap().application.metadata.annotations;
    annotations.clear();
    annotations.insert(annotation.to_owned(), value.to_owned());
}

fn overrides(world: &mut World, value: &str) {
    annotate(world, "shipper.dev/rollout-block.override", value);
}

/// Whether the application could make a release now.
fn is_blocked(world: &World) -> bool {
    world.look().status.waiting.state == WaitingFor::Blocked
}

/// [B1] No release is made or moved; targets already written stay; another namespace's block stops nothing.
#[test]
fn b1_nothing_is_made_or_moved_while_blocked() {
    let mut world = World::with_v2_at("staging");
    let v2 = world.contender().name.clone();
    block(&mut world, Some("other"), "freeze", &json!({}));
    assert!(!is_blocked(&world));
    block(&mut world, Some("web"), "freeze", &json!({}));
    let before = world.targets.clone();
    world.promote("full on");
    world.settle();
    assert_eq!(world.targets, before);
    let waiting = world.look().status.waiting;
    assert_eq!(waiting.state, WaitingFor::Blocked);
    assert!(waiting.message.contains("web/freeze: an incident"), "{}", waiting.message);
    world.commit("v3", vanguard());
    world.settle();
    assert_eq!((&world.contender().name, &world.targets), (&v2, &before));

    world.fleet.blocks.clear();
    world.settle();
    assert_ne!(world.contender().name, v2, "what was asked for meanwhile is done when the block is gone");
}

/// [B1] An order that walks a complete release back waits too, and people are told so.
#[test]
fn b1_an_order_for_a_complete_release_waits() {
    let mut world = World::at_v1();
    block(&mut world, None, "freeze", &json!({}));
    assert_eq!(world.look().status.waiting.state, WaitingFor::None, "nothing is asked for");
    world.promote("staging");
    assert!(is_blocked(&world));
    world.settle();
    assert_eq!(world.contender().position.name, "full on");
}

/// [B1] A return goes on under a block that says nothing, and under one that allows it; not under one that does not.
#[test]
fn b1_what_a_block_allows_goes_on() {
    for (allow, returns) in [
        (json!({}), true),
        (json!({"allow": ["abort"]}), true),
        (json!({"allow": ["drain"]}), false),
        (json!({"allow": []}), false),
    ] {
        let mut world = World::with_v2_at("staging");
        let v1 = world.incumbent().unwrap().name.clone();
        block(&mut world, Some("web"), "freeze", &allow);
        world.commit("v1", vanguard());
        world.settle();
        assert_eq!(world.contender().name == v1, returns, "{allow}");
        assert_eq!(is_blocked(&world), !returns, "{allow}");
        // Every block must allow it.
        if returns {
            continue;
        }
        world.fleet.blocks.clear();
        world.settle();
        assert_eq!(world.contender().name, v1, "the return is obeyed when the block is gone");
    }
}

/// v2 is at half and cannot be installed in c3, which its strategy answers by taking it back.
fn failing_at_half() -> World {
    let mut world = World::at_v1();
    world.commit("v2", StrategySpec { on_failure: OnFailure::Rollback, ..vanguard() });
    world.settle();
    world.promote("50/50");
    world.plan();
    world.report("c3", |report| {
        report.problems.push(ObjectProblem {
            object: "Deployment web/app".into(),
            heals: false,
            reason: Trouble::Rejected,
            message: "spec.replicas: too many".into(),
        });
    });
    world
}

/// Whether the hub takes v2 back now.
fn takes_back(world: &World) -> bool {
    world.look().releases.values().any(|release| release.withdrawn.is_some())
}

/// [B1, A3] The hub takes a release back where every block in force allows `rollback`, which none does that says nothing.
#[test]
fn b1_the_hub_takes_back_only_where_every_block_allows_rollback() {
    for (allow, allowed) in [
        (json!({}), false),
        (json!({"allow": ["abort", "pause", "drain"]}), false),
        (json!({"allow": ["rollback"]}), true),
    ] {
        let mut world = failing_at_half();
        block(&mut world, Some("web"), "freeze", &allow);
        assert_eq!(takes_back(&world), allowed, "{allow}");
        block(&mut world, None, "holidays", &json!({}));
        assert!(!takes_back(&world), "{allow}, and another that does not");
    }
}

/// [B1, M13] A pause counts under a block that allows `pause`, as one does that says nothing, and not under one that does not.
#[test]
fn b1_a_pause_counts_only_where_the_block_allows_it() {
    for (allow, paused) in [
        (json!(["rollback", "pause"]), true),
        (json!(["rollback"]), false),
        (json!(["rollback", "abort"]), false),
    ] {
        let mut world = failing_at_half();
        block(&mut world, Some("web"), "freeze", &json!({"allow": allow}));
        assert!(takes_back(&world), "{allow}: nobody has paused it");
        world.rollout(|rollout| rollout.paused = true);
        assert_eq!(takes_back(&world), !paused, "{allow}");
    }
    // Under a block that says nothing: the return, which a pause lets through, is obeyed, and the pause is in force when the block is gone.
    let mut world = failing_at_half();
    world.rollout(|rollout| rollout.paused = true);
    block(&mut world, Some("web"), "freeze", &json!({}));
    world.plan();
    world.fleet.blocks.clear();
    assert!(!takes_back(&world));
    assert_eq!(world.look().status.waiting.state, WaitingFor::Paused);
}

/// [B1] With a schedule it blocks during those times only, and the planner asks to be woken when they begin and end.
#[test]
fn b1_a_schedule_blocks_during_its_times() {
    let mut world = World::with_v2_at("staging");
    let nights =
        json!({"schedule": {"cron": "0 22 * * *", "duration": "8h", "timeZone": "Europe/Amsterdam"}});
    block(&mut world, None, "nights", &nights);
    world.now = "2026-01-05T12:00:00Z".parse().unwrap();
    assert!(!is_blocked(&world));
    let begins = world.look().wake_at.unwrap();
    assert_eq!(begins.to_string(), "2026-01-05T21:00:00Z");
    world.now = begins;
    assert!(is_blocked(&world));
    let message = world.look().status.waiting.message;
    assert!(message.contains("until 2026-01-06T05:00:00Z"), "{message}");
    world.promote("50/50");
    world.settle();
    assert_eq!(world.contender().position.name, "staging");
    let ends = world.look().wake_at.unwrap();
    assert_eq!(ends.to_string(), "2026-01-06T05:00:00Z");
    world.now = ends;
    world.settle();
    assert_eq!(world.contender().position.name, "50/50");
}

/// [B2] Every block in force must be named, with its namespace or without, in either annotation.
#[test]
fn b2_every_block_in_force_must_be_named() {
    let mut world = World::with_v2_at("staging");
    block(&mut world, Some("web"), "freeze", &json!({}));
    block(&mut world, None, "holidays", &json!({}));
    block(&mut world, Some("other"), "elsewhere", &json!({}));
    for (names, blocked) in [
        ("", true),
        ("web/freeze", true),
        ("other/freeze, holidays", true),
        ("web/freeze,rollout-blocks-global/holidays", false),
        (" freeze , holidays ,", false),
    ] {
        overrides(&mut world, names);
        assert_eq!(is_blocked(&world), blocked, "{names:?}");
        annotate(&mut world, "shipper.booking.com/rollout-block.override", names);
        assert_eq!(is_blocked(&world), blocked, "{names:?}");
    }
    world.promote("50/50");
    world.settle();
    assert_eq!(world.contender().position.name, "50/50");
}

/// [B2] A name that does not exist is a warning: blocks end, annotations stay.
#[test]
fn b2_a_name_that_does_not_exist_is_a_warning() {
    let mut world = World::with_v2_at("staging");
    block(&mut world, Some("web"), "freeze", &json!({}));
    overrides(&mut world, "web/freeze, web/gone");
    let told = |world: &World| {
        let conditions = world.look().status.conditions;
        conditions.into_iter().find(|condition| condition.kind == ConditionType::Blocked)
    };
    let condition = told(&world).unwrap();
    assert_eq!((condition.status, condition.reason), (Status::False, Reason::OverrideNotFound));
    assert!(
        condition.message.contains("web/gone") && !condition.message.contains("web/freeze"),
        "{}",
        condition.message
    );
    assert!(!is_blocked(&world));
    overrides(&mut world, "web/gone");
    let condition = told(&world).unwrap();
    assert_eq!((condition.status, condition.reason), (Status::True, Reason::RolloutsBlocked));
    assert!(condition.message.contains("web/gone"), "{}", condition.message);
    overrides(&mut world, "web/freeze");
    assert_eq!(told(&world), None);
}

/// [B3] The present step converges and is judged, and soak goes on; only the next step waits.
#[test]
fn b3_status_and_soak_go_on_under_a_block() {
    let mut strategy = vanguard();
    strategy.steps[0].gate.soak = Some(std::time::Duration::from_secs(600));
    strategy.steps[0].gate.approval = shipper_core::intent::Approval::Auto;
    let mut world = World::at_v1();
    world.commit("v2", strategy);
    world.plan();
    block(&mut world, Some("web"), "freeze", &json!({}));
    for cluster in ["c1", "c2", "c3"] {
        world.report(cluster, broken);
    }
    world.plan();
    assert!(world.look().status.clusters[0].message.contains("ImagePullBackOff"));
    world.settle();
    let achieved = world.contender().achieved.clone().expect("the step is achieved under the block");
    world.now = achieved.at + SignedDuration::from_secs(700);
    world.plan();
    assert_eq!(world.contender().position.name, "staging", "it does not go on by itself");
    world.fleet.blocks.clear();
    world.plan();
    assert_eq!(world.contender().position.name, "50/50", "the soak time has passed meanwhile");
}

/// [B1] Somebody meant to stop something: a file that cannot be read stops its scope until an override names it.
#[test]
fn b1_a_block_that_cannot_be_read_blocks() {
    let mut world = World::with_v2_at("staging");
    let path = "blocks/freeze.yaml";
    let loaded = load(path, b"apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {name: freeze, namespace: other}\nspec: {}\n");
    let unreadable = |namespace: Option<String>| UnreadableBlock {
        namespace,
        name: "freeze".to_owned(),
        problem: loaded.problems[0].clone(),
    };
    world.fleet.unreadable_blocks.insert(path.to_owned(), unreadable(loaded.namespace.clone()));
    assert!(!is_blocked(&world), "its scope is another namespace");
    world.fleet.unreadable_blocks.insert(path.to_owned(), unreadable(None));
    assert!(is_blocked(&world));
    let message = world.look().status.waiting.message;
    assert_eq!(
        message,
        "rollouts are blocked by blocks/freeze.yaml, which cannot be read; mend or remove what cannot be read: shipperctl blocks list says \
         what is wrong with it"
    );
    let why = world.ask(shipper_core::plan::why).1;
    assert!(why.decisions.iter().any(|one| one.decision.contains("blocks everything until it is mended")));
    for number in 0..40 {
        let path = format!("blocks/{number}.yaml");
        world.fleet.unreadable_blocks.insert(path, unreadable(None));
    }
    world.block("incident");
    let message = world.look().status.waiting.message;
    assert!(message.contains("incident") && message.contains("and 40 more files"), "{message}");
    assert!(message.len() < 400, "every application says it: {message}");
    world.fleet.blocks.clear();
    overrides(&mut world, "freeze");
    assert!(!is_blocked(&world));
}

/// The original's RolloutBlock and its annotation do what they did.
#[test]
fn b1_b2_the_originals_block_and_override_work() {
    let mut world = World::with_v2_at("staging");
    let yaml = "\
apiVersion: shipper.booking.com/v1alpha1
kind: RolloutBlock
metadata: {name: holidays, namespace: rollout-blocks-global}
spec: {message: Winter holidays, author: {type: user, name: jdoe}}
status: {overrides: {release: ''}}
";
    let loaded = load("blocks/holidays.yaml", yaml.as_bytes());
    let Some(Object::RolloutBlock(global)) = loaded.object else { panic!("{:?}", loaded.problems) };
    world.fleet.blocks.insert((global.metadata.namespace.clone(), global.metadata.name.clone()), global);
    assert!(is_blocked(&world));
    annotate(&mut world, "shipper.booking.com/rollout-block.override", "rollout-blocks-global/holidays");
    assert!(!is_blocked(&world));
}

/// [B4] The status of a block lists what it blocks and what overrides it.
#[test]
fn b4_the_status_lists_what_is_blocked_and_what_overrides() {
    let mut world = World::with_v2_at("staging");
    block(&mut world, Some("web"), "freeze", &json!({}));
    block(
        &mut world,
        None,
        "nights",
        &json!({"allow": ["drain"], "schedule": {"cron": "0 22 * * *", "duration": "8h"}}),
    );
    let application = world.intent.as_ref().unwrap().application.clone();
    let mut careful = application.clone();
    careful.metadata.annotations.insert("shipper.dev/rollout-block.override".into(), "nights".into());
    let keys = ["web/app", "web/careful", "shop/cart"].map(|key| key.parse().unwrap());
    let applications = keys.iter().zip([&application, &careful, &application]);
    let survey = BlockSurvey::of(&world.fleet, applications);
    let told = |now: &str| serde_json::to_value(survey.statuses(now.parse().unwrap())).unwrap();
    let author = json!({"type": "user", "name": "jo"});
    let schedule = json!({"cron": "0 22 * * *", "duration": "8h"});
    let freeze = json!({
        "name": "freeze", "namespace": "web", "message": "an incident", "author": author,
        "allow": ["abort", "pause"], "inForce": true,
        "applications": ["web/app", "web/careful"],
        "overriddenBy": [],
    });
    let mut nights = json!({
        "name": "nights", "message": "an incident", "author": author, "allow": ["drain"], "schedule": schedule,
        "inForce": false, "next": "2026-01-05T22:00:00Z",
        "applications": ["shop/cart", "web/app"],
        "overriddenBy": ["web/careful"],
    });
    assert_eq!(told("2026-01-05T12:00:00Z"), json!([nights, freeze]));
    nights["inForce"] = json!(true);
    nights.as_object_mut().unwrap().remove("next");
    nights["since"] = json!("2026-01-05T22:00:00Z");
    nights["until"] = json!("2026-01-06T06:00:00Z");
    assert_eq!(told("2026-01-05T23:00:00Z"), json!([nights, freeze]));
}
