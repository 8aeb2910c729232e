//! What happens to a release is told by the rule that made it happen, on the reports that it stands on.

use crate::gates::{at_its_gate, everywhere, run, samples};
use crate::support::{World, broken, vanguard};
use jiff::SignedDuration;
use shipper_core::intent::{ClusterRequirements, MaxFailedClusters, OnFailure, StepRef, StrategySpec};
use shipper_core::plan::{Absence, EventReason};
use shipper_core::why::{Because, Rule};
use std::collections::HashSet;

use EventReason as E;

/// Everything that can happen.
const ALL: [EventReason; 19] = [
    E::Created,
    E::RenderFailed,
    E::StepAsked,
    E::StepAchieved,
    E::StepLost,
    E::AnalysisFailed,
    E::Completed,
    E::Withdrawn,
    E::Carried,
    E::ClusterChosen,
    E::ClusterUnwanted,
    E::ClusterReleased,
    E::ClusterLeft,
    E::StrategyAdopted,
    E::ClusterFailing,
    E::ClusterRecovered,
    E::RolledBack,
    E::Removing,
    E::Removed,
];

/// Whether an event of this kind may have this rule, and whether it stands on reports then.
fn rule(reason: EventReason, rule: Rule) -> Option<bool> {
    let reports = match (reason, rule) {
        (E::Created, Rule::R2) | (E::RenderFailed, Rule::I3) | (E::StrategyAdopted, Rule::R4) => false,
        (E::StepAsked, Rule::M1) | (E::Withdrawn, Rule::M8 | Rule::M10) => false,
        (E::StepAsked, Rule::M12) | (E::StepAchieved | E::StepLost, Rule::A1) => true,
        (E::AnalysisFailed, Rule::A4) | (E::Completed, Rule::M7) | (E::Carried, Rule::R5) => true,
        // Of one that is new there is no report yet, and one that is drained leaves by order.
        (E::ClusterChosen, Rule::S2) | (E::ClusterUnwanted, Rule::S2 | Rule::S4) => false,
        (E::ClusterReleased | E::ClusterLeft, Rule::S2 | Rule::S4) => true,
        (E::ClusterFailing | E::ClusterRecovered, Rule::A2) | (E::RolledBack, Rule::A3) => true,
        (E::Removing | E::Removed, Rule::X1) => true,
        _ => return None,
    };
    Some(reports)
}

fn rolled_out() -> World {
    let mut world = World::with_v2_at("50/50");
    world.report("c1", broken);
    world.plan();
    world.commit("v1", vanguard());
    world.settle();
    world
}

/// Too many clusters fail: held, and mended; or taken back.
fn failed(on_failure: OnFailure) -> World {
    let mut world = World::at_v1();
    let max_failed_clusters = MaxFailedClusters::Number(0);
    world.commit("v2", StrategySpec { on_failure, max_failed_clusters, ..vanguard() });
    world.settle();
    world.promote("50/50");
    world.plan();
    world.report_all();
    world.report("c3", broken);
    for _ in 0..3 {
        world.plan();
        world.now += SignedDuration::from_hours(1);
    }
    world.report_all();
    world.plan();
    world
}

fn measured(failed: u32) -> World {
    let mut world =
        at_its_gate(StrategySpec { max_failed_clusters: MaxFailedClusters::Number(0), ..everywhere() });
    for cluster in ["c1", "c2", "c3"] {
        let run = run(&world, cluster);
        let failed = if cluster == "c1" { failed } else { 0 };
        samples(&mut world, cluster, run, (3, failed), "0.5");
    }
    world.plan();
    world
}

fn superseded(step: &str) -> World {
    let mut world = World::new();
    world.commit("v1", vanguard());
    world.settle();
    if step != "staging" {
        world.promote(step);
        world.settle();
    }
    world.commit("v2", vanguard());
    world.plan();
    world
}

/// Two clusters are asked for in the place of three; or one of two is drained.
fn moved(drained: bool) -> World {
    let wanted = |clusters: u32| -> ClusterRequirements {
        serde_json::from_value(serde_json::json!({"regions": [{"name": "eu", "replicas": clusters}]}))
            .unwrap()
    };
    let mut world = World::new();
    let require = |world: &mut World, clusters| {
        world.intent.as_mut().unwrap().application.spec.template.cluster_requirements =
            Some(wanted(clusters));
    };
    world.commit("v1", vanguard());
    require(&mut world, if drained { 2 } else { 3 });
    world.settle();
    if drained {
        let first = world.targets.keys().next().unwrap().clone();
        world.fleet.clusters.get_mut(&first).unwrap().cluster.spec.scheduler.drain = true;
    } else {
        require(&mut world, 2);
    }
    world.settle();
    world
}

