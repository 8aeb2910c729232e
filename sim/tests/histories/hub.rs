//! A hub, reduced to read → plan → write over [`Git`] and the reports it has. As the real one it is woken by a report that says something
//! new and by a cluster that goes online or offline, and by no heartbeat besides.

use super::chart;
use super::git::{Git, State};
use jiff::Timestamp;
use shipper_core::plan::{AppInput, Event, EventReason, Fleet, Room, plan};
use shipper_core::report::{AppReport, ReleaseReport};
use shipper_core::status::{ApplicationStatus, Liveness};
use shipper_core::{AppKey, ClusterName};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Heartbeat of the agents.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// A cluster that is not heard for so long is offline [A2].
pub const PATIENCE: Duration = Duration::from_secs(30);

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
    /// The newest report of each cluster, with its number.
    reports: BTreeMap<ClusterName, (u64, AppReport)>,
    /// When each agent was last heard since this hub started.
    heard: BTreeMap<ClusterName, Duration>,
    /// What each cluster was when somebody was last woken because of it.
    told: BTreeMap<ClusterName, Liveness>,
    pub push: Option<Push>,
}

/// What a report came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Its session is not known here.
    Refused,
    /// It says what was known.
    Known,
    /// It says something new.
    News,
}

impl Hub {
    pub fn new(now: Duration) -> Self {
        Self {
            sessions: BTreeMap::new(),
            next_session: 0,
            started: now,
            paused: false,
            reports: BTreeMap::new(),
            heard: BTreeMap::new(),
            told: BTreeMap::new(),
            push: None,
        }
    }

    /// `kill -9`, and a start: only what is on disk is left.
    pub fn kill(&mut self, now: Duration) {
        self.push = None;
        self.paused = false;
        self.started = now;
        self.heard.clear();
        self.told.clear();
    }

    /// The data directory is lost: no report is known any more.
    pub fn lose_data(&mut self, now: Duration) {
        *self = Self { paused: self.paused, next_session: self.next_session, ..Self::new(now) };
    }

    /// Another cluster has the name now.
    pub fn forget(&mut self, cluster: &ClusterName) {
        self.sessions.remove(cluster);
        self.reports.remove(cluster);
        self.heard.remove(cluster);
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

    /// Takes a report in.
    pub fn report(
        &mut self,
        cluster: &ClusterName,
        session: u64,
        sequence: u64,
        report: &AppReport,
        now: Duration,
    ) -> Taken {
        if self.sessions.get(cluster) != Some(&session) {
            return Taken::Refused;
        }
        self.heard.insert(cluster.clone(), now);
        match self.reports.get_mut(cluster) {
            Some((newest, known)) if *newest < sequence => {
                *newest = sequence;
                if known == report {
                    return Taken::Known;
                }
                known.clone_from(report);
                Taken::News
            }
            Some(_) => Taken::Known,
            None => {
                self.reports.insert(cluster.clone(), (sequence, report.clone()));
                Taken::News
            }
        }
    }

    /// Whether the newest report of a cluster is on this generation of its target, and lacks nothing.
    pub fn knows_well(&self, cluster: &ClusterName, generation: u64) -> bool {
        let report = self.reports.get(cluster).map(|(_, report)| report);
        report.filter(|report| report.target_generation == generation).is_some_and(|report| {
            report.releases.iter().all(has_everything) && report.problems.iter().all(|problem| problem.heals)
        })
    }

    /// Whether a cluster went online or offline since this was last asked, and when one may go offline next.
    pub fn turn(&mut self, fleet: &Fleet, now: Duration) -> (bool, Option<Duration>) {
        let present = self.liveness(fleet, now);
        let turned = self.told != present;
        self.told = present;
        let ends = fleet.clusters.keys().map(|name| self.heard.get(name).unwrap_or(&self.started));
        (turned, ends.map(|since| *since + PATIENCE).filter(|at| *at > now).min())
    }

    /// What it makes of every cluster's silence.
    pub fn liveness(&self, fleet: &Fleet, now: Duration) -> BTreeMap<ClusterName, Liveness> {
        let lately = |since: Duration| now.saturating_sub(since) < PATIENCE;
        let of = |name| match self.heard.get(name) {
            Some(heard) if lately(*heard) => Liveness::Online,
            None if lately(self.started) => Liveness::Unknown,
            _ => Liveness::Offline,
        };
        fleet.clusters.keys().map(|name| (name.clone(), of(name))).collect()
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
            self.reports.iter().map(|(name, (_, report))| (name.clone(), report.clone())).collect();
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
            let next = State { record: plan.record, releases: plan.releases.into(), targets, manifests };
            let changed = next.record != state.record
                || next.releases != state.releases
                || next.targets != state.targets;
            let push =
                changed.then_some(Push { expected: git.state.len(), state: next, events: plan.events });
            return (push, Some(plan.status), plan.wake_at);
        }
    }
}

/// Whether a report says that all of a release is as it is asked for [C4].
pub fn has_everything(release: &ReleaseReport) -> bool {
    release.installed
        && release.capacity.achieved
        && release.traffic.as_ref().is_none_or(|traffic| traffic.achieved)
}

/// Whether an event is of a kind.
pub fn is(event: &Event, reason: EventReason) -> bool {
    event.reason == reason
}
