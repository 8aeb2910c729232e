//! `shipperctl pause` and `shipperctl resume`: the commits that stop one rollout where it is and let it go on [M13].

use shipper_core::api::Goal;
use shipper_core::command::Command;

use super::commit::Commit;
use super::concerned::ReleaseArgs;
use super::until::follow;
use crate::Error;
use crate::cli::{CommitArgs, FollowArgs, Global};
use crate::edit::set_paused;
use crate::terminal::Terminal;

/// `pause APP`, `resume APP`
#[derive(Debug, Clone, clap::Args)]
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

/// What `--help` says of both.
pub const HELP: &str = "\
While it is paused an application makes no new release and takes no step; what the present step asks for goes on being made so, \
and `shipperctl abort` is obeyed. An order given meanwhile is obeyed when it goes on.

It changes nothing but spec.rollout.paused in applications/<namespace>/<name>.yaml. To stop many applications at once, \
see `shipperctl blocks`.";

/// Runs the command; `paused`: which of the two.
///
/// # Errors
/// When there is no such application, or the commit cannot be made.
pub fn run(global: &Global, args: &Args, paused: bool, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let name = &args.app;
    let (verb, unchanged, next) = match paused {
        true => ("Pause", "is paused already", "It stays at its step. It goes on with: "),
        false => ("Resume", "is not paused", "It goes on. Follow it: "),
    };
    args.about.asked(global, name, if paused { "shipperctl pause" } else { "shipperctl resume" })?;
    let command = match (paused, &args.about.release) {
        (true, Some(release)) => Command::new("shipperctl resume").word(name).option("--release", release),
        (true, None) => Command::new("shipperctl resume").word(name),
        (false, _) => Command::new("shipperctl status").word(name).flag("--watch"),
    };
    let commit = Commit::begin(global, &args.commit, &format!("{verb} {name}"), terminal)?;
    let published =
        commit.publish(false, |main, _| commit.edited(main, name, |text| set_paused(text, paused)))?;
    let (unchanged, next) = (format!("{name} {unchanged}"), format!("{next}{command}"));
    commit.announce(&published, &commit.subject, &unchanged, &next, terminal)?;
    follow(global, &args.follow, name, &[Goal::Settled], (&published, args.commit.output.output), terminal)
}
