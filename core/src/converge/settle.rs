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
    !selected && (seen || pod.came_marked().is_some() || view.out_since(pod).is_none())
}

/// Whether these pods are marked to go first, for long enough that the ReplicaSet controller knows. Asks for what is lacking.
pub(super) fn all_marked(view: &View<'_>, pods: &[&Pod], result: &mut Capacity) -> bool {
    let mut ripe = true;
    for pod in pods {
        if !pod.marked || pod.serving {
            result.marked.insert(pod.name.clone());
            ripe = false;
        } else {
            ripe &= has_passed(view, pod.mark_changed, PROPAGATION, &mut result.wake_at);
        }
    }
    ripe
}

/// Whether the selector moved at least so long ago. The endpoint controller follows later, and lists a pod that got ready meanwhile by what it
/// knew: before [`PROPAGATION`] is over an unready pod keeps its label, which both selectors may go by, and before the settle time none goes.
pub(super) fn selector_rests(view: &View<'_>, after: Duration, wake_at: &mut Option<Timestamp>) -> bool {
    view.selects_since().is_none_or(|moved| has_passed(view, moved, after, wake_at))
}

/// Whether a pod has been out of the EndpointSlices for the settle time: no proxy sends it anything any more [C5].
pub(super) fn has_settled(view: &View<'_>, pod: &Pod, wake_at: &mut Option<Timestamp>) -> bool {
    view.out_since(pod).is_some_and(|since| has_passed(view, since, view.settle(), wake_at))
}

/// Whether it was so long ago; if not, it is looked at again when it is.
pub(super) fn has_passed(
    view: &View<'_>,
    since: Timestamp,
    after: Duration,
    wake_at: &mut Option<Timestamp>,
) -> bool {
    let passed = view.elapsed(since) >= after;
    if !passed {
        wake(wake_at, since, after);
    }
    passed
}
