//! What differs between two trees. Equal trees are never entered, so the work is that of the change alone.

use std::collections::BTreeMap;

use git2::Oid;

use crate::path;
use crate::snapshot::{Mode, ReadError, Snapshot};

/// A file, symbolic link or submodule on one side of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// What it is.
    pub mode: Mode,
    /// Its id.
    pub oid: Oid,
}

/// One path that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Path below the two trees.
    pub path: String,
    /// Before, `None` if it was not there.
    pub old: Option<Side>,
    /// After, `None` if it is gone.
    pub new: Option<Side>,
}

/// The paths that differ between two trees of the snapshot's store, in order; `None` is the empty tree.
///
/// # Errors
/// A tree is damaged or gone.
pub fn diff(store: &Snapshot, old: Option<Oid>, new: Option<Oid>) -> Result<Vec<Change>, ReadError> {
    let mut changes = Vec::new();
    let mut waiting = vec![(String::new(), old, new)];
    while let Some((at, old, new)) = waiting.pop() {
        if old == new {
            continue;
        }
        let before = children(store, old)?;
        let mut after = children(store, new)?;
        let mut pairs: Vec<_> = before
            .into_iter()
            .map(|(name, side)| {
                let new = after.remove(&name);
                (name, Some(side), new)
            })
            .collect();
        pairs.extend(after.into_iter().map(|(name, side)| (name, None, Some(side))));
        for (name, old, new) in pairs.into_iter().filter(|(_, old, new)| old != new) {
            let path = path::join(&at, &String::from_utf8_lossy(&name));
            let tree = |side: Option<Side>| side.filter(|s| s.mode == Mode::Directory).map(|s| s.oid);
            let leaf = |side: Option<Side>| side.filter(|s| s.mode != Mode::Directory);
            if leaf(old).is_some() || leaf(new).is_some() {
                changes.push(Change { path: path.clone(), old: leaf(old), new: leaf(new) });
            }
            if tree(old).is_some() || tree(new).is_some() {
                waiting.push((path, tree(old), tree(new)));
            }
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

fn children(store: &Snapshot, tree: Option<Oid>) -> Result<BTreeMap<Vec<u8>, Side>, ReadError> {
    let Some(oid) = tree else { return Ok(BTreeMap::new()) };
    let tree = store.repo().find_tree(oid).map_err(|e| store.note(oid, &e))?;
    let side = |entry: &git2::TreeEntry<'_>| Side { mode: Mode::of(entry.filemode_raw()), oid: entry.id() };
    Ok(tree.iter().map(|entry| (entry.name_bytes().to_vec(), side(&entry))).collect())
}
