//! How many replicas each Deployment is to have at this moment: raise within surge, lower what has lost its traffic [C1, C2, C5].

use super::repair;
use super::view::{View, Workload, count};
use super::{Label, PROPAGATION, UNREADY_GRACE};
use crate::observe::{Live, Pod};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

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

impl Capacity {
    /// Lowers no Deployment of which a pod is to have traffic again: it loses its mark with that, and the ReplicaSet would take any.
    pub(super) fn spare(&mut self, view: &View<'_>, labels: &[Label]) {
        let given: BTreeSet<&str> =
            labels.iter().filter(|label| label.serve).map(|label| label.pod.as_str()).collect();
        self.replicas.retain(|index, replicas| {
            let workload = &view.workloads[*index];
            *replicas >= workload.replicas() || !workload.pods.iter().any(|pod| given.contains(&*pod.name))
        });
    }

    /// The ReplicaSet is asked now, or was asked and may not have obeyed yet, to take some of its pods: it chooses among those that are
    /// marked by then.
    pub(super) fn takes_of(&self, view: &View<'_>, workload: &Workload<'_>) -> bool {
        let key = &workload.manifest.key;
        // What is tried again later asks for nothing now.
        let waits = view.observed.failures.get(key).is_some_and(|failure| failure.retry_at > view.now)
            || (workload.replicas_taken() && repair::due(view, key).is_some());
        let is_now = |(index, replicas): (&usize, &u32)| {
            view.workloads[*index].manifest.key == *key && *replicas < workload.replicas()
        };
        workload.lowering.is_some() || (!waits && self.replicas.iter().any(is_now))
    }
}

/// The next replicas of every Deployment.
pub(super) fn capacity(view: &View<'_>) -> Capacity {
    let mut result = Capacity::default();
    let bases: BTreeSet<&str> = view.workloads.iter().map(|w| w.base.as_str()).collect();
    let lowering = view.workloads.iter().filter_map(|workload| workload.lowering);
    for lowered in lowering.filter(|lowered| view.elapsed(lowered.since) < PROPAGATION) {
        wake(&mut result.wake_at, lowered.since, PROPAGATION);
    }
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
    let over = used.saturating_sub(ceiling);
    for (position, (index, workload)) in group.iter().enumerate() {
        let replicas = workload.replicas();
        if replicas >= workload.desired {
            continue;
        }
        // Pods that are still there of a larger past count do not make the raise any larger. Above the ceiling they are to go, for what
        // takes their place would be above it as well; those with traffic stay whatever the others have [C2].
        let missing = workload.desired - replicas;
        let beyond = workload.footprint() - replicas;
        let served = count(workload.pods.iter().filter(|pod| view.served(workload, pod)).count());
        let free = beyond.saturating_sub(over).max(served.saturating_sub(replicas));
        let step = missing.min(room + free);
        if step > 0 {
            room -= step.saturating_sub(free).min(room);
            result.replicas.insert(*index, replicas + step);
        }
        if step < missing {
            // What an older release frees is not its own to take again.
            yield_stale(view, &group[position + 1..], missing - step, result);
            return;
        }
    }
}

/// Older releases' pods that are unready for long make room for a newer release, once the ReplicaSet is sure to take them.
fn yield_stale(view: &View<'_>, older: &[(usize, &Workload<'_>)], mut needed: u32, result: &mut Capacity) {
    // An autoscaler would bring them back: what it keeps has its room already, whatever becomes of the rest. And where the selector is about to
    // move to the label, every pod that may serve until then has it: none yields before [C6].
    let firm = |workload: &Workload<'_>| {
        let release = &workload.release.name;
        let awaited = workload.serves && view.uncorks(release) && view.counts_on_unready(release);
        awaited || (workload.autoscaler.is_some() && workload.desired > 0)
    };
    for (index, workload) in older.iter().filter(|(_, workload)| !firm(workload)) {
        for pod in workload.pods.iter().filter(|pod| !pod.ready && !view.stale(pod)) {
            wake(&mut result.wake_at, pod.ready_changed, UNREADY_GRACE);
        }
        let Some(Balance { owed, .. }) = balance(view, workload, &mut result.wake_at) else { continue };
        let stale: Vec<&Pod> = workload.pods.iter().copied().filter(|pod| view.stale(pod)).collect();
        let yields = count(stale.len()).saturating_sub(owed).min(needed).min(workload.replicas());
        let mut marked = workload
            .pods
            .iter()
            .filter(|pod| workload.serves && pod.ready && pod.marked && !view.old_selector);
        if !marked.all(|pod| has_settled(view, pod, &mut result.wake_at)) {
            // One of these might be taken in the place of one that gets ready.
            continue;
        }
        if yields > 0 && !result.replicas.contains_key(index) && all_marked(view, &stale, result) {
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
            take_back(view, workload, excess, result)
        } else if workload.serves {
            lower_serving(view, workload, excess, result)
        } else {
            lower_plain(view, workload, excess, (&mut surplus, &mut result.wake_at))
        };
        if lowered > 0 {
            result.replicas.insert(*index, replicas - lowered);
        }
    }
}

