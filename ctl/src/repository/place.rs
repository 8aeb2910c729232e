//! Which repository is meant: an address, a bare repository, or the one that a work tree follows.

use std::path::{Path, PathBuf};

use git2::{Repository, RepositoryOpenFlags};
use shipper_git::RepositoryUrl;

use super::RepositoryError;

const DEFAULT_REMOTE: &str = "origin";

/// Where the commit goes.
#[derive(Clone, Debug)]
pub struct Place {
    /// The repository that the fleet follows.
    pub url: RepositoryUrl,
    /// The work tree that it was found through.
    pub worktree: Option<PathBuf>,
}

/// The repository named by `given`, or the one of the current directory: for a work tree whose `main` follows a remote,
/// that remote; else the repository itself.
///
/// # Errors
/// When there is none.
pub fn find(given: Option<&str>) -> Result<Place, RepositoryError> {
    let Some(given) = given else { return around(Path::new(".")) };
    match given.parse()? {
        RepositoryUrl::Local(path) => local(&path, RepositoryOpenFlags::NO_SEARCH),
        url => Ok(Place { url, worktree: None }),
    }
}

fn around(directory: &Path) -> Result<Place, RepositoryError> {
    local(directory, RepositoryOpenFlags::empty()).map_err(|error| match error {
        RepositoryError::Local { .. } => {
            let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
            RepositoryError::NotHere { directory: directory.display().to_string() }
        }
        other => other,
    })
}

fn local(path: &Path, flags: RepositoryOpenFlags) -> Result<Place, RepositoryError> {
    let nowhere: [&Path; 0] = [];
    let repository = Repository::open_ext(path, flags, nowhere).map_err(|error| RepositoryError::Local {
        path: path.display().to_string(),
        step: "opened",
        reason: error.message().to_owned(),
    })?;
    let Some(worktree) = repository.workdir() else {
        return Ok(Place { url: RepositoryUrl::Local(repository.path().to_owned()), worktree: None });
    };
    let url = match upstream(&repository) {
        Some(remote) => match remote.parse()? {
            RepositoryUrl::Local(path) => RepositoryUrl::Local(worktree.join(path)),
            url => url,
        },
        None => RepositoryUrl::Local(worktree.to_owned()),
    };
    Ok(Place { url, worktree: Some(worktree.to_owned()) })
}

/// The address of the remote that `main` follows, or of `origin`.
fn upstream(repository: &Repository) -> Option<String> {
    let configured = repository.config().ok().and_then(|config| config.get_string("branch.main.remote").ok());
    // `.` is git's word for a branch that follows another of the same repository.
    let name = configured.filter(|name| name != ".").unwrap_or_else(|| DEFAULT_REMOTE.to_owned());
    let remote = repository.find_remote(&name).ok()?;
    remote.url().ok().map(str::to_owned)
}

/// The branch that is checked out in the work tree around a directory, short.
pub fn current_branch(directory: &Path) -> Option<String> {
    let repository = Repository::discover(directory).ok()?;
    let head = repository.find_reference("HEAD").ok()?;
    let branch = head.symbolic_target().ok().flatten()?;
    branch.strip_prefix("refs/heads/").map(str::to_owned)
}
