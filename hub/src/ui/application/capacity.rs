//! Pods and traffic of every release in every cluster, as bars on one scale per cluster.

use crate::ui::fleet::trouble;
use crate::ui::mood::Mood;
use crate::ui::words::{cluster, cut};
use shipper_core::status::{ApplicationStatus, ClusterStatus, DepartureStage, Liveness};

/// Characters of a message.
const MESSAGE: usize = 400;

/// A cluster.
pub(super) struct ClusterRow {
    /// Its name.
    pub(super) name: String,
    /// Its page.
    pub(super) address: String,
    /// How it stands.
    pub(super) mood: Mood,
    /// What it waits for, or what fails.
    pub(super) message: String,
    /// What else is to be known.
    pub(super) notes: Vec<String>,
    /// Its releases, the contender first.
    pub(super) releases: Vec<ReleaseBars>,
}

/// A release in a cluster.
pub(super) struct ReleaseBars {
    /// Its name.
    pub(super) name: String,
    /// `contender`, `incumbent` or `other`.
    pub(super) role: &'static str,
    /// Its pods.
    pub(super) pods: Bar,
    /// Its traffic, where that is managed.
    pub(super) traffic: Option<Bar>,
}

/// So many of so many.
pub(super) struct Bar {
    /// `3 of 4`.
    pub(super) text: String,
    /// How far it is filled, from 0 to 100.
    pub(super) filled: u32,
    /// How far it is to be filled, from 0 to 100.
    pub(super) wanted: u32,
    /// Whether it is as wanted.
    pub(super) achieved: bool,
}

impl Bar {
    fn of(there: u32, wanted: u32, whole: u32, achieved: bool) -> Self {
        let part = |number: u32| number.saturating_mul(100).checked_div(whole).unwrap_or(0).min(100);
        Self { text: format!("{there} of {wanted}"), filled: part(there), wanted: part(wanted), achieved }
    }
}

/// All clusters, those that fail or wait first.
pub(super) fn rows(status: &ApplicationStatus) -> Vec<ClusterRow> {
    let mut rows: Vec<ClusterRow> = status.clusters.iter().map(|one| row(status, one)).collect();
    rows.sort_by_key(|row| row.mood);
    rows
}

fn row(status: &ApplicationStatus, one: &ClusterStatus) -> ClusterRow {
    let mood = Mood::within(one);
    let role = |name| match () {
        () if status.contender.as_ref() == Some(name) => "contender",
        () if status.incumbent.as_ref() == Some(name) => "incumbent",
        () => "other",
    };
    let pods = one.releases.iter().map(|release| {
        release.capacity.rendered.max(release.capacity.desired).max(release.capacity.available)
    });
    let pods = pods.max().unwrap_or(0);
    let traffic = one.releases.iter().filter_map(|release| release.traffic.as_ref());
    let traffic: u32 = traffic.map(|traffic| traffic.wanted.max(traffic.ready)).sum();
    let mut releases: Vec<ReleaseBars> = one
        .releases
        .iter()
        .map(|release| ReleaseBars {
            name: release.name.to_string(),
            role: role(&release.name),
            pods: Bar::of(
                release.capacity.available,
                release.capacity.desired,
                pods,
                release.capacity.achieved,
            ),
            traffic: release
                .traffic
                .as_ref()
                .map(|one| Bar::of(one.ready, one.wanted, traffic, one.achieved)),
        })
        .collect();
    releases.sort_by_key(|release| match release.role {
        "contender" => 0,
        "incumbent" => 1,
        _ => 2,
    });
    ClusterRow {
        name: one.cluster.to_string(),
        address: cluster(one.cluster.as_str()),
        mood,
        message: cut(&if mood == Mood::Failing { trouble(one) } else { one.message.clone() }, MESSAGE),
        notes: notes(one),
        releases,
    }
}

fn notes(one: &ClusterStatus) -> Vec<String> {
    let mut notes = Vec::new();
    match one.liveness {
        Liveness::Online => {}
        Liveness::Offline => {
            notes.push("The agent does not report; what is shown is what it said last.".to_owned());
        }
        Liveness::Unknown => {
            notes.push("Not heard, and the hub cannot say yet whether the agent is away.".to_owned());
        }
    }
    if one.unattended {
        notes.push("New pods have no traffic until the agent is back.".to_owned());
    }
    if let Some(departure) = &one.departure {
        let stage = match departure.stage {
            DepartureStage::Held => "Is to leave and cannot",
            DepartureStage::Waiting => "Leaves once others have its part",
            DepartureStage::Emptying => "Is being emptied",
        };
        notes.push(format!("{stage}: {}", departure.message));
    }
    if one.reported_generation < one.target_generation {
        notes.push("Has not reported on the target in force yet.".to_owned());
    }
    notes
}
