//! The store in PostgreSQL, for several hubs at once. Whoever writes a cluster holds its row, and rows are taken in the order of their names,
//! so that no two hubs wait for each other. What one hub stored, the others hear and read.

mod listen;
mod open;
mod progress;
mod restored;

pub(super) use open::MIGRATIONS;
pub use open::{Address, AddressError};

use super::ledger::{ClusterRow, Ledger, clusters_of};
use super::sql::{Sql, Statement, access, measurements, read, step, write};
use super::view::News;
use super::{
    AccessChange, Entry, EventQuery, Keep, Loaded, Measured, MeasurementQuery, Readers, Store, StoreError,
    Write, Written,
};
use crate::notify::lock;
use futures::FutureExt;
use futures::future::BoxFuture;
use progress::{Found, Progress, Task};
use shipper_core::ClusterName;
use shipper_core::report::AppReport;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// How often everything is looked at, whatever was heard.
const SAFETY_NET: Duration = Duration::from_secs(10);
/// How long one transaction may take. A connection can be lost without a word.
const TRANSACTION: Duration = Duration::from_secs(40);
/// How long the database may take to say that it is there.
const PING: Duration = Duration::from_secs(2);
/// How often a transaction that gave way to another one is begun.
const TRIES: usize = 5;
/// Ends the query for the clusters of a batch: nobody else writes them until this transaction ends.
const HELD: &str = " ORDER BY cluster FOR UPDATE";
/// What is read is of one moment.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";

/// A database that other hubs may work in as well.
#[derive(Debug)]
pub struct PostgresStore {
    pool: PgPool,
    identity: String,
    /// Who says what was written.
    writer: String,
    progress: Arc<Progress>,
    listener: Mutex<Option<AbortHandle>>,
}

impl PostgresStore {
    /// Opens the database, which must exist, and makes its tables if they are not there. Waits for a while for one that is away.
    ///
    /// # Errors
    /// It cannot be reached, does not let us in, or has the tables of a newer hub.
    pub async fn open(address: &Address) -> Result<Self, StoreError> {
        Self::open_with(address, SAFETY_NET).await
    }

    /// As [`PostgresStore::open`], looking at everything every `safety_net`.
    pub(super) async fn open_with(address: &Address, safety_net: Duration) -> Result<Self, StoreError> {
        let pool = address.open().await?;
        let mut connection = pool.acquire().await.map_err(step("connecting"))?;
        let identity = read::identity(&mut *connection).await?;
        drop(connection);
        let (progress, writer) = (Arc::<Progress>::default(), format!("{:016x}", rand::random::<u64>()));
        let listening = listen::listen(address.clone(), progress.clone(), writer.clone(), safety_net);
        let listener = tokio::spawn(listening).abort_handle();
        tracing::info!(database = %address, "the database is open");
        Ok(Self { pool, identity, writer, progress, listener: Mutex::new(Some(listener)) })
    }

    async fn connection(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        self.pool.acquire().await.map_err(step("connecting"))
    }

    async fn begin(&self, how: &'static str) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.pool.begin_with(how).await.map_err(step("beginning a transaction"))
    }

    async fn write_batch(&self, batch: &[Write]) -> Result<Vec<Written>, StoreError> {
        match patiently(|| self.write_once(batch)).await {
            Ok((written, changes)) => {
                for Change { cluster, before, after } in changes {
                    self.progress.wrote(cluster, before, after);
                }
                Ok(written)
            }
            Err(error) => {
                // It may be stored all the same, if the connection was lost at the very end.
                self.progress.doubt();
                Err(error)
            }
        }
    }

    async fn write_once<'a>(
        &self,
        batch: &'a [Write],
    ) -> Result<(Vec<Written>, Vec<Change<'a>>), StoreError> {
        let mut transaction = self.begin("BEGIN").await?;
        let stored = self.store(&mut *transaction, batch).await?;
        transaction.commit().await.map_err(step("committing a transaction"))?;
        Ok(stored)
    }

    async fn store<'a>(
        &self,
        connection: &mut dyn Sql,
        batch: &'a [Write],
    ) -> Result<(Vec<Written>, Vec<Change<'a>>), StoreError> {
        if batch.is_empty() {
            write::probe(connection).await?;
        }
        reserve(connection, batch).await?;
        let mut clusters = read::clusters(connection, &clusters_of(batch), HELD).await?;
        clusters.retain(|_, row| !row.is_reserved());
        let before: BTreeMap<ClusterName, i64> =
            clusters.iter().map(|(name, row)| (name.clone(), row.version)).collect();
        let mut ledger = Ledger::new(clusters.into_iter().collect());
        let written = batch.iter().map(|write| ledger.judge(write)).collect();
        write::flush(connection, &ledger).await?;
        if let Some([channel, message]) = listen::message(&self.writer, ledger.changed.keys().copied()) {
            let notify = Statement::new("SELECT pg_notify($1, $2)").bind(channel).bind(message);
            connection.execute(notify).await.map_err(step("telling other hubs"))?;
        }
        let change = |cluster: &&'a ClusterName| {
            let after = ledger.clusters.get(*cluster)?.version;
            Some(Change { cluster, before: before.get(*cluster).copied(), after })
        };
        let changes = ledger.changed.keys().filter_map(change).collect();
        Ok((written, changes))
    }

    async fn load_all(&self) -> Result<Loaded, StoreError> {
        let (clusters, reports) = patiently(|| self.load_once()).await?;
        self.progress.loaded(clusters.iter().map(|(name, row)| (name.clone(), row.version)).collect());
        Ok(Loaded { agents: clusters.into_iter().map(|(name, row)| (name, row.into())).collect(), reports })
    }

    async fn load_once(&self) -> Result<(Clusters, Vec<(ClusterName, AppReport)>), StoreError> {
        let mut transaction = self.begin(SNAPSHOT).await?;
        let clusters = read::all_clusters(&mut *transaction).await?;
        let reports = read::all_reports(&mut *transaction).await?;
        transaction.commit().await.map_err(step("committing a transaction"))?;
        Ok((clusters, reports))
    }

    async fn read_news(&self) -> Result<Vec<News>, StoreError> {
        if !self.progress.is_stale() {
            return Ok(Vec::new());
        }
        let task = self.progress.take();
        match patiently(|| self.read_once(&task)).await {
            Ok(found) => Ok(self.progress.read(found)),
            Err(error) => {
                self.progress.again(task);
                Err(error)
            }
        }
    }

    async fn read_once(&self, task: &Task) -> Result<Vec<Found>, StoreError> {
        let mut transaction = self.begin(SNAPSHOT).await?;
        let found = task.run(&mut *transaction).await?;
        transaction.commit().await.map_err(step("committing a transaction"))?;
        Ok(found)
    }
}

