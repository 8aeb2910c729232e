//! The store in one SQLite file: write-ahead log, flushed with every transaction, written through one connection.

mod open;
mod rows;

use super::ledger::{Ledger, clusters_of};
use super::{Loaded, Store, StoreError, TimelineEvent, Write, Written};
use crate::notify::lock;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use shipper_core::AppKey;
use sqlx::SqlitePool;
use std::fs::File;
use std::path::Path;
use std::sync::Mutex;

/// A data directory with a database in it, held by this process alone.
#[derive(Debug)]
pub struct SqliteStore {
    pool: SqlitePool,
    identity: String,
    /// Locked as long as it is open; the system lets go of it however the process ends.
    lock: Mutex<Option<File>>,
}

impl SqliteStore {
    /// Opens the database in `directory`, or makes one. A damaged one is moved aside, with a warning in the log.
    ///
    /// # Errors
    /// The directory cannot be used, another hub works in it, or the file does not open for a reason other than damage.
    pub async fn open(directory: &Path) -> Result<Self, StoreError> {
        let lock = open::lock(directory)?;
        let pool = open::database(&directory.join("hub.db")).await?;
        let identity = rows::identity(&pool).await?;
        Ok(Self { pool, identity, lock: Mutex::new(Some(lock)) })
    }

    /// Flushes the log into the database file, closes it and lets go of the directory. What is written after that fails.
    pub async fn close(&self) {
        self.pool.close().await;
        lock(&self.lock).take();
    }

    async fn write_batch(&self, batch: &[Write]) -> Result<Vec<Written>, StoreError> {
        let step = |step| move |source| StoreError::Step { step, source };
        let mut transaction =
            self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(step("beginning a transaction"))?;
        let clusters = rows::clusters(&mut transaction, &clusters_of(batch)).await?;
        let mut ledger = Ledger::new(clusters);
        let written = batch.iter().map(|write| ledger.judge(write)).collect();
        rows::flush(&mut transaction, &ledger).await?;
        transaction.commit().await.map_err(step("committing a transaction"))?;
        Ok(written)
    }

    async fn load_all(&self) -> Result<Loaded, StoreError> {
        let step = |source| StoreError::Step { step: "reading the latest reports", source };
        let mut connection = self.pool.acquire().await.map_err(step)?;
        let clusters = rows::all_clusters(&mut connection).await?;
        let agents = clusters.into_iter().map(|(cluster, row)| (cluster, row.into())).collect();
        Ok(Loaded { agents, reports: rows::all_reports(&mut connection).await? })
    }
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

    fn events<'a>(
        &'a self,
        application: Option<&'a AppKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TimelineEvent>, StoreError>> {
        rows::events(&self.pool, application, limit).boxed()
    }

    fn prune(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        async move {
            let pruned = sqlx::query("DELETE FROM events WHERE at < ?")
                .bind(before.as_millisecond())
                .execute(&self.pool)
                .await
                .map_err(|source| StoreError::Step { step: "dropping old events", source })?;
            Ok(pruned.rows_affected())
        }
        .boxed()
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            sqlx::query("SELECT 1")
                .execute(&self.pool)
                .await
                .map(|_| ())
                .map_err(|source| StoreError::Step { step: "answering at all", source })
        }
        .boxed()
    }
}
