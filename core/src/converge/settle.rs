//! Who may be chosen by a ReplicaSet that is lowered: pods that are marked, for long enough, and have settled [C5].
//!
//! `docs/adr/0010-settling.md` tells why these wait for one another.

use super::PROPAGATION;
use super::capacity::{Capacity, wake};
use super::view::{View, Workload};
use crate::observe::Pod;
use jiff::Timestamp;
use std::time::Duration;

/// Whether a pod lost its traffic to us, for all that is known: it was seen to, or was marked before this observer came, or slices are still
/// to say that it is gone. What somebody added has had none, unless the Service selects its release.
pub(super) fn had_traffic(view: &View<'_>, workload: &Workload<'_>, pod: &Pod) -> bool {
    let selected = view.old_selector || view.corked() == Some(workload.release.name.as_str());
    let seen = view.left(pod).is_some() || pod.unlabelled.is_some();
    let before = pod.marked && pod.mark_changed == pod.seen_since;
    !selected && (seen || before || view.out_since(pod).is_none())
}

/// Whether these pods are marked to go first, for long enough that the ReplicaSet controller knows. Asks for what is lacking. One that got
/// ready just before the selector moved may have had traffic, which is told in a moment.
pub(super) fn all_marked(view: &View<'_>, pods: &[&Pod], result: &mut Capacity) -> bool {
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

/// Whether the selector moved so long ago that no pod has traffic by what it selected before: the endpoint controller follows later, and
/// lists one that got ready meanwhile.
pub(super) fn selector_rests(view: &View<'_>, result: &mut Capacity) -> bool {
    let settle = Duration::from(view.wanted.target.settle_seconds);
    let moved = view.selects_since().filter(|moved| view.elapsed(*moved) < settle);
    if let Some(moved) = moved {
        wake(&mut result.wake_at, moved, settle);
    }
    moved.is_none()
}

/// Whether a pod has been out of the EndpointSlices for the settle time: no proxy sends it anything any more [C5].
pub(super) fn has_settled(view: &View<'_>, pod: &Pod, wake_at: &mut Option<Timestamp>) -> bool {
    let settle = Duration::from(view.wanted.target.settle_seconds);
    let Some(since) = view.out_since(pod) else { return false };
    let settled = view.elapsed(since) >= settle;
    if !settled {
        wake(wake_at, since, settle);
    }
    settled
}