/// How far a Deployment's count and its pods are apart.
#[derive(Clone, Copy)]
struct Balance {
    /// Pods that `spec.replicas` asks for and that will not come.
    missing: u32,
    /// Pods that are there although a lower count was asked for already: the ReplicaSet owes their removal, and may not be
    /// asked for them again.
    owed: u32,
}

/// `None` while pods are still to be seen: with a lower count the ReplicaSet would choose among those as well, and might keep them
/// and take one with traffic. Where none has had any for the settle time, or none can be created, that does not matter. `None` too
/// while a pod with traffic has a mark, or the ReplicaSet may not have seen yet that it lost it.
fn balance(view: &View<'_>, workload: &Workload<'_>, wake_at: &mut Option<Timestamp>) -> Option<Balance> {
    let kept = || workload.pods.iter().filter(|pod| workload.serves && pod.serving);
    if kept().any(|pod| pod.marked && pod.ready) {
        return None;
    }
    let last = kept().map(|pod| pod.mark_changed).max();
    if let Some(last) = last.filter(|last| view.elapsed(*last) < PROPAGATION) {
        wake(wake_at, last, PROPAGATION);
        return None;
    }
    let seen = count(workload.pods.len());
    let replicas = workload.replicas();
    let refused = workload.live.and_then(Live::deployment).is_some_and(|d| d.replica_failure.is_some());
    let corked = view.corked() == Some(workload.release.name.as_str());
    let rests = |pod: &Pod| !workload.serves || !pod.ready || has_settled(view, pod, wake_at);
    let idle =
        !corked && workload.pods.iter().all(|pod| !pod.serving) && workload.pods.iter().copied().all(rests);
    let balance = Balance { missing: replicas.saturating_sub(seen), owed: seen.saturating_sub(replicas) };
    (balance.missing == 0 || refused || idle).then_some(balance)
}

/// Another scaled it up: back at once, without settle time, but the pods that carry traffic stay [C7].
fn take_back(view: &View<'_>, workload: &Workload<'_>, excess: u32, result: &mut Capacity) -> u32 {
    if !workload.serves {
        return excess;
    }
    let Some(Balance { missing, owed }) = balance(view, workload, &mut result.wake_at) else { return 0 };
    let idle: Vec<&Pod> = workload.pods.iter().copied().filter(|pod| !pod.serving).collect();
    let mut had = idle.iter().filter(|pod| pod.ready && had_traffic(view, workload, pod));
    if !had.all(|pod| has_settled(view, pod, &mut result.wake_at)) {
        return 0;
    }
    if !all_marked(view, &idle, result) {
        // Not in part: what is taken back is ours again, and the rest would wait for the settle time.
        return 0;
    }
    excess.min(missing + count(idle.len()).saturating_sub(owed))
}

/// Whether a pod lost its traffic to us, for all that is known: it was seen to, or was marked before this observer came, or slices are still
/// to say that it is gone. What somebody added has had none, unless the Service selects its release.
fn had_traffic(view: &View<'_>, workload: &Workload<'_>, pod: &Pod) -> bool {
    let selected = view.old_selector || view.corked() == Some(workload.release.name.as_str());
    let seen = view.left(pod).is_some() || pod.unlabelled.is_some();
    let before = pod.marked && pod.mark_changed == pod.seen_since;
    !selected && (seen || before || view.out_since(pod).is_none())
}

