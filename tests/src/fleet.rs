//! Clusters that the tests of one binary share.

use std::ops::RangeInclusive;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use futures::future::try_join_all;
use tokio::sync::OnceCell;

use crate::cluster::{self, Cluster, Options};
use crate::etcd::Etcd;

/// How many clusters [`shared`] has.
pub const SHARED_CLUSTERS: usize = 3;

/// How many clusters [`with_real_nodes`] has.
pub const REAL_CLUSTERS: usize = 2;

static SHARED: OnceCell<Arc<Fleet>> = OnceCell::const_new();
static REAL: OnceCell<Arc<Fleet>> = OnceCell::const_new();
static NAMESPACES: AtomicU32 = AtomicU32::new(0);

/// The fleet of this test binary: `cluster-1` to `cluster-3`, started by whoever asks first.
///
/// Tests keep apart by namespace ([`Fleet::namespace`]). A test that breaks a cluster starts its own instead.
///
/// # Errors
/// When a cluster does not start.
pub async fn shared() -> Result<Arc<Fleet>> {
    let start = || async { Fleet::start(numbered(1..=SHARED_CLUSTERS)).await.map(Arc::new) };
    SHARED.get_or_try_init(start).await.cloned()
}

/// The clusters of [`shared`] and two more, `cluster-4` and `cluster-5`, which end with what is returned.
///
/// # Errors
/// When a cluster does not start.
pub async fn of_five() -> Result<Arc<Fleet>> {
    let (shared, more) = tokio::try_join!(shared(), Fleet::start(numbered(SHARED_CLUSTERS + 1..=5)))?;
    let clusters = shared.clusters.iter().cloned().chain(more.clusters).collect();
    Ok(Arc::new(Fleet { clusters }))
}

fn numbered(numbers: RangeInclusive<usize>) -> Vec<Options> {
    let named = |number| Options { audit: true, ..Options::named(&format!("cluster-{number}")) };
    numbers.map(named).collect()
}

/// The clusters of this test binary that have a real node each, and no other: `real-1` and `real-2`, started by whoever asks
/// first. Not to be asked for where that is [impossible](crate::real_node::impossible).
///
/// # Errors
/// When a cluster does not start.
pub async fn with_real_nodes() -> Result<Arc<Fleet>> {
    let named = |number| Options::with_real_node(&format!("real-{number}"));
    let start = || async { Fleet::start((1..=REAL_CLUSTERS).map(named).collect()).await.map(Arc::new) };
    REAL.get_or_try_init(start).await.cloned()
}

/// Some clusters on one etcd.
#[derive(Debug)]
pub struct Fleet {
    clusters: Vec<Arc<Cluster>>,
}

impl Fleet {
    /// Starts the clusters in parallel and waits until pods can run in all of them.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn start(options: Vec<Options>) -> Result<Self> {
        let started = Instant::now();
        let tools = cluster::tools().await?;
        let etcd = Arc::new(Etcd::start(&tools).await?);
        let starting = options.into_iter().map(|options| Cluster::start_on(options, &tools, etcd.clone()));
        let clusters: Vec<_> = try_join_all(starting).await?.into_iter().map(Arc::new).collect();
        tracing::info!(clusters = clusters.len(), seconds = started.elapsed().as_secs_f32(), "fleet started");
        Ok(Self { clusters })
    }

    /// All clusters, in the order in which they were asked for.
    #[must_use]
    pub fn clusters(&self) -> &[Arc<Cluster>] {
        &self.clusters
    }

    /// The cluster of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn cluster(&self, name: &str) -> Result<&Cluster> {
        self.clusters
            .iter()
            .find(|cluster| cluster.name() == name)
            .map(Arc::as_ref)
            .with_context(|| format!("no cluster {name}"))
    }

    /// Creates a namespace that no other test uses in all clusters, and returns its name, which begins with `prefix`.
    ///
    /// # Errors
    /// When a cluster refuses.
    pub async fn namespace(&self, prefix: &str) -> Result<String> {
        let number = NAMESPACES.fetch_add(1, Ordering::Relaxed);
        let name = format!("{prefix}-{}-{number}", process::id());
        try_join_all(self.clusters.iter().map(|cluster| cluster.create_namespace(&name))).await?;
        Ok(name)
    }
}
