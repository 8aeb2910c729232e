//! What was measured for gates that are over, as it is kept: pages of it, newest first.

use super::applications::{OfApplication, find};
use super::lists::{Asked, Paging, Path, limit, place, token};
use super::openapi::answers::{BadRequest, NotFound};
use super::openapi::tag;
use super::problem::Problem;
use super::routes::below_application;
use super::timeline::unread;
use crate::access::View;
use crate::store::{Measured, MeasurementQuery};
use axum::Json;
use serde::Deserialize;
use shipper_core::api::{MEASUREMENTS_OF, Measurement, Page};
use shipper_core::{AppKey, ClusterName, ReleaseName};
use utoipa::IntoParams;

/// Measurements that are read at once: those of some gates in a hundred clusters.
pub const AT_ONCE: u32 = 500;

/// Which measurements are asked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Those of this release.
    #[param(value_type = Option<String>)]
    release: Option<ReleaseName>,
    /// Those of this cluster.
    #[param(value_type = Option<String>)]
    cluster: Option<ClusterName>,
    #[param(ignore)]
    limit: Option<u32>,
    #[param(ignore)]
    r#continue: Option<String>,
}

/// What clusters measured for the gates of an application that are over, newest first. One that was removed still has a past.
///
/// There is one for each run and cluster. Where more is said of a run, as when it fails in another cluster before it is over, its measurements
/// are replaced and keep their places: pages neither repeat nor leave out any, whatever is kept meanwhile.
/// A page has 500 at most, also where more are asked for. That of a gate which is judged now is in the application's `clusters`.
///
/// # Errors
/// 400, 404, 503 while the database does not answer.
#[utoipa::path(
    get, path = below_application(MEASUREMENTS_OF), operation_id = "listMeasurements", tag = tag::APPLICATIONS,
    params(OfApplication, Which, Paging),
    responses(
        (status = 200, description = "Newest first, one for each run and cluster.", body = Page<Measurement>),
        BadRequest, NotFound,
    ),
)]
pub async fn of_application(
    view: View,
    Path((namespace, name)): Path<(String, String)>,
    Asked(asked): Asked<Which>,
) -> Result<Json<Page<Measurement>>, Problem> {
    let key = AppKey::new(namespace, name);
    let before: Option<i64> = place(asked.r#continue.as_deref())?;
    let limit = u32::try_from(limit(asked.limit)?).unwrap_or(u32::MAX).min(AT_ONCE);
    let Which { release, cluster, .. } = asked;
    let query = MeasurementQuery { application: key.clone(), release, cluster, before, limit };
    let failed = |error| unread("what was measured", &error);
    let found = view.measurements(&query).await.map_err(failed)?;
    if found.items.is_empty() && view.find(&key).is_none() {
        let any = view.measurements(&MeasurementQuery::newest(key.clone(), 1)).await.map_err(failed)?;
        if any == Measured::default() {
            find(&view, &key)?;
        }
    }
    Ok(Json(Page { items: found.items, next: found.next.map(|number| token(&number.to_string())) }))
}
