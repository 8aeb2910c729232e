//! What holds of the planner whatever people, clusters and time do: it repeats itself, comes to rest and stays there, gains by evidence, is
//! held by blocks and looks at no name.

use crate::lawful::lawful;
use crate::life::{CLUSTERS, FREQUENT, INTERESTING, Names, Said, lives, lives_everywhere, said};
use crate::living::{block, count_all, go_on, live, live_and_tell, report};
use crate::reached::holds;
use crate::support::World;
use jiff::SignedDuration;
use proptest::prelude::*;
use shipper_core::ReleaseName;
use std::collections::BTreeMap;

/// Plans without news and without time passing until nothing is written any more; `false` = it goes on writing.
fn rest(world: &mut World) -> bool {
    let now = world.now;
    (0..12).any(|_| {
        let changed = world.plan();
        world.now = now;
        !changed
    })
}

/// The step that the contender has achieved and whether it is complete.
fn reached(world: &World) -> Option<(usize, Option<usize>, bool)> {
    let contender = &world.releases[&world.look().status.contender?];
    let achieved = contender.achieved.as_ref().map(|achieved| achieved.step);
    Some((contender.position.step, achieved, contender.complete.is_some()))
}

/// Every decision of every life follows the rules.
#[test]
fn every_decision_is_lawful() {
    holds(lives(), 1024, INTERESTING, |life, reached| {
        let mut broken = Ok(());
        let world = live_and_tell(life, &Names::default(), &mut |before, after| {
            let judged = std::mem::replace(&mut broken, Ok(()));
            broken = judged.and_then(|()| lawful(before, after));
        });
        count_all(reached, &world);
        broken.map_err(TestCaseError::fail)
    });
}

/// The same input gives the same plan, and the same life the same state branch.
#[test]
fn the_planner_repeats_itself() {
    holds(lives(), 128, FREQUENT, |life, reached| {
        let world = live(life, &Names::default());
        count_all(reached, &world);
        prop_assert_eq!(format!("{:?}", world.look()), format!("{:?}", world.look()));
        let again = live(life, &Names::default());
        prop_assert_eq!(&world.targets, &again.targets);
        prop_assert_eq!(&world.releases, &again.releases);
        prop_assert_eq!(&world.record, &again.record);
        Ok(())
    });
}

/// Without news, planning comes to rest: what was written is what would be written. And it rests until the moment at which the planner asks to
/// be woken, or for ever: time alone changes nothing before.
#[test]
fn without_news_nothing_is_written_before_the_planner_wakes() {
    let until = 0.0..1.0_f64;
    holds((lives(), until), 256, "wakes sleeps", |(life, part), reached| {
        let mut world = live(life, &Names::default());
        prop_assert!(rest(&mut world), "it goes on writing: {:#?}", world.look());
        let now = world.now;
        let wakes = world.look().wake_at;
        reached.count(if wakes.is_some() { "wakes" } else { "sleeps" });
        let sleeps = wakes.map_or(SignedDuration::from_hours(1000), |at| at.duration_since(now));
        prop_assert!(sleeps.is_positive(), "it is to be woken at {wakes:?}, and it is {now}");
        let passed = (sleeps.as_secs_f64() * part).min(sleeps.as_secs_f64() - 0.001);
        world.now = now + SignedDuration::from_secs_f64(passed.max(0.0));
        let before = (world.record.clone(), world.releases.clone(), world.targets.clone());
        world.plan();
        prop_assert_eq!(
            before,
            (world.record, world.releases, world.targets),
            "{:?} after, woken at {:?}",
            passed,
            wakes
        );
        Ok(())
    });
}

/// [A1] Evidence that all is well takes nothing away, and what is missing takes nothing away either.
#[test]
fn a1_good_news_and_no_news_undo_nothing() {
    holds((lives(), 0..CLUSTERS), 256, "achieved complete gained", |(life, of), seen| {
        let mut silent = live(life, &Names::default());
        rest(&mut silent);
        let mut told = silent.clone();
        let Some(before) = reached(&silent) else { return Ok(()) };
        seen.count(if before.2 { "complete" } else { "achieved" });
        let contender = silent.look().status.contender;

        silent.reports.clear();
        rest(&mut silent);
        prop_assert_eq!(reached(&silent), Some(before));

        report(&mut told, Names::default().clusters[*of], Said::Met);
        rest(&mut told);
        prop_assert_eq!(told.look().status.contender, contender);
        let after = reached(&told).unwrap();
        prop_assert!(
            after.0 >= before.0 && after.1 >= before.1 && after.2 >= before.2,
            "{:?} became {:?}",
            before,
            after
        );
        if after > before {
            seen.count("gained");
        }
        Ok(())
    });
}

