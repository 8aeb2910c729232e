//! The command line: what there is to say, and `--help` that teaches it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, Args, Parser, Subcommand, value_parser};

use crate::commands::{
    abort, blocks, clusters, completion, demo, diff, events, history, hub, lint, man, measurements, pause,
    plan, promote, remove, render, repository, restart, rollback, status, wait, watch, why,
};
use crate::exit;
use crate::output::OutputArgs;

/// Columns of a help text, where the terminal has them.
pub const WIDTH: usize = 110;

/// Looks at rollouts, and makes the small commits that move them
#[derive(Debug, Parser)]
#[command(name = "shipperctl", version, max_term_width = WIDTH, after_help = exit::HELP, long_about = "\
Looks at rollouts, and makes the small commits that move them.

Shipper rolls releases out over fleets of Kubernetes clusters, step by step, from Git. Everything that changes something is a \
commit on the branch main of the fleet repository: promote, abort and remove make exactly the commit that you could make by hand.")]
pub struct Cli {
    /// Where hub and repository are.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Where hub and repository are.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Fleet repository: a URL or a path [default: the one of the current directory]
    #[arg(long, global = true, env = "SHIPPER_REPOSITORY", value_name = "URL|PATH", hide_env_values = true)]
    pub repository: Option<String>,
    /// Address of the hub
    #[arg(
        long,
        global = true,
        env = "SHIPPER_HUB",
        hide_env_values = true,
        value_name = "URL",
        default_value = "http://127.0.0.1:8080"
    )]
    pub hub: String,
    /// File with a read token for the hub; SHIPPER_TOKEN may hold the token itself
    #[arg(long, global = true, env = "SHIPPER_TOKEN_FILE", hide_env_values = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// An option of all commands, in one for which it says nothing: taken, and not offered.
fn unused(long: &'static str) -> Arg {
    match long {
        "token-file" => Arg::new("token_file").long(long).hide(true).value_parser(value_parser!(PathBuf)),
        long => Arg::new(long).long(long).hide(true),
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what rolls out, what it waits for, and which pods fail where
    Status(status::Args),
    /// Show why an application is as it is: every decision with its rule and the evidence
    Why(why::Args),
    /// Follow one rollout as it goes: steps, clusters, pods, what it waits for
    Watch(watch::Args),
    /// Wait until a rollout is complete or at a step, with an exit code for scripts
    Wait(wait::Args),
    /// Show what happened, and what happens
    Events(events::Args),
    /// Show the releases of an application and what became of them
    History(history::Args),
    /// Show what was measured for gates that are over, in which cluster, and what was wanted
    Measurements(measurements::Args),
    /// Show what differs between two releases, object by object, with the values of Secrets hidden
    Diff(diff::Args),
    /// Move a release to another step of its strategy, by a commit
    Promote(promote::Args),
    /// Take a rollout back, by a commit
    Abort(abort::Args),
    /// Go back to an earlier release, by a commit
    Rollback(rollback::Args),
    /// Roll the same version out once more, with new pods, by a commit
    Restart(restart::Args),
    /// Stop a rollout where it is, by a commit
    #[command(after_help = pause::HELP)]
    Pause(pause::Args),
    /// Let a paused rollout go on, by a commit
    #[command(after_help = pause::HELP)]
    Resume(pause::Args),
    /// Show what stops rollouts, and stop them or let them go on, by a commit
    Blocks(blocks::Args),
    /// Look at clusters, cordon or drain them
    #[command(subcommand)]
    Clusters(clusters::Command),
    /// Remove applications or a cluster, by a commit that confirms it
    Remove(remove::Args),
    /// The repository as a whole: accept a history that was rewritten or restored
    Repository(repository::Args),
    /// Show what merging a branch would do: releases, steps, clusters, objects, pods, what is in the way
    Plan(plan::Args),
    /// Show what the hub would render for an application, or what it rendered of a release; needs no hub
    Render(render::Args),
    /// The hub's own database: copy it, put a copy back
    #[command(subcommand)]
    Hub(hub::Command),
    /// Check the files of a fleet repository; needs no hub
    #[command(arg = unused("hub"), arg = unused("token-file"))]
    Lint(lint::Args),
    /// Run a whole fleet on this machine, to try things out
    #[command(arg = unused("repository"), arg = unused("hub"), arg = unused("token-file"))]
    Demo(demo::Args),
    /// Print what lets a shell complete commands, options and names
    #[command(arg = unused("repository"), arg = unused("hub"), arg = unused("token-file"))]
    Completion(completion::Args),
    /// Write the manual pages
    #[command(hide = true)]
    Man(man::Args),
    /// What may stand at the end of a command line
    #[command(name = completion::HIDDEN, hide = true)]
    Complete(completion::Words),
}

/// Where the state of the fleet is.
#[derive(Clone, Debug, Default, Args)]
pub struct StateArgs {
    /// Repository of the state branch, where the hub keeps it apart [default: the fleet repository]
    #[arg(long, env = "SHIPPER_STATE_REPOSITORY", value_name = "URL|PATH", hide_env_values = true)]
    pub state_repository: Option<String>,
    /// Branch that the hub writes
    #[arg(
        long,
        env = "SHIPPER_STATE_BRANCH",
        value_name = "NAME",
        default_value = "shipper/state",
        hide_env_values = true
    )]
    pub state_branch: String,
}

/// How a commit is made.
#[derive(Clone, Debug, Default, Args)]
pub struct CommitArgs {
    /// Message of the commit, in place of the usual one
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Author of the commit [default: as git is configured]
    #[arg(long, value_name = "NAME <MAIL>", value_parser = crate::repository::parse_author)]
    pub author: Option<(String, String)>,
    /// Push to this new branch instead of main, to open a pull request from
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Push to a branch, and open a pull request where a token allows it, else print the link that does
    #[arg(long)]
    pub pull_request: bool,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Whether a command that made a commit goes on until it is done.
#[derive(Clone, Debug, Args)]
pub struct FollowArgs {
    /// Go on until what is asked for is so, with the exit codes of `shipperctl wait`
    #[arg(long, conflicts_with_all = ["branch", "pull_request"])]
    pub wait: bool,
    /// With --wait: how long, as 90s, 10m or 2h
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration, requires = "wait")]
    pub timeout: Duration,
}

/// A duration as people write it in strategies too.
///
/// # Errors
/// When it is none, with how one is written.
pub fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text.parse().map_err(|_| "write it as 90s, 10m or 2h".to_owned())?;
    Duration::try_from(span).map_err(|_| "it is in the past".to_owned())
}
