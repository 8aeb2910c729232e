//! `shipperctl wait`: ends when something is so, with an exit code for scripts.

use std::time::{Duration, Instant};

use shipper_core::api::{Goal, MAX_WAIT_SECONDS, RolloutState, Waited};
use shipper_core::status::ApplicationStatus;

use crate::Error;
use crate::cli::Global;
use crate::hub::{Hub, HubError};
use crate::output::OutputArgs;
use crate::terminal::{GOOD, STRONG, Terminal, plain, styled};

/// How long a hub that went away is left alone.
const PAUSE: Duration = Duration::from_secs(1);

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
  step=NAME|INDEX     the contender achieved the step, or one behind it
  settled             it is at rest, or waits for a commit
  failed              it cannot go on without a person

It ends with 0 when that is so, with 6 as soon as it will not come by itself (the release does not
render, too many clusters fail, or the hub took it back), with 7 when the time is over. Right after a
push the hub may not have read the commit yet: --release makes it wait for the release that you mean.")]
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
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

fn goal(text: &str) -> Result<Goal, String> {
    text.parse()
}

/// A duration as people write it in strategies too.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text.parse().map_err(|_| "write it as 90s, 10m or 2h".to_owned())?;
    Duration::try_from(span).map_err(|_| "it is in the past".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When there is no such application, the hub does not answer, or what is waited for does not come.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let hub = Hub::of(global)?;
    let now = hub.application(&args.app)?;
    let waited = wait(&hub, &now, args)?;
    let status = &waited.status;
    let names = || status.contender.iter().map(ToString::to_string).collect();
    let text = || {
        let goal = waited.goal.as_deref().unwrap_or_default();
        let name = styled(STRONG, &status.application.to_string());
        let contender = status.contender.as_ref().map_or("no release", |release| release.as_str());
        Ok(format!("{name} is {GOOD}{}{GOOD:#}: {}\n", plain(goal), plain(contender)))
    };
    let text = args.output.output.print(&waited, names, text)?;
    Ok(write!(terminal.out, "{text}")?)
}

fn wait(hub: &Hub, now: &ApplicationStatus, args: &Args) -> Result<Waited, Error> {
    let goals: Vec<String> = args.goals.iter().map(ToString::to_string).collect();
    let goal = goals.join(" or ");
    for wanted in &args.goals {
        // A step that the contender does not have never comes.
        if args.release.is_none()
            && let Err(reason) = wanted.met(now)
        {
            return Err(Error::Usage { message: reason });
        }
    }
    let trouble = !args.goals.contains(&Goal::Failed);
    let mut asked = goals;
    asked.extend(trouble.then(|| Goal::Failed.to_string()));
    let began = Instant::now();
    let mut last = now.clone();
    loop {
        let left = args.timeout.saturating_sub(began.elapsed()).as_secs();
        let answer =
            hub.wait(&now.application, &asked.join(","), args.release.as_deref(), left.min(MAX_WAIT_SECONDS));
        match answer {
            Ok(Some(waited)) if waited.met => {
                if trouble && waited.goal.as_deref() == Some("failed") {
                    return Err(Error::WillNotCome { goal, message: trouble_of(&waited.status) });
                }
                return Ok(waited);
            }
            Ok(Some(waited)) => last = waited.status,
            Ok(None) => {
                let message = format!("{} is gone", now.application);
                return Err(Error::WillNotCome { goal, message });
            }
            // A hub that is restarted comes back.
            Err(HubError::Unreachable { .. }) if began.elapsed() < args.timeout => std::thread::sleep(PAUSE),
            Err(error) => return Err(error.into()),
        }
        if began.elapsed() >= args.timeout {
            let seconds = args.timeout.as_secs();
            return Err(Error::TimeOver { goal, seconds, message: last.sentence() });
        }
    }
}

/// Why nothing goes on, and what to do.
fn trouble_of(status: &ApplicationStatus) -> String {
    let state = RolloutState::of(status).words();
    let failure = status.contender_status().and_then(|release| release.failed.as_ref());
    let why = failure.map_or_else(|| status.sentence(), |failure| failure.message.clone());
    format!("{} is {state}: {why}; see shipperctl status {}", status.application, status.application)
}
