//! What was measured for gates that are over.

use crate::analysis::wanted;
use crate::intent::Analysis;
use crate::report::{MeasureReport, Outcome};
use crate::{AppKey, ClusterName, ReleaseName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a gate ended [A4].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum GateEnd {
    /// It was passed, maybe without some clusters.
    Passed,
    /// It was not, and an analysis failed in a cluster.
    Failed,
    /// The release went elsewhere before.
    Left,
}

impl GateEnd {
    /// In a word, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Left => "left",
        }
    }
}

/// What one cluster measured for the gate of a step, kept when the gate is over: passed, failed, or left before that [A4].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Measurement {
    /// When it was over, by the hub's clock.
    pub at: Timestamp,
    /// The application.
    pub application: AppKey,
    /// The release that was judged.
    pub release: ReleaseName,
    /// Index of the step that had the gate, from 0.
    pub step: usize,
    /// The step's name.
    pub step_name: String,
    /// Since when it was measured, by the hub's clock: measuring again is another run.
    pub run: Timestamp,
    /// Where.
    pub cluster: ClusterName,
    /// Whether the cluster passed; unknown where the gate was over before that.
    pub outcome: Outcome,
    /// How the gate ended over all clusters.
    pub gate: GateEnd,
    /// One for each analysis of the step.
    pub measures: Vec<MeasureReport>,
    /// What each of them had to show; absent where it was kept by a hub that did not write it down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wanted: Vec<WantedMeasure>,
}

/// What an analysis of a gate has to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WantedMeasure {
    /// The analysis.
    pub name: String,
    /// In words, such as `fails if > 0.01`; empty where any value will do.
    pub condition: String,
    /// Samples that have to pass.
    pub count: u32,
}

impl WantedMeasure {
    /// Of an analysis as people wrote it.
    pub fn of(analysis: &Analysis) -> Self {
        Self { name: analysis.name.clone(), condition: wanted(analysis), count: analysis.count }
    }

    /// Of all analyses of a step.
    pub fn all(analyses: &[Analysis]) -> Vec<Self> {
        analyses.iter().map(Self::of).collect()
    }
}
