//! Why an application is as it is. The loop is asked, which alone knows everything that a decision depends on.

use super::problem::Problem;
use crate::shared::Shared;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use shipper_core::AppKey;
use shipper_core::why::Why;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long an asker waits for a loop that is busy, for example with a slow Git server.
const PATIENCE: Duration = Duration::from_secs(20);

/// Every decision on an application with its reasons.
///
/// # Errors
/// 404 for an application that is not known, 503 while the loop is busy.
pub async fn why(
    State(shared): State<Arc<Shared>>,
    Path((namespace, name)): Path<(String, String)>,
) -> Result<Json<Why>, Problem> {
    let key = AppKey::new(namespace, name);
    let busy = || {
        let detail = "the hub is busy with the repository and cannot answer now; try again in a few seconds";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(5)
    };
    let answer = shared.questions.ask(key.clone()).ok_or_else(busy)?;
    match timeout(PATIENCE, answer).await {
        Ok(Ok(Some(why))) => Ok(Json(why)),
        Ok(Ok(None)) => Err(super::applications::not_known(&shared, &key)),
        Ok(Err(_)) | Err(_) => Err(busy()),
    }
}
