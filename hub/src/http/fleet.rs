//! What people and programs read of the fleet as a whole: the hub, the fleet at a glance, the rollout blocks, and that something changed.

use super::lists::{Asked, Nothing, Paging, cut, limit, place};
use super::openapi::answers::BadRequest;
use super::openapi::events::ChangedEvents;
use super::openapi::tag;
use super::problem::Problem;
use super::sse;
use crate::access::View;
use axum::Json;
use axum::response::Response;
use serde::Deserialize;
use shipper_core::api::{BlockCounts, ClusterCounts, FleetSummary, Page, SUMMARY, WATCH};
use shipper_core::protocol::{BLOCKS, FleetCluster, HubStatus, STATUS};
use shipper_core::status::{BlockStatus, Liveness};
use utoipa::IntoParams;

/// The hub and the fleet repository.
///
/// # Errors
/// 400.
#[utoipa::path(
    get, path = STATUS, operation_id = "getStatus", tag = tag::HUB,
    responses(
        (status = 200, description = "What the hub says of itself, wherever it stands.", body = HubStatus),
        BadRequest,
    ),
)]
pub async fn status(view: View, Asked(Nothing {}): Asked<Nothing>) -> Result<Json<HubStatus>, Problem> {
    Ok(Json(view.status()))
}

/// The fleet at a glance.
///
/// # Errors
/// 400.
#[utoipa::path(
    get, path = SUMMARY, operation_id = "getSummary", tag = tag::FLEET,
    responses(
        (status = 200, description = "Applications, clusters, pods and blocks in numbers.", body = FleetSummary),
        BadRequest,
    ),
)]
pub async fn summary(view: View, Asked(Nothing {}): Asked<Nothing>) -> Result<Json<FleetSummary>, Problem> {
    Ok(Json(at_a_glance(&view)))
}

/// The fleet at a glance, at this moment.
pub fn at_a_glance(view: &View) -> FleetSummary {
    let (applications, pods) = view.totals();
    let hub = view.status();
    let blocks = view.blocks();
    FleetSummary {
        applications,
        clusters: counted(&hub.clusters),
        pods,
        blocks: BlockCounts {
            total: blocks.len(),
            in_force: blocks.iter().filter(|block| block.in_force).count(),
        },
        problems: hub.problems.len(),
    }
}

fn counted(clusters: &[FleetCluster]) -> ClusterCounts {
    let count = |counts: &dyn Fn(&FleetCluster) -> bool| clusters.iter().filter(|one| counts(one)).count();
    let mut free = shipper_core::resources::Resources::default();
    clusters.iter().filter_map(|one| one.free.as_ref()).for_each(|one| free.add(one));
    ClusterCounts {
        total: clusters.len(),
        online: count(&|one| one.liveness == Liveness::Online),
        offline: count(&|one| one.liveness == Liveness::Offline),
        unknown: count(&|one| one.liveness == Liveness::Unknown),
        cordoned: count(&|one| one.unschedulable && !one.drain),
        drained: count(&|one| one.drain),
        free,
    }
}

/// Which blocks are asked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichBlocks {
    /// Those that concern this namespace.
    namespace: Option<String>,
    /// Those that block now, or do not.
    in_force: Option<bool>,
    #[param(ignore)]
    limit: Option<u32>,
    #[param(ignore)]
    r#continue: Option<String>,
}

/// Every rollout block, with what it blocks and what overrides it at this moment [B4].
///
/// # Errors
/// 400.
#[utoipa::path(
    get, path = BLOCKS, operation_id = "listBlocks", tag = tag::FLEET,
    params(WhichBlocks, Paging),
    responses((status = 200, description = "In the order of namespaces and names.", body = Page<BlockStatus>), BadRequest),
)]
pub async fn blocks(
    view: View,
    Asked(asked): Asked<WhichBlocks>,
) -> Result<Json<Page<BlockStatus>>, Problem> {
    let mut all = view.blocks();
    // One without a namespace blocks every one.
    all.retain(|block| {
        let concerns = |wanted: &String| block.namespace.as_ref().is_none_or(|namespace| namespace == wanted);
        asked.namespace.as_ref().is_none_or(concerns)
            && asked.in_force.is_none_or(|in_force| block.in_force == in_force)
    });
    let name =
        |block: &BlockStatus| format!("{}/{}", block.namespace.as_deref().unwrap_or_default(), block.name);
    all.sort_by_key(name);
    let paging = Paging { limit: asked.limit, r#continue: asked.r#continue };
    let after: Option<String> = place(paging.r#continue.as_deref())?;
    let (items, next) = cut(all.into_iter(), limit(paging.limit)?, after.as_deref(), name);
    Ok(Json(Page { items, next }))
}

/// A stream that says that something changed, whatever it is.
///
/// # Errors
/// 400.
#[utoipa::path(
    get, path = WATCH, operation_id = "followChanges", tag = tag::FLEET,
    responses(
        (status = 200, description = "Server-sent events.", body = ChangedEvents, content_type = "text/event-stream"),
        BadRequest,
    ),
)]
pub async fn watch(view: View, Asked(Nothing {}): Asked<Nothing>) -> Result<Response, Problem> {
    Ok(sse::changes(&view))
}
