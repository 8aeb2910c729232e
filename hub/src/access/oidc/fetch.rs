//! Asking the provider: bounded in time and size, over https, and nobody else than it.

use reqwest::{Client, RequestBuilder, Url, redirect};
use serde::de::DeserializeOwned;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(8);
const LARGEST: usize = 1 << 20;
/// Of an answer that was not expected.
const SHOWN: usize = 300;

/// Why the provider does not say what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No client can be made.
    #[error("no HTTP client can be made: {0}")]
    Client(#[source] reqwest::Error),
    /// It does not answer.
    #[error("{url} does not answer: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Why.
        reason: String,
    },
    /// It refuses.
    #[error("{url} answers {status}: {said}")]
    Refused {
        /// What was asked for.
        url: String,
        /// Its status.
        status: u16,
        /// The beginning of what it says.
        said: String,
    },
    /// It says something else.
    #[error("{url} says something else than expected: {reason}")]
    Unusable {
        /// What was asked for.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// It is not reached by https.
    #[error("{0} is neither https nor on this machine: what is said there could be anybody's")]
    Plain(String),
}

/// A client for it.
pub(super) fn client() -> Result<Client, FetchError> {
    let builder = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none());
    builder.user_agent(concat!("shipper-hub/", env!("CARGO_PKG_VERSION"))).build().map_err(FetchError::Client)
}

/// An address of the provider.
///
/// # Errors
/// It is none, or others could listen in.
pub fn address(text: &str) -> Result<Url, FetchError> {
    let unusable = |reason: String| FetchError::Unusable { url: text.to_owned(), reason };
    let url = Url::parse(text).map_err(|error| unusable(error.to_string()))?;
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => Ok(url),
        "http" if here => Ok(url),
        _ => Err(FetchError::Plain(text.to_owned())),
    }
}

/// Sends the request and reads the JSON that comes.
pub(super) async fn json<T: DeserializeOwned>(url: &Url, request: RequestBuilder) -> Result<T, FetchError> {
    let named = || url.to_string();
    let unreachable = |error: reqwest::Error| {
        let error = error.without_url();
        let mut innermost: &dyn std::error::Error = &error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        FetchError::Unreachable { url: named(), reason: innermost.to_string() }
    };
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(FetchError::Unusable { url: named(), reason: format!("more than {LARGEST} bytes") });
        }
        body.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        let said = String::from_utf8_lossy(&body).chars().take(SHOWN).collect();
        return Err(FetchError::Refused { url: named(), status: status.as_u16(), said });
    }
    serde_json::from_slice(&body)
        .map_err(|error| FetchError::Unusable { url: named(), reason: error.to_string() })
}
