//! Which commits of the state branch the agent obeys [X5], and the memory of the last one.

use serde::{Deserialize, Serialize};
use shipper_core::state::FleetState;
use shipper_git::Ancestry;
use std::io;
use std::path::{Path, PathBuf};

const FILE: &str = "accepted.json";

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

/// The rule. `ancestry`: how the commit relates to the last one accepted.
///
/// # Errors
/// The commit is not to be obeyed.
pub fn accept(
    last: Option<&Accepted>,
    commit: &str,
    state: &FleetState,
    ancestry: Ancestry,
) -> Result<Accepted, Refused> {
    let accepted = Accepted { commit: commit.to_owned(), epoch: state.epoch, generation: state.generation };
    let Some(last) = last else { return Ok(accepted) };
    if ancestry == Ancestry::Same {
        return Ok(accepted);
    }
    let commit = commit.to_owned();
    if state.epoch < last.epoch {
        return Err(Refused::Epoch { commit, epoch: state.epoch, last: last.epoch });
    }
    let takes_over = state.epoch > last.epoch && state.supersedes.is_some();
    match ancestry {
        _ if takes_over => Ok(accepted),
        Ancestry::Descendant | Ancestry::Same if state.generation > last.generation => Ok(accepted),
        Ancestry::Descendant | Ancestry::Same => {
            Err(Refused::Generation { commit, generation: state.generation, last: last.generation })
        }
        Ancestry::Unrelated => Err(Refused::Unrelated { commit, last: last.commit.clone() }),
        Ancestry::Unknown => Err(Refused::Unknown { commit, last: last.commit.clone() }),
    }
}

/// Where the last accepted commit is written down.
#[derive(Clone, Debug)]
pub struct Memory(PathBuf);

impl Memory {
    /// In this directory.
    pub fn in_dir(dir: &Path) -> Self {
        Self(dir.join(FILE))
    }

    /// What was written, if it can be read. A damaged file counts as none: then the next commit is accepted as the first.
    pub fn load(&self) -> Option<Accepted> {
        let bytes = std::fs::read(&self.0).ok()?;
        serde_json::from_slice(&bytes)
            .inspect_err(
                |error| tracing::warn!(path = %self.0.display(), %error, "unreadable; starting anew"),
            )
            .ok()
    }

    /// Writes it, all or nothing.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn store(&self, accepted: &Accepted) -> io::Result<()> {
        let beside = self.0.with_extension("new");
        std::fs::write(&beside, serde_json::to_vec(accepted)?)?;
        std::fs::rename(&beside, &self.0)
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

    fn offer(state: &FleetState, ancestry: Ancestry) -> Result<Accepted, Refused> {
        accept(Some(&last()), "b", state, ancestry)
    }

    #[test]
    fn x5_the_first_commit_is_taken_on_trust() {
        assert!(accept(None, "b", &state(0, 0, None), Ancestry::Unknown).is_ok());
    }

    #[test]
    fn x5_descendants_that_go_forward_are_accepted() {
        assert!(offer(&state(2, 11, None), Ancestry::Descendant).is_ok());
        assert!(offer(&state(3, 11, None), Ancestry::Descendant).is_ok());
        assert!(matches!(offer(&state(2, 10, None), Ancestry::Descendant), Err(Refused::Generation { .. })));
        assert!(matches!(offer(&state(1, 99, None), Ancestry::Descendant), Err(Refused::Epoch { .. })));
    }

    #[test]
    fn x5_a_rewritten_branch_needs_a_new_epoch_that_says_so() {
        assert!(matches!(
            offer(&state(2, 99, Some("a")), Ancestry::Unrelated),
            Err(Refused::Unrelated { .. })
        ));
        assert!(matches!(offer(&state(3, 99, None), Ancestry::Unrelated), Err(Refused::Unrelated { .. })));
        assert!(matches!(offer(&state(2, 99, None), Ancestry::Unknown), Err(Refused::Unknown { .. })));
        assert!(offer(&state(3, 4, Some("a")), Ancestry::Unrelated).is_ok());
        assert!(matches!(offer(&state(1, 99, Some("a")), Ancestry::Unrelated), Err(Refused::Epoch { .. })));
    }

    #[test]
    fn what_was_accepted_survives_a_restart_and_damage_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::in_dir(dir.path());
        assert_eq!(memory.load(), None);
        memory.store(&last()).unwrap();
        assert_eq!(Memory::in_dir(dir.path()).load(), Some(last()));
        std::fs::write(dir.path().join(FILE), "{").unwrap();
        assert_eq!(memory.load(), None);
    }
}
