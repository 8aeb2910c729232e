//! The work tree that a person has: brought along, never overwritten.

use std::path::Path;
use std::process::{Command, Stdio};

use git2::{ErrorCode, Repository, Status};
use shipper_git::{Oid, PushOutcome, RepositoryUrl, Snapshot};

use super::RepositoryError;
use super::place::Place;
use super::publish::{Change, FileChange};

/// What became of a work tree on `main` after the push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synced {
    /// It has the new commit.
    UpToDate,
    /// It has commits or changes of its own in the way; the person pulls.
    Behind,
}

fn failed(path: &Path, step: &'static str) -> impl Fn(git2::Error) -> RepositoryError {
    let path = path.display().to_string();
    move |error| RepositoryError::Local { path: path.clone(), step, reason: error.message().to_owned() }
}

/// Whether the branch is checked out in the very repository that the commit goes to.
pub(super) fn is_target(place: &Place, branch: &str) -> bool {
    let (RepositoryUrl::Local(path), Some(worktree)) = (&place.url, &place.worktree) else { return false };
    path == worktree && on(worktree, branch)
}

fn on(worktree: &Path, branch: &str) -> bool {
    let Ok(repository) = Repository::open(worktree) else { return false };
    let Ok(head) = repository.find_reference("HEAD") else { return false };
    head.symbolic_target().ok().flatten() == Some(branch)
}

/// Moves the branch that is checked out to a commit that its repository has, and with it exactly the files of the change,
/// which must be clean.
pub(super) fn advance(
    place: &Place,
    made: &Snapshot,
    expected: Oid,
    change: &Change,
) -> Result<PushOutcome, RepositoryError> {
    let Some(worktree) = place.worktree.as_deref() else {
        return Ok(PushOutcome::Refused { detail: "there is no work tree".to_owned() });
    };
    let read = failed(worktree, "read");
    let written = failed(worktree, "written");
    let repository = Repository::open(worktree).map_err(&read)?;
    for (path, _) in &change.files {
        match repository.status_file(Path::new(path)) {
            Ok(Status::CURRENT) => {}
            Err(error) if error.code() == ErrorCode::NotFound => {}
            Ok(_) => return Err(RepositoryError::Dirty { path: path.clone() }),
            Err(error) => return Err(read(error)),
        }
    }
    let message = change.message.lines().next().unwrap_or_default();
    let head = repository.find_reference("HEAD").and_then(|head| head.resolve()).map_err(&read)?;
    let name = head.name().map_err(&read)?.to_owned();
    match repository.reference_matching(
        &name,
        made.commit_id(),
        true,
        expected,
        &format!("commit: {message}"),
    ) {
        Ok(_) => {}
        Err(error) if matches!(error.code(), ErrorCode::Modified | ErrorCode::Locked) => {
            return Ok(PushOutcome::LostRace { detail: error.message().to_owned() });
        }
        Err(error) => return Err(written(error)),
    }
    check_out(&repository, worktree, made, change)?;
    Ok(PushOutcome::Pushed)
}

/// Removes the ref under which objects were brought; one that stays does no harm.
pub(super) fn forget(place: &Place, name: &str) {
    let repository = place.worktree.as_deref().and_then(|path| Repository::open(path).ok());
    if let Some(mut reference) =
        repository.as_ref().and_then(|repository| repository.find_reference(name).ok())
    {
        let _ = reference.delete();
    }
}

fn check_out(
    repository: &Repository,
    worktree: &Path,
    made: &Snapshot,
    change: &Change,
) -> Result<(), RepositoryError> {
    let written = failed(worktree, "written");
    let io = |error: std::io::Error| RepositoryError::Local {
        path: worktree.display().to_string(),
        step: "written",
        reason: error.to_string(),
    };
    let mut index = repository.index().map_err(&written)?;
    for (path, change) in &change.files {
        let file = worktree.join(path);
        if *change == FileChange::Remove {
            std::fs::remove_file(&file).map_err(io)?;
            index.remove_path(Path::new(path)).map_err(&written)?;
            continue;
        }
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        let content = made.read(path, u64::MAX)?.unwrap_or_default();
        std::fs::write(&file, content).map_err(io)?;
        index.add_path(Path::new(path)).map_err(&written)?;
    }
    index.write().map_err(&written)
}

/// Brings a work tree on `main` up to date with what was pushed, if git can do that without losing anything.
pub(super) fn sync(place: &Place) -> Option<Synced> {
    let worktree = place.worktree.as_deref()?;
    if !on(worktree, shipper_core::state::paths::INTENT_BRANCH) {
        return None;
    }
    if matches!(&place.url, RepositoryUrl::Local(path) if path == worktree) {
        return Some(Synced::UpToDate);
    }
    let pulled = Command::new("git")
        .arg("-C")
        .arg(worktree)
        .args(["pull", "--quiet", "--ff-only"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    Some(if pulled.is_ok_and(|status| status.success()) { Synced::UpToDate } else { Synced::Behind })
}
