//! Repositories on this machine. libgit2's own local transport fetches every ref and pushes without comparing, so
//! the objects are copied here and the ref moves under its lock.

use std::collections::BTreeMap;
use std::path::Path;

use git2::{ErrorCode, Oid, Repository, RepositoryOpenFlags};

use super::error::RemoteError;
use super::outcome::{PushOutcome, classify};
use crate::{changes, pack};

/// Opens the repository at `path`, bare or not, without looking above it.
pub(super) fn open(path: &Path) -> Result<Repository, RemoteError> {
    let url = path.display().to_string();
    Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH, &[] as &[&str]).map_err(|e| match e.code() {
        ErrorCode::NotFound => RemoteError::NotFound { url },
        _ => RemoteError::Protocol { url, reason: e.message().to_owned() },
    })
}

/// Every ref that points straight at an object.
pub(super) fn refs(repo: &Repository) -> Result<BTreeMap<String, Oid>, git2::Error> {
    let mut heads = BTreeMap::new();
    for reference in repo.references()? {
        let reference = reference?;
        if let (Ok(name), Some(oid)) = (reference.name(), reference.target()) {
            heads.insert(name.to_owned(), oid);
        }
    }
    Ok(heads)
}

/// Copies what `to` needs for `wants`, given that it has everything below `haves`.
pub(super) fn copy(
    from: &Repository,
    to: &Repository,
    wants: &[Oid],
    haves: &[Oid],
) -> Result<(), git2::Error> {
    let mut walk = from.revwalk()?;
    for oid in wants {
        walk.push(*oid)?;
    }
    let known = from.odb()?;
    for oid in haves.iter().filter(|oid| known.exists(**oid)) {
        walk.hide(*oid)?;
    }
    let mut builder = changes::pack(from, walk)?;
    if builder.object_count() == 0 {
        return Ok(());
    }
    pack::write(&mut builder, to)?;
    // A clone of a shallow clone is shallow at the same commits.
    let roots = from.path().join("shallow");
    if roots.exists() && !to.is_shallow() {
        std::fs::copy(roots, to.path().join("shallow")).map_err(|e| git2::Error::from_str(&e.to_string()))?;
    }
    Ok(())
}

/// Moves `branch` of `remote` from `expected` to `new`, under the lock of the ref.
pub(super) fn push(
    store: &Repository,
    remote: &Repository,
    branch: &str,
    new: Oid,
    expected: Option<Oid>,
) -> Result<PushOutcome, git2::Error> {
    let heads = refs(remote)?;
    let now = heads.get(branch).copied();
    if now == Some(new) {
        return Ok(PushOutcome::Pushed);
    }
    if now != expected {
        return Ok(PushOutcome::LostRace { detail: moved(branch, now, expected) });
    }
    let checked_out = remote
        .find_reference("HEAD")
        .ok()
        .and_then(|h| h.symbolic_target().ok().flatten().map(str::to_owned));
    if !remote.is_bare() && checked_out.as_deref() == Some(branch) {
        return Ok(PushOutcome::Refused { detail: format!("{branch} is checked out there") });
    }
    copy(store, remote, &[new], &heads.values().copied().collect::<Vec<_>>())?;
    let done = match expected {
        Some(old) => remote.reference_matching(branch, new, true, old, "push"),
        None => remote.reference(branch, new, false, "push"),
    };
    match done {
        Ok(_) => Ok(PushOutcome::Pushed),
        Err(e) => match e.code() {
            ErrorCode::Modified | ErrorCode::Exists | ErrorCode::Locked | ErrorCode::NotFound => {
                Ok(PushOutcome::LostRace { detail: e.message().to_owned() })
            }
            _ => Ok(classify(e.message(), "")),
        },
    }
}

/// The words for a branch that is not where it was expected.
pub(super) fn moved(branch: &str, now: Option<Oid>, expected: Option<Oid>) -> String {
    let name = |oid: Option<Oid>| oid.map_or_else(|| "nothing".to_owned(), |oid| oid.to_string());
    format!("{branch} is at {} but expected {}", name(now), name(expected))
}
