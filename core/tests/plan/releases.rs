//! Rules R1 to R7.

use crate::support::{World, vanguard};
use jiff::SignedDuration;
use shipper_core::condition::{ConditionType, Reason};
use shipper_core::few::Few;
use shipper_core::intent::{Chart, StrategySpec};
use shipper_core::plan::{pinned, roles};
use shipper_core::state::{PinnedChart, WithdrawalReason};
use shipper_core::status::Liveness;

#[test]
fn r1_names_are_never_used_twice() {
    let mut world = World::at_v1();
    let v1 = world.contender().clone();
    let first = &v1.name;
    assert!(first.as_str().starts_with("app-") && first.as_str().ends_with("-0"), "{first}");
    world.commit("v2", vanguard());
    world.settle();
    for step in ["50/50", "full on"] {
        world.promote(step);
        world.settle();
    }
    world.roll_out("v3");
    // v1's environment comes back when it is neither contender nor incumbent: a new release of the same hash.
    world.commit("v1", vanguard());
    world.settle();
    let again = world.contender();
    assert_eq!(again.environment, v1.environment);
    assert_eq!(again.name.as_str(), first.as_str().replace("-0", "-1"));
    assert_eq!(again.generation, 4);
}

/// [R3] A block takes the pin of the newest kept release that has the same; one that differs in anything, `resolve` too, has none.
#[test]
fn r3_an_equal_block_takes_the_pin_of_the_newest_release_that_has_it() {
    let mut world = World::at_v1();
    world.roll_out("v2");
    world.roll_out("v3");
    let written = |range: &str, resolve: Option<&str>| Chart {
        name: Some("shop".to_owned()),
        version: Some(range.to_owned()),
        resolve: resolve.map(str::to_owned),
        ..Chart::default()
    };
    let pins = [("~1", "1.0.0"), ("~1", "1.2.0"), ("~2", "2.0.0")];
    let mut releases: Vec<_> = world.releases.iter_mut().map(|(_, release)| release).collect();
    releases.sort_by_key(|release| release.generation);
    for (release, (range, version)) in releases.into_iter().zip(pins) {
        release.written_chart = Some(Box::new(written(range, None)));
        release.environment.chart =
            Some(PinnedChart { version: Some(version.to_owned()), ..PinnedChart::default() });
    }
    let of = |range, resolve| pinned(world.releases.values(), &written(range, resolve))?.version;
    assert_eq!(of("~1", None).as_deref(), Some("1.2.0"));
    assert_eq!(of("~2", None).as_deref(), Some("2.0.0"));
    assert_eq!(of("~1", Some("again")), None);
    assert_eq!(of("~3", None), None);
}

/// TestRejectModificationToReleaseEnv: a release has no file that people could edit, and another environment is another release.
#[test]
fn r2_only_the_environment_makes_a_release() {
    let mut world = World::at_v1();
    let before = world.releases.clone();
    world.commit("v1", StrategySpec::default());
    world.intent.as_mut().unwrap().application.metadata.labels.insert("team".into(), "a".into());
    world.intent.as_mut().unwrap().application.spec.revision_history_limit = 7;
    world.settle();
    assert_eq!(world.releases, before);
}

#[test]
fn r4_a_missing_strategy_makes_no_release_and_says_so() {
    let mut world = World::at_v1();
    world.commit("v2", vanguard());
    let intent = world.intent.as_mut().unwrap();
    intent.strategy = None;
    intent.application.spec.template.strategy_ref = Some("nowhere".to_owned());
    world.settle();
    assert_eq!(world.releases.len(), 1);
    let messages: Vec<String> = world.look().status.conditions.into_iter().map(|c| c.message).collect();
    assert!(messages.iter().any(|m| m.contains("strategies/nowhere.yaml")), "{messages:?}");
}

#[test]
fn r4_a_changed_strategy_touches_the_next_release_only() {
    let mut world = World::with_v2_at("staging");
    world.commit("v2", StrategySpec::default());
    world.settle();
    assert_eq!(world.contender().strategy, vanguard());
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 1/0"]);
}

#[test]
fn r5_a_superseded_contender_is_withdrawn() {
    let mut world = World::with_v2_at("50/50");
    let v2 = world.contender().name.clone();
    world.commit("v3", vanguard());
    world.plan();
    assert_eq!(world.releases[&v2].withdrawn.as_ref().unwrap().reason, WithdrawalReason::Superseded);
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 0/0", "v3 1/0"]);
}

#[test]
fn r5_what_carries_the_load_is_carried_on() {
    let mut world = World::new();
    world.commit("v1", vanguard());
    world.settle();
    world.promote("50/50");
    world.settle();
    // The first release never was complete, and has ready traffic: it becomes the incumbent.
    let v1 = world.contender().name.clone();
    world.commit("v2", vanguard());
    world.plan();
    assert!(world.releases[&v1].complete.is_some() && world.releases[&v1].withdrawn.is_none());
    assert_eq!(world.incumbent().unwrap().name, v1);
    assert_eq!(world.target("c1"), ["v1 100/100", "v2 1/0"]);
}

