//! The releases of an application, with what they are to it and what runs of them.

use super::{PodCounts, pods};
use crate::ReleaseName;
use crate::status::{ApplicationStatus, ReleaseStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a release is to its application [R5].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// The newest that is not withdrawn.
    Contender,
    /// The newest other one that is complete.
    Incumbent,
}

impl Role {
    /// That of a release; `None` = neither.
    pub fn of(status: &ApplicationStatus, release: &ReleaseName) -> Option<Self> {
        if status.contender.as_ref() == Some(release) {
            Some(Self::Contender)
        } else if status.incumbent.as_ref() == Some(release) {
            Some(Self::Incumbent)
        } else {
            None
        }
    }
}

/// A release, and what runs of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseView {
    /// The release.
    #[serde(flatten)]
    pub release: ReleaseStatus,
    /// What it is to its application; absent = neither contender nor incumbent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Its pods over all clusters, as last reported.
    pub pods: PodCounts,
    /// Clusters in which any pod of it is.
    pub clusters: usize,
}

impl ReleaseView {
    /// Every release in the records, newest first.
    pub fn all(status: &ApplicationStatus) -> Vec<Self> {
        status.releases.iter().map(|release| Self::of(status, release)).collect()
    }

    fn of(status: &ApplicationStatus, release: &ReleaseStatus) -> Self {
        let there =
            || status.clusters.iter().flat_map(|c| &c.releases).filter(|there| there.name == release.name);
        Self {
            role: Role::of(status, &release.name),
            pods: pods::counts(there()),
            clusters: there().filter(|there| there.capacity.pods > 0).count(),
            release: release.clone(),
        }
    }
}
