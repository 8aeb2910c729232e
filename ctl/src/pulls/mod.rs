//! Pull requests: which kind of Git host a repository is on, where a person opens one there, and what is done there where there is a token:
//! one is opened, or commented on.
//!
//! - [`host`]: the kind of host, and the addresses of its pages and of its API.
//! - [`api`]: requests to it.
//! - [`open`]: the request that opens one.
//! - [`request`]: one that is open: its [`comment`] and its status.

mod api;
mod comment;
mod host;
mod open;
mod request;

use shipper_git::RepositoryUrl;

use api::Api;
use host::Host;

pub use api::ApiError;
pub use request::{PullRequest, PullRequestError, Verdict};

/// What is proposed.
#[derive(Clone, Copy, Debug)]
pub struct Proposal<'a> {
    /// The branch with the commit, short.
    pub branch: &'a str,
    /// The title.
    pub title: &'a str,
    /// The description.
    pub body: &'a str,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposed {
    /// It is open.
    Opened {
        /// Where.
        url: String,
    },
    /// A person opens it.
    Link {
        /// Where.
        url: String,
        /// Why it could not be opened from here, where a token was there to do it.
        why: Option<String>,
    },
    /// The kind of host is not known.
    Unknown,
}

/// Proposes to merge a branch of the repository into `main`.
pub fn propose(repository: &RepositoryUrl, proposal: Proposal<'_>) -> Proposed {
    propose_with(repository, proposal, &environment)
}

/// A variable of the environment that says something.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The same with another environment than that of the process.
pub fn propose_with(
    repository: &RepositoryUrl,
    proposal: Proposal<'_>,
    setting: &dyn Fn(&str) -> Option<String>,
) -> Proposed {
    let Some(host) = Host::of(repository, setting("SHIPPER_GIT_HOST").as_deref()) else {
        return Proposed::Unknown;
    };
    let link = host.link(proposal.branch);
    match host.token(setting) {
        None => Proposed::Link { url: link, why: None },
        Some(token) => match Api::of(&host, &token).and_then(|api| open::open(&api, proposal)) {
            Ok(url) => Proposed::Opened { url },
            Err(error) => Proposed::Link { url: link, why: Some(error.to_string()) },
        },
    }
}
