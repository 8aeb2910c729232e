//! The commands, a file for each, and what they share.

pub mod abort;
pub mod blocks;
pub mod clusters;
pub mod demo;
pub mod lint;
pub mod pause;
pub mod promote;
pub mod remove;
pub mod repository;
mod restore;
pub mod rollback;
pub mod status;
pub mod why;

use jiff::Zoned;
use shipper_core::AppKey;
use shipper_git::{Identity, Snapshot};

use crate::Error;
use crate::cli::CommitArgs;
use crate::edit::EditError;
use crate::hub::pick;
use crate::repository::{
    Change, FileChange, Place, Published, Synced, applications, author as author_of, read_text,
};
use crate::terminal::{BUSY, FAINT, GOOD, STRONG, Terminal, styled};

/// Who commits.
fn author(place: &Place, args: &CommitArgs) -> Result<Identity, Error> {
    Ok(author_of(args.author.as_ref(), place.worktree.as_deref(), &Zoned::now())?)
}

/// An edit of one application's file. `name`: as people write it, with or without the namespace.
fn edited(
    main: &Snapshot,
    name: &str,
    subject: &str,
    edit: impl FnOnce(&str) -> Result<String, EditError>,
) -> Result<Change, Error> {
    let files = applications(main)?;
    let keys: Vec<AppKey> = files.iter().map(|(key, _)| key.clone()).collect();
    let key = pick(name, &keys)?;
    let path = files.into_iter().find(|(other, _)| *other == key).map(|(_, path)| path).unwrap_or_default();
    let text = read_text(main, &path)?.unwrap_or_default();
    let edited = edit(&text).map_err(|source| Error::Edit { file: path.clone(), source })?;
    Ok(Change {
        files: vec![(path, FileChange::Write(edited.into_bytes()))],
        message: subject.to_owned(),
        says_something: false,
    })
}

/// Says what became of a commit, and what comes next.
fn announce(
    published: &Published,
    subject: &str,
    unchanged: &str,
    next: &str,
    terminal: &mut Terminal<'_>,
) -> Result<(), Error> {
    let Published::Pushed { commit, branch, worktree } = published else {
        writeln!(terminal.out, "{BUSY}Nothing to commit:{BUSY:#} {unchanged}")?;
        return Ok(());
    };
    let short = styled(STRONG, commit.get(..10).unwrap_or(commit));
    writeln!(terminal.out, "{GOOD}Committed{GOOD:#} {short} on {branch}: {}", styled(STRONG, subject))?;
    if branch == "main" {
        writeln!(terminal.out, "{next}")?;
    } else {
        writeln!(
            terminal.out,
            "Open a pull request from {branch} to main; nothing happens until it is merged."
        )?;
    }
    if *worktree == Some(Synced::Behind) {
        writeln!(
            terminal.err,
            "{FAINT}Your work tree could not follow by itself: git pull --rebase{FAINT:#}"
        )?;
    }
    Ok(())
}
