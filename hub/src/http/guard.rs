//! Around every request: a time limit, a handler that panics answers instead of taking the connection down, counts.

use super::MAX_REPORT;
use super::problem::Problem;
use crate::shared::Shared;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::BoxFuture;
use shipper_core::api::MAX_WAIT_SECONDS;
use shipper_core::catalogue::Refusal;
use shipper_core::protocol::SESSIONS;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tower::{Layer, Service};

/// From the request's head to the answer's, the request's body included.
const LIMIT: Duration = Duration::from_secs(30);

/// How the route ends that waits.
const WAITS: &str = "/wait";

/// What is around every request: counts it by method, route and status, limits its time and catches panics.
#[derive(Clone, Debug)]
pub struct Guard {
    shared: Arc<Shared>,
    agents: bool,
}

impl Guard {
    /// Around requests that no agent makes.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, agents: false }
    }

    /// Around the requests of agents, with all that is around them beside: there are far more of them than of all others, and a layer of its
    /// own for each thing takes longer than to read what an agent says.
    pub fn of_agents(shared: Arc<Shared>) -> Self {
        Self { shared, agents: true }
    }
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { guard: self.clone(), inner }
    }
}

/// A service with its guard around it.
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    guard: Guard,
    inner: S,
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let began = Instant::now();
        let method = match request.method().as_str() {
            "GET" => "GET",
            "POST" => "POST",
            "HEAD" => "HEAD",
            "OPTIONS" => "OPTIONS",
            "PUT" => "PUT",
            "DELETE" => "DELETE",
            "PATCH" => "PATCH",
            _ => "other",
        };
        let route = request.extensions().get::<MatchedPath>().cloned();
        let shared = self.guard.shared.clone();
        let stands_by = if self.guard.agents { shared.stand.refusal() } else { None };
        let is_away = stands_by.is_some();
        let answer = match stands_by.filter(|_| request.uri().path() != SESSIONS) {
            Some(problem) => Err(problem),
            None => {
                if self.guard.agents {
                    DefaultBodyLimit::max(MAX_REPORT).apply(&mut request);
                }
                Ok(self.inner.call(request))
            }
        };
        async move {
            let route = route.as_ref().map_or("none", MatchedPath::as_str);
            let mut response = match answer {
                Ok(answer) => limited(answer, route).await,
                Err(problem) => problem.into_response(),
            };
            if is_away {
                close(&mut response);
            }
            shared.metrics.answered(method, route, response.status().as_u16(), began.elapsed());
            Ok(response)
        }
        .boxed()
    }
}

/// Limits the time and catches panics. Who asks to wait is given that time beside.
async fn limited(answer: impl Future<Output = Result<Response, Infallible>>, route: &str) -> Response {
    let waits = route.ends_with(WAITS);
    let limit = if waits { LIMIT + Duration::from_secs(MAX_WAIT_SECONDS) } else { LIMIT };
    match tokio::time::timeout(limit, AssertUnwindSafe(answer).catch_unwind()).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Err(_)) => {
            tracing::error!(path = route, "a request handler panicked; this is a bug");
            let detail = "the hub made a mistake on this request; its log says where";
            Problem::new(Refusal::Mistake, detail).into_response()
        }
        Err(_) => {
            let detail = "the request was not done in 30 seconds; try again";
            Problem::new(Refusal::TookTooLong, detail).retry_after(5).into_response()
        }
    }
}

/// Sends readers away while the hub stands by [A6].
pub async fn acts(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(problem) = shared.stand.refusal() else { return next.run(request).await };
    let mut response = problem.into_response();
    close(&mut response);
    response
}

/// Closes the connection of who was sent away, so that the next request finds another hub.
fn close(response: &mut Response) {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
}
