//! A release's record: its frozen environment and how far it has come.

use super::{FailureKind, Lagging};
use crate::few::Few;
use crate::intent::{Chart, Override, StrategySpec};
use crate::resources::Resources;
use crate::{AppKey, ClusterName, ReleaseName, hash};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// `releases/<ns>/<app>/<release>/release.yaml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseRecord {
    /// Whose release.
    pub application: AppKey,
    /// Its name.
    pub name: ReleaseName,
    /// Its place in the order of the application's releases [R6].
    pub generation: u64,
    /// What it is a version of; never changes.
    pub environment: Environment,
    /// The chart block as written on `main`, whose pin later equal blocks take [R3].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_chart: Option<Box<Chart>>,
    /// The strategy, copied when the release was made [R4].
    pub strategy: StrategySpec,
    /// The commit of `main` that asked for it.
    pub source: String,
    /// When the hub made it.
    pub created: Timestamp,
    /// Where in the strategy it is.
    pub position: Position,
    /// The newest step that was achieved in every placed cluster [A1]; lost only by a report that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub achieved: Option<Achieved>,
    /// How far the gate of the step in force is judged; there only for steps with soak or analysis [A4].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateRecord>,
    /// Clusters that take long at the step in force, and which of them fail; ended only by evidence [A2].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lagging: BTreeMap<ClusterName, Lagging>,
    /// Since when it is complete [M7].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<Timestamp>,
    /// Since when and why it is withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Box<Withdrawal>>,
    /// Why it cannot go anywhere [I3].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failure>,
    /// What autoscalers had made of the incumbent when this rollout began: per cluster, replicas by the Deployment's name
    /// without the release's suffix [C3].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub autoscaler_bases: BTreeMap<ClusterName, BTreeMap<String, u32>>,
    /// What all its rendered pods ask for, by the name of the manifests' file without its ending [S1].
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub requests: Few<String, Resources>,
}

impl ReleaseRecord {
    /// What all pods of one set of values ask for; `None` = not known.
    pub fn requests_of(&self, variant: Option<&str>) -> Option<&Resources> {
        self.requests.get(&Self::requests_key(variant))
    }

    /// Keeps what all pods of one set of values ask for.
    pub fn keep_requests(&mut self, variant: Option<&str>, requests: &Resources) {
        let key = Self::requests_key(variant);
        if !self.requests.contains_key(&key) {
            self.requests.insert(key, requests.clone());
        }
    }

    /// Moves it to a step. What was known of how clusters fare at another one is forgotten.
    pub fn move_to(&mut self, position: Position) {
        self.position = position;
        self.lagging.clear();
    }

    /// Since when any cluster fails with it at the step in force [A2, A4]; `None` = none does. Of agents that are only silent
    /// nothing is known.
    pub fn fails_since(&self) -> Option<Timestamp> {
        let failing = self.lagging.values().filter_map(|lag| lag.failing.as_ref());
        let lagging =
            failing.filter(|failing| failing.kind != FailureKind::Silent).map(|failing| failing.since);
        let gate = self.gate.iter().filter(|gate| gate.step == self.position.step);
        lagging.chain(gate.flat_map(|gate| gate.failed.values().map(|failed| failed.at))).min()
    }

    fn requests_key(variant: Option<&str>) -> String {
        variant.map_or_else(|| "manifests".to_owned(), |variant| format!("manifests-{variant}"))
    }
}

/// What a release is a version of [R1].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// The chart, pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<PinnedChart>,
    /// Plain manifests, pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifests: Option<PinnedSource>,
    /// Values for the chart.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,
    /// Values for some clusters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
    /// Any string; a new one makes a new release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<String>,
}

impl Environment {
    /// The first 8 hex digits of SHA-256 over its canonical JSON [R1].
    pub fn hash(&self) -> String {
        hash::short(self, 8)
    }
}

/// A chart at an exact version: `name`, `version`, `repo_url` of a repository, or `path`, `tree` in the fleet repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedChart {
    /// Name in its repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Exact version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo_url: Option<String>,
    /// Folder in the fleet repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Git tree id of that folder, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
}

