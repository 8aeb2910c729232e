//! The agent's decision: from a target and what is seen, to what to do next and what to report.
//!
//! One rule, whatever the direction [C1]: **raise, then shift, then lower**. Everything is computed from the target and from
//! what is observed, so that a restart, a new target or a lost event changes nothing [C2, C9].
//!
//! The actions of one call are safe together, in any order within one rank, given the observation they came from. The caller
//! carries them out, feeds what the API server answered back into the index, and asks again until nothing is left to do.

mod adopt;
mod applyset;
mod autoscaler;
mod capacity;
mod form;
mod goals;
mod lower;
mod objects;
mod prune;
mod removal;
mod repair;
mod report;
mod selector;
mod settle;
mod traffic;
mod view;

pub use applyset::{applyset_id, applyset_parent, is_parent, parent_name};
pub use goals::{Goals, traffic_goals};

use crate::ReleaseName;
use crate::manifest::{ManifestObject, Manifests, ObjectKey};
use crate::observe::Observed;
pub use crate::observe::PROPAGATION;
use crate::report::AppReport;
use crate::state::Target;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A pod that is not ready for this long gives way to a ready one [C1, C5].
pub const UNREADY_GRACE: Duration = Duration::from_secs(10);

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The numbers.
    pub target: &'a Target,
    /// The objects of every release of the target that is not a tombstone. A release without an entry here is not
    /// touched, and reported as not installed.
    pub manifests: &'a BTreeMap<ReleaseName, Manifests>,
}

/// One thing to do in the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Server-side apply with force.
    Apply(Apply),
    /// Give a pod traffic or take it away, with its deletion cost, in one PATCH [C5].
    Label(Label),
    /// Delete an object, with its UID as the precondition.
    Delete(Delete),
}

/// Server-side apply of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Apply {
    /// Which object.
    pub key: ObjectKey,
    /// The whole object, with labels and annotations.
    pub object: Value,
    /// Digest of the manifest it comes from.
    pub digest: String,
    /// UID of the object as seen; `None` = it was not seen, and must not exist as another's (the caller looks first) [C8].
    pub uid: Option<String>,
    /// `metadata.resourceVersion` as seen, where a request that was held up on its way must not undo what was decided since [C9].
    pub resource_version: Option<String>,
    /// It puts back what another changed [C7].
    pub repair: bool,
    /// Actions with a lower rank are to be done first; those of the same rank may be done side by side.
    pub rank: usize,
    /// Why, for the log.
    pub why: &'static str,
}

impl Apply {
    /// The object to send, with its preconditions: it is the one that was seen, and where that matters as it was seen.
    pub fn body(&self) -> Value {
        let mut object = self.object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            for (field, value) in [("uid", &self.uid), ("resourceVersion", &self.resource_version)] {
                if let Some(value) = value {
                    metadata.insert(field.to_owned(), Value::String(value.clone()));
                }
            }
        }
        object
    }
}

/// Whether a pod is to have traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The pod's UID.
    pub uid: String,
    /// `metadata.resourceVersion` as seen: a precondition, so that nothing is decided on a pod that has become ready, or has failed, meanwhile.
    pub resource_version: String,
    /// `true`: set the traffic label and a deletion cost of 1; `false`: remove the label and set the cost to -1.
    pub serve: bool,
    /// Why, for the log.
    pub why: &'static str,
}

/// Deletion of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// Which object.
    pub key: ObjectKey,
    /// Its UID as seen: a precondition.
    pub uid: String,
    /// `metadata.resourceVersion` as seen: a precondition [C9].
    pub resource_version: String,
    /// Objects with a higher rank go first (the reverse of installing) [C10].
    pub rank: usize,
    /// Why, for the log.
    pub why: &'static str,
}

/// What to do now, what to say, and when to look again.
#[derive(Clone, Debug)]
pub struct Convergence {
    /// To be carried out; empty when all is done or waits for the cluster.
    pub actions: Vec<Action>,
    /// The state as it is before the actions.
    pub report: AppReport,
    /// Objects of others that no watch shows, to be looked at now and then and given to [`crate::observe::Index::foreign`].
    pub look_for: BTreeSet<ObjectKey>,
    /// Ask again at this moment even if nothing is seen until then.
    pub wake_at: Option<Timestamp>,
}

/// Pods that a target asks for, whatever its cluster has: the shares of Deployments, with an autoscaler at least so many [C3], and the
/// StatefulSets of the release that leads [C11]. DaemonSets have as many as there are nodes, and are not counted.
pub fn pods(wanted: Wanted<'_>) -> u64 {
    if wanted.target.absent {
        return 0;
    }
    let nothing = Observed::default();
    let view = view::View::new(wanted, &nothing, Timestamp::UNIX_EPOCH);
    let shares = view.workloads.iter().map(|workload| u64::from(workload.desired));
    shares.sum::<u64>() + objects::stateful(&view).map(|set| u64::from(set.replicas())).sum::<u64>()
}

/// The objects that a target asks for, whatever its cluster has: those of its releases with capacity, and each of those that are of the
/// application as the release has it that decides on it [C11]. A release without manifests has none.
pub fn asked(wanted: Wanted<'_>) -> Vec<ManifestObject> {
    if wanted.target.absent {
        return Vec::new();
    }
    let nothing = Observed::default();
    let view = view::View::new(wanted, &nothing, Timestamp::UNIX_EPOCH);
    objects::asked(&view).cloned().collect()
}

/// Moves a wake-up forward to this moment.
fn wake(slot: &mut Option<Timestamp>, at: Timestamp) {
    *slot = Some(slot.map_or(at, |earlier| earlier.min(at)));
}

/// Decides what is to be done now. Pure: the same arguments give the same answer.
///
/// `now` is the caller's clock, the same that filled the moments in `observed`.
pub fn converge(wanted: Wanted<'_>, observed: &Observed, now: Timestamp) -> Convergence {
    let view = view::View::new(wanted, observed, now);
    let mut capacity = capacity::capacity(&view);
    let traffic = traffic::traffic(&view, &capacity);
    capacity.spare(&view, &traffic.labels);
    let selector = view.service.map(|service| selector::selector(&view, service, &traffic.labels));
    let objects =
        objects::objects(&view, &capacity.replicas, selector.as_ref().and_then(|s| s.selector.as_ref()));
    let moving: &[_] = selector.as_ref().map_or(&[], |s| &s.problems);
    let report = report::report(&view, &objects, moving);
    let moves_at = selector.as_ref().and_then(|s| s.wake_at);
    let wake_at = [capacity.wake_at, traffic.wake_at, moves_at, objects.wake_at]
        .into_iter()
        .flatten()
        .filter(|at| *at > now)
        .min();
    let mut actions = objects.actions;
    actions.extend(selector.into_iter().flat_map(|s| s.actions));
    actions.extend(traffic.labels.into_iter().map(Action::Label));
    Convergence { actions, report, look_for: objects.look_for, wake_at }
}
