//! Waiting for an application, for `wait` and for whoever made a commit and wants to see it done.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use git2::Repository;
use shipper_core::api::{Followed, Goal, MAX_WAIT_SECONDS, RolloutState, Waited};
use shipper_core::command::Command;
use shipper_core::condition::Status;
use shipper_core::status::ApplicationStatus;
use shipper_core::{AppKey, ReleaseName};

use super::restore::folders;
use crate::Error;
use crate::cli::{FollowArgs, Global};
use crate::hub::{Hub, HubError};
use crate::output::Output;
use crate::repository::{Newest, Published, newest};
use crate::steps;
use crate::terminal::{GOOD, STRONG, Terminal, plain, styled};

/// How long a hub that went away is left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// How often somebody who watches is told what is waited for.
const TOLD: u64 = 5;

/// What is waited for.
#[derive(Debug)]
pub(super) struct Wanted<'w> {
    /// Whatever comes first.
    pub(super) goals: &'w [Goal],
    /// For how long.
    pub(super) timeout: Duration,
    /// The contender has to be this one.
    pub(super) release: Option<&'w str>,
    /// The hub has to have decided on this commit, in hex, or a later one.
    pub(super) commit: Option<&'w str>,
}

/// Waits. `now`: what the hub says already.
///
/// # Errors
/// When the hub does not answer, what is waited for will not come by itself, or the time is over.
pub(super) fn until(
    hub: &Hub,
    now: &ApplicationStatus,
    wanted: &Wanted<'_>,
    terminal: &mut Terminal<'_>,
) -> Result<Waited, Error> {
    let contender = now.contender.as_ref().map(ReleaseName::as_str);
    // A release that is still to come may have other steps.
    let there = wanted.commit.is_none() && wanted.release.is_none_or(|release| contender == Some(release));
    let goals: Vec<Asked> =
        wanted.goals.iter().map(|goal| Asked::of(goal, now, there)).collect::<Result<_, _>>()?;
    let goal = goals.iter().map(|goal| goal.told.as_str()).collect::<Vec<_>>().join(" or ");
    let trouble = !wanted.goals.contains(&Goal::Failed);
    let mut asked: Vec<String> = goals.iter().map(|goal| goal.asked.clone()).collect();
    asked.extend(trouble.then(|| Goal::Failed.to_string()));
    let (began, most) = (Instant::now(), if terminal.is_watched() { TOLD } else { MAX_WAIT_SECONDS });
    let (mut last, mut told) = (now.sentence(), None);
    // The hub says at once that the contender has no such step, and before that it is no waiting.
    let mut at_once = !there && wanted.goals.iter().any(|goal| matches!(goal, Goal::Step(_)));
    loop {
        let doing = format!("{} waits for {goal}: {last}", now.application);
        // A log gets a line for each change, so that nobody waits for a person who does not know.
        if !at_once {
            terminal.busy(&doing);
            if !terminal.is_watched() && told.as_ref() != Some(&doing) {
                writeln!(terminal.err, "{}", plain(&doing))?;
                terminal.err.flush()?;
                told = Some(doing);
            }
        }
        let left =
            wanted.timeout.saturating_sub(began.elapsed()).as_secs().min(if at_once { 0 } else { most });
        at_once = false;
        match hub.wait(&now.application, &asked.join(","), wanted.release, wanted.commit, left) {
            Ok(Some(mut waited)) if waited.met => {
                if trouble && waited.goal.as_deref() == Some("failed") {
                    return Err(Error::WillNotCome { goal, message: trouble_of(&waited.status) });
                }
                let come = goals.into_iter().find(|goal| Some(&goal.asked) == waited.goal.as_ref());
                waited.goal = come.map(|goal| goal.told).or(waited.goal);
                return Ok(waited);
            }
            Ok(Some(waited)) => last = so_far(&waited, wanted.commit),
            Ok(None) => {
                let message = format!("{} is gone", now.application);
                return Err(Error::WillNotCome { goal, message });
            }
            // A hub that is restarted comes back.
            Err(error) if error.is_away() && began.elapsed() < wanted.timeout => {
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(unasked(hub, now, wanted, error)),
        }
        if began.elapsed() >= wanted.timeout {
            return Err(Error::TimeOver { goal, seconds: wanted.timeout.as_secs(), message: last });
        }
    }
}

/// A goal as people are told it, and as the hub is asked for it, which counts steps from 0.
struct Asked {
    told: String,
    asked: String,
}

impl Asked {
    /// `there`: whether it is about the contender that there is now.
    fn of(goal: &Goal, now: &ApplicationStatus, there: bool) -> Result<Self, Error> {
        let mut both = Self { told: goal.to_string(), asked: goal.to_string() };
        let Goal::Step(step) = goal else { return Ok(both) };
        if let Some(contender) = now.contender_status().filter(|_| there) {
            let index = steps::find(contender.name.as_str(), &contender.steps, step)?;
            let named = Goal::Step(contender.steps[index].clone()).to_string();
            both = Self { told: named.clone(), asked: named };
        } else if let Ok(number) = step.parse::<usize>() {
            let from_one = || Error::NotFound {
                what: "step",
                name: step.clone(),
                hint: "steps count from 1, as they are shown".to_owned(),
            };
            let index = number.checked_sub(1).ok_or_else(from_one)?;
            both.asked = Goal::Step(index.to_string()).to_string();
        }
        Ok(both)
    }
}

/// Why the hub does not wait: where the contender that came has no such step, with those that it has.
fn unasked(hub: &Hub, now: &ApplicationStatus, wanted: &Wanted<'_>, error: HubError) -> Error {
    let status = match &error {
        HubError::Asked { .. } => hub.application(&now.application.to_string()).ok(),
        _ => None,
    };
    let contender = status.as_ref().and_then(ApplicationStatus::contender_status);
    let missing = wanted.goals.iter().find_map(|goal| match (goal, contender) {
        (Goal::Step(step), Some(contender)) => {
            steps::find(contender.name.as_str(), &contender.steps, step).err()
        }
        _ => None,
    });
    missing.unwrap_or_else(|| error.into())
}

/// What is waited for now.
fn so_far(waited: &Waited, commit: Option<&str>) -> String {
    if let (Some(false), Some(commit)) = (waited.decided, commit) {
        let short = commit.get(..10).unwrap_or(commit);
        return format!("the hub has not decided on commit {short} yet; is it pushed to main?");
    }
    match (waited.decided, Followed::of(&waited.status)) {
        (Some(true), Followed::NotYet | Followed::Refused) => refusal(&waited.status),
        _ => waited.status.sentence(),
    }
}

/// Why nothing goes on, and what to do.
fn trouble_of(status: &ApplicationStatus) -> String {
    let app = &status.application;
    let see = Command::new("shipperctl status").word(app);
    if Followed::of(status) == Followed::Refused {
        return format!("{app}: {}; see {see}", refusal(status));
    }
    let state = RolloutState::of(status).words();
    let failure = status.contender_status().and_then(|release| release.failed.as_ref());
    let why = failure.map_or_else(|| status.sentence(), |failure| failure.message.clone());
    format!("{app} is {state}: {why}; see {see}")
}

/// What the first condition says that is not as it should be.
fn refusal(status: &ApplicationStatus) -> String {
    use shipper_core::condition::ConditionType::{ReleaseSynced, Valid};
    let wrong = |kind| status.conditions.iter().find(|one| one.kind == kind && one.status != Status::True);
    let first = [Valid, ReleaseSynced].into_iter().find_map(wrong);
    first.map_or_else(|| status.sentence(), |condition| condition.message.clone())
}

/// The commit that is meant: the one named, or the newest of the work tree here that concerns the application.
///
/// # Errors
/// When there is no such commit, or the newest is not pushed.
pub(super) fn commit_meant(app: &AppKey, named: Option<&str>) -> Result<Option<String>, Error> {
    let here = Path::new(".");
    if let Some(named) = named {
        let whole = named.len() == 40 && named.bytes().all(|digit| digit.is_ascii_hexdigit());
        if whole {
            return Ok(Some(named.to_ascii_lowercase()));
        }
        let found = Repository::discover(here).ok().and_then(|repository| {
            let commit = repository.revparse_single(named).ok()?.peel_to_commit().ok()?;
            Some(commit.id().to_string())
        });
        let unknown = || Error::NotFound {
            what: "commit",
            name: named.to_owned(),
            hint: "go to a clone of the fleet repository that has it, or write all 40 digits".to_owned(),
        };
        return Ok(Some(found.ok_or_else(unknown)?));
    }
    let files = ["yaml", "yml"].map(|end| format!("applications/{}/{}.{end}", app.namespace, app.name));
    match newest(here, &files, |path, bytes| folders(path, bytes).into_iter().collect()) {
        None => Ok(None),
        Some(Newest::Pushed(commit)) => Ok(Some(commit)),
        Some(Newest::Here(commit)) => {
            let short = commit.get(..10).unwrap_or(&commit);
            let message = format!(
                "commit {short}, the newest here that concerns {app}, is not pushed; push it, or wait with --now for what the hub knows"
            );
            Err(Error::Refused { message })
        }
    }
}

/// What became of a wait, for people.
pub(super) fn told(waited: &Waited) -> String {
    let status = &waited.status;
    let goal = waited.goal.as_deref().unwrap_or_default();
    let name = styled(STRONG, &status.application.to_string());
    let contender = status.contender.as_ref().map_or("no release", |release| release.as_str());
    format!("{name} is {GOOD}{}{GOOD:#}: {}\n", plain(goal), plain(contender))
}

/// After a commit on `main`: waits until one of the goals is so, if the person wants to.
///
/// # Errors
/// As [`until`].
pub(super) fn follow(
    global: &Global,
    args: &FollowArgs,
    app: &str,
    goals: &[Goal],
    (published, output): (&Published, Output),
    terminal: &mut Terminal<'_>,
) -> Result<(), Error> {
    if !args.wait {
        return Ok(());
    }
    let commit = match published {
        Published::Pushed { commit, .. } => Some(commit.as_str()),
        Published::Unchanged => None,
    };
    let hub = Hub::of(global)?;
    let now = hub.application(app)?;
    let waited =
        until(&hub, &now, &Wanted { goals, timeout: args.timeout, release: None, commit }, terminal)?;
    if output.for_people() {
        write!(terminal.out, "{}", told(&waited))?;
    }
    Ok(())
}
