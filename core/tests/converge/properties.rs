//! What holds of convergence whatever is seen: what it wrote leaves nothing to do, it depends on what is there and not on the order in which it
//! was heard of, keeps floor and ceiling, and grows with `surge` [C1, C2, C5, C6, C9].

use crate::carried::rank;
use crate::scene::{MOST, RENDERED, Scene, Service, holds, scenes};
use crate::support::{Cluster, release};
use jiff::SignedDuration;
use proptest::prelude::*;
use shipper_core::ReleaseName;
use shipper_core::converge::{Action, Convergence, traffic_goals};
use shipper_core::labels;
use shipper_core::manifest::ObjectKey;
use shipper_core::observe::{Live, Observed, Pod};
use std::collections::{BTreeMap, BTreeSet};

/// Decisions that may follow one another while every controller stands still: objects of a rank at a time, then labels, then the selector.
const ROUNDS: usize = 8;

fn seen(cluster: &Cluster) -> &Observed {
    cluster.index.observed(&cluster.app).unwrap()
}

/// `spec.replicas` of a Deployment.
fn replicas(cluster: &Cluster, key: &ObjectKey) -> u32 {
    seen(cluster).objects.get(key).and_then(Live::deployment).map_or(0, |deployment| deployment.replicas)
}

/// The selector of the traffic Service.
fn selector(cluster: &Cluster) -> Option<BTreeMap<String, String>> {
    let services = seen(cluster).objects.iter().filter(|(key, _)| key.is("", "Service") && key.name == "app");
    services.filter_map(|(_, live)| Some(live.service()?.selector.clone())).next()
}

/// Pods that the selector sends traffic to, once the endpoint controller has seen everything.
fn served(cluster: &Cluster, selector: Option<&BTreeMap<String, String>>) -> BTreeSet<String> {
    let Some(selector) = selector else { return BTreeSet::new() };
    let selects = |pod: &&Pod| selector.iter().all(|(key, value)| pod.labels.get(key) == Some(value));
    let ready = seen(cluster).pods.values().filter(|pod| pod.ready && !pod.terminating);
    ready.filter(selects).map(|pod| pod.name.clone()).collect()
}

/// G: so many pods are to have traffic.
fn goal(scene: &Scene) -> usize {
    let names: Vec<ReleaseName> = (1..=scene.releases.len() as u64).map(release).collect();
    let desired = |percent: u8| (RENDERED * u32::from(percent)).div_ceil(100);
    let releases = names.iter().zip(&scene.releases).map(|(name, r)| (name, desired(r.capacity), r.traffic));
    traffic_goals(releases).total as usize
}

/// What is decided, without what only says when something was heard of.
fn decided(convergence: Convergence) -> Vec<String> {
    let actions = convergence.actions.into_iter().map(|action| match action {
        Action::Apply(apply) => format!("{} {} {:?} {}", apply.rank, apply.key, apply.uid, apply.object),
        Action::Label(label) => format!("{} {}", label.pod, label.serve),
        Action::Delete(delete) => format!("delete {}", delete.key),
    });
    let mut all: Vec<String> = actions.collect();
    all.sort_unstable();
    all
}

/// What a scene shows, by what is decided in it.
fn kinds(cluster: &Cluster, actions: &[Action]) -> BTreeSet<&'static str> {
    let kind = |action: &Action| match action {
        Action::Apply(apply) if apply.key.is("apps", "Deployment") => {
            match apply.object["spec"]["replicas"]
                .as_u64()
                .unwrap_or(0)
                .cmp(&replicas(cluster, &apply.key).into())
            {
                std::cmp::Ordering::Less => "lowers",
                std::cmp::Ordering::Equal => "applies",
                std::cmp::Ordering::Greater => "raises",
            }
        }
        Action::Apply(apply) if apply.key.name == "app-shadow" => "shadows",
        Action::Apply(apply) if apply.key.kind == "Service" => {
            let corks = apply.object["spec"]["selector"].get(labels::RELEASE).is_some();
            let moves = selector(cluster).is_some_and(|now| now.contains_key(labels::RELEASE) != corks);
            match (moves, corks) {
                (true, true) => "corks",
                (true, false) => "uncorks",
                (false, _) => "applies",
            }
        }
        Action::Apply(_) => "applies",
        Action::Label(label) if label.serve => "gives",
        Action::Label(label) if seen(cluster).pods[&label.pod].serving => "takes",
        Action::Label(_) => "marks",
        Action::Delete(_) => "deletes",
    };
    actions.iter().map(kind).collect()
}

