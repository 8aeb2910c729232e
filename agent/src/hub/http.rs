//! The hub over HTTP.

use super::{HubError, HubLink, sse};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode, Url, header};
use serde::de::DeserializeOwned;
use shipper_core::condition::Reason;
use shipper_core::protocol::{Accepted, EVENTS, REPORTS, SESSIONS, Session, SessionRequest, TargetEvent};
use shipper_core::report::Report;
use std::path::PathBuf;
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_secs(20);
/// A stream of events that says nothing for this long, not even that it lives, is dead.
const IDLE: Duration = Duration::from_secs(60);

/// How to reach the hub.
#[derive(Clone, Debug)]
pub struct HttpHubOptions {
    /// Its address, `https://hub.example`.
    pub url: String,
    /// File with the agent's token. Read for every request, so that a new token needs no restart.
    pub token_file: PathBuf,
    /// PEM file of certificate authorities trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// Why the options cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HttpHubError {
    /// The address.
    #[error("{url:?} is no address of a hub: {reason}; it looks like https://hub.example")]
    Url {
        /// As given.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The certificate authorities.
    #[error("the certificate authorities in {} cannot be used: {reason}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The client.
    #[error("no HTTP client can be made: {0}")]
    Client(reqwest::Error),
}

/// The hub over HTTP.
pub struct HttpHub {
    client: Client,
    base: String,
    token_file: PathBuf,
}

impl HttpHub {
    /// Talks to nobody yet.
    ///
    /// # Errors
    /// An option cannot be used.
    pub fn new(options: HttpHubOptions) -> Result<Self, HttpHubError> {
        let HttpHubOptions { url, token_file, ca_file } = options;
        let wrong = |reason: &str| HttpHubError::Url { url: url.clone(), reason: reason.to_owned() };
        let parsed = Url::parse(&url).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(wrong("neither http nor https, or no host"));
        }
        let mut builder = Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_keepalive(Duration::from_secs(30))
            .pool_max_idle_per_host(1)
            .user_agent(concat!("shipper-agent/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = ca_file {
            let failed = |reason: String| HttpHubError::Authorities { path: path.clone(), reason };
            let pem = std::fs::read(&path).map_err(|error| failed(error.to_string()))?;
            for certificate in
                Certificate::from_pem_bundle(&pem).map_err(|error| failed(error.to_string()))?
            {
                builder = builder.add_root_certificate(certificate);
            }
        }
        let client = builder.build().map_err(HttpHubError::Client)?;
        Ok(Self { client, base: url.trim_end_matches('/').to_owned(), token_file })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, HubError> {
        let token = std::fs::read_to_string(&self.token_file).map_err(|error| HubError::Refused {
            status: 401,
            message: format!("the token file {} cannot be read: {error}", self.token_file.display()),
        })?;
        let response = request.bearer_auth(token.trim()).send().await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after =
            response.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
        let text = response.text().await.unwrap_or_default();
        if let Some(message) = stands_by(&text) {
            return Err(HubError::StandsBy { message, retry_after: retry_after.map(Duration::from_secs) });
        }
        let message = text.trim().chars().take(300).collect();
        Err(match status {
            StatusCode::CONFLICT => HubError::SessionUnknown,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                HubError::Refused { status: status.as_u16(), message }
            }
            _ => HubError::Failed {
                status: status.as_u16(),
                message,
                retry_after: retry_after.map(Duration::from_secs),
            },
        })
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<T, HubError> {
        let request = self.client.post(format!("{}{path}", self.base)).timeout(DEADLINE).json(body);
        self.send(request).await?.json().await.map_err(|error| unreachable(&error))
    }
}

/// The words of a hub that stands by; it says so by the reason of the catalogue.
fn stands_by(body: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Problem {
        detail: String,
        reason: Option<String>,
    }
    let problem: Problem = serde_json::from_str(body).ok()?;
    (problem.reason.as_deref() == Some(Reason::StandsBy.name())).then_some(problem.detail)
}

fn unreachable(error: &reqwest::Error) -> HubError {
    HubError::Unreachable(crate::targets::chain(error))
}

impl HubLink for HttpHub {
    fn open(&self, request: SessionRequest) -> BoxFuture<'_, Result<Session, HubError>> {
        Box::pin(async move { self.post(SESSIONS, &request).await })
    }

    fn report(&self, report: Report) -> BoxFuture<'_, Result<Accepted, HubError>> {
        Box::pin(async move { self.post(REPORTS, &report).await })
    }

    fn events(&self) -> BoxFuture<'_, Result<BoxStream<'static, Result<TargetEvent, HubError>>, HubError>> {
        Box::pin(async move {
            let request =
                self.client.get(format!("{}{EVENTS}", self.base)).header(header::ACCEPT, "text/event-stream");
            let response = tokio::time::timeout(DEADLINE, self.send(request))
                .await
                .map_err(|_| HubError::Unreachable("no answer in time".to_owned()))??;
            Ok(sse::events(response, IDLE))
        })
    }
}
