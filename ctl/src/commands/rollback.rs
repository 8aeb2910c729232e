//! `shipperctl rollback`: the commit that goes back to an earlier release, however old [M8, M11].

use shipper_core::ReleaseName;
use shipper_core::command::Command;
use shipper_core::intent::StepRef;
use shipper_core::status::{ApplicationStatus, ReleaseStatus};

use super::concerned::ReleaseArgs;
use super::restore::{Restoration, restore};
use crate::Error;
use crate::cli::{CommitArgs, FollowArgs, Global, StateArgs};
use crate::edit::{Order, set_rollout};
use crate::steps;
use crate::terminal::Terminal;
use shipper_core::suggest;

/// `rollback APP`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl rollback web/hello                                  to the release before, at once
  shipperctl rollback web/hello --to hello-83e4eedd-0            to an older one, step by step
  shipperctl rollback web/hello --to hello-83e4eedd-0 --step 'full on'   the same, straight to a step

It puts the environment back as it was in the commit that asked for that release: chart, manifests, \
values and overrides of spec.template, spec.restart, and the folder that a chart.path or a \
manifests.path names. Placement and strategy stay as they are.

Back to the incumbent is a return: no new release, no steps. An older environment makes a new release, \
which goes through the strategy, or straight to the step given, without waiting for gates. \
`shipperctl status APP` lists the releases.

Without the hub it goes by what the hub wrote to its branch, where --release names the contender.")]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: String,
    /// Release to go back to; it must have been complete [default: the one before]
    #[arg(long, value_name = "RELEASE")]
    pub to: Option<String>,
    /// Step that the new release goes straight to, for a release that is older than the incumbent
    #[arg(long, value_name = "NAME|NUMBER")]
    pub step: Option<String>,
    /// Put back a folder of charts or manifests even if other applications use it too
    #[arg(long)]
    pub shared: bool,
    /// Which release it goes back from.
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
/// When there is no such application or release, or the commit cannot be made.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let status = args.about.status(global, (&args.app, "shipperctl rollback"), &args.state, terminal)?;
    let app = &status.application;
    let contender = status.contender.as_ref().map(ReleaseName::as_str);
    let mut again = Command::new("shipperctl rollback").word(app);
    if let Some(to) = &args.to {
        again = again.option("--to", to);
    }
    args.about.still(&status, contender, again)?;
    let release = match &args.to {
        Some(asked) => named(&status, asked)?,
        None => before(&status)?,
    };
    let returns = Some(&release.name) == status.incumbent.as_ref();
    let again = release.again.as_ref().map_or_else(String::new, ToString::to_string);
    let step = args.step.as_deref().map(|asked| step_of(&status, asked)).transpose()?;
    if returns && step.is_some() {
        let message = format!("going back to the incumbent {} is at once and takes no --step", release.name);
        return Err(Error::Refused { message });
    }
    let next = if returns {
        format!("{} takes all load back at once, without steps", release.name)
    } else if again.is_empty() {
        "A new release is made of it".to_owned()
    } else {
        format!("It comes back as the new release {again}")
    };
    let restoration = Restoration {
        app,
        release,
        shared: args.shared,
        subject: format!("Roll {app} back to {}", release.name),
        next: format!("{next}. Follow it: {}", Command::new("shipperctl status").word(app).flag("--watch")),
    };
    if step.is_some() && again.is_empty() {
        let message = "the hub does not say what the new release will be called; leave out --step, and promote it once it is there";
        return Err(Error::Refused { message: message.to_owned() });
    }
    let ordered = |text: &str| match &step {
        Some(step) => set_rollout(text, Order { release: &again, step, request: None, skip_gates: true }),
        None => Ok(text.to_owned()),
    };
    restore(global, (&args.commit, &args.follow), restoration, ordered, terminal)
}

/// The step of the release to be made. Its strategy is that on `main`, which may have other names than the contender's; what a number
/// means only the contender says.
fn step_of(status: &ApplicationStatus, asked: &str) -> Result<StepRef, Error> {
    match status.contender_status() {
        Some(contender) if asked.parse::<u64>().is_ok() => {
            let index = steps::find(contender.name.as_str(), &contender.steps, asked)?;
            Ok(steps::written(&contender.steps[index], index))
        }
        _ => Ok(StepRef::Name(asked.to_owned())),
    }
}

/// The releases that one may go back to, newest first.
fn complete(status: &ApplicationStatus) -> impl Iterator<Item = &ReleaseStatus> {
    let other = move |release: &&ReleaseStatus| Some(&release.name) != status.contender.as_ref();
    status.releases.iter().filter(other).filter(|release| release.complete.is_some())
}

fn before(status: &ApplicationStatus) -> Result<&ReleaseStatus, Error> {
    let incumbent = status.incumbent.as_ref();
    let found = complete(status).find(|release| incumbent.is_none_or(|name| release.name == *name));
    found.ok_or_else(|| Error::Refused {
        message: format!(
            "{} has no earlier release that was complete: there is nothing to go back to",
            status.application
        ),
    })
}

fn named<'a>(status: &'a ApplicationStatus, asked: &str) -> Result<&'a ReleaseStatus, Error> {
    if let Some(release) = complete(status).find(|release| release.name.as_str() == asked) {
        return Ok(release);
    }
    if status.contender.as_ref().is_some_and(|contender| contender.as_str() == asked) {
        return Err(Error::Refused { message: format!("{asked} is what main asks for now") });
    }
    let names: Vec<&str> = complete(status).map(|release| release.name.as_str()).collect();
    if status.releases.iter().any(|release| release.name.as_str() == asked) {
        let message = format!("{asked} was never complete; those that were: {}", list(&names));
        return Err(Error::Refused { message });
    }
    let nearest = suggest::nearest(asked, names.iter().copied());
    let nearest = nearest.map(|name| format!("did you mean {name}? ")).unwrap_or_default();
    Err(Error::NotFound {
        what: "release",
        name: asked.to_owned(),
        hint: format!("{nearest}one may go back to {}", list(&names)),
    })
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
