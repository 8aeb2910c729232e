//! Which objects belong to one release and which to the application.

use serde::{Deserialize, Serialize};

/// Whether every release has its own copy of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// Its own copy, with the release's suffix.
    Release,
    /// One for all releases of the application.
    Application,
}

impl Scope {
    /// The scope that follows from group and kind (design section 4).
    pub fn of_kind(group: &str, kind: &str) -> Self {
        match (group, kind) {
            ("apps", "Deployment")
            | ("batch", "Job")
            | ("", "ConfigMap" | "Secret")
            | ("autoscaling", "HorizontalPodAutoscaler")
            | ("policy", "PodDisruptionBudget") => Self::Release,
            _ => Self::Application,
        }
    }

    /// As the annotation `shipper.dev/scope` writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Application => "application",
        }
    }
}
