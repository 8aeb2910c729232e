//! Removing an application from the cluster [X1]: everything of it, in the reverse of the order of installing [C10], but for what
//! holds data or belongs to more than the application.
//!
//! A rank is begun when nothing of the ranks above it is left: a custom resource with a finalizer is gone before the controller that
//! finishes it, and pods have ended before the rights and settings they may still need.

use super::applyset::is_parent;
use super::objects::{Objects, problem, rank_of};
use super::view::{View, count};
use super::{Action, Delete};
use crate::ReleaseName;
use crate::catalogue::Trouble;
use crate::manifest::ObjectKey;
use crate::observe::{Live, Pod};
use crate::report::Remains;
use std::collections::BTreeSet;

/// Kept objects that a report names.
const NAMED: usize = 10;

/// Whether no removal takes the object without explicit consent.
pub(super) fn is_kept(key: &ObjectKey, live: &Live) -> bool {
    live.keep
        || matches!(
            key.kind.as_str(),
            "CustomResourceDefinition" | "Namespace" | "PersistentVolumeClaim" | "PersistentVolume"
        )
}

/// What of the application is in the cluster: what is to go, and what stays.
struct Parts<'a> {
    going: Vec<(&'a ObjectKey, &'a Live)>,
    kept: Vec<&'a ObjectKey>,
    /// The ApplySet's parent, which goes last; it stays if anything does, because it says where to look.
    inventory: Option<(&'a ObjectKey, &'a Live)>,
    /// Pods that are still there, terminating ones too.
    pods: Vec<&'a Pod>,
}

fn parts<'a>(view: &View<'a>) -> Parts<'a> {
    let app = &view.wanted.target.application;
    let own = || view.observed.objects.iter().filter(|(_, live)| live.set.as_ref() == Some(&view.own));
    let inventory = own().find(|(key, _)| is_parent(app, key));
    let rest = || own().filter(|(key, _)| inventory.is_none_or(|(parent, _)| parent != *key));
    let staying: BTreeSet<&ReleaseName> = rest()
        .filter(|(key, live)| is_kept(key, live))
        .filter_map(|(_, live)| live.release.as_ref())
        .collect();
    Parts {
        going: rest().filter(|(key, live)| !is_kept(key, live)).collect(),
        kept: rest().filter(|(key, live)| is_kept(key, live)).map(|(key, _)| key).collect(),
        inventory,
        pods: view.observed.pods.values().filter(|pod| !staying.contains(&pod.release)).collect(),
    }
}

/// Deletes what may go now.
pub(super) fn remove(view: &View<'_>, result: &mut Objects) {
    let parts = parts(view);
    let Some(rank) = parts.going.iter().map(|(key, _)| rank_of(&key.kind)).max() else {
        if let Some((key, live)) = parts.inventory.filter(|_| parts.kept.is_empty() && parts.pods.is_empty())
        {
            delete(view, key, live, result);
        }
        return;
    };
    if rank < rank_of("DaemonSet") && !parts.pods.is_empty() {
        // What made them is gone; what they may still use goes after them.
        return;
    }
    for (key, live) in parts.going.iter().filter(|(key, _)| rank_of(&key.kind) == rank) {
        delete(view, key, live, result);
    }
}

fn delete(view: &View<'_>, key: &ObjectKey, live: &Live, result: &mut Objects) {
    if live.terminating {
        let message =
            "is being deleted and not gone yet: its finalizers have to be finished by whoever set them";
        result.problems.push(problem(key, true, Trouble::Terminating, message));
        return;
    }
    if let Some(failure) = view.observed.failures.get(key) {
        result.problems.push(problem(key, failure.heals, failure.reason, &failure.message));
    }
    result.actions.push(Action::Delete(Delete {
        key: key.clone(),
        uid: live.uid.clone(),
        resource_version: live.resource_version.clone(),
        rank: rank_of(&key.kind),
        why: "its application is removed",
    }));
}

/// What is said of it.
pub(super) fn remains(view: &View<'_>) -> Remains {
    let pods = view.observed.pods.values().filter(|pod| pod.ready && !pod.terminating).count();
    let others: u32 = view
        .observed
        .objects
        .values()
        .filter(|live| live.release.is_none() && live.set.as_ref() == Some(&view.own))
        .map(|live| live.ready)
        .sum();
    let ready_pods = count(pods) + others;
    if !view.wanted.target.absent {
        return Remains { ready_pods, ..Remains::default() };
    }
    let parts = parts(view);
    let inventory = parts.inventory.filter(|_| parts.kept.is_empty());
    Remains {
        ready_pods,
        objects: count(parts.going.len() + parts.pods.len() + usize::from(inventory.is_some())),
        kept: parts.kept.iter().take(NAMED).map(ToString::to_string).collect(),
    }
}
