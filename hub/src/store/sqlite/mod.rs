//! The store in one SQLite file: write-ahead log, flushed with every transaction, written through one connection.

pub mod backup;
mod open;
mod pen;

pub(super) use open::{FILE, MIGRATIONS, options};

use super::ledger::{ClusterRow, Ledger};
use super::sql::{access, measurements, read, step, write};
use super::{
    AccessChange, DataDirectory, Entry, EventQuery, Keep, Loaded, Measured, MeasurementQuery, Readers, Store,
    StoreError, Write, Written,
};
use crate::notify::lock;
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use pen::Pen;
use shipper_core::ClusterName;
use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, Sqlite, SqliteConnection, SqlitePool};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// A data directory with a database in it, held by this process alone.
#[derive(Debug)]
pub struct SqliteStore {
    pen: Pen,
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
        open::make_sound(&path).await?;
        let pen = Pen::of(&path);
        let identity = identity(&pen).await?;
        Ok(Self { pen, readers: open::readers(&path), known: Mutex::default(), identity, directory: held })
    }

    async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.readers.acquire().await.map_err(step("waiting for its turn to read"))
    }

    async fn write_batch(&self, batch: &[Write]) -> Result<Vec<Written>, StoreError> {
        let mut held = self.pen.take().await?;
        let written = self.write_through(&mut held.connection, batch).await;
        held.give_back(written).await
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
        let mut held = self.pen.take().await?;
        // Ends sessions whose reports cannot be read.
        lock(&self.known).clear();
        let loaded = load_through(&mut held.connection).await;
        held.give_back(loaded).await
    }
}

async fn load_through(connection: &mut SqliteConnection) -> Result<Loaded, StoreError> {
    let clusters = read::all_clusters(connection).await?;
    let agents = clusters.into_iter().map(|(cluster, row)| (cluster, row.into())).collect();
    Ok(Loaded { agents, reports: read::all_reports(connection).await? })
}

async fn identity(pen: &Pen) -> Result<String, StoreError> {
    let mut held = pen.take().await?;
    let identity = read::identity(&mut held.connection).await;
    held.give_back(identity).await
}

/// Drives what talks with the thread that SQLite works in on a thread of its own too: as a task among others it would wait behind every
/// request that is ready, each time that SQLite has answered. Where one thread does everything, there is none.
async fn ahead<T>(work: impl Future<Output = T>) -> T {
    let runtime = Handle::current();
    match runtime.runtime_flavor() {
        RuntimeFlavor::MultiThread => block_in_place(|| runtime.block_on(work)),
        _ => work.await,
    }
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
        ahead(self.write_batch(batch)).boxed()
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
                    let mut held = self.pen.take().await?;
                    let some = write::prune(&mut held.connection, table, keep, beyond).await;
                    let some = held.give_back(some).await?;
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
            let mut held = self.pen.take().await?;
            let changed = change_access_through(&mut held.connection, changes).await;
            held.give_back(changed).await
        }
        .boxed()
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        identity(&self.pen).map_ok(drop).boxed()
    }

    /// Flushes the log into the database file as well, and lets go of the directory.
    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            self.readers.close().await;
            self.pen.close().await;
            self.directory.release();
        }
        .boxed()
    }
}
