//! What merging a branch would do: the hub's own planner, asked at `main` as it is and at `main` as it would be, with the same evidence.
//! What differs between both decisions is what the merge does.
//!
//! - [`look`]: the commits, the merge that nobody pushes, and what the hub knows.
//! - [`mod@compare`]: two decisions on one application; [`mod@objects`]: what they make of its objects, cluster by cluster.
//! - [`mod@text`], [`mod@markdown`]: for a terminal, and for the comment on a pull request.

mod compare;
mod look;
mod markdown;
mod objects;
mod text;

pub use look::{Asked, foretell, preview};
pub use markdown::{MARK, markdown};
pub use text::text;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shipper_core::condition::Condition;
use shipper_core::intent::{Problem, Severity};
use shipper_core::manifest::compare::ObjectChange;
use shipper_core::status::Waiting;
use shipper_core::{AppKey, ClusterName, ReleaseName};

/// What merging would do, as far as the hub decides it at once; what follows depends on what the clusters report then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// The commit of `main`, or what was named as base.
    pub base: String,
    /// The commit that would be merged.
    pub head: String,
    /// The commit of the state branch that it was planned on; `None` = the hub has written nothing yet.
    pub state: Option<String>,
    /// Files that would be refused or warned about, and are not now.
    pub files: Vec<Problem>,
    /// The applications for which something would change, by name.
    pub applications: Vec<ApplicationForecast>,
}

/// What would change for an application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationForecast {
    /// Which application.
    pub application: AppKey,
    /// Its objects would go: the removal is confirmed.
    pub removed: bool,
    /// Releases that would be made.
    pub releases: Vec<NewRelease>,
    /// Releases that would be withdrawn.
    pub withdrawn: Vec<ReleaseName>,
    /// A release that would be told to go to another step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepTaken>,
    /// Clusters that would get another target.
    pub clusters: Vec<ClusterForecast>,
    /// Pods that are wanted over all clusters, before and after.
    pub pods: Counts,
    /// In how many clusters it is, or is to be; before its removal, in how many it was.
    pub placed: usize,
    /// Objects that would differ between the contender now and then, in the same cluster.
    pub objects: Vec<ObjectForecast>,
    /// Conditions that are not as they should be, and that the merge brings.
    pub conditions: Vec<Condition>,
    /// What the rollout would wait for.
    pub waiting: Waiting,
}

/// An object that would differ, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectForecast {
    /// How it would differ.
    #[serde(flatten)]
    pub change: ObjectChange,
    /// The clusters in which it would differ so, by name, also those that the release has yet to reach; none where the application is
    /// placed nowhere.
    pub clusters: Vec<ClusterName>,
}

/// A release that would be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewRelease {
    /// Its name.
    pub name: ReleaseName,
    /// What it is a version of, in words.
    pub version: String,
    /// Its steps.
    pub steps: Vec<String>,
    /// Index of the step that it begins at, from 0.
    pub step: usize,
}

/// A step that a release would be told to go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepTaken {
    /// Which release.
    pub release: ReleaseName,
    /// Name of the step it is at.
    pub from: String,
    /// Name of the step it would go to.
    pub to: String,
}

/// What a cluster would be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterForecast {
    /// Which cluster.
    pub cluster: ClusterName,
    /// Its releases now.
    pub before: Vec<ShareOf>,
    /// Its releases then.
    pub after: Vec<ShareOf>,
    /// Pods that are wanted, before and after.
    pub pods: Counts,
}

/// The part of a release in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShareOf {
    /// Which release.
    pub release: ReleaseName,
    /// Percent of its pods.
    pub capacity: u8,
    /// Weight of its traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<u32>,
    /// Nothing of it may remain.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
}

/// A number before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Before the merge.
    pub before: u64,
    /// After it.
    pub after: u64,
}

impl Forecast {
    /// How many files would be refused.
    pub fn errors(&self) -> usize {
        self.files.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    /// All of it in a few words.
    pub fn headline(&self) -> String {
        let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let clusters: BTreeSet<&ClusterName> =
            self.applications.iter().flat_map(|one| &one.clusters).map(|one| &one.cluster).collect();
        let changes = match self.applications.len() {
            0 => "nothing changes for any application".to_owned(),
            1 => "1 application changes".to_owned(),
            many => format!("{many} applications change"),
        };
        let changes = match clusters.len() {
            0 => changes,
            some => format!("{changes}, in {}", count(some, "cluster")),
        };
        match self.errors() {
            0 => changes,
            errors => format!("{} in the files; {changes}", count(errors, "error")),
        }
    }
}
