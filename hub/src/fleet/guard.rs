//! Whether what the repository shows may be followed at all [X3]. A rewritten or emptied history changes nothing anywhere;
//! it is said loudly, with both commits, until the old history is back or a person accepts the new one.

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
        "{branch} is at {now}, which does not descend from {last}, the last commit followed: its history was rewritten. \
         Nothing changes anywhere until the old history is pushed back, or the hub is stopped and started once with \
         `--accept-history {now}`"
    )]
    Rewritten {
        /// Full name of the branch.
        branch: String,
        /// Where it is.
        now: String,
        /// Where it was.
        last: String,
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

/// Whether `now`, where `branch` is, follows `last`. `accepted` is a commit that a person accepted as a new beginning.
///
/// # Errors
/// The history cannot be read, or the server cannot be asked for the rest of it.
pub fn judge(
    store: &mut Store,
    branch: &str,
    last: Option<Oid>,
    now: Option<Oid>,
    accepted: Option<Oid>,
) -> Result<Result<(), Refused>, StoreError> {
    let branch_name = || branch.to_owned();
    let (last, now) = match (last, now) {
        (None, None) => return Ok(Err(Refused::Empty { branch: branch_name() })),
        (Some(last), None) => {
            return Ok(Err(Refused::Gone { branch: branch_name(), last: last.to_string() }));
        }
        (None, Some(_)) => return Ok(Ok(())),
        (Some(last), Some(now)) => (last, now),
    };
    let follows = |ancestry| matches!(ancestry, Ancestry::Same | Ancestry::Descendant);
    if follows(store.ancestry(last, now, branch)?) {
        return Ok(Ok(()));
    }
    if let Some(accepted) = accepted
        && follows(store.ancestry(accepted, now, branch)?)
    {
        return Ok(Ok(()));
    }
    Ok(Err(Refused::Rewritten { branch: branch_name(), now: now.to_string(), last: last.to_string() }))
}
