//! Rules X1 and X4.

use crate::support::{World, vanguard};
use jiff::SignedDuration;
use shipper_core::condition::{Condition, ConditionType, Reason};
use shipper_core::plan::{Absence, Intent, REMOVAL_PATIENCE};
use shipper_core::state::RemovalCause;
use shipper_core::status::{Liveness, WaitingFor};

/// v1 is complete in three clusters, and its file is gone from `main`.
fn without_file(others: usize) -> World {
    let mut world = World::at_v1();
    world.intent = None;
    world.absence = Some(Absence { confirmed: None, others });
    world.commits += 1;
    world
}

fn present(world: &World) -> Condition {
    let conditions = world.look().status.conditions;
    conditions.into_iter().find(|c| c.kind == ConditionType::Present).expect("it says what is missing")
}

fn targets_absent(world: &World) -> Vec<bool> {
    world.targets.values().map(|target| target.absent).collect()
}

/// [X1] The only one missing is removed after 15 minutes, and says so until then; nothing is touched before.
#[test]
fn x1_the_only_one_missing_is_removed_after_a_while_and_says_when() {
    let mut world = without_file(0);
    let before = world.targets.clone();
    world.plan();
    let condition = present(&world);
    assert_eq!(condition.reason, Reason::MissingOnMain);
    let due =
        world.record.as_ref().unwrap().missing.as_ref().unwrap().alone_since.unwrap() + REMOVAL_PATIENCE;
    let when = due.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    assert!(condition.message.contains(&format!("removed at {when}")), "{}", condition.message);
    assert!(condition.message.contains("30 ready pods run in 3 clusters"), "{}", condition.message);
    assert!(condition.message.contains("shipperctl remove web/app"), "{}", condition.message);
    assert_eq!(world.look().wake_at, Some(due));
    assert_eq!(world.look().status.waiting.state, WaitingFor::WaitingForCommand);

    world.now = due - SignedDuration::from_secs(1);
    world.settle_without_rest();
    assert_eq!(world.targets, before, "absence deletes nothing");
    world.now = due;
    world.plan();
    assert_eq!(targets_absent(&world), [true, true, true]);
}

/// [X1] Where several are missing at once no time passes: each waits for its trailer.
#[test]
fn x1_of_several_missing_each_waits_for_its_trailer() {
    let mut world = without_file(4);
    let before = world.targets.clone();
    world.plan();
    world.now += SignedDuration::from_hours(100);
    world.plan();
    assert_eq!(world.targets, before);
    assert_eq!(world.look().wake_at, None);
    let message = present(&world).message;
    assert!(message.contains("4 other applications and clusters are missing too"), "{message}");

    // The others come back: only from now on is this one the only one missing.
    world.absence = Some(Absence::default());
    world.plan();
    world.now += REMOVAL_PATIENCE - SignedDuration::from_secs(5);
    world.plan();
    assert_eq!(world.targets, before);

    world.absence = Some(Absence { confirmed: Some("c0ffee".to_owned()), others: 4 });
    world.plan();
    assert_eq!(targets_absent(&world), [true, true, true]);
    let removal = world.record.as_ref().unwrap().missing.as_ref().unwrap().removal.clone().unwrap();
    assert_eq!(removal.cause, RemovalCause::Confirmed { commit: "c0ffee".to_owned() });
}

/// [X1] Without ready pods it is removed at once; what is not reported proves nothing.
#[test]
fn x1_without_ready_pods_it_is_removed_at_once() {
    let idle = |world: &mut World, clusters: &[&str]| {
        for cluster in clusters {
            world.report(cluster, |report| report.remains.as_mut().unwrap().ready_pods = 0);
        }
    };
    let mut world = without_file(7);
    idle(&mut world, &["c1", "c2"]);
    world.plan();
    assert_eq!(targets_absent(&world), [false, false, false], "c3 has ready pods");
    world.reports.remove("c3");
    world.plan();
    assert_eq!(targets_absent(&world), [false, false, false], "c3 has not said what it has");
    assert!(
        present(&world).message.contains("c3 has not said what runs there"),
        "{}",
        present(&world).message
    );
    world.report("c3", |report| {
        report.remains.as_mut().unwrap().ready_pods = 0;
        report.target_generation -= 1;
    });
    world.plan();
    assert_eq!(targets_absent(&world), [false, false, false], "what c3 said is about another target");
    idle(&mut world, &["c3"]);
    world.plan();
    assert_eq!(targets_absent(&world), [true, true, true]);
}

