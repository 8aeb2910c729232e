//! Putting an application's environment back as it was in an earlier commit: its fields, and the folders that it depends on.

use std::collections::{BTreeMap, BTreeSet};

use shipper_core::AppKey;
use shipper_core::api::Goal;
use shipper_core::intent::{Object, Template, load};
use shipper_core::status::ReleaseStatus;
use shipper_git::{Mode, Oid, Snapshot};

use super::commit::Commit;
use super::until::follow;
use crate::Error;
use crate::cli::{CommitArgs, FollowArgs, Global};
use crate::edit::{EditError, restore_environment};
use crate::repository::{self, FileChange, MAX_FILE, RepositoryError, history_of};
use crate::terminal::Terminal;

/// What is put back, and how that is said.
pub(super) struct Restoration<'a> {
    /// Whose.
    pub(super) app: &'a AppKey,
    /// The release whose environment comes back.
    pub(super) release: &'a ReleaseStatus,
    /// Folders come back even if other applications use them too.
    pub(super) shared: bool,
    /// First line of the message.
    pub(super) subject: String,
    /// What comes next, once it is pushed.
    pub(super) next: String,
}

/// Makes the commit and says what became of it. `edit` is given the application's file with the environment put back.
///
/// # Errors
/// When the earlier commit cannot be read, or the commit cannot be made.
pub(super) fn restore(
    global: &Global,
    (commit, after): (&CommitArgs, &FollowArgs),
    what: Restoration<'_>,
    edit: impl Fn(&str) -> Result<String, EditError>,
    terminal: &mut Terminal<'_>,
) -> Result<(), Error> {
    let Restoration { app, release, shared, subject, next } = what;
    let output = commit.output.output;
    let commit = Commit::begin(global, commit, &subject, terminal)?;
    let source: Oid = release.source.parse().map_err(|_| Error::Refused {
        message: format!("the hub does not say which commit asked for {}; use git revert", release.name),
    })?;
    let published = commit.publish(true, |main, open| {
        let then = open(source).map_err(|error| gone(&error, release))?;
        let files = restored(main, &then, app, shared, &edit)?;
        Ok(commit.change(files))
    })?;
    let unchanged = format!("main asks for what {} was made from already", release.name);
    commit.announce(&published, &commit.subject, &unchanged, &next, terminal)?;
    follow(global, after, &app.to_string(), &[Goal::Settled], (&published, output), terminal)
}

fn gone(error: &RepositoryError, release: &ReleaseStatus) -> Error {
    Error::Refused {
        message: format!(
            "commit {}, which asked for {}, cannot be read from the repository ({error}); was main rewritten?",
            release.source, release.name
        ),
    }
}

/// The files that bring the earlier environment back.
fn restored(
    main: &Snapshot,
    then: &Snapshot,
    app: &AppKey,
    shared: bool,
    edit: impl Fn(&str) -> Result<String, EditError>,
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
    let text = restore_environment(&now, &earlier).and_then(|text| edit(&text));
    let text = text.map_err(|source| Error::Edit { file: now_at.clone(), source })?;
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
pub(super) fn folders(path: &str, bytes: &[u8]) -> BTreeSet<String> {
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
