//! Opening a pull request through the API of the host.

use std::time::Duration;

use reqwest::blocking::RequestBuilder;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use shipper_git::Secret;

use super::Proposal;
use super::host::{Host, Kind, encode};
use crate::http;

const PATIENCE: Duration = Duration::from_secs(20);

/// Why a pull request could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// The host does not answer.
    #[error("{url} does not answer: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why.
        reason: String,
    },
    /// The host does not want to.
    #[error("{url} answers {status}: {message}")]
    Refused {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// The host's words.
        message: String,
    },
}

/// Opens it, and says where it is.
///
/// # Errors
/// When the host does not answer, or does not want to.
pub(super) fn open(host: &Host, token: &Secret, proposal: Proposal<'_>) -> Result<String, OpenError> {
    let Host { base, project, .. } = host;
    let Proposal { branch, title, body } = proposal;
    let unreachable = |url: &str, error: &reqwest::Error| OpenError::Unreachable {
        url: url.to_owned(),
        reason: http::cause(error),
    };
    let pulls = json!({"title": title, "head": branch, "base": "main", "body": body});
    let (url, request, field) = match host.kind {
        Kind::GitHub => {
            let api = if base == "https://github.com" {
                "https://api.github.com".to_owned()
            } else {
                format!("{base}/api/v3")
            };
            (format!("{api}/repos/{project}/pulls"), pulls, "html_url")
        }
        Kind::Gitea => (format!("{base}/api/v1/repos/{project}/pulls"), pulls, "html_url"),
        Kind::GitLab => {
            let request = json!({
                "source_branch": branch, "target_branch": "main", "title": title, "description": body,
                "remove_source_branch": true,
            });
            (format!("{base}/api/v4/projects/{}/merge_requests", encode(project)), request, "web_url")
        }
    };
    // A token is for the host that it was given for, and follows nobody elsewhere.
    let client = http::builder().timeout(PATIENCE).redirect(Policy::none()).build();
    let client = client.map_err(|error| unreachable(&url, &error))?;
    let request = authorized(client.post(&url).json(&request), host.kind, token);
    let response = request.send().map_err(|error| unreachable(&url, &error))?;
    let status = response.status();
    let text = response.text().map_err(|error| unreachable(&url, &error))?;
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    match answer[field].as_str() {
        Some(opened) if status.is_success() => Ok(opened.to_owned()),
        _ => {
            let said = answer["message"].as_str().or(answer["error"].as_str());
            let message = said.map_or_else(|| answer["message"].to_string(), str::to_owned);
            Err(OpenError::Refused { url, status: status.as_u16(), message })
        }
    }
}

fn authorized(request: RequestBuilder, kind: Kind, token: &Secret) -> RequestBuilder {
    match kind {
        Kind::GitHub => request.bearer_auth(token.reveal()).header("Accept", "application/vnd.github+json"),
        Kind::GitLab => request.header("PRIVATE-TOKEN", token.reveal()),
        Kind::Gitea => request.header("Authorization", format!("token {}", token.reveal())),
    }
}
