//! `accepted-history.yaml` on `main`: which rewritten histories people take as a new beginning [X3]. It is part of the history that it
//! speaks for, so whoever may write `main` decides, as themselves; the hub only compares.

use crate::yaml;
use serde::{Deserialize, Serialize};

/// Its path on `main`.
pub const ACCEPTED_HISTORY: &str = "accepted-history.yaml";
const KIND: &str = "AcceptedHistory";
const HEAD: &str = "\
# A history that was rewritten on purpose, or restored from a backup. Written by `shipperctl repository accept`; it counts only
# where exactly this was in force before, so it may stay.
";

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcceptedHistory {
    /// At most one for each branch.
    pub accepted: Vec<AcceptedBranch>,
}

/// A new beginning of one branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcceptedBranch {
    /// Full name of the branch.
    pub branch: String,
    /// The commit that it begins anew with, in hex.
    pub commit: String,
    /// What was in force before and does not count any more, in hex: the commits that the hub or agents had followed.
    pub supersedes: Vec<String>,
}

impl AcceptedHistory {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is not YAML, of another kind, or has other fields.
    pub fn from_yaml(bytes: &[u8]) -> Result<Self, yaml::Error> {
        yaml::read_object(KIND, bytes)
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// When a value cannot be written as YAML, which no value of this type does.
    pub fn to_yaml(&self) -> Result<Vec<u8>, yaml::Error> {
        Ok([HEAD.as_bytes(), &yaml::write_object(KIND, self)?].concat())
    }

    /// Puts a branch in the place of what was said of it.
    pub fn put(&mut self, branch: AcceptedBranch) {
        self.accepted.retain(|other| other.branch != branch.branch);
        self.accepted.push(branch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(name: &str, commit: &str) -> AcceptedBranch {
        AcceptedBranch {
            branch: name.to_owned(),
            commit: commit.to_owned(),
            supersedes: vec!["old".to_owned()],
        }
    }

    #[test]
    fn it_reads_what_it_writes_and_says_one_thing_of_each_branch() {
        let mut history = AcceptedHistory::default();
        for (name, commit) in
            [("refs/heads/main", "a"), ("refs/heads/shipper/state", "b"), ("refs/heads/main", "c")]
        {
            history.put(branch(name, commit));
        }
        let read = AcceptedHistory::from_yaml(&history.to_yaml().unwrap()).unwrap();
        assert_eq!(read, history);
        assert_eq!(read.accepted, [branch("refs/heads/shipper/state", "b"), branch("refs/heads/main", "c")]);
        assert!(
            AcceptedHistory::from_yaml(
                b"apiVersion: shipper.dev/v1alpha1\nkind: AcceptedHistory\nacepted: []\n"
            )
            .is_err()
        );
    }
}
