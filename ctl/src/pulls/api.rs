//! Requests to the API of a host.

use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::redirect::Policy;
use serde_json::Value;
use shipper_git::Secret;

use super::host::{Host, Kind};
use crate::http;

const PATIENCE: Duration = Duration::from_secs(20);

/// Why a host does not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// It does not answer.
    #[error("{url} does not answer: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why.
        reason: String,
    },
    /// It does not want to.
    #[error("{url} answers {status}: {message}")]
    Refused {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// The host's words.
        message: String,
    },
    /// It answers something else than its API does.
    #[error(
        "{url} does not answer as a {kind} does: {missing} is missing; SHIPPER_GIT_HOST says what kind of host it is"
    )]
    Unusable {
        /// What was asked.
        url: String,
        /// What it was taken for.
        kind: &'static str,
        /// What is missing.
        missing: &'static str,
    },
}

/// A host and a token for it.
pub(super) struct Api<'a> {
    pub(super) host: &'a Host,
    token: &'a Secret,
    client: Client,
}

impl<'a> Api<'a> {
    pub(super) fn of(host: &'a Host, token: &'a Secret) -> Result<Self, ApiError> {
        // A token is for the host that it was given for, and follows nobody elsewhere.
        let client = http::builder().timeout(PATIENCE).redirect(Policy::none()).build();
        let unusable = |error| ApiError::Unreachable { url: host.base.clone(), reason: http::cause(&error) };
        Ok(Self { host, token, client: client.map_err(unusable)? })
    }

    /// What the host answers.
    ///
    /// # Errors
    /// When it does not answer, or does not want to.
    pub(super) fn ask(&self, method: Method, url: &str, body: Option<&Value>) -> Result<Value, ApiError> {
        let unreachable = |error: reqwest::Error| ApiError::Unreachable {
            url: url.to_owned(),
            reason: http::cause(&error),
        };
        let request = self.authorized(self.client.request(method, url));
        let request = body.into_iter().fold(request, RequestBuilder::json);
        let response = request.send().map_err(unreachable)?;
        let status = response.status();
        let text = response.text().map_err(unreachable)?;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        let said = answer["message"].as_str().or(answer["error"].as_str());
        let message = said.map_or_else(|| answer["message"].to_string(), str::to_owned);
        Err(ApiError::Refused { url: url.to_owned(), status: status.as_u16(), message })
    }

    /// An answer that lacks something.
    pub(super) fn unusable(&self, url: &str, missing: &'static str) -> ApiError {
        ApiError::Unusable { url: url.to_owned(), kind: self.host.kind.name(), missing }
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        let token = self.token.reveal();
        match self.host.kind {
            Kind::GitHub => request.bearer_auth(token).header("Accept", "application/vnd.github+json"),
            Kind::GitLab => request.header("PRIVATE-TOKEN", token),
            Kind::Gitea => request.header("Authorization", format!("token {token}")),
        }
    }
}
