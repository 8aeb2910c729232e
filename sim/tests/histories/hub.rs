//! A hub, reduced to read → plan → write over [`Git`] and the reports it has.

use super::chart;
use super::git::{Git, State};
use jiff::Timestamp;
use shipper_core::plan::{AppInput, Event, EventReason, Fleet, Room, plan};
use shipper_core::report::AppReport;
use shipper_core::status::{ApplicationStatus, Liveness};
use shipper_core::{AppKey, ClusterName};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Heartbeat of the agents.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// A decision on its way to Git.
#[derive(Debug)]
pub struct Push {
    /// Commits the state branch had when this was read.
    pub expected: usize,
    pub state: State,
    pub events: Vec<Event>,
}

#[derive(Debug)]
pub struct Hub {
    /// The session of each cluster's agent: a new one at every start of the agent, none after the loss of the data directory.
    sessions: BTreeMap<ClusterName, u64>,
    next_session: u64,
    pub started: Duration,
    /// Stopped: neither reads nor pushes.
    pub paused: bool,
    reports: BTreeMap<ClusterName, (u64, Duration, AppReport)>,
    pub push: Option<Push>,
}

impl Hub {
    pub fn new(now: Duration) -> Self {
        Self {
            sessions: BTreeMap::new(),
            next_session: 0,
            started: now,
            paused: false,
            reports: BTreeMap::new(),
            push: None,
        }
    }

    /// The data directory is lost: no report is known any more.
    pub fn lose_data(&mut self, now: Duration) {
        *self = Self { paused: self.paused, next_session: self.next_session, ..Self::new(now) };
    }

    /// Another cluster has the name now.
    pub fn forget(&mut self, cluster: &ClusterName) {
        self.sessions.remove(cluster);
        self.reports.remove(cluster);
    }

    /// An agent asks for a session; its numbers start again.
    pub fn open(&mut self, cluster: &ClusterName) -> u64 {
        self.next_session += 1;
        self.sessions.insert(cluster.clone(), self.next_session);
        if let Some((sequence, ..)) = self.reports.get_mut(cluster) {
            *sequence = 0;
        }
        self.next_session
    }

    /// Takes a report in; false = the session is not known here.
    pub fn report(
        &mut self,
        cluster: &ClusterName,
        session: u64,
        sequence: u64,
        report: &AppReport,
        now: Duration,
    ) -> bool {
        if self.sessions.get(cluster) != Some(&session) {
            return false;
        }
        let newest = self.reports.get(cluster).map_or(0, |(sequence, ..)| *sequence);
        if sequence > newest {
            self.reports.insert(cluster.clone(), (sequence, now, report.clone()));
        } else if let Some((_, heard, _)) = self.reports.get_mut(cluster) {
            *heard = now;
        }
        true
    }

    fn liveness(&self, fleet: &Fleet, now: Duration) -> BTreeMap<ClusterName, Liveness> {
        let patience = HEARTBEAT * 3;
        fleet
            .clusters
            .keys()
            .map(|name| {
                let heard = self.reports.get(name).map(|(_, heard, _)| *heard);
                let liveness = match heard {
                    Some(heard) if now.saturating_sub(heard) < patience => Liveness::Online,
                    _ if now.saturating_sub(self.started) < patience => Liveness::Unknown,
                    _ => Liveness::Offline,
                };
                (name.clone(), liveness)
            })
            .collect()
    }

    /// Reads, renders and plans. The push is `None` where nothing is to be written.
    pub fn think(
        &self,
        git: &Git,
        fleet: &Fleet,
        now: Duration,
        wall: Timestamp,
    ) -> (Option<Push>, Option<ApplicationStatus>, Option<Timestamp>) {
        let Some((commit, intent)) = git.intent() else { return (None, None, None) };
        let app: AppKey = chart::app();
        let empty = Arc::new(State::default());
        let state = git.state.last().unwrap_or(&empty);
        let reports: BTreeMap<ClusterName, AppReport> =
            self.reports.iter().map(|(name, (_, _, report))| (name.clone(), report.clone())).collect();
        let liveness = self.liveness(fleet, now);
        let source = format!("{commit:040x}");
        let absence = git.absence();
        let mut manifests = state.manifests.clone();
        loop {
            let rendered = manifests.keys().map(|variant| (variant.clone(), Ok(()))).collect();
            let plan = plan(&AppInput {
                application: &app,
                now: wall,
                source: &source,
                intent,
                absence: absence.as_ref(),
                reading: &[],
                fleet,
                record: state.record.as_ref(),
                releases: &state.releases,
                targets: &state.targets,
                reports: &reports,
                liveness: &liveness,
                manifests: &rendered,
                room: Room::default(),
            });
            if !plan.renders.is_empty() {
                for need in plan.renders {
                    let version = need
                        .release
                        .environment
                        .manifests
                        .as_ref()
                        .map(|m| m.tree.clone())
                        .unwrap_or_default();
                    let managed = need.release.strategy.manages_traffic();
                    let made = chart::manifests(&version, &need.release.name, managed);
                    manifests.insert((need.release.name, need.variant), Arc::new(made));
                }
                continue;
            }
            let targets = plan.targets.into_iter().map(|(name, planned)| (name, planned.target)).collect();
            manifests.retain(|(release, _), _| plan.releases.contains_key(release));
            let next = State { record: plan.record, releases: plan.releases, targets, manifests };
            let changed = next.record != state.record
                || next.releases != state.releases
                || next.targets != state.targets;
            let push =
                changed.then_some(Push { expected: git.state.len(), state: next, events: plan.events });
            return (push, Some(plan.status), plan.wake_at);
        }
    }
}

/// Whether an event is of a kind.
pub fn is(event: &Event, reason: EventReason) -> bool {
    event.reason == reason
}
