//! RolloutBlock: stops rollouts of a namespace, or of everything, for a time.

use super::{Metadata, Problem, Schedule};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use utoipa::ToSchema;

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
    /// What goes on all the same; absent = [`Allowance::DEFAULT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<BTreeSet<Allowance>>,
    /// Blocks during these times only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
}

impl RolloutBlockSpec {
    /// What goes on all the same [B1].
    pub fn allowed(&self) -> BTreeSet<Allowance> {
        self.allow.clone().unwrap_or_else(|| Allowance::DEFAULT.into())
    }
}

/// Who blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// `user`, or the name of a program.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name.
    pub name: String,
}

/// What a block may let go on all the same [B1].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Allowance {
    /// Any return to the incumbent by a commit [M8].
    Abort,
    /// `rollout.paused` [M13].
    Pause,
    /// A withdrawal by the hub [A3].
    Rollback,
    /// Leaving a cluster that is drained [S4].
    Drain,
}

impl Allowance {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Abort, Self::Pause, Self::Rollback, Self::Drain];
    /// What goes on under a block that says nothing of it.
    pub const DEFAULT: [Self; 2] = [Self::Abort, Self::Pause];
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Abort => "abort",
            Self::Pause => "pause",
            Self::Rollback => "rollback",
            Self::Drain => "drain",
        })
    }
}

/// A block file that cannot be read or does not count. It blocks its scope, always: somebody meant to stop something [B1].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableBlock {
    /// The namespace, as far as it can be read; `None` = all.
    pub namespace: Option<String>,
    /// What an override names it by: the file's name without its ending.
    pub name: String,
    /// What is wrong with the file.
    pub problem: Problem,
}
