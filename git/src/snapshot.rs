//! The tree of one commit, read object by object: no work tree, no checkout, nothing followed out of the tree.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use git2::{ErrorCode, ObjectType, Oid, Repository, Tree};

use crate::history::PathHistory;
use crate::{commit::Identity, path};

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store does not have the commit.
    #[error("commit {oid} is not in the object store; fetch its branch first")]
    Missing {
        /// The commit.
        oid: Oid,
    },
    /// An object is damaged or gone. The store clones itself again at the next fetch.
    #[error("object {oid} is damaged or gone: {reason}; the next fetch clones the store again")]
    Damaged {
        /// The object.
        oid: Oid,
        /// What libgit2 said.
        reason: String,
    },
    /// Larger than the reader allows.
    #[error("{path} has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Path in the tree.
        path: String,
        /// Its size, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A directory, symbolic link or submodule where a file was asked for.
    #[error("{path} is {mode:?}, not a file")]
    NotAFile {
        /// Path in the tree.
        path: String,
        /// What it is.
        mode: Mode,
    },
}

impl ReadError {
    pub(crate) fn damaged(oid: Oid, error: &git2::Error) -> Self {
        Self::Damaged { oid, reason: error.message().to_owned() }
    }
}

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A file.
    File,
    /// A file that may be executed.
    Executable,
    /// A symbolic link; its blob is where it points, and nothing here follows it.
    Symlink,
    /// Another repository; its id is not an object of this one.
    Submodule,
    /// A directory.
    Directory,
}

impl Mode {
    pub(crate) fn of(bits: i32) -> Self {
        match bits & 0o170_000 {
            0o040_000 => Self::Directory,
            0o120_000 => Self::Symlink,
            0o160_000 => Self::Submodule,
            _ if bits & 0o111 != 0 => Self::Executable,
            _ => Self::File,
        }
    }
}

/// One entry below a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path from the root. Bytes that are no UTF-8 are replaced; such a path cannot be read back.
    pub path: String,
    /// What it is.
    pub mode: Mode,
    /// Blob, tree, or the commit of a submodule.
    pub oid: Oid,
    /// Bytes, of files and symbolic links.
    pub size: Option<u64>,
}

/// The signature of a commit and the text that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitSignature {
    /// Armoured signature as it stands in the commit.
    pub signature: String,
    /// The commit without it.
    pub payload: Vec<u8>,
}

/// The content of one commit.
pub struct Snapshot {
    repo: Repository,
    commit: Oid,
    tree: Oid,
    damaged: Arc<AtomicBool>,
}

impl Snapshot {
    pub(crate) fn new(repo: Repository, commit: Oid, damaged: Arc<AtomicBool>) -> Result<Self, ReadError> {
        let tree = match repo.find_commit(commit) {
            Ok(found) => found.tree_id(),
            Err(e) if e.code() == ErrorCode::NotFound => return Err(ReadError::Missing { oid: commit }),
            Err(e) => {
                damaged.store(true, Ordering::SeqCst);
                return Err(ReadError::damaged(commit, &e));
            }
        };
        Ok(Self { repo, commit, tree, damaged })
    }

    /// The commit.
    pub fn commit_id(&self) -> Oid {
        self.commit
    }

    /// The root tree.
    pub fn root_tree(&self) -> Oid {
        self.tree
    }

    pub(crate) fn repo(&self) -> &Repository {
        &self.repo
    }

    pub(crate) fn note(&self, oid: Oid, error: &git2::Error) -> ReadError {
        self.damaged.store(true, Ordering::SeqCst);
        ReadError::damaged(oid, error)
    }

