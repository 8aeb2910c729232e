//! Where targets come from: a branch of a repository, read by commit. Everything here blocks.
//!
//! A trait, so that a simulation can hand out commits without a repository per cluster.

use shipper_git::{
    Ancestry, Entry, LocalWatch, Oid, RemoteConfig, RepositoryUrl, Snapshot, Store, StoreError, watch_local,
};
use std::path::Path;

/// Why the source could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The Git store or its remote.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object of a commit.
    #[error(transparent)]
    Read(#[from] shipper_git::ReadError),
    /// A source that is not Git.
    #[error("{0}")]
    Other(String),
}

/// A branch that can be fetched and read.
pub trait Source: Send + 'static {
    /// Asks the server for the branch; `None` = there is no such branch.
    ///
    /// # Errors
    /// The server or the way to it.
    fn fetch(&mut self) -> Result<Option<Oid>, SourceError>;

    /// Whether the commit can be read without the server.
    fn contains(&self, commit: Oid) -> bool;

    /// How `new` relates to `old`; may ask the server where the local history is cut off.
    ///
    /// # Errors
    /// `new` is not here, or the server cannot be asked.
    fn ancestry(&mut self, old: Oid, new: Oid) -> Result<Ancestry, SourceError>;

    /// The content of a commit that is here.
    ///
    /// # Errors
    /// It is not here, or damaged.
    fn tree(&self, commit: Oid) -> Result<Box<dyn Tree>, SourceError>;

    /// The message of a commit that is here; empty where commits have none.
    ///
    /// # Errors
    /// It is not here, or damaged.
    fn message(&self, _commit: Oid) -> Result<String, SourceError> {
        Ok(String::new())
    }

    /// Wake-ups for a repository on this machine.
    fn watch(&self) -> Option<LocalWatch> {
        None
    }
}

/// The content of a commit.
pub trait Tree {
    /// The id of a directory; `None` where there is none.
    ///
    /// # Errors
    /// Damage.
    fn directory(&self, path: &str) -> Result<Option<Oid>, SourceError>;

    /// What is in a directory; empty where there is none.
    ///
    /// # Errors
    /// Damage.
    fn list(&self, path: &str) -> Result<Vec<Entry>, SourceError>;

    /// A file; `None` where there is none.
    ///
    /// # Errors
    /// Not a file, larger than `limit` bytes, or damage.
    fn file(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError>;
}

/// A branch of a Git repository.
pub struct GitSource {
    store: Store,
    branch: String,
}

impl GitSource {
    /// Opens, or makes, the object store in `dir`; talks to nobody. `branch` is a short name or a full ref.
    ///
    /// # Errors
    /// Another process holds the directory, or the file system refuses.
    pub fn open(dir: &Path, remote: RemoteConfig, branch: &str) -> Result<Self, SourceError> {
        let branch =
            if branch.starts_with("refs/") { branch.to_owned() } else { format!("refs/heads/{branch}") };
        Ok(Self { store: Store::open(dir, remote)?, branch })
    }
}

impl Source for GitSource {
    fn fetch(&mut self) -> Result<Option<Oid>, SourceError> {
        Ok(self.store.fetch(&[&self.branch])?.remove(&self.branch).flatten())
    }

    fn contains(&self, commit: Oid) -> bool {
        self.store.contains(commit)
    }

    fn ancestry(&mut self, old: Oid, new: Oid) -> Result<Ancestry, SourceError> {
        let branch = self.branch.clone();
        Ok(self.store.ancestry(old, new, &branch)?)
    }

    fn tree(&self, commit: Oid) -> Result<Box<dyn Tree>, SourceError> {
        Ok(Box::new(GitTree(self.store.snapshot(commit)?)))
    }

    fn message(&self, commit: Oid) -> Result<String, SourceError> {
        Ok(self.store.snapshot(commit)?.message()?)
    }

    fn watch(&self) -> Option<LocalWatch> {
        let RepositoryUrl::Local(path) = &self.store.config().url else { return None };
        watch_local(path).inspect_err(|error| tracing::warn!(%error, "no wake-ups from the repository")).ok()
    }
}

struct GitTree(Snapshot);

impl Tree for GitTree {
    fn directory(&self, path: &str) -> Result<Option<Oid>, SourceError> {
        Ok(self.0.tree_id(path)?)
    }

    fn list(&self, path: &str) -> Result<Vec<Entry>, SourceError> {
        Ok(self.0.list(path)?)
    }

    fn file(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.0.read(path, limit)?)
    }
}
