//! Which writes count. A cluster has one session, the one opened last; reports are numbered in it and count only in rising
//! order [X5]. Another UID is another cluster of the same name: nothing that the old one said counts any more.

use super::{Measurement, TimelineEvent, Write, Written};
use jiff::{SignedDuration, Timestamp};
use shipper_core::protocol::SessionRequest;
use shipper_core::report::{AppReport, Report};
use shipper_core::resources::Resources;
use shipper_core::{AppKey, ClusterName, ReleaseName};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How long an agent that began anew may take to see all nodes and pods.
const COUNTING: SignedDuration = SignedDuration::from_secs(60);

/// What a cluster has free after a report in a session opened at `opened`: what it says. An agent that began anew does not know it yet,
/// and until it may be expected to, what was said before counts on: a full cluster does not have room because its agent restarts [S1].
pub(super) fn free_after(
    known: Option<&Resources>,
    report: &Report,
    opened: Timestamp,
    at: Timestamp,
) -> Option<Resources> {
    let counting = at.duration_since(opened) < COUNTING;
    report.free.as_ref().or(known.filter(|_| counting)).cloned()
}

/// Whether a session is opened by the cluster the hub knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incarnation {
    /// No cluster of this name was known.
    First,
    /// The one that was known.
    Same,
    /// Another one of the same name; the reports of the old one are gone.
    New {
        /// UID of the old one.
        old: String,
    },
}

/// What is known of a cluster's agent.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterRow {
    /// UID of its `kube-system` namespace.
    pub cluster_uid: String,
    /// Its present session.
    pub session: String,
    /// When that was opened.
    pub started: Timestamp,
    /// The newest report in it.
    pub sequence: Option<u64>,
    /// Version of the agent.
    pub agent_version: String,
    /// The state commit it works on.
    pub commit: Option<String>,
    /// What is wrong with it.
    pub problems: Vec<String>,
    /// Its requests to the API server, by verb.
    pub api_calls: BTreeMap<String, u64>,
    /// When it last reported.
    pub reported: Option<Timestamp>,
    /// What it last said that it has free.
    pub free: Option<Resources>,
    /// Epoch and generation of the commit it works on.
    pub standing: Option<(u64, u64)>,
    /// How often this row changed: what others have read of the cluster is told from what they have not.
    pub version: i64,
    /// The version that last took reports away.
    pub removed: i64,
}

/// The latest state of an application in a cluster, to be stored.
#[derive(Clone, Copy, Debug)]
pub struct ReportRow<'a> {
    /// The report it came in.
    pub report: &'a Report,
    /// When that came.
    pub at: Timestamp,
    /// The version of the cluster that came with it.
    pub version: i64,
    /// The state.
    pub state: &'a AppReport,
}

/// How much of the row of a cluster a batch changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// What every report changes: its number and time, the version, the requests that the agent made.
    Heard,
    /// More than that.
    Whole,
}

/// The clusters that a batch concerns, and what it changes.
#[derive(Debug, Default)]
pub struct Ledger<'a> {
    /// The clusters, and maybe others, changed as the batch goes on.
    pub clusters: HashMap<ClusterName, ClusterRow>,
    /// Those of them that changed, and how much of each is to be stored.
    pub changed: BTreeMap<&'a ClusterName, Extent>,
    /// Clusters whose stored reports are to be deleted before anything is written.
    pub purged: BTreeSet<&'a ClusterName>,
    /// States to be stored, or deleted where there is none.
    pub reports: BTreeMap<(&'a ClusterName, &'a AppKey), Option<ReportRow<'a>>>,
    /// Entries for the timeline.
    pub events: Vec<TimelineEvent>,
    /// Measurements to be kept, the last of each run in a cluster.
    pub measurements: Vec<&'a Measurement>,
    /// Where each of them is.
    runs: HashMap<Run<'a>, usize>,
}

/// What one measurement is of; it replaces what was known of the same.
type Run<'a> = (&'a AppKey, &'a ReleaseName, Timestamp, &'a ClusterName);

/// The clusters a batch concerns.
pub fn clusters_of(batch: &[Write]) -> BTreeSet<&ClusterName> {
    batch.iter().filter_map(Write::cluster).collect()
}

impl<'a> Ledger<'a> {
    /// A ledger over the clusters as they are stored.
    pub fn new(clusters: HashMap<ClusterName, ClusterRow>) -> Self {
        Self { clusters, ..Self::default() }
    }

