//! What can go wrong between us and a Git server, told apart because the answer differs: wait, fix the credentials,
//! fix the address, or call the administrator of the server.

use std::time::Duration;

/// A call to a remote failed. No variant ever means "the repository is empty" or "the branch is absent".
#[derive(Debug, Clone, thiserror::Error)]
pub enum RemoteError {
    /// No connection.
    #[error("cannot connect to {url}: {reason}; check the address, DNS, proxy and certificates")]
    Connect {
        /// Redacted address.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// A deadline passed.
    #[error("{url} did not answer within {limit:?} ({what}); the call was given up and can be repeated")]
    Timeout {
        /// Redacted address.
        url: String,
        /// Which limit: `total` or `idle`.
        what: &'static str,
        /// Its value.
        limit: Duration,
    },
    /// 401.
    #[error("{url} refused the credentials (401); check the user, password or token")]
    Unauthorized {
        /// Redacted address.
        url: String,
    },
    /// 403.
    #[error("{url} forbids this (403): {reason}; give the account access to the repository")]
    Forbidden {
        /// Redacted address.
        url: String,
        /// Beginning of the answer, if it was text.
        reason: String,
    },
    /// 404, or a path that is no repository.
    #[error("there is no repository at {url}, or these credentials may not see it")]
    NotFound {
        /// Redacted address.
        url: String,
    },
    /// The server asks to come back later.
    #[error("{url} limits the rate of requests; wait {retry_after:?} before the next one")]
    RateLimited {
        /// Redacted address.
        url: String,
        /// How long the server asked to wait, if it said.
        retry_after: Option<Duration>,
    },
    /// Any other status.
    #[error("{url} answered with status {status}: {reason}")]
    Status {
        /// Redacted address.
        url: String,
        /// HTTP status code.
        status: u16,
        /// Beginning of the answer, if it was text.
        reason: String,
    },
    /// A redirect that would leave the configured server.
    #[error(
        "{url} redirects to {to}, which is another server; credentials stay here: configure the new address"
    )]
    Redirected {
        /// Redacted address.
        url: String,
        /// Where to, without user information and query.
        to: String,
    },
    /// Something answered that does not speak Git.
    #[error(
        "{url} answered, but not as a Git server (content type {content_type:?}); a login page or proxy?"
    )]
    NotGit {
        /// Redacted address.
        url: String,
        /// The content type received.
        content_type: String,
    },
    /// The answer is larger than allowed.
    #[error("the answer of {url} is larger than the limit of {limit} bytes")]
    TooLarge {
        /// Redacted address.
        url: String,
        /// `Limits::max_bytes`.
        limit: u64,
    },
    /// OpenSSH ended with an error.
    #[error("ssh to {url} failed: {stderr}")]
    Ssh {
        /// Redacted address.
        url: String,
        /// Its last words.
        stderr: String,
    },
    /// The conversation broke off or made no sense.
    #[error("the conversation with {url} failed: {reason}")]
    Protocol {
        /// Redacted address.
        url: String,
        /// What was wrong.
        reason: String,
    },
    /// A name that is not a full, valid ref name.
    #[error("{name:?} is not a full branch name; write refs/heads/…")]
    BadRefName {
        /// The name given.
        name: String,
    },
    /// Our own object store failed underneath; the store heals itself at the next fetch.
    #[error("the local object store failed while talking to {url}: {reason}")]
    Store {
        /// Redacted address.
        url: String,
        /// What libgit2 said.
        reason: String,
        /// Another process, or a crash, left a lock file.
        locked: bool,
    },
}
