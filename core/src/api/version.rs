//! Which release is where.

use super::Role;
use crate::report::{Capacity, Traffic};
use crate::status::ApplicationStatus;
use crate::{AppKey, ClusterName, ReleaseName};
use serde::{Deserialize, Serialize};

/// A release in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        let there =
            cluster.releases.iter().filter(|there| there.capacity.pods > 0 || there.capacity.desired > 0);
        there.map(move |there| RunningRelease {
            application: status.application.clone(),
            cluster: cluster.cluster.clone(),
            release: there.name.clone(),
            version: status
                .releases
                .iter()
                .find(|release| release.name == there.name)
                .map(|release| release.version.clone())
                .unwrap_or_default(),
            role: Role::of(status, &there.name),
            capacity: there.capacity.clone(),
            traffic: there.traffic.clone(),
        })
    })
}
