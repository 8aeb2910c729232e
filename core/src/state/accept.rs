//! Which commits of the state branch an agent obeys [X5].

use super::FleetState;
use serde::{Deserialize, Serialize};

/// The last commit that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// In hex.
    pub commit: String,
    /// Its epoch.
    pub epoch: u64,
    /// Its generation.
    pub generation: u64,
}

/// Why a commit is not obeyed. What was accepted before stays in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not descend from the last one, and takes over from nothing.
    #[error(
        "state commit {commit} does not descend from {last}, the last one accepted: the state branch was rewritten; \
         the hub has to take over with a new epoch that names what it supersedes"
    )]
    Unrelated {
        /// The commit offered.
        commit: String,
        /// The last one accepted.
        last: String,
    },
    /// Whether it descends cannot be found out.
    #[error(
        "it cannot be found out whether state commit {commit} descends from {last}: history on the server is cut off"
    )]
    Unknown {
        /// The commit offered.
        commit: String,
        /// The last one accepted.
        last: String,
    },
    /// A hub that was replaced wrote it.
    #[error(
        "state commit {commit} is of epoch {epoch}, but epoch {last} is in force: a hub that was replaced still writes"
    )]
    Epoch {
        /// The commit offered.
        commit: String,
        /// Its epoch.
        epoch: u64,
        /// The epoch in force.
        last: u64,
    },
    /// It goes back.
    #[error(
        "state commit {commit} is of generation {generation}, which is not above {last}, the last one accepted"
    )]
    Generation {
        /// The commit offered.
        commit: String,
        /// Its generation.
        generation: u64,
        /// The generation in force.
        last: u64,
    },
}

/// How a commit relates to the last one accepted, as far as Git can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descent {
    /// It is that one.
    Same,
    /// It descends from it.
    Descendant,
    /// It does not: history was rewritten, or the last one is the newer.
    Unrelated,
    /// History is cut off before that could be decided, or there is no last one.
    Unknown,
}

/// The rule.
///
/// # Errors
/// The commit is not to be obeyed.
pub fn accept(
    last: Option<&Accepted>,
    commit: &str,
    state: &FleetState,
    descent: Descent,
) -> Result<Accepted, Refused> {
    let accepted = Accepted { commit: commit.to_owned(), epoch: state.epoch, generation: state.generation };
    let Some(last) = last else { return Ok(accepted) };
    if descent == Descent::Same {
        return Ok(accepted);
    }
    let commit = commit.to_owned();
    if state.epoch < last.epoch {
        return Err(Refused::Epoch { commit, epoch: state.epoch, last: last.epoch });
    }
    let takes_over = state.epoch > last.epoch && state.supersedes.is_some();
    match descent {
        _ if takes_over => Ok(accepted),
        Descent::Descendant | Descent::Same if state.generation > last.generation => Ok(accepted),
        Descent::Descendant | Descent::Same => {
            Err(Refused::Generation { commit, generation: state.generation, last: last.generation })
        }
        Descent::Unrelated => Err(Refused::Unrelated { commit, last: last.commit.clone() }),
        Descent::Unknown => Err(Refused::Unknown { commit, last: last.commit.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last() -> Accepted {
        Accepted { commit: "a".into(), epoch: 2, generation: 10 }
    }

    fn state(epoch: u64, generation: u64, supersedes: Option<&str>) -> FleetState {
        FleetState {
            epoch,
            generation,
            source: String::new(),
            supersedes: supersedes.map(str::to_owned),
            ..FleetState::default()
        }
    }

    fn offer(state: &FleetState, descent: Descent) -> Result<Accepted, Refused> {
        accept(Some(&last()), "b", state, descent)
    }

    #[test]
    fn x5_the_first_commit_is_taken_on_trust() {
        assert!(accept(None, "b", &state(0, 0, None), Descent::Unknown).is_ok());
    }

    #[test]
    fn x5_descendants_that_go_forward_are_accepted() {
        assert!(offer(&state(2, 11, None), Descent::Descendant).is_ok());
        assert!(offer(&state(3, 11, None), Descent::Descendant).is_ok());
        assert!(matches!(offer(&state(2, 10, None), Descent::Descendant), Err(Refused::Generation { .. })));
        assert!(matches!(offer(&state(1, 99, None), Descent::Descendant), Err(Refused::Epoch { .. })));
    }

    #[test]
    fn x5_a_rewritten_branch_needs_a_new_epoch_that_says_so() {
        assert!(matches!(
            offer(&state(2, 99, Some("a")), Descent::Unrelated),
            Err(Refused::Unrelated { .. })
        ));
        assert!(matches!(offer(&state(3, 99, None), Descent::Unrelated), Err(Refused::Unrelated { .. })));
        assert!(matches!(offer(&state(2, 99, None), Descent::Unknown), Err(Refused::Unknown { .. })));
        assert!(offer(&state(3, 4, Some("a")), Descent::Unrelated).is_ok());
        assert!(matches!(offer(&state(1, 99, Some("a")), Descent::Unrelated), Err(Refused::Epoch { .. })));
    }
}
