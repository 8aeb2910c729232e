//! Which commit confirms that something may be removed [X1, X2]: one with the trailer, since the file was last on `main`.

use shipper_core::state::CONFIRM_REMOVAL;
use shipper_git::{Ancestry, Oid, ReadError, Snapshot, Store, StoreError};

/// Commits looked at for one removal.
const MAX_COMMITS: usize = 100_000;

/// What became of a file of `main`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The commit that removed it, on the first-parent history.
    pub by: Oid,
    /// The commit before, which still has it.
    pub last: Option<Oid>,
}

/// When the newest of these files, of which none is there, was removed; `None` = none ever was on this history.
pub fn removed(store: &Store, main: &Snapshot, paths: &[String]) -> Result<Option<Removed>, StoreError> {
    let mut newest: Option<Removed> = None;
    for path in paths {
        let Some(version) = main.last_blobs(path, MAX_COMMITS).next().transpose()? else { continue };
        let last = store.snapshot(version.commit)?.parents()?.first().copied();
        let found = Removed { by: version.commit, last };
        newest = match newest {
            Some(other) if store.is_ancestor(other.by, found.by)? != Ancestry::Descendant => Some(other),
            _ => Some(found),
        };
    }
    Ok(newest)
}

/// The commit that confirms the removal of `name`: one that came since its files were last there or, where they never were on this
/// history, since `noticed`.
pub fn confirmed(
    store: &Store,
    main: &Snapshot,
    (paths, name): (&[String], &str),
    noticed: Option<Oid>,
) -> Result<Option<Oid>, StoreError> {
    let trailer = (CONFIRM_REMOVAL, name);
    let before = match removed(store, main, paths)? {
        Some(removed) => removed.last,
        None => {
            let noticed = noticed.filter(|oid| store.contains(*oid)).unwrap_or(main.commit_id());
            store.snapshot(noticed)?.parents()?.first().copied()
        }
    };
    Ok(main.commit_with_trailer(before, trailer, MAX_COMMITS)?)
}

/// The last version of a file before it was removed.
pub fn last_version(
    store: &Store,
    main: &Snapshot,
    path: &str,
    limit: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(version) = main.last_blobs(path, MAX_COMMITS).next().transpose()? else { return Ok(None) };
    let Some(last) = store.snapshot(version.commit)?.parents()?.first().copied() else { return Ok(None) };
    match store.snapshot(last)?.read(path, limit) {
        Ok(bytes) => Ok(bytes),
        Err(ReadError::TooLarge { .. } | ReadError::NotAFile { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
