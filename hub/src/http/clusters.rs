//! What people read of clusters: what is there, what is free, and how far a drain is [S4].

use super::lists::{Asked, Nothing, Paging, Path, cut, limit, place};
use super::openapi::answers::{BadRequest, NotFound};
use super::openapi::tag;
use super::problem::Problem;
use crate::access::View;
use axum::Json;
use serde::Deserialize;
use shipper_core::api::Page;
use shipper_core::catalogue::Refusal;
use shipper_core::protocol::{CLUSTERS, ClusterOverview, ClusterView};
use utoipa::IntoParams;

/// Which clusters are asked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Those of this region.
    region: Option<String>,
    /// Those that have this in their name, in capitals or not.
    q: Option<String>,
    #[param(ignore)]
    limit: Option<u32>,
    #[param(ignore)]
    r#continue: Option<String>,
}

/// The clusters of the fleet with what is free and how many applications they have.
///
/// # Errors
/// 400.
#[utoipa::path(
    get, path = CLUSTERS, operation_id = "listClusters", tag = tag::FLEET,
    params(Filter, Paging),
    responses((status = 200, description = "In the order of their names.", body = Page<ClusterOverview>), BadRequest),
)]
pub async fn list(view: View, Asked(asked): Asked<Filter>) -> Result<Json<Page<ClusterOverview>>, Problem> {
    let loads = view.loads();
    let text = asked.q.map(|text| text.to_lowercase()).unwrap_or_default();
    let mut clusters = view.status().clusters;
    clusters.retain(|one| {
        asked.region.as_ref().is_none_or(|region| one.region == *region)
            && one.name.as_str().to_lowercase().contains(&text)
    });
    clusters.sort_by(|one, other| one.name.cmp(&other.name));
    let after: Option<String> = place(asked.r#continue.as_deref())?;
    let (page, next) =
        cut(clusters.into_iter(), limit(asked.limit)?, after.as_deref(), |one| one.name.to_string());
    let items = page.into_iter().map(|cluster| {
        let load = loads.get(&cluster.name).copied().unwrap_or_default();
        ClusterOverview { applications: load.applications, leaving: load.leaving, held: load.held, cluster }
    });
    Ok(Json(Page { items: items.collect(), next }))
}

/// One cluster with its applications.
///
/// # Errors
/// 400, 404.
#[utoipa::path(
    get, path = format!("{CLUSTERS}/{{name}}"), operation_id = "getCluster", tag = tag::FLEET,
    params(("name" = String, Path, description = "Its name.")),
    responses(
        (status = 200, description = "The cluster and its applications.", body = ClusterView), BadRequest, NotFound,
    ),
)]
pub async fn one(
    view: View,
    Path(name): Path<String>,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Json<ClusterView>, Problem> {
    let cluster = view.status().clusters.into_iter().find(|cluster| cluster.name.as_str() == name);
    let Some(cluster) = cluster else {
        let detail = format!(
            "cluster {name} is not known: there is no clusters/{name}.yaml on main; list all at /api/v1/clusters"
        );
        return Err(Problem::new(Refusal::NotFound, detail));
    };
    let applications = view.within(&cluster.name);
    Ok(Json(ClusterView { cluster, applications }))
}
