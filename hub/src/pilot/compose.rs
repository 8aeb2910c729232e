//! One application's part of a state commit: what the plan says, less what stands in Git already.

use crate::fleet::AppState;
use shipper_core::AppKey;
use shipper_core::plan::{AppPlan, PlannedTarget, Variant};
use shipper_core::state::{StateObject, paths};
use shipper_core::{ClusterName, yaml};
use shipper_git::{CommitBuilder, CommitError, Oid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Manifests that were rendered and are not committed yet.
pub(super) type Rendered = BTreeMap<Variant, Arc<[u8]>>;

/// Why a commit cannot be composed.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// An object cannot be written as YAML.
    #[error("{path} cannot be written as YAML: {source}")]
    Yaml {
        /// The file.
        path: String,
        /// Why.
        source: yaml::Error,
    },
    /// The object store failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// What was written of one application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Files written and folders removed.
    pub(super) edits: usize,
    /// Targets among them.
    pub(super) targets: usize,
}

/// Writes the difference between the plan and what stands in Git.
pub(super) fn compose(
    builder: &mut CommitBuilder,
    app: &AppKey,
    state: &AppState,
    plan: &AppPlan,
    rendered: &Rendered,
) -> Result<Difference, ComposeError> {
    let mut composing = Composing { builder, app, state, difference: Difference::default() };
    composing.records(plan)?;
    let manifests = composing.manifests(plan, rendered)?;
    composing.targets(plan, &manifests)?;
    Ok(composing.difference)
}

struct Composing<'a> {
    builder: &'a mut CommitBuilder,
    app: &'a AppKey,
    state: &'a AppState,
    difference: Difference,
}

impl Composing<'_> {
    fn object<T: StateObject>(&mut self, path: String, object: &T) -> Result<(), ComposeError> {
        match object.to_yaml() {
            Ok(bytes) => self.builder.put(&path, &bytes)?,
            Err(source) => return Err(ComposeError::Yaml { path, source }),
        };
        self.difference.edits += 1;
        Ok(())
    }

    fn remove(&mut self, path: &str) -> Result<(), ComposeError> {
        self.builder.remove(path)?;
        self.difference.edits += 1;
        Ok(())
    }

    fn records(&mut self, plan: &AppPlan) -> Result<(), ComposeError> {
        if let Some(record) = &plan.record
            && self.state.record.as_ref() != Some(record)
        {
            self.object(paths::app_record(self.app), record)?;
        }
        for (name, release) in &plan.releases {
            if self.state.releases.get(name) != Some(release) {
                self.object(paths::release_record(self.app, name), release)?;
            }
        }
        for name in self.state.releases.keys().filter(|name| !plan.releases.contains_key(*name)) {
            self.remove(&format!("{}/{name}", paths::app_dir(self.app)))?;
        }
        Ok(())
    }

    /// Writes what was rendered for releases that are to be, and returns the blobs of all manifests.
    fn manifests(
        &mut self,
        plan: &AppPlan,
        rendered: &Rendered,
    ) -> Result<BTreeMap<Variant, Oid>, ComposeError> {
        let mut blobs = self.state.manifests.to_map();
        for (variant, bytes) in rendered {
            let (release, values) = variant;
            if plan.releases.contains_key(release) && !blobs.contains_key(variant) {
                let path = paths::release_manifests(self.app, release, values.as_deref());
                blobs.insert(variant.clone(), self.builder.put(&path, bytes)?);
                self.difference.edits += 1;
            }
        }
        Ok(blobs)
    }

    fn targets(&mut self, plan: &AppPlan, blobs: &BTreeMap<Variant, Oid>) -> Result<(), ComposeError> {
        for (cluster, planned) in &plan.targets {
            if self.state.targets.get(cluster) != Some(&planned.target) {
                self.object(paths::target(cluster, self.app), &planned.target)?;
                self.difference.targets += 1;
            }
            self.beside(cluster, planned, blobs)?;
        }
        // What lies beside a target that does not list it any more.
        for (cluster, release) in self.state.applied.keys() {
            let planned = plan.targets.get(cluster);
            if planned.is_some_and(|planned| !planned.manifests.contains_key(release)) {
                self.remove(&paths::target_manifests(cluster, self.app, release))?;
            }
        }
        let gone = |cluster: &&ClusterName| !plan.targets.contains_key(*cluster);
        let leftover = self.state.applied.keys().map(|(cluster, _)| cluster);
        let mut removed: Vec<&ClusterName> = self.state.targets.keys().chain(leftover).filter(gone).collect();
        removed.sort();
        removed.dedup();
        for cluster in removed {
            self.remove(&paths::target_dir(cluster, self.app))?;
            self.difference.targets += 1;
        }
        Ok(())
    }

    /// The manifests beside a target: those of the releases it lists, tombstones aside.
    fn beside(
        &mut self,
        cluster: &ClusterName,
        planned: &PlannedTarget,
        blobs: &BTreeMap<Variant, Oid>,
    ) -> Result<(), ComposeError> {
        for (release, values) in &planned.manifests {
            // What is not at hand was asked for; until then the target lists what stands there already.
            let Some(blob) = blobs.get(&(release.clone(), values.clone())) else { continue };
            if self.state.applied.get(&(cluster.clone(), release.clone())) != Some(blob) {
                self.builder.put_blob(&paths::target_manifests(cluster, self.app, release), *blob)?;
                self.difference.edits += 1;
            }
        }
        Ok(())
    }
}
