//! An application in a line: everything a list shows, so that a page of a hundred is small and costs nothing to make.

use super::{PodCounts, PodsByState, pods};
use crate::condition::{Reason, Status};
use crate::state::Failure;
use crate::status::{ApplicationStatus, Liveness, WaitingFor};
use crate::{AppKey, ReleaseName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An application in a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationSummary {
    /// Which application.
    pub application: AppKey,
    /// How its rollout is, in a word.
    pub state: RolloutState,
    /// The newest release that is not withdrawn [R5].
    #[schema(required)]
    pub contender: Option<ReleaseName>,
    /// The newest other release that is complete [R5].
    #[schema(required)]
    pub incumbent: Option<ReleaseName>,
    /// What the contender is a version of, in words.
    #[schema(required)]
    pub version: Option<String>,
    /// Index of the step asked for, of the contender, from 0.
    #[schema(required)]
    pub step: Option<usize>,
    /// How many steps the contender has.
    pub steps: usize,
    /// Name of the step asked for.
    #[schema(required)]
    pub step_name: Option<String>,
    /// What the rollout waits for [A5].
    pub waiting: WaitingSummary,
    /// Its clusters, in numbers.
    pub clusters: PlacedCounts,
    /// Its pods over all releases and clusters, as last reported.
    pub pods: PodCounts,
    /// Its pods that fail, by reason over all releases and clusters, the reason with the most pods first; those that only start do not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<PodsByState>,
    /// Why the contender cannot go anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failure>,
    /// The contender is complete [M7].
    pub complete: bool,
}

/// What a rollout waits for, in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingSummary {
    /// For what.
    pub state: WaitingFor,
    /// In words; of several clusters those of the first.
    pub message: String,
}

/// The clusters of an application, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacedCounts {
    /// All that have it.
    pub total: usize,
    /// Those that something is waited for.
    pub waiting: usize,
    /// Those that fail at the step in force [A2].
    pub failing: usize,
    /// Those whose agent does not report.
    pub offline: usize,
}

/// How a rollout is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RolloutState {
    /// There is no release, and something is in the way of one.
    NoRelease,
    /// There is no release yet.
    Beginning,
    /// The contender cannot go anywhere.
    Failed,
    /// The hub took the last release back [A3].
    RolledBack,
    /// More clusters fail than may [A3].
    Held,
    /// The contender is complete, and something is in the way of the release that `main` asks for.
    OutOfSync,
    /// The contender is complete, and nothing is waited for.
    Complete,
    /// The contender is on its way.
    RollingOut,
}

impl RolloutState {
    /// All of them, the ones that need a person first.
    pub const ALL: [Self; 8] = [
        Self::NoRelease,
        Self::Failed,
        Self::RolledBack,
        Self::Held,
        Self::OutOfSync,
        Self::RollingOut,
        Self::Beginning,
        Self::Complete,
    ];

    /// In two words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoRelease => "no release",
            Self::Beginning => "no release yet",
            Self::Failed => "failed",
            Self::RolledBack => "rolled back",
            Self::Held => "held",
            Self::OutOfSync => "out of sync",
            Self::Complete => "complete",
            Self::RollingOut => "rolling out",
        }
    }

    /// Whether nothing goes on unless a person does something about it.
    pub fn needs_somebody(self) -> bool {
        matches!(self, Self::NoRelease | Self::Failed | Self::RolledBack | Self::Held | Self::OutOfSync)
    }

    /// That of an application.
    pub fn of(status: &ApplicationStatus) -> Self {
        let has = |reason| status.conditions.iter().any(|condition| condition.reason == reason);
        match status.contender_status() {
            None if status.conditions.iter().any(|c| c.status == Status::False) => Self::NoRelease,
            None => Self::Beginning,
            Some(release) if release.failed.is_some() => Self::Failed,
            Some(_) if has(Reason::RolledBack) => Self::RolledBack,
            Some(_) if has(Reason::RolloutHeld) => Self::Held,
            Some(release) if release.complete.is_some() && status.waiting.is_elsewhere() => {
                if status.waiting.state == WaitingFor::None { Self::Complete } else { Self::OutOfSync }
            }
            Some(_) => Self::RollingOut,
        }
    }
}

impl ApplicationSummary {
    /// That of an application.
    pub fn of(status: &ApplicationStatus) -> Self {
        let contender = status.contender_status();
        let count = |counts: &dyn Fn(&crate::status::ClusterStatus) -> bool| {
            status.clusters.iter().filter(|cluster| counts(cluster)).count()
        };
        Self {
            application: status.application.clone(),
            state: RolloutState::of(status),
            contender: status.contender.clone(),
            incumbent: status.incumbent.clone(),
            version: contender.map(|release| release.version.clone()),
            step: contender.map(|release| release.step),
            steps: contender.map_or(0, |release| release.steps.len()),
            step_name: contender.and_then(|release| release.steps.get(release.step)).cloned(),
            waiting: WaitingSummary { state: status.waiting.state, message: status.sentence() },
            clusters: PlacedCounts {
                total: status.clusters.len(),
                waiting: count(&|cluster| cluster.waiting != WaitingFor::None),
                failing: count(&|cluster| cluster.failing.is_some()),
                offline: count(&|cluster| cluster.liveness == Liveness::Offline),
            },
            pods: pods::counts(status.clusters.iter().flat_map(|cluster| &cluster.releases)),
            failing: pods::failing(status),
            failed: contender.and_then(|release| release.failed.clone()),
            complete: contender.is_some_and(|release| release.complete.is_some()),
        }
    }
}
