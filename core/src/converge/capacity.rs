//! How many replicas each Deployment is to have at this moment: raise within surge, lower what has lost its traffic [C1, C2, C5].

use super::lower::{Balance, balance, lower};
use super::settle::{all_marked, has_passed, has_settled, selector_rests};
use super::view::{View, Workload, count};
use super::{Label, PROPAGATION, UNREADY_GRACE, repair};
use crate::observe::Pod;
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
    for lowered in view.workloads.iter().filter_map(|workload| workload.lowering) {
        // By then it counts as obeyed where the numbers cannot prove it.
        has_passed(view, lowered.since, PROPAGATION, &mut result.wake_at);
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
        if yields > 0
            && !result.replicas.contains_key(index)
            && (!workload.serves || selector_rests(view, PROPAGATION, &mut result.wake_at))
            && all_marked(view, &stale, result)
            && (!workload.serves || selector_rests(view, view.settle(), &mut result.wake_at))
        {
            result.replicas.insert(*index, workload.replicas() - yields);
            needed -= yields;
        }
    }
}

/// Moves the wake-up forward to `since + after`.
pub(super) fn wake(wake_at: &mut Option<Timestamp>, since: Timestamp, after: Duration) {
    let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX);
    let at = since.saturating_add(after).unwrap_or(Timestamp::MAX);
    super::wake(wake_at, at);
}