/// Plain manifests at an exact Git tree or blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedSource {
    /// Folder or file in the fleet repository.
    pub path: String,
    /// Its Git tree or blob id, in hex.
    pub tree: String,
}

/// Where in its strategy a release is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// Index of the step that is asked for, from 0.
    pub step: usize,
    /// Its name.
    pub name: String,
    /// Index of the step before; larger than `step` while walking back.
    pub from: usize,
    /// Since when.
    pub since: Timestamp,
    /// Who moved it there [M12].
    pub cause: Cause,
}

/// Who moved a release to a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Cause {
    /// The release was made.
    Created,
    /// A commit on `main`.
    Ordered {
        /// That commit.
        commit: String,
    },
    /// The gates of the step before were passed and its approval is `auto`.
    GatePassed,
    /// It was superseded while it carried load, and is carried on [R5].
    Carried,
}

/// A step that was achieved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Achieved {
    /// Its index, from 0.
    pub step: usize,
    /// Its name.
    pub name: String,
    /// When the last cluster's report came.
    pub at: Timestamp,
    /// Clusters that failed or were away, as `maxFailedClusters` allows, and have not achieved it since [A1].
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub excused: BTreeSet<ClusterName>,
}

/// How far the gate of a step is judged [A4].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateRecord {
    /// Index of the step.
    pub step: usize,
    /// Since when it soaks and is measured: when it was achieved, or achieved again after too long a time without.
    pub since: Timestamp,
    /// Since when the step is not achieved, while that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unachieved: Option<Timestamp>,
    /// Clusters in which an analysis failed; only another order forgets them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<ClusterName, GateFailure>,
    /// When soak and analysis were passed; not judged again after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<Timestamp>,
}

/// An analysis that failed in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateFailure {
    /// When the hub learned of it.
    pub at: Timestamp,
    /// Which analysis, what it measured and what it should have, in words.
    pub message: String,
}

/// That a release is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Withdrawal {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: WithdrawalReason,
    /// The commit of `main` that caused it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// What made the hub do it, where no commit did [M12].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// Why a release is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum WithdrawalReason {
    /// The incumbent's environment came back to `main` [M8].
    Returned,
    /// A newer environment came while it was under way [M10].
    Superseded,
    /// The hub withdrew it because clusters failed [A3].
    RolledBack,
}

/// Why a release cannot go anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReleaseFailure)]
pub struct Failure {
    /// In the renderer's own words.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn environment(text: &str) -> Environment {
        serde_json::from_value(yaml::read_documents(text.as_bytes()).unwrap().remove(0)).unwrap()
    }

    /// The hash is part of release names and must never change, or every application would roll out again [R1].
    #[test]
    fn the_hash_of_an_environment_stays_what_it_is() {
        let chart = "chart: {name: nginx, version: 1.2.3, repoUrl: https://charts.example.com}\n";
        let hash = |rest: &str| environment(&format!("{chart}{rest}")).hash();
        assert_eq!(hash(""), "8b0888f6");
        assert_eq!(hash("values: {replicaCount: 10, ratio: 2.5, name: ünïcödé, on: null}\n"), "6fc0cc19");
        assert_eq!(hash("restart: '1'\n"), "26d9bda0");
        assert_eq!(
            environment("manifests: {path: apps/app, tree: 4b825dc642cb6eb9a060e54bf8d69288fbee4904}\n")
                .hash(),
            "5e020194"
        );
    }

    #[test]
    fn how_values_are_written_does_not_matter() {
        let one = environment("values: {a: 1000, b: {c: true, d: [1, 2]}}\n");
        let other = environment("values:\n  b: {d: [1.0, 0x2], c: yes}\n  a: 1e3\n");
        assert_eq!(one.hash(), other.hash());
        assert_ne!(one.hash(), environment("values: {a: '1000', b: {c: true, d: [1, 2]}}\n").hash());
    }
}
