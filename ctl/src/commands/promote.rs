//! `shipperctl promote`: the commit that moves a release to a step [M1].

use std::io::Write as _;

use shipper_core::api::Goal;
use shipper_core::command::Command;
use shipper_core::intent::StepRef;
use shipper_core::status::{ApplicationStatus, ReleaseStatus, WaitingFor};

use super::commit::Commit;
use super::concerned::ReleaseArgs;
use super::until::follow;
use crate::Error;
use crate::cli::{CommitArgs, FollowArgs, Global};
use crate::edit::{Order, set_rollout};
use crate::hub::Hub;
use crate::steps;
use crate::terminal::{BUSY, Terminal, plain};

/// `promote APP`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl promote web/hello                    to the next step, once the present one is achieved
  shipperctl promote web/hello --step 'full on'   to a step by name; steps may be skipped, or walked back
  shipperctl promote hello --step 2               to the second step, as 2/3 shows it
  shipperctl promote web/hello --skip-gates       without waiting for soak and analysis of the present step
  shipperctl promote web/hello --wait             and wait until the step is done
  shipperctl promote web/hello --branch go-on     as a commit for a pull request

It changes nothing but spec.rollout in applications/<namespace>/<name>.yaml:

  rollout:
    release: hello-83e4eedd-1
    targetStep: full on")]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: String,
    /// Which release it is about.
    #[command(flatten)]
    pub about: ReleaseArgs,
    /// Step to go to [default: the next one]
    #[arg(long, value_name = "NAME|NUMBER")]
    pub step: Option<String>,
    /// Any new text: repeats an order that was obeyed before
    #[arg(long, value_name = "TEXT")]
    pub request: Option<String>,
    /// Do not wait for soak and analysis of the step that is left
    #[arg(long)]
    pub skip_gates: bool,
    /// How the commit is made.
    #[command(flatten)]
    pub commit: CommitArgs,
    /// Whether it goes on until that is done.
    #[command(flatten)]
    pub follow: FollowArgs,
}

/// What is to be committed.
struct Promotion {
    release: String,
    step: StepRef,
    /// The step in words.
    step_name: String,
    /// The steps in between that are never gone to, with their numbers; empty = none.
    skipped: String,
}

/// Runs the command.
///
/// # Errors
/// When there is no such application, release or step, or the commit cannot be made.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let hub = Hub::of(global)?;
    let (name, promotion, held) = match hub.application(&args.app) {
        Ok(status) => (status.application.to_string(), decide(&status, args)?, held(&status)),
        Err(Error::Hub(error)) if error.is_away() => {
            let Some(promotion) = unchecked(args)? else {
                let command = Command::new("shipperctl promote").word(&args.app);
                let way =
                    format!("an order in full is committed without it: {command} --release NAME --step NAME");
                return Err(Error::Away { error, way });
            };
            writeln!(terminal.err, "{BUSY}not checked:{BUSY:#} {}", plain(&error.to_string()))?;
            (args.app.clone(), promotion, None)
        }
        Err(error) => return Err(error),
    };
    if !promotion.skipped.is_empty() {
        writeln!(terminal.err, "{BUSY}skipped:{BUSY:#} {}", plain(&promotion.skipped))?;
    }
    let commit =
        Commit::begin(global, &args.commit, &format!("Promote {name} to {}", promotion.step_name), terminal)?;
    let order = Order {
        release: &promotion.release,
        step: &promotion.step,
        request: args.request.as_deref(),
        skip_gates: args.skip_gates,
    };
    let published =
        commit.publish(false, |main, _| commit.edited(main, &name, |text| set_rollout(text, order)))?;
    let unchanged = format!(
        "main asks for {} at step {} already; --request TEXT repeats the order",
        promotion.release, promotion.step_name
    );
    let next = match held {
        Some(held) => format!("It is obeyed once {held}"),
        None => format!(
            "The hub reads it within seconds. Follow it: {}",
            Command::new("shipperctl status").word(&name).flag("--watch")
        ),
    };
    commit.announce(&published, &commit.subject, &unchanged, &next, terminal)?;
    let goal = [Goal::Step(promotion.step_name)];
    follow(global, &args.follow, &name, &goal, (&published, args.commit.output.output), terminal)
}

