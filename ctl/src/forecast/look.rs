//! The commits of a forecast, and the two decisions on every application that the merge concerns.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use shipper_core::AppKey;
use shipper_core::api::{Evidence, EvidenceOfMany, ReportsOf};
use shipper_core::intent::{Problem, Severity};
use shipper_git::{Identity, Merged, Oid, Snapshot, Store, StoreError};
use shipper_hub::fleet::FleetView;
use shipper_hub::pilot::{Preview, settle_clusters};
use shipper_hub::render::charts::{self, Charts};
use shipper_hub::render::{self, Renderer};

use super::Forecast;
use super::compare::{Manifests, compare};
use crate::Error;
use crate::hub::{Hub, batches};
use crate::lint;
use crate::repository::{Place, RepositoryError, Scratch};

/// What is asked.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The fleet repository.
    pub place: &'a Place,
    /// Where the hub writes.
    pub state: &'a Place,
    /// The branch that would be merged into.
    pub base: &'a str,
    /// The branch that would be merged.
    pub head: &'a str,
    /// The branch that the hub writes.
    pub state_branch: &'a str,
    /// The `helm` program; `None` = the one in `PATH`.
    pub helm: Option<PathBuf>,
}

/// What merging would do. `planned` is told how many applications are planned, of how many.
///
/// # Errors
/// When the branches do not merge, or hub or repository do not answer.
pub fn foretell(
    hub: &Hub,
    asked: &Asked<'_>,
    mut planned: impl FnMut(usize, usize),
) -> Result<Forecast, Error> {
    let mut main = Scratch::of(asked.place, true)?;
    let base = branch(&mut main, asked.base)?;
    let head = branch(&mut main, asked.head)?;
    let merged = merged(&main.store, base.commit_id(), &head, asked)?;
    // Of the state only the newest commit counts, however long its history is.
    let mut kept = Scratch::of(asked.state, false)?;
    let state = kept.branch(&full(asked.state_branch))?;

    let read = |error: StoreError| Error::from(RepositoryError::Store(error));
    let (mut before, mut after) = (FleetView::default(), FleetView::default());
    for view in [&mut before, &mut after] {
        view.follow_main(&main.store, base.commit_id()).map_err(|error| read(error.source))?;
        view.follow_state(&kept.store, state.as_ref().map(Snapshot::commit_id))
            .map_err(|error| read(error.source))?;
        settle_clusters(&main.store, view).map_err(read)?;
    }
    let mut concerned = after.follow_main(&main.store, merged).map_err(|error| read(error.source))?;
    concerned.extend(settle_clusters(&main.store, &mut after).map_err(read)?);
    // A commit that confirms a removal need not touch a file of what is removed [X1].
    let known = after.records().apps().map(|(app, _)| app);
    concerned.extend(known.filter(|app| after.is_missing(app)).cloned());

    let scratch =
        tempfile::Builder::new().prefix("shipperctl-").tempdir().map_err(RepositoryError::Scratch)?;
    let mut preview = preview(asked.helm.clone(), scratch.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut applications = Vec::new();
    let concerned: Vec<AppKey> = concerned.into_iter().collect();
    let mut done = 0;
    for batch in batches(&concerned) {
        let EvidenceOfMany { at, liveness, free, items } = hub.evidence(batch)?;
        let mut evidence = Evidence { at, reports: BTreeMap::new(), liveness, free };
        for ReportsOf { application: app, reports } in items {
            planned(done, concerned.len());
            done += 1;
            evidence.reports = reports;
            let decisions = runtime.block_on(async {
                let now = preview.decide(&main.store, &before, &app, &evidence).await?;
                let then = preview.decide(&main.store, &after, &app, &evidence).await?;
                Ok::<_, StoreError>((now, then))
            });
            let (now, then) = decisions.map_err(read)?;
            let manifests = Manifests::new(state.as_ref(), after.records().app(&app));
            applications.extend(compare(&app, &now, &then, &manifests)?);
        }
    }
    let commit = |commit: Oid| main.store.snapshot(commit).map_err(read);
    let known = problems(&before, commit(base.commit_id())?)?;
    let known: BTreeSet<_> = known.iter().map(said).collect();
    let mut files = problems(&after, commit(merged)?)?;
    files.retain(|problem| !known.contains(&said(problem)));
    Ok(Forecast {
        base: base.commit_id().to_string(),
        head: head.commit_id().to_string(),
        state: state.map(|state| state.commit_id().to_string()),
        files,
        applications,
    })
}

/// What is wrong with the files of a commit: as the hub reads them, each for itself, and whether they fit together.
fn problems(view: &FleetView, commit: Snapshot) -> Result<Vec<Problem>, Error> {
    let mut problems = lint::check(&lint::Source::Snapshot(commit))?.problems;
    let linted: BTreeSet<_> = problems.iter().map(said).collect();
    let others: Vec<Problem> =
        view.problems().filter(|problem| !linted.contains(&said(problem))).cloned().collect();
    problems.extend(others);
    Ok(problems)
}

/// What a problem says, wherever in the file that is.
fn said(problem: &Problem) -> (Severity, &str, Option<&str>, &str) {
    (problem.severity, &problem.file, problem.field.as_deref(), &problem.message)
}

/// The hub's planner and renderer, with a folder for what they need meanwhile.
///
/// # Errors
/// When the folder cannot be used.
pub fn preview(helm: Option<PathBuf>, folder: &Path) -> Result<Preview, Error> {
    let renderer = Renderer::new(helm, render::Limits::default(), folder.join("render"));
    let charts = Charts::new(folder.join("charts"), charts::Limits::default());
    let unusable = |error: charts::ChartError| Error::Read {
        path: "the cache of charts".to_owned(),
        reason: error.to_string(),
    };
    Ok(Preview::new(renderer, charts.map_err(unusable)?))
}

fn full(name: &str) -> String {
    if name.starts_with("refs/") { name.to_owned() } else { format!("refs/heads/{name}") }
}

fn branch(scratch: &mut Scratch, name: &str) -> Result<Snapshot, Error> {
    let found = scratch.branch(&full(name))?;
    found.ok_or_else(|| Error::NotFound {
        what: "branch",
        name: name.to_owned(),
        hint: "push it first, or name another with --head or --base; --repository names another repository"
            .to_owned(),
    })
}

fn merged(store: &Store, base: Oid, head: &Snapshot, asked: &Asked<'_>) -> Result<Oid, Error> {
    let by = head.author().unwrap_or(Identity {
        name: "shipperctl".to_owned(),
        email: "shipperctl@localhost".to_owned(),
        seconds: 0,
        offset_minutes: 0,
    });
    match store
        .merge(base, head.commit_id(), &by, "Merge, to see what it does\n")
        .map_err(RepositoryError::from)?
    {
        Merged::Commit(commit) => Ok(commit),
        Merged::Conflict { paths } => Err(Error::Refused {
            message: format!(
                "{} does not merge into {}: both changed {}; merge or rebase it first",
                asked.head,
                asked.base,
                paths.join(", ")
            ),
        }),
    }
}