    fn tree(&self, oid: Oid) -> Result<Tree<'_>, ReadError> {
        self.repo.find_tree(oid).map_err(|e| self.note(oid, &e))
    }

    /// The entry at a path below a root tree.
    pub(crate) fn entry_below(&self, root: Oid, at: &str) -> Result<Option<(Mode, Oid)>, ReadError> {
        let Some(names) = path::names(at) else { return Ok(None) };
        let mut found = (Mode::Directory, root);
        for name in names {
            if found.0 != Mode::Directory {
                return Ok(None);
            }
            let tree = self.tree(found.1)?;
            match tree.get_name(name) {
                Some(entry) => found = (Mode::of(entry.filemode_raw()), entry.id()),
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    /// What is at a path: its kind and id.
    ///
    /// # Errors
    /// Damage; absence is `None`.
    pub fn entry(&self, at: &str) -> Result<Option<(Mode, Oid)>, ReadError> {
        self.entry_below(self.tree, at)
    }

    /// The tree of a directory; the empty path is the root. `None` where there is no directory.
    ///
    /// # Errors
    /// Damage.
    pub fn tree_id(&self, at: &str) -> Result<Option<Oid>, ReadError> {
        Ok(self.entry(at)?.filter(|(mode, _)| *mode == Mode::Directory).map(|(_, oid)| oid))
    }

    /// The bytes of a file of at most `limit` bytes, or `None` where there is nothing.
    ///
    /// # Errors
    /// Not a file, too large, or damaged.
    pub fn read(&self, at: &str, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
        match self.entry(at)? {
            None => Ok(None),
            Some((Mode::File | Mode::Executable, oid)) => self.blob(oid, at, limit).map(Some),
            Some((mode, _)) => Err(ReadError::NotAFile { path: at.to_owned(), mode }),
        }
    }

    /// The bytes of a blob; `shown` names it in errors.
    ///
    /// # Errors
    /// Too large, or damaged.
    pub fn blob(&self, oid: Oid, shown: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        let size = self.size(oid)?;
        if size > limit {
            return Err(ReadError::TooLarge { path: shown.to_owned(), size, limit });
        }
        Ok(self.repo.find_blob(oid).map_err(|e| self.note(oid, &e))?.content().to_vec())
    }

    fn size(&self, oid: Oid) -> Result<u64, ReadError> {
        let header = self.repo.odb().and_then(|odb| odb.read_header(oid)).and_then(|(size, kind)| {
            if kind == ObjectType::Blob { Ok(size) } else { Err(git2::Error::from_str("not a blob")) }
        });
        header.map(|size| size as u64).map_err(|e| self.note(oid, &e))
    }

    /// The entries of one directory, in the order of Git; empty where there is no directory.
    ///
    /// # Errors
    /// Damage.
    pub fn list(&self, at: &str) -> Result<Vec<Entry>, ReadError> {
        match self.tree_id(at)? {
            Some(tree) => self.entries(tree, at),
            None => Ok(Vec::new()),
        }
    }

    fn entries(&self, tree: Oid, at: &str) -> Result<Vec<Entry>, ReadError> {
        let mut entries = Vec::new();
        for entry in &self.tree(tree)? {
            let mode = Mode::of(entry.filemode_raw());
            let size = match mode {
                Mode::Directory | Mode::Submodule => None,
                _ => Some(self.size(entry.id())?),
            };
            let name = String::from_utf8_lossy(entry.name_bytes());
            entries.push(Entry { path: path::join(at, &name), mode, oid: entry.id(), size });
        }
        Ok(entries)
    }

    /// Everything below a directory but the directories themselves; empty where there is no directory.
    ///
    /// # Errors
    /// Damage.
    pub fn walk(&self, prefix: &str) -> Result<Vec<Entry>, ReadError> {
        let mut found = Vec::new();
        let mut waiting: Vec<(Oid, String)> =
            self.tree_id(prefix)?.into_iter().map(|tree| (tree, prefix.to_owned())).collect();
        while let Some((tree, at)) = waiting.pop() {
            for entry in self.entries(tree, &at)? {
                if entry.mode == Mode::Directory {
                    waiting.push((entry.oid, entry.path));
                } else {
                    found.push(entry);
                }
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// The versions of a file on the first-parent history from here, newest first, looking at `limit` commits at most.
    pub fn last_blobs<'s>(&'s self, at: &str, limit: usize) -> PathHistory<'s> {
        PathHistory::new(self, at, limit)
    }

    fn found(&self) -> Result<git2::Commit<'_>, ReadError> {
        self.repo.find_commit(self.commit).map_err(|e| self.note(self.commit, &e))
    }

    /// The whole message.
    ///
    /// # Errors
    /// Damage.
    pub fn message(&self) -> Result<String, ReadError> {
        Ok(String::from_utf8_lossy(self.found()?.message_bytes()).into_owned())
    }

    /// The trailers of the message (`Key: value` lines of its last paragraph), in order.
    ///
    /// # Errors
    /// Damage.
    pub fn trailers(&self) -> Result<Vec<(String, String)>, ReadError> {
        let message = self.message()?;
        let parsed = git2::message_trailers_strs(&message).map_err(|e| self.note(self.commit, &e))?;
        Ok(parsed.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    /// Who wrote it and when.
    ///
    /// # Errors
    /// Damage.
    pub fn author(&self) -> Result<Identity, ReadError> {
        Ok(Identity::read(&self.found()?.author()))
    }

    /// Who committed it and when.
    ///
    /// # Errors
    /// Damage.
    pub fn committer(&self) -> Result<Identity, ReadError> {
        Ok(Identity::read(&self.found()?.committer()))
    }

    /// The parents as the commit names them, also where a shallow store does not have them.
    ///
    /// # Errors
    /// Damage.
    pub fn parents(&self) -> Result<Vec<Oid>, ReadError> {
        Ok(true_parents(&self.found()?))
    }

    /// The signature, if the commit has one.
    ///
    /// # Errors
    /// Damage.
    pub fn signature(&self) -> Result<Option<CommitSignature>, ReadError> {
        match self.repo.extract_signature(&self.commit, None) {
            Ok((signature, payload)) => Ok(Some(CommitSignature {
                signature: String::from_utf8_lossy(&signature).into_owned(),
                payload: payload.to_vec(),
            })),
            Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
            Err(e) => Err(self.note(self.commit, &e)),
        }
    }
}

/// Parents from the text of the commit; libgit2 hides those that a shallow store lacks.
pub(crate) fn true_parents(commit: &git2::Commit<'_>) -> Vec<Oid> {
    let header = String::from_utf8_lossy(commit.raw_header_bytes()).into_owned();
    header
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| Oid::from_str(line.strip_prefix("parent ")?).ok())
        .collect()
}