const INTERESTING: &str = "applies corks deletes gives lowers marks raises shadows takes uncorks corked";

/// Everything that is decided is carried out, and looked at again, until nothing is left to do; `None` = something always is.
fn rest(cluster: &mut Cluster, mut told: impl FnMut(&Cluster, &[Action])) -> Option<()> {
    for _ in 0..ROUNDS {
        let actions = cluster.look().actions;
        if actions.is_empty() {
            return Some(());
        }
        told(cluster, &actions);
        cluster.carry_out_all(&actions);
    }
    None
}

/// [C9] What it wrote leaves nothing to do, and it undoes nothing that it did: no pod loses the label and is given it, unless the selector moved in
/// between, and no Deployment is raised and lowered. Then it rests until the moment at which it asks to be woken, or for ever.
#[test]
fn c9_what_it_wrote_leaves_nothing_to_do_until_it_wakes() {
    let wanted = format!("{INTERESTING} wakes sleeps");
    holds((scenes(), 0.0..1.0_f64), 2000, &wanted, |(scene, part), reached| {
        let mut cluster = scene.cluster();
        let (mut all, mut labels, mut ways) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let mut undone = Vec::new();
        let corked = matches!(scene.service, Service::Corked(_));
        let rested = rest(&mut cluster, |cluster, actions| {
            let decided = kinds(cluster, actions);
            for action in actions {
                match action {
                    // A pod that helps out may lose the label once others have theirs.
                    Action::Label(label) if labels.insert(label.pod.clone(), label.serve) == Some(false) => {
                        undone.push(format!("the label of {}", label.pod));
                    }
                    Action::Apply(apply) if apply.key.kind == "Deployment" => {
                        let now = replicas(cluster, &apply.key);
                        let way = apply.object["spec"]["replicas"].as_u64().unwrap().cmp(&now.into());
                        if way.is_ne()
                            && ways.insert(apply.key.clone(), way).is_some_and(|before| before != way)
                        {
                            undone.push(format!("the replicas of {}", apply.key));
                        }
                    }
                    _ => {}
                }
            }
            if decided.contains("uncorks") || decided.contains("corks") {
                // What has traffic is told otherwise from now on.
                labels.clear();
            }
            all.extend(decided);
        });
        all.into_iter().for_each(|kind| reached.count(kind));
        if corked {
            reached.count("corked");
        }
        prop_assert!(undone.is_empty(), "{:?} is decided twice", undone);
        prop_assert!(rested.is_some(), "it goes on: {:#?}", cluster.look().actions);

        let wakes = cluster.look().wake_at;
        reached.count(if wakes.is_some() { "wakes" } else { "sleeps" });
        let sleeps = wakes.map_or(SignedDuration::from_hours(1), |at| at.duration_since(cluster.now));
        prop_assert!(sleeps.is_positive());
        cluster.now += SignedDuration::from_secs_f64(
            (sleeps.as_secs_f64() * part).min(sleeps.as_secs_f64() - 0.001).max(0.0),
        );
        let woken = cluster.look();
        prop_assert!(woken.actions.is_empty(), "before {:?}: {:#?}", wakes, woken.actions);
        Ok(())
    });
}

/// [C9] Watches tell of Deployments, pods, Services and slices in any order.
#[test]
fn c9_the_order_of_events_decides_nothing() {
    let order = Just((0..MOST).collect::<Vec<_>>()).prop_shuffle();
    holds((scenes(), order), 1000, INTERESTING, |(scene, order), reached| {
        let (one, other) = (scene.cluster(), scene.told(order));
        if matches!(scene.service, Service::Corked(_)) {
            reached.count("corked");
        }
        kinds(&one, &one.look().actions).into_iter().for_each(|kind| reached.count(kind));
        prop_assert_eq!(one.look().report, other.look().report);
        prop_assert_eq!(one.look().wake_at, other.look().wake_at);
        prop_assert_eq!(decided(one.look()), decided(other.look()));
        Ok(())
    });
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
            let replicas = |(index, release): (usize, &crate::scene::Release)| {
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
