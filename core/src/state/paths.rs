//! The layout of the fleet repository (design section 3): a contract that people script against.

use crate::{AppKey, ClusterName, ReleaseName};

/// The branch people write.
pub const INTENT_BRANCH: &str = "refs/heads/main";
/// The branch the hub writes.
pub const STATE_BRANCH: &str = "refs/heads/shipper/state";
/// Epoch, generation and source of a state commit.
pub const FLEET_STATE: &str = "state.yaml";
/// Folder of the records.
pub const RELEASES: &str = "releases";
/// Folder of the targets.
pub const CLUSTERS: &str = "clusters";
/// Name of a target within the application's folder of a cluster.
pub const TARGET: &str = "target.yaml";
/// Name of an application's record within its folder.
pub const APPLICATION: &str = "application.yaml";
/// Name of a release's record within its folder.
pub const RELEASE: &str = "release.yaml";

/// Folder of everything recorded of an application.
pub fn app_dir(app: &AppKey) -> String {
    format!("{RELEASES}/{}/{}", app.namespace, app.name)
}

/// The application's record.
pub fn app_record(app: &AppKey) -> String {
    format!("{}/{APPLICATION}", app_dir(app))
}

/// The release's record.
pub fn release_record(app: &AppKey, release: &ReleaseName) -> String {
    format!("{}/{release}/{RELEASE}", app_dir(app))
}

/// The release's manifests, rendered once; `variant` is `None` without overrides, else the hash of the merged values.
pub fn release_manifests(app: &AppKey, release: &ReleaseName, variant: Option<&str>) -> String {
    match variant {
        None => format!("{}/{release}/manifests.yaml", app_dir(app)),
        Some(variant) => format!("{}/{release}/manifests-{variant}.yaml", app_dir(app)),
    }
}

/// Folder of everything a cluster is to do.
pub fn cluster_dir(cluster: &ClusterName) -> String {
    format!("{CLUSTERS}/{cluster}")
}

/// Folder of an application in a cluster.
pub fn target_dir(cluster: &ClusterName, app: &AppKey) -> String {
    format!("{CLUSTERS}/{cluster}/{}/{}", app.namespace, app.name)
}

/// The target of an application in a cluster.
pub fn target(cluster: &ClusterName, app: &AppKey) -> String {
    format!("{}/{TARGET}", target_dir(cluster, app))
}

/// A release's manifests in a cluster.
pub fn target_manifests(cluster: &ClusterName, app: &AppKey, release: &ReleaseName) -> String {
    format!("{}/{release}.yaml", target_dir(cluster, app))
}
