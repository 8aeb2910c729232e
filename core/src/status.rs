//! What the hub tells people of an application: computed with every plan, served by the API, printed by `shipperctl`.

use crate::condition::Condition;
use crate::intent::{Allowance, Author, Problem, Schedule};
use crate::report::{AnalysisReport, Capacity, ObjectProblem, PodGroup, Traffic};
use crate::state::{Achieved, FailingCluster, Failure, Leaves, Withdrawal};
use crate::{AppKey, ClusterName, ReleaseName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// An application at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationStatus {
    /// Which application.
    pub application: AppKey,
    /// The newest release that is not withdrawn [R5].
    #[schema(required)]
    pub contender: Option<ReleaseName>,
    /// The newest other release that is complete [R5].
    #[schema(required)]
    pub incumbent: Option<ReleaseName>,
    /// All releases in the records, newest first.
    pub releases: Vec<ReleaseStatus>,
    /// What the rollout waits for [A5].
    pub waiting: Waiting,
    /// Every placed cluster, in the order of their names.
    pub clusters: Vec<ClusterStatus>,
    /// Clusters that were not chosen although more are needed, and why [S3].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedCluster>,
    /// Conditions of the Application.
    pub conditions: Vec<Condition>,
}

impl ApplicationStatus {
    /// The release that is the contender.
    pub fn contender_status(&self) -> Option<&ReleaseStatus> {
        let name = self.contender.as_ref()?;
        self.releases.iter().find(|release| release.name == *name)
    }

    /// What is waited for, in a sentence. Of several clusters the first one's words stand for all.
    pub fn sentence(&self) -> String {
        let first = self.waiting.clusters.first();
        let cluster = first.and_then(|first| self.clusters.iter().find(|cluster| cluster.cluster == *first));
        let Some(cluster) = cluster else { return self.waiting.message.clone() };
        let others = match self.waiting.clusters.len().saturating_sub(1) {
            0 => String::new(),
            1 => "; and one more cluster".to_owned(),
            others => format!("; and {others} more clusters"),
        };
        format!("{}: {}{others}", cluster.cluster, cluster.message)
    }
}

/// A cluster that was not chosen although more are needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedCluster {
    /// Which cluster.
    pub cluster: ClusterName,
    /// Why, for programs.
    pub reason: Refusal,
    /// Why, for people: `no capacity: needs 12 cpu, 3.5 free`.
    pub message: String,
}

/// Why a cluster is not chosen [S1].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Refusal {
    /// `spec.scheduler.unschedulable` is set.
    Cordoned,
    /// `spec.scheduler.drain` is set.
    Drained,
    /// It does not offer a capability that is asked for.
    LacksCapability,
    /// It has too little free for the peak of the rollout.
    NoCapacity,
}

/// That a cluster is to lose the application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Departure {
    /// Why.
    pub why: Leaves,
    /// How far it is.
    pub stage: DepartureStage,
    /// What it waits for, in words.
    pub message: String,
}

/// How far a cluster is that is to lose the application [S2, S4].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DepartureStage {
    /// Nothing takes its place: it stays.
    Held,
    /// It goes on as it is until the others are ready with their traffic.
    Waiting,
    /// The others have its part; its pods and then its objects go.
    Emptying,
}

/// A release at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseStatus {
    /// Its name.
    pub name: ReleaseName,
    /// Its place in the order [R6].
    pub generation: u64,
    /// When it was made.
    pub created: Timestamp,
    /// The commit of `main` that asked for it.
    pub source: String,
    /// What it is a version of, in words: `nginx 1.2.3`, `charts/nginx@3f2a91c0`.
    pub version: String,
    /// Names of its steps.
    pub steps: Vec<String>,
    /// Index of the step asked for, from 0.
    pub step: usize,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_since: Option<Timestamp>,
    /// The newest step achieved.
    #[schema(required)]
    pub achieved: Option<Achieved>,
    /// Since when it is complete.
    #[schema(required)]
    pub complete: Option<Timestamp>,
    /// Since when and why it is withdrawn.
    #[schema(required)]
    pub withdrawn: Option<Withdrawal>,
    /// Why it cannot go anywhere.
    #[schema(required)]
    pub failed: Option<Failure>,
    /// The name that a new release with the same environment gets: that of an order in the commit that rolls back to it [M11, R1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<ReleaseName>,
}

