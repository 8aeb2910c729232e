//! What agents last said of themselves, in memory.

use super::ledger::ClusterRow;
use jiff::Timestamp;
use shipper_core::ClusterName;
use shipper_core::resources::Resources;
use shipper_core::why::Source;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use tokio::sync::watch;

/// An agent, by its last report.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentInfo {
    /// When it opened its session.
    pub opened: Timestamp,
    /// UID of its cluster's `kube-system` namespace.
    pub cluster_uid: String,
    /// Its version.
    pub agent_version: String,
    /// The state commit it works on, in hex.
    pub commit: Option<String>,
    /// Epoch and generation of that commit, where the agent said so.
    pub standing: Option<(u64, u64)>,
    /// What is wrong with it, in words.
    pub problems: Vec<String>,
    /// Its requests to the API server since it started, by verb.
    pub api_calls: BTreeMap<String, u64>,
    /// When it last reported.
    pub last_report: Option<Timestamp>,
    /// Session and number of that report.
    pub newest: Option<(String, u64)>,
    /// What its cluster has free.
    pub free: Option<Resources>,
}

impl AgentInfo {
    /// One that has not reported yet.
    pub(super) fn new(cluster_uid: &str, opened: Timestamp) -> Self {
        Self {
            opened,
            cluster_uid: cluster_uid.to_owned(),
            agent_version: String::new(),
            commit: None,
            standing: None,
            problems: Vec::new(),
            api_calls: BTreeMap::new(),
            last_report: None,
            newest: None,
            free: None,
        }
    }

    /// What people are shown of it and would miss; when it last reported is not followed.
    fn shown(&self) -> (&str, Option<&str>, &[String], Option<&Resources>) {
        (&self.agent_version, self.commit.as_deref(), &self.problems, self.free.as_ref())
    }
}

impl From<ClusterRow> for AgentInfo {
    fn from(row: ClusterRow) -> Self {
        Self {
            newest: row.sequence.map(|sequence| (row.session, sequence)),
            opened: row.started,
            cluster_uid: row.cluster_uid,
            agent_version: row.agent_version,
            commit: row.commit,
            standing: row.standing,
            problems: row.problems,
            api_calls: row.api_calls,
            last_report: row.reported,
            free: row.free,
        }
    }
}

/// The state commit that an agent works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentCommit {
    /// Its cluster.
    pub cluster: ClusterName,
    /// The commit, in hex.
    pub commit: String,
    /// Its epoch and generation, where the agent said so.
    pub standing: Option<(u64, u64)>,
}

/// Every agent that ever opened a session.
#[derive(Debug, Default)]
pub struct Agents {
    known: RwLock<BTreeMap<ClusterName, AgentInfo>>,
    /// Counts how often what people are shown of them became another.
    shown: watch::Sender<u64>,
}

impl Agents {
    /// One agent.
    pub fn get(&self, cluster: &ClusterName) -> Option<AgentInfo> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(cluster).cloned()
    }

    /// The state commit that each agent works on.
    pub fn commits(&self) -> Vec<AgentCommit> {
        let agents = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let working =
            agents.iter().filter_map(|(cluster, agent)| Some((cluster, agent, agent.commit.as_ref()?)));
        working
            .map(|(cluster, agent, commit)| AgentCommit {
                cluster: cluster.clone(),
                commit: commit.clone(),
                standing: agent.standing,
            })
            .collect()
    }

    /// The newest report of each cluster.
    pub fn sources(&self) -> BTreeMap<ClusterName, Source> {
        let agents = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let source = |agent: &AgentInfo| {
            let (session, sequence) = agent.newest.as_ref()?;
            Some(Source::of(session, *sequence, agent.commit.clone()))
        };
        agents.iter().filter_map(|(cluster, agent)| Some((cluster.clone(), source(agent)?))).collect()
    }

    /// When each agent last reported.
    pub fn last_reports(&self) -> BTreeMap<ClusterName, Timestamp> {
        let agents = self.known.read().unwrap_or_else(PoisonError::into_inner);
        agents.iter().filter_map(|(cluster, agent)| Some((cluster.clone(), agent.last_report?))).collect()
    }

    /// What is free in each cluster that says so.
    pub fn free(&self) -> BTreeMap<ClusterName, Resources> {
        let agents = self.known.read().unwrap_or_else(PoisonError::into_inner);
        agents.iter().filter_map(|(cluster, agent)| Some((cluster.clone(), agent.free.clone()?))).collect()
    }

    /// Whether an agent is known, and known to be of another cluster than that of this UID.
    pub(super) fn is_of_another(&self, cluster: &ClusterName, uid: &str) -> bool {
        let agents = self.known.read().unwrap_or_else(PoisonError::into_inner);
        agents.get(cluster).is_some_and(|known| known.cluster_uid != uid)
    }

    /// Counts how often what people are shown of agents became another. That one reported once more is no change.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shown.subscribe()
    }

    /// Changes what is known of an agent where it is, and says whether people are shown something else then; `first`: what is known
    /// where nothing was.
    pub(super) fn change(
        &self,
        cluster: &ClusterName,
        first: impl FnOnce() -> AgentInfo,
        change: impl FnOnce(&mut AgentInfo) -> bool,
    ) {
        let mut agents = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let another = match agents.get_mut(cluster) {
            Some(known) => change(known),
            None => {
                change(agents.entry(cluster.clone()).or_insert_with(first));
                true
            }
        };
        drop(agents);
        self.tell(another);
    }

    pub(super) fn put(&self, cluster: ClusterName, agent: AgentInfo) {
        let mut agents = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let another = agents.get(&cluster).is_none_or(|known| known.shown() != agent.shown());
        agents.insert(cluster, agent);
        drop(agents);
        self.tell(another);
    }

    pub(super) fn remove(&self, cluster: &ClusterName) {
        let known = self.known.write().unwrap_or_else(PoisonError::into_inner).remove(cluster);
        self.tell(known.is_some());
    }

    fn tell(&self, another: bool) {
        if another {
            self.shown.send_modify(|count| *count += 1);
        }
    }
}
