//! Which pods carry the traffic label [C5].
//!
//! Pods that have traffic keep it. A ready pod loses it only while ready pods with traffic exceed G, and one that is about to
//! get it gets it before another loses it.

use super::capacity::{Capacity, wake};
use super::settle::selector_rests;
use super::view::{View, Workload, count};
use super::{Label, PROPAGATION, UNREADY_GRACE, repair};
use crate::ReleaseName;
use crate::observe::{Live, Pod};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is to be done about labels now.
#[derive(Default)]
pub(super) struct Traffic {
    pub(super) labels: Vec<Label>,
    /// When a pod becomes stale or available.
    pub(super) wake_at: Option<Timestamp>,
}

struct Candidate<'v, 'a> {
    workload: &'v Workload<'a>,
    pod: &'a Pod,
}

/// The labels to give and to take now.
pub(super) fn traffic(view: &View<'_>, capacity: &Capacity) -> Traffic {
    let mut result = Traffic::default();
    for (workload, pod) in view.serving_pods() {
        if !pod.ready && pod.serving && !view.stale(pod) {
            wake(&mut result.wake_at, pod.ready_changed, UNREADY_GRACE);
        } else if pod.ready && !view.available(workload, pod) {
            wake(&mut result.wake_at, pod.ready_changed, workload.min_ready());
        }
        if let Some(raised) = workload.live.and_then(Live::deployment).and_then(|d| d.raised)
            && pod.marked
            && view.elapsed(raised) < PROPAGATION
        {
            wake(&mut result.wake_at, raised, PROPAGATION);
        }
    }
    if view.service.is_none() {
        return result;
    }
    let mut changes: BTreeMap<&str, (&Pod, bool, &'static str)> = BTreeMap::new();
    let mut releases: Vec<&ReleaseName> =
        view.workloads.iter().filter(|w| w.serves).map(|w| &w.release.name).collect();
    releases.dedup();
    for release in &releases {
        give(view, release, &mut changes);
        if view.uncorks(release) {
            // The labels take over from the selector: every pod that serves needs its own, but for those that are about to be taken.
            let unready = view.counts_on_unready(release);
            for (_, pod) in view.serving_pods().filter(|(w, pod)| {
                w.release.name == **release && (pod.ready || unready) && !pod.serving && !owed(view, w, pod)
            }) {
                changes.insert(&pod.name, (pod, true, "the Service is about to select by label"));
            }
        }
    }
    fill_shortfall(view, &mut changes);
    let rests = selector_rests(view, PROPAGATION, &mut result.wake_at);
    for release in &releases {
        take((view, capacity), release, rests, &mut changes);
    }
    for (workload, pod) in view.serving_pods().filter(|(_, pod)| capacity.marked.contains(&pod.name)) {
        // Marking takes the label too, so a ready pod that has traffic, or is needed, is never among them.
        let needed = pod.serving || changes.get(pod.name.as_str()).is_some_and(|(_, serve, _)| *serve);
        if !(pod.ready && (needed || capacity.takes_of(view, workload))) {
            changes.insert(&pod.name, (pod, false, "to go first when replicas are lowered"));
        }
    }
    unmark(view, &mut changes);
    take_at_once(view, &mut changes);
    for pod in view.workloads.iter().flat_map(|workload| &workload.pods) {
        for due in [true, false].into_iter().filter_map(|serve| repair::label_due(view, pod, serve)) {
            super::wake(&mut result.wake_at, due);
        }
    }
    result.labels = changes
        .into_values()
        .filter(|(pod, serve, _)| pod.serving != *serve || (!serve && !pod.marked) || (*serve && pod.marked))
        .filter(|(pod, serve, _)| repair::label_due(view, pod, *serve).is_none())
        .map(|(pod, serve, why)| Label {
            namespace: view.wanted.target.application.namespace.clone(),
            pod: pod.name.clone(),
            uid: pod.uid.clone(),
            resource_version: pod.resource_version.clone(),
            serve,
            why,
        })
        .collect();
    result
}

fn pods_of<'v, 'a>(view: &'v View<'a>, release: &ReleaseName) -> Vec<Candidate<'v, 'a>> {
    view.serving_pods()
        .filter(|(workload, _)| workload.release.name == *release)
        .map(|(workload, pod)| Candidate { workload, pod })
        .collect()
}

/// The pod is marked to go first, and the ReplicaSet may be about to take it: until the Deployment's own count says that all is settled,
/// taking the mark off would make it take another instead. Where replicas were raised again the count says so too early: the ReplicaSet
/// controller may still act on the lower number, which it sees later than the Deployment controller. Where more pods are there
/// than it is to have, and it does not replace them by others, any that does not serve may be among those that go.
pub(super) fn owed(view: &View<'_>, workload: &Workload<'_>, pod: &Pod) -> bool {
    let deployment = workload.live.and_then(Live::deployment);
    let settled = deployment.is_some_and(|d| {
        let counts = d.observed && d.total == d.replicas && workload.pods.len() == d.replicas as usize;
        let seen = d.raised.is_none_or(|raised| view.elapsed(raised) >= PROPAGATION);
        (counts && seen) || d.replica_failure.is_some()
    });
    let too_many = deployment.is_some_and(|d| {
        workload.pods.len() > d.replicas as usize
            && (!d.observed || d.updated == d.total)
            && d.replica_failure.is_none()
    });
    (pod.marked && !settled) || (too_many && !pod.serving)
}

/// Gives the label to pods of a release that is short of its goal: ready ones first, then new ones, unless some of its are to go.
fn give<'a>(
    view: &View<'a>,
    release: &ReleaseName,
    changes: &mut BTreeMap<&'a str, (&'a Pod, bool, &'static str)>,
) {
    let pods = pods_of(view, release);
    let good = count(pods.iter().filter(|c| c.pod.serving && !view.stale(c.pod)).count());
    let short = view.goals.of(release).saturating_sub(good);
    let lowers = view.lowers(release);
    let mut candidates: Vec<&Candidate<'_, '_>> = pods
        .iter()
        .filter(|c| {
            !c.pod.serving
                && !view.stale(c.pod)
                && (c.pod.ready || !lowers)
                && !owed(view, c.workload, c.pod)
                // Another keeps taking it away from this one: the next best gets it meanwhile.
                && repair::label_due(view, c.pod, true).is_none()
        })
        .collect();
    // A pod that was marked to go is taken back last.
    candidates.sort_by(|a, b| {
        (!a.pod.ready, a.pod.marked, &a.pod.name).cmp(&(!b.pod.ready, b.pod.marked, &b.pod.name))
    });
    for candidate in candidates.into_iter().take(short as usize) {
        changes
            .insert(&candidate.pod.name, (candidate.pod, true, "its release is short of pods with traffic"));
    }
}

