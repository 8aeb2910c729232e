//! Requests to the API server: exact, counted by verb, with deadlines, and with its Retry-After obeyed.
//!
//! Objects stay `serde_json::Value`: the agent knows no types, and keeps none of what it reads.

mod calls;
mod error;
mod kinds;

pub use calls::Calls;
pub use error::ApiError;
pub use kinds::{Kind, Kinds};

use error::refused;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Longest wait for an answer.
const DEADLINE: Duration = Duration::from_secs(30);
/// Largest answer that is read, in bytes.
const LARGEST: usize = 256 << 20;
/// Longest that a Retry-After is obeyed.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How the agent names itself in the API server's audit log.
const USER_AGENT: &str = concat!("shipper-agent/", env!("CARGO_PKG_VERSION"));

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json";

/// The API server, for all parts of one agent.
#[derive(Clone)]
pub struct Api {
    client: Client,
    calls: Arc<Calls>,
    writes: Arc<Semaphore>,
    not_before: Arc<Mutex<Option<Instant>>>,
}

impl Api {
    /// `in_flight`: how many writes, with the reads that belong to them, may be under way at once.
    pub fn new(client: Client, in_flight: usize) -> Self {
        Self {
            client,
            calls: Arc::default(),
            writes: Arc::new(Semaphore::new(in_flight)),
            not_before: Arc::default(),
        }
    }

    /// Requests made so far.
    pub fn calls(&self) -> &Arc<Calls> {
        &self.calls
    }

