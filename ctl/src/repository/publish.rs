//! One commit on the newest `main`, pushed as compare-and-swap; when others were faster, made again on theirs.

use shipper_core::state::paths::INTENT_BRANCH;
use shipper_git::{CommitMeta, Identity, Oid, PushOutcome, Snapshot, Store};

use super::place::Place;
use super::scratch::Scratch;
use super::{RepositoryError, worktree};
use crate::Error;

const ATTEMPTS: u32 = 5;

/// What becomes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// It has this content.
    Write(Vec<u8>),
    /// It has the content of an object of the repository.
    Restore(Oid),
    /// It is gone.
    Remove,
}

/// What a commit changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Files by path.
    pub files: Vec<(String, FileChange)>,
    /// The commit's message.
    pub message: String,
    /// The message says something by itself: the commit is made even if no file changes.
    pub says_something: bool,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is pushed.
    Pushed {
        /// The commit, in hex.
        commit: String,
        /// The branch, short.
        branch: String,
        /// What became of the person's work tree; `None` = there is none, or it was on another branch.
        worktree: Option<worktree::Synced>,
    },
    /// `main` is that way already.
    Unchanged,
}

/// The newest version of a file, as text, at a commit of the history of `main` or before it, that `good` accepts.
///
/// # Errors
/// When the history cannot be read.
pub fn history_of(
    snapshot: &Snapshot,
    path: &str,
    good: impl Fn(&[u8]) -> bool,
) -> Result<Option<String>, RepositoryError> {
    for version in snapshot.last_blobs(path, usize::MAX) {
        let Some(blob) = version?.blob else { continue };
        let bytes = snapshot.blob(blob, path, super::MAX_FILE)?;
        if good(&bytes) {
            return Ok(String::from_utf8(bytes).ok());
        }
    }
    Ok(None)
}

/// Makes the change that `decide` finds right for the newest `main`, and pushes it to `main` or, with `branch`, to a new
/// branch. `decide` gets `main` and a way to open other commits of it; it is asked again whenever others were faster. With
/// `whole` the clone has all history of `main`.
///
/// # Errors
/// What `decide` says, or what keeps the commit from being made.
pub fn publish(
    place: &Place,
    branch: Option<&str>,
    whole: bool,
    author: &Identity,
    mut decide: impl FnMut(&Snapshot, &dyn Fn(Oid) -> Result<Snapshot, RepositoryError>) -> Result<Change, Error>,
) -> Result<Published, Error> {
    let mut clone = Scratch::of(place, whole)?;
    let target = branch.map_or_else(|| INTENT_BRANCH.to_owned(), |branch| format!("refs/heads/{branch}"));
    let short = target.trim_start_matches("refs/heads/").to_owned();
    for _ in 0..ATTEMPTS {
        let main = clone.main()?;
        let change = decide(&main, &|commit| Ok(clone.store.snapshot(commit)?))?;
        let Some(commit) = build(&clone.store, main.commit_id(), &change, author)? else {
            return Ok(Published::Unchanged);
        };
        let expected = branch.is_none().then(|| main.commit_id());
        let pushed = if worktree::is_target(place, &target) {
            let made = clone.store.snapshot(commit).map_err(RepositoryError::from)?;
            let pending = format!("refs/shipper/pending/{commit}");
            clone.store.push(&pending, commit, None).map_err(RepositoryError::from)?;
            let advanced = worktree::advance(place, &made, main.commit_id(), &change);
            worktree::forget(place, &pending);
            advanced?
        } else {
            clone.store.push(&target, commit, expected).map_err(RepositoryError::from)?
        };
        match pushed {
            PushOutcome::Pushed => {
                let worktree = branch.is_none().then(|| worktree::sync(place)).flatten();
                return Ok(Published::Pushed { commit: commit.to_string(), branch: short, worktree });
            }
            PushOutcome::LostRace { .. } if branch.is_none() => {}
            PushOutcome::LostRace { detail } | PushOutcome::Refused { detail } => {
                let repository = place.url.to_string();
                let branch = branch.is_some();
                return Err(RepositoryError::Refused { repository, reason: detail, branch }.into());
            }
        }
    }
    Err(RepositoryError::Race { repository: place.url.to_string(), attempts: ATTEMPTS }.into())
}

fn build(
    store: &Store,
    base: Oid,
    change: &Change,
    author: &Identity,
) -> Result<Option<Oid>, RepositoryError> {
    let mut builder = store.commit_on(Some(base))?;
    if change.says_something {
        builder.message_counts();
    }
    for (path, change) in &change.files {
        match change {
            FileChange::Write(content) => builder.put(path, content).map(drop)?,
            FileChange::Restore(blob) => builder.put_blob(path, *blob)?,
            FileChange::Remove => builder.remove(path)?,
        }
    }
    let meta = CommitMeta {
        author: author.clone(),
        committer: author.clone(),
        message: format!("{}\n", change.message.trim_end()),
    };
    Ok(builder.commit(&meta, None)?)
}
