//! What people write on `main`: Applications, Strategies, Clusters and RolloutBlocks.
//!
//! [`load()`] reads one file into an [`Object`] or says, with line and column, why not.

mod accepted;
mod amount;
mod analysis;
mod application;
mod block;
mod cluster;
mod load;
mod schedule;
mod selector;
mod strategy;

pub use accepted::{ACCEPTED_HISTORY, AcceptedBranch, AcceptedHistory};
pub use amount::{MaxFailedClusters, Surge};
pub use analysis::{Analysis, Auth, HttpCheck, JobRun, Measure, PrometheusQuery, SecretRef};
pub use application::{
    Application, ApplicationSpec, Chart, ClusterRequirements, ManifestSource, Override, Region, Rollback,
    Rollout, StepRef, Template, TrafficMode,
};
pub use block::{Allowance, Author, RolloutBlock, RolloutBlockSpec, UnreadableBlock};
pub use cluster::{Cluster, ClusterSpec, Scheduler};
pub use load::{
    Kind, Loaded, MAX_FILE_BYTES, Object, Problem, Severity, duplicates, kind_of_path, load, refuse_mode,
};
pub use schedule::{Period, Schedule, ScheduleError};
pub use selector::ClusterSelector;
pub use strategy::{Approval, Gate, OnFailure, Percents, Step, Strategy, StrategySpec, Weights};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A duration as Go and Kubernetes write it: `1h30m`.
pub fn format_duration(duration: Duration) -> String {
    strategy::duration::format(duration)
}

/// `apiVersion` of Shipper's own objects.
pub const API_VERSION: &str = "shipper.dev/v1alpha1";
/// `apiVersion` of the original Shipper's objects, which load unchanged.
pub const ORIGINAL_API_VERSION: &str = "shipper.booking.com/v1alpha1";

/// The namespace in which the original Shipper keeps blocks that block everything; they load as blocks without a namespace.
pub const GLOBAL_BLOCKS_NAMESPACE: &str = "rollout-blocks-global";

/// The part of Kubernetes' ObjectMeta that means something here. Metadata set by servers is accepted by the loader and dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Name: a DNS label.
    pub name: String,
    /// Namespace: a DNS label; `None` for objects of the whole fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}
