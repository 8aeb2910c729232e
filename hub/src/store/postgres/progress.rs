//! How much of the database this hub has in memory: of every cluster the version it read or wrote, and what it was told that is newer.

use super::super::sql::read::{number, text};
use super::super::sql::{CHUNK, Row, Sql, Statement, Value, read, step};
use super::super::view::News;
use super::super::{AgentInfo, StoreError};
use crate::notify::lock;
use shipper_core::ClusterName;
use shipper_core::report::AppReport;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct Progress {
    known: Mutex<Known>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Known {
    versions: BTreeMap<ClusterName, i64>,
    stale: Stale,
}

/// What may be newer in the database.
#[derive(Clone, Debug, Default)]
struct Stale {
    clusters: BTreeSet<ClusterName>,
    all: bool,
}

impl Progress {
    /// Everything was read.
    pub(super) fn loaded(&self, versions: BTreeMap<ClusterName, i64>) {
        lock(&self.known).versions = versions;
    }

    /// This hub wrote a cluster, which was of version `before`. What another hub wrote in the meantime is still to be read.
    pub(super) fn wrote(&self, cluster: &ClusterName, before: Option<i64>, after: i64) {
        let mut known = lock(&self.known);
        if known.versions.get(cluster).copied() == before {
            known.versions.insert(cluster.clone(), after);
        } else {
            known.stale.clusters.insert(cluster.clone());
        }
    }

    /// Another hub wrote these clusters.
    pub(super) fn look_at(&self, clusters: impl Iterator<Item = ClusterName>) {
        lock(&self.known).stale.clusters.extend(clusters);
        self.wake.notify_one();
    }

    /// Any cluster may be newer.
    pub(super) fn look_at_all(&self) {
        self.doubt();
        self.wake.notify_one();
    }

    /// Any cluster may be newer; whoever looks next finds out.
    pub(super) fn doubt(&self) {
        lock(&self.known).stale.all = true;
    }

    /// Returns when there may be something to read.
    pub(super) async fn told(&self) {
        self.wake.notified().await;
    }

    /// Whether there may be something to read.
    pub(super) fn is_stale(&self) -> bool {
        let known = lock(&self.known);
        known.stale.all || !known.stale.clusters.is_empty()
    }

    /// What may be newer, with the versions that are known; whoever takes it reads it, or gives it [back](Self::again).
    pub(super) fn take(&self) -> Task {
        let mut known = lock(&self.known);
        let stale = std::mem::take(&mut known.stale);
        let versions = if stale.all {
            known.versions.clone()
        } else {
            let version = |name: &ClusterName| Some((name.clone(), *known.versions.get(name)?));
            stale.clusters.iter().filter_map(version).collect()
        };
        Task { stale, versions }
    }

    /// It could not be read.
    pub(super) fn again(&self, task: Task) {
        let stale = &mut lock(&self.known).stale;
        stale.clusters.extend(task.stale.clusters);
        stale.all |= task.stale.all;
    }

    /// It was read.
    pub(super) fn read(&self, found: Vec<Found>) -> Vec<News> {
        let versions = &mut lock(&self.known).versions;
        for Found { news, version } in &found {
            match version {
                Some(version) => versions.insert(news.cluster.clone(), *version),
                None => versions.remove(&news.cluster),
            };
        }
        found.into_iter().map(|found| found.news).collect()
    }
}

/// What is to be read.
#[derive(Debug)]
pub(super) struct Task {
    stale: Stale,
    /// Those of the clusters that may be newer.
    versions: BTreeMap<ClusterName, i64>,
}

/// What was read of a cluster, and which version that is; `None` = it is not there any more.
#[derive(Debug)]
pub(super) struct Found {
    news: News,
    version: Option<i64>,
}

impl Task {
    /// Reads it; what is read should be of one moment.
    pub(super) async fn run(&self, connection: &mut dyn Sql) -> Result<Vec<Found>, StoreError> {
        let mut names = self.stale.clusters.clone();
        if self.stale.all {
            let versions = versions(connection).await?;
            let other = |(name, version): &(&ClusterName, &i64)| self.versions.get(*name) != Some(*version);
            names.extend(versions.iter().filter(other).map(|(name, _)| name.clone()));
            names.extend(self.versions.keys().filter(|name| !versions.contains_key(*name)).cloned());
        }
        let rows = read::clusters(connection, &names.iter().collect(), "").await?;
        let mut found = BTreeMap::new();
        let mut from = BTreeMap::new();
        for cluster in names {
            let before = self.versions.get(&cluster).copied();
            let row = rows.get(&cluster);
            let version = row.map(|row| row.version);
            if before == version {
                continue;
            }
            // What was taken away can only be told from all that is left.
            let partly = before.zip(row).filter(|(before, row)| (row.removed..=row.version).contains(before));
            if row.is_some() {
                from.insert(cluster.clone(), partly.map_or(-1, |(before, _)| before));
            }
            let agent = row.cloned().map(AgentInfo::from);
            let news = News { cluster: cluster.clone(), agent, reports: Vec::new(), whole: partly.is_none() };
            found.insert(cluster, Found { news, version });
        }
        for (cluster, report) in reports(connection, &from).await? {
            if let Some(found) = found.get_mut(&cluster) {
                found.news.reports.push(report);
            }
        }
        Ok(found.into_values().collect())
    }
}

/// The version of every cluster.
async fn versions(connection: &mut dyn Sql) -> Result<BTreeMap<ClusterName, i64>, StoreError> {
    let step = step("looking for what other hubs stored");
    let rows =
        connection.fetch(Statement::new("SELECT cluster, version FROM clusters")).await.map_err(&step)?;
    let version = |mut row: Row| Ok((ClusterName::from(text(&mut row)?), number(&mut row)?));
    rows.into_iter().map(version).collect::<Result<_, sqlx::Error>>().map_err(step)
}

/// The reports of clusters that came with a version higher than the one given.
async fn reports(
    connection: &mut dyn Sql,
    from: &BTreeMap<ClusterName, i64>,
) -> Result<Vec<(ClusterName, AppReport)>, StoreError> {
    let step = step("reading what other hubs stored");
    let mut found = Vec::new();
    let pairs: Vec<(&ClusterName, &i64)> = from.iter().collect();
    for chunk in pairs.chunks(CHUNK) {
        let query = Statement::new("SELECT r.cluster, r.body FROM reports r JOIN (VALUES ")
            .tuples(
                chunk
                    .iter()
                    .map(|(name, version)| -> [Value<'_>; 2] { [name.as_str().into(), (**version).into()] }),
            )
            .then(") AS known (cluster, version) ON r.cluster = known.cluster AND r.version > known.version");
        for mut row in connection.fetch(query).await.map_err(&step)? {
            let cluster = ClusterName::from(text(&mut row).map_err(&step)?);
            let body = text(&mut row).map_err(&step)?;
            match serde_json::from_str(&body) {
                Ok(report) => found.push((cluster, report)),
                // It is the writer's to judge; here it only is not known.
                Err(error) => {
                    tracing::warn!(%cluster, %error, "a report that another hub stored cannot be read; are the hubs of the same version?");
                }
            }
        }
    }
    Ok(found)
}
