//! Pods over all clusters: how many of a release are how far, and those that are not well by reason, with one example each.

use super::Role;
use crate::report::PodGroup;
use crate::status::{ApplicationStatus, ClusterRelease};
use crate::{AppKey, ClusterName, ReleaseName};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Kubernetes' word where pods could not be made at all.
const FAILED_CREATE: &str = "FailedCreate";

/// Pods in numbers, over clusters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodCounts {
    /// Wanted.
    pub desired: u64,
    /// There.
    pub pods: u64,
    /// Ready.
    pub ready: u64,
    /// Ready for `minReadySeconds`.
    pub available: u64,
}

/// How far a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PodState {
    /// Wanted, and cannot be made.
    Missing,
    /// There, and not ready.
    NotReady,
    /// Ready, not for `minReadySeconds` yet.
    Ready,
    /// Ready for `minReadySeconds`.
    Available,
}

/// Pods of the same state for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodsByState {
    /// How far they are.
    pub state: PodState,
    /// Why, in Kubernetes' word: `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable` …; absent where all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many.
    pub count: u64,
    /// Where.
    pub clusters: BTreeSet<ClusterName>,
    /// One of them, where something is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<PodExample>,
}

/// One of many pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodExample {
    /// Its application.
    pub application: AppKey,
    /// Its release.
    pub release: ReleaseName,
    /// Where it is.
    pub cluster: ClusterName,
    /// Its name; where pods cannot be made, that of what should make them.
    pub pod: String,
    /// What Kubernetes says of it.
    pub message: String,
}

/// The pods of a release over all clusters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleasePods {
    /// Which release.
    pub release: ReleaseName,
    /// What it is to its application; absent = neither contender nor incumbent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// In numbers.
    pub pods: PodCounts,
    /// By state and reason, the worst first.
    pub groups: Vec<PodsByState>,
}

impl ReleasePods {
    /// Every release of an application that any cluster reports, newest first.
    pub fn all(status: &ApplicationStatus) -> Vec<Self> {
        let reported: BTreeSet<&ReleaseName> = status
            .clusters
            .iter()
            .flat_map(|cluster| &cluster.releases)
            .map(|release| &release.name)
            .collect();
        let known = status.releases.iter().map(|release| &release.name);
        let unknown =
            reported.iter().copied().filter(|name| !status.releases.iter().any(|r| r.name == **name));
        known
            .filter(|name| reported.contains(name))
            .chain(unknown)
            .map(|name| Self::of(status, name))
            .collect()
    }

    fn of(status: &ApplicationStatus, name: &ReleaseName) -> Self {
        let mut groups = Groups::default();
        let mut pods = PodCounts::default();
        for cluster in &status.clusters {
            for release in cluster.releases.iter().filter(|release| release.name == *name) {
                add(&mut pods, release);
                groups.add(&status.application, &cluster.cluster, release, |_| true);
                let capacity = &release.capacity;
                groups.well(
                    PodState::Ready,
                    &cluster.cluster,
                    capacity.ready.saturating_sub(capacity.available),
                );
                groups.well(PodState::Available, &cluster.cluster, capacity.available);
            }
        }
        Self { release: name.clone(), role: Role::of(status, name), pods, groups: groups.all() }
    }
}

/// The pods of an application that are not well, over all its releases and clusters, the worst first.
pub fn troubles(status: &ApplicationStatus) -> Vec<PodsByState> {
    let mut groups = Groups::default();
    for cluster in &status.clusters {
        for release in &cluster.releases {
            groups.add(&status.application, &cluster.cluster, release, |_| true);
        }
    }
    groups.all()
}

/// The pods of an application that fail, over all its releases and clusters, those for which the most do first. Pods that only start are
/// not among them.
pub(super) fn failing(status: &ApplicationStatus) -> Vec<PodsByState> {
    let mut groups = Groups::default();
    for cluster in &status.clusters {
        for release in &cluster.releases {
            let fails = |group: &PodGroup| cluster.has_failing(group);
            groups.add(&status.application, &cluster.cluster, release, fails);
        }
    }
    let mut all = groups.all();
    all.sort_by_key(|group| Reverse(group.count));
    all
}

/// All of them in numbers.
pub(super) fn counts<'a>(releases: impl Iterator<Item = &'a ClusterRelease>) -> PodCounts {
    let mut counts = PodCounts::default();
    releases.for_each(|release| add(&mut counts, release));
    counts
}

fn add(counts: &mut PodCounts, release: &ClusterRelease) {
    counts.desired += u64::from(release.capacity.desired);
    counts.pods += u64::from(release.capacity.pods);
    counts.ready += u64::from(release.capacity.ready);
    counts.available += u64::from(release.capacity.available);
}

#[derive(Default)]
struct Groups(BTreeMap<(PodState, Option<String>), PodsByState>);

impl Groups {
    fn add(
        &mut self,
        application: &AppKey,
        cluster: &ClusterName,
        release: &ClusterRelease,
        counts: impl Fn(&PodGroup) -> bool,
    ) {
        for pods in release.pods.iter().filter(|pods| pods.count > 0 && counts(pods)) {
            let state = if pods.reason == FAILED_CREATE { PodState::Missing } else { PodState::NotReady };
            let group = self.of(state, Some(pods.reason.clone()));
            group.count += u64::from(pods.count);
            group.clusters.insert(cluster.clone());
            group.example.get_or_insert_with(|| PodExample {
                application: application.clone(),
                release: release.name.clone(),
                cluster: cluster.clone(),
                pod: pods.example.clone(),
                message: pods.message.clone(),
            });
        }
    }

    fn well(&mut self, state: PodState, cluster: &ClusterName, count: u32) {
        if count > 0 {
            let group = self.of(state, None);
            group.count += u64::from(count);
            group.clusters.insert(cluster.clone());
        }
    }

    fn of(&mut self, state: PodState, reason: Option<String>) -> &mut PodsByState {
        self.0.entry((state, reason)).or_insert_with_key(|(state, reason)| PodsByState {
            state: *state,
            reason: reason.clone(),
            count: 0,
            clusters: BTreeSet::new(),
            example: None,
        })
    }

    fn all(self) -> Vec<PodsByState> {
        let mut all: Vec<PodsByState> = self.0.into_values().collect();
        all.sort_by(|one, other| one.state.cmp(&other.state).then(other.count.cmp(&one.count)));
        all
    }
}
