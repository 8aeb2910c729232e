//! What must outlive a restart but not a lost disk: the latest report of every application in every cluster, the sessions
//! they are numbered in, and a timeline. Git holds everything else, so deleting the database loses history, nothing more.
//!
//! - [`Store`]: what any database must do; [`sqlite`] does it with one file, [`memory`] with none. All pass the same tests.
//! - [`ledger`]: which writes count (sessions, numbers, incarnations), without a database.
//! - [`intake`]: the one writer, which stores many writes in one transaction and answers after it is committed.
//! - [`reports`] and [`agents`]: the same in memory, for the loop.

pub mod agents;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod durable;
pub mod intake;
pub mod ledger;
pub mod memory;
pub mod reports;
pub mod sqlite;

pub use agents::{AgentCommit, AgentInfo, Agents};
pub use intake::{Intake, IntakeError};
pub use ledger::Incarnation;
pub use memory::MemoryStore;
pub use reports::Reports;
pub use sqlite::SqliteStore;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shipper_core::protocol::SessionRequest;
use shipper_core::report::{AppReport, Report};
use shipper_core::{AppKey, ClusterName};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Why the database does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made or written.
    #[error(
        "data directory {path} cannot be used: {source}; give the hub a directory it may write (--data-dir)"
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process works in the directory.
    #[error("another hub works in {path}; stop it, or give this one a --data-dir of its own")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The damaged file is in the way of a new one.
    #[error(
        "damaged database {path} cannot be moved aside: {source}; move or delete it by hand, nothing but history is lost"
    )]
    Aside {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is there but does not open.
    #[error("database {path} cannot be opened: {source}; check permissions and free space")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: sqlx::Error,
    },
    /// One of its steps failed.
    #[error("the database failed while {step}: {source}; check free space and the disk")]
    Step {
        /// What was being done.
        step: &'static str,
        /// What the database said.
        source: sqlx::Error,
    },
    /// A row cannot be read as what it should be.
    #[error(
        "the database holds {what} that cannot be read: {source}; delete the database, nothing but history is lost"
    )]
    Row {
        /// Which row.
        what: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

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
    /// The entries are in the timeline.
    Logged,
}

/// An entry of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEvent {
    /// When it happened, by the hub's clock.
    pub at: Timestamp,
    /// The application it concerns.
    pub application: Option<AppKey>,
    /// The cluster it concerns.
    pub cluster: Option<ClusterName>,
    /// A word for programs, such as `StepAchieved`.
    pub reason: String,
    /// In words.
    pub message: String,
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

    /// Stores a batch in order: all of it or nothing, durable when it returns. One answer per write.
    fn write<'a>(&'a self, batch: &'a [Write]) -> BoxFuture<'a, Result<Vec<Written>, StoreError>>;

    /// Reads what a hub needs to begin.
    fn load(&self) -> BoxFuture<'_, Result<Loaded, StoreError>>;

    /// The newest entries of the timeline, newest first, of one application or of everything.
    fn events<'a>(
        &'a self,
        application: Option<&'a AppKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TimelineEvent>, StoreError>>;

    /// Drops entries of the timeline from before `before`; answers how many.
    fn prune(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Whether the database answers.
    fn ping(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}
