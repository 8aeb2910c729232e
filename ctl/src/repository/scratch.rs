//! A clone for as long as a command runs.

use shipper_core::state::paths::INTENT_BRANCH;
use shipper_git::{Oid, RemoteConfig, Snapshot, Store};

use super::place::Place;
use super::{RepositoryError, credentials};

/// A clone that is removed when it is dropped.
pub struct Scratch {
    /// The object store.
    pub store: Store,
    repository: String,
    /// Removed after the store.
    _directory: tempfile::TempDir,
}

impl Scratch {
    /// An empty clone of a repository; `whole`: what it fetches comes with its history.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn of(place: &Place, whole: bool) -> Result<Self, RepositoryError> {
        let directory =
            tempfile::Builder::new().prefix("shipperctl-").tempdir().map_err(RepositoryError::Scratch)?;
        let mut config = RemoteConfig::new(place.url.clone());
        config.shallow = !whole;
        config.credentials = credentials::known(&place.url, place.token.as_ref());
        let store = Store::open(directory.path(), config)?;
        Ok(Self { store, repository: place.url.to_string(), _directory: directory })
    }

    /// The newest `main`.
    ///
    /// # Errors
    /// When the repository does not answer, or has none.
    pub fn main(&mut self) -> Result<Snapshot, RepositoryError> {
        let missing = RepositoryError::NoMain { repository: self.repository.clone() };
        self.branch(INTENT_BRANCH)?.ok_or(missing)
    }

    /// The newest commit of a branch, by its full name; `None` = there is no such branch.
    ///
    /// # Errors
    /// When the repository does not answer.
    pub fn branch(&mut self, name: &str) -> Result<Option<Snapshot>, RepositoryError> {
        let head: Option<Oid> = self.store.fetch(&[name])?.get(name).copied().flatten();
        Ok(head.map(|head| self.store.snapshot(head)).transpose()?)
    }
}
