//! A commit by which people asked for something, on a line of a page: its subject, its author, the beginning of its id.

use super::words::{cut, short};
use shipper_core::api::Commit;

/// Characters of a subject.
const SUBJECT: usize = 100;
/// Characters of a name.
const AUTHOR: usize = 60;

/// A commit on a line, which `pages/commit.html` sets.
pub(super) struct CommitLine {
    /// The beginning of its id.
    pub(super) id: String,
    /// Whose it is, where that is known.
    pub(super) author: Option<String>,
    /// Its subject, where that is known.
    pub(super) subject: Option<String>,
}

impl CommitLine {
    /// A commit.
    pub(super) fn of(commit: &Commit) -> Self {
        Self {
            id: short(&commit.id),
            author: commit.author.as_deref().map(|author| cut(author, AUTHOR)),
            subject: commit.subject.as_deref().map(|subject| cut(subject, SUBJECT)),
        }
    }

    /// A commit of which nothing is known but its id.
    pub(super) fn bare(id: &str) -> Self {
        Self { id: short(id), author: None, subject: None }
    }
}
