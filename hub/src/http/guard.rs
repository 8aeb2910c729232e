//! Around every request: a time limit, a handler that panics answers instead of taking the connection down, counts.

use super::problem::Problem;
use crate::shared::Shared;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use shipper_core::api::MAX_WAIT_SECONDS;
use shipper_core::catalogue::Refusal;
use shipper_core::protocol::SESSIONS;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// From the request's head to the answer's, the request's body included.
const LIMIT: Duration = Duration::from_secs(30);

/// How the route ends that waits.
const WAITS: &str = "/wait";

/// Around every request: counts it by method, route and status, limits its time and catches panics.
pub async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let method = match request.method().as_str() {
        method @ ("GET" | "POST" | "HEAD" | "OPTIONS" | "PUT" | "DELETE" | "PATCH") => method.to_owned(),
        _ => "other".to_owned(),
    };
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let began = Instant::now();
    let response = limited(request, next, route.ends_with(WAITS)).await;
    shared.metrics.answered(&method, route, response.status().as_u16(), began.elapsed());
    response
}

/// Limits the time and catches panics. Who asks to wait is given that time beside.
async fn limited(request: Request, next: Next, waits: bool) -> Response {
    let uri = request.uri().clone();
    let limit = if waits { LIMIT + Duration::from_secs(MAX_WAIT_SECONDS) } else { LIMIT };
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!(path = uri.path(), "a request handler panicked; this is a bug");
            let detail = "the hub made a mistake on this request; its log says where";
            Problem::new(Refusal::Mistake, detail).into_response()
        }
        Err(_) => {
            let detail = "the request was not done in 30 seconds; try again";
            Problem::new(Refusal::TookTooLong, detail).retry_after(5).into_response()
        }
    }
}

/// Sends everybody away while the hub stands by [A6], and closes the connection, so that the next request finds another hub.
pub async fn acts(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(problem) = shared.stand.refusal() else { return next.run(request).await };
    // Who opens a session says whether it has a hub at all.
    let mut response = match request.uri().path() {
        SESSIONS => next.run(request).await,
        _ => problem.into_response(),
    };
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
