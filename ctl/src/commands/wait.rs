//! `shipperctl wait`: ends when something is so, with an exit code for scripts.

use std::io::Write as _;
use std::time::Duration;

use shipper_core::api::Goal;

use super::until::{Wanted, commit_meant, told, until};
use crate::Error;
use crate::cli::{Global, duration};
use crate::hub::Hub;
use crate::output::OutputArgs;
use crate::terminal::Terminal;
use shipper_core::suggest;

/// `wait APP`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl wait web/hello                                   until the rollout is complete
  shipperctl wait web/hello --for step=half --timeout 15m     until a step, or one behind it, is achieved
  shipperctl wait web/hello --for settled                     until nothing goes on by itself
  shipperctl wait web/hello --release hello-83e4eedd-1        of this release and no other

What can be waited for:
  complete            the contender is complete
  step=NAME|NUMBER    the contender achieved the step, or one behind it; numbers count from 1
  settled             it is at rest, or waits for a commit
  failed              it cannot go on without a person

It ends with 0 when that is so, with 6 as soon as it will not come by itself (the file is refused, the \
release does not render, too many clusters fail, or the hub took it back), with 7 when the time is over.

Right after a push the hub may not have read the commit yet. In a clone of the fleet repository the \
newest commit on main that concerns the application is waited for first; elsewhere name it:
  shipperctl wait web/hello --commit 4f0c2a…                  as a pipeline does, after the merge")]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: String,
    /// What to wait for; repeated: whatever comes first
    #[arg(long = "for", value_name = "GOAL", default_value = "complete", value_parser = goal)]
    pub goals: Vec<Goal>,
    /// How long, as 90s, 10m or 2h
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub timeout: Duration,
    /// The contender has to be this release
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// The hub has to have decided on this commit, or a later one [default: the newest here that concerns the application]
    #[arg(long, value_name = "COMMIT", conflicts_with = "now")]
    pub commit: Option<String>,
    /// Take what the hub says now, whatever was committed since
    #[arg(long)]
    pub now: bool,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What can be waited for; a step has its name behind it.
const GOALS: [&str; 4] = ["complete", "settled", "failed", "step="];

fn goal(text: &str) -> Result<Goal, String> {
    let what = "wait for complete, settled, failed, or step=<name or number>";
    text.parse().map_err(|_: String| match suggest::nearest(text, GOALS) {
        Some("step=") | None => what.to_owned(),
        Some(word) => format!("did you mean {word}? {what}"),
    })
}

/// Runs the command.
///
/// # Errors
/// When there is no such application, the hub does not answer, or what is waited for does not come.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let hub = Hub::of(global)?;
    let now = hub.application(&args.app)?;
    let present = args.now || (args.release.is_some() && args.commit.is_none());
    let commit = if present { None } else { commit_meant(&now.application, args.commit.as_deref())? };
    let wanted = Wanted {
        goals: &args.goals,
        timeout: args.timeout,
        release: args.release.as_deref(),
        commit: commit.as_deref(),
    };
    let waited = until(&hub, &now, &wanted, terminal)?;
    let names = || waited.status.contender.iter().map(ToString::to_string).collect();
    let text = args.output.output.print(&waited, names, || Ok(told(&waited)))?;
    Ok(write!(terminal.out, "{text}")?)
}
