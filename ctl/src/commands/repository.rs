//! `shipperctl repository accept`: the commit by which people accept a rewritten or restored history [X3, X5].

use shipper_core::intent::{ACCEPTED_HISTORY, AcceptedBranch, AcceptedHistory};
use shipper_core::protocol::RefusedHistory;
use shipper_core::state::paths::INTENT_BRANCH;
use shipper_git::Snapshot;

use super::commit::Commit;
use crate::Error;
use crate::cli::{CommitArgs, Global};
use crate::hub::Hub;
use crate::repository::{FileChange, MAX_FILE, RepositoryError};
use crate::terminal::Terminal;

/// Shortest abbreviation of a commit that is taken.
const SHORTEST: usize = 7;

/// `repository`
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: RepositoryCommand,
}

/// What there is to do about the repository as a whole.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum RepositoryCommand {
    /// Accept a history that was rewritten on purpose or restored from a backup, by a commit
    Accept(AcceptArgs),
}

/// `repository accept COMMIT`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl status                             says that history was rewritten, and names the commit
  shipperctl repository accept 3b18e512dba7     go on from there
  shipperctl repository accept 3b18e512dba7 --branch accept   as a commit for a pull request

While main does not descend from what the hub followed, or the state branch from what the agents follow, \
nothing changes anywhere. Best is to push the old history back. Where it is gone for good, look at what \
the new one lacks, then accept it. The commit changes accepted-history.yaml on main:

  accepted:
  - branch: refs/heads/main
    commit: 3b18e512dba79e4c8300dd08aeb37f8e728b8dad
    supersedes: [<what was in force before>]

Applications and clusters that the new history lacks are missing then, and wait to be confirmed one by one.")]
pub struct AcceptArgs {
    /// The commit that the branch is at, as the hub names it; 7 digits are enough
    #[arg(value_name = "COMMIT")]
    pub accepted: String,
    /// How the commit is made.
    #[command(flatten)]
    pub commit: CommitArgs,
}

/// Runs the command.
///
/// # Errors
/// When the hub refuses no such history, or the commit cannot be made.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let RepositoryCommand::Accept(args) = &args.command;
    let refused = refused(&Hub::of(global)?, &args.accepted)?;
    let branch = refused.branch.trim_start_matches("refs/heads/");
    let short = refused.commit.get(..10).unwrap_or(&refused.commit);
    let commit = Commit::begin(
        global,
        &args.commit,
        &format!("Accept {branch} at {short} as a new beginning"),
        terminal,
    )?;
    let published = commit.publish(false, |main, _| Ok(commit.change(files(main, &refused)?)))?;
    let next =
        format!("The hub goes on from {short} within seconds. See what is missing now: shipperctl status");
    let unchanged = "main accepts that already; is the hub reading it?";
    commit.announce(&published, &commit.subject, unchanged, &next, terminal)
}

/// The history that the hub does not follow, which must be the one that is accepted.
fn refused(hub: &Hub, accepted: &str) -> Result<RefusedHistory, Error> {
    let status = hub.status()?;
    let Some(refused) = status.refused else {
        let source = status.source.as_deref().unwrap_or("nothing yet");
        let message =
            format!("the hub follows the repository (main at {source}): there is nothing to accept");
        return Err(Error::Refused { message });
    };
    let accepted = accepted.to_ascii_lowercase();
    if accepted.len() < SHORTEST || !refused.commit.starts_with(&accepted) {
        let message = format!(
            "{} is at {}, not at {accepted}; look at that commit, then accept it",
            refused.branch, refused.commit
        );
        return Err(Error::Refused { message });
    }
    Ok(refused)
}

fn files(main: &Snapshot, refused: &RefusedHistory) -> Result<Vec<(String, FileChange)>, Error> {
    let head = main.commit_id().to_string();
    if refused.branch == INTENT_BRANCH && head != refused.commit {
        let message = format!(
            "main has moved on from {} to {head} since the hub looked; look at that commit, then accept it",
            refused.commit
        );
        return Err(Error::Refused { message });
    }
    let bytes = main.read(ACCEPTED_HISTORY, MAX_FILE).map_err(RepositoryError::from)?;
    let unusable = |reason: String| Error::Read { path: ACCEPTED_HISTORY.to_owned(), reason };
    let mut history = match bytes {
        Some(bytes) => AcceptedHistory::from_yaml(&bytes).map_err(|error| unusable(error.to_string()))?,
        None => AcceptedHistory::default(),
    };
    history.put(AcceptedBranch {
        branch: refused.branch.clone(),
        commit: refused.commit.clone(),
        supersedes: refused.supersedes.clone(),
    });
    let text = history.to_yaml().map_err(|error| unusable(error.to_string()))?;
    Ok(vec![(ACCEPTED_HISTORY.to_owned(), FileChange::Write(text))])
}
