//! Whether what the repository shows may be followed at all [X3]. A history that was rewritten, emptied or restored from an older
//! backup changes nothing anywhere; it is said loudly, with the commits, until the old history is back or people accept the new one.

use shipper_core::command::Command;
use shipper_core::intent::AcceptedBranch;
use shipper_core::protocol::RefusedHistory;
use shipper_git::{Ancestry, Oid, Store, StoreError};

/// Why nothing may be decided on what the repository shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The branch is gone.
    #[error(
        "{branch} is gone; its last known commit is {last}. Nothing changes anywhere until it is pushed there again"
    )]
    Gone {
        /// Full name of the branch.
        branch: String,
        /// The commit it was at.
        last: String,
    },
    /// The branch is at a commit that does not descend from the last one.
    #[error(
        "{branch} is at {now}, which does not descend from {last}, the last commit followed: {how}. Nothing changes anywhere until the \
         old history is pushed back, or people accept the new one with `{}` (or the hub is stopped and \
         started once with `--accept-history {now}`){note}", accept(.now)
    )]
    Rewritten {
        /// Full name of the branch.
        branch: String,
        /// Where it is.
        now: String,
        /// Where it was.
        last: String,
        /// What seems to have happened, in words.
        how: &'static str,
        /// Why what was accepted does not help, in words that follow on; mostly empty.
        note: String,
    },
    /// Agents follow commits that the branch does not have.
    #[error(
        "{branch} is at {now}, and {agents} of the agents that report follow commits that it does not have, such as {last} in cluster \
         {cluster}: it was restored from an older backup, or rewritten. Nothing changes anywhere until commit {last} is pushed back, or \
         people accept the branch as it is with `{}`: a new epoch, which those agents follow", accept(.now)
    )]
    Restored {
        /// Full name of the branch.
        branch: String,
        /// Where it is.
        now: String,
        /// A commit that is not there.
        last: String,
        /// Who follows it.
        cluster: String,
        /// How many do.
        agents: usize,
        /// All such commits.
        commits: Vec<String>,
    },
    /// Agents follow commits of a branch that is not there at all.
    #[error(
        "there is no branch {branch}, but agents follow commits of it, such as {last} in cluster {cluster}. Nothing changes anywhere until \
         the branch is pushed there again, from any clone or backup"
    )]
    Lost {
        /// Full name of the branch.
        branch: String,
        /// A commit that is not there.
        last: String,
        /// Who follows it.
        cluster: String,
    },
    /// There is no such branch, and there never was.
    #[error("there is no branch {branch} in the repository; push the intent of the fleet to it")]
    Empty {
        /// Full name of the branch.
        branch: String,
    },
    /// A tree or file that all depends on cannot be read.
    #[error("{branch} at {commit} cannot be read: {reason}. Nothing changes anywhere until it can be")]
    Unreadable {
        /// Full name of the branch.
        branch: String,
        /// The commit.
        commit: String,
        /// Why.
        reason: String,
    },
}

/// What accepts a commit as it is.
fn accept(commit: &str) -> Command {
    Command::new("shipperctl repository accept").word(commit)
}

impl Refused {
    /// What people could accept; nothing where there is nothing to go on with.
    pub fn acceptable(&self) -> Option<RefusedHistory> {
        let (branch, commit, supersedes) = match self {
            Self::Rewritten { branch, now, last, .. } => (branch, now, vec![last.clone()]),
            Self::Restored { branch, now, commits, .. } => (branch, now, commits.clone()),
            Self::Gone { .. } | Self::Lost { .. } | Self::Empty { .. } | Self::Unreadable { .. } => {
                return None;
            }
        };
        Some(RefusedHistory { branch: branch.clone(), commit: commit.clone(), supersedes })
    }
}

/// Why a commit may be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// It descends from the last one, or is the first.
    Descends,
    /// People accepted it as a new beginning.
    Accepted,
}

/// What people accepted as new beginnings.
#[derive(Clone, Debug, Default)]
pub struct Acceptance {
    /// By the hub's flag: a commit of either branch.
    pub flag: Option<Oid>,
    /// By `accepted-history.yaml` on `main`.
    pub file: Vec<AcceptedBranch>,
    /// Why that file says nothing, if it is there and cannot be read.
    pub problem: Option<String>,
}

impl Acceptance {
    /// Whether `now` is a new beginning of `branch`, or descends from one, in the place of `last`.
    ///
    /// # Errors
    /// The history cannot be read, or the server cannot be asked for the rest of it.
    pub fn covers(&self, store: &mut Store, branch: &str, last: Oid, now: Oid) -> Result<bool, StoreError> {
        if let Some(flag) = self.flag
            && follows(store.ancestry(flag, now, branch)?)
        {
            return Ok(true);
        }
        for entry in self.file.iter().filter(|entry| entry.branch == branch) {
            let Ok(commit) = Oid::from_str(&entry.commit) else { continue };
            let superseded = entry.supersedes.iter().filter_map(|hex| Oid::from_str(hex).ok());
            let names_last = superseded.into_iter().any(|old| related(store, old, last));
            if names_last && store.contains(commit) && follows(store.ancestry(commit, now, branch)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn follows(ancestry: Ancestry) -> bool {
    matches!(ancestry, Ancestry::Same | Ancestry::Descendant)
}

/// Of one line: two hubs may have followed the old history to different commits.
fn related(store: &Store, one: Oid, other: Oid) -> bool {
    let descends = |old, new| store.contains(new) && store.is_ancestor(old, new).is_ok_and(follows);
    one == other || descends(one, other) || descends(other, one)
}

/// Whether `now`, where `branch` is, follows `last`.
///
/// # Errors
/// The history cannot be read, or the server cannot be asked for the rest of it.
pub fn judge(
    store: &mut Store,
    branch: &str,
    last: Option<Oid>,
    now: Option<Oid>,
    accepted: &Acceptance,
) -> Result<Result<Follows, Refused>, StoreError> {
    let branch_name = || branch.to_owned();
    let (last, now) = match (last, now) {
        (None, None) => return Ok(Err(Refused::Empty { branch: branch_name() })),
        (Some(last), None) => {
            return Ok(Err(Refused::Gone { branch: branch_name(), last: last.to_string() }));
        }
        (None, Some(_)) => return Ok(Ok(Follows::Descends)),
        (Some(last), Some(now)) => (last, now),
    };
    if follows(store.ancestry(last, now, branch)?) {
        return Ok(Ok(Follows::Descends));
    }
    if accepted.covers(store, branch, last, now)? {
        return Ok(Ok(Follows::Accepted));
    }
    let back = store.contains(last) && store.is_ancestor(now, last).is_ok_and(follows);
    let note = accepted.problem.as_ref().map(|problem| format!(". {problem}")).unwrap_or_default();
    Ok(Err(Refused::Rewritten {
        branch: branch_name(),
        now: now.to_string(),
        last: last.to_string(),
        how: if back {
            "it went back, as after a restore from a backup"
        } else {
            "its history was rewritten"
        },
        note,
    }))
}
