//! `shipperctl abort`: the commit that takes a rollout back, by putting back what the incumbent was made from [M8].

use shipper_core::ReleaseName;
use shipper_core::command::Command;
use shipper_core::condition::Reason;
use shipper_core::state::WithdrawalReason;
use shipper_core::status::{ApplicationStatus, ReleaseStatus};

use super::concerned::ReleaseArgs;
use super::restore::{Restoration, restore};
use crate::Error;
use crate::cli::{CommitArgs, FollowArgs, Global, StateArgs};
use crate::terminal::Terminal;

/// `abort APP`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl abort web/hello                      back to the incumbent, at once and everywhere
  shipperctl abort web/hello --release hello-83e4eedd-1   this one and no other
  shipperctl abort web/hello --branch take-back   as a commit for a pull request

It puts the environment back as it was in the commit that asked for the incumbent: chart, manifests, \
values and overrides of spec.template, spec.restart, and the folder that a chart.path or a \
manifests.path names. Placement and strategy stay as they are. The incumbent goes straight back to \
full load; no new release is made. The same takes back a release that is complete. Where the hub \
took a release back by itself, it makes main say so.

Without the hub it goes by what the hub wrote to its branch, where --release names the release.")]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: String,
    /// Put back a folder of charts or manifests even if other applications use it too
    #[arg(long)]
    pub shared: bool,
    /// Which release it is about.
    #[command(flatten)]
    pub about: ReleaseArgs,
    /// How the commit is made.
    #[command(flatten)]
    pub commit: CommitArgs,
    /// Whether it goes on until that is done.
    #[command(flatten)]
    pub follow: FollowArgs,
    /// Where the state of the fleet is, which is read where the hub does not answer.
    #[command(flatten)]
    pub state: StateArgs,
}

/// Runs the command.
///
/// # Errors
/// When there is no such application or no incumbent, or the commit cannot be made.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let status = args.about.status(global, (&args.app, "shipperctl abort"), &args.state, terminal)?;
    let app = &status.application;
    let taken_back = rolled_back(&status);
    let contender = match taken_back {
        Some((release, _)) => Some(release.name.as_str()),
        None => status.contender.as_ref().map(ReleaseName::as_str),
    };
    args.about.still(&status, contender, Command::new("shipperctl abort").word(app))?;
    let incumbent = match taken_back {
        Some((_, stands)) => stands,
        None => incumbent(&status)?,
    };
    let contender = contender.unwrap_or_default();
    let restoration = Restoration {
        app,
        release: incumbent,
        shared: args.shared,
        subject: format!("Abort {app}: back to {}", incumbent.name),
        next: format!(
            "{contender} is withdrawn, {} takes all load back, then the pods of {contender} go. Follow it: {}",
            incumbent.name,
            Command::new("shipperctl status").word(app).flag("--watch")
        ),
    };
    restore(global, (&args.commit, &args.follow), restoration, |text| Ok(text.to_owned()), terminal)
}

/// What the hub took back by itself while `main` still asks for it, and the release that has the load since [A3].
fn rolled_back(status: &ApplicationStatus) -> Option<(&ReleaseStatus, &ReleaseStatus)> {
    status.conditions.iter().find(|condition| condition.reason == Reason::RolledBack)?;
    let by_hub = |release: &&ReleaseStatus| {
        release.withdrawn.as_ref().is_some_and(|w| w.reason == WithdrawalReason::RolledBack)
    };
    let taken_back = status.releases.iter().find(by_hub)?;
    let stands = status.releases.iter().find(|release| Some(&release.name) == status.contender.as_ref())?;
    Some((taken_back, stands))
}

fn incumbent(status: &ApplicationStatus) -> Result<&ReleaseStatus, Error> {
    let found = status.incumbent.as_ref().and_then(|name| status.releases.iter().find(|r| r.name == *name));
    found.ok_or_else(|| {
        let app = &status.application;
        Error::Refused {
            message: match &status.contender {
                Some(first) => format!(
                    "{app} has no incumbent: {first} is its first release, and taking that back is removing the application. \
                     Walk back with `{}`, correct applications/{}/{}.yaml, or remove it with \
                     `{}`",
                    Command::new("shipperctl promote").word(app).option("--step", 1),
                    app.namespace,
                    app.name,
                    Command::new("shipperctl remove").word(app)
                ),
                None => format!("{app} has no release yet: there is nothing to take back"),
            },
        }
    })
}
