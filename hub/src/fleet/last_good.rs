//! The version of a file that stays in force while the present one is bad: the newest valid one on the first-parent
//! history of `main` [I1]. Memory is not asked, so that a hub that starts anew decides the same.

use shipper_core::intent::{Object, load};
use shipper_git::{Oid, ReadError, Snapshot, Store, StoreError};

/// Largest file read, in bytes [I2].
pub(super) const MAX_FILE: u64 = 1 << 20;
/// Commits looked at for one bad file.
const MAX_COMMITS: usize = 100_000;

/// The newest valid version before the present, bad one (`present`, where it is a file at all). What was removed in between
/// does not come back.
pub(super) fn last_good(
    store: &Store,
    snapshot: &Snapshot,
    path: &str,
    present: Oid,
    parses: &mut u64,
) -> Result<Option<Object>, StoreError> {
    for version in snapshot.last_blobs(path, MAX_COMMITS) {
        let version = version?;
        let Some(blob) = version.blob else {
            // A symbolic link or a folder in its place is no removal.
            match store.snapshot(version.commit)?.entry(path)? {
                Some(_) => continue,
                None => return Ok(None),
            }
        };
        if blob == present {
            continue;
        }
        let bytes = match snapshot.blob(blob, path, MAX_FILE) {
            Ok(bytes) => bytes,
            Err(ReadError::TooLarge { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        *parses += 1;
        if let Some(object) = load(path, &bytes).object {
            return Ok(Some(object));
        }
    }
    Ok(None)
}

/// The commit that brought the file at `path`, which has been there ever since.
pub(super) fn brought_by(snapshot: &Snapshot, path: &str) -> Result<Option<Oid>, ReadError> {
    let mut found = None;
    for version in snapshot.last_blobs(path, MAX_COMMITS) {
        let version = version?;
        if version.blob.is_none() {
            break;
        }
        found = Some(version.commit);
    }
    Ok(found)
}