/// [X1, R1] The tombstone waits for every cluster; then nothing but the counters is left, and no name is ever used twice.
#[test]
fn x1_r1_counters_outlive_the_removal() {
    let mut world = without_file(0);
    let first = world.contender().clone();
    let targets_made = world.record.as_ref().unwrap().target_generation;
    world.absence.as_mut().unwrap().confirmed = Some("c0ffee".to_owned());
    world.plan();
    assert_eq!(present(&world).reason, Reason::Removing);
    assert_eq!(world.target("c1"), ["v1 -"]);

    world.report("c1", |report| report.remains.as_mut().unwrap().objects = 3);
    world.report("c2", |_| {});
    world.liveness.insert("c3".into(), Liveness::Offline);
    world.plan();
    let message = present(&world).message;
    assert!(message.contains("c1: 3 objects and pods left"), "{message}");
    assert!(message.contains("c3: its agent does not report"), "{message}");
    assert_eq!(world.targets.keys().map(AsRef::as_ref).collect::<Vec<&str>>(), ["c1", "c3"]);
    assert_eq!(world.releases.len(), 1, "the record stays while a cluster has objects");
    world.report("c1", |_| {});
    world.report("c3", |_| {});
    world.plan();
    assert!(world.targets.is_empty() && world.releases.is_empty());
    assert!(!world.plan(), "nothing is written about what is gone");
    let record = world.record.clone().unwrap();
    assert_eq!((record.generation, record.missing, record.placement), (1, None, None));

    // The same environment again is another release, and another target than any before.
    world.absence = None;
    world.reports.clear();
    world.commit("v1", vanguard());
    world.settle();
    assert_eq!(world.contender().name.as_str(), first.name.as_str().replace("-0", "-1"));
    assert_eq!(world.contender().generation, 2);
    assert!(world.targets.values().all(|target| target.generation > targets_made + 3));
    assert!(world.targets.values().all(|target| !target.absent));
}

/// [X1] Putting the file back ends it, before and after the decision; what ran runs again, without another release.
#[test]
fn x1_a_file_that_comes_back_ends_it() {
    for confirmed in [None, Some("c0ffee".to_owned())] {
        let mut world = World::at_v1();
        let before = (world.target("c1"), world.contender().name.clone());
        let intent = world.intent.take();
        world.absence = Some(Absence { confirmed: confirmed.clone(), others: 0 });
        world.plan();
        world.report_all();
        assert_eq!(targets_absent(&world), [confirmed.is_some(); 3]);
        world.intent = intent;
        world.absence = None;
        world.settle();
        assert_eq!((world.target("c1"), world.contender().name.clone()), before);
        assert_eq!(targets_absent(&world), [false; 3]);
        assert_eq!(world.record.as_ref().unwrap().missing, None);
    }
}

/// [I1, X1] A file that is there and bad, without any good version, is not missing.
#[test]
fn x1_a_bad_file_is_not_a_missing_one() {
    let mut world = World::at_v1();
    let before = world.targets.clone();
    world.intent = None;
    world.plan();
    world.now += SignedDuration::from_hours(100);
    world.plan();
    assert_eq!(world.targets, before);
    assert_eq!(world.record.as_ref().unwrap().missing, None);
}

/// [B1] While rollouts are blocked nothing is removed.
#[test]
fn b1_nothing_is_removed_while_rollouts_are_blocked() {
    let mut world = without_file(0);
    world.absence.as_mut().unwrap().confirmed = Some("c0ffee".to_owned());
    world.block("freeze");
    world.plan();
    assert_eq!(targets_absent(&world), [false; 3]);
    assert!(present(&world).message.contains("blocked by"), "{}", present(&world).message);
    world.fleet.blocks.clear();
    world.plan();
    assert_eq!(targets_absent(&world), [true; 3]);
}

