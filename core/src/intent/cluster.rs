//! Cluster: an application cluster of the fleet, `clusters/<name>.yaml`.

use super::Metadata;
use serde::{Deserialize, Serialize};

/// A cluster of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Name and labels, which selectors match.
    pub metadata: Metadata,
    /// What it offers.
    pub spec: ClusterSpec,
}

/// What a cluster offers to the scheduler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {
    /// Region, as applications name it.
    #[serde(default)]
    pub region: String,
    /// Tags that applications may require.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Kept from the original's manifests; Shipper connects to no API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_master: Option<String>,
    /// How the scheduler treats it.
    #[serde(default)]
    pub scheduler: Scheduler,
}

/// How the scheduler treats a cluster [S1, S4].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scheduler {
    /// Cordon: no new placement.
    #[serde(default)]
    pub unschedulable: bool,
    /// Drain: every application here moves elsewhere.
    #[serde(default)]
    pub drain: bool,
    /// Weight in the rendezvous hash; absent = 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// Identity in the rendezvous hash; absent = the cluster's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}
