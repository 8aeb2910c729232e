//! Watching a repository on this machine, so that a commit is seen at once and not at the next poll.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use notify::event::EventKind;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

/// A ref update is several steps; they count as one when they follow each other this closely.
const QUIET: Duration = Duration::from_millis(5);
/// Under constant change, a wake-up at least this often.
const AT_LEAST: Duration = Duration::from_millis(50);

/// Why a repository cannot be watched. Polling still works.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be watched: {reason}; changes are seen at the next poll only", path.display())]
pub struct WatchError {
    /// The repository.
    pub path: PathBuf,
    /// What the system said.
    pub reason: String,
}

/// A running watch; ends when dropped.
pub struct LocalWatch {
    /// One message per burst of changed refs.
    pub changes: Receiver<()>,
    _watcher: RecommendedWatcher,
}

/// Wakes when a ref of the repository at `path` changes. A wake-up is a hint, nothing more: fetch to learn what is so.
///
/// # Errors
/// The path is no repository, or the system has no watches left.
pub fn watch_local(path: &Path) -> Result<LocalWatch, WatchError> {
    let failed = |reason: String| WatchError { path: path.to_owned(), reason };
    let repo = git2::Repository::open_ext(path, git2::RepositoryOpenFlags::NO_SEARCH, &[] as &[&str])
        .map_err(|e| failed(e.message().to_owned()))?;
    // Events carry real paths, whatever links led here.
    let dir = repo.commondir().canonicalize().map_err(|e| failed(e.to_string()))?;
    let (raw, events) = channel();
    let root = dir.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let relevant = match &event {
            Ok(event) => {
                !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(|p| is_ref(&root, p))
            }
            // Events were lost, so something may have changed.
            Err(_) => true,
        };
        if relevant {
            let _ = raw.send(());
        }
    })
    .map_err(|e| failed(e.to_string()))?;
    watcher.watch(&dir, RecursiveMode::NonRecursive).map_err(|e| failed(e.to_string()))?;
    for refs in ["refs", "reftable"].map(|name| dir.join(name)) {
        if refs.is_dir() {
            watcher.watch(&refs, RecursiveMode::Recursive).map_err(|e| failed(e.to_string()))?;
        }
    }
    let (send, changes) = channel();
    std::thread::spawn(move || {
        while events.recv().is_ok() {
            let first = Instant::now();
            while first.elapsed() < AT_LEAST {
                match events.recv_timeout(QUIET) {
                    Ok(()) => {}
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
            if send.send(()).is_err() {
                return;
            }
        }
    });
    Ok(LocalWatch { changes, _watcher: watcher })
}

fn is_ref(root: &Path, path: &Path) -> bool {
    let Ok(inside) = path.strip_prefix(root) else { return true };
    let is_lock = inside.extension().is_some_and(|extension| extension == "lock");
    !is_lock
        && (inside.starts_with("refs")
            || inside.starts_with("reftable")
            || inside == Path::new("packed-refs"))
}