/// Does it within its time, and anew where it gave way to another transaction.
async fn patiently<T, F>(once: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut tries = 1;
    loop {
        let slow = |slow| Err(step("waiting for it")(open::slow_is_an_error(slow)));
        match timeout(TRANSACTION, once()).await.unwrap_or_else(slow) {
            Err(error) if error.gave_way() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

type Clusters = BTreeMap<ClusterName, ClusterRow>;

/// A cluster that a batch changed.
struct Change<'a> {
    cluster: &'a ClusterName,
    before: Option<i64>,
    after: i64,
}

impl ClusterRow {
    /// Whether it only holds the place of a cluster that is being written for the first time.
    fn is_reserved(&self) -> bool {
        self.version == 0 && self.cluster_uid.is_empty()
    }
}

/// Makes sure that there is a row to hold for every cluster that may come to be, so that of two hubs that meet a new cluster at once the
/// second waits for the first. Whoever opens a session fills the row in the same transaction.
async fn reserve(connection: &mut dyn Sql, batch: &[Write]) -> Result<(), StoreError> {
    let opened = batch.iter().filter(|write| matches!(write, Write::Open { .. }));
    let names: Vec<&str> = opened
        .filter_map(Write::cluster)
        .map(ClusterName::as_str)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    for chunk in names.chunks(super::sql::CHUNK) {
        let insert = Statement::new("INSERT INTO clusters (cluster) VALUES ")
            .tuples(chunk.iter().map(|name| [(*name).into()]))
            .then(" ON CONFLICT (cluster) DO NOTHING");
        connection.execute(insert).await.map_err(step("meeting new clusters"))?;
    }
    Ok(())
}

impl Store for PostgresStore {
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
        async move { read::events(&mut *self.connection().await?, query).await }.boxed()
    }

    fn measurements<'a>(
        &'a self,
        query: &'a MeasurementQuery,
    ) -> BoxFuture<'a, Result<Measured, StoreError>> {
        async move { measurements::of(&mut *self.connection().await?, query).await }.boxed()
    }

    fn prune(&self, keep: Keep) -> BoxFuture<'_, Result<u64, StoreError>> {
        async move {
            let mut pruned = 0;
            for table in read::Kept::ALL {
                let beyond = read::beyond_bytes(&mut *self.connection().await?, table, keep.bytes).await?;
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
        async move { access::version(&mut *self.connection().await?).await }.boxed()
    }

    fn readers(&self) -> BoxFuture<'_, Result<Readers, StoreError>> {
        async move { access::readers(&mut *self.connection().await?).await }.boxed()
    }

    fn change_access<'a>(
        &'a self,
        changes: &'a [AccessChange],
    ) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        let once = async move || {
            let mut transaction = self.begin("BEGIN").await?;
            let changed = access::change(&mut *transaction, changes).await?;
            transaction.commit().await.map_err(step("committing a transaction"))?;
            Ok(changed)
        };
        async move { patiently(once).await }.boxed()
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let ping = async { read::identity(&mut *self.connection().await?).await.map(drop) };
            let slow = |slow| Err(step("answering at all")(open::slow_is_an_error(slow)));
            timeout(PING, ping).await.unwrap_or_else(slow)
        }
        .boxed()
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        self.progress.told().boxed()
    }

    fn catch_up(&self) -> BoxFuture<'_, Result<Vec<News>, StoreError>> {
        self.read_news().boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            if let Some(listener) = lock(&self.listener).take() {
                listener.abort();
            }
            self.pool.close().await;
        }
        .boxed()
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        if let Some(listener) = lock(&self.listener).take() {
            listener.abort();
        }
    }
}