#[test]
fn r5_a_contender_at_its_end_is_carried_even_before_it_is_marked() {
    let mut world = World::with_v2_at("staging");
    world.promote("full on");
    world.plan();
    world.report_all();
    // The next environment arrives in the same commit that would have completed v2.
    let v2 = world.contender().name.clone();
    assert!(world.releases[&v2].complete.is_none());
    world.commit("v3", vanguard());
    world.plan();
    assert!(world.releases[&v2].complete.is_some() && world.releases[&v2].withdrawn.is_none());
    assert_eq!(world.incumbent().unwrap().name, v2);
}

/// [R5] Clusters that are offline do not say whether a contender is at its end; the others have to, and one of them at least.
#[test]
fn r5_a_contender_at_its_end_is_carried_by_the_clusters_that_are_not_offline() {
    for (offline, reported, carried) in [
        (&["c3"][..], &["c1", "c2"][..], true),
        (&[], &["c1", "c2"], false),
        (&["c2", "c3"], &["c1"], true),
        (&["c1", "c2", "c3"], &[], false),
    ] {
        let mut world = World::with_v2_at("staging");
        let v2 = world.contender().name.clone();
        world.promote("full on");
        world.plan();
        for cluster in reported {
            world.report(cluster, |_| {});
        }
        for cluster in offline {
            world.liveness.insert((*cluster).into(), Liveness::Offline);
        }
        world.commit("v3", vanguard());
        world.plan();
        assert_eq!(
            world.releases[&v2].complete.is_some(),
            carried,
            "offline {offline:?}, heard {reported:?}"
        );
        assert_eq!(
            world.releases[&v2].withdrawn.is_none(),
            carried,
            "offline {offline:?}, heard {reported:?}"
        );
    }
}

/// [R5] Where nothing else is marked, what may have traffic is carried on: withdrawn is only what is known to have none anywhere.
#[test]
fn r5_where_evidence_is_missing_the_only_release_is_carried_on() {
    for (heard, carried) in [(&["c1", "c2", "c3"][..], false), (&["c1", "c2"], true), (&[], true)] {
        let mut world = World::new();
        world.commit("v1", vanguard());
        world.settle();
        let v1 = world.contender().name.clone();
        assert_eq!(world.target("c1"), ["v1 1/0"], "which has no traffic");
        world.reports.retain(|cluster, _| heard.contains(&cluster.as_str()));
        world.commit("v2", vanguard());
        world.plan();
        assert_eq!(world.releases[&v1].withdrawn.is_none(), carried, "heard {heard:?}");
        assert_eq!(world.incumbent().is_some(), carried, "heard {heard:?}");
    }
}

/// [R6] Order is the generation: a hub whose clock goes back an hour before every release decides as any other.
#[test]
fn r6_the_order_of_releases_is_their_generation_and_no_clock() {
    let mut world = World::at_v1();
    for version in ["v2", "v3", "v4", "v5", "v6"] {
        world.now -= SignedDuration::from_hours(1);
        world.commit(version, StrategySpec::default());
        world.settle();
    }
    let mut releases: Vec<_> = world.releases.values().collect();
    releases.sort_by_key(|release| release.generation);
    assert!(releases.is_sorted_by(|older, newer| older.created > newer.created));
    assert_eq!(releases.iter().map(|release| release.generation).collect::<Vec<_>>(), [3, 4, 5, 6]);
    assert_eq!((world.contender().generation, world.incumbent().unwrap().generation), (6, 5));
    assert_eq!(world.target("c1"), ["v5 0/0", "v6 100/100"]);
    // The one before is returned to, whenever it was made.
    world.commit("v5", StrategySpec::default());
    world.settle();
    assert_eq!(world.contender().generation, 5);
}

/// [R5] The incumbent is a release that was complete, however many newer ones there are.
#[test]
fn r5_the_incumbent_is_complete() {
    let world = World::with_v2_at("50/50");
    let (v1, v2) = (world.incumbent().unwrap().clone(), world.contender().clone());
    let mut v3 = v2.clone();
    (v3.name, v3.generation) = ("app-v3-0".into(), 3);
    assert_eq!(roles([&v1, &v2, &v3]).names(), (Some(v3.name.clone()), Some(v1.name.clone())));
}

#[test]
fn r7_the_one_before_the_incumbent_leaves_as_a_tombstone() {
    let mut world = World::at_v1();
    for version in ["v2", "v3"] {
        world.commit(version, vanguard());
        world.plan();
        if version == "v3" {
            // v1 was at 0/0 already, and reported empty on that very target.
            assert_eq!(world.target("c1"), ["v1 -", "v2 100/100", "v3 1/0"]);
            world.report_all();
            world.plan();
            assert_eq!(world.target("c1"), ["v2 100/100", "v3 1/0"]);
        }
        world.settle();
        world.promote("full on");
        world.settle();
    }
    assert_eq!(world.target("c1"), ["v2 0/0", "v3 100/100"]);
    assert_eq!(world.releases.len(), 3, "v1's record is kept within the history limit");
}

