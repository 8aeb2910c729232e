//! A cluster on a line: whether it reports, what is free, how its applications fare.

use crate::ui::mood::Mood;
use crate::ui::words::{Moment, cluster, count, short};
use shipper_core::protocol::FleetCluster;
use shipper_core::status::{ClusterStatus, Liveness};

/// A cluster on a line.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) region: String,
    pub(super) mood: Mood,
    /// In words, whether it reports.
    pub(super) says: &'static str,
    /// `cordoned`, `draining`.
    pub(super) marks: Vec<&'static str>,
    pub(super) last_report: Option<Moment>,
    pub(super) agent: Option<String>,
    pub(super) commit: Option<String>,
    pub(super) free: String,
    pub(super) total: usize,
    pub(super) failing: usize,
    pub(super) moving: usize,
    pub(super) leaving: usize,
}

/// How the applications of a cluster fare, in numbers.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) total: usize,
    pub(super) failing: usize,
    pub(super) moving: usize,
    pub(super) leaving: usize,
}

impl Tally {
    pub(super) fn add(&mut self, one: &ClusterStatus) {
        self.total += 1;
        match Mood::within(one) {
            Mood::Failing => self.failing += 1,
            Mood::Moving | Mood::Gate => self.moving += 1,
            Mood::Yours | Mood::Stopped | Mood::Silent | Mood::Settled => {}
        }
        self.leaving += usize::from(one.departure.is_some());
    }
}

impl Row {
    pub(super) fn of(one: &FleetCluster, tally: Tally) -> Self {
        let (mood, says) = match one.liveness {
            Liveness::Offline => (Mood::Silent, "Not heard"),
            Liveness::Unknown => (Mood::Silent, "Not heard yet"),
            Liveness::Online if tally.failing > 0 || !one.problems.is_empty() => {
                (Mood::Failing, "Reports trouble")
            }
            Liveness::Online if tally.moving > 0 => (Mood::Moving, "Reports"),
            Liveness::Online => (Mood::Settled, "Reports"),
        };
        let free = one.free.as_ref().map(|free| {
            let amount = |name: &str| free.get(name).readable(name);
            format!("{} cpu, {} memory", amount("cpu"), amount("memory"))
        });
        let marks = [(one.unschedulable, "cordoned"), (one.drain, "draining")];
        Self {
            name: one.name.to_string(),
            address: cluster(one.name.as_str()),
            region: one.region.clone(),
            mood,
            says,
            marks: marks.into_iter().filter(|(set, _)| *set).map(|(_, word)| word).collect(),
            last_report: one.last_report.map(Moment::of),
            agent: one.agent_version.clone().filter(|version| !version.is_empty()),
            commit: one.commit.as_deref().map(short),
            free: free.unwrap_or_else(|| "not said".to_owned()),
            total: tally.total,
            failing: tally.failing,
            moving: tally.moving,
            leaving: tally.leaving,
        }
    }

    /// What its applications do, in words.
    pub(super) fn doing(&self) -> String {
        let parts = [(self.failing, "failing"), (self.moving, "moving"), (self.leaving, "leaving")];
        let parts =
            parts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}"));
        let mut said = count(self.total, "application");
        for part in parts {
            said.push_str(", ");
            said.push_str(&part);
        }
        said
    }
}
