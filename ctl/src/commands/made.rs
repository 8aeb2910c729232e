//! What became of a commit: sentences for people, an object for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::pulls::Proposed;
use crate::repository::Published;
use crate::terminal::{BUSY, GOOD, STRONG, plain, styled};

/// What became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Made<'a> {
    /// Whether there was anything to commit.
    changed: bool,
    /// The commit, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'a str>,
    /// The branch it is on, short.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'a str>,
    /// First line of its message.
    subject: &'a str,
    /// The pull request, where one is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request: Option<PullRequest>,
    /// What comes next, or why there is nothing to commit.
    message: &'a str,
}

/// A pull request that is open, or that a person opens.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PullRequest {
    /// Whether it is open.
    opened: bool,
    /// Where it is, or where a person opens it; absent = it is not known how the host does that.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl<'a> Made<'a> {
    /// `message`: what comes next, or why there is nothing to commit.
    pub(super) fn new(
        published: &'a Published,
        subject: &'a str,
        proposed: Option<Proposed>,
        message: &'a str,
    ) -> Self {
        let (commit, branch) = match published {
            Published::Pushed { commit, branch, .. } => (Some(commit.as_str()), Some(branch.as_str())),
            Published::Unchanged => (None, None),
        };
        let pull_request = proposed.map(|proposed| match proposed {
            Proposed::Opened { url } => PullRequest { opened: true, url: Some(url) },
            Proposed::Link { url, .. } => PullRequest { opened: false, url: Some(url) },
            Proposed::Unknown => PullRequest { opened: false, url: None },
        });
        Self { changed: commit.is_some(), commit, branch, subject, pull_request, message }
    }

    /// The commit, for other commands.
    pub(super) fn names(&self) -> Vec<String> {
        self.commit.into_iter().map(str::to_owned).collect()
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let (Some(commit), Some(branch)) = (self.commit, self.branch) else {
            return format!("{BUSY}Nothing to commit:{BUSY:#} {}\n", plain(self.message));
        };
        let short = styled(STRONG, commit.get(..10).unwrap_or(commit));
        let mut text = format!(
            "{GOOD}Committed{GOOD:#} {short} on {}: {}\n",
            plain(branch),
            styled(STRONG, self.subject)
        );
        let nothing = "nothing happens until it is merged.";
        let by_hand = format!("Open a pull request from {} to main; {nothing}", plain(branch));
        let _ = match &self.pull_request {
            None if branch == "main" => {
                self.message.lines().try_for_each(|line| writeln!(text, "{}", plain(line)))
            }
            None => writeln!(text, "{by_hand}"),
            Some(PullRequest { opened: true, url }) => {
                writeln!(text, "Opened {}: {nothing}", styled(STRONG, url.as_deref().unwrap_or_default()))
            }
            Some(PullRequest { url: Some(url), .. }) => {
                writeln!(text, "Open the pull request: {}\n{nothing}", styled(STRONG, url))
            }
            Some(_) => writeln!(
                text,
                "{by_hand} With SHIPPER_GIT_HOST set to github, gitlab, gitea or forgejo the link is printed here."
            ),
        };
        text
    }
}
