//! How traces are sent: with the HTTP client and the TLS of everything else. The thread that batches spans has no runtime, so requests are
//! made on the program's.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use std::time::Duration;
use tokio::runtime::Handle;

/// Where the longest time for a request stands, in milliseconds; the client has to keep to it.
const LIMITS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];

/// A client on a runtime.
#[derive(Debug)]
pub struct Sender {
    client: reqwest::Client,
    limit: Duration,
    runtime: Handle,
}

impl Sender {
    /// Makes requests on the runtime that this is called in.
    pub fn new() -> Self {
        let set = |name| std::env::var(name).ok()?.parse().ok().map(Duration::from_millis);
        let limit = LIMITS.into_iter().find_map(set).unwrap_or(Duration::from_secs(10));
        Self { client: reqwest::Client::new(), limit, runtime: Handle::current() }
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, limit) = (self.client.clone(), self.limit);
        let answer = self.runtime.spawn(async move {
            let (parts, body) = request.into_parts();
            let request = client.request(parts.method, parts.uri.to_string()).headers(parts.headers);
            let answer = request.timeout(limit).body(body).send().await?;
            let mut response = Response::builder().status(answer.status());
            if let Some(headers) = response.headers_mut() {
                *headers = answer.headers().clone();
            }
            Ok::<_, HttpError>(response.body(answer.bytes().await?)?)
        });
        answer.await?
    }
}
