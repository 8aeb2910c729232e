//! The latest reports in memory, by application, for the loop: it is told which applications' reports changed and asks for
//! what they say now. Fed by the [`Intake`](super::Intake) after a report is stored, so a plan never rests on what a restart would lose.

use crate::notify::{Changes, Receiver};
use shipper_core::few::Few;
use shipper_core::report::{AppReport, Report};
use shipper_core::{AppKey, ClusterName};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock};

/// The latest report of every application in every cluster, of the cluster's present incarnation.
#[derive(Debug, Default)]
pub struct Reports {
    latest: RwLock<Latest>,
    changes: Changes<AppKey>,
}

impl Reports {
    /// What the clusters last said of one application.
    pub fn for_app(&self, application: &AppKey) -> BTreeMap<ClusterName, AppReport> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        latest.get(application).map(Few::to_map).unwrap_or_default()
    }

    /// Told of the applications whose reports say something new.
    pub fn subscribe(&self) -> Receiver<AppKey> {
        self.changes.subscribe()
    }

    /// What was stored before the hub started.
    pub(super) fn load(&self, reports: Vec<(ClusterName, AppReport)>) {
        let mut latest = self.latest.write().unwrap_or_else(PoisonError::into_inner);
        for (cluster, report) in reports {
            // What was parsed has room to grow, and a copy of it has none.
            latest.entry(report.application.clone()).or_default().insert(cluster, report.clone());
        }
    }

    /// Takes in reports that are stored, in their order, and tells what changed.
    pub(super) fn take<'a>(&self, stored: impl IntoIterator<Item = Stored<'a>>) {
        let mut changed = BTreeSet::new();
        {
            let mut latest = self.latest.write().unwrap_or_else(PoisonError::into_inner);
            for stored in stored {
                match stored {
                    Stored::Report(report) => apply(&mut latest, report, &mut changed),
                    Stored::States { cluster, states, whole } => {
                        if whole {
                            retain(&mut latest, cluster, states, &mut changed);
                        }
                        put(&mut latest, cluster, states, &mut changed);
                    }
                    Stored::Purged(cluster) => retain(&mut latest, cluster, &[], &mut changed),
                }
            }
        }
        self.changes.publish(&changed);
    }
}

/// Something that happened to the stored reports.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stored<'a> {
    /// A report is stored.
    Report(&'a Report),
    /// States in a cluster are stored.
    States {
        /// The cluster.
        cluster: &'a ClusterName,
        /// The states.
        states: &'a [AppReport],
        /// Whether there are no others.
        whole: bool,
    },
    /// All reports of a cluster were deleted.
    Purged(&'a ClusterName),
}

type Latest = HashMap<AppKey, Few<ClusterName, AppReport>>;

fn apply(latest: &mut Latest, report: &Report, changed: &mut BTreeSet<AppKey>) {
    for application in &report.gone {
        if let Some(clusters) = latest.get_mut(application)
            && clusters.remove(&report.cluster).is_some()
        {
            changed.insert(application.clone());
            if clusters.is_empty() {
                latest.remove(application);
            }
        }
    }
    put(latest, &report.cluster, &report.applications, changed);
}

fn put(latest: &mut Latest, cluster: &ClusterName, states: &[AppReport], changed: &mut BTreeSet<AppKey>) {
    for state in states {
        let clusters = latest.entry(state.application.clone()).or_default();
        if clusters.get(cluster) != Some(state) {
            clusters.insert(cluster.clone(), state.clone());
            changed.insert(state.application.clone());
        }
    }
}

/// Removes what is kept of a cluster, but for these applications.
fn retain(latest: &mut Latest, cluster: &ClusterName, kept: &[AppReport], changed: &mut BTreeSet<AppKey>) {
    let kept: BTreeSet<&AppKey> = kept.iter().map(|state| &state.application).collect();
    latest.retain(|application, clusters| {
        if !kept.contains(application) && clusters.remove(cluster).is_some() {
            changed.insert(application.clone());
        }
        !clusters.is_empty()
    });
}
