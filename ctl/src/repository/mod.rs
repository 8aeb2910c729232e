//! The fleet repository as a person uses it: found, read, and given one small commit.
//!
//! A commit is always made on the newest `main` of the repository that the fleet follows, in a clone that lasts as long as
//! the command. Nobody's work tree is needed for that, so a dirty one is never in the way and never touched; where there is
//! one on `main`, it is brought up to date afterwards if git can do so without losing anything.

mod author;
mod credentials;
mod local;
mod newest;
mod place;
mod publish;
mod scratch;
mod worktree;

pub use author::{author, parse_author};
pub use local::adopt;
pub use newest::{Newest, newest};
pub use place::{Place, current_branch, find, state_place};
pub use publish::{Change, FileChange, Published, history_of, publish};
pub use scratch::Scratch;
pub use worktree::Synced;

use shipper_core::{AppKey, ClusterName};
use shipper_git::{CommitError, ReadError, Snapshot, StoreError};

/// The remote of a clone where nothing else is said.
const DEFAULT_REMOTE: &str = "origin";
/// Largest file of people that is read, in bytes; the hub refuses larger ones [I2].
pub const MAX_FILE: u64 = 1 << 20;

/// Why the repository cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// No repository was named and there is none here.
    #[error(
        "there is no Git repository in {directory}; go to a clone of the fleet repository, or name it with --repository"
    )]
    NotHere {
        /// Where it was looked for.
        directory: String,
    },
    /// The address makes no sense.
    #[error("{0}")]
    Url(#[from] shipper_git::UrlError),
    /// A local repository cannot be read.
    #[error("the repository at {path} cannot be {step}: {reason}")]
    Local {
        /// Its path.
        path: String,
        /// What was tried.
        step: &'static str,
        /// What git said.
        reason: String,
    },
    /// The clone cannot be made or filled.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No room for a clone.
    #[error("no directory can be made for a clone: {0}; is there room in TMPDIR?")]
    Scratch(#[source] std::io::Error),
    /// There is no branch `main`.
    #[error("{repository} has no branch main; is it the fleet repository?")]
    NoMain {
        /// The repository.
        repository: String,
    },
    /// Building the commit failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The server does not take the commit.
    #[error(
        "{repository} does not take the commit: {reason}; {}",
        if *branch { "give another name with --branch NAME" } else { "where main is protected, --pull-request pushes it to a branch and opens a pull request" }
    )]
    Refused {
        /// The repository.
        repository: String,
        /// What the server said.
        reason: String,
        /// Whether it was pushed to a branch of its own.
        branch: bool,
    },
    /// Others were faster, again and again.
    #[error("others pushed to {repository} {attempts} times in between; try again")]
    Race {
        /// The repository.
        repository: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// There is uncommitted work where the commit would go.
    #[error("{path} has changes that are not committed; commit or stash them first")]
    Dirty {
        /// The file.
        path: String,
    },
    /// Nobody knows who commits.
    #[error(
        "nobody is named as author; run `git config --global user.name …` and `user.email …`, or use --author \"Name <mail>\""
    )]
    NoAuthor,
}

impl From<ReadError> for RepositoryError {
    fn from(error: ReadError) -> Self {
        Self::Store(error.into())
    }
}

/// The applications that have a file in a commit, with its path.
///
/// # Errors
/// When the clone is damaged.
pub fn applications(snapshot: &Snapshot) -> Result<Vec<(AppKey, String)>, RepositoryError> {
    let files = snapshot.walk("applications")?;
    Ok(files
        .into_iter()
        .filter_map(|entry| {
            let stem = entry.path.strip_suffix(".yaml").or_else(|| entry.path.strip_suffix(".yml"))?;
            let key = stem.strip_prefix("applications/")?.parse().ok()?;
            Some((key, entry.path.clone()))
        })
        .collect())
}

/// The clusters that have a file in a commit, with its path.
///
/// # Errors
/// When the clone is damaged.
pub fn clusters(snapshot: &Snapshot) -> Result<Vec<(ClusterName, String)>, RepositoryError> {
    let files = snapshot.walk("clusters")?;
    Ok(files
        .into_iter()
        .filter_map(|entry| {
            let stem = entry.path.strip_suffix(".yaml").or_else(|| entry.path.strip_suffix(".yml"))?;
            let name = stem.strip_prefix("clusters/").filter(|name| !name.contains('/'))?;
            Some((name.into(), entry.path.clone()))
        })
        .collect())
}

/// A file of people as text; `None` where there is none.
///
/// # Errors
/// When it is too large, not a file, or not UTF-8.
pub fn read_text(snapshot: &Snapshot, path: &str) -> Result<Option<String>, RepositoryError> {
    let Some(bytes) = snapshot.read(path, MAX_FILE)? else { return Ok(None) };
    String::from_utf8(bytes).map(Some).map_err(|_| RepositoryError::Local {
        path: path.to_owned(),
        step: "read",
        reason: "it is not UTF-8".to_owned(),
    })
}