/// Whether these pods are marked to go first, for long enough that the ReplicaSet controller knows. Asks for what is lacking. One that got
/// ready just before the selector moved may have had traffic, which is told in a moment.
fn all_marked(view: &View<'_>, pods: &[&Pod], result: &mut Capacity) -> bool {
    let moved = view.selects_since().filter(|moved| !pods.is_empty() && view.elapsed(*moved) < PROPAGATION);
    if let Some(moved) = moved {
        wake(&mut result.wake_at, moved, PROPAGATION);
    }
    let mut ripe = moved.is_none();
    for pod in pods {
        if !pod.marked || pod.serving {
            result.marked.insert(pod.name.clone());
            ripe = false;
        } else if view.elapsed(pod.mark_changed) < PROPAGATION {
            wake(&mut result.wake_at, pod.mark_changed, PROPAGATION);
            ripe = false;
        }
    }
    ripe
}

/// Whether a pod has been out of the EndpointSlices for the settle time: no proxy sends it anything any more [C5].
fn has_settled(view: &View<'_>, pod: &Pod, wake_at: &mut Option<Timestamp>) -> bool {
    let settle = Duration::from(view.wanted.target.settle_seconds);
    let Some(since) = view.out_since(pod) else { return false };
    let settled = view.elapsed(since) >= settle;
    if !settled {
        wake(wake_at, since, settle);
    }
    settled
}

/// Pods to go must be without the label, marked, and out of the EndpointSlices for the settle time; unready ones without it.
fn lower_serving(view: &View<'_>, workload: &Workload<'_>, excess: u32, result: &mut Capacity) -> u32 {
    let Some(Balance { missing, owed }) = balance(view, workload, &mut result.wake_at) else { return 0 };
    if view.counts_on_unready(&workload.release.name) {
        return excess.min(missing);
    }
    // A ReplicaSet takes pods that are not ready before any other, whatever their cost: none may carry the label then,
    // and all must be marked, so that one that recovers meanwhile is still taken before a pod with traffic.
    let unready: Vec<&Pod> = workload.pods.iter().copied().filter(|pod| !pod.ready).collect();
    if !all_marked(view, &unready, result) {
        return missing.min(excess);
    }
    let idle = count(unready.len());
    if view.corked() == Some(workload.release.name.as_str()) {
        // The selector still sends traffic to every ready pod, and to every one that becomes ready: it moves first [C6].
        return excess.min(missing);
    }
    let mut leaving: Vec<&Pod> =
        workload.pods.iter().copied().filter(|pod| pod.ready && !pod.serving).collect();
    leaving.sort_by_key(|pod| (!pod.marked, view.out_since(pod), &pod.name));
    let marked = leaving.iter().filter(|pod| pod.marked).count();
    leaving.truncate(((excess + owed).saturating_sub(missing + idle) as usize).max(marked));
    // Among marked pods the ReplicaSet chooses as it likes: none may go before all have settled.
    let mut settled = all_marked(view, &leaving, result);
    for pod in &leaving {
        settled &= has_settled(view, pod, &mut result.wake_at);
    }
    let able = match settled {
        true => idle + count(leaving.len()),
        // Their label decides nothing, and they stay where they are.
        false if view.old_selector => idle,
        // Nor may those go that are not ready: one that gets ready before it is taken is one among the marked.
        false => 0,
    };
    excess.min(missing + able.saturating_sub(owed))
}

/// Unready pods first and at once, ready ones while others are ready in their place.
fn lower_plain(
    view: &View<'_>,
    workload: &Workload<'_>,
    excess: u32,
    (surplus, wake_at): (&mut u32, &mut Option<Timestamp>),
) -> u32 {
    let Some(Balance { missing, owed }) = balance(view, workload, wake_at) else { return 0 };
    let idle = count(workload.pods.iter().filter(|pod| !view.available(workload, pod)).count());
    let free = missing + idle.saturating_sub(owed);
    *surplus = surplus.saturating_sub(owed.saturating_sub(idle));
    let ready = excess.saturating_sub(free).min(*surplus);
    *surplus -= ready;
    excess.min(free + ready)
}

/// Moves the wake-up forward to `since + after`.
pub(super) fn wake(wake_at: &mut Option<Timestamp>, since: Timestamp, after: Duration) {
    let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX);
    let at = since.saturating_add(after).unwrap_or(Timestamp::MAX);
    super::wake(wake_at, at);
}
