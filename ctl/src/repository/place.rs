//! Which repository is meant: an address, a bare repository, or the one that a work tree follows.

use std::path::{Path, PathBuf};

use git2::{Repository, RepositoryOpenFlags};
use shipper_git::{RepositoryUrl, Secret};

use super::{DEFAULT_REMOTE, RepositoryError};
use crate::cli::{Global, StateArgs};
use crate::pulls::environment;

/// Opens the fleet repository, and its host's API.
const TOKEN: &str = "SHIPPER_GIT_TOKEN";

/// Where the commit goes.
#[derive(Clone, Debug)]
pub struct Place {
    /// The repository that the fleet follows.
    pub url: RepositoryUrl,
    /// The work tree that it was found through.
    pub worktree: Option<PathBuf>,
    /// What opens it over HTTP where git knows of nothing.
    pub token: Option<Secret>,
}

/// The repository named by `given`, or the one of the current directory: for a work tree whose `main` follows a remote,
/// that remote; else the repository itself.
///
/// # Errors
/// When there is none.
pub fn find(given: Option<&str>) -> Result<Place, RepositoryError> {
    let place = match given.map(str::parse).transpose()? {
        None => around(Path::new(".")),
        Some(RepositoryUrl::Local(path)) => local(&path, RepositoryOpenFlags::NO_SEARCH),
        Some(url) => Ok(Place { url, worktree: None, token: None }),
    };
    Ok(Place { token: environment(TOKEN).map(Secret::new), ..place? })
}

/// As [`find`], for the repository that the hub writes. The token is for the host of the fleet repository, and for no other.
///
/// # Errors
/// As [`find`].
pub fn state_place(global: &Global, args: &StateArgs) -> Result<Place, RepositoryError> {
    let fleet = global.repository.as_deref();
    let Some(given) = args.state_repository.as_deref() else { return find(fleet) };
    let state = find(Some(given))?;
    Ok(match find(fleet) {
        Ok(fleet) => state.beside(&fleet.url),
        Err(_) => Place { token: None, ..state },
    })
}

impl Place {
    /// The same without its token, unless it is on the host of the fleet repository.
    fn beside(self, fleet: &RepositoryUrl) -> Self {
        let same = origin(&self.url).is_some() && origin(&self.url) == origin(fleet);
        Self { token: self.token.filter(|_| same), ..self }
    }
}

/// Scheme, host and port.
fn origin(url: &RepositoryUrl) -> Option<String> {
    match url {
        RepositoryUrl::Http { url, .. } => Some(url.origin().ascii_serialization()),
        RepositoryUrl::Local(_) | RepositoryUrl::Ssh(_) => None,
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
        return Ok(Place {
            url: RepositoryUrl::Local(repository.path().to_owned()),
            worktree: None,
            token: None,
        });
    };
    let url = match upstream(&repository) {
        Some(remote) => match remote.parse()? {
            RepositoryUrl::Local(path) => RepositoryUrl::Local(worktree.join(path)),
            url => url,
        },
        None => RepositoryUrl::Local(worktree.to_owned()),
    };
    Ok(Place { url, worktree: Some(worktree.to_owned()), token: None })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_to_no_other_host_than_that_of_the_fleet_repository() {
        let fleet = "https://git.example.com/shop/fleet.git".parse().unwrap();
        for (state, same) in [
            ("https://git.example.com/shop/state.git", true),
            ("https://git.example.com:8443/shop/state.git", false),
            ("http://git.example.com/shop/state.git", false),
            ("https://elsewhere.example.com/shop/fleet.git", false),
            ("git@git.example.com:shop/state.git", false),
        ] {
            let token = Some(Secret::new("secret"));
            let place = Place { url: state.parse().unwrap(), worktree: None, token };
            assert_eq!(place.beside(&fleet).token.is_some(), same, "{state}");
        }
    }
}
