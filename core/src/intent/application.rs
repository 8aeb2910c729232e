//! Application: a chart or manifests, values, where it runs, how it is rolled out.

use super::{ClusterSelector, Metadata, StrategySpec};
use crate::AppKey;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// An Application as committed to `applications/<namespace>/<name>.yaml`.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// Name, namespace, labels, annotations.
    pub metadata: Metadata,
    /// What is wanted.
    pub spec: ApplicationSpec,
}

impl Application {
    /// Namespace and name.
    pub fn key(&self) -> AppKey {
        AppKey::new(self.metadata.namespace.clone().unwrap_or_default(), self.metadata.name.clone())
    }
}

/// What is wanted of an application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationSpec {
    /// Complete releases kept besides contender and incumbent [R7]; 1 to 1000.
    #[serde(default = "default_history")]
    pub revision_history_limit: u32,
    /// The environment and how it is rolled out.
    pub template: Template,
    /// The promotion [M1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// How the predecessor's environment comes back when it is written again [M8, M11].
    #[serde(default, skip_serializing_if = "Rollback::is_at_once")]
    pub rollback: Rollback,
    /// Part of the environment: any new string makes a new release [R2].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<String>,
    /// Create the application's namespace in its clusters [C10].
    #[serde(default)]
    pub create_namespace: bool,
    /// Objects outside the application's namespace may be rendered [I3].
    #[serde(default)]
    pub allow_cluster_scope: bool,
    /// Plaintext Secrets may be rendered (and are then committed to the state branch).
    #[serde(default)]
    pub allow_secrets: bool,
    /// How traffic is shifted.
    #[serde(default)]
    pub traffic: TrafficMode,
}

fn default_history() -> u32 {
    20
}

/// How traffic moves between releases (design section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TrafficMode {
    /// By a label on pods and the selector of the Service.
    #[default]
    PodLabels,
    /// Not at all.
    None,
}

/// The environment of a release and how it is rolled out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// A Helm chart; either this or `manifests`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<Chart>,
    /// Plain YAML in this repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifests: Option<ManifestSource>,
    /// Values for the chart, as in a values file.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,
    /// Values for some clusters, merged over `values` in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
    /// Which clusters; absent = all that are not cordoned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_requirements: Option<ClusterRequirements>,
    /// The strategy, inline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<StrategySpec>,
    /// The name of a shared strategy, `strategies/<name>.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy_ref: Option<String>,
}

/// A Helm chart: from a repository (`name`, `version`, `repoUrl`) or from this Git repository (`path`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chart {
    /// Name of the chart in its repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Version or range; empty or absent = the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `https://…` of a repository with an `index.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo_url: Option<String>,
    /// Folder of a chart in the fleet repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Any new string asks for the range to be resolved again [R3].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve: Option<String>,
}

/// Plain YAML instead of a chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestSource {
    /// Folder or file in the fleet repository.
    pub path: String,
}

/// Values for the clusters that a selector names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Override {
    /// Which clusters.
    pub clusters: ClusterSelector,
    /// Values merged over the application's, maps key by key, everything else replaced (as Helm merges values files).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,
}

/// Which clusters an application wants [S1].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRequirements {
    /// Regions and how many clusters of each; empty = every cluster with the capabilities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<Region>,
    /// All must be offered by a chosen cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Use the clusters found when there are too few [S3].
    #[serde(default)]
    pub allow_fewer: bool,
}

/// A region and the number of clusters wanted there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    /// The region's name, as in `Cluster.spec.region`.
    pub name: String,
    /// How many clusters; default 1.
    #[serde(default = "one")]
    pub replicas: u32,
}

fn one() -> u32 {
    1
}

/// How the incumbent's environment comes back when `main` asks for it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rollback {
    /// The contender is withdrawn and the incumbent takes the load back, without steps and gates [M8].
    #[default]
    AtOnce,
    /// As a new release, from its first step [M11].
    Steps,
}

impl Rollback {
    fn is_at_once(&self) -> bool {
        *self == Self::AtOnce
    }
}

/// The promotion, and what else is said to a rollout under way: small commits [M1, M13, M14, R4].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// The contender's name; there if and only if `target_step` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Step to go to, by name or index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_step: Option<StepRef>,
    /// Any new string repeats an order [M12].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Nothing moves and no release is made [M13].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// The order does not wait for soak and analysis of the step it leaves [M14].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_gates: bool,
    /// The version of the strategy on `main` that `release` is to go on with: [`StrategySpec::version`] [R4].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt_strategy: Option<String>,
}

impl Rollout {
    /// An order to a release to go to a step.
    pub fn to_step(release: impl Into<String>, step: StepRef) -> Self {
        Self { release: Some(release.into()), target_step: Some(step), ..Self::default() }
    }
}

/// A step by its index (from 0) or its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StepRef {
    /// Index from 0.
    Index(u32),
    /// Name; never purely numeric [I2].
    Name(String),
}

impl fmt::Display for StepRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => index.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}
