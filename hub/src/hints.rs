//! Hints that something was pushed. They only say that a look may be worth it; what is so is then read from the repository.
//!
//! A hint may name the commit that a branch was moved to. Git hosts call for the hub's own pushes too, at the very moment
//! when agents fetch them; a hint that names what is known already is no reason to ask the server again.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Commits that are remembered by name; with more, a look is due anyway.
const MOST: usize = 64;

/// What was hinted at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hinted {
    /// Something was pushed; nobody said what.
    pub anything: bool,
    /// Branches were moved to these commits, in hex.
    pub commits: BTreeSet<String>,
}

impl Hinted {
    /// Adds what else was hinted at.
    pub fn join(&mut self, mut other: Self) {
        self.anything |= other.anything;
        self.commits.append(&mut other.commits);
        if self.commits.len() > MOST {
            *self = Self { anything: true, commits: BTreeSet::new() };
        }
    }

    /// Whether it may be about something else than these commits.
    pub fn is_beyond(&self, known: &[String]) -> bool {
        self.anything || self.commits.iter().any(|commit| !known.contains(commit))
    }
}

/// Where hints are given and taken.
#[derive(Debug, Default)]
pub struct Hints {
    given: Mutex<Hinted>,
    wake: Notify,
}

impl Hints {
    /// Something was pushed: to this commit, or nobody says what.
    pub fn give(&self, commit: Option<String>) {
        let hinted = Hinted { anything: commit.is_none(), commits: commit.into_iter().collect() };
        self.given().join(hinted);
        self.wake.notify_one();
    }

    /// Waits until something was hinted at since the last call. Nothing is lost when the future is dropped.
    pub async fn next(&self) -> Hinted {
        self.wake.notified().await;
        std::mem::take(&mut *self.given())
    }

    fn given(&self) -> MutexGuard<'_, Hinted> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_hints_that_name_nothing_but_known_commits_are_no_reason_to_look() {
        let hints = Hints::default();
        let known = ["a".to_owned(), "b".to_owned()];
        hints.give(Some("a".to_owned()));
        hints.give(Some("b".to_owned()));
        assert!(!hints.next().await.is_beyond(&known));
        hints.give(Some("a".to_owned()));
        hints.give(Some("c".to_owned()));
        assert!(hints.next().await.is_beyond(&known));
        hints.give(Some("a".to_owned()));
        hints.give(None);
        assert!(hints.next().await.is_beyond(&known));
    }

    #[test]
    fn a_flood_of_hints_takes_no_room() {
        let hints = Hints::default();
        (0..1000).for_each(|number| hints.give(Some(number.to_string())));
        let hinted = std::mem::take(&mut *hints.given());
        assert!(hinted.anything && hinted.commits.len() <= MOST);
    }
}
