//! What agents tell the hub: full state per application, numbered, tied to the target it was working on.

use crate::catalogue::Trouble;
use crate::resources::Resources;
use crate::{AppKey, ClusterName, ReleaseName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use utoipa::ToSchema;

/// One message of an agent. It carries the full state of every application it names; those it does not name are unchanged since the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Session that the hub handed out; numbers are compared within it only [X5].
    pub session: String,
    /// Raised by one with every report of a session.
    pub sequence: u64,
    /// Who reports.
    pub cluster: ClusterName,
    /// UID of the cluster's `kube-system` namespace: another one is another cluster of the same name.
    pub cluster_uid: String,
    /// Version of the agent.
    pub agent_version: String,
    /// The state commit the agent works on, in hex; absent before its first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The epoch of that commit: a hub that takes over has to go above it [X5].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// The generation of that commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// What is wrong with the agent as a whole, in words; empty = nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Requests to the API server since the agent started, by verb.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub api_calls: BTreeMap<String, u64>,
    /// What the nodes that take pods have free: allocatable less what the pods on them ask for, `pods` among it; absent = not known [S1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<Resources>,
    /// The applications whose state changed since the last report, each in full.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<AppReport>,
    /// Applications that are gone from the cluster and from its targets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<AppKey>,
}

/// The state of one application in one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppReport {
    /// Which application.
    pub application: AppKey,
    /// Generation of the target it was judged against [A1].
    pub target_generation: u64,
    /// Every release of the target, oldest first.
    pub releases: Vec<ReleaseReport>,
    /// The release that the Service selects by label, once it has all the weight [C6].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corked: Option<ReleaseName>,
    /// New pods would have no traffic without a living agent [C12].
    #[serde(default)]
    pub unattended: bool,
    /// What is in the cluster of it, whatever release it belongs to; absent = the agent does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remains: Option<Remains>,
    /// What cannot heal by waiting, or waits for something outside: objects with reason and message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<ObjectProblem>,
    /// What was measured for the gate of the step in force [A4].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<AnalysisReport>,
}

/// What was measured for a gate, as the target asks for it [A4].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnalysisReport {
    /// The release that is judged.
    pub release: ReleaseName,
    /// Which run, as the target names it: samples of another one are worth nothing.
    pub run: Timestamp,
    /// One for each analysis of the target.
    pub measures: Vec<MeasureReport>,
}

/// The samples of one analysis in one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeasureReport {
    /// The analysis.
    pub name: String,
    /// Samples that passed.
    pub passed: u32,
    /// Samples that failed; nothing is measured after the first.
    pub failed: u32,
    /// Tries that gave no sample: no answer, no data, or a condition that could not be judged.
    pub unknown: u32,
    /// No sample was to be had for longer than the target's deadline, by the agent's clock.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// The newest ones, oldest first; at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Sample>,
}

impl MeasureReport {
    /// What the cluster has shown, where so many samples have to pass; `None` = it is not known how many, and those there are say nothing
    /// but that it failed [A4].
    pub fn outcome(&self, count: Option<u32>) -> Outcome {
        match count {
            _ if self.failed > 0 || self.overdue => Outcome::Failed,
            Some(count) if self.passed >= count => Outcome::Passed,
            _ => Outcome::Unknown,
        }
    }

    /// How many tries were worth what, where so many have to pass: `2 of 5 passed, 1 failed`.
    pub fn tally(&self, count: Option<u32>) -> String {
        let mut text = match count {
            Some(count) => format!("{} of {count} passed", self.passed),
            None => format!("{} passed", self.passed),
        };
        for (number, outcome) in [(self.failed, Outcome::Failed), (self.unknown, Outcome::Unknown)] {
            if number > 0 {
                let _ = write!(text, ", {number} {}", outcome.word());
            }
        }
        text
    }
}

/// Samples of an analysis that a report carries.
pub const KEPT_SAMPLES: usize = 10;

