//! `shipperctl pause` and `shipperctl resume`: the commits that stop one rollout where it is and let it go on [M13].

use crate::Error;
use crate::cli::{CommitArgs, Global};
use crate::edit::set_paused;
use crate::repository;
use crate::terminal::Terminal;

/// `pause APP`, `resume APP`
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: String,
    /// How the commit is made.
    #[command(flatten)]
    pub commit: CommitArgs,
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
    let place = repository::find(global.repository.as_deref())?;
    let author = super::author(&place, &args.commit)?;
    let (verb, unchanged, next) = match paused {
        true => ("Pause", "is paused already", "It stays at its step. It goes on with: shipperctl resume"),
        false => ("Resume", "is not paused", "It goes on. Follow it: shipperctl status --watch"),
    };
    let subject = args.commit.message.clone().unwrap_or_else(|| format!("{verb} {name}"));
    let published = repository::publish(&place, args.commit.branch.as_deref(), false, &author, |main, _| {
        super::edited(main, name, &subject, |text| set_paused(text, paused))
    })?;
    super::announce(&published, &subject, &format!("{name} {unchanged}"), &format!("{next} {name}"), terminal)
}
