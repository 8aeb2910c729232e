//! What must outlive a restart but not a lost disk: the latest report of every application in every cluster, the sessions
//! they are numbered in, a timeline, and what was measured for gates that are over. Git holds everything else, so deleting the database
//! loses history, nothing more.
//!
//! - [`Store`]: what any database must do; [`sqlite`] does it with one file, [`postgres`] for several hubs, [`memory`] with nothing. All pass
//!   the same tests. The statements of the first two are the same.
//! - [`ledger`]: which writes count (sessions, numbers, incarnations), without a database.
//! - [`intake`]: the one writer, which stores many writes in one transaction and answers after it is committed.
//! - [`timeline`]: what is asked of the timeline and of measurements.
//! - [`access`]: who may read; [`keys`]: for whoever manages that beside the hubs.
//! - [`view`], of [`reports`] and [`agents`]: the same in memory, for the loop.

pub mod access;
pub mod agents;
#[cfg(test)]
mod contract;
pub mod directory;
#[cfg(test)]
mod durable;
pub mod error;
#[cfg(test)]
mod hubs;
pub mod intake;
pub mod keys;
pub mod ledger;
pub mod memory;
pub mod postgres;
pub mod reports;
mod sql;
pub mod sqlite;
mod teller;
pub mod timeline;
#[cfg(test)]
mod upgraded;
pub mod view;

pub use access::{AccessChange, Person, ReadToken, Readers, Session};
pub use agents::{AgentCommit, AgentInfo, Agents};
pub use directory::DataDirectory;
pub use error::StoreError;
pub use intake::{Intake, IntakeError, Outage};
pub use ledger::Incarnation;
pub use memory::MemoryStore;
pub use postgres::PostgresStore;
pub use reports::Reports;
pub use shipper_core::api::{Measurement, TimelineEvent};
pub use sqlite::SqliteStore;
pub use timeline::{Begin, Entry, EventQuery, Keep, Measured, MeasurementQuery};
pub use view::{News, View};

use futures::FutureExt;
use futures::future::{BoxFuture, pending, ready};
use jiff::Timestamp;
use shipper_core::ClusterName;
use shipper_core::protocol::SessionRequest;
use shipper_core::report::{AppReport, Report};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Something to be stored.
#[derive(Clone, Debug)]
pub enum Write {
    /// An agent opens a session.
    Open {
        /// The session's name, unguessable.
        session: String,
        /// Who it is.
        request: SessionRequest,
        /// The hub's clock.
        at: Timestamp,
    },
    /// An agent reports.
    Report {
        /// The report, from the agent of the cluster it names.
        report: Arc<Report>,
        /// The hub's clock.
        at: Timestamp,
    },
    /// Entries for the timeline.
    Events(Vec<TimelineEvent>),
    /// What was measured for gates that are over.
    Measurements(Vec<Measurement>),
}

impl Write {
    /// The cluster it is of.
    pub fn cluster(&self) -> Option<&ClusterName> {
        match self {
            Self::Open { request, .. } => Some(&request.cluster),
            Self::Report { report, .. } => Some(&report.cluster),
            Self::Events(_) | Self::Measurements(_) => None,
        }
    }
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The session is open; every other session of the cluster is closed.
    Opened(Incarnation),
    /// The report is stored and is the newest of its cluster.
    Stored {
        /// Its number.
        sequence: u64,
    },
    /// A newer report of the session, or this one, was stored before; nothing changed.
    Older {
        /// The newest number that is stored.
        sequence: u64,
    },
    /// The session is not the present one of the cluster; nothing changed.
    UnknownSession,
    /// The entries are in the timeline, or the measurements are kept.
    Logged,
}

/// Everything that counts, as it was stored last.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Every cluster that ever opened a session.
    pub agents: BTreeMap<ClusterName, AgentInfo>,
    /// The latest reports.
    pub reports: Vec<(ClusterName, AppReport)>,
}

/// A database.
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Which database this is: made with it, kept in it, the same for all who share it and no other's [A6].
    fn identity(&self) -> &str;

    /// Stores a batch in order: all of it or nothing, durable when it returns. One answer per write. Where there is nothing to store, it says
    /// whether something could be.
    fn write<'a>(&'a self, batch: &'a [Write]) -> BoxFuture<'a, Result<Vec<Written>, StoreError>>;

    /// Reads what a hub needs to begin.
    fn load(&self) -> BoxFuture<'_, Result<Loaded, StoreError>>;

    /// Entries of the timeline.
    fn events<'a>(&'a self, query: &'a EventQuery) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>>;

    /// What was measured for gates of an application that are over.
    fn measurements<'a>(&'a self, query: &'a MeasurementQuery)
    -> BoxFuture<'a, Result<Measured, StoreError>>;

    /// Drops entries of the timeline, the oldest, until no more is left than is to be kept, and measurements as well; answers how many.
    fn prune(&self, keep: Keep) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// The version of who may read: another than before says that [`readers`](Self::readers) answers something else.
    fn access_version(&self) -> BoxFuture<'_, Result<i64, StoreError>>;

    /// Everybody who may read.
    fn readers(&self) -> BoxFuture<'_, Result<Readers, StoreError>>;

    /// Changes who may read, all of it or nothing; answers which of the changes changed something.
    fn change_access<'a>(
        &'a self,
        changes: &'a [AccessChange],
    ) -> BoxFuture<'a, Result<Vec<bool>, StoreError>>;

    /// Whether other hubs may write it as well.
    fn is_shared(&self) -> bool {
        false
    }

    /// Whether the database answers.
    fn ping(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Returns when another hub may have stored something; never where no other can.
    fn changed(&self) -> BoxFuture<'_, ()> {
        pending().boxed()
    }

    /// What other hubs stored since it was last asked, or loaded.
    fn catch_up(&self) -> BoxFuture<'_, Result<Vec<News>, StoreError>> {
        ready(Ok(Vec::new())).boxed()
    }

    /// Lets go of the database. What is written after that fails.
    fn close(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}
