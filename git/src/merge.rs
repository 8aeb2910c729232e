//! What merging a branch would make: a commit that nobody pushes.

use git2::{Oid, Signature, Time};

use crate::store::{Store, StoreError};
use crate::{Identity, ReadError};

/// What merging makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// A commit that is in the store and on no branch; one of the two, where it has the other already.
    Commit(Oid),
    /// Both sides changed the same lines of these files.
    Conflict {
        /// Their paths.
        paths: Vec<String>,
    },
}

impl Store {
    /// Merges `theirs` into `ours`, as a Git host does, without moving any branch. Their common history must be in the store.
    ///
    /// # Errors
    /// When one of them is not here, or damaged.
    pub fn merge(&self, ours: Oid, theirs: Oid, by: &Identity, message: &str) -> Result<Merged, StoreError> {
        let failed = |error: git2::Error| StoreError::from(ReadError::damaged(theirs, &error));
        let repo = self.repo();
        if ours == theirs || repo.graph_descendant_of(ours, theirs).map_err(failed)? {
            return Ok(Merged::Commit(ours));
        }
        if repo.graph_descendant_of(theirs, ours).map_err(failed)? {
            return Ok(Merged::Commit(theirs));
        }
        let (our, their) =
            (repo.find_commit(ours).map_err(failed)?, repo.find_commit(theirs).map_err(failed)?);
        let mut index = repo.merge_commits(&our, &their, None).map_err(failed)?;
        if index.has_conflicts() {
            let mut paths = Vec::new();
            for conflict in index.conflicts().map_err(failed)? {
                let conflict = conflict.map_err(failed)?;
                let side = conflict.our.or(conflict.their).or(conflict.ancestor);
                paths.extend(side.map(|side| String::from_utf8_lossy(&side.path).into_owned()));
            }
            return Ok(Merged::Conflict { paths });
        }
        let tree = index.write_tree_to(repo).and_then(|tree| repo.find_tree(tree)).map_err(failed)?;
        let time = Time::new(by.seconds, by.offset_minutes);
        let who = Signature::new(&by.name, &by.email, &time).map_err(failed)?;
        let commit = repo.commit(None, &who, &who, message, &tree, &[&our, &their]).map_err(failed)?;
        Ok(Merged::Commit(commit))
    }
}
