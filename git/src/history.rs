//! The versions of one file on first-parent history, to find the last good one; and what messages said meanwhile.

use git2::{Oid, Sort};

use crate::snapshot::{Mode, ReadError, Snapshot, true_parents};

/// One version of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobVersion {
    /// The commit that brought it.
    pub commit: Oid,
    /// The file, or `None` if this commit removed it.
    pub blob: Option<Oid>,
}

/// Iterator over the versions of a file, newest first. Made by [`Snapshot::last_blobs`].
pub struct PathHistory<'s> {
    snapshot: &'s Snapshot,
    path: String,
    /// The commit to look at next, and how many may still be looked at.
    next: Option<Oid>,
    left: usize,
    cut: bool,
}

impl<'s> PathHistory<'s> {
    pub(crate) fn new(snapshot: &'s Snapshot, path: &str, limit: usize) -> Self {
        Self { snapshot, path: path.to_owned(), next: Some(snapshot.commit_id()), left: limit, cut: false }
    }

    /// After the end: whether older versions may exist that the store does not have or the limit did not reach.
    pub fn is_cut_off(&self) -> bool {
        self.cut
    }

    fn blob(&self, tree: Oid) -> Result<Option<Oid>, ReadError> {
        let entry = self.snapshot.entry_below(tree, &self.path)?;
        Ok(entry.filter(|(mode, _)| matches!(mode, Mode::File | Mode::Executable)).map(|(_, oid)| oid))
    }

    fn step(&mut self) -> Result<Option<BlobVersion>, ReadError> {
        let repo = self.snapshot.repo();
        while let Some(oid) = self.next.take() {
            if self.left == 0 {
                self.cut = true;
                return Ok(None);
            }
            self.left -= 1;
            let commit = repo.find_commit(oid).map_err(|e| self.snapshot.note(oid, &e))?;
            let parent = match true_parents(&commit).first() {
                None => None,
                Some(first) => match repo.find_commit(*first) {
                    Ok(parent) => Some(parent),
                    Err(_) if repo.is_shallow() => {
                        self.cut = true;
                        None
                    }
                    Err(e) => return Err(self.snapshot.note(*first, &e)),
                },
            };
            self.next = parent.as_ref().map(git2::Commit::id);
            if parent.as_ref().is_some_and(|parent| parent.tree_id() == commit.tree_id()) {
                continue;
            }
            let blob = self.blob(commit.tree_id())?;
            let before = match &parent {
                Some(parent) => self.blob(parent.tree_id())?,
                None => None,
            };
            if blob != before {
                return Ok(Some(BlobVersion { commit: oid, blob }));
            }
        }
        Ok(None)
    }
}

impl Iterator for PathHistory<'_> {
    type Item = Result<BlobVersion, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.next = None;
        }
        step.transpose()
    }
}

impl Snapshot {
    /// The newest commit with this trailer among those that are reachable from here and not from `hidden`, looking at `limit` of
    /// them at most. Commits that came with a merge count.
    ///
    /// # Errors
    /// Damage, or `hidden` is not here.
    pub fn commit_with_trailer(
        &self,
        hidden: Option<Oid>,
        (key, value): (&str, &str),
        limit: usize,
    ) -> Result<Option<Oid>, ReadError> {
        let repo = self.repo();
        let failed = |e: git2::Error| self.note(self.commit_id(), &e);
        let mut walk = repo.revwalk().map_err(failed)?;
        walk.set_sorting(Sort::TOPOLOGICAL).map_err(failed)?;
        walk.push(self.commit_id()).map_err(failed)?;
        if let Some(hidden) = hidden {
            walk.hide(hidden).map_err(failed)?;
        }
        for oid in walk.take(limit) {
            let oid = oid.map_err(failed)?;
            let commit = repo.find_commit(oid).map_err(|e| self.note(oid, &e))?;
            let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
            // Parsing is for the few that may have it.
            if !message.contains(value) {
                continue;
            }
            let trailers = git2::message_trailers_strs(&message).map_err(|e| self.note(oid, &e))?;
            if trailers.iter().any(|(k, v)| k.eq_ignore_ascii_case(key) && v.trim() == value) {
                return Ok(Some(oid));
            }
        }
        Ok(None)
    }
}