/// [X4] A removed cluster keeps its objects and its applications are placed elsewhere.
#[test]
fn x4_a_removed_cluster_takes_nothing_with_it() {
    let mut world = World::at_v1();
    world.fleet.clusters.remove("c2");
    world.settle();
    assert_eq!(world.target("c2"), ["v1 100/100"], "a missing file moves nobody");
    world.fleet.removed.insert("c2".into());
    world.settle();
    assert!(!world.targets.contains_key("c2"), "no tombstone: its objects stay as they are");
    assert!(!world.record.as_ref().unwrap().placement.as_deref().unwrap().clusters.contains_key("c2"));
    assert_eq!(world.target("c1"), ["v1 100/100"]);
    assert!(world.contender().complete.is_some());
}

/// [X1, X4] The removal of an application does not wait for a cluster that is removed.
#[test]
fn x4_a_removal_does_not_wait_for_a_removed_cluster() {
    let mut world = without_file(0);
    world.absence.as_mut().unwrap().confirmed = Some("c0ffee".to_owned());
    world.plan();
    world.report("c1", |_| {});
    world.report("c2", |_| {});
    world.fleet.clusters.remove("c3");
    world.fleet.removed.insert("c3".into());
    world.plan();
    assert!(world.targets.is_empty() && world.releases.is_empty());
}

/// Confirms the removal, and lets it begin.
fn removing(world: &mut World) -> Option<Intent> {
    let intent = world.intent.take();
    world.absence = Some(Absence { confirmed: Some("c0ffee".to_owned()), others: 0 });
    world.plan();
    assert!(world.targets.values().all(|target| target.absent));
    intent
}

/// [X1, S4] A cluster that was being left when the removal began goes on to be left when it is called off: nothing of it is a tombstone
/// of the application any more.
#[test]
fn x1_s4_what_was_being_left_is_left_after_a_removal_was_called_off() {
    let mut world = World::at_v1();
    world.fleet.clusters.get_mut("c3").unwrap().cluster.spec.scheduler.drain = true;
    world.plan();
    assert_eq!(world.target("c3"), ["v1 0/0"]);
    world.intent = removing(&mut world);
    world.absence = None;
    world.plan();
    assert_eq!(targets_absent(&world), [false; 3]);
    assert_eq!(world.target("c3"), ["v1 0/0"]);
    world.settle();
    assert_eq!(world.targets.keys().map(AsRef::as_ref).collect::<Vec<&str>>(), ["c1", "c2"]);
    assert_eq!(world.target("c1"), ["v1 100/100"]);
}

/// [X1, R7] A removal writes tombstones without asking whether a release is empty. Where it is called off by a file that asks for
/// something else, the release it found goes the whole way out: to nothing first, then as a tombstone.
#[test]
fn x1_r7_after_a_removal_was_called_off_a_tombstone_waits_for_an_empty_release() {
    let mut world = World::new();
    world.commit("v1", vanguard());
    world.settle();
    assert_eq!(world.target("c2"), ["v1 1/0"]);
    removing(&mut world);
    world.absence = None;
    world.commit("v2", vanguard());
    world.plan();
    assert_eq!(world.target("c2"), ["v1 0/0", "v2 1/0"], "v1 has pods there, and was never complete");
    world.settle();
    assert_eq!(world.target("c2"), ["v2 1/0"]);
}

/// [X1] A removal that is called off ends at once, even where not all can be rendered: what cannot is left alone.
#[test]
fn x1_a_removal_that_is_called_off_ends_even_where_nothing_renders() {
    let mut world = World::at_v1();
    world.intent = removing(&mut world);
    world.absence = None;
    for rendered in world.manifests.values_mut() {
        *rendered = Err("the chart cannot be had".to_owned());
    }
    world.plan();
    assert_eq!(targets_absent(&world), [false; 3]);
    assert!(
        world.target("c1").is_empty(),
        "nothing is asked of v1, and nothing of it is a tombstone: {:?}",
        world.target("c1")
    );
    let rendered = world.condition(ConditionType::Rendered).expect("it says what cannot be rendered");
    assert!(rendered.2.contains("the chart cannot be had"), "{rendered:?}");

    for rendered in world.manifests.values_mut() {
        *rendered = Ok(());
    }
    world.settle();
    assert_eq!(world.target("c1"), ["v1 100/100"]);
}