/// What was asked for, where the hub cannot be asked.
///
/// # Errors
/// When the step is a number, of which only the hub knows the step.
fn unchecked(args: &Args) -> Result<Option<Promotion>, Error> {
    let (Some(release), Some(step)) = (args.about.release.clone(), args.step.clone()) else {
        return Ok(None);
    };
    if step.parse::<u64>().is_ok() {
        let message =
            format!("--step {step}: without the hub nobody knows which step that is; write its name");
        return Err(Error::Usage { message });
    }
    Ok(Some(Promotion {
        release,
        step: StepRef::Name(step.clone()),
        step_name: step,
        skipped: String::new(),
    }))
}

fn decide(status: &ApplicationStatus, args: &Args) -> Result<Promotion, Error> {
    let contender = contender(status)?;
    let name = contender.name.as_str();
    let mut command = Command::new("shipperctl promote").word(&status.application);
    if let Some(step) = &args.step {
        command = command.option("--step", step);
    }
    args.about.still(status, Some(name), command)?;
    if let Some(failure) = &contender.failed {
        let message = format!("{name} cannot be rendered and goes nowhere: {}", failure.message);
        return Err(Error::Refused { message });
    }
    let index = match &args.step {
        Some(asked) => steps::find(name, &contender.steps, asked)?,
        None => next(status, contender)?,
    };
    let step_name = contender.steps.get(index).cloned().unwrap_or_default();
    let step = steps::written(&step_name, index);
    Ok(Promotion { release: name.to_owned(), step, step_name, skipped: skipped(contender, index) })
}

/// The steps between the present one and a later one.
fn skipped(contender: &ReleaseStatus, to: usize) -> String {
    steps::list(contender.steps.iter().enumerate().take(to).skip(contender.step + 1))
}

fn contender(status: &ApplicationStatus) -> Result<&ReleaseStatus, Error> {
    let found = status.contender.as_ref().and_then(|name| status.releases.iter().find(|r| r.name == *name));
    found.ok_or_else(|| {
        let why = status.conditions.iter().find(|c| c.status == shipper_core::condition::Status::False);
        let why = why.map(|condition| format!(": {}", condition.message)).unwrap_or_default();
        Error::Refused { message: format!("{} has no release yet{why}", status.application) }
    })
}

/// What keeps every order waiting, whichever step it names: as the end of "once …", with the command that helps.
fn held(status: &ApplicationStatus) -> Option<String> {
    match status.waiting.state {
        WaitingFor::Paused => {
            let resume = Command::new("shipperctl resume").word(&status.application);
            let resume = match &status.contender {
                Some(contender) => resume.option("--release", contender),
                None => resume,
            };
            Some(format!("the rollout is not paused any more: {resume}"))
        }
        WaitingFor::Blocked => Some("no rollout block stops it any more: shipperctl blocks list".to_owned()),
        _ => None,
    }
}

/// The step after the present one, which must be achieved: going on before that is for who says so.
fn next(status: &ApplicationStatus, contender: &ReleaseStatus) -> Result<usize, Error> {
    let present = contender.steps.get(contender.step).map(String::as_str).unwrap_or_default();
    let refused = |message: String| Err(Error::Refused { message });
    if contender.step + 1 >= contender.steps.len() {
        return refused(format!(
            "{} is at its last step {present:?}: there is nowhere to go",
            contender.name
        ));
    }
    let achieved = contender.achieved.as_ref().is_some_and(|achieved| achieved.step == contender.step);
    if !achieved || status.waiting.state < WaitingFor::WaitingForCommand {
        let named = Command::new("shipperctl promote").word(&status.application);
        let named =
            named.option("--release", &contender.name).option("--step", &contender.steps[contender.step + 1]);
        if let Some(held) = held(status) {
            return refused(format!(
                "it goes on once {held}; an order that names the step is obeyed then: {named}"
            ));
        }
        return refused(format!(
            "step {present:?} is not done yet: {}; to go on all the same, name the step: {named}",
            status.waiting.message
        ));
    }
    Ok(contender.step + 1)
}
