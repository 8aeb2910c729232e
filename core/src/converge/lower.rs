//! How far each Deployment may be lowered now: as far as the pods that its ReplicaSet may choose carry no traffic any more [C1, C5].

use super::PROPAGATION;
use super::capacity::Capacity;
use super::settle::{all_marked, had_traffic, has_passed, has_settled, selector_rests};
use super::view::{View, Workload, count};
use crate::observe::{Live, Pod};
use jiff::Timestamp;

/// Lowers what is above its goal, as far as its pods carry no traffic any more.
pub(super) fn lower(view: &View<'_>, group: &[(usize, &Workload<'_>)], result: &mut Capacity) {
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
pub(super) struct Balance {
    /// Pods that `spec.replicas` asks for and that will not come.
    pub(super) missing: u32,
    /// Pods that are there although a lower count was asked for already: the ReplicaSet owes their removal, and may not be
    /// asked for them again.
    pub(super) owed: u32,
}

/// `None` while pods are still to be seen: with a lower count the ReplicaSet would choose among those as well, and might keep them
/// and take one with traffic. Where none has had any for the settle time, or none can be created, that does not matter. `None` too
/// while a pod with traffic has a mark, or the ReplicaSet may not have seen yet that it lost it or got ready.
pub(super) fn balance(
    view: &View<'_>,
    workload: &Workload<'_>,
    wake_at: &mut Option<Timestamp>,
) -> Option<Balance> {
    let kept = || workload.pods.iter().filter(|pod| workload.serves && pod.serving);
    if kept().any(|pod| pod.marked && pod.ready) {
        return None;
    }
    let known = |pod: &Pod| has_passed(view, pod.mark_changed.max(pod.ready_changed), PROPAGATION, wake_at);
    if !kept().copied().all(known) {
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
    if !selector_rests(view, PROPAGATION, &mut result.wake_at) || !all_marked(view, &idle, result) {
        // Not in part: what is taken back is ours again, and the rest would wait for the settle time.
        return 0;
    }
    excess.min(missing + count(idle.len()).saturating_sub(owed))
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
    let rests = unready.is_empty()
        || (selector_rests(view, PROPAGATION, &mut result.wake_at)
            && all_marked(view, &unready, result)
            && selector_rests(view, view.settle(), &mut result.wake_at));
    if !rests {
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
