//! Waiting for an application, for `wait` and for whoever made a commit and wants to see it done.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use git2::Repository;
use shipper_core::AppKey;
use shipper_core::api::{Followed, Goal, MAX_WAIT_SECONDS, RolloutState, Waited};
use shipper_core::command::Command;
use shipper_core::condition::Status;
use shipper_core::status::ApplicationStatus;

use super::restore::folders;
use crate::Error;
use crate::cli::{FollowArgs, Global};
use crate::hub::Hub;
use crate::output::Output;
use crate::repository::{Newest, Published, newest};
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
    let goals: Vec<String> = wanted.goals.iter().map(ToString::to_string).collect();
    let goal = goals.join(" or ");
    if wanted.release.is_none() && wanted.commit.is_none() {
        // A step that the contender does not have never comes.
        for one in wanted.goals {
            one.met(now).map_err(|message| Error::Usage { message })?;
        }
    }
    let trouble = !wanted.goals.contains(&Goal::Failed);
    let mut asked = goals;
    asked.extend(trouble.then(|| Goal::Failed.to_string()));
    let (began, most) = (Instant::now(), if terminal.is_watched() { TOLD } else { MAX_WAIT_SECONDS });
    let (mut last, mut told) = (now.sentence(), None);
    loop {
        let doing = format!("{} waits for {goal}: {last}", now.application);
        terminal.busy(&doing);
        // A log gets a line for each change, so that nobody waits for a person who does not know.
        if !terminal.is_watched() && told.as_ref() != Some(&doing) {
            writeln!(terminal.err, "{}", plain(&doing))?;
            terminal.err.flush()?;
            told = Some(doing);
        }
        let left = wanted.timeout.saturating_sub(began.elapsed()).as_secs().min(most);
        match hub.wait(&now.application, &asked.join(","), wanted.release, wanted.commit, left) {
            Ok(Some(waited)) if waited.met => {
                if trouble && waited.goal.as_deref() == Some("failed") {
                    return Err(Error::WillNotCome { goal, message: trouble_of(&waited.status) });
                }
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
            Err(error) => return Err(error.into()),
        }
        if began.elapsed() >= wanted.timeout {
            return Err(Error::TimeOver { goal, seconds: wanted.timeout.as_secs(), message: last });
        }
    }
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
