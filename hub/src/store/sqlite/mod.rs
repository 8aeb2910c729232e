//! The store in one SQLite file: write-ahead log, flushed with every transaction, written through one connection.

pub mod backup;
mod open;

pub(super) use open::{FILE, MIGRATIONS, options};

use super::ledger::{ClusterRow, Ledger};
use super::sql::{access, measurements, read, step, write};
use super::{
    AccessChange, DataDirectory, Entry, EventQuery, Keep, Loaded, Measured, MeasurementQuery, Readers, Store,
    StoreError, Write, Written,
};
use crate::notify::lock;
use futures::FutureExt;
use futures::future::BoxFuture;
use shipper_core::ClusterName;
use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, Sqlite, SqliteConnection, SqlitePool};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

/// A data directory with a database in it, held by this process alone.
#[derive(Debug)]
pub struct SqliteStore {
    pool: SqlitePool,
    readers: SqlitePool,
    /// Clusters as they are stored, to be judged without reading them: nobody else writes them. Whoever changes some holds the connection that
    /// writes, and takes all of them out until that is durable; one that is not here is read.
    known: Mutex<HashMap<ClusterName, ClusterRow>>,
    identity: String,
    directory: DataDirectory,
}

impl SqliteStore {
    /// Opens the database in `directory`, or makes one. A damaged one is moved aside, with a warning in the log.
    ///
    /// # Errors
    /// The directory cannot be used, another hub works in it, or the file does not open for a reason other than damage.
    pub async fn open(directory: &Path) -> Result<Self, StoreError> {
        let held = DataDirectory::hold(directory)?;
        let path = directory.join(open::FILE);
        let pool = open::database(&path).await?;
        let mut connection = pool.acquire().await.map_err(step("opening"))?;
        let identity = read::identity(&mut *connection).await?;
        drop(connection);
        Ok(Self { pool, readers: open::readers(&path), known: Mutex::default(), identity, directory: held })
    }

    async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.readers.acquire().await.map_err(step("waiting for its turn to read"))
    }

    async fn connection(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.pool.acquire().await.map_err(step("waiting for its turn"))
    }

    async fn write_batch(&self, batch: &[Write]) -> Result<Vec<Written>, StoreError> {
        let mut connection = self.connection().await?;
        let written = self.write_through(&mut connection, batch).await;
        give_back(connection, written).await
    }

    async fn write_through(
        &self,
        connection: &mut SqliteConnection,
        batch: &[Write],
    ) -> Result<Vec<Written>, StoreError> {
        let begun = connection.begin_with("BEGIN IMMEDIATE").await;
        let mut transaction = begun.map_err(step("beginning a transaction"))?;
        if batch.is_empty() {
            write::probe(&mut *transaction).await?;
        }
        let mut clusters = std::mem::take(&mut *lock(&self.known));
        let is_unknown = |cluster: &&ClusterName| !clusters.contains_key(*cluster);
        let unknown = batch.iter().filter_map(Write::cluster).filter(is_unknown).collect();
        clusters.extend(read::clusters(&mut *transaction, &unknown, "").await?);
        let mut ledger = Ledger::new(clusters);
        let written = batch.iter().map(|write| ledger.judge(write)).collect();
        write::flush(&mut *transaction, &ledger).await?;
        transaction.commit().await.map_err(step("committing a transaction"))?;
        *lock(&self.known) = ledger.clusters;
        Ok(written)
    }

    async fn load_all(&self) -> Result<Loaded, StoreError> {
        let mut connection = self.connection().await?;
        let clusters = read::all_clusters(&mut *connection).await?;
        let agents = clusters.into_iter().map(|(cluster, row)| (cluster, row.into())).collect();
        // Ends sessions whose reports cannot be read.
        lock(&self.known).clear();
        Ok(Loaded { agents, reports: read::all_reports(&mut *connection).await? })
    }
}

/// Gives a connection back after its transaction, and closes it where that failed. SQLite ends some of those by itself, as on a full disk;
/// the connection then takes itself to be in one for ever, and would begin no other.
async fn give_back<T>(
    connection: PoolConnection<Sqlite>,
    outcome: Result<T, StoreError>,
) -> Result<T, StoreError> {
    if outcome.is_err()
        && let Err(error) = connection.close().await
    {
        tracing::debug!(%error, "a connection was not closed in good order");
    }
    outcome
}

async fn change_access_through(
    connection: &mut SqliteConnection,
    changes: &[AccessChange],
) -> Result<Vec<bool>, StoreError> {
    let begun = connection.begin_with("BEGIN IMMEDIATE").await;
    let mut transaction = begun.map_err(step("beginning a transaction"))?;
    let changed = access::change(&mut *transaction, changes).await?;
    transaction.commit().await.map_err(step("committing a transaction"))?;
    Ok(changed)
}

impl Store for SqliteStore {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn write<'a>(&'a self, batch: &'a [Write]) -> BoxFuture<'a, Result<Vec<Written>, StoreError>> {
        self.write_batch(batch).boxed()
    }

    fn load(&self) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        self.load_all().boxed()
    }

    fn events<'a>(&'a self, query: &'a EventQuery) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        async move { read::events(&mut *self.reader().await?, query).await }.boxed()
    }

    fn measurements<'a>(
        &'a self,
        query: &'a MeasurementQuery,
    ) -> BoxFuture<'a, Result<Measured, StoreError>> {
        async move { measurements::of(&mut *self.reader().await?, query).await }.boxed()
    }

    fn prune(&self, keep: Keep) -> BoxFuture<'_, Result<u64, StoreError>> {
        async move {
            let mut pruned = 0;
            for table in read::Kept::ALL {
                let beyond = read::beyond_bytes(&mut *self.reader().await?, table, keep.bytes).await?;
                loop {
                    let some = write::prune(&mut *self.connection().await?, table, keep, beyond).await?;
                    pruned += some;
                    if some < write::PRUNED {
                        break;
                    }
                }
            }
            Ok(pruned)
        }
        .boxed()
    }

    fn access_version(&self) -> BoxFuture<'_, Result<i64, StoreError>> {
        async move { access::version(&mut *self.reader().await?).await }.boxed()
    }

    fn readers(&self) -> BoxFuture<'_, Result<Readers, StoreError>> {
        async move { access::readers(&mut *self.reader().await?).await }.boxed()
    }

    fn change_access<'a>(
        &'a self,
        changes: &'a [AccessChange],
    ) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        async move {
            let mut connection = self.connection().await?;
            let changed = change_access_through(&mut connection, changes).await;
            give_back(connection, changed).await
        }
        .boxed()
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move { read::identity(&mut *self.connection().await?).await.map(drop) }.boxed()
    }

    /// Flushes the log into the database file as well, and lets go of the directory.
    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            self.readers.close().await;
            self.pool.close().await;
            self.directory.release();
        }
        .boxed()
    }
}
