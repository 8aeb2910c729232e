//! The memory of the last commit of the state branch that was obeyed.

use shipper_core::state::{Accepted, Descent};
use shipper_git::Ancestry;
use std::io;
use std::path::{Path, PathBuf};

const FILE: &str = "accepted.json";

/// What Git says of a commit, as [`shipper_core::state::accept`] takes it.
pub(crate) fn descent(ancestry: Ancestry) -> Descent {
    match ancestry {
        Ancestry::Same => Descent::Same,
        Ancestry::Descendant => Descent::Descendant,
        Ancestry::Unrelated => Descent::Unrelated,
        Ancestry::Unknown => Descent::Unknown,
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

    #[test]
    fn what_was_accepted_survives_a_restart_and_damage_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::in_dir(dir.path());
        assert_eq!(memory.load(), None);
        let last = Accepted { commit: "a".into(), epoch: 2, generation: 10 };
        memory.store(&last).unwrap();
        assert_eq!(Memory::in_dir(dir.path()).load(), Some(last));
        std::fs::write(dir.path().join(FILE), "{").unwrap();
        assert_eq!(memory.load(), None);
    }
}
