//! What is kept in memory of what is stored: what this hub stored itself, and what others did. Both come from the one writer, one after
//! the other, so that nothing older ever takes the place of something newer.

use super::ledger::free_after;
use super::reports::Stored;
use super::{AgentInfo, Agents, Incarnation, Loaded, Reports, Write, Written};
use crate::liveness::Heartbeats;
use crate::metrics::Metrics;
use crate::timeline::Timeline;
use jiff::Timestamp;
use shipper_core::ClusterName;
use shipper_core::protocol::SessionRequest;
use shipper_core::report::{AppReport, Report};
use std::sync::Arc;

/// What is kept in memory of what is stored.
#[derive(Clone, Debug)]
pub struct View {
    /// The latest reports.
    pub reports: Arc<Reports>,
    /// The agents they came from.
    pub agents: Arc<Agents>,
    /// When each was heard.
    pub heartbeats: Arc<Heartbeats>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// New entries of the timeline.
    pub timeline: Arc<Timeline>,
}

/// What others stored of a cluster since it was last read.
#[derive(Clone, Debug)]
pub struct News {
    /// The cluster.
    pub cluster: ClusterName,
    /// Its agent; `None` = the database knows it no more.
    pub agent: Option<AgentInfo>,
    /// Applications whose reports are newer.
    pub reports: Vec<AppReport>,
    /// Whether these are all there are.
    pub whole: bool,
}

impl View {
    /// Takes in what was stored before the hub started.
    pub(super) fn load(&self, loaded: Loaded) {
        for (cluster, agent) in loaded.agents {
            self.heartbeats.expect(cluster.clone());
            self.agents.put(cluster, agent);
        }
        self.reports.load(loaded.reports);
    }

    /// Takes in what this hub stored, in its order.
    pub(super) fn remember(&self, writes: &[Write], written: &[Written]) {
        let mut stored = Vec::with_capacity(writes.len());
        // To open a session may say that a cluster was replaced.
        if writes.iter().any(|write| matches!(write, Write::Events(_) | Write::Open { .. })) {
            self.timeline.stored();
        }
        for (write, written) in writes.iter().zip(written) {
            match (write, written) {
                (Write::Open { request, at, .. }, Written::Opened(incarnation)) => {
                    self.meet(&request.cluster, &request.cluster_uid, &mut stored);
                    self.opened(request, *at, incarnation);
                }
                (Write::Report { report, at }, Written::Stored { .. }) => {
                    self.meet(&report.cluster, &report.cluster_uid, &mut stored);
                    let first = || AgentInfo::new(&report.cluster_uid, *at);
                    self.agents.change(&report.cluster, first, |agent| {
                        self.metrics.agent_called(&agent.api_calls, &report.api_calls);
                        follow(agent, report, *at)
                    });
                    self.heartbeats.heard(&report.cluster);
                    self.metrics.reports_stored.inc();
                    stored.push(Stored::Report(report));
                }
                (Write::Report { report, .. }, Written::Older { .. }) => {
                    self.heartbeats.heard(&report.cluster);
                }
                _ => {}
            }
        }
        self.reports.take(stored);
    }

    /// Takes in what other hubs stored.
    pub(super) fn learn(&self, news: &[News]) {
        let mut stored = Vec::with_capacity(news.len());
        for News { cluster, agent, reports, whole } in news {
            let Some(agent) = agent else {
                self.agents.remove(cluster);
                self.heartbeats.forget(cluster);
                stored.push(Stored::Purged(cluster));
                continue;
            };
            self.meet(cluster, &agent.cluster_uid, &mut stored);
            let before = self.agents.get(cluster).and_then(|known| known.last_report);
            self.agents.put(cluster.clone(), agent.clone());
            self.heartbeats.expect(cluster.clone());
            if agent.last_report.is_some() && agent.last_report != before {
                self.heartbeats.heard(cluster);
            }
            stored.push(Stored::States { cluster, states: reports, whole: *whole });
            self.metrics.clusters_followed.inc();
        }
        self.reports.take(stored);
    }

    /// Forgets what is known of a cluster if it is another one of the same name.
    fn meet<'a>(&self, cluster: &'a ClusterName, uid: &str, stored: &mut Vec<Stored<'a>>) {
        if !self.agents.is_of_another(cluster, uid) {
            return;
        }
        let Some(known) = self.agents.get(cluster) else { return };
        tracing::warn!(
            %cluster, old = known.cluster_uid, new = uid,
            "another cluster reports under this name: all that the old one said counts no more; if both are alive, give one another name"
        );
        self.agents.remove(cluster);
        self.heartbeats.forget(cluster);
        stored.push(Stored::Purged(cluster));
    }

    fn opened(&self, request: &SessionRequest, at: Timestamp, incarnation: &Incarnation) {
        let known = self.agents.get(&request.cluster).filter(|_| *incarnation == Incarnation::Same);
        let agent = known.unwrap_or_else(|| AgentInfo::new(&request.cluster_uid, at));
        let agent = AgentInfo { opened: at, agent_version: request.agent_version.clone(), ..agent };
        self.agents.put(request.cluster.clone(), agent);
        self.heartbeats.expect(request.cluster.clone());
    }
}

/// What a report says of its agent, in the place of what was known, which most of it is. Says whether people are shown something else.
fn follow(agent: &mut AgentInfo, report: &Report, at: Timestamp) -> bool {
    let free = free_after(agent.free.as_ref(), report, agent.opened, at);
    let another = agent.agent_version != report.agent_version
        || agent.commit != report.commit
        || agent.problems != report.problems
        || agent.free != free;
    agent.cluster_uid.clone_from(&report.cluster_uid);
    agent.agent_version.clone_from(&report.agent_version);
    agent.commit.clone_from(&report.commit);
    agent.standing = report.epoch.zip(report.generation);
    agent.problems.clone_from(&report.problems);
    agent.api_calls.clone_from(&report.api_calls);
    agent.last_report = Some(at);
    let (session, sequence) = agent.newest.get_or_insert_default();
    session.clone_from(&report.session);
    *sequence = report.sequence;
    agent.free = free;
    another
}
