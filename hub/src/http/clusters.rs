//! What people read of clusters: what is there, what is free, and how far a drain is [S4].

use super::problem::Problem;
use crate::shared::Shared;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use shipper_core::ClusterName;
use shipper_core::protocol::{ClusterApplication, ClusterOverview, ClusterView};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All clusters of the fleet.
pub async fn all(State(shared): State<Arc<Shared>>) -> Json<Vec<ClusterOverview>> {
    let mut applications = by_cluster(&shared);
    let clusters = shared.status().clusters.into_iter().map(|cluster| {
        let applications = applications.remove(&cluster.name).unwrap_or_default();
        ClusterView { cluster, applications }.overview()
    });
    Json(clusters.collect())
}

/// One cluster with its applications.
///
/// # Errors
/// 404.
pub async fn one(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Json<ClusterView>, Problem> {
    let cluster = shared.status().clusters.into_iter().find(|cluster| cluster.name.as_str() == name);
    let Some(cluster) = cluster else {
        let detail = format!(
            "cluster {name} is not known: there is no clusters/{name}.yaml on main; list all at /api/v1/clusters"
        );
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    };
    let applications = by_cluster(&shared).remove(&cluster.name).unwrap_or_default();
    Ok(Json(ClusterView { cluster, applications }))
}

fn by_cluster(shared: &Shared) -> BTreeMap<ClusterName, Vec<ClusterApplication>> {
    let mut applications: BTreeMap<ClusterName, Vec<ClusterApplication>> = BTreeMap::new();
    for status in shared.statuses.list(None) {
        for cluster in &status.clusters {
            let one = ClusterApplication {
                application: status.application.clone(),
                departure: cluster.departure.clone(),
            };
            applications.entry(cluster.cluster.clone()).or_default().push(one);
        }
    }
    applications
}
