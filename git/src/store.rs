//! The store: a bare, disposable copy of the fleet repository that mends itself.
//!
//! Damage is noticed when opening, fetching or reading. From then on the next [`Store::fetch`] clones anew beside the
//! damaged repository and swaps the two, so that what can still be read can be read until the server is back.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use git2::{Oid, Repository};
use tracing::warn;

pub use crate::ancestry::Ancestry;
use crate::cache;
use crate::commit::CommitBuilder;
use crate::config::{Credentials, RemoteConfig};
use crate::layout::{self, Layout, Taken};
use crate::pack::Compaction;
use crate::remote::{Depth, PushOutcome, Remote, RemoteError, moved_to};
use crate::snapshot::{ReadError, Snapshot};

/// What a fetch found: each branch asked for, and its commit, or `None` if the server has no such branch.
pub type Heads = BTreeMap<String, Option<Oid>>;

/// Why a store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another store holds the directory.
    #[error("the object store {} is open in another process; give each process a directory of its own", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("the object store {} cannot be used: {source}; check permissions and free space", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An empty repository could not be made.
    #[error("no repository can be made at {}: {reason}; check permissions and free space", path.display())]
    Init {
        /// The directory.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The server or the way to it.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// Reading what should be there.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A bare object store in a directory of its own, and the remote it copies.
pub struct Store {
    root: PathBuf,
    layout: Layout,
    remote: Remote,
    repo: Repository,
    damaged: Arc<AtomicBool>,
    compaction: Compaction,
}

impl Store {
    /// Opens the store in `dir`, making it if needed. Talks to nobody. A repository that cannot be opened, or whose
    /// branches cannot be read, is put aside at once.
    ///
    /// # Errors
    /// Another process holds the directory, or the file system refuses.
    pub fn open(dir: &Path, config: RemoteConfig) -> Result<Self, StoreError> {
        cache::limit();
        let layout = Layout::take(dir).map_err(|taken| match taken {
            Taken::InUse => StoreError::InUse { path: dir.to_owned() },
            Taken::Io(source) => StoreError::Directory { path: dir.to_owned(), source },
        })?;
        let path = layout.repository();
        let repo = match layout.open_sound() {
            Ok(repo) => repo,
            Err(error) => {
                if path.exists() {
                    warn!(path = %path.display(), %error, "damaged object store put aside");
                }
                layout
                    .set_aside()
                    .map_err(|source| StoreError::Directory { path: dir.to_owned(), source })?;
                init(&path)?
            }
        };
        let remote = Remote::new(config);
        // Where its packs cannot be told, all are joined in time.
        let compaction = Compaction::begin(&repo).unwrap_or_default();
        Ok(Self { root: dir.to_owned(), layout, remote, repo, damaged: Arc::default(), compaction })
    }

    /// The remote's configuration.
    pub fn config(&self) -> &RemoteConfig {
        self.remote.config()
    }

    /// Replaces the credentials, for tokens that expire.
    pub fn set_credentials(&mut self, credentials: Credentials) {
        self.remote.set_credentials(credentials);
    }

    /// Every ref of the remote and where it is, from one short conversation; nothing is downloaded.
    ///
    /// # Errors
    /// The server or the way to it.
    pub fn remote_heads(&self) -> Result<BTreeMap<String, Oid>, StoreError> {
        Ok(self.remote.heads(&self.repo)?)
    }

    /// Fetches branches, given by full ref name, on one connection: their newest commits at first, then what is new.
    /// Tags and other branches are left alone, and nothing is ever removed. A damaged store is cloned again here.
    ///
    /// # Errors
    /// The server or the way to it; what was fetched before stays readable.
    pub fn fetch(&mut self, branches: &[&str]) -> Result<Heads, StoreError> {
        if self.is_damaged() {
            return self.replace(branches);
        }
        if let Err(error) = self.compaction.run(&self.repo) {
            warn!(%error, "the packs of the object store could not be joined");
            return self.replace(branches);
        }
        let depth = self.depth(branches);
        let mut result = self.remote.fetch(&self.repo, branches, depth);
        if let Err(RemoteError::Store { locked: true, .. }) = result {
            self.layout.sweep();
            result = self.remote.fetch(&self.repo, branches, depth);
        }
        match result {
            Ok(heads) if heads.values().flatten().all(|oid| complete(&self.repo, *oid).is_ok()) => Ok(heads),
            Ok(_) => self.replace(branches),
            Err(RemoteError::Store { reason, .. }) => {
                warn!(error = %reason, "the object store is damaged");
                self.replace(branches)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn depth(&self, branches: &[&str]) -> Depth {
        let known = branches.iter().any(|name| self.repo.refname_to_id(name).is_ok());
        if self.config().shallow && !known { Depth::Newest } else { Depth::Incremental }
    }

    /// Fetches the whole history of the branches.
    pub(crate) fn fetch_everything(&mut self, branches: &[&str]) -> Result<(), StoreError> {
        self.remote.fetch(&self.repo, branches, Depth::Everything)?;
        // What was cut off below the commits that are known to be there has come in packs of its own.
        self.compaction = Compaction::default();
        // Commits that were read while their parents were cut off stay cached that way in the old handle.
        if let Ok(repo) = layout::open(&self.layout.repository()) {
            self.repo = repo;
        }
        Ok(())
    }

    /// Clones anew and swaps: the damaged repository is put aside only when the new one is there.
    fn replace(&mut self, branches: &[&str]) -> Result<Heads, StoreError> {
        warn!(path = %self.root.display(), "cloning the object store again");
        let path = self.layout.fresh();
        let directory = |source| StoreError::Directory { path: self.root.clone(), source };
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(directory)?;
        }
        let fresh = init(&path)?;
        let depth = if self.config().shallow { Depth::Newest } else { Depth::Incremental };
        let heads = self.remote.fetch(&fresh, branches, depth)?;
        for oid in heads.values().flatten() {
            complete(&fresh, *oid).map_err(|e| ReadError::damaged(*oid, &e))?;
        }
        drop(fresh);
        self.layout.promote_fresh().map_err(directory)?;
        let path = self.layout.repository();
        self.repo =
            layout::open(&path).map_err(|e| StoreError::Init { path, reason: e.message().to_owned() })?;
        // Readers of the damaged repository must not condemn the new one.
        self.damaged = Arc::default();
        self.compaction = Compaction::default();
        Ok(heads)
    }

    /// Moves `branch` on the server from `expected_old` (`None`: it must not exist) to `new`, all or nothing. A branch
    /// that is already at `new` counts as pushed.
    ///
    /// # Errors
    /// The connection failed; whether the push arrived is then unknown until the next fetch.
    pub fn push(&self, branch: &str, new: Oid, expected_old: Option<Oid>) -> Result<PushOutcome, StoreError> {
        let outcome = match self.remote.push(&self.repo, branch, new, expected_old) {
            Err(error @ RemoteError::Store { .. }) => {
                self.damaged.store(true, Ordering::SeqCst);
                return Err(error.into());
            }
            other => other?,
        };
        if outcome == PushOutcome::Pushed
            && let Err(error) = moved_to(&self.repo, branch, new)
        {
            // The next fetch brings the ref.
            warn!(branch, %error, "pushed, but the local ref did not move");
        }
        Ok(outcome)
    }

    /// The tree of a commit in the store, to read from, independent of this store.
    ///
    /// # Errors
    /// The commit is not here, or damaged.
    pub fn snapshot(&self, commit: Oid) -> Result<Snapshot, StoreError> {
        let repo = layout::open(&self.layout.repository()).map_err(|e| self.note(commit, &e))?;
        Ok(Snapshot::new(repo, commit, Arc::clone(&self.damaged))?)
    }

    /// Starts a commit over `base`, or over nothing.
    ///
    /// # Errors
    /// `base` is not here, or damaged.
    pub fn commit_on(&self, base: Option<Oid>) -> Result<CommitBuilder, StoreError> {
        let none = Oid::ZERO_SHA1;
        let repo =
            layout::open(&self.layout.repository()).map_err(|e| self.note(base.unwrap_or(none), &e))?;
        Ok(CommitBuilder::new(repo, base).map_err(|e| self.note(base.unwrap_or(none), &e))?)
    }

    fn note(&self, oid: Oid, error: &git2::Error) -> ReadError {
        self.damaged.store(true, Ordering::SeqCst);
        ReadError::damaged(oid, error)
    }

    /// Keeps a commit, and all it needs, through whatever happens to its branch. One commit per name.
    ///
    /// # Errors
    /// The commit is not here, or the name is none.
    pub fn pin(&self, name: &str, commit: Oid) -> Result<(), StoreError> {
        let name = format!("refs/shipper/pins/{name}");
        moved_to(&self.repo, &name, commit).map_err(|e| ReadError::damaged(commit, &e).into())
    }

    /// The commit kept under a name, as long as the store has it.
    pub fn pinned(&self, name: &str) -> Option<Oid> {
        let commit = self.repo.refname_to_id(&format!("refs/shipper/pins/{name}")).ok()?;
        self.contains(commit).then_some(commit)
    }

    /// Whether the commit is in the store.
    pub fn contains(&self, commit: Oid) -> bool {
        self.repo.find_commit(commit).is_ok()
    }

    /// Whether the next fetch will clone again.
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::SeqCst)
    }

    pub(crate) fn repo(&self) -> &Repository {
        &self.repo
    }
}

fn init(path: &Path) -> Result<Repository, StoreError> {
    layout::init(path).map_err(|e| StoreError::Init { path: path.to_owned(), reason: e.message().to_owned() })
}

/// A commit and its root tree can be read.
fn complete(repo: &Repository, oid: Oid) -> Result<(), git2::Error> {
    repo.find_commit(oid)?.tree().map(drop)
}
