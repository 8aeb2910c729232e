//! What is to be deleted: what a tombstone names, and what no release with capacity lists any more [R7, C11].

use super::applyset::is_parent;
use super::removal::is_kept;
use super::view::View;
use super::{Action, Delete};
use crate::manifest::{ObjectKey, install_rank};

/// The deletions that are due. `wanted`: whether an object is to be in the cluster.
pub(super) fn prune(view: &View<'_>, wanted: impl Fn(&ObjectKey) -> bool) -> Vec<Action> {
    let app = &view.wanted.target.application;
    let with_capacity: Vec<_> =
        view.wanted.target.releases.iter().filter(|r| !r.absent && r.capacity > 0).collect();
    // Without every manifest at hand nothing is known to be unlisted.
    let all_known = !with_capacity.is_empty()
        && with_capacity.iter().all(|r| view.wanted.manifests.contains_key(&r.name));
    let mut deletions = Vec::new();
    for (key, live) in &view.observed.objects {
        if live.set.as_ref() != Some(&view.own) || live.terminating || wanted(key) {
            continue;
        }
        let why = match &live.release {
            Some(release) => {
                let tombstone =
                    view.wanted.target.releases.iter().find(|r| r.name == *release).is_some_and(|r| r.absent);
                let empty = !view
                    .observed
                    .pods
                    .values()
                    .any(|pod| pod.release == *release && pod.ready && !pod.terminating);
                if !tombstone || !empty {
                    continue;
                }
                "its release is removed"
            }
            None => {
                let shadow = key.kind == "Service" && key.name.ends_with("-shadow");
                if !all_known || shadow || is_parent(app, key) {
                    continue;
                }
                "no release with capacity lists it"
            }
        };
        if is_kept(key, live) {
            continue;
        }
        deletions.push(Action::Delete(Delete {
            rank: install_rank(&key.kind),
            uid: live.uid.clone(),
            resource_version: live.resource_version.clone(),
            why,
            key: key.clone(),
        }));
    }
    deletions
}
