//! Packs: how objects reach a store, and how many small ones become one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;

use git2::{Oid, PackBuilder, Repository};

use crate::changes;

/// Every commit and every fetch adds a pack, and every lookup may ask all of them.
const MANY: usize = 64;
/// So many times are packs joined before the joined ones are.
const MOST: usize = 32;

/// Writes what `builder` holds into `to`, as one pack.
pub(crate) fn write(builder: &mut PackBuilder<'_>, to: &Repository) -> Result<(), git2::Error> {
    let odb = to.odb()?;
    let mut writer = odb.packwriter()?;
    let mut failed = None;
    let result = builder.foreach(|chunk| match writer.write_all(chunk) {
        Ok(()) => true,
        Err(error) => {
            failed = Some(error);
            false
        }
    });
    if let Some(error) = failed {
        return Err(git2::Error::from_str(&error.to_string()));
    }
    result?;
    writer.commit().map(drop)
}

/// Keeps the number of packs small: once many have come, what they hold goes into one. That is as much work as what was new since the
/// last time. Once many of those have come, all that the refs reach goes into one.
///
/// The packs it replaces are removed a round later, so that whoever still reads from them comes to an end first.
pub(crate) struct Compaction {
    /// New packs that are joined.
    many: usize,
    /// Joined packs that are joined in turn.
    most: usize,
    /// Packs that hold all that `tips` reach.
    kept: BTreeSet<OsString>,
    tips: Vec<Oid>,
    replaced: BTreeSet<OsString>,
}

impl Default for Compaction {
    /// Nothing is known of the packs that are there.
    fn default() -> Self {
        Self::of(MANY, MOST)
    }
}

impl Compaction {
    fn of(many: usize, most: usize) -> Self {
        Self { many, most, kept: BTreeSet::new(), tips: Vec::new(), replaced: BTreeSet::new() }
    }

    /// The packs of a store that was opened: they hold all that its refs reach.
    pub(crate) fn begin(repo: &Repository) -> Result<Self, git2::Error> {
        let kept = packs(&repo.path().join("objects/pack"));
        if kept.len() >= MANY {
            return Ok(Self::default());
        }
        Ok(Self { kept, tips: tips(repo)?, ..Self::default() })
    }

    pub(crate) fn run(&mut self, repo: &Repository) -> Result<(), git2::Error> {
        let dir = repo.path().join("objects/pack");
        let before = packs(&dir);
        let fresh = |this: &Self| -> BTreeSet<OsString> {
            before
                .iter()
                .filter(|name| !this.kept.contains(*name) && !this.replaced.contains(*name))
                .cloned()
                .collect()
        };
        if fresh(self).len() < self.many {
            return Ok(());
        }
        if self.kept.len() >= self.most {
            (self.kept, self.tips) = (BTreeSet::new(), Vec::new());
        }
        let (tips, joined) = (tips(repo)?, fresh(self));
        let mut walk = repo.revwalk()?;
        tips.iter().try_for_each(|tip| walk.push(*tip))?;
        self.tips.iter().try_for_each(|tip| walk.hide(*tip))?;
        let mut builder = changes::pack(repo, walk)?;
        if builder.object_count() == 0 {
            return Ok(());
        }
        write(&mut builder, repo)?;
        for name in std::mem::take(&mut self.replaced) {
            for extension in ["idx", "pack"] {
                let _ = fs::remove_file(dir.join(&name).with_extension(extension));
            }
        }
        // A pack that came out the same as one before is the new one.
        let made: Vec<OsString> = packs(&dir).difference(&before).cloned().collect();
        if !made.is_empty() {
            self.kept.extend(made);
            (self.tips, self.replaced) = (tips, joined);
        }
        Ok(())
    }
}

/// The commits that refs name.
fn tips(repo: &Repository) -> Result<Vec<Oid>, git2::Error> {
    let mut tips = Vec::new();
    for reference in repo.references()? {
        tips.extend(reference?.peel_to_commit().map(|commit| commit.id()));
    }
    Ok(tips)
}

fn packs(dir: &Path) -> BTreeSet<OsString> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name())
        .filter(|name| Path::new(name).extension() == Some("pack".as_ref()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use git2::{FileMode, Signature};

    /// Commits a file in a pack of its own, as the store does, and moves the branch.
    fn commit(repo: &Repository, number: usize) -> Oid {
        let before = repo.refname_to_id("refs/heads/main").ok().map(|oid| repo.find_commit(oid).unwrap());
        let mut update = git2::build::TreeUpdateBuilder::new();
        // What was there before comes back now and then, whole folders of it.
        let text = format!("{}", number % 3);
        update.upsert(
            format!("d{}/f{}", number % 5, number % 7),
            repo.blob(text.as_bytes()).unwrap(),
            FileMode::Blob,
        );
        let empty = || repo.find_tree(repo.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let base = before.as_ref().map_or_else(empty, |commit| commit.tree().unwrap());
        let tree = repo.find_tree(update.create_updated(repo, &base).unwrap()).unwrap();
        let ada = Signature::now("Ada", "ada@example.com").unwrap();
        let parents: Vec<_> = before.iter().collect();
        let oid = repo.commit(Some("refs/heads/main"), &ada, &ada, "m", &tree, &parents).unwrap();
        let mut walk = repo.revwalk().unwrap();
        walk.push(oid).unwrap();
        before.iter().for_each(|commit| walk.hide(commit.id()).unwrap());
        write(&mut changes::pack(repo, walk).unwrap(), repo).unwrap();
        // Packs alone are to hold everything.
        for entry in fs::read_dir(repo.path().join("objects")).unwrap().flatten() {
            if entry.file_name().len() == 2 {
                fs::remove_dir_all(entry.path()).unwrap();
            }
        }
        oid
    }

    /// Reads every object that the branch reaches, with a handle that has seen nothing yet.
    fn read_all(path: &Path) -> usize {
        let repo = Repository::open_bare(path).unwrap();
        let mut walk = repo.revwalk().unwrap();
        walk.push_glob("refs/*").unwrap();
        let mut read = 0;
        for oid in walk {
            let tree = repo.find_commit(oid.unwrap()).unwrap().tree().unwrap();
            tree.walk(git2::TreeWalkMode::PreOrder, |_, entry| {
                entry.to_object(&repo).unwrap();
                read += 1;
                git2::TreeWalkResult::Ok
            })
            .unwrap();
        }
        read
    }

    #[test]
    fn packs_stay_few_and_nothing_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let repo = Repository::init_bare(directory.path()).unwrap();
        let mut compaction = Compaction::of(4, 3);
        let mut read = 0;
        for number in 0..120 {
            commit(&repo, number);
            compaction.run(&repo).unwrap();
            let there = packs(&directory.path().join("objects/pack")).len();
            // Twice four new ones, three joined, and as many again after a restart, which knows none of them.
            assert!(there <= 24, "{there} packs after {number} commits");
            let now = read_all(directory.path());
            assert!(now > read, "commit {number}");
            read = now;
            if number % 37 == 0 {
                // As after a restart of whoever holds the store.
                compaction = Compaction { many: 4, most: 3, ..Compaction::begin(&repo).unwrap() };
            }
        }
    }
}
