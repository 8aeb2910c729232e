//! The one connection that writes. It is kept open and goes from hand to hand: a pool would ask it how it is before and after each use, which
//! are two more ways to the thread that SQLite works in, for every batch of reports.

use super::open::options;
use super::step;
use crate::store::StoreError;
use sqlx::{Connection, SqliteConnection};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

/// How long somebody waits for whoever has it.
const TURN: Duration = Duration::from_secs(30);

/// The connection that writes, or the place where it belongs.
#[derive(Debug)]
pub(super) struct Pen {
    path: PathBuf,
    place: Mutex<Place>,
}

#[derive(Debug)]
enum Place {
    /// It lies here.
    Here(SqliteConnection),
    /// It is in somebody's hand, was dropped there, or was not opened yet.
    Empty,
    /// Nobody writes any more.
    Closed,
}

/// The connection in somebody's hand. Where it is dropped there, with what was begun on it, the next one opens another.
pub(super) struct Held<'a> {
    pub(super) connection: SqliteConnection,
    place: MutexGuard<'a, Place>,
}

impl Pen {
    /// For the database in a file; opened when somebody writes.
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), place: Mutex::new(Place::Empty) }
    }

    /// Waits for its turn.
    ///
    /// # Errors
    /// Whoever has it does not give it back, it was closed after a failure and does not open, or the store is closed.
    pub(super) async fn take(&self) -> Result<Held<'_>, StoreError> {
        let turn = timeout(TURN, self.place.lock()).await.map_err(|_| sqlx::Error::PoolTimedOut);
        let mut place = turn.map_err(step("waiting for its turn"))?;
        let connection = match std::mem::replace(&mut *place, Place::Empty) {
            Place::Here(connection) => connection,
            Place::Empty => {
                SqliteConnection::connect_with(&options(&self.path)).await.map_err(step("opening"))?
            }
            Place::Closed => {
                *place = Place::Closed;
                return Err(step("waiting for its turn")(sqlx::Error::PoolClosed));
            }
        };
        Ok(Held { connection, place })
    }

    /// Closes it for good, and what is logged goes into the file. One that was dropped in somebody's hand is not waited for: what it was about is
    /// taken back.
    pub(super) async fn close(&self) {
        let place = std::mem::replace(&mut *self.place.lock().await, Place::Closed);
        if let Place::Here(connection) = place {
            close(connection).await;
        }
    }
}

impl Held<'_> {
    /// Gives the connection back after its work, and closes it where that failed. SQLite ends some transactions by itself, as on a full disk;
    /// the connection then takes itself to be in one for ever, and would begin no other.
    pub(super) async fn give_back<T>(self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let Self { connection, mut place } = self;
        match outcome {
            Ok(_) => *place = Place::Here(connection),
            Err(_) => close(connection).await,
        }
        outcome
    }
}

async fn close(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "a connection was not closed in good order");
    }
}
