//! `shipperctl restart`: the commit that rolls the same version out once more [R2].

use jiff::{Timestamp, Unit};
use shipper_core::api::Goal;
use shipper_core::command::Command;

use super::commit::Commit;
use super::concerned::ReleaseArgs;
use super::until::follow;
use crate::Error;
use crate::cli::{CommitArgs, FollowArgs, Global};
use crate::edit::set_restart;
use crate::terminal::Terminal;

/// `restart APP`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl restart web/hello                   all pods are replaced, step by step
  shipperctl restart web/hello -m 'New secrets'  and why
  shipperctl restart web/hello --wait            until it is at rest, or waits for a person

It writes the time to spec.restart in applications/<namespace>/<name>.yaml. That makes a new release of \
the same chart, manifests and values, which goes through the strategy like any other: new pods are \
ready before old ones go, and each step waits for its gate.")]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: String,
    /// Which release it is about.
    #[command(flatten)]
    pub about: ReleaseArgs,
    /// How the commit is made.
    #[command(flatten)]
    pub commit: CommitArgs,
    /// Whether it goes on until that is done.
    #[command(flatten)]
    pub follow: FollowArgs,
}

/// Runs the command.
///
/// # Errors
/// When there is no such application, or the commit cannot be made.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let name = &args.app;
    args.about.asked(global, name, "shipperctl restart")?;
    let now = Timestamp::now().round(Unit::Second).unwrap_or_else(|_| Timestamp::now()).to_string();
    let commit = Commit::begin(global, &args.commit, &format!("Restart {name}"), terminal)?;
    let published =
        commit.publish(false, |main, _| commit.edited(main, name, |text| set_restart(text, &now)))?;
    let next = format!(
        "A new release of the same version goes through the strategy. Follow it: {}",
        Command::new("shipperctl watch").word(name)
    );
    commit.announce(
        &published,
        &commit.subject,
        &format!("{name} was restarted this very second"),
        &next,
        terminal,
    )?;
    follow(global, &args.follow, name, &[Goal::Settled], (&published, args.commit.output.output), terminal)
}
