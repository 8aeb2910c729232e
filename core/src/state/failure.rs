//! How clusters fare that take long at a step, and which of them fail [A2].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A cluster that has not achieved the step in force for a while. Written down, so that neither a restart of the hub nor another hub
/// has to begin to wait anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lagging {
    /// From when the progress deadline runs: the last progress that was written down.
    pub since: Timestamp,
    /// The most pods, until then, of the release that is to have more: beyond that is progress.
    #[serde(default)]
    pub most: Pods,
    /// That it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<FailingCluster>,
}

/// Pods of a release in a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pods {
    /// Available.
    #[serde(default)]
    pub available: u32,
    /// Ready and with traffic.
    #[serde(default)]
    pub traffic: u32,
}

impl Pods {
    /// Whether there are more of one kind than before.
    pub fn exceed(self, before: Self) -> bool {
        self.available > before.available || self.traffic > before.traffic
    }

    /// The larger number of each kind.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { available: self.available.max(other.available), traffic: self.traffic.max(other.traffic) }
    }
}

/// That a cluster fails at the step in force [A2].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailingCluster {
    /// Since when.
    pub since: Timestamp,
    /// In what way.
    pub kind: FailureKind,
    /// What the cluster said, in words.
    pub message: String,
}

/// In what way a cluster fails [A2, A4].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum FailureKind {
    /// It reports something that cannot heal by waiting.
    Final,
    /// No new maximum of pods for the progress deadline.
    NoProgress,
    /// An analysis failed there.
    Analysis,
    /// Its agent is heard, but says nothing of the target that asks for the step.
    Silent,
}

impl FailureKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Final, Self::NoProgress, Self::Analysis, Self::Silent];

    /// As it stands in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Final => "final",
            Self::NoProgress => "noProgress",
            Self::Analysis => "analysis",
            Self::Silent => "silent",
        }
    }
}
