//! What decisions rest on beside the repository, for who asks the planner what a change would do.

use crate::shared::Shared;
use axum::Json;
use axum::extract::{Path, State};
use shipper_core::AppKey;
use shipper_core::api::Evidence;
use std::sync::Arc;
use tokio::time::Instant;

/// The evidence on an application, also on one that is to come.
pub async fn evidence(
    State(shared): State<Arc<Shared>>,
    Path((namespace, name)): Path<(String, String)>,
) -> Json<Evidence> {
    Json(Evidence {
        at: shared.clock.now(),
        reports: shared.reports.for_app(&AppKey::new(namespace, name)),
        liveness: shared.heartbeats.liveness(Instant::now()),
        free: shared.agents.free(),
    })
}
