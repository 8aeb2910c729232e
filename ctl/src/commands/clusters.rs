//! `shipperctl clusters`: what is where, and the commits that cordon and drain [S4].

use jiff::Timestamp;
use shipper_core::ClusterName;
use shipper_git::Snapshot;

use crate::Error;
use crate::cli::{CommitArgs, Global, Output};
use crate::edit::{Scheduling, set_scheduling};
use crate::hub::Hub;
use crate::render;
use crate::repository::{self, Change, FileChange};
use crate::suggest;
use crate::terminal::{Terminal, plain_json};

/// `clusters`
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Show all clusters, a line each
    List(List),
    /// Show one cluster: what it has free, its applications, and how far a drain is
    Show(Show),
    /// Let a cluster get no application that it does not have, by a commit
    Cordon(Mark),
    /// Take cordon and drain back, by a commit
    Uncordon(Mark),
    /// Move every application of a cluster elsewhere, by a commit
    #[command(after_help = "\
Every application gets a replacement in another cluster, brought to the same step of its rollout; when that serves, the drained
cluster is emptied. Where no other cluster fits, the application stays, and `shipperctl clusters show` says why. An application
that names no regions runs everywhere else already: it leaves, but never its last cluster.

shipperctl clusters uncordon takes it back at any time.")]
    Drain(Mark),
}

/// `clusters list`
#[derive(Clone, Debug, clap::Args)]
pub struct List {
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// `clusters show CLUSTER`
#[derive(Clone, Debug, clap::Args)]
pub struct Show {
    /// Its name
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
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
            let all = Hub::new(&global.hub)?.clusters()?;
            let text = match list.output {
                Output::Json => json(&all),
                Output::Text => render::clusters_overview(&all, Timestamp::now(), terminal.width),
            };
            Ok(write!(terminal.out, "{text}")?)
        }
        Command::Show(show) => {
            let view = Hub::new(&global.hub)?.cluster(&show.cluster)?;
            let text = match show.output {
                Output::Json => json(&view),
                Output::Text => render::cluster(&view, Timestamp::now(), terminal.width),
            };
            Ok(write!(terminal.out, "{text}")?)
        }
        Command::Cordon(mark) => commit(global, mark, Scheduling::Cordon, terminal),
        Command::Uncordon(mark) => commit(global, mark, Scheduling::Uncordon, terminal),
        Command::Drain(mark) => commit(global, mark, Scheduling::Drain, terminal),
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    // These types have string keys only, so this cannot fail.
    plain_json(&serde_json::to_string_pretty(value).unwrap_or_default()).into_owned() + "\n"
}

fn commit(
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
            "Its applications move elsewhere and leave when they serve there.",
        ),
    };
    let place = repository::find(global.repository.as_deref())?;
    let author = super::author(&place, &mark.commit)?;
    let subject = mark.commit.message.clone().unwrap_or_else(|| format!("{verb} {name}"));
    let published = repository::publish(&place, mark.commit.branch.as_deref(), false, &author, |main, _| {
        let path = file_of(main, name)?;
        let text = repository::read_text(main, &path)?.unwrap_or_default();
        let edited =
            set_scheduling(&text, scheduling).map_err(|source| Error::Edit { file: path.clone(), source })?;
        let files = vec![(path, FileChange::Write(edited.into_bytes()))];
        Ok(Change { files, message: subject.clone(), says_something: false })
    })?;
    let next = format!("{next} Follow it: shipperctl clusters show {name}");
    super::announce(&published, &subject, &format!("{name} {unchanged}"), &next, terminal)
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
