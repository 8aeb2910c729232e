//! `state.yaml`: one per commit of the state branch.

use crate::ClusterName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a commit of the state branch says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FleetState {
    /// Raised by a hub that takes over [A6].
    pub epoch: u64,
    /// Raised by every commit, within and across epochs.
    pub generation: u64,
    /// The store of reports whose hubs act; the others stand by [A6].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// The commit of `main` that was read, in hex.
    pub source: String,
    /// The state commit a new epoch takes over from, where it does not descend from it [X5].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<String>,
    /// Clusters that were removed, until they are on `main` again: their agents are refused, whatever token they have [X4].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub removed_clusters: BTreeMap<ClusterName, RemovedCluster>,
}

/// A cluster that was removed [X4].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovedCluster {
    /// The commit of `main` that confirmed it.
    pub commit: String,
}
