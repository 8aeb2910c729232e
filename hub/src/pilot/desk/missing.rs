//! What is missing on `main`: which commit confirms its removal, and which clusters are removed [X1, X2, X4].

use super::Desk;
use crate::fleet::missing::{confirmed, last_version};
use shipper_core::intent::{Cluster, Object, load};
use shipper_core::state::RemovedCluster;
use shipper_core::{AppKey, ClusterName};
use shipper_git::{Oid, StoreError};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Largest file read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What was found out at one commit of `main`.
#[derive(Debug, Default)]
pub(super) struct Confirmations {
    main: Option<Oid>,
    /// By `namespace/name` of an application, or `name` of a cluster.
    found: HashMap<String, Option<Oid>>,
}

impl Desk {
    /// The commit that confirms the removal of an application that is missing.
    pub(in crate::pilot) fn confirmed(&mut self, app: &AppKey) -> Result<Option<Oid>, StoreError> {
        let record = self.view.records().app(app).and_then(|state| state.record.as_ref());
        let noticed = record.and_then(|record| Oid::from_str(&record.missing.as_ref()?.source).ok());
        let files = ["yaml", "yml"].map(|end| format!("applications/{}/{}.{end}", app.namespace, app.name));
        self.look_up(&app.to_string(), &files, noticed)
    }

    fn look_up(
        &mut self,
        name: &str,
        files: &[String],
        noticed: Option<Oid>,
    ) -> Result<Option<Oid>, StoreError> {
        let Some(main) = self.view.branches().main else { return Ok(None) };
        if self.confirmations.main != Some(main) {
            self.confirmations = Confirmations { main: Some(main), found: HashMap::new() };
        }
        if let Some(found) = self.confirmations.found.get(name) {
            return Ok(*found);
        }
        let found = confirmed(&self.main, &self.main.snapshot(main)?, (files, name), noticed)?;
        self.confirmations.found.insert(name.to_owned(), found);
        Ok(found)
    }

    /// Keeps clusters in force that are missing and whose removal no commit confirms; `expected` have agents. Their applications stay,
    /// their agents are served. Returns which applications that concerns.
    pub(super) fn settle_clusters(
        &mut self,
        expected: &BTreeSet<ClusterName>,
    ) -> Result<BTreeSet<AppKey>, StoreError> {
        let branches = self.view.branches();
        let Some(main) = branches.main else { return Ok(BTreeSet::new()) };
        if self.settled.as_ref().is_some_and(|(at, clusters)| *at == branches && clusters == expected) {
            return Ok(BTreeSet::new());
        }
        let before = self.fleet_state().removed_clusters;
        let known: BTreeSet<ClusterName> =
            self.view.records().clusters().chain(expected).chain(before.keys()).cloned().collect();
        let lacking = known.into_iter().filter(|name| self.view.lacks_cluster(name));
        let (mut missing, mut removed) = (BTreeMap::new(), BTreeMap::new());
        for name in lacking.collect::<Vec<_>>() {
            if let Some(removal) = before.get(&name) {
                removed.insert(name, removal.clone());
                continue;
            }
            let files = ["yaml", "yml"].map(|end| format!("clusters/{name}.{end}"));
            if let Some(commit) = self.look_up(name.as_str(), &files, None)? {
                removed.insert(name, RemovedCluster { commit: commit.to_string() });
            } else if let Some(cluster) = self.last_cluster(main, &files)? {
                missing.insert(name, cluster);
            }
        }
        let names = removed.keys().cloned().collect();
        self.removed_clusters = removed;
        self.settled = Some((branches, expected.clone()));
        Ok(self.view.settle_clusters(missing, names))
    }

    fn last_cluster(&self, main: Oid, files: &[String]) -> Result<Option<Cluster>, StoreError> {
        let snapshot = self.main.snapshot(main)?;
        for file in files {
            if let Some(bytes) = last_version(&self.main, &snapshot, file, MAX_FILE)?
                && let Some(Object::Cluster(cluster)) = load(file, &bytes).object
            {
                return Ok(Some(cluster));
            }
        }
        Ok(None)
    }
}
