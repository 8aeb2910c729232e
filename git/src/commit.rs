//! Commits built in memory over a base: trees are rewritten along the changed paths alone, and the same content always
//! makes the same tree.
//!
//! What is new reaches the disk as one pack per commit. Loose objects are avoided: libgit2 never returns from reading
//! one that a crash has cut short, while a damaged pack is noticed by its checksum.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use git2::{FileMode, ObjectType, Oid, Repository, Signature, Time, Tree};

use crate::{pack, path};

/// Before every backend on disk.
const IN_MEMORY: i32 = 1000;

/// Why a commit cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A path that no tree can hold.
    #[error(
        "{path:?} is not a path in a tree: names between slashes, none of them empty, '.', '..' or '.git'"
    )]
    Path {
        /// The path given.
        path: String,
    },
    /// An object could not be read or written.
    #[error("the object store failed while {step}: {reason}; check free space")]
    Store {
        /// What was being done.
        step: &'static str,
        /// What libgit2 said.
        reason: String,
    },
    /// The author or committer is no identity.
    #[error("{name:?} <{email}> is no author or committer: {reason}")]
    Identity {
        /// Name given.
        name: String,
        /// Address given.
        email: String,
        /// What libgit2 said.
        reason: String,
    },
    /// No signature.
    #[error("the commit could not be signed: {0}; check the signing key")]
    Sign(#[from] SigningFailed),
}

/// The signer's reason.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SigningFailed(pub String);

/// Signs commits.
pub trait Signer {
    /// The armoured SSH signature of a commit, namespace `git`.
    ///
    /// # Errors
    /// The key cannot be read or used.
    fn sign(&self, commit: &[u8]) -> Result<String, SigningFailed>;
}

/// A person or process, at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// Seconds since 1970-01-01 UTC.
    pub seconds: i64,
    /// Offset of the local time from UTC, in minutes.
    pub offset_minutes: i32,
}

impl Identity {
    pub(crate) fn read(signature: &Signature<'_>) -> Self {
        Self {
            name: String::from_utf8_lossy(signature.name_bytes()).into_owned(),
            email: String::from_utf8_lossy(signature.email_bytes()).into_owned(),
            seconds: signature.when().seconds(),
            offset_minutes: signature.when().offset_minutes(),
        }
    }

    fn signature(&self) -> Result<Signature<'static>, CommitError> {
        Signature::new(&self.name, &self.email, &Time::new(self.seconds, self.offset_minutes)).map_err(|e| {
            CommitError::Identity {
                name: self.name.clone(),
                email: self.email.clone(),
                reason: e.message().to_owned(),
            }
        })
    }
}

/// Everything about a commit but its content.
#[derive(Debug, Clone)]
pub struct CommitMeta {
    /// Who wrote it.
    pub author: Identity,
    /// Who committed it.
    pub committer: Identity,
    /// Message, with trailers.
    pub message: String,
}

#[derive(Debug)]
enum Edit {
    Put(Oid),
    Remove,
    Below {
        /// What the base has at this place is gone.
        fresh: bool,
        /// Something was put below, so a file that the base has here made way, even if that something went again.
        directory: bool,
        edits: BTreeMap<String, Edit>,
    },
}

impl Edit {
    fn below(fresh: bool) -> Self {
        Self::Below { fresh, directory: false, edits: BTreeMap::new() }
    }
}

/// A commit in the making. Made by [`crate::Store::commit_on`].
pub struct CommitBuilder {
    repo: Repository,
    base: Option<Oid>,
    root: Option<Oid>,
    edits: BTreeMap<String, Edit>,
    /// A commit is made even if its content is that of the base.
    message_counts: bool,
    /// Objects that are in memory only.
    new: RefCell<BTreeSet<Oid>>,
}

impl CommitBuilder {
    pub(crate) fn new(repo: Repository, base: Option<Oid>) -> Result<Self, git2::Error> {
        let root = base.map(|oid| repo.find_commit(oid).map(|commit| commit.tree_id())).transpose()?;
        repo.odb()?.add_new_mempack_backend(IN_MEMORY)?;
        Ok(Self { repo, base, root, edits: BTreeMap::new(), message_counts: false, new: RefCell::default() })
    }

    /// The message says something by itself: the commit is made even if nothing differs from the base.
    pub fn message_counts(&mut self) {
        self.message_counts = true;
    }

    /// Writes a file, in place of whatever is at the path or in its way.
    ///
    /// # Errors
    /// The path is none, or the object cannot be written.
    pub fn put(&mut self, path: &str, content: &[u8]) -> Result<Oid, CommitError> {
        let oid = self.blob(content).map_err(|e| failed("writing a file", &e))?;
        self.put_blob(path, oid)?;
        Ok(oid)
    }

    fn blob(&self, content: &[u8]) -> Result<Oid, git2::Error> {
        let oid = Oid::hash_object(ObjectType::Blob, content)?;
        if !self.repo.odb()?.exists(oid) {
            self.repo.blob(content)?;
            self.new.borrow_mut().insert(oid);
        }
        Ok(oid)
    }

    /// Places a blob that the store already has.
    ///
    /// # Errors
    /// The path is none.
    pub fn put_blob(&mut self, path: &str, blob: Oid) -> Result<(), CommitError> {
        self.edit(path, Edit::Put(blob))
    }

    /// Removes a file or directory; nothing happens where there is none. Directories that become empty vanish.
    ///
    /// # Errors
    /// The path is none.
    pub fn remove(&mut self, path: &str) -> Result<(), CommitError> {
        self.edit(path, Edit::Remove)
    }

