//! One comment on a pull request that is kept up to date.

use reqwest::Method;
use serde_json::{Value, json};

use super::api::{Api, ApiError};
use super::host::Kind;

/// As many as GitHub and GitLab give at once. Gitea and Forgejo give all.
const PAGE: usize = 100;
/// A pull request with more comments than that is none.
const MAX_PAGES: usize = 100;

/// Makes the comment that begins with `mark`, or brings the one up to date that is there from us, and says where it is. One of somebody else
/// that begins so is left alone: its author could write into it what we never said.
///
/// # Errors
/// When the host does not answer, or does not want to.
pub(super) fn keep(api: &Api<'_>, number: u64, mark: &str, body: &str) -> Result<String, ApiError> {
    let comments = comments(api, number);
    let me = me(api)?;
    let own = all(api, &comments)?.into_iter().find(|comment| {
        comment["body"].as_str().is_some_and(|body| body.starts_with(mark)) && me.wrote(comment)
    });
    let request = json!({"body": body});
    let (method, url) = match &own {
        Some(own) if own["body"] == body => return link(api, number, own, &comments),
        Some(own) => (edit(api.host.kind), one(api, &comments, own)?),
        None => (Method::POST, comments),
    };
    let kept = api.ask(method, &url, Some(&request))?;
    link(api, number, &kept, &url)
}

/// Who the token is of.
enum Me {
    Author(i64),
    /// The token of a pipeline at GitHub may not say; its comments are those of a bot.
    Bot,
}

impl Me {
    fn wrote(&self, comment: &Value) -> bool {
        let author = if comment["author"].is_object() { &comment["author"] } else { &comment["user"] };
        match self {
            Self::Author(id) => author["id"].as_i64() == Some(*id),
            Self::Bot => author["type"] == "Bot",
        }
    }
}

fn me(api: &Api<'_>) -> Result<Me, ApiError> {
    let url = format!("{}/user", api.host.api());
    match api.ask(Method::GET, &url, None) {
        Ok(answer) => answer["id"].as_i64().map(Me::Author).ok_or_else(|| api.unusable(&url, "id")),
        Err(ApiError::Refused { .. }) if api.host.kind == Kind::GitHub => Ok(Me::Bot),
        Err(error) => Err(error),
    }
}

fn comments(api: &Api<'_>, number: u64) -> String {
    let repository = api.host.repository();
    match api.host.kind {
        Kind::GitHub | Kind::Gitea => format!("{repository}/issues/{number}/comments"),
        Kind::GitLab => format!("{repository}/merge_requests/{number}/notes"),
    }
}

fn all(api: &Api<'_>, comments: &str) -> Result<Vec<Value>, ApiError> {
    let mut found = Vec::new();
    for page in 1..=MAX_PAGES {
        let order = if api.host.kind == Kind::GitLab { "&sort=asc" } else { "" };
        let url = format!("{comments}?per_page={PAGE}&page={page}{order}");
        let Value::Array(some) = api.ask(Method::GET, &url, None)? else {
            return Err(api.unusable(&url, "a list"));
        };
        let more = some.len() == PAGE && api.host.kind != Kind::Gitea;
        found.extend(some);
        if !more {
            break;
        }
    }
    Ok(found)
}

fn edit(kind: Kind) -> Method {
    match kind {
        Kind::GitHub | Kind::Gitea => Method::PATCH,
        Kind::GitLab => Method::PUT,
    }
}

fn one(api: &Api<'_>, comments: &str, comment: &Value) -> Result<String, ApiError> {
    let id = id(api, comment, comments)?;
    Ok(match api.host.kind {
        Kind::GitHub | Kind::Gitea => format!("{}/issues/comments/{id}", api.host.repository()),
        Kind::GitLab => format!("{comments}/{id}"),
    })
}

fn id(api: &Api<'_>, comment: &Value, url: &str) -> Result<u64, ApiError> {
    comment["id"].as_u64().ok_or_else(|| api.unusable(url, "id"))
}

/// Where a person reads it.
fn link(api: &Api<'_>, number: u64, comment: &Value, url: &str) -> Result<String, ApiError> {
    match api.host.kind {
        Kind::GitHub | Kind::Gitea => {
            comment["html_url"].as_str().map(str::to_owned).ok_or_else(|| api.unusable(url, "html_url"))
        }
        Kind::GitLab => {
            let (base, project, id) = (&api.host.base, &api.host.project, id(api, comment, url)?);
            Ok(format!("{base}/{project}/-/merge_requests/{number}#note_{id}"))
        }
    }
}