#[test]
fn r7_a_tombstone_waits_for_the_report_that_the_cluster_is_empty() {
    let mut world = World::with_v2_at("full on");
    // v1 is withdrawn from duty while one of its pods is still there in c1, and c2 was not heard on this target.
    world.report("c1", |report| report.releases[0].capacity.pods = 1);
    world.report("c2", |report| report.target_generation -= 1);
    world.commit("v3", vanguard());
    world.plan();
    assert_eq!(world.target("c1")[0], "v1 0/0");
    assert_eq!(world.target("c2")[0], "v1 0/0");
    assert_eq!(world.target("c3")[0], "v1 -");
    world.report_all();
    world.plan();
    assert_eq!(world.target("c1")[0], "v1 -");
    assert_eq!(world.target("c2")[0], "v1 -");
}

#[test]
fn r7_history_is_kept_up_to_the_limit() {
    let mut world = World::at_v1();
    for version in ["v2", "v3", "v4", "v5", "v6"] {
        world.commit(version, StrategySpec::default());
        world.settle();
    }
    let kept: Vec<u64> = world
        .releases
        .values()
        .map(|r| r.generation)
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(kept, [3, 4, 5, 6], "contender, incumbent and two more");
}

#[test]
fn absence_deletes_nothing() {
    let mut world = World::at_v1();
    let (targets, releases) = (world.targets.clone(), world.releases.clone());
    world.intent = None;
    world.settle();
    assert_eq!((world.targets.clone(), world.releases.clone()), (targets.clone(), releases));
    world.fleet.clusters.clear();
    world.commit("v1", vanguard());
    world.settle();
    assert_eq!(world.targets, targets);
}

/// Targets that nobody decided on stay as they are: of a cluster that was never placed, or of an application without a record.
#[test]
fn absence_of_a_decision_deletes_nothing() {
    let mut world = World::at_v1();
    let target = world.targets["c1"].clone();
    world.targets.insert("stray".into(), target.clone());
    world.settle();
    assert_eq!(world.targets.get("stray"), Some(&target));
    let targets = world.targets.clone();
    (world.intent, world.record) = (None, None);
    world.releases = Few::default();
    world.plan();
    assert_eq!(world.targets, targets);
}

#[test]
fn i3_a_release_that_does_not_render_goes_nowhere() {
    let mut world = World::at_v1();
    world.commit("v2", vanguard());
    let need = world.look().renders.remove(0);
    world
        .manifests
        .insert((need.release.name.clone(), None), Err("templates/x.yaml: no such function".to_owned()));
    world.settle();
    assert!(world.contender().failed.is_some());
    assert_eq!(world.target("c1"), ["v1 100/100"]);
    let status = world.look().status;
    assert!(status.waiting.message.contains("no such function"), "{}", status.waiting.message);
    // Taking the commit back is all it needs.
    world.commit("v1", vanguard());
    world.settle();
    assert!(world.releases[&need.release.name].withdrawn.is_some());
    assert_eq!(world.target("c1"), ["v1 100/100"]);
}

/// [I3, S3] A cluster that joins after the release was made, with values that do not render, is told of; the others go on.
#[test]
fn i3_a_variant_that_is_needed_later_and_does_not_render_is_told() {
    let mut world = World::new();
    world.commit("v1", StrategySpec::default());
    let intent = world.intent.as_mut().unwrap();
    intent.environment.as_mut().unwrap().environment.overrides =
        serde_json::from_value(serde_json::json!([{"clusters": {"names": ["c4"]}, "values": {"x": 1}}]))
            .unwrap();
    intent.application.spec.template.cluster_requirements = Some(
        serde_json::from_value(
            serde_json::json!({"regions": [{"name": "eu", "replicas": 4}], "allowFewer": true}),
        )
        .unwrap(),
    );
    world.settle();
    assert!(world.contender().complete.is_some());

    let mut late = world.fleet.clusters["c3"].clone();
    late.cluster.metadata.name = "c4".to_owned();
    world.fleet.clusters.insert("c4".into(), late);
    let need = world.look().renders.remove(0);
    assert!(need.variant.is_some());
    world
        .manifests
        .insert((need.release.name, need.variant), Err("templates/x.yaml: x is a number".to_owned()));
    world.settle();
    let status = world.look().status;
    let rendered = status.conditions.iter().find(|c| c.kind == ConditionType::Rendered).unwrap();
    assert_eq!(rendered.reason, Reason::RenderFailed);
    assert!(rendered.message.contains("c4: templates/x.yaml: x is a number"), "{}", rendered.message);
    let late = status.clusters.iter().find(|cluster| cluster.cluster.as_str() == "c4").unwrap();
    assert!(late.message.contains("x is a number"), "{}", late.message);
    assert_eq!(world.target("c1"), ["v1 100/100"]);
    assert!(!world.targets.contains_key("c4"));
}