    /// Waits until another write may be made, and until the server wants to hear from us again.
    pub async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.writes.acquire().await.ok()?;
        loop {
            let pause = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
            match pause {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => return Some(permit),
            }
        }
    }

    /// Reads one object, a page of a list, or a discovery document.
    ///
    /// # Errors
    /// No answer, or not 2xx.
    pub async fn get(&self, verb: &'static str, path: &str, accept: &str) -> Result<Value, ApiError> {
        let until = Instant::now() + DEADLINE;
        self.call((verb, Method::GET), path, Some(accept), None, until).await
    }

    /// Server-side apply that takes over conflicting fields. `until`, here and below: no answer is waited for after that moment,
    /// and the server gives up by then too.
    ///
    /// # Errors
    /// No answer, or not 2xx.
    pub async fn apply(
        &self,
        path: &str,
        manager: &str,
        object: &Value,
        until: Instant,
    ) -> Result<Value, ApiError> {
        let path = format!("{path}?fieldManager={manager}&force=true");
        self.write(("patch", Method::PATCH), path, (APPLY, object), until).await
    }

    /// JSON merge patch.
    ///
    /// # Errors
    /// No answer, or not 2xx.
    pub async fn merge(
        &self,
        path: &str,
        manager: &str,
        patch: &Value,
        until: Instant,
    ) -> Result<Value, ApiError> {
        let path = format!("{path}?fieldManager={manager}");
        self.write(("patch", Method::PATCH), path, (MERGE, patch), until).await
    }

    /// Creates an object in a collection.
    ///
    /// # Errors
    /// No answer, or not 2xx.
    pub async fn create(
        &self,
        path: &str,
        manager: &str,
        object: &Value,
        until: Instant,
    ) -> Result<Value, ApiError> {
        let path = format!("{path}?fieldManager={manager}");
        self.write(("create", Method::POST), path, (JSON, object), until).await
    }

    /// Replaces an object; its `resourceVersion` is the precondition.
    ///
    /// # Errors
    /// No answer, or not 2xx.
    pub async fn update(
        &self,
        path: &str,
        manager: &str,
        object: &Value,
        until: Instant,
    ) -> Result<Value, ApiError> {
        let path = format!("{path}?fieldManager={manager}");
        self.write(("update", Method::PUT), path, (JSON, object), until).await
    }

    /// Deletes an object with these `DeleteOptions`.
    ///
    /// # Errors
    /// No answer, or not 2xx.
    pub async fn delete(&self, path: &str, options: &Value, until: Instant) -> Result<Value, ApiError> {
        self.write(("delete", Method::DELETE), format!("{path}?"), (JSON, options), until).await
    }

    /// Starts a stream of watch events.
    ///
    /// # Errors
    /// No answer, or not 2xx.
    pub async fn watch(&self, path: &str, accept: &str) -> Result<Body, ApiError> {
        let until = Instant::now() + DEADLINE;
        let (status, headers, body) =
            self.send(("watch", Method::GET), path, Some(accept), None, until).await?;
        if status.is_success() {
            return Ok(body);
        }
        let body = self.read("watch", path, body, until).await.unwrap_or_default();
        Err(refused("watch", path, status, &headers, &body))
    }

    /// A request that changes something. Whole seconds, so that the server gives up before this side does.
    async fn write(
        &self,
        (verb, method): (&'static str, Method),
        path: String,
        body: (&str, &Value),
        until: Instant,
    ) -> Result<Value, ApiError> {
        let until = until.min(Instant::now() + DEADLINE);
        let seconds = until.saturating_duration_since(Instant::now()).as_secs();
        if seconds == 0 {
            return Err(ApiError::Timeout { verb, path, seconds });
        }
        let separator = if path.ends_with('?') { "" } else { "&" };
        let path = format!("{path}{separator}timeout={seconds}s");
        self.call((verb, method), &path, None, Some(body), until).await
    }

    async fn call(
        &self,
        (verb, method): (&'static str, Method),
        path: &str,
        accept: Option<&str>,
        body: Option<(&str, &Value)>,
        until: Instant,
    ) -> Result<Value, ApiError> {
        let (status, headers, body) = self.send((verb, method), path, accept, body, until).await?;
        let body = self.read(verb, path, body, until).await?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|source| ApiError::Answer {
                verb,
                path: path.to_owned(),
                source,
            });
        }
        let error = refused(verb, path, status, &headers, &body);
        if let Some(pause) = error.retry_after() {
            self.pause(pause);
        }
        Err(error)
    }

    async fn send(
        &self,
        (verb, method): (&'static str, Method),
        path: &str,
        accept: Option<&str>,
        body: Option<(&str, &Value)>,
        until: Instant,
    ) -> Result<(StatusCode, http::HeaderMap, Body), ApiError> {
        self.calls.count(verb);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, accept.unwrap_or(JSON))
            .header(header::USER_AGENT, USER_AGENT);
        let mut bytes = Vec::new();
        if let Some((content_type, value)) = body {
            request = request.header(header::CONTENT_TYPE, content_type);
            bytes = serde_json::to_vec(value).map_err(|source| ApiError::Answer {
                verb,
                path: path.to_owned(),
                source,
            })?;
        }
        let request = request.body(Body::from(bytes)).map_err(|error| ApiError::Request {
            verb,
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let began = Instant::now();
        match timeout_at(until, self.client.send(request)).await {
            Err(_) => {
                self.calls.answered(verb, None, began.elapsed());
                Err(ApiError::Timeout { verb, path: path.to_owned(), seconds: began.elapsed().as_secs() })
            }
            Ok(Err(source)) => {
                self.calls.answered(verb, None, began.elapsed());
                Err(ApiError::transport(verb, path, &source))
            }
            Ok(Ok(response)) => {
                self.calls.answered(verb, Some(response.status().as_u16()), began.elapsed());
                let (parts, body) = response.into_parts();
                Ok((parts.status, parts.headers, body))
            }
        }
    }

    async fn read(
        &self,
        verb: &'static str,
        path: &str,
        body: Body,
        until: Instant,
    ) -> Result<bytes::Bytes, ApiError> {
        let began = Instant::now();
        match timeout_at(until, Limited::new(body, LARGEST).collect()).await {
            Err(_) => {
                Err(ApiError::Timeout { verb, path: path.to_owned(), seconds: began.elapsed().as_secs() })
            }
            Ok(Err(error)) => Err(ApiError::transport(verb, path, error.as_ref())),
            Ok(Ok(body)) => Ok(body.to_bytes()),
        }
    }

    fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause.min(LONGEST_PAUSE);
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = Some(not_before.map_or(until, |earlier| earlier.max(until)));
    }
}