    fn edit(&mut self, at: &str, edit: Edit) -> Result<(), CommitError> {
        let wrong = || CommitError::Path { path: at.to_owned() };
        let mut names = path::names(at).ok_or_else(wrong)?;
        if names.iter().any(|name| name.eq_ignore_ascii_case(".git") || name.contains('\0')) {
            return Err(wrong());
        }
        let last = names.pop().ok_or_else(wrong)?;
        let removing = matches!(edit, Edit::Remove);
        let mut level = &mut self.edits;
        for name in names {
            let slot = level.entry(name.to_owned()).or_insert_with(|| Edit::below(false));
            match slot {
                // Below what is a file or gone there is nothing to remove.
                Edit::Put(_) | Edit::Remove if removing => return Ok(()),
                Edit::Put(_) | Edit::Remove => *slot = Edit::below(true),
                Edit::Below { .. } => {}
            }
            let Edit::Below { edits, directory, .. } = slot else { return Err(wrong()) };
            *directory |= !removing;
            level = edits;
        }
        level.insert(last.to_owned(), edit);
        Ok(())
    }

    /// Writes the trees along the edits and returns the id of the root.
    ///
    /// # Errors
    /// A tree cannot be read or written.
    pub fn tree(&self) -> Result<Oid, CommitError> {
        match self.write(self.root, &self.edits).map_err(|e| failed("writing trees", &e))? {
            Some(oid) => Ok(oid),
            None => {
                let empty = self.repo.treebuilder(None).and_then(|empty| empty.write());
                let oid = empty.map_err(|e| failed("writing the empty tree", &e))?;
                self.new.borrow_mut().insert(oid);
                Ok(oid)
            }
        }
    }

    /// The tree over `base` with the edits, `None` if nothing is left in it.
    fn write(&self, base: Option<Oid>, edits: &BTreeMap<String, Edit>) -> Result<Option<Oid>, git2::Error> {
        let base: Option<Tree<'_>> = base.map(|oid| self.repo.find_tree(oid)).transpose()?;
        let mut builder = self.repo.treebuilder(base.as_ref())?;
        for (name, edit) in edits {
            let there = base.as_ref().and_then(|tree| tree.get_name(name).map(|e| (e.id(), e.filemode())));
            let entry = match edit {
                Edit::Remove => None,
                Edit::Put(oid) => {
                    let executable = i32::from(FileMode::BlobExecutable);
                    let kept = there.filter(|(_, mode)| *mode == executable).map(|(_, mode)| mode);
                    Some((*oid, kept.unwrap_or(i32::from(FileMode::Blob))))
                }
                Edit::Below { fresh, directory, edits } => {
                    let is_tree = there.filter(|(_, mode)| *mode == i32::from(FileMode::Tree));
                    let tree = is_tree.filter(|_| !fresh).map(|(oid, _)| oid);
                    match self.write(tree, edits)? {
                        Some(oid) => Some((oid, i32::from(FileMode::Tree))),
                        // Removing below a file leaves the file.
                        None if !fresh && !directory && tree.is_none() => there,
                        None => None,
                    }
                }
            };
            match entry {
                Some((oid, mode)) => {
                    builder.insert(name, oid, mode)?;
                }
                None if there.is_some() => builder.remove(name)?,
                None => {}
            }
        }
        if builder.is_empty() {
            return Ok(None);
        }
        let oid = builder.write()?;
        self.new.borrow_mut().insert(oid);
        Ok(Some(oid))
    }

    /// Makes the commit, its parent the base. `None` if the content is that of the base: there is nothing to commit, unless
    /// [`CommitBuilder::message_counts`].
    ///
    /// # Errors
    /// An object cannot be written, an identity is none, or signing failed.
    pub fn commit(&self, meta: &CommitMeta, signer: Option<&dyn Signer>) -> Result<Option<Oid>, CommitError> {
        let tree = self.tree()?;
        if self.root == Some(tree) && !self.message_counts {
            return Ok(None);
        }
        let (author, committer) = (meta.author.signature()?, meta.committer.signature()?);
        let store = |e: git2::Error| failed("writing the commit", &e);
        let tree = self.repo.find_tree(tree).map_err(store)?;
        let parent = self.base.map(|oid| self.repo.find_commit(oid)).transpose().map_err(store)?;
        let parents: Vec<_> = parent.iter().collect();
        let text = self
            .repo
            .commit_create_buffer(&author, &committer, &meta.message, &tree, &parents)
            .map_err(store)?;
        let oid = match signer {
            None => self.repo.odb().and_then(|odb| odb.write(ObjectType::Commit, &text)),
            Some(signer) => {
                let signature = signer.sign(&text)?;
                let text = std::str::from_utf8(&text)
                    .map_err(|_| SigningFailed("the commit is not UTF-8".to_owned()))?;
                self.repo.commit_signed(text, &signature, None)
            }
        };
        let oid = oid.map_err(store)?;
        self.new.borrow_mut().insert(oid);
        self.flush().map_err(store)?;
        Ok(Some(oid))
    }

    fn flush(&self) -> Result<(), git2::Error> {
        let new = std::mem::take(&mut *self.new.borrow_mut());
        let mut builder = self.repo.packbuilder()?;
        for oid in &new {
            builder.insert_object(*oid, None)?;
        }
        // Through a handle without the memory in front of the disk.
        pack::write(&mut builder, &crate::layout::open(self.repo.path())?)
    }
}

fn failed(step: &'static str, error: &git2::Error) -> CommitError {
    CommitError::Store { step, reason: error.message().to_owned() }
}