/// While ready pods with traffic fall short of G, any ready pod without the label gets it, whatever its release.
fn fill_shortfall<'a>(view: &View<'a>, changes: &mut BTreeMap<&'a str, (&'a Pod, bool, &'static str)>) {
    if view.corked().is_some() {
        return;
    }
    let able = view
        .serving_pods()
        .filter(|(workload, pod)| {
            view.available(workload, pod)
                && (pod.serving || changes.get(pod.name.as_str()).is_some_and(|(_, serve, _)| *serve))
        })
        .count();
    let short = view.goals.total.saturating_sub(count(able));
    let mut spare: Vec<(&Workload<'_>, &'a Pod)> = view
        .serving_pods()
        .filter(|(workload, pod)| {
            view.available(workload, pod)
                && !pod.serving
                && !changes.contains_key(pod.name.as_str())
                && !owed(view, workload, pod)
                && repair::label_due(view, pod, true).is_none()
        })
        .collect();
    spare.sort_by_key(|(workload, pod)| {
        (std::cmp::Reverse(workload.release.traffic), pod.marked, workload.release.generation, &pod.name)
    });
    for (_, pod) in spare.into_iter().take(short as usize) {
        changes.insert(&pod.name, (pod, true, "ready pods with traffic are short"));
    }
}

