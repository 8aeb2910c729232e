//! The desired state of one application in one cluster at one moment.

use crate::intent::{Analysis, Surge, TrafficMode};
use crate::{AppKey, ReleaseName};
use jiff::Timestamp;
pub use seconds::Seconds;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `clusters/<cluster>/<ns>/<app>/target.yaml`. It names no step and no role, so that it stays
/// byte for byte where the numbers are unchanged [M3].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Which application.
    pub application: AppKey,
    /// Raised by every change; reports name it [A1].
    pub generation: u64,
    /// Most extra capacity at any moment [C2].
    #[serde(default)]
    pub surge: Surge,
    /// Seconds a pod stays out of the endpoints before it may go [C5].
    #[serde(default = "default_settle")]
    pub settle_seconds: Seconds,
    /// How traffic is shifted.
    #[serde(default)]
    pub traffic: TrafficMode,
    /// Create the application's namespace [C10].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create_namespace: bool,
    /// The application's first release is on its way and has not got the numbers of its last step here: a Service that was there
    /// before keeps its selector until then [C8].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub arriving: bool,
    /// A tombstone of the application: nothing of it may remain, whatever release it belongs to, but definitions, namespaces, volumes and
    /// what is annotated `shipper.dev/keep` [X1].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
    /// All releases that have, or are to have, objects in the cluster; oldest first.
    pub releases: Vec<TargetRelease>,
    /// What the agent is to measure now for a gate [A4].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<TargetAnalysis>,
}

/// What is to be measured for the gate of a step that is achieved [A4]. It ends with the gate, so that nothing is measured that
/// nobody waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetAnalysis {
    /// The release that is judged.
    pub release: ReleaseName,
    /// When the step was achieved, by the hub's clock: the name of this run. Another one begins from nothing.
    pub run: Timestamp,
    /// Without a sample for longer than this, the agent says so.
    pub deadline_seconds: Seconds,
    /// What to measure, with all placeholders filled in.
    pub measures: Vec<Analysis>,
}

fn default_settle() -> Seconds {
    Seconds(5000)
}

/// Seconds with up to three decimals, kept as milliseconds so that targets compare exactly.
mod seconds {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::time::Duration;

    /// A duration in milliseconds, written in seconds.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Seconds(pub u64);

    impl From<Duration> for Seconds {
        fn from(duration: Duration) -> Self {
            Self(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
        }
    }

    impl From<Seconds> for Duration {
        fn from(seconds: Seconds) -> Self {
            Self::from_millis(seconds.0)
        }
    }

    impl Serialize for Seconds {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if self.0.is_multiple_of(1000) {
                serializer.serialize_u64(self.0 / 1000)
            } else {
                serializer.serialize_f64(self.0 as f64 / 1000.0)
            }
        }
    }

    impl<'de> Deserialize<'de> for Seconds {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let seconds = f64::deserialize(deserializer)?;
            if seconds.is_finite() && seconds >= 0.0 {
                Ok(Self((seconds * 1000.0).round() as u64))
            } else {
                Err(serde::de::Error::custom("seconds must be a number of at least 0"))
            }
        }
    }
}

/// One release in a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetRelease {
    /// Its name; its manifests are `<name>.yaml` beside the target.
    pub name: ReleaseName,
    /// Its place in the order of releases [R6].
    pub generation: u64,
    /// Percent of the rendered replicas, 0 to 100.
    pub capacity: u8,
    /// Weight of its traffic; `None` where the strategy names no traffic anywhere [M4].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<u32>,
    /// A tombstone: nothing of it may remain [R7]. The only thing that ever removes a release's objects.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
    /// While it rolls out: replicas to take the percentage of, for Deployments with an autoscaler, by their name without the
    /// release's suffix. A larger rendered `minReplicas` holds instead [C3].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub autoscaler_base: BTreeMap<String, u32>,
}
