//! `shipperctl abort`: the commit that takes a rollout back, by putting back what the incumbent was made from [M8].

use std::collections::{BTreeMap, BTreeSet};

use shipper_core::condition::Reason;
use shipper_core::intent::{Object, Template, load};
use shipper_core::state::WithdrawalReason;
use shipper_core::status::{ApplicationStatus, ReleaseStatus};
use shipper_core::{AppKey, ReleaseName};
use shipper_git::{Mode, Oid, Snapshot};

use crate::Error;
use crate::cli::{CommitArgs, Global};
use crate::edit::restore_environment;
use crate::hub::Hub;
use crate::repository::{self, Change, FileChange, MAX_FILE, RepositoryError, history_of};
use crate::terminal::Terminal;

/// `abort APP`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl abort web/hello                      back to the incumbent, at once and everywhere
  shipperctl abort web/hello --branch take-back   as a commit for a pull request

It puts the environment back as it was in the commit that asked for the incumbent: chart, manifests,
values and overrides of spec.template, spec.restart, and the folder that a chart.path or a
manifests.path names. Placement and strategy stay as they are. The incumbent goes straight back to
full load; no new release is made. The same takes back a release that is complete. Where the hub
took a release back by itself, it makes main say so.")]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: String,
    /// Put back a folder of charts or manifests even if other applications use it too
    #[arg(long)]
    pub shared: bool,
    /// How the commit is made.
    #[command(flatten)]
    pub commit: CommitArgs,
}

/// Runs the command.
///
/// # Errors
/// When there is no such application or no incumbent, or the commit cannot be made.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let status = Hub::new(&global.hub)?.application(&args.app)?;
    let (contender, incumbent) = match rolled_back(&status) {
        Some((taken_back, stands)) => (taken_back.name.as_str(), stands),
        None => {
            let contender = status.contender.as_ref().map(ReleaseName::as_str).unwrap_or_default();
            (contender, incumbent(&status)?)
        }
    };
    let place = repository::find(global.repository.as_deref())?;
    let author = super::author(&place, &args.commit)?;
    let app = &status.application;
    let subject =
        args.commit.message.clone().unwrap_or_else(|| format!("Abort {app}: back to {}", incumbent.name));
    let source: Oid = incumbent.source.parse().map_err(|_| Error::Refused {
        message: format!("the hub does not say which commit asked for {}; use git revert", incumbent.name),
    })?;
    let published =
        repository::publish(&place, args.commit.branch.as_deref(), true, &author, |main, open| {
            let then = open(source).map_err(|error| gone(&error, incumbent))?;
            let files = restored(main, &then, app, args.shared)?;
            Ok(Change { files, message: subject.clone(), says_something: false })
        })?;
    let unchanged = format!("main asks for what {} was made from already", incumbent.name);
    let next = format!(
        "{contender} is withdrawn, {} takes all load back, then the pods of {contender} go. Follow it: shipperctl status {app} --watch",
        incumbent.name
    );
    super::announce(&published, &subject, &unchanged, &next, terminal)
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
                     Walk back with `shipperctl promote {app} --step 0`, correct applications/{}/{}.yaml, or remove it with \
                     `shipperctl remove {app}`",
                    app.namespace, app.name
                ),
                None => format!("{app} has no release yet: there is nothing to take back"),
            },
        }
    })
}

fn gone(error: &RepositoryError, incumbent: &ReleaseStatus) -> Error {
    Error::Refused {
        message: format!(
            "commit {}, which asked for {}, cannot be read from the repository ({error}); was main rewritten?",
            incumbent.source, incumbent.name
        ),
    }
}

/// The files that bring the earlier environment back.
fn restored(
    main: &Snapshot,
    then: &Snapshot,
    app: &AppKey,
    shared: bool,
) -> Result<Vec<(String, FileChange)>, Error> {
    let path = |snapshot: &Snapshot| -> Result<Option<String>, Error> {
        let files = repository::applications(snapshot)?;
        Ok(files.into_iter().find(|(key, _)| key == app).map(|(_, path)| path))
    };
    let missing = |what: String| Error::Refused { message: what };
    let now_at = path(main)?.ok_or_else(|| {
        missing(format!(
            "applications/{}/{}.yaml is not on main; put it back with git revert",
            app.namespace, app.name
        ))
    })?;
    let then_at = path(then)?.unwrap_or_else(|| now_at.clone());
    let now = repository::read_text(main, &now_at)?.unwrap_or_default();
    // A file that was bad at that commit was not what the release was made from [I1].
    let good = |bytes: &[u8]| load(&then_at, bytes).object.is_some();
    let earlier = history_of(then, &then_at, good)?
        .ok_or_else(|| missing(format!("{then_at} is not in commit {}; use git revert", then.commit_id())))?;
    let text =
        restore_environment(&now, &earlier).map_err(|source| Error::Edit { file: now_at.clone(), source })?;
    let mut files = vec![(now_at, FileChange::Write(text.into_bytes()))];
    for folder in folders(&then_at, earlier.as_bytes()) {
        let back = restore_folder(main, then, &folder)?;
        if !back.is_empty() && !shared {
            refuse_shared(main, app, &folder)?;
        }
        files.extend(back);
    }
    Ok(files)
}

/// The folders of the repository that an application's environment depends on.
fn folders(path: &str, bytes: &[u8]) -> BTreeSet<String> {
    let Some(Object::Application(application)) = load(path, bytes).object else { return BTreeSet::new() };
    let Template { chart, manifests, .. } = application.spec.template;
    let paths = chart.and_then(|chart| chart.path).into_iter().chain(manifests.map(|source| source.path));
    paths.map(|path| path.trim_start_matches("./").trim_end_matches('/').to_owned()).collect()
}

/// What differs below a folder, or in a file, and how it is put back.
fn restore_folder(
    main: &Snapshot,
    then: &Snapshot,
    folder: &str,
) -> Result<Vec<(String, FileChange)>, Error> {
    let content = |snapshot: &Snapshot| -> Result<BTreeMap<String, Oid>, RepositoryError> {
        match snapshot.entry(folder)? {
            Some((Mode::Directory, _)) => {
                Ok(snapshot.walk(folder)?.into_iter().map(|entry| (entry.path, entry.oid)).collect())
            }
            Some((_, blob)) => Ok(BTreeMap::from([(folder.to_owned(), blob)])),
            None => Ok(BTreeMap::new()),
        }
    };
    let (now, then) = (content(main)?, content(then)?);
    let removed =
        now.keys().filter(|path| !then.contains_key(*path)).map(|path| (path.clone(), FileChange::Remove));
    let changed = then.iter().filter(|(path, blob)| now.get(*path) != Some(*blob));
    Ok(removed.chain(changed.map(|(path, blob)| (path.clone(), FileChange::Restore(*blob)))).collect())
}

/// Putting a folder back under another application would be a release of that one.
fn refuse_shared(main: &Snapshot, app: &AppKey, folder: &str) -> Result<(), Error> {
    let mut others = Vec::new();
    for (key, path) in repository::applications(main)? {
        let bytes = main.read(&path, MAX_FILE).map_err(RepositoryError::from)?.unwrap_or_default();
        if key != *app && folders(&path, &bytes).contains(folder) {
            others.push(key.to_string());
        }
    }
    if others.is_empty() {
        return Ok(());
    }
    let others = others.join(", ");
    Err(Error::Refused {
        message: format!(
            "{folder} changed since, and {others} use it too: putting it back makes new releases of them. Do it with --shared"
        ),
    })
}
