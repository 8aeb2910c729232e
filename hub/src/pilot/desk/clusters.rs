//! What people did to clusters, for the timeline: who joins, who takes no more applications, who is drained, who is removed. It is told by
//! the state commit that follows the commits of `main`, so that of several hubs one tells it, once, and a restart tells nothing again.

use super::Desk;
use crate::details::Commits;
use shipper_core::ClusterName;
use shipper_core::api::Commit;
use shipper_core::intent::{Cluster, Object, load};
use shipper_git::{Mode, Oid, ReadError, Side, Snapshot, StoreError, diff};
use std::collections::BTreeMap;
use std::fmt;

/// Folder of the clusters on `main`.
const FOLDER: &str = "clusters";
/// Largest file read, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// Commits looked at for the one that changed a file.
const MAX_COMMITS: usize = 100_000;

/// Something that people did to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pilot) struct ClusterEvent {
    pub(in crate::pilot) cluster: ClusterName,
    pub(in crate::pilot) reason: ClusterReason,
    /// In words.
    pub(in crate::pilot) message: String,
    /// The commit by which they did it.
    pub(in crate::pilot) commit: Option<Commit>,
}

/// What can be done to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pilot) enum ClusterReason {
    /// Its file is on `main`.
    Added,
    /// It takes nothing new.
    Cordoned,
    /// Its applications move elsewhere [S4].
    Drained,
    /// Neither any more.
    Uncordoned,
    /// Its removal is confirmed [X4].
    Removed,
}

impl ClusterReason {
    /// How a cluster is treated.
    fn of(cluster: &Cluster) -> Self {
        let scheduler = &cluster.spec.scheduler;
        match (scheduler.drain, scheduler.unschedulable) {
            (true, _) => Self::Drained,
            (false, true) => Self::Cordoned,
            (false, false) => Self::Uncordoned,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Added => "joins the fleet",
            Self::Cordoned => "is cordoned and gets no application that it does not have",
            Self::Drained => "is drained: its applications leave once they serve elsewhere",
            Self::Uncordoned => "is neither cordoned nor drained any more",
            Self::Removed => "is removed: its agent is refused, and what it has stays there",
        }
    }

    fn event(self, cluster: &ClusterName, commit: Option<Commit>) -> ClusterEvent {
        let message = format!("{cluster} {}", self.words());
        ClusterEvent { cluster: cluster.clone(), reason: self, message, commit }
    }
}

impl fmt::Display for ClusterReason {
    /// As the timeline names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cluster{self:?}")
    }
}

/// What was found out between two commits of `main`.
#[derive(Debug, Default)]
pub(super) struct Compared {
    between: Option<(Oid, Oid)>,
    events: Vec<ClusterEvent>,
}

impl Desk {
    /// What became of clusters since the commit of `main` that the state branch rests on.
    pub(super) fn cluster_events(&mut self) -> Vec<ClusterEvent> {
        let before = self.fleet_state().removed_clusters;
        let removed = self.removed_clusters.iter().filter(|(name, _)| !before.contains_key(*name));
        let mut commits = Commits::of(&self.main);
        let removed: Vec<ClusterEvent> = removed
            .map(|(name, removal)| ClusterReason::Removed.event(name, Some(commits.get(&removal.commit))))
            .collect();
        let (Some(source), Some(main)) = (self.source(), self.view.branches().main) else { return removed };
        if self.compared_clusters.between != Some((source, main)) {
            let events = self.changed_clusters(source, main).unwrap_or_else(|error| {
                tracing::warn!(%error, "the timeline lacks what was done to clusters");
                Vec::new()
            });
            self.compared_clusters = Compared { between: Some((source, main)), events };
        }
        removed.into_iter().chain(self.compared_clusters.events.iter().cloned()).collect()
    }

    fn changed_clusters(&self, source: Oid, main: Oid) -> Result<Vec<ClusterEvent>, StoreError> {
        if source == main || !self.main.contains(source) {
            return Ok(Vec::new());
        }
        let (old, new) = (self.main.snapshot(source)?, self.main.snapshot(main)?);
        let (old_folder, new_folder) = (folder(&old)?, folder(&new)?);
        if old_folder == new_folder {
            return Ok(Vec::new());
        }
        let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
        for change in diff(&new, old_folder, new_folder)? {
            let path = format!("{FOLDER}/{}", change.path);
            before.extend(cluster(&old, &path, change.old)?);
            after.extend(cluster(&new, &path, change.new)?.map(|(name, cluster)| (name, (cluster, path))));
        }
        let known = self.fleet_state().removed_clusters;
        let (mut events, mut commits) = (Vec::new(), Commits::of(&self.main));
        for (name, (cluster, path)) in after {
            let now = ClusterReason::of(&cluster);
            let reasons = match before.get(&name) {
                Some(before) if ClusterReason::of(before) == now => continue,
                Some(_) => vec![now],
                // One whose file was gone for a while and whose removal nobody confirmed has been there all the time.
                None if !known.contains_key(&name) && self.view.records().clusters().any(|c| *c == name) => {
                    continue;
                }
                None if now == ClusterReason::Uncordoned => vec![ClusterReason::Added],
                None => vec![ClusterReason::Added, now],
            };
            let commit = new.last_blobs(&path, MAX_COMMITS).next().transpose()?;
            let commit = commit.map(|version| commits.get(&version.commit.to_string()));
            events.extend(reasons.into_iter().map(|reason| reason.event(&name, commit.clone())));
        }
        Ok(events)
    }
}

/// The tree of the clusters' files.
fn folder(snapshot: &Snapshot) -> Result<Option<Oid>, StoreError> {
    Ok(snapshot.entry(FOLDER)?.filter(|(mode, _)| *mode == Mode::Directory).map(|(_, tree)| tree))
}

/// The cluster of a file; a file that is none, or a bad one, has none.
fn cluster(
    snapshot: &Snapshot,
    path: &str,
    side: Option<Side>,
) -> Result<Option<(ClusterName, Cluster)>, StoreError> {
    let file = side.filter(|side| matches!(side.mode, Mode::File | Mode::Executable));
    let Some(file) = file else { return Ok(None) };
    let bytes = match snapshot.blob(file.oid, path, MAX_FILE) {
        Ok(bytes) => bytes,
        Err(ReadError::TooLarge { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(match load(path, &bytes).object {
        Some(Object::Cluster(cluster)) => Some((cluster.metadata.name.as_str().into(), cluster)),
        _ => None,
    })
}
