//! What agents last said of themselves, in memory.

use super::ledger::ClusterRow;
use jiff::Timestamp;
use shipper_core::ClusterName;
use shipper_core::resources::Resources;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// An agent, by its last report.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentInfo {
    /// UID of its cluster's `kube-system` namespace.
    pub cluster_uid: String,
    /// Its version.
    pub agent_version: String,
    /// The state commit it works on, in hex.
    pub commit: Option<String>,
    /// What is wrong with it, in words.
    pub problems: Vec<String>,
    /// Its requests to the API server since it started, by verb.
    pub api_calls: BTreeMap<String, u64>,
    /// When it last reported.
    pub last_report: Option<Timestamp>,
    /// What its cluster has free.
    pub free: Option<Resources>,
}

impl From<ClusterRow> for AgentInfo {
    fn from(row: ClusterRow) -> Self {
        Self {
            cluster_uid: row.cluster_uid,
            agent_version: row.agent_version,
            commit: row.commit,
            problems: row.problems,
            api_calls: row.api_calls,
            last_report: row.reported,
            free: row.free,
        }
    }
}

/// Every agent that ever opened a session.
#[derive(Debug, Default)]
pub struct Agents(RwLock<BTreeMap<ClusterName, AgentInfo>>);

impl Agents {
    /// One agent.
    pub fn get(&self, cluster: &ClusterName) -> Option<AgentInfo> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(cluster).cloned()
    }

    /// When each agent last reported.
    pub fn last_reports(&self) -> BTreeMap<ClusterName, Timestamp> {
        let agents = self.0.read().unwrap_or_else(PoisonError::into_inner);
        agents.iter().filter_map(|(cluster, agent)| Some((cluster.clone(), agent.last_report?))).collect()
    }

    /// What is free in each cluster that says so.
    pub fn free(&self) -> BTreeMap<ClusterName, Resources> {
        let agents = self.0.read().unwrap_or_else(PoisonError::into_inner);
        agents.iter().filter_map(|(cluster, agent)| Some((cluster.clone(), agent.free.clone()?))).collect()
    }

    pub(super) fn put(&self, cluster: ClusterName, agent: AgentInfo) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(cluster, agent);
    }
}
