//! What commits add to a store that has their parents: the work is that of the change, not of the tree.
//!
//! libgit2's own way to fill a pack marks every tree and blob of the parent first, which takes as long as the repository is large.

use git2::{ObjectType, Oid, PackBuilder, Repository, Revwalk, Tree};
use std::collections::BTreeSet;

/// A pack of the commits of a walk, and of what each has that its first parent has not. Whoever gets it must have the commits at which
/// the walk ends.
///
/// # Errors
/// A commit or a tree is damaged or gone.
pub(crate) fn pack<'r>(repo: &'r Repository, walk: Revwalk<'r>) -> Result<PackBuilder<'r>, git2::Error> {
    let mut added = Added::default();
    for oid in walk {
        let commit = repo.find_commit(oid?)?;
        // Below the cut of a shallow repository there is nothing.
        let parent = commit.parent(0).and_then(|parent| parent.tree()).ok();
        added.objects.insert(commit.id());
        added.tree(repo, &commit.tree()?, parent.as_ref())?;
    }
    let mut builder = repo.packbuilder()?;
    for oid in added.objects {
        builder.insert_object(oid, None)?;
    }
    Ok(builder)
}

#[derive(Default)]
struct Added {
    objects: BTreeSet<Oid>,
    /// Trees that were compared, and with which: a tree that comes back after a change is new to a commit whose parent lacks it, although the
    /// walk, which begins with the newest, has met it there already.
    compared: BTreeSet<(Oid, Option<Oid>)>,
}

impl Added {
    fn tree(&mut self, repo: &Repository, new: &Tree<'_>, old: Option<&Tree<'_>>) -> Result<(), git2::Error> {
        // Trees that are the same are never entered.
        let before = old.map(Tree::id);
        if before == Some(new.id()) || !self.compared.insert((new.id(), before)) {
            return Ok(());
        }
        self.objects.insert(new.id());
        for entry in new {
            let before = old.and_then(|old| old.get_name_bytes(entry.name_bytes()));
            if before.as_ref().is_some_and(|before| before.id() == entry.id()) {
                continue;
            }
            match entry.kind() {
                Some(ObjectType::Tree) => {
                    let before = before.filter(|before| before.kind() == Some(ObjectType::Tree));
                    let before = before.map(|before| repo.find_tree(before.id())).transpose()?;
                    self.tree(repo, &repo.find_tree(entry.id())?, before.as_ref())?;
                }
                Some(ObjectType::Blob) => drop(self.objects.insert(entry.id())),
                // The commit of a submodule is in another repository.
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use git2::build::TreeUpdateBuilder;
    use git2::{FileMode, Signature};

    /// A commit of these files on another one.
    fn commit(repo: &Repository, parent: Option<Oid>, files: &[(String, &str)]) -> Oid {
        let parent = parent.map(|oid| repo.find_commit(oid).unwrap());
        let empty = || repo.find_tree(repo.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let base = parent.as_ref().map_or_else(empty, |parent| parent.tree().unwrap());
        let mut update = TreeUpdateBuilder::new();
        for (path, content) in files {
            update.upsert(path.as_str(), repo.blob(content.as_bytes()).unwrap(), FileMode::Blob);
        }
        let tree = repo.find_tree(update.create_updated(repo, &base).unwrap()).unwrap();
        let ada = Signature::now("Ada", "ada@example.com").unwrap();
        repo.commit(None, &ada, &ada, "m", &tree, &parent.iter().collect::<Vec<_>>()).unwrap()
    }

    fn count(repo: &Repository, from: Option<Oid>, to: Oid) -> usize {
        let mut walk = repo.revwalk().unwrap();
        walk.push(to).unwrap();
        from.into_iter().for_each(|from| walk.hide(from).unwrap());
        pack(repo, walk).unwrap().object_count()
    }

    #[test]
    fn a_pack_holds_what_changed_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let repo = Repository::init_bare(directory.path()).unwrap();
        let all: Vec<(String, &str)> =
            (0..400).map(|number| (format!("a/{}/{number}", number % 20), "same")).collect();
        let first = commit(&repo, None, &all);
        // One blob for all files; the folders differ by their names.
        assert_eq!(count(&repo, None, first), 1 + 1 + 1 + 20 + 1);
        let second = commit(&repo, Some(first), &[("a/7/7".to_owned(), "other")]);
        assert_eq!(count(&repo, Some(first), second), 5, "commit, root, a, a/7, blob");
        let back = commit(&repo, Some(second), &[("a/7/7".to_owned(), "same")]);
        // What an older commit had is sent again rather than looked for in the whole repository.
        assert_eq!(count(&repo, Some(second), back), 5);
        assert_eq!(count(&repo, Some(first), back), 10);
        // All of it: nothing of the first commit is left out because the last one has the same trees.
        assert_eq!(count(&repo, None, back), 24 + 5 + 1);
    }
}
