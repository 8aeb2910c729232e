//! Which release is where.

use super::Role;
use crate::report::{Capacity, Traffic};
use crate::status::{ApplicationStatus, ClusterRelease};
use crate::{AppKey, ClusterName, ReleaseName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A release in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunningRelease {
    /// Whose release.
    pub application: AppKey,
    /// Where.
    pub cluster: ClusterName,
    /// Which release.
    pub release: ReleaseName,
    /// What it is a version of, in words; empty where the records do not know it.
    pub version: String,
    /// What it is to its application; absent = neither contender nor incumbent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Its pods there, as last reported.
    pub capacity: Capacity,
    /// Its traffic there; absent = traffic is not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
}

/// What there is of an application, by cluster and release: every release that has a pod somewhere, or is to have one.
pub fn running(status: &ApplicationStatus) -> impl Iterator<Item = RunningRelease> + '_ {
    status.clusters.iter().flat_map(move |cluster| {
        let mut there: Vec<&ClusterRelease> = cluster.releases.iter().filter(|there| runs(there)).collect();
        there.sort_by(|one, other| one.name.cmp(&other.name));
        there.into_iter().map(move |there| RunningRelease {
            application: status.application.clone(),
            cluster: cluster.cluster.clone(),
            release: there.name.clone(),
            version: version_of(status, &there.name),
            role: Role::of(status, &there.name),
            capacity: there.capacity.clone(),
            traffic: there.traffic.clone(),
        })
    })
}

fn runs(there: &ClusterRelease) -> bool {
    there.capacity.pods > 0 || there.capacity.desired > 0
}

fn version_of(status: &ApplicationStatus, name: &ReleaseName) -> String {
    let known = status.releases.iter().find(|release| release.name == *name);
    known.map(|release| release.version.clone()).unwrap_or_default()
}
