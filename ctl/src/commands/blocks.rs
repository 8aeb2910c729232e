//! `shipperctl blocks`: which rollout blocks there are and what they stop [B4], and the commits that add and remove one.

use std::collections::BTreeSet;
use std::io::Write as _;

use jiff::Timestamp;
use serde::Serialize;
use shipper_core::command;
use shipper_core::intent::{
    Allowance, Author, GLOBAL_BLOCKS_NAMESPACE, Metadata, RolloutBlockSpec, Schedule, Severity, load,
};
use shipper_core::status::BlockStatus;
use shipper_core::yaml::write_object;
use shipper_git::Snapshot;

use super::commit::Commit;
use crate::Error;
use crate::cli::{CommitArgs, Global};
use crate::hub::Hub;
use crate::output::OutputArgs;
use crate::render;
use crate::repository::{FileChange, MAX_FILE, RepositoryError};
use crate::terminal::Terminal;
use shipper_core::suggest;

const FOLDER: &str = "blocks";

/// `blocks list|add|remove`
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What is to be done with blocks.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Show every block: whether it is in force, what it stops, what overrides it
    List(ListArgs),
    /// Stop rollouts, by a commit
    Add(AddArgs),
    /// Let rollouts go on, by a commit
    Remove(RemoveArgs),
}

/// `blocks list`
#[derive(Debug, Clone, clap::Args)]
pub struct ListArgs {
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `blocks add NAME`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl blocks add holidays --reason 'Winter holidays'            everything, until it is removed
  shipperctl blocks add web/incident --reason 'Incident 4711'          the namespace web
  shipperctl blocks add weekend --reason 'Nobody is here' \\
    --cron '0 18 * * FRI' --duration 62h --time-zone Europe/Amsterdam  every weekend
  shipperctl blocks add web/audit --reason Audit --allow drain         only drains go on

It writes blocks/<name>.yaml, or blocks/<namespace>/<name>.yaml. An application goes on all the same \
if its annotation shipper.dev/rollout-block.override names the block.")]
pub struct AddArgs {
    /// Name of the block, with the namespace that it stops [default: it stops everything]
    #[arg(value_name = "[NAMESPACE/]NAME")]
    pub name: String,
    /// Why, for people
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// What goes on all the same: abort, pause, rollback, drain; `none` for nothing [default: abort,pause]
    #[arg(long, value_name = "ACT,…", value_delimiter = ',', value_parser = allowance)]
    pub allow: Vec<Option<Allowance>>,
    /// When it begins, as minute, hour, day, month, weekday [default: at once, and for good]
    #[arg(long, value_name = "EXPRESSION", requires = "duration")]
    pub cron: Option<String>,
    /// How long it lasts each time, as 10m or 62h
    #[arg(long, value_name = "DURATION", requires = "cron")]
    pub duration: Option<String>,
    /// Whose clock the times are of, as Europe/Amsterdam [default: UTC]
    #[arg(long, value_name = "ZONE", requires = "cron")]
    pub time_zone: Option<String>,
    /// How the commit is made.
    #[command(flatten)]
    pub commit: CommitArgs,
}

/// `blocks remove NAME`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl blocks remove holidays
  shipperctl blocks remove web/incident

What was asked for while the block was in force is done then.")]
pub struct RemoveArgs {
    /// Name of the block, with its namespace if it has one
    #[arg(value_name = "[NAMESPACE/]NAME")]
    pub name: String,
    /// How the commit is made.
    #[command(flatten)]
    pub commit: CommitArgs,
}

/// Runs the command.
///
/// # Errors
/// When the hub does not answer, the block is there already or not at all, or the commit cannot be made.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    match &args.command {
        Command::List(args) => list(global, args, terminal),
        Command::Add(args) => add(global, args, terminal),
        Command::Remove(args) => remove(global, args, terminal),
    }
}

fn list(global: &Global, args: &ListArgs, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let blocks = Hub::of(global)?.blocks()?;
    let output = args.output.output;
    let names = || blocks.iter().map(|block| BlockId::of_status(block).to_string()).collect();
    let (wide, width) = (output.is_wide(), output.width(terminal));
    let text = || Ok(render::blocks(&blocks, Timestamp::now(), wide, width));
    let text = output.print(&blocks, names, text)?;
    Ok(write!(terminal.out, "{text}")?)
}

fn add(global: &Global, args: &AddArgs, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let id = BlockId::of(&args.name);
    let usual = format!("Block rollouts of {}: {}", id.scope(), args.reason);
    let commit = Commit::begin(global, &args.commit, &usual, terminal)?;
    let bytes = id.file(args, commit.author())?;
    let path = id.path();
    let published = commit.publish(false, |main, _| {
        if let Some(there) = find(main, &id)?.into_iter().next() {
            let message = format!(
                "{there} holds the block {id} already; edit it, or remove it with `{}`",
                command::Command::new("shipperctl blocks remove").word(&id)
            );
            return Err(Error::Refused { message });
        }
        Ok(commit.change(vec![(path.clone(), FileChange::Write(bytes.clone()))]))
    })?;
    let next = format!(
        "The hub reads it within seconds; what it wrote before stays in force. See what it stops: shipperctl blocks list. Let one application go on: shipper.dev/rollout-block.override: {}",
        id.qualified()
    );
    commit.announce(&published, &commit.subject, "the block is there already", &next, terminal)
}