/// What a rollout waits for; exactly one, the first that applies in this order [A5].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum WaitingFor {
    /// A rollout block is in force.
    Blocked,
    /// `rollout.paused` is set.
    Paused,
    /// A cluster has not reported on the target that is in force.
    WaitingForCluster,
    /// Objects are not applied yet.
    WaitingForInstallation,
    /// Pods are not available yet, or not gone yet.
    WaitingForCapacity,
    /// Endpoints are not the wanted ones yet.
    WaitingForTraffic,
    /// Soak time or analysis.
    WaitingForGate,
    /// A commit that promotes.
    WaitingForCommand,
    /// Nothing: the rollout is at rest.
    None,
}

impl WaitingFor {
    /// What is waited for, in one word; `none` where nothing is.
    pub fn word(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Paused => "paused",
            Self::WaitingForCluster => "cluster",
            Self::WaitingForInstallation => "installation",
            Self::WaitingForCapacity => "capacity",
            Self::WaitingForTraffic => "traffic",
            Self::WaitingForGate => "gate",
            Self::WaitingForCommand => "command",
            Self::None => "none",
        }
    }
}

impl WaitingFor {
    /// All of them, in the order of precedence.
    pub const ALL: &[Self] = &[
        Self::Blocked,
        Self::Paused,
        Self::WaitingForCluster,
        Self::WaitingForInstallation,
        Self::WaitingForCapacity,
        Self::WaitingForTraffic,
        Self::WaitingForGate,
        Self::WaitingForCommand,
        Self::None,
    ];
}

/// What a rollout waits for, where and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// For what.
    pub state: WaitingFor,
    /// In words, with the next step.
    pub message: String,
    /// The clusters waited for.
    pub clusters: Vec<ClusterName>,
}

impl Waiting {
    /// Whether no cluster is waited for and nobody stops anything: all is as the contender asks, whatever the next release lacks.
    pub fn is_elsewhere(&self) -> bool {
        let elsewhere = matches!(self.state, WaitingFor::WaitingForInstallation | WaitingFor::None);
        elsewhere && self.clusters.is_empty()
    }
}

/// An application in one cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// Which cluster.
    pub cluster: ClusterName,
    /// Whether its agent reports.
    pub liveness: Liveness,
    /// Generation of the target in force; null = it has none.
    #[schema(required)]
    pub target_generation: Option<u64>,
    /// Generation its last report was judged against.
    #[schema(required)]
    pub reported_generation: Option<u64>,
    /// What this cluster is waited for.
    pub waiting: WaitingFor,
    /// In words; empty where nothing is waited for.
    pub message: String,
    /// Since when and why it fails at the step in force [A2, A4]; absent = it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<FailingCluster>,
    /// The releases as last reported.
    pub releases: Vec<ClusterRelease>,
    /// Objects that are in trouble.
    pub problems: Vec<ObjectProblem>,
    /// What it measured for the gate of the step in force [A4].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<AnalysisReport>,
    /// Its agent does not report, and new pods have no traffic until it is back [C12].
    pub unattended: bool,
    /// That it is to lose the application; absent = it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departure: Option<Departure>,
}

impl ClusterStatus {
    /// Whether these pods fail here. Those that only start do once the cluster takes too long [A2].
    pub fn has_failing(&self, pods: &PodGroup) -> bool {
        pods.count > 0 && (self.failing.is_some() || !pods.is_starting())
    }
}

/// A release in one cluster, as last reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRelease {
    /// Which release.
    pub name: ReleaseName,
    /// Its pods.
    pub capacity: Capacity,
    /// Its traffic.
    #[schema(required)]
    pub traffic: Option<Traffic>,
    /// Pods that are not available, by reason.
    pub pods: Vec<PodGroup>,
}

/// A rollout block at one moment [B4].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockStatus {
    /// Its name.
    pub name: String,
    /// Its namespace; absent = it blocks all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Why it blocks, for people.
    pub message: String,
    /// Who blocks; absent where that cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
    /// What goes on all the same.
    pub allow: BTreeSet<Allowance>,
    /// When it blocks; absent = always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Whether it blocks now.
    pub in_force: bool,
    /// With a schedule: since when it blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// With a schedule: until when it blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// With a schedule that does not block now: when it will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// What is wrong with its file, which therefore blocks always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The applications that it blocks, while it is in force.
    pub applications: Vec<AppKey>,
    /// The applications that override it.
    pub overridden_by: Vec<AppKey>,
}

/// Whether an agent reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Liveness {
    /// Within three heartbeats.
    Online,
    /// Not within three heartbeats.
    Offline,
    /// The hub started less than three heartbeats ago [A1].
    #[default]
    Unknown,
}
