//! The directory of a store: who owns it, what a crash leaves behind, and where a damaged repository goes.
//!
//! ```text
//! <dir>/lock              held for as long as a store is open
//! <dir>/repository.git    the objects
//! <dir>/fresh.git         a clone in the making
//! <dir>/quarantine.git    the last damaged one, kept for whoever wants to know
//! ```

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use git2::{Repository, RepositoryInitOptions, RepositoryOpenFlags};

/// Paths and lock of one store.
pub(crate) struct Layout {
    root: PathBuf,
    _lock: File,
}

/// Why the directory cannot be ours.
pub(crate) enum Taken {
    /// Another store has it open.
    InUse,
    /// The file system refuses.
    Io(io::Error),
}

impl From<io::Error> for Taken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// How long a lock may linger after its holder let go of it: a program that is being started holds what was open when it was forked, until
/// it is executed.
const LINGERS: Duration = Duration::from_secs(1);

fn lock_patiently(lock: &File) -> Result<(), Taken> {
    let start = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if start.elapsed() < LINGERS => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => return Err(Taken::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

impl Layout {
    /// Makes the directory private and takes it.
    pub(crate) fn take(root: &Path) -> Result<Self, Taken> {
        DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        fs::set_permissions(root, fs::Permissions::from_mode(0o700))?;
        let lock = File::options().create(true).truncate(false).write(true).open(root.join("lock"))?;
        lock_patiently(&lock)?;
        let layout = Self { root: root.to_owned(), _lock: lock };
        remove(&layout.fresh())?;
        layout.sweep();
        Ok(layout)
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.root.join("repository.git")
    }

    pub(crate) fn fresh(&self) -> PathBuf {
        self.root.join("fresh.git")
    }

    fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine.git")
    }

    /// Removes lock files and half-written packs. We hold the directory, so nobody is writing them.
    pub(crate) fn sweep(&self) {
        let repository = self.repository();
        sweep(&repository, |name| name.ends_with(".lock"));
        sweep(&repository.join("refs"), |name| name.ends_with(".lock"));
        sweep(&repository.join("objects/pack"), |name| {
            let finished =
                [".pack", ".idx", ".rev", ".bitmap", ".keep"].iter().any(|end| name.ends_with(end));
            !name.starts_with("pack-") || !finished
        });
    }

    /// Opens the repository if nothing is wrong at first sight: no loose objects, which are never ours and which libgit2
    /// may hang on when they are cut short, and every ref at a commit with a tree.
    pub(crate) fn open_sound(&self) -> Result<Repository, git2::Error> {
        let repo = open(&self.repository())?;
        let objects = fs::read_dir(self.repository().join("objects"));
        let mut names = objects.into_iter().flatten().flatten().map(|entry| entry.file_name());
        if names.any(|name| name.len() == 2) {
            return Err(git2::Error::from_str("loose objects where only packs are written"));
        }
        repo.odb()?;
        for reference in repo.references()? {
            if let Some(oid) = reference?.target() {
                repo.find_commit(oid)?.tree()?;
            }
        }
        Ok(repo)
    }

    /// Puts the repository aside, in place of the one put aside before it.
    pub(crate) fn set_aside(&self) -> io::Result<()> {
        if fs::symlink_metadata(self.repository()).is_ok() {
            remove(&self.quarantine())?;
            fs::rename(self.repository(), self.quarantine())?;
        }
        Ok(())
    }

    /// Puts the fresh clone in the place of the repository.
    pub(crate) fn promote_fresh(&self) -> io::Result<()> {
        self.set_aside()?;
        fs::rename(self.fresh(), self.repository())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

fn sweep(dir: &Path, stale: impl Fn(&str) -> bool + Copy) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            if path.starts_with(dir) && dir.components().any(|c| c.as_os_str() == "refs") {
                sweep(&path, stale);
            }
        } else if stale(&entry.file_name().to_string_lossy()) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Opens a repository that must be exactly at `path`.
pub(crate) fn open(path: &Path) -> Result<Repository, git2::Error> {
    Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::BARE, &[] as &[&str])
}

/// Makes an empty bare repository without templates.
pub(crate) fn init(path: &Path) -> Result<Repository, git2::Error> {
    Repository::init_opts(
        path,
        RepositoryInitOptions::new().bare(true).mkpath(true).external_template(false).no_reinit(true),
    )
}
