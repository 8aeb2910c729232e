//! Opening a pull request through the API of the host.

use reqwest::Method;
use serde_json::json;

use super::Proposal;
use super::api::{Api, ApiError};
use super::host::Kind;

/// Opens it, and says where it is.
///
/// # Errors
/// When the host does not answer, or does not want to.
pub(super) fn open(api: &Api<'_>, proposal: Proposal<'_>) -> Result<String, ApiError> {
    let Proposal { branch, title, body } = proposal;
    let repository = api.host.repository();
    let (url, request, field) = match api.host.kind {
        Kind::GitHub | Kind::Gitea => {
            let request = json!({"title": title, "head": branch, "base": "main", "body": body});
            (format!("{repository}/pulls"), request, "html_url")
        }
        Kind::GitLab => {
            let request = json!({
                "source_branch": branch, "target_branch": "main", "title": title, "description": body,
                "remove_source_branch": true,
            });
            (format!("{repository}/merge_requests"), request, "web_url")
        }
    };
    let answer = api.ask(Method::POST, &url, Some(&request))?;
    answer[field].as_str().map(str::to_owned).ok_or_else(|| api.unusable(&url, field))
}