/// One try to measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// When, by the agent's clock.
    pub at: Timestamp,
    /// What it is worth.
    pub outcome: Outcome,
    /// What was measured, or why nothing.
    pub measured: String,
}

/// What a sample is worth [A4].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SampleOutcome)]
pub enum Outcome {
    /// Measured, and well.
    Passed,
    /// Measured, and not well.
    Failed,
    /// Not measured: never a pass.
    Unknown,
}

impl Outcome {
    /// In a word, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// What is in a cluster of an application [X1].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Remains {
    /// Ready pods, whatever made them.
    pub ready_pods: u32,
    /// The target is a tombstone: objects and pods that are still to go.
    #[serde(default)]
    pub objects: u32,
    /// The target is a tombstone: objects that are kept, as `Kind namespace/name`; of many the first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
}

/// The state of one release in one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseReport {
    /// Which release.
    pub name: ReleaseName,
    /// Whether any object or pod of it is in the cluster.
    pub present: bool,
    /// Whether every object of it that belongs in the cluster now is applied as rendered.
    pub installed: bool,
    /// Its capacity.
    pub capacity: Capacity,
    /// Its traffic; absent where traffic is not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// Pods that are not available, grouped by reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<PodGroup>,
    /// `spec.replicas` of its Deployments that have an autoscaler, by their name without the release's suffix: what the next
    /// release's base is taken from [C3].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub autoscaled: BTreeMap<String, u32>,
}

/// Replicas over all Deployments of a release [C4]. Terminating pods count for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Rendered; with an autoscaler, the base that percentages are taken of [C3].
    pub rendered: u32,
    /// Wanted: percent of the rendered ones, rounded up; with an autoscaler, at least what that has set.
    pub desired: u32,
    /// `spec.replicas` now.
    pub replicas: u32,
    /// Pods that are there.
    pub pods: u32,
    /// Pods that are ready.
    pub ready: u32,
    /// Pods that are ready for `minReadySeconds`.
    pub available: u32,
    /// Generation observed and updated = ready = available = desired; with an autoscaler, its minimum is reached. And what the release
    /// has of StatefulSets, DaemonSets and Jobs is done [C11].
    pub achieved: bool,
}

/// Traffic of a release [C4, C5].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// Pods that are to have traffic.
    pub wanted: u32,
    /// Ready pods with traffic: labelled or selected, available, and ready in the Service's EndpointSlices.
    pub ready: u32,
    /// The set of ready endpoint addresses is the wanted one.
    pub achieved: bool,
}

/// Pods that are not available for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodGroup {
    /// `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable`, `ContainersNotReady` …
    pub reason: String,
    /// How many.
    pub count: u32,
    /// One of them.
    pub example: String,
    /// What Kubernetes says of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Reasons that every pod has on its way to being ready, and on its way out.
const STARTING: [&str; 6] =
    ["ContainerCreating", "ContainersNotReady", "NotReady", "Pending", "PodInitializing", "Terminating"];

impl PodGroup {
    /// Whether these pods may only need time. Those that took too long are told by their cluster, which is failing then [A2].
    pub fn is_starting(&self) -> bool {
        STARTING.contains(&self.reason.as_str())
    }
}

/// What is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectProblem {
    /// `Kind namespace/name`.
    pub object: String,
    /// Whether waiting could heal it; if not, the cluster is failing [A2].
    pub heals: bool,
    /// For programs.
    pub reason: Trouble,
    /// In the API server's words.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(reason: &str) -> PodGroup {
        PodGroup { reason: reason.to_owned(), count: 1, example: "a".to_owned(), message: String::new() }
    }

    #[test]
    fn a_young_pod_starts_and_one_that_kubernetes_complains_of_does_not() {
        assert!(["Pending", "ContainersNotReady"].iter().all(|reason| group(reason).is_starting()));
        let worse = ["ImagePullBackOff", "CrashLoopBackOff", "Unschedulable", "FailedCreate"];
        assert!(!worse.iter().any(|reason| group(reason).is_starting()));
    }
}
