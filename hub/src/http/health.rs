//! For whoever runs the hub: is it alive, is it ready, what does it count.

use super::openapi::answers::{Forbidden, Unavailable};
use super::openapi::tag;
use super::problem::Problem;
use crate::access::View;
use crate::shared::Shared;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use shipper_core::catalogue::Refusal;
use std::sync::Arc;

/// The process answers.
#[utoipa::path(
    get, path = "/healthz", operation_id = "isAlive", tag = tag::HUB,
    responses((status = 200, description = "It does.", body = String, content_type = "text/plain")),
)]
pub async fn alive() -> &'static str {
    "ok\n"
}

/// The repository was read and the database works.
///
/// # Errors
/// 503 with everything that is missing.
#[utoipa::path(
    get, path = "/readyz", operation_id = "isReady", tag = tag::HUB,
    responses((status = 200, description = "It is ready.", body = String, content_type = "text/plain"), Unavailable),
)]
pub async fn ready(State(shared): State<Arc<Shared>>) -> Result<&'static str, Problem> {
    let mut lacks = shared.unready();
    if let Err(error) = shared.store.ping().await {
        lacks.push((Refusal::DatabaseAway, error.to_string()));
    }
    // The reason is that of the first; the words are those of all.
    let Some((reason, _)) = lacks.first() else { return Ok("ok\n") };
    let said: Vec<&str> = lacks.iter().map(|(_, said)| said.as_str()).collect();
    Err(Problem::new(*reason, said.join("; ")).retry_after(5))
}

/// The hub acts, for a balancer that leads people to one that does [A6].
///
/// One that stands by is ready all the same: agents that find no other hub have to reach it.
///
/// # Errors
/// 503 with where it stands.
#[utoipa::path(
    get, path = "/actz", operation_id = "isActing", tag = tag::HUB,
    responses((status = 200, description = "It acts.", body = String, content_type = "text/plain"), Unavailable),
)]
pub async fn acting(State(shared): State<Arc<Shared>>) -> Result<&'static str, Problem> {
    match shared.stand.get() {
        Some(standing) if standing.may_act() => Ok("ok\n"),
        Some(_) => Err(shared.stand.refusal().unwrap_or_else(not_read)),
        None => Err(not_read()),
    }
}

fn not_read() -> Problem {
    let detail = "the repository has not been read yet; see the hub's log if that goes on";
    Problem::new(Refusal::NotReadYet, detail).retry_after(5)
}

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Metrics in the text format of OpenMetrics, for who may see everything: they name clusters.
///
/// # Errors
/// 403.
#[utoipa::path(
    get, path = "/metrics", operation_id = "getMetrics", tag = tag::HUB,
    responses((status = 200, description = "For Prometheus.", body = String, content_type = "application/openmetrics-text"), Forbidden),
)]
pub async fn metrics(view: View) -> Result<Response, Problem> {
    let shared = view.everything()?;
    let text = shared.metrics.scrape(shared).map_err(|error| {
        let detail = format!("metrics cannot be written: {error}; this is a bug");
        Problem::new(Refusal::Mistake, detail)
    })?;
    Ok(([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response())
}
