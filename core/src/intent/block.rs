//! RolloutBlock: stops rollouts of a namespace, or of everything, for a time.

use super::Metadata;
use serde::{Deserialize, Serialize};

/// A rollout block, `blocks/**/<name>.yaml`; without a namespace it is global.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutBlock {
    /// Name and scope.
    pub metadata: Metadata,
    /// Why, who, when.
    pub spec: RolloutBlockSpec,
}

/// Why, who, when, and what goes on all the same [B1].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloutBlockSpec {
    /// For people.
    pub message: String,
    /// Who blocks.
    pub author: Author,
    /// Of `abort, pause, rollback, drain`; absent = `[abort, pause]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<String>>,
    /// Blocks during these times only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
}

/// Who blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// `user`, or the name of a program.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name.
    pub name: String,
}

/// When a block is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Cron expression of the beginning.
    pub cron: String,
    /// How long, as `10m` or `62h`.
    pub duration: String,
    /// IANA time zone; absent = UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}