    /// Takes in one write.
    pub fn judge(&mut self, write: &'a Write) -> Written {
        match write {
            Write::Open { session, request, at } => self.open(session, request, *at),
            Write::Report { report, at } => self.report(report, *at),
            Write::Events(events) => {
                self.events.extend(events.iter().cloned());
                Written::Logged
            }
            Write::Measurements(measurements) => {
                measurements.iter().for_each(|measurement| self.measure(measurement));
                Written::Logged
            }
        }
    }

    fn measure(&mut self, measurement: &'a Measurement) {
        let Measurement { application, release, run, cluster, .. } = measurement;
        let at = *self.runs.entry((application, release, *run, cluster)).or_insert(self.measurements.len());
        match self.measurements.get_mut(at) {
            Some(known) => *known = measurement,
            None => self.measurements.push(measurement),
        }
    }

    fn open(&mut self, session: &str, request: &'a SessionRequest, at: Timestamp) -> Written {
        let cluster = &request.cluster;
        let known = self.clusters.remove(cluster);
        let incarnation = match &known {
            None => Incarnation::First,
            Some(row) if row.cluster_uid == request.cluster_uid => Incarnation::Same,
            Some(row) => Incarnation::New { old: row.cluster_uid.clone() },
        };
        if let Incarnation::New { old } = &incarnation {
            self.purged.insert(cluster);
            self.reports.retain(|(of, _), _| *of != cluster);
            self.events.push(TimelineEvent {
                at,
                application: None,
                cluster: Some(cluster.clone()),
                reason: "ClusterReplaced".to_owned(),
                message: format!(
                    "cluster {cluster} has UID {} now, {old} before: its old reports count no more",
                    request.cluster_uid
                ),
                commit: None,
            });
        }
        let version = known.as_ref().map_or(0, |row| row.version).wrapping_add(1);
        let kept = known.filter(|_| incarnation == Incarnation::Same);
        let row = ClusterRow {
            version,
            removed: kept.as_ref().map_or(version, |row| row.removed),
            standing: kept.as_ref().and_then(|row| row.standing),
            cluster_uid: request.cluster_uid.clone(),
            session: session.to_owned(),
            started: at,
            sequence: None,
            agent_version: request.agent_version.clone(),
            commit: kept.as_ref().and_then(|row| row.commit.clone()),
            problems: kept.as_ref().map(|row| row.problems.clone()).unwrap_or_default(),
            api_calls: kept.as_ref().map(|row| row.api_calls.clone()).unwrap_or_default(),
            reported: kept.as_ref().and_then(|row| row.reported),
            free: kept.and_then(|row| row.free),
        };
        self.clusters.insert(cluster.clone(), row);
        self.changed.insert(cluster, Extent::Whole);
        Written::Opened(incarnation)
    }

    fn report(&mut self, report: &'a Report, at: Timestamp) -> Written {
        let Some(row) = self.clusters.get_mut(&report.cluster) else { return Written::UnknownSession };
        if row.session != report.session || row.cluster_uid != report.cluster_uid {
            return Written::UnknownSession;
        }
        if let Some(sequence) = row.sequence.filter(|newest| *newest >= report.sequence) {
            return Written::Older { sequence };
        }
        row.sequence = Some(report.sequence);
        row.reported = Some(at);
        row.version = row.version.wrapping_add(1);
        row.api_calls.clone_from(&report.api_calls);
        let free = free_after(row.free.as_ref(), report, row.started, at);
        let standing = report.epoch.zip(report.generation);
        let says = (&report.agent_version, &report.commit, &report.problems, &free, standing);
        let extent = if (&row.agent_version, &row.commit, &row.problems, &row.free, row.standing) == says
            && report.gone.is_empty()
        {
            Extent::Heard
        } else {
            row.agent_version.clone_from(&report.agent_version);
            row.commit.clone_from(&report.commit);
            row.problems.clone_from(&report.problems);
            row.free = free;
            row.standing = standing;
            if !report.gone.is_empty() {
                row.removed = row.version;
            }
            Extent::Whole
        };
        let version = row.version;
        let most = self.changed.entry(&report.cluster).or_insert(extent);
        *most = extent.max(*most);
        for application in &report.gone {
            self.reports.insert((&report.cluster, application), None);
        }
        for state in &report.applications {
            let key = (&report.cluster, &state.application);
            self.reports.insert(key, Some(ReportRow { report, at, version, state }));
        }
        Written::Stored { sequence: report.sequence }
    }
}
