//! Floor and ceiling, whatever is seen: no decision takes traffic that is to be, none asks for more pods than may be, and more `surge` is
//! never less capacity [C2, C5, C6].

use crate::carried::rank;
use crate::decided::{INTERESTING, kinds, replicas, rest, seen, selector, served};
use crate::reached::holds;
use crate::scene::{RENDERED, Release, Scene, Service, scenes};
use crate::support::{Cluster, release};
use proptest::prelude::*;
use shipper_core::ReleaseName;
use shipper_core::converge::{Action, traffic_goals};
use shipper_core::observe::Pod;
use std::collections::BTreeSet;

/// G: so many pods are to have traffic.
fn goal(scene: &Scene) -> usize {
    let names: Vec<ReleaseName> = (1..=scene.releases.len() as u64).map(release).collect();
    let desired = |percent: u8| (RENDERED * u32::from(percent)).div_ceil(100);
    let releases = names.iter().zip(&scene.releases).map(|(name, r)| (name, desired(r.capacity), r.traffic));
    traffic_goals(releases).total as usize
}

/// [C2, C5, C6] No decision takes traffic from a ready pod unless as many as are to have it keep it: by labels, by the selector, and by replicas,
/// whichever of its actions is carried out first, and whichever pods the ReplicaSet may choose. Neither by what the Service selects, nor by
/// what its slices list already.
#[test]
fn c2_no_decision_goes_below_the_floor() {
    holds(scenes(), 4000, INTERESTING, |scene, reached| {
        let mut cluster = scene.cluster();
        let goal = goal(scene);
        let mut broken = None;
        let mut all = BTreeSet::new();
        rest(&mut cluster, |cluster, actions| {
            all.extend(kinds(cluster, actions));
            broken = broken.take().or_else(|| floor(cluster, actions, goal).err());
        });
        if matches!(scene.service, Service::Corked(_)) {
            reached.count("corked");
        }
        all.into_iter().for_each(|kind| reached.count(kind));
        prop_assert!(broken.is_none(), "{}", broken.unwrap());
        Ok(())
    });
}

/// Judges one decision.
fn floor(cluster: &Cluster, actions: &[Action], goal: usize) -> Result<(), String> {
    let now = selector(cluster);
    let before = served(cluster, now.as_ref());
    let listed: BTreeSet<String> =
        seen(cluster).slices.values().filter(|s| s.service == "app").flat_map(|s| s.ready.clone()).collect();
    let enough = |kept: usize, before: usize| kept >= before.min(goal);
    // Only what takes traffic away, in any order: every part of it is less than the whole.
    let mut worst = Cluster::clone(cluster);
    let taking = |action: &&Action| match action {
        Action::Label(label) => !label.serve,
        Action::Apply(apply) => {
            apply.key.name == "app" && apply.key.kind == "Service" || apply.key.kind == "Deployment"
        }
        Action::Delete(_) => false,
    };
    let mut taken: Vec<Action> = actions.iter().filter(taking).cloned().collect();
    taken.sort_by_key(rank);
    worst.carry_out_all(&taken);
    let after = selector(&worst);
    let gone = gone(cluster, &worst);
    let kept: BTreeSet<String> = served(&worst, after.as_ref()).difference(&gone).cloned().collect();
    if !enough(kept.len(), before.len()) {
        return Err(format!("{goal} are to serve, {before:?} do, and {kept:?} would after {taken:#?}"));
    }
    let known = |pods: &BTreeSet<String>| pods.intersection(&listed).count();
    if now == after && !enough(known(&kept), known(&before)) {
        return Err(format!(
            "{goal} are to serve, of {before:?} {listed:?} are listed, and of {kept:?} after {taken:#?}"
        ));
    }
    Ok(())
}

/// The pods that ReplicaSets may take after this: unready ones first, then marked ones, and among equals those that serve.
fn gone(before: &Cluster, after: &Cluster) -> BTreeSet<String> {
    let mut gone = BTreeSet::new();
    for (key, live) in &seen(after).objects {
        let Some(deployment) = live.deployment() else { continue };
        let Some(release) = &live.release else { continue };
        if deployment.replicas >= replicas(before, key) {
            continue;
        }
        let pods = seen(after).pods.values().filter(|pod| pod.release == *release && !pod.terminating);
        let mut pods: Vec<&Pod> = pods.collect();
        let lacking = pods.len().saturating_sub(deployment.replicas as usize);
        pods.sort_by_key(|pod| (pod.ready, !pod.marked, !pod.serving));
        gone.extend(pods.into_iter().take(lacking).map(|pod| pod.name.clone()));
    }
    gone
}

/// [C2] More surge never asks for fewer pods of a release that is raised, and lowers none that less of it would not.
#[test]
fn c2_more_surge_is_never_less_capacity() {
    holds(scenes(), 1000, "raises lowers corked", |scene, reached| {
        let asked = |surge: u32| -> u64 {
            let cluster = Scene { surge, ..scene.clone() }.cluster();
            let replicas = |(index, release): (usize, &Release)| {
                cluster.replicas(index as u64 + 1).unwrap_or_else(|| release.replicas.unwrap_or(0).into())
            };
            scene.releases.iter().enumerate().map(replicas).sum()
        };
        let cluster = scene.cluster();
        kinds(&cluster, &cluster.look().actions).into_iter().for_each(|kind| reached.count(kind));
        if matches!(scene.service, Service::Corked(_)) {
            reached.count("corked");
        }
        prop_assert!(asked(scene.surge) <= asked(scene.surge + 1));
        Ok(())
    });
}

/// [C2] No decision raises anything above what is wanted, or rendered, plus surge: pods that are to go already make no room. Only those with
/// traffic keep their place, whatever others have.
#[test]
fn c2_no_decision_is_above_the_ceiling() {
    holds(scenes(), 1000, "raises corked", |scene, reached| {
        let cluster = scene.cluster();
        let before = |index: usize| u64::from(scene.releases[index].replicas.unwrap_or(0));
        let asked: Vec<u64> = (0..scene.releases.len())
            .map(|index| cluster.replicas(index as u64 + 1).unwrap_or_else(|| before(index)))
            .collect();
        if !asked.iter().enumerate().any(|(index, asked)| *asked > before(index)) {
            return Ok(());
        }
        reached.count("raises");
        if matches!(scene.service, Service::Corked(_)) {
            reached.count("corked");
        }
        let desired = |percent: u8| (RENDERED * u32::from(percent)).div_ceil(100);
        let wanted: u32 = scene.releases.iter().map(|release| desired(release.capacity)).sum();
        let serving = served(&cluster, selector(&cluster).as_ref());
        let of = |index: usize| {
            serving.iter().filter(|name| name.starts_with(&format!("app-{}-", index + 1))).count() as u64
        };
        let kept: u64 = (0..scene.releases.len()).map(|index| before(index).max(of(index))).sum();
        let ceiling = u64::from(wanted.max(RENDERED) + scene.surge).max(kept);
        let asked: u64 = asked.iter().sum();
        prop_assert!(asked <= ceiling, "{} are asked for, {} may be", asked, ceiling);
        Ok(())
    });
}