/// Takes the label from pods above their release's goal, while more pods serve than wanted. `rests`: the selector has not moved just now.
fn take<'a>(
    (view, capacity): (&View<'a>, &Capacity),
    release: &ReleaseName,
    rests: bool,
    changes: &mut BTreeMap<&'a str, (&'a Pod, bool, &'static str)>,
) {
    let taken = view.workloads.iter().any(|w| w.release.name == *release && w.replicas_taken());
    if view.corked().is_some_and(|corked| corked == release.as_str()) && (view.uncorks(release) || !taken) {
        // The selector decides, and uncorking needs every label in place. Pods that somebody added must still be told apart.
        return;
    }
    let pods = pods_of(view, release);
    let given = count(
        pods.iter().filter(|c| changes.get(c.pod.name.as_str()).is_some_and(|(_, serve, _)| *serve)).count(),
    );
    let labelled: Vec<&Candidate<'_, '_>> = pods.iter().filter(|c| c.pod.serving).collect();
    let mut excess = (count(labelled.len()) + given).saturating_sub(view.goals.of(release));
    // Pods that serve nothing lose it freely; ready ones only as far as the rest is enough.
    let mut idle: Vec<&&Candidate<'_, '_>> = labelled.iter().filter(|c| !c.pod.ready && rests).collect();
    idle.sort_by_key(|c| (!view.stale(c.pod), &c.pod.name));
    for candidate in idle.into_iter().take(excess as usize) {
        changes.insert(&candidate.pod.name, (candidate.pod, false, "not ready and above its release's goal"));
        excess -= 1;
    }
    // A Service that selects another release by its name brings them nothing.
    let elsewhere = view.corked().is_some_and(|corked| corked != release.as_str());
    // A ReplicaSet that is about to take pods would take one that is marked now as well as one that has settled.
    let mut ready: Vec<&&Candidate<'_, '_>> =
        labelled.iter().filter(|c| c.pod.ready && !capacity.takes_of(view, c.workload)).collect();
    ready.sort_by_key(|c| (view.served(c.workload, c.pod), &c.pod.name));
    for candidate in ready.into_iter().take(excess as usize) {
        let (able, serving) = remaining(view, changes);
        let served = view.served(candidate.workload, candidate.pod);
        let counts = view.available(candidate.workload, candidate.pod);
        // One that was given the label a moment ago may serve already, although no slice is seen yet that lists it.
        let others = serving - u32::from(served);
        if counts && !elsewhere && (able <= view.goals.total || others < view.goals.total) {
            break;
        }
        changes.insert(&candidate.pod.name, (candidate.pod, false, "enough other pods serve"));
    }
}

/// Once the changes so far are made: available pods with the label, and those among them that serve already.
fn remaining(view: &View<'_>, changes: &BTreeMap<&str, (&Pod, bool, &'static str)>) -> (u32, u32) {
    let change = |pod: &Pod| changes.get(pod.name.as_str()).map(|(_, serve, _)| *serve);
    let able = |workload: &Workload<'_>, pod: &Pod| {
        view.available(workload, pod) && change(pod).unwrap_or(pod.serving)
    };
    let serving =
        |workload: &Workload<'_>, pod: &Pod| view.served(workload, pod) && change(pod) != Some(false);
    (
        count(view.serving_pods().filter(|(workload, pod)| able(workload, pod)).count()),
        count(view.serving_pods().filter(|(workload, pod)| serving(workload, pod)).count()),
    )
}

/// Somebody gave the label to a pod that was marked to go first: as long as it serves it is not to go.
fn unmark<'a>(view: &View<'a>, changes: &mut BTreeMap<&'a str, (&'a Pod, bool, &'static str)>) {
    for (_, pod) in view.serving_pods().filter(|(w, pod)| pod.serving && pod.marked && !owed(view, w, pod)) {
        changes.entry(&pod.name).or_insert((pod, true, "it has traffic, and is not to go first"));
    }
}

/// Labels on pods that no traffic is managed for, put there by somebody else.
fn take_at_once<'a>(view: &View<'a>, changes: &mut BTreeMap<&'a str, (&'a Pod, bool, &'static str)>) {
    for workload in view.workloads.iter().filter(|w| !w.serves) {
        for pod in workload.pods.iter().copied().filter(|pod| pod.serving) {
            changes.insert(&pod.name, (pod, false, "the traffic Service does not select it"));
        }
    }
}
