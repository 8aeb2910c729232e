//! What people and programs read: the status of applications and of the hub, as the loop last put it up.

use super::problem::Problem;
use crate::shared::Shared;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use shipper_core::AppKey;
use shipper_core::protocol::HubStatus;
use shipper_core::status::{ApplicationStatus, BlockStatus};
use std::sync::Arc;

/// Which applications are asked for.
#[derive(Clone, Debug, Deserialize)]
pub struct Filter {
    namespace: Option<String>,
}

/// All applications, or those of one namespace.
pub async fn applications(
    State(shared): State<Arc<Shared>>,
    Query(filter): Query<Filter>,
) -> Json<Vec<ApplicationStatus>> {
    let statuses = shared.statuses.list(filter.namespace.as_deref());
    Json(statuses.iter().map(|status| ApplicationStatus::clone(status)).collect())
}

/// One application.
///
/// # Errors
/// 404.
pub async fn application(
    State(shared): State<Arc<Shared>>,
    Path((namespace, name)): Path<(String, String)>,
) -> Result<Json<ApplicationStatus>, Problem> {
    let key = AppKey::new(namespace, name);
    match shared.statuses.get(&key) {
        Some(status) => Ok(Json(ApplicationStatus::clone(&status))),
        None => Err(Problem::new(StatusCode::NOT_FOUND, not_known(&shared, &key))),
    }
}

/// The hub and the fleet repository.
pub async fn status(State(shared): State<Arc<Shared>>) -> Json<HubStatus> {
    Json(shared.status())
}

/// Every rollout block, with what it blocks and what overrides it at this moment [B4].
pub async fn blocks(State(shared): State<Arc<Shared>>) -> Json<Vec<BlockStatus>> {
    Json(shared.blocks.get().statuses(shared.clock.now()))
}

pub(super) fn not_known(shared: &Shared, key: &AppKey) -> String {
    let file = format!("applications/{}/{}.yaml", key.namespace, key.name);
    match shared.hub.looked_at() {
        None => format!("application {key} is not known: the hub has not read the repository yet; try again"),
        Some(at) => format!(
            "application {key} is not known: {file} was not in the repository when the hub last looked, at {at}; push it, or list all at /api/v1/applications"
        ),
    }
}