fn adopted() -> World {
    let mut world = World::with_v2_at("staging");
    let patient = StrategySpec { max_failed_clusters: MaxFailedClusters::Number(2), ..vanguard() };
    world.commit("v2", patient.clone());
    let release = world.contender().name.to_string();
    world.rollout(|rollout| {
        (rollout.release, rollout.adopt_strategy) = (Some(release), Some(patient.version()));
    });
    world.plan();
    world
}

fn unrendered() -> World {
    let mut world = World::at_v1();
    world.commit("v2", vanguard());
    let need = world.look().renders.remove(0);
    world.manifests.insert((need.release.name, need.variant), Err("no such value".to_owned()));
    world.plan();
    world
}

fn removed() -> World {
    let mut world = World::at_v1();
    world.intent = None;
    world.absence = Some(Absence { confirmed: Some("b".repeat(40)), others: 0 });
    world.plan();
    for cluster in ["c1", "c2", "c3"] {
        world.report(cluster, |report| {
            report.releases.iter_mut().for_each(|release| release.present = false);
        });
    }
    world.plan();
    world
}

/// Every kind of event has its rule, and the reports of the clusters it is about where it stands on reports.
#[test]
fn every_event_has_its_rule_and_its_evidence() {
    let worlds = [
        rolled_out(),
        failed(OnFailure::Hold),
        failed(OnFailure::Rollback),
        measured(0),
        measured(1),
        superseded("staging"),
        superseded("50/50"),
        moved(false),
        moved(true),
        adopted(),
        unrendered(),
        removed(),
    ];
    let mut seen = HashSet::new();
    for (reason, because) in worlds.iter().flat_map(|world| &world.reasons) {
        let Some(reports) = rule(*reason, because.rule) else { panic!("{reason:?}: {because:#?}") };
        seen.insert((*reason, because.rule));
        if reports {
            let heard = |because: &Because| {
                because
                    .evidence
                    .iter()
                    .all(|seen| seen.reported_generation.is_some() && !seen.says.is_empty())
            };
            assert!(!because.evidence.is_empty() && heard(because), "{reason:?}: {because:#?}");
        }
    }
    for reason in ALL {
        assert!(seen.iter().any(|(seen, _)| *seen == reason), "{reason:?} did not happen");
    }
    for both in [(E::StepAsked, Rule::M12), (E::Withdrawn, Rule::M8), (E::Withdrawn, Rule::M10)] {
        assert!(seen.contains(&both), "{both:?}");
    }
    for rule in [Rule::S2, Rule::S4] {
        assert!(
            [E::ClusterUnwanted, E::ClusterReleased, E::ClusterLeft]
                .iter()
                .all(|e| seen.contains(&(*e, rule)))
        );
    }
}

/// [A1] [A4] Who is achieved, and what a gate waits for, stands on the reports of the clusters concerned.
#[test]
fn a_step_and_its_gate_stand_on_reports() {
    let world = at_its_gate(everywhere());
    let why = world.ask(shipper_core::plan::why).1;
    for rule in [Rule::A1, Rule::A4] {
        let because = why.decisions.iter().find(|because| because.rule == rule).expect("it is told");
        let heard: Vec<&str> = because.evidence.iter().map(|seen| seen.cluster.as_str()).collect();
        assert_eq!(heard, ["c1", "c2", "c3"], "{because:#?}");
    }
}

/// [M1] An order is told with the commit that it stands in.
#[test]
fn an_order_names_its_commit() {
    let mut world = World::with_v2_at("staging");
    world.order(world.contender().name.clone().as_str(), StepRef::Index(1));
    world.plan();
    let (_, because) = world.reasons.iter().rfind(|(reason, _)| *reason == E::StepAsked).unwrap();
    assert_eq!(
        (because.rule, because.commit.as_deref()),
        (Rule::M1, Some(&*format!("commit-{}", world.commits)))
    );
}

/// The reports are named by session and number, where they are known.
#[test]
fn evidence_names_its_report() {
    let world = World::with_v2_at("50/50");
    let mut why = world.ask(shipper_core::plan::why).1;
    why.cite(|cluster| {
        let known = cluster.as_str() != "c3";
        known.then(|| shipper_core::why::Source::of("0123456789abcdef", 7, Some("c0ffee".to_owned())))
    });
    let waiting = why.decisions.last().unwrap();
    let cited: Vec<_> = waiting.because.iter().map(|because| because.evidence[0].report.clone()).collect();
    let source = cited[0].as_ref().unwrap();
    assert_eq!((source.session.as_str(), source.sequence), ("0123456789ab", 7), "as much as names it");
    assert_eq!((cited.len(), cited[2].as_ref()), (3, None));
}
