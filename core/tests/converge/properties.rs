//! What holds of convergence whatever is seen: what it wrote leaves nothing to do until it asks to be woken, and it depends on what is there and
//! not on the order in which it was heard of [C9].

use crate::decided::{INTERESTING, kinds, replicas, rest};
use crate::reached::holds;
use crate::scene::{MOST, Service, scenes};
use jiff::SignedDuration;
use proptest::prelude::*;
use shipper_core::converge::{Action, Convergence};
use std::collections::{BTreeMap, BTreeSet};

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

/// [C9] What it wrote leaves nothing to do, and it undoes nothing that it did: no pod loses the label and is given it, unless the selector moved in
/// between, and no Deployment is raised and lowered. Then it rests until the moment at which it asks to be woken, or for ever.
#[test]
fn c9_what_it_wrote_leaves_nothing_to_do_until_it_wakes() {
    let wanted = format!("{INTERESTING} wakes sleeps");
    holds((scenes(), 0.0..1.0_f64), 4000, &wanted, |(scene, part), reached| {
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
    holds((scenes(), order), 4000, INTERESTING, |(scene, order), reached| {
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