fn remove(global: &Global, args: &RemoveArgs, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let id = BlockId::of(&args.name);
    let commit = Commit::begin(global, &args.commit, &format!("Remove the rollout block {id}"), terminal)?;
    let published = commit.publish(false, |main, _| {
        let files = find(main, &id)?;
        if files.is_empty() {
            return Err(unknown(main, &id)?);
        }
        Ok(commit.change(files.into_iter().map(|path| (path, FileChange::Remove)).collect()))
    })?;
    let next = "The hub reads it within seconds, and does what was asked for meanwhile, unless another block stops it: shipperctl blocks list";
    commit.announce(&published, &commit.subject, "the block is gone already", next, terminal)
}

/// A block by its scope and name.
#[derive(Debug, PartialEq, Eq)]
struct BlockId {
    namespace: Option<String>,
    name: String,
}

impl BlockId {
    fn of(text: &str) -> Self {
        match text.split_once('/') {
            Some((namespace, name)) if namespace != GLOBAL_BLOCKS_NAMESPACE => {
                Self { namespace: Some(namespace.to_owned()), name: name.to_owned() }
            }
            Some((_, name)) => Self { namespace: None, name: name.to_owned() },
            None => Self { namespace: None, name: text.to_owned() },
        }
    }

    fn of_status(block: &BlockStatus) -> Self {
        Self { namespace: block.namespace.clone(), name: block.name.clone() }
    }

    fn path(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{FOLDER}/{namespace}/{}.yaml", self.name),
            None => format!("{FOLDER}/{}.yaml", self.name),
        }
    }

    /// As an override names it.
    fn qualified(&self) -> String {
        format!("{}/{}", self.namespace.as_deref().unwrap_or(GLOBAL_BLOCKS_NAMESPACE), self.name)
    }

    fn scope(&self) -> String {
        self.namespace.clone().unwrap_or_else(|| "everything".to_owned())
    }

    /// The file that makes the block, if the hub would take it.
    fn file(&self, args: &AddArgs, author: &str) -> Result<Vec<u8>, Error> {
        #[derive(Serialize)]
        struct File {
            metadata: Metadata,
            spec: RolloutBlockSpec,
        }
        let usage = |message: String| Error::Usage { message };
        let schedule = match (&args.cron, &args.duration) {
            (Some(cron), Some(duration)) => Some(
                Schedule::new(cron, duration, args.time_zone.as_deref())
                    .map_err(|error| usage(format!("{}: {error}", error.field())))?,
            ),
            _ => None,
        };
        let allow: BTreeSet<Allowance> = args.allow.iter().copied().flatten().collect();
        let file = File {
            metadata: Metadata {
                name: self.name.clone(),
                namespace: self.namespace.clone(),
                ..Metadata::default()
            },
            spec: RolloutBlockSpec {
                message: args.reason.clone(),
                author: Author { kind: "user".to_owned(), name: author.to_owned() },
                allow: (!args.allow.is_empty()).then_some(allow),
                schedule,
            },
        };
        let bytes = write_object("RolloutBlock", &file).map_err(|error| usage(error.to_string()))?;
        let loaded = load(&self.path(), &bytes);
        match loaded.problems.into_iter().find(|problem| problem.severity == Severity::Error) {
            Some(problem) => Err(usage(problem.message)),
            None => Ok(bytes),
        }
    }
}

impl std::fmt::Display for BlockId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

fn allowance(text: &str) -> Result<Option<Allowance>, String> {
    if text == "none" {
        return Ok(None);
    }
    let found = Allowance::ALL.into_iter().find(|allowance| allowance.to_string() == text);
    found.map(Some).ok_or_else(|| "expected abort, pause, rollback, drain or none".to_owned())
}

/// The files that hold a block, those included that cannot be read: they block too.
fn find(main: &Snapshot, id: &BlockId) -> Result<Vec<String>, RepositoryError> {
    let files = blocks(main)?.into_iter();
    Ok(files.filter(|(other, _)| other == id).map(|(_, path)| path).collect())
}

fn blocks(main: &Snapshot) -> Result<Vec<(BlockId, String)>, RepositoryError> {
    let mut found = Vec::new();
    for entry in main.walk(FOLDER)? {
        let path = entry.path;
        let Some(stem) = path.strip_suffix(".yaml").or_else(|| path.strip_suffix(".yml")) else { continue };
        let name = stem.rsplit('/').next().unwrap_or(stem).to_owned();
        let bytes = main.read(&path, MAX_FILE).ok().flatten().unwrap_or_default();
        found.push((BlockId { namespace: load(&path, &bytes).namespace, name }, path));
    }
    Ok(found)
}

fn unknown(main: &Snapshot, id: &BlockId) -> Result<Error, Error> {
    let names: Vec<String> = blocks(main)?.iter().map(|(id, _)| id.to_string()).collect();
    let of_other_scope = names.iter().find(|name| name.rsplit('/').next() == Some(&id.name));
    let hint = match of_other_scope {
        Some(name) => format!("did you mean {name}?"),
        None => suggest::hint(&id.to_string(), &names.iter().map(String::as_str).collect::<Vec<_>>()),
    };
    Ok(Error::NotFound { what: "rollout block", name: id.to_string(), hint })
}
