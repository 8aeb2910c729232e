//! The input of a rendering: the files that a release's pin names, and the values.

use super::renders::{Allowed, Input, Job, manages_traffic};
use crate::fleet::FleetView;
use crate::render::{RenderRequest, Source, SourceFile};
use shipper_core::AppKey;
use shipper_core::intent::Application;
use shipper_core::plan::RenderNeed;
use shipper_core::state::{PinnedSource, ReleaseRecord};
use shipper_git::{Mode, Oid, ReadError, Snapshot, Store, StoreError, diff};

/// Most bytes of a chart or of plain manifests in the repository.
const MAX_SOURCE: u64 = 64 << 20;

/// The job that a plan asks for. The files are read from the pinned tree, whatever `main` says by now.
pub(super) fn job(
    view: &FleetView,
    store: &Store,
    app: &AppKey,
    application: &Application,
    need: &RenderNeed,
    allowed: Allowed,
) -> Result<Job, StoreError> {
    let release = &need.release;
    Ok(Job {
        app: app.clone(),
        variant: (release.name.clone(), need.variant.clone()),
        allowed,
        input: input(view, store, release)?,
        request: RenderRequest {
            application: app.clone(),
            release: release.name.clone(),
            source: Source::Manifests(Vec::new()),
            values: need.values.clone(),
            manages_traffic: manages_traffic(application, &release.strategy),
            allow_cluster_scope: allowed.cluster_scope,
            allow_secrets: allowed.secrets,
        },
    })
}

fn input(view: &FleetView, store: &Store, release: &ReleaseRecord) -> Result<Input, StoreError> {
    let environment = &release.environment;
    if let Some(manifests) = &environment.manifests {
        return Ok(Input::Here(files(view, store, manifests)?.map(Source::Manifests)));
    }
    let chart = environment.chart.clone().unwrap_or_default();
    match (chart.path, chart.tree, chart.name, chart.version, chart.repo_url) {
        (Some(path), Some(tree), ..) => {
            Ok(Input::Here(files(view, store, &PinnedSource { path, tree })?.map(Source::Chart)))
        }
        (_, _, Some(name), Some(version), Some(repo_url)) => Ok(Input::Archive { repo_url, name, version }),
        _ => Ok(Input::Here(Err("the release pins neither a chart nor manifests".to_owned()))),
    }
}

/// The files of a pinned tree or blob, or why they cannot be used.
fn files(
    view: &FleetView,
    store: &Store,
    pin: &PinnedSource,
) -> Result<Result<Vec<SourceFile>, String>, StoreError> {
    let (Some(commit), Ok(oid)) = (view.branches().main, Oid::from_str(&pin.tree)) else {
        return Ok(Err(format!("{} is pinned at {:?}, which is no Git id", pin.path, pin.tree)));
    };
    let snapshot = store.snapshot(commit)?;
    let present = view.sources().at(&pin.path).filter(|(_, present)| *present == oid);
    let name = pin.path.rsplit('/').next().unwrap_or_default();
    let is_file = match present {
        Some((mode, _)) => mode != Mode::Directory,
        None => [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending)),
    };
    let read = if is_file {
        snapshot.blob(oid, &pin.path, MAX_SOURCE).map(|bytes| Ok(vec![(name.to_owned(), bytes)]))
    } else {
        folder(&snapshot, oid, &pin.path)
    };
    match read {
        Ok(files) => Ok(files),
        Err(error @ ReadError::TooLarge { .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn folder(snapshot: &Snapshot, tree: Oid, path: &str) -> Result<Result<Vec<SourceFile>, String>, ReadError> {
    let mut files = Vec::new();
    let mut left = MAX_SOURCE;
    for change in diff(snapshot, None, Some(tree))? {
        let Some(side) = change.new else { continue };
        let shown = format!("{path}/{}", change.path);
        if !matches!(side.mode, Mode::File | Mode::Executable) {
            return Ok(Err(format!(
                "{shown} is a symbolic link or submodule, which is never followed; commit the files themselves"
            )));
        }
        let bytes = snapshot.blob(side.oid, &shown, left)?;
        left -= bytes.len() as u64;
        files.push((change.path, bytes));
    }
    Ok(Ok(files))
}
