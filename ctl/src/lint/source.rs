//! Where the files are: a folder on disk, or a commit.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{Repository, TreeWalkMode, TreeWalkResult};
use shipper_git::{Mode, Snapshot};

use crate::Error;
use crate::repository::RepositoryError;

/// The folders that hold objects.
const FOLDERS: [&str; 4] = ["applications", "blocks", "clusters", "strategies"];
const SYMLINK: u32 = 0o120_000;
const REGULAR: u32 = 0o100_644;
const SUBMODULE: u32 = 0o160_000;

/// Files to check.
pub enum Source {
    /// A folder as it is now, committed or not.
    Folder(PathBuf),
    /// A commit.
    Commit {
        /// The repository.
        repository: Repository,
        /// The root tree of the commit.
        tree: git2::Oid,
    },
    /// A commit in a clone of ours.
    Snapshot(Snapshot),
}

/// A file by path and Git file mode.
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) mode: u32,
}

impl Source {
    /// The folder at `path`, or with `revision` that commit of the repository there. A bare repository has no files but
    /// commits: its `HEAD` is meant.
    ///
    /// # Errors
    /// When there is no such folder, repository or commit.
    pub fn open(path: &Path, revision: Option<&str>) -> Result<Self, Error> {
        let failed = |reason: String| Error::Read { path: path.display().to_string(), reason };
        let repository = Repository::open(path).ok();
        let bare = repository.as_ref().is_some_and(Repository::is_bare);
        let revision = revision.or_else(|| bare.then_some("HEAD"));
        let Some(revision) = revision else {
            return if path.is_dir() {
                Ok(Self::Folder(path.to_owned()))
            } else {
                Err(failed("it is not a folder".to_owned()))
            };
        };
        let repository = repository.ok_or_else(|| failed("it is no Git repository".to_owned()))?;
        let tree = repository
            .revparse_single(revision)
            .and_then(|object| object.peel_to_tree())
            .map(|tree| tree.id())
            .map_err(|error| failed(format!("no commit {revision}: {}", error.message())))?;
        Ok(Self::Commit { repository, tree })
    }

    /// Everything below the folders of objects, in order.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        match self {
            Self::Folder(root) => {
                for folder in FOLDERS {
                    walk(root, folder, &mut entries)?;
                }
                entries.extend(submodules(root)?);
            }
            Self::Commit { repository, tree } => {
                let failed = |error: git2::Error| unreadable("the commit", error.message());
                let tree = repository.find_tree(*tree).map_err(failed)?;
                tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
                    let path = format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes()));
                    let first = path.split('/').next().unwrap_or_default();
                    if !FOLDERS.contains(&first) {
                        return TreeWalkResult::Skip;
                    }
                    let mode = u32::try_from(entry.filemode_raw()).unwrap_or_default();
                    if entry.kind() != Some(git2::ObjectType::Tree) {
                        entries.push(Entry { path, mode });
                    }
                    TreeWalkResult::Ok
                })
                .map_err(failed)?;
            }
            Self::Snapshot(snapshot) => {
                for folder in FOLDERS {
                    let found = snapshot.walk(folder).map_err(RepositoryError::from)?;
                    let mode = |mode: Mode| match mode {
                        Mode::Symlink => SYMLINK,
                        Mode::Submodule => SUBMODULE,
                        _ => REGULAR,
                    };
                    entries.extend(
                        found.into_iter().map(|entry| Entry { path: entry.path, mode: mode(entry.mode) }),
                    );
                }
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// The bytes of a file.
    pub(super) fn read(&self, entry: &Entry) -> Result<Vec<u8>, Error> {
        match self {
            Self::Folder(root) => {
                fs::read(root.join(&entry.path)).map_err(|error| unreadable(&entry.path, &error.to_string()))
            }
            Self::Commit { repository, tree } => repository
                .find_tree(*tree)
                .and_then(|tree| tree.get_path(Path::new(&entry.path)))
                .and_then(|found| repository.find_blob(found.id()))
                .map(|blob| blob.content().to_vec())
                .map_err(|error| unreadable(&entry.path, error.message())),
            Self::Snapshot(snapshot) => {
                Ok(snapshot.read(&entry.path, u64::MAX).map_err(RepositoryError::from)?.unwrap_or_default())
            }
        }
    }

    /// Whether there is a file or folder of that path.
    pub(super) fn exists(&self, path: &str) -> bool {
        match self {
            Self::Folder(root) => root.join(path).exists(),
            Self::Commit { repository, tree } => {
                repository.find_tree(*tree).is_ok_and(|tree| tree.get_path(Path::new(path)).is_ok())
            }
            Self::Snapshot(snapshot) => snapshot.entry(path).is_ok_and(|entry| entry.is_some()),
        }
    }
}

/// What a folder does not show: submodules stand in the index alone, and may not even be checked out.
fn submodules(root: &Path) -> Result<Vec<Entry>, Error> {
    let Ok(repository) = Repository::open(root) else { return Ok(Vec::new()) };
    let failed = |error: git2::Error| unreadable("the index", error.message());
    let index = repository.index().map_err(failed)?;
    let entries = index.iter().filter(|entry| entry.mode == SUBMODULE);
    let entries = entries
        .map(|entry| Entry { path: String::from_utf8_lossy(&entry.path).into_owned(), mode: SUBMODULE });
    Ok(entries
        .filter(|entry| FOLDERS.iter().any(|folder| entry.path.split('/').next() == Some(folder)))
        .collect())
}

fn unreadable(path: &str, reason: &str) -> Error {
    Error::Read { path: path.to_owned(), reason: reason.to_owned() }
}

fn walk(root: &Path, at: &str, entries: &mut Vec<Entry>) -> Result<(), Error> {
    let failed = |error: std::io::Error| unreadable(at, &error.to_string());
    let kind = match fs::symlink_metadata(root.join(at)) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if kind.is_dir() {
        for entry in fs::read_dir(root.join(at)).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            walk(root, &format!("{at}/{}", name.to_string_lossy()), entries)?;
        }
    } else {
        let mode = if kind.is_symlink() { SYMLINK } else { REGULAR };
        entries.push(Entry { path: at.to_owned(), mode });
    }
    Ok(())
}
