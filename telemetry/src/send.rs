//! How traces are sent: with the HTTP client and the TLS of everything else. The thread that batches spans has no runtime, so requests are
//! made on the program's.
//!
//! A receiver that is away costs the spans that it did not get, and holds nobody up. The log says when it does no longer take them and when
//! it does again, not each time.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use std::error::Error as _;
use std::sync::atomic::{AtomicBool, Ordering};
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
    is_away: AtomicBool,
}

impl Sender {
    /// Makes requests on the runtime that this is called in.
    pub fn new() -> Self {
        let set = |name| std::env::var(name).ok()?.parse().ok().map(Duration::from_millis);
        let limit = LIMITS.into_iter().find_map(set).unwrap_or(Duration::from_secs(10));
        let (client, runtime) = (reqwest::Client::new(), Handle::current());
        Self { client, limit, runtime, is_away: AtomicBool::new(false) }
    }

    /// Says what came of a request where that is another thing than before.
    fn say(&self, refused: Option<String>) {
        let was_away = self.is_away.swap(refused.is_some(), Ordering::Relaxed);
        match refused {
            Some(error) if !was_away => tracing::warn!(%error, "traces are not taken, and are lost"),
            None if was_away => tracing::info!("traces are taken again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, limit) = (self.client.clone(), self.limit);
        let answer = self.runtime.spawn(async move {
            let (parts, body) = request.into_parts();
            let request = client.request(parts.method, parts.uri.to_string()).headers(parts.headers);
            let answer =
                request.timeout(limit).body(body).send().await.map_err(|error| with_cause(&error))?;
            let mut response = Response::builder().status(answer.status());
            if let Some(headers) = response.headers_mut() {
                *headers = answer.headers().clone();
            }
            Ok::<_, HttpError>(response.body(answer.bytes().await.map_err(|error| with_cause(&error))?)?)
        });
        let answer = answer.await?;
        self.say(match &answer {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("the receiver answers {}", response.status())),
            Err(error) => Some(error.to_string()),
        });
        answer
    }
}

/// What went wrong, with its innermost cause, which alone says what it was.
fn with_cause(error: &reqwest::Error) -> HttpError {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")).into()
}
