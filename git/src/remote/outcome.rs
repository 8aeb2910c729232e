//! What a refused push means. libgit2 reports success for a refused ref and leaves the verdict to the texts of the
//! server, which every host words in its own way.

/// What became of a push. Errors of the connection are no outcome: after one, fetch and look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// The branch is at the new commit.
    Pushed,
    /// The branch moved since it was read. Read again and plan again, never force.
    LostRace {
        /// What the server said.
        detail: String,
    },
    /// The server does not want it: a hook, a protected branch, a full disk. Repeating it will not help.
    Refused {
        /// What the server said.
        detail: String,
    },
}

/// Wordings that no retry will cure although they resemble a lost race.
const LASTING: &[&str] = &[
    "exists; cannot create",
    "permission denied",
    "read-only file system",
    "no space left",
    "hook declined",
    "protected branch",
    "not allowed to push",
    "protected from",
];

/// Wordings of a lost race, of git, GitHub, GitLab, Gitea and libgit2. See docs/adr/0002-git-transport.md.
const RACE: &[&str] = &[
    "cannot lock ref",
    "but expected",
    "fetch first",
    "non-fast-forward",
    "non-fastforward",
    "stale info",
    "failed to update ref",
    "failed to lock",
    "reference already exists",
    "already exists",
    "incorrect old value provided",
    "unable to resolve reference",
    "contains commits that are not present locally",
    "atomic transaction failed",
    "file exists",
];

/// Sorts what the server said about one ref (`status`) and beside it (`progress`).
pub(crate) fn classify(status: &str, progress: &str) -> PushOutcome {
    let progress = progress.trim();
    let detail = if progress.is_empty() { status.to_owned() } else { format!("{status}: {progress}") };
    let text = detail.to_lowercase();
    let names = |list: &[&str]| list.iter().any(|words| text.contains(words));
    // A hook may pass on the words of a race that it met itself, so its own refusal decides only without them.
    let raced = text.contains("but expected") || text.contains("incorrect old value");
    if raced || (names(RACE) && !names(LASTING)) {
        PushOutcome::LostRace { detail }
    } else {
        PushOutcome::Refused { detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_wording_of_a_race_is_a_race() {
        for (status, progress) in [
            ("failed to update ref", "error: cannot lock ref 'refs/heads/main': is at A but expected B"),
            ("failed to update ref", ""),
            ("cannot lock ref 'refs/heads/x': reference already exists", ""),
            (
                "failed to update ref",
                "cannot lock ref 'refs/heads/x': unable to resolve reference 'refs/heads/x'",
            ),
            ("fetch first", ""),
            ("non-fast-forward", ""),
            ("stale info", ""),
            ("incorrect old value provided", ""),
            ("pre-receive hook declined", "GitLab: incorrect old value provided"),
            ("cannot push non-fastforwardable reference", ""),
            ("failed to update ref", "Unable to create '/r/refs/heads/x.lock': File exists."),
        ] {
            assert!(
                matches!(classify(status, progress), PushOutcome::LostRace { .. }),
                "{status} / {progress}"
            );
        }
    }

    #[test]
    fn a_refusal_is_not_a_race() {
        for (status, progress) in [
            ("pre-receive hook declined", "error: Not allowed to push to protected branch main"),
            ("hook declined", ""),
            (
                "failed to update ref",
                "cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create",
            ),
            ("failed to update ref", "Unable to create '/r/x.lock': Permission denied"),
            ("branch is currently checked out", ""),
            ("deny updating a hidden ref", ""),
        ] {
            assert!(
                matches!(classify(status, progress), PushOutcome::Refused { .. }),
                "{status} / {progress}"
            );
        }
    }
}
