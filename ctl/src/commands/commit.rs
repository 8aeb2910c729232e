//! What every command that changes something has in common: one commit in the person's own name, pushed to `main`, or to a
//! branch for a pull request, and a word on what became of it.

use std::io::Write as _;

use jiff::Zoned;
use shipper_core::AppKey;
use shipper_git::{Identity, Oid, Snapshot};

use super::made::Made;
use crate::Error;
use crate::cli::{CommitArgs, Global};
use crate::edit::EditError;
use crate::hub::pick;
use crate::pulls::{self, Proposal, Proposed};
use crate::repository::{
    self, Change, FileChange, Place, Published, RepositoryError, Synced, applications, read_text,
};
use crate::terminal::{BUSY, FAINT, Terminal, plain};

/// Longest part of a branch's name that comes from the commit's subject.
const SLUG: usize = 48;

/// A commit in the making.
pub(super) struct Commit<'a> {
    args: &'a CommitArgs,
    place: Place,
    author: Identity,
    /// First line of the message.
    pub(super) subject: String,
    branch: Option<String>,
}

impl<'a> Commit<'a> {
    /// Finds the repository and who commits. `usual`: the subject, where the person gives none. What comes next takes as long as the
    /// repository does, and the terminal says so.
    ///
    /// # Errors
    /// When there is no repository, or nobody to commit as.
    pub(super) fn begin(
        global: &Global,
        args: &'a CommitArgs,
        usual: &str,
        terminal: &mut Terminal<'_>,
    ) -> Result<Self, Error> {
        let place = repository::find(global.repository.as_deref())?;
        let now = Zoned::now();
        let author = repository::author(args.author.as_ref(), place.worktree.as_deref(), &now)?;
        // Names are of others: a line break in one would make trailers of what follows it.
        let subject = args.message.clone().unwrap_or_else(|| plain(usual).into_owned());
        let branch = match (&args.branch, args.pull_request) {
            (Some(name), _) => Some(name.clone()),
            (None, true) => Some(branch_of(&subject, &now)),
            (None, false) => None,
        };
        terminal.busy(&format!("Committing to {}", place.url));
        Ok(Self { args, place, author, subject, branch })
    }

    /// Who commits.
    pub(super) fn author(&self) -> &str {
        &self.author.name
    }

    /// Makes the change that `decide` finds right for the newest `main`, and pushes it; see [`repository::publish`].
    ///
    /// # Errors
    /// What `decide` says, or what keeps the commit from being made.
    pub(super) fn publish(
        &self,
        whole: bool,
        decide: impl FnMut(&Snapshot, &dyn Fn(Oid) -> Result<Snapshot, RepositoryError>) -> Result<Change, Error>,
    ) -> Result<Published, Error> {
        repository::publish(&self.place, self.branch.as_deref(), whole, &self.author, decide)
    }

    /// A change of some files, with the subject as its message.
    pub(super) fn change(&self, files: Vec<(String, FileChange)>) -> Change {
        Change { files, message: self.subject.clone(), says_something: false }
    }

    /// An edit of one application's file. `name`: as people write it, with or without the namespace.
    pub(super) fn edited(
        &self,
        main: &Snapshot,
        name: &str,
        edit: impl FnOnce(&str) -> Result<String, EditError>,
    ) -> Result<Change, Error> {
        let files = applications(main)?;
        let keys: Vec<AppKey> = files.iter().map(|(key, _)| key.clone()).collect();
        let key = pick(name, &keys)?;
        let path =
            files.into_iter().find(|(other, _)| *other == key).map(|(_, path)| path).unwrap_or_default();
        let text = read_text(main, &path)?.unwrap_or_default();
        let edited = edit(&text).map_err(|source| Error::Edit { file: path.clone(), source })?;
        Ok(self.change(vec![(path, FileChange::Write(edited.into_bytes()))]))
    }

    /// Says what became of the commit, and what comes next; opens a pull request where one is asked for.
    pub(super) fn announce(
        &self,
        published: &Published,
        subject: &str,
        unchanged: &str,
        next: &str,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), Error> {
        let proposed = match published {
            Published::Pushed { branch, .. } if branch != "main" => {
                self.propose(branch, subject, next, terminal)
            }
            _ => None,
        };
        if let Some(Proposed::Link { why: Some(why), .. }) = &proposed {
            writeln!(terminal.err, "{BUSY}not opened:{BUSY:#} {}", plain(why))?;
        }
        let message = if matches!(published, Published::Unchanged) { unchanged } else { next };
        let made = Made::new(published, subject, proposed, message);
        let text = self.args.output.output.print(&made, || made.names(), || Ok(made.text()))?;
        write!(terminal.out, "{text}")?;
        if matches!(published, Published::Pushed { worktree: Some(Synced::Behind), .. }) {
            writeln!(
                terminal.err,
                "{FAINT}Your work tree could not follow by itself: git pull --rebase{FAINT:#}"
            )?;
        }
        Ok(())
    }

    /// Opens the pull request, where one is asked for.
    fn propose(
        &self,
        branch: &str,
        subject: &str,
        next: &str,
        terminal: &mut Terminal<'_>,
    ) -> Option<Proposed> {
        self.args.pull_request.then(|| {
            terminal.busy("Opening the pull request");
            let proposal = Proposal { branch, title: subject, body: &format!("Once it is merged: {next}") };
            pulls::propose(&self.place.url, proposal)
        })
    }
}

/// A name for the branch of a change: what it does, and when, so that nobody has to think of one.
fn branch_of(subject: &str, now: &Zoned) -> String {
    let mut slug = String::new();
    for c in subject.chars() {
        if slug.len() >= SLUG {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    format!("{}-{}", slug.trim_matches('-'), now.timestamp().strftime("%Y%m%d-%H%M%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_says_what_it_does_and_when() {
        let now: Zoned = "2026-11-23T05:20:01+01:00[Europe/Amsterdam]".parse().unwrap();
        assert_eq!(
            branch_of("Promote web/hello to 'full on'", &now),
            "promote-web-hello-to-full-on-20261123-042001"
        );
        assert!(branch_of(&"Ünï x ".repeat(40), &now).len() < 70);
    }
}