/// [A1, A2, A3] In which order clusters report, and how often the hub plans meanwhile, decides nothing: neither what is achieved nor what is
/// taken back.
#[test]
fn the_order_of_reports_decides_nothing() {
    let order = Just((0..CLUSTERS).collect::<Vec<_>>()).prop_shuffle();
    let reports = proptest::collection::vec((said(), any::<bool>()), CLUSTERS);
    holds((lives(), order, reports), 512, "moved stayed taken overtaken", |(life, order, reports), seen| {
        let names = Names::default().clusters;
        let mut begun = live(life, &Names::default());
        rest(&mut begun);
        let (mut one, mut other) = (begun.clone(), begun.clone());
        for (name, (said, _)) in names.iter().zip(reports) {
            report(&mut one, name, *said);
        }
        rest(&mut one);
        for cluster in order {
            if other.targets != begun.targets {
                // What is said of a target that was replaced counts for nothing.
                seen.count("overtaken");
                return Ok(());
            }
            let (name, (said, plans)) = (names[*cluster], reports[*cluster]);
            let mut told = begun.clone();
            report(&mut told, name, said);
            other.reports.extend(told.reports.remove_entry(name));
            if plans {
                let now = other.now;
                other.plan();
                other.now = now;
            }
        }
        rest(&mut other);
        let taken = |world: &World| -> Vec<ReleaseName> {
            let withdrawn = world.releases.values().filter(|release| release.withdrawn.is_some());
            withdrawn.map(|release| release.name.clone()).collect()
        };
        if taken(&one) != taken(&begun) {
            seen.count("taken");
        }
        seen.count(if reached(&one) == reached(&begun) { "stayed" } else { "moved" });
        prop_assert_eq!(taken(&one), taken(&other));
        settle(&mut one);
        settle(&mut other);
        prop_assert_eq!(numbers(&one, &Names::default()), numbers(&other, &Names::default()));
        prop_assert_eq!(reached(&one), reached(&other));
        Ok(())
    });
}

/// Everybody says that all is well until nothing changes, without time passing.
fn settle(world: &mut World) {
    let now = world.now;
    for _ in 0..40 {
        world.report_all();
        world.plan();
        world.now = now;
    }
}

/// [B1] Under a block that lets nothing go on, whatever is asked for then and whatever is reported, releases stay where they are, and every
/// cluster keeps the numbers that it was given.
#[test]
fn b1_a_block_keeps_everything_where_it_is() {
    holds((lives(), lives()), 256, "moving rests", |(life, then), seen| {
        let mut world = live(life, &Names::default());
        rest(&mut world);
        block(&mut world, "another", &[]);
        let shares = |world: &World| {
            let listed = world.targets.iter().flat_map(|(name, target)| {
                let live = target.releases.iter().filter(|listed| listed.capacity > 0);
                live.map(|listed| (name.clone(), listed.name.clone(), listed.capacity, listed.traffic))
            });
            listed.collect::<Vec<_>>()
        };
        let positions = |world: &World| {
            let held =
                world.releases.values().map(|r| (r.name.clone(), r.position.clone(), r.withdrawn.is_some()));
            held.collect::<Vec<_>>()
        };
        let before = (shares(&world), positions(&world));
        seen.count(if world.releases.values().any(|r| r.complete.is_none()) { "moving" } else { "rests" });
        for deed in &then.deeds {
            go_on(&mut world, *deed);
        }
        rest(&mut world);
        prop_assert_eq!(before, (shares(&world), positions(&world)));
        Ok(())
    });
}

/// The numbers of every cluster, in whatever it is called, with versions by their number.
fn numbers(world: &World, names: &Names) -> BTreeMap<usize, Vec<String>> {
    let of = |name: &str| {
        world.target(name).into_iter().map(|told| told.replacen(&names.version, "v", 1)).collect()
    };
    names.clusters.iter().enumerate().map(|(index, name)| (index, of(name))).collect()
}

/// [R6] What clusters, versions and blocks are called, and so in which order files and reports are read and releases are found, decides nothing.
#[test]
fn names_and_order_decide_nothing() {
    let version = "[a-z]{1,3}";
    let names = (Just(["c1", "c2", "c3", "c4"]).prop_shuffle(), version)
        .prop_map(|(clusters, version)| Names { clusters, version, block: "another" });
    holds((lives_everywhere(), names), 256, FREQUENT, |(life, names), seen| {
        let one = live(life, &Names::default());
        let other = live(life, names);
        count_all(seen, &one);
        prop_assert_eq!(numbers(&one, &Names::default()), numbers(&other, names));
        prop_assert_eq!(reached(&one), reached(&other));
        prop_assert_eq!(one.look().status.waiting.state, other.look().status.waiting.state);
        Ok(())
    });
}
