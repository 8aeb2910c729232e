//! Strategy: an ordered list of steps of capacity and traffic, for all clusters or for some.

use super::{Analysis, ClusterSelector, MaxFailedClusters, Metadata, Surge};
use crate::hash;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A shared strategy, `strategies/<name>.yaml`.
#[derive(Clone, Debug, PartialEq)]
pub struct Strategy {
    /// Its name is what `strategyRef` says.
    pub metadata: Metadata,
    /// The steps.
    pub spec: StrategySpec,
}

/// How a release is rolled out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StrategySpec {
    /// Most extra capacity at any moment [C2]; default 100 %.
    #[serde(default)]
    pub surge: Surge,
    /// Surge while a release is withdrawn, where it is to be larger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawal_surge: Option<Surge>,
    /// How long a pod stays out of the endpoints before it may go [C5]; default 5 s, because kube-proxies lag.
    #[serde(default = "default_settle", with = "duration")]
    pub settle: Duration,
    /// Time without progress after which a cluster counts as failing [A2]; default 10 min.
    #[serde(default = "default_deadline", with = "duration")]
    pub progress_deadline: Duration,
    /// What happens when too many clusters fail [A3].
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Clusters that may fail or be away without holding the rollout [A1].
    #[serde(default)]
    pub max_failed_clusters: MaxFailedClusters,
    /// The steps, in order; at least one.
    pub steps: Vec<Step>,
}

/// Kubernetes has no default; five seconds covers the lag of kube-proxy and of ingress controllers in practice.
fn default_settle() -> Duration {
    Duration::from_secs(5)
}

fn default_deadline() -> Duration {
    Duration::from_secs(600)
}

impl Default for StrategySpec {
    /// No strategy: one step, full on [M5].
    fn default() -> Self {
        Self {
            surge: Surge::default(),
            withdrawal_surge: None,
            settle: default_settle(),
            progress_deadline: default_deadline(),
            on_failure: OnFailure::default(),
            max_failed_clusters: MaxFailedClusters::default(),
            steps: vec![Step {
                name: "full on".to_owned(),
                clusters: None,
                capacity: Some(Percents { contender: Some(100), incumbent: Some(0) }),
                traffic: Some(Weights { contender: Some(100), incumbent: Some(0) }),
                gate: Gate::default(),
            }],
        }
    }
}

impl StrategySpec {
    /// Names what a strategy says: `s-` and the first 8 hex digits of SHA-256 over its canonical JSON. `rollout.adoptStrategy`
    /// names a strategy by it, so that what is adopted is what was looked at [R4]. The letter keeps YAML from reading a number.
    pub fn version(&self) -> String {
        format!("s-{}", hash::short(self, 8))
    }

    /// Whether any step names traffic; if none does, Services and pod labels are never touched [M4].
    pub fn manages_traffic(&self) -> bool {
        self.steps
            .iter()
            .any(|step| step.traffic.is_some_and(|t| t.contender.is_some() || t.incumbent.is_some()))
    }
}

/// What happens when more clusters fail than `maxFailedClusters` [A3].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// Every cluster stays where it is.
    #[default]
    Hold,
    /// The contender is withdrawn, and the incumbent takes the load back.
    Rollback,
}

/// One step of a strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Unique in the strategy, not purely numeric.
    pub name: String,
    /// Only these clusters move in this step; absent = all [M3].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<ClusterSelector>,
    /// Percent of the rendered replicas; absent = as in the step before [M4].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Percents>,
    /// Relative weights; absent = as in the step before [M4].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Weights>,
    /// What lets the rollout leave this step.
    #[serde(default)]
    pub gate: Gate,
}

/// Percent of the rendered replica count, 0 to 100, for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Percents {
    /// The newest release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contender: Option<u8>,
    /// The release that had the load before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incumbent: Option<u8>,
}

/// Relative weights of traffic for each side; any non-negative numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Weights {
    /// The newest release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contender: Option<u32>,
    /// The release that had the load before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incumbent: Option<u32>,
}

/// What lets the rollout leave a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// Who lets it go on.
    #[serde(default)]
    pub approval: Approval,
    /// How long the step stays achieved before it may be left; absent = not at all.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_duration")]
    pub soak: Option<Duration>,
    /// What has to be measured well in every cluster of the step [A4].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub analysis: Vec<Analysis>,
}

/// Who lets a rollout leave a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Approval {
    /// A commit that promotes.
    #[default]
    Manual,
    /// The hub, once the step is achieved and its other gates are passed.
    Auto,
}

/// Durations as Go and Kubernetes write them (`10m`, `1h30m`).
pub(crate) mod duration {
    use jiff::{SignedDuration, fmt::friendly};
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub(crate) fn format(duration: Duration) -> String {
        let signed = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        friendly::SpanPrinter::new()
            .spacing(friendly::Spacing::None)
            .designator(friendly::Designator::Compact)
            .duration_to_string(&signed)
    }

    pub(crate) fn parse(text: &str) -> Result<Duration, String> {
        friendly::SpanParser::new()
            .parse_duration(text)
            .ok()
            .and_then(|d| Duration::try_from(d).ok())
            .ok_or_else(|| format!("{text:?} is not a duration such as 30s, 10m or 1h30m"))
    }

    pub(in crate::intent) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format(*duration))
    }

    pub(in crate::intent) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

pub(super) mod optional_duration {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    #[expect(clippy::ref_option, reason = "the signature is serde's")]
    pub(in crate::intent) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => serializer.serialize_str(&super::duration::format(*duration)),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::intent) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| super::duration::parse(&text).map_err(serde::de::Error::custom))
            .transpose()
    }
}
