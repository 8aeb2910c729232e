//! What is asked of the timeline and of measurements, and how much of them is kept.

use jiff::Timestamp;
use shipper_core::api::{EventFilter, Measurement, TimelineEvent};
use shipper_core::{AppKey, ClusterName, ReleaseName};

/// What is asked of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// Which entries.
    pub filter: EventFilter,
    /// From where, and in which direction.
    pub begin: Begin,
    /// How many at most.
    pub limit: u32,
}

/// Where reading begins, and in which direction it goes. Entries are numbered in the order in which they were stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begin {
    /// With the newest, backwards.
    #[default]
    Newest,
    /// With the one before this number, backwards.
    Before(i64),
    /// With the one after this number, forwards.
    After(i64),
}

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number; those that are stored later have higher ones.
    pub number: i64,
    /// What it says.
    pub event: TimelineEvent,
}

/// What is asked of the measurements of an application, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasurementQuery {
    /// Whose.
    pub application: AppKey,
    /// Of one release.
    pub release: Option<ReleaseName>,
    /// Of one cluster.
    pub cluster: Option<ClusterName>,
    /// From the one before this number on, backwards; `None` = from the newest. They are numbered in the order in which they were
    /// stored at first: one that is replaced keeps its number.
    pub before: Option<i64>,
    /// How many at most.
    pub limit: u32,
}

impl MeasurementQuery {
    /// The newest of an application, so many at most.
    pub fn newest(application: AppKey, limit: u32) -> Self {
        Self { application, release: None, cluster: None, before: None, limit }
    }
}

/// A part of what is kept of measurements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// The newest first.
    pub items: Vec<Measurement>,
    /// The number to go on before; `None` = nothing that was asked for is older.
    pub next: Option<i64>,
}

/// How much of the timeline is kept, and how much of measurements by themselves: what every one of these allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Nothing from before.
    pub since: Timestamp,
    /// So many entries, the newest.
    pub entries: u64,
    /// So many bytes, of the newest; each entry counts as [`size`] says.
    pub bytes: u64,
}

/// What an entry takes beside its text, in bytes: its row and its places in the indexes.
pub const OVERHEAD: u64 = 150;

/// What an entry counts as, in bytes.
pub fn size(event: &TimelineEvent) -> u64 {
    let application = event.application.as_ref().map_or(0, |key| key.namespace.len() + key.name.len());
    let cluster = event.cluster.as_ref().map_or(0, |cluster| cluster.as_str().len());
    let commit = event.commit.as_ref().map_or(0, |commit| {
        let known = |text: &Option<String>| text.as_deref().map_or(0, str::len);
        commit.id.len() + known(&commit.author) + known(&commit.subject)
    });
    OVERHEAD + (application + cluster + event.reason.len() + event.message.len() + commit) as u64
}

/// What a measurement counts as, in bytes; `body`: it as JSON.
pub fn size_of_measurement(measurement: &Measurement, body: &str) -> u64 {
    let Measurement { application, release, cluster, .. } = measurement;
    let names = [application.namespace.as_str(), &application.name, release.as_str(), cluster.as_str()];
    OVERHEAD + (names.iter().map(|name| name.len()).sum::<usize>() + body.len()) as u64
}
