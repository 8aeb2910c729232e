//! The fleet as the scheduler sees it.

use crate::ClusterName;
use crate::intent::{Cluster, RolloutBlock, UnreadableBlock};
use crate::plan::Variant;
use crate::resources::Resources;
use crate::state::PlacedCluster;
use std::collections::{BTreeMap, BTreeSet};

/// The clusters of the fleet, as `main` names them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fleet {
    /// By name.
    pub clusters: BTreeMap<ClusterName, ClusterInfo>,
    /// The rollout blocks, by namespace (`None` = global) and name.
    pub blocks: BTreeMap<(Option<String>, String), RolloutBlock>,
    /// The block files that cannot be read or do not count, by path [B1].
    pub unreadable_blocks: BTreeMap<String, UnreadableBlock>,
    /// Clusters that were removed; what they have stays there and counts for nothing [X4].
    pub removed: BTreeSet<ClusterName>,
}

/// A cluster as the scheduler sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterInfo {
    /// The Cluster object.
    pub cluster: Cluster,
}

impl ClusterInfo {
    /// What is kept of it where it is chosen [S2].
    pub(super) fn placed(&self) -> PlacedCluster {
        PlacedCluster {
            region: self.cluster.spec.region.clone(),
            labels: self.cluster.metadata.labels.clone(),
            leaves: None,
        }
    }

    /// The capabilities that are asked for and not offered.
    pub(super) fn lacks<'n>(&self, capabilities: &'n [String]) -> Vec<&'n str> {
        let offered = &self.cluster.spec.capabilities;
        capabilities.iter().filter(|needed| !offered.contains(needed)).map(String::as_str).collect()
    }
}

/// What is known of room: what clusters have free, and what releases ask for that is not in their records yet [S1].
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// What is free in each cluster that says so, less what was promised to others and is not there yet.
    pub free: &'a BTreeMap<ClusterName, Resources>,
    /// What all pods of freshly rendered manifests ask for.
    pub requests: &'a BTreeMap<Variant, Resources>,
}

static NO_FREE: BTreeMap<ClusterName, Resources> = BTreeMap::new();
static NO_REQUESTS: BTreeMap<Variant, Resources> = BTreeMap::new();

impl Default for Room<'_> {
    /// No cluster says what it has free, so none is refused for it.
    fn default() -> Self {
        Self { free: &NO_FREE, requests: &NO_REQUESTS }
    }
}
