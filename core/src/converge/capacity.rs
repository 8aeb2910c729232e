//! How many replicas each Deployment is to have at this moment: raise within surge, lower what has lost its traffic [C1, C2, C5].

use super::view::{View, Workload, count};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be done about capacity now.
#[derive(Default)]
pub(super) struct Capacity {
    /// `spec.replicas` per Deployment (its index in the view) where it is to change.
    pub(super) replicas: BTreeMap<usize, u32>,
    /// Names of pods to be marked so that the ReplicaSet takes them first.
    pub(super) marked: BTreeSet<String>,
    /// When a settle time ends.
    pub(super) wake_at: Option<Timestamp>,
}

/// The next replicas of every Deployment.
pub(super) fn capacity(view: &View<'_>) -> Capacity {
    let mut result = Capacity::default();
    let bases: BTreeSet<&str> = view.workloads.iter().map(|w| w.base.as_str()).collect();
    for base in bases {
        let group: Vec<(usize, &Workload<'_>)> =
            view.workloads.iter().enumerate().filter(|(_, w)| w.base == base).collect();
        lower(view, &group, &mut result);
        raise(view, &group, &mut result);
    }
    result
}

/// Gives room to the newest release first; at the ceiling an older release's stale pods yield theirs.
fn raise(view: &View<'_>, group: &[(usize, &Workload<'_>)], result: &mut Capacity) {
    let rendered = group.iter().map(|(_, w)| w.rendered).max().unwrap_or(0);
    let desired: u32 = group.iter().map(|(_, w)| w.desired).sum();
    let ceiling = desired.max(rendered) + view.wanted.target.surge.pods(rendered);
    let used: u32 = group.iter().map(|(_, w)| w.footprint()).sum();
    let mut room = ceiling.saturating_sub(used);
    for (position, (index, workload)) in group.iter().enumerate() {
        let replicas = workload.replicas();
        if replicas >= workload.desired {
            continue;
        }
        // Pods that are still there of a larger past count do not make the raise any larger.
        let missing = workload.desired - replicas;
        let free = workload.footprint() - replicas;
        let step = missing.min(room + free);
        if step > 0 {
            room -= step.saturating_sub(free).min(room);
            result.replicas.insert(*index, replicas + step);
        }
        if step < missing {
            yield_stale(view, &group[position + 1..], missing - step, result);
        }
    }
}

/// Older releases' pods that are unready for long make room for a newer release.
fn yield_stale(view: &View<'_>, older: &[(usize, &Workload<'_>)], mut needed: u32, result: &mut Capacity) {
    for (index, workload) in older {
        let stale = count(workload.pods.iter().filter(|pod| view.stale(pod)).count());
        let yields = stale.min(needed).min(workload.replicas());
        if yields > 0 && !result.replicas.contains_key(index) {
            result.replicas.insert(*index, workload.replicas() - yields);
            needed -= yields;
        }
    }
}

/// Lowers what is above its goal, as far as its pods carry no traffic any more.
fn lower(view: &View<'_>, group: &[(usize, &Workload<'_>)], result: &mut Capacity) {
    // What serves no traffic may go as far as the releases together have more than they are to have.
    let available: u32 =
        group.iter().map(|(_, w)| count(w.pods.iter().filter(|pod| view.available(w, pod)).count())).sum();
    let desired: u32 = group.iter().map(|(_, w)| w.desired).sum();
    let mut surplus = available.saturating_sub(desired);
    for (index, workload) in group {
        let replicas = workload.replicas();
        if replicas <= workload.desired {
            continue;
        }
        let excess = replicas - workload.desired;
        let lowered = if workload.replicas_taken() {
            take_back(workload, excess, result)
        } else if workload.serves {
            lower_serving(view, workload, excess, result)
        } else {
            lower_plain(view, workload, excess, &mut surplus)
        };
        if lowered > 0 {
            result.replicas.insert(*index, replicas - lowered);
        }
    }
}

/// Another scaled it up: back at once, without settle time, but the pods that carry traffic stay [C7].
fn take_back(workload: &Workload<'_>, excess: u32, result: &mut Capacity) -> u32 {
    let missing = workload.replicas().saturating_sub(count(workload.pods.len()));
    let idle: Vec<_> = workload.pods.iter().filter(|pod| !pod.serving).collect();
    let unmarked: Vec<_> = idle.iter().filter(|pod| !pod.cheap).collect();
    if workload.serves && !unmarked.is_empty() {
        result.marked.extend(unmarked.into_iter().map(|pod| pod.name.clone()));
        return missing.min(excess);
    }
    if workload.serves { excess.min(missing + count(idle.len())) } else { excess }
}

/// Pods to go must be without the label, marked, and out of the EndpointSlices for the settle time; unready ones at once.
fn lower_serving(view: &View<'_>, workload: &Workload<'_>, excess: u32, result: &mut Capacity) -> u32 {
    let settle = view.wanted.target.settle_seconds.into();
    let missing = workload.replicas().saturating_sub(count(workload.pods.len()));
    // A ReplicaSet takes pods that are not ready before any other, whatever their cost: none may carry the label then,
    // and all must be marked, so that one that recovers meanwhile is still taken before a pod with traffic.
    let unready: Vec<_> = workload.pods.iter().filter(|pod| !pod.ready).collect();
    let unmarked: Vec<_> = unready.iter().filter(|pod| pod.serving || !pod.cheap).collect();
    if !unmarked.is_empty() {
        result.marked.extend(unmarked.into_iter().map(|pod| pod.name.clone()));
        return missing.min(excess);
    }
    let free = missing + count(unready.len());
    if view.corked() == Some(workload.release.name.as_str()) {
        // The selector still sends traffic to every ready pod: it moves first.
        return excess.min(free);
    }
    let mut leaving: Vec<_> = workload.pods.iter().filter(|pod| pod.ready && !pod.serving).collect();
    leaving.sort_by(|a, b| (b.cheap, a.out_since, &a.name).cmp(&(a.cheap, b.out_since, &b.name)));
    let mut settled = 0;
    for pod in leaving.into_iter().take(excess.saturating_sub(free) as usize) {
        if !pod.cheap {
            result.marked.insert(pod.name.clone());
        }
        match pod.out_since {
            Some(since) if pod.cheap && view.elapsed(since) >= settle => settled += 1,
            Some(since) => wake(&mut result.wake_at, since, settle),
            None => {}
        }
    }
    // Among marked pods the ReplicaSet chooses as it likes: none may go before all have settled.
    let marked = count(workload.pods.iter().filter(|pod| pod.ready && !pod.serving && pod.cheap).count());
    excess.min(if settled == marked { free + settled } else { free })
}

/// Unready pods first and at once, ready ones while others are ready in their place.
fn lower_plain(view: &View<'_>, workload: &Workload<'_>, excess: u32, surplus: &mut u32) -> u32 {
    let missing = workload.replicas().saturating_sub(count(workload.pods.len()));
    let idle = count(workload.pods.iter().filter(|pod| !view.available(workload, pod)).count());
    let free = missing + idle;
    let ready = excess.saturating_sub(free).min(*surplus);
    *surplus -= ready;
    excess.min(free + ready)
}

/// Moves the wake-up forward to `since + after`.
pub(super) fn wake(wake_at: &mut Option<Timestamp>, since: Timestamp, after: std::time::Duration) {
    let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX);
    let at = since.saturating_add(after).unwrap_or(Timestamp::MAX);
    *wake_at = Some(wake_at.map_or(at, |earlier| earlier.min(at)));
}
