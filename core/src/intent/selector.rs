//! Which clusters: by name or by label.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A selection of clusters; every part that is there must hold. An empty selector selects every cluster, as in Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSelector {
    /// These names.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub names: BTreeSet<String>,
    /// All these labels with these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Any of these regions.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub regions: BTreeSet<String>,
}

impl ClusterSelector {
    /// Whether the cluster with this name, these labels and this region is selected.
    pub fn selects(&self, name: &str, labels: &BTreeMap<String, String>, region: &str) -> bool {
        (self.names.is_empty() || self.names.contains(name))
            && (self.regions.is_empty() || self.regions.contains(region))
            && self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}
