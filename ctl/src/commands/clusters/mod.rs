//! `shipperctl clusters`: what is where, and the commits that cordon and drain [S4].

mod add;

use std::io::Write as _;

use jiff::Timestamp;
use shipper_core::ClusterName;
use shipper_core::command;
use shipper_git::Snapshot;

use super::commit::Commit;
use super::remove;
use crate::Error;
use crate::cli::{CommitArgs, Global};
use crate::edit::{Scheduling, set_scheduling};
use crate::hub::Hub;
use crate::output::OutputArgs;
use crate::render;
use crate::repository::{self, FileChange};
use crate::terminal::Terminal;
use shipper_core::suggest;

/// `clusters`
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Show all clusters, a line each
    List(List),
    /// Show one cluster: what it has free, its applications, and how far a drain is
    Show(Show),
    /// Let a cluster join the fleet, by a commit
    Add(add::Args),
    /// Let a cluster leave the fleet, by a commit that confirms it; its applications are placed elsewhere
    Remove(Leave),
    /// Let a cluster get no application that it does not have, by a commit
    Cordon(Mark),
    /// Take cordon and drain back, by a commit
    Uncordon(Mark),
    /// Move every application of a cluster elsewhere, by a commit
    #[command(after_help = "\
Every application gets a replacement in another cluster, brought to the same step of its rollout; when that serves, the drained \
cluster is emptied. Where no other cluster fits, the application stays, and `shipperctl clusters show` says why. An application \
that names no regions runs everywhere else already: it leaves, but never its last cluster.

shipperctl clusters uncordon takes it back at any time.")]
    Drain(Mark),
}

/// `clusters list`
#[derive(Clone, Debug, clap::Args)]
pub struct List {
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `clusters show CLUSTER`
#[derive(Clone, Debug, clap::Args)]
pub struct Show {
    /// Its name
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `clusters remove CLUSTER`
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
What runs there stays as it is: its agent is refused. Move the applications away first with \
`shipperctl clusters drain`, and remove the cluster when it is empty.")]
pub struct Leave {
    /// Its name
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
    /// How the commit is made.
    #[command(flatten)]
    pub commit: CommitArgs,
}

/// `clusters cordon|uncordon|drain CLUSTER`
#[derive(Clone, Debug, clap::Args)]
pub struct Mark {
    /// Its name
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
    /// How the commit is made.
    #[command(flatten)]
    pub commit: CommitArgs,
}

/// Runs the command.
///
/// # Errors
/// When there is no such cluster, the hub does not answer, or the commit cannot be made.
pub fn run(global: &Global, command: &Command, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    match command {
        Command::List(list) => {
            let all = Hub::of(global)?.clusters()?;
            let output = list.output.output;
            let names = || all.iter().map(|one| one.cluster.name.to_string()).collect();
            let (now, wide, width) = (Timestamp::now(), output.is_wide(), output.width(terminal));
            let text = || Ok(render::clusters_overview(&all, now, wide, width));
            let text = output.print(&all, names, text)?;
            Ok(write!(terminal.out, "{text}")?)
        }
        Command::Show(show) => {
            let view = Hub::of(global)?.cluster(&show.cluster)?;
            let output = show.output.output;
            let names = || vec![view.cluster.name.to_string()];
            let text = || Ok(render::cluster(&view, Timestamp::now(), output.width(terminal)));
            let text = output.print(&view, names, text)?;
            Ok(write!(terminal.out, "{text}")?)
        }
        Command::Add(args) => add::run(global, args, terminal),
        Command::Remove(leave) => {
            let cluster = Some(leave.cluster.clone());
            let args = remove::Args { apps: Vec::new(), cluster, commit: leave.commit.clone() };
            remove::run(global, &args, terminal)
        }
        Command::Cordon(mark) => set(global, mark, Scheduling::Cordon, terminal),
        Command::Uncordon(mark) => set(global, mark, Scheduling::Uncordon, terminal),
        Command::Drain(mark) => set(global, mark, Scheduling::Drain, terminal),
    }
}

fn set(
    global: &Global,
    mark: &Mark,
    scheduling: Scheduling,
    terminal: &mut Terminal<'_>,
) -> Result<(), Error> {
    let name = &mark.cluster;
    let (verb, unchanged, next) = match scheduling {
        Scheduling::Cordon => {
            ("Cordon", "is cordoned already", "It keeps what it has and gets no other application.")
        }
        Scheduling::Uncordon => {
            ("Uncordon", "is neither cordoned nor drained", "It may get applications again.")
        }
        Scheduling::Drain => (
            "Drain",
            "is drained already",
            "Applications that name regions move elsewhere, and leave when they serve there; others only leave.",
        ),
    };
    let commit = Commit::begin(global, &mark.commit, &format!("{verb} {name}"), terminal)?;
    let published = commit.publish(false, |main, _| {
        let path = file_of(main, name)?;
        let text = repository::read_text(main, &path)?.unwrap_or_default();
        let edited =
            set_scheduling(&text, scheduling).map_err(|source| Error::Edit { file: path.clone(), source })?;
        Ok(commit.change(vec![(path, FileChange::Write(edited.into_bytes()))]))
    })?;
    let next = format!("{next} Follow it: {}", command::Command::new("shipperctl clusters show").word(name));
    commit.announce(&published, &commit.subject, &format!("{name} {unchanged}"), &next, terminal)
}

/// The file of the cluster.
fn file_of(main: &Snapshot, name: &str) -> Result<String, Error> {
    let files = repository::clusters(main)?;
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let hint = suggest::hint(name, &names);
    let found =
        files.iter().find(|(known, _)| *known == ClusterName::from(name)).map(|(_, path)| path.clone());
    found.ok_or_else(|| Error::NotFound { what: "cluster", name: name.to_owned(), hint })
}
