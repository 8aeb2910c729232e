//! What decisions rest on beside the repository, for who asks the planner what a change would do.

use super::applications::not_known;
use super::lists::{Asked, application, bad};
use super::openapi::answers::{BadRequest, NotFound};
use super::openapi::tag;
use super::problem::Problem;
use crate::access::View;
use axum::Json;
use shipper_core::AppKey;
use shipper_core::api::{EVIDENCE, EvidenceOfMany, MAX_ASKED, ReportsOf};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Array, ArrayBuilder};
use utoipa::{IntoParams, PartialSchema};

/// Of which applications evidence is asked for; the handler takes it as pairs.
struct Which;

impl IntoParams for Which {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = ParameterBuilder::new().name("application").parameter_in(ParameterIn::Query);
        vec![parameter.required(Required::True).schema(Some(applications())).build()]
    }
}

fn applications() -> Array {
    let many = "The applications, as `application=namespace/name` each.";
    let many = ArrayBuilder::new().items(AppKey::schema()).description(Some(many)).min_items(Some(1));
    many.max_items(Some(MAX_ASKED)).build()
}

/// What decisions on some applications rest on beside the repository, also on such as are to come.
///
/// A change may concern thousands, so it is asked for many at once.
///
/// # Errors
/// 400 where none is named, too many are, or something else is asked for; 404 for one of a namespace that is not seen.
#[utoipa::path(
    get, path = EVIDENCE, operation_id = "getEvidence", tag = tag::FLEET,
    params(Which),
    responses((status = 200, description = "The evidence at this moment.", body = EvidenceOfMany), BadRequest, NotFound),
)]
pub async fn evidence(
    view: View,
    Asked(asked): Asked<Vec<(String, String)>>,
) -> Result<Json<EvidenceOfMany>, Problem> {
    if let Some((name, _)) = asked.iter().find(|(name, _)| name != "application") {
        return Err(bad(format!("{name} is not known here; ask with ?application=namespace/name")));
    }
    if !(1..=MAX_ASKED).contains(&asked.len()) {
        return Err(bad(format!(
            "name 1 to {MAX_ASKED} applications, each with application=namespace/name; ask again for the others"
        )));
    }
    let mut items = Vec::new();
    for (_, named) in &asked {
        if let Some(application) = application(Some(named))? {
            let reports = view.reports(&application).ok_or_else(|| not_known(&view, &application))?;
            items.push(ReportsOf { reports, application });
        }
    }
    Ok(Json(EvidenceOfMany { at: view.now(), liveness: view.liveness(), free: view.free(), items }))
}
