//! What the next decision on an application rests on beside the repository: with both, anybody can ask the same planner.

use crate::report::AppReport;
use crate::resources::Resources;
use crate::status::Liveness;
use crate::{AppKey, ClusterName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Applications whose evidence is asked for at once, at most.
pub const MAX_ASKED: usize = 500;

/// What the hub knows of an application and does not write to the repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The hub's clock.
    pub at: Timestamp,
    /// The latest report of each cluster, of its present incarnation. None of an application that is not known.
    pub reports: BTreeMap<ClusterName, AppReport>,
    /// Whether agents report; a cluster that is not here is unknown.
    pub liveness: BTreeMap<ClusterName, Liveness>,
    /// What is free in every cluster that says so [S1].
    pub free: BTreeMap<ClusterName, Resources>,
}

/// The same of several applications, as the hub tells it: what is common to all of them is told once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceOfMany {
    /// The hub's clock.
    pub at: Timestamp,
    /// Whether agents report; a cluster that is not here is unknown.
    pub liveness: BTreeMap<ClusterName, Liveness>,
    /// What is free in every cluster that says so [S1].
    pub free: BTreeMap<ClusterName, Resources>,
    /// Each application that was asked for, in that order.
    pub items: Vec<ReportsOf>,
}

/// The latest reports on an application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportsOf {
    /// Which application.
    pub application: AppKey,
    /// The latest report of each cluster, of its present incarnation. None of an application that is not known.
    pub reports: BTreeMap<ClusterName, AppReport>,
}
