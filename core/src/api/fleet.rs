//! The fleet at a glance.

use super::{PodCounts, PodsByState, RolloutState};
use crate::resources::Resources;
use crate::status::WaitingFor;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The fleet at a glance: applications, clusters, pods over all clusters, blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetSummary {
    /// The applications.
    pub applications: ApplicationCounts,
    /// The clusters.
    pub clusters: ClusterCounts,
    /// The pods of all applications in all clusters.
    pub pods: FleetPods,
    /// The rollout blocks.
    pub blocks: BlockCounts,
    /// Files on `main` that are refused or warned about [I1].
    pub problems: usize,
}

/// The applications of the fleet, in numbers. What no application is at is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationCounts {
    /// All.
    pub total: usize,
    /// By how their rollout is.
    pub states: BTreeMap<RolloutState, usize>,
    /// By what they wait for.
    pub waiting: BTreeMap<WaitingFor, usize>,
}

/// The clusters of the fleet, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterCounts {
    /// All.
    pub total: usize,
    /// Those whose agent reports.
    pub online: usize,
    /// Those whose agent does not.
    pub offline: usize,
    /// Those of which the hub cannot say yet.
    pub unknown: usize,
    /// Those that are cordoned and not drained.
    pub cordoned: usize,
    /// Those that are drained.
    pub drained: usize,
    /// What the nodes of all that say so have free, together [S1].
    pub free: Resources,
}

/// The pods of the fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetPods {
    /// In numbers.
    #[serde(flatten)]
    pub counts: PodCounts,
    /// Those that are not well, by state and reason, the worst first.
    pub troubles: Vec<PodsByState>,
}

/// The rollout blocks, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockCounts {
    /// All.
    pub total: usize,
    /// Those that block now.
    pub in_force: usize,
}

impl FleetPods {
    /// Adds what an application has.
    pub fn add(&mut self, counts: &PodCounts, troubles: &[PodsByState]) {
        self.counts.desired += counts.desired;
        self.counts.pods += counts.pods;
        self.counts.ready += counts.ready;
        self.counts.available += counts.available;
        for trouble in troubles {
            let same = |one: &&mut PodsByState| one.state == trouble.state && one.reason == trouble.reason;
            match self.troubles.iter_mut().find(same) {
                Some(one) => {
                    one.count += trouble.count;
                    one.clusters.extend(trouble.clusters.iter().cloned());
                }
                None => self.troubles.push(trouble.clone()),
            }
        }
    }

    /// Puts the worst first.
    pub fn sort(&mut self) {
        self.troubles.sort_by(|one, other| one.state.cmp(&other.state).then(other.count.cmp(&one.count)));
    }
}
