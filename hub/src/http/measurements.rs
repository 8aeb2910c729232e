//! What was measured for gates that are over, as it is kept.

use super::applications::{OfApplication, find, numbered};
use super::lists::{Asked, Paging, Path};
use super::openapi::answers::{BadRequest, NotFound};
use super::openapi::tag;
use super::problem::Problem;
use super::routes::below_application;
use super::timeline::unread;
use crate::access::View;
use axum::Json;
use shipper_core::AppKey;
use shipper_core::api::{MEASUREMENTS_OF, Measurement, Page};

/// What clusters measured for the gates of an application that are over, newest first.
///
/// That of a gate which is judged now is in the application's `clusters`.
///
/// # Errors
/// 400, 404, 503 while the database does not answer.
#[utoipa::path(
    get, path = below_application(MEASUREMENTS_OF), operation_id = "listMeasurements", tag = tag::APPLICATIONS,
    params(OfApplication, Paging),
    responses(
        (status = 200, description = "Newest first, one for each run and cluster; the newest 500.", body = Page<Measurement>),
        BadRequest, NotFound,
    ),
)]
pub async fn of_application(
    view: View,
    Path((namespace, name)): Path<(String, String)>,
    Asked(asked): Asked<Paging>,
) -> Result<Json<Page<Measurement>>, Problem> {
    let key = AppKey::new(namespace, name);
    find(&view, &key)?;
    let kept = view.measurements(&key).await.map_err(|error| unread("what was measured", &error))?;
    Ok(Json(numbered(kept.into_iter().enumerate(), &asked)?))
}
