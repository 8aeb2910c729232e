//! The one connection that writes. It is kept open and goes from hand to hand: a pool would ask it how it is before and after each use, which
//! are two more ways to the thread that SQLite works in, for every batch of reports.

use super::open::options;
use super::step;
use crate::store::StoreError;
use sqlx::{Connection, SqliteConnection};
use std::path::{Path, PathBuf};
use tokio::sync::{Mutex, MutexGuard};

/// The connection that writes, or the place where it belongs.
#[derive(Debug)]
pub(super) struct Pen {
    path: PathBuf,
    place: Mutex<Option<SqliteConnection>>,
}

/// The connection in somebody's hand. Where it is dropped there, with what was begun on it, the next one opens another.
pub(super) struct Held<'a> {
    place: MutexGuard<'a, Option<SqliteConnection>>,
    pub(super) connection: SqliteConnection,
}

impl Pen {
    /// For the database in a file; opened when somebody writes.
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), place: Mutex::default() }
    }

    /// Waits for its turn.
    ///
    /// # Errors
    /// It was closed after a failure, and does not open.
    pub(super) async fn take(&self) -> Result<Held<'_>, StoreError> {
        let mut place = self.place.lock().await;
        let connection = match place.take() {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&options(&self.path)).await.map_err(step("opening"))?,
        };
        Ok(Held { place, connection })
    }

    /// Closes it, and what is logged goes into the file.
    pub(super) async fn close(&self) {
        if let Some(connection) = self.place.lock().await.take() {
            close(connection).await;
        }
    }
}

impl Held<'_> {
    /// Gives the connection back after its work, and closes it where that failed. SQLite ends some transactions by itself, as on a full disk;
    /// the connection then takes itself to be in one for ever, and would begin no other.
    pub(super) async fn give_back<T>(self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let Self { mut place, connection } = self;
        match outcome {
            Ok(_) => *place = Some(connection),
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
