//! What overrides make of two releases that are compared: whose manifests are shown, which clusters have values of their own, and what overrides
//! change in the one that was chosen. It is known from what was asked for; nothing is rendered or read for it.

use super::difference::Changes;
use super::records::Known;
use shipper_core::manifest::values::{differing, in_cluster, without_overrides};
use shipper_core::state::{Environment, Placement};
use shipper_core::{ClusterName, ReleaseName};
use std::collections::BTreeSet;

/// Clusters that are named in the sentence; the form has all of them.
const NAMED: usize = 24;

/// What overrides make of two releases.
pub(super) struct Overrides {
    /// What is shown, in words; where clusters are named behind it, it ends in a colon.
    pub(super) says: String,
    /// Clusters that the sentence speaks of.
    pub(super) named: Vec<ClusterName>,
    /// How many more it speaks of.
    pub(super) more: usize,
    /// The clusters with values of their own in one of the releases.
    pub(super) own: BTreeSet<ClusterName>,
    /// What overrides change in the chosen cluster; nothing where they change nothing there.
    pub(super) made: Vec<Made>,
}

/// What overrides change in a cluster.
pub(super) struct Made {
    /// In which of the releases.
    pub(super) releases: Vec<String>,
    /// Without and with them.
    pub(super) changes: Changes,
}

impl Overrides {
    /// What overrides make of them where the records say nothing.
    pub(super) fn unknown(cluster: Option<&ClusterName>) -> Self {
        let says = match cluster {
            Some(cluster) => format!("Shown is what {cluster} gets."),
            None => "Shown is what was rendered without overrides.".to_owned(),
        };
        Self { says, named: Vec::new(), more: 0, own: BTreeSet::new(), made: Vec::new() }
    }

    /// What overrides make of these two, in a cluster or in all.
    pub(super) fn of(
        known: &Known,
        (from, to): (&ReleaseName, &ReleaseName),
        cluster: Option<&ClusterName>,
    ) -> Self {
        let unknown = Self::unknown(cluster);
        let environment = |name| known.releases.get(name).map(|release| &release.environment);
        let (Some(old), Some(new), Some(placement)) =
            (environment(from), environment(to), known.placement.as_deref())
        else {
            return unknown;
        };
        let own = |environment: &Environment| {
            differing(environment, &without_overrides(environment), placement.all()).into_iter().cloned()
        };
        let own: BTreeSet<ClusterName> = own(old).chain(own(new)).collect();
        match cluster {
            None => {
                let (says, mut named) = sentence(old, new, placement, &own);
                let more = named.len().saturating_sub(NAMED);
                named.truncate(NAMED);
                Self { says, named, more, own, ..unknown }
            }
            // A cluster that has just come, or just gone.
            Some(name) if placement.of(name).is_none() => unknown,
            Some(name) => {
                let made = made(&[(from, old), (to, new)], name, placement);
                let what = if made.is_empty() {
                    "no override changes anything there"
                } else {
                    "with its overrides merged in"
                };
                Self { says: format!("Shown is what {name} gets: {what}."), own, made, ..unknown }
            }
        }
    }
}

/// What is shown without a cluster, and the clusters that it is not true of.
fn sentence(
    old: &Environment,
    new: &Environment,
    placement: &Placement,
    own: &BTreeSet<ClusterName>,
) -> (String, Vec<ClusterName>) {
    let without = "Shown is what was rendered without overrides";
    if old.overrides != new.overrides && without_overrides(old) == without_overrides(new) {
        let differ: Vec<ClusterName> = differing(old, new, placement.all()).into_iter().cloned().collect();
        let says = if differ.is_empty() {
            format!(
                "{without}. These releases differ by overrides alone, and in no cluster of this application."
            )
        } else {
            format!("{without}. These releases differ by overrides alone, and only in:")
        };
        return (says, differ);
    }
    if own.is_empty() {
        return (
            format!(
                "{without}, which every cluster of this application gets: no override changes anything in one."
            ),
            Vec::new(),
        );
    }
    (format!("{without}. Overrides give values of their own to:"), own.iter().cloned().collect())
}

/// What overrides change in a cluster, told once where they change the same in both releases.
fn made(
    releases: &[(&ReleaseName, &Environment)],
    cluster: &ClusterName,
    placement: &Placement,
) -> Vec<Made> {
    let Some(placed) = placement.of(cluster) else { return Vec::new() };
    let mut made: Vec<Made> = Vec::new();
    for (name, environment) in releases {
        let changes =
            Changes::between(&without_overrides(environment), &in_cluster(environment, cluster, placed));
        if changes.list.is_empty() {
            continue;
        }
        match made.iter_mut().find(|known| known.changes == changes) {
            Some(known) if known.releases.contains(&name.to_string()) => {}
            Some(known) => known.releases.push(name.to_string()),
            None => made.push(Made { releases: vec![name.to_string()], changes }),
        }
    }
    made
}

#[cfg(test)]
mod tests;
