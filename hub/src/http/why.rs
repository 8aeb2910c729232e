//! Why an application is as it is. The loop is asked, which alone knows everything that a decision depends on.

use super::applications::OfApplication;
use super::lists::{Asked, Nothing, Path};
use super::openapi::answers::{BadRequest, NotFound};
use super::openapi::tag;
use super::problem::Problem;
use super::routes::below_application;
use crate::access::View;
use axum::Json;
use shipper_core::AppKey;
use shipper_core::catalogue::Refusal;
use shipper_core::protocol::WHY;
use shipper_core::why::Why;
use std::time::Duration;
use tokio::time::timeout;

/// How long an asker waits for a loop that is busy, for example with a slow Git server.
const PATIENCE: Duration = Duration::from_secs(20);

/// Every decision on an application with its reasons.
///
/// # Errors
/// 400; 404 for an application that is not known, 503 while the loop is busy.
#[utoipa::path(
    get, path = below_application(WHY), operation_id = "getWhy", tag = tag::APPLICATIONS,
    params(OfApplication),
    responses(
        (status = 200, description = "Every decision, as it would be made now.", body = Why), BadRequest, NotFound,
    ),
)]
pub async fn why(
    view: View,
    Path((namespace, name)): Path<(String, String)>,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Json<Why>, Problem> {
    let key = AppKey::new(namespace, name);
    let busy = || {
        let detail = "the hub is busy with the repository and cannot answer now; try again in a few seconds";
        Problem::new(Refusal::Busy, detail).retry_after(5)
    };
    let unknown = || super::applications::not_known(&view, &key);
    let answer = view.ask_why(&key).ok_or_else(unknown)?.ok_or_else(busy)?;
    match timeout(PATIENCE, answer).await {
        Ok(Ok(Some(why))) => Ok(Json(why)),
        Ok(Ok(None)) => Err(unknown()),
        Ok(Err(_)) | Err(_) => Err(busy()),
    }
}
