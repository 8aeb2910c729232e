//! An application's record: what must never go back, and what was last obeyed.

use super::PinnedChart;
use crate::ClusterName;
use crate::few::Few;
use crate::intent::{Chart, ClusterRequirements, StepRef};
use crate::{AppKey, ReleaseName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use utoipa::ToSchema;

/// `releases/<ns>/<app>/application.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRecord {
    /// Whose record.
    pub application: AppKey,
    /// The generation of the newest release ever made [R1, R6].
    pub generation: u64,
    /// Per environment hash, the iteration of the newest release ever made with it [R1].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub iterations: BTreeMap<String, u32>,
    /// The generation of the newest target ever written, over all clusters. One counter, so that a
    /// cluster that left and came back never sees a number twice.
    pub target_generation: u64,
    /// When that was written: what it asks for, no cluster can have had before [A2].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets_written: Option<Timestamp>,
    /// Where the application runs [S2]. Shared, because every plan has a record of its own and few choose anew.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "shared")]
    pub placement: Option<Arc<Placement>>,
    /// The order last obeyed [M12].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obeyed: Option<Order>,
    /// Hash of the environment that the hub took back because clusters failed, until `main` asks for another one [R2, A3].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<String>,
    /// The version that the chart block on `main` was resolved to, from the moment its release is being rendered until that
    /// release has it [R3].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Box<ChartPin>>,
    /// That it is not on `main` any more [X1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Box<Missing>>,
    /// That a release of it failed, until what serves is well again: what the time to restore is counted from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<OpenFailure>,
}

/// A shared value is written as the value itself.
mod shared {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::sync::Arc;

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Arc<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_deref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<T>>, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map(Arc::new))
    }
}

/// A release that failed in a cluster, and from which the application is not back yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenFailure {
    /// The release.
    pub release: ReleaseName,
    /// Since when a cluster failed; where a person took it back before one did, since then.
    pub since: Timestamp,
}

impl AppRecord {
    /// The record of an application that was never seen before.
    pub fn new(application: AppKey) -> Self {
        Self {
            application,
            generation: 0,
            iterations: BTreeMap::new(),
            target_generation: 0,
            targets_written: None,
            placement: None,
            obeyed: None,
            rolled_back: None,
            pin: None,
            missing: None,
            failure: None,
        }
    }
}

/// What a chart block was resolved to [R3].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChartPin {
    /// The block as written on `main`.
    pub written: Chart,
    /// The chart at an exact version.
    pub chart: PinnedChart,
}

/// An application that is in the records and not on `main` [X1].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// When that was first seen.
    pub since: Timestamp,
    /// The commit of `main` at which it was.
    pub source: String,
    /// Since when nothing else is missing beside it; from then on it is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_since: Option<Timestamp>,
    /// That it is being removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<Removal>,
}

/// The decision to remove an application [X1].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: RemovalCause,
}

/// Why an application is removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RemovalCause {
    /// It has no ready pods anywhere.
    NothingReady,
    /// A commit of `main` names it in the trailer [`crate::state::CONFIRM_REMOVAL`].
    Confirmed {
        /// That commit.
        commit: String,
    },
    /// It was the only one missing for long enough.
    OnlyOneMissing,
}

/// The clusters chosen for an application, and what they were chosen for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// What was asked for when they were chosen.
    #[serde(default)]
    pub requirements: ClusterRequirements,
    /// The chosen clusters with the labels they had; among them those that leave once the others are ready.
    pub clusters: Few<ClusterName, PlacedCluster>,
    /// Clusters that have given their part over and are being emptied [S2, S4].
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub leaving: Few<ClusterName, PlacedCluster>,
}

impl Placement {
    /// The clusters that the application is to have: those a rollout waits for [A1].
    pub fn staying(&self) -> impl Iterator<Item = (&ClusterName, &PlacedCluster)> {
        self.clusters.iter().filter(|(_, placed)| placed.leaves.is_none())
    }

    /// What a cluster was when it was chosen, also where it is being emptied; `None` = it is not one of them.
    pub fn of(&self, cluster: &ClusterName) -> Option<&PlacedCluster> {
        self.clusters.get(cluster).or_else(|| self.leaving.get(cluster))
    }

    /// All that have, or may still have, something of the application, those that are being emptied last.
    pub fn all(&self) -> impl Iterator<Item = (&ClusterName, &PlacedCluster)> {
        self.clusters.iter().chain(self.leaving.iter())
    }
}

/// What a chosen cluster was when it was chosen; steps select by this, so that a cluster whose file is gone keeps its place [S2].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlacedCluster {
    /// Its region.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// Its labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Why it leaves once the others are ready with their traffic; absent = it stays [S2, S4].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaves: Option<Leaves>,
}

/// Why a cluster is no longer wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Leaves {
    /// It is drained [S4].
    Drained,
    /// `clusterRequirements` ask for others, or for fewer [S2].
    NotWanted,
}

impl fmt::Display for Leaves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drained => "it is drained",
            Self::NotWanted => "clusterRequirements do not ask for it any more",
        })
    }
}

/// A promotion that was obeyed: only a difference in these is a new order [M12].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The release it named.
    pub release: ReleaseName,
    /// The step it named.
    pub target_step: StepRef,
    /// Its `request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}
