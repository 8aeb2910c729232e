//! Pull requests: which kind of Git host a repository is on, where a person opens one there, and opening it where there is a
//! token.
//!
//! - [`host`]: the kind of host, and the address of its web pages.
//! - [`open`]: the request that opens one.

mod host;
mod open;

use shipper_git::RepositoryUrl;

use host::Host;

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
    let setting = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    propose_with(repository, proposal, &setting)
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
        Some(token) => match open::open(&host, &token, proposal) {
            Ok(url) => Proposed::Opened { url },
            Err(error) => Proposed::Link { url: link, why: Some(error.to_string()) },
        },
    }
}
