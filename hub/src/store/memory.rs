//! The store in memory: for a hub that lives no longer than a test, a demo or a simulation. It waits for nothing, so paused
//! time stays exact.

use super::ledger::{ClusterRow, Ledger, clusters_of};
use super::timeline::{size, size_of_measurement};
use super::{
    AccessChange, Begin, Entry, EventQuery, Keep, Loaded, Measured, Measurement, MeasurementQuery, Readers,
    Store, StoreError, Write, Written,
};
use crate::access::secret::Digest;
use crate::notify::lock;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use jiff::Timestamp;
use shipper_core::report::AppReport;
use shipper_core::{AppKey, ClusterName};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// A store that ends with the process.
#[derive(Debug)]
pub struct MemoryStore {
    identity: String,
    rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    clusters: BTreeMap<ClusterName, ClusterRow>,
    reports: BTreeMap<(ClusterName, AppKey), AppReport>,
    events: Vec<Entry>,
    measurements: Vec<(i64, Measurement)>,
    last: i64,
    readers: Readers,
    spent: BTreeMap<Digest, Timestamp>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::called(format!("{:032x}", rand::random::<u128>()))
    }
}

impl MemoryStore {
    /// One of this identity, for who wants to see the same twice.
    pub fn called(identity: impl Into<String>) -> Self {
        Self { identity: identity.into(), rows: Mutex::default() }
    }
}

impl Rows {
    fn write(&mut self, batch: &[Write]) -> Vec<Written> {
        let concerned = clusters_of(batch);
        let known = concerned.iter().filter_map(|name| self.clusters.remove_entry(*name)).collect();
        let mut ledger = Ledger::new(known);
        let written = batch.iter().map(|write| ledger.judge(write)).collect();
        self.reports.retain(|(cluster, _), _| !ledger.purged.contains(cluster));
        for ((cluster, application), row) in ledger.reports {
            let key = (cluster.clone(), application.clone());
            match row {
                Some(row) => self.reports.insert(key, row.state.clone()),
                None => self.reports.remove(&key),
            };
        }
        self.clusters.extend(ledger.clusters);
        for event in ledger.events {
            self.last += 1;
            self.events.push(Entry { number: self.last, event });
        }
        for measurement in ledger.measurements {
            match self.measurements.iter_mut().find(|(_, known)| is_same_run(known, measurement)) {
                Some((_, known)) => known.clone_from(measurement),
                None => {
                    let number = self.measurements.last().map_or(1, |(newest, _)| newest + 1);
                    self.measurements.push((number, measurement.clone()));
                }
            }
        }
        written
    }

    /// Whether it changed something.
    fn change_access(&mut self, change: &AccessChange) -> bool {
        let Readers { tokens, sessions, .. } = &mut self.readers;
        let before = (tokens.len(), sessions.len(), self.spent.len());
        let mut used = false;
        match change {
            AccessChange::AddToken(token) => match tokens.binary_search_by(|one| one.name.cmp(&token.name)) {
                Ok(_) => {}
                Err(place) => tokens.insert(place, token.clone()),
            },
            AccessChange::RevokeToken(name) => tokens.retain(|token| token.name != *name),
            AccessChange::Begin(session) => {
                if sessions.iter().all(|one| one.hash != session.hash) {
                    sessions.push(session.clone());
                }
            }
            AccessChange::End(hash) => sessions.retain(|session| session.hash != *hash),
            AccessChange::TokenUsed(hash, at) => {
                for token in tokens.iter_mut().filter(|one| one.hash == *hash && one.used < Some(*at)) {
                    (token.used, used) = (Some(*at), true);
                }
            }
            AccessChange::SessionUsed(hash, at) => {
                for session in sessions.iter_mut().filter(|one| one.hash == *hash && one.used < *at) {
                    (session.used, used) = (*at, true);
                }
            }
            AccessChange::Spend(hash, until) => {
                self.spent.entry(*hash).or_insert(*until);
            }
            AccessChange::Prune(now) => {
                sessions.retain(|session| session.expires >= *now);
                self.spent.retain(|_, until| *until >= *now);
            }
        }
        let changed = used || before != (tokens.len(), sessions.len(), self.spent.len());
        if changed && change.is_news() {
            self.readers.version += 1;
        }
        changed
    }
}

fn is_same_run(one: &Measurement, other: &Measurement) -> bool {
    let of = |one: &Measurement| (one.application.clone(), one.release.clone(), one.run, one.cluster.clone());
    of(one) == of(other)
}

/// Drops the oldest, which come first, until no more is left than is to be kept; answers how many.
fn prune<T>(all: &mut Vec<T>, keep: Keep, at: impl Fn(&T) -> Timestamp, size: impl Fn(&T) -> u64) -> u64 {
    let before = all.len();
    let mut total = 0;
    let fits = |one: &&T| {
        total += size(one);
        total <= keep.bytes
    };
    let fitting = all.iter().rev().take_while(fits).count();
    let most = fitting.min(usize::try_from(keep.entries).unwrap_or(usize::MAX));
    all.drain(..before.saturating_sub(most));
    all.retain(|one| at(one) >= keep.since);
    (before - all.len()) as u64
}

impl Store for MemoryStore {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn write<'a>(&'a self, batch: &'a [Write]) -> BoxFuture<'a, Result<Vec<Written>, StoreError>> {
        ready(Ok(lock(&self.rows).write(batch))).boxed()
    }

    fn load(&self) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        let rows = lock(&self.rows);
        let agents = rows.clusters.iter().map(|(name, row)| (name.clone(), row.clone().into())).collect();
        let reports =
            rows.reports.iter().map(|((cluster, _), state)| (cluster.clone(), state.clone())).collect();
        ready(Ok(Loaded { agents, reports })).boxed()
    }

    fn events<'a>(&'a self, query: &'a EventQuery) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        let rows = lock(&self.rows);
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let wanted = rows.events.iter().filter(|entry| query.filter.fits(&entry.event));
        let found = match query.begin {
            Begin::Newest => wanted.rev().take(limit).cloned().collect(),
            Begin::Before(number) => {
                wanted.rev().filter(|e| e.number < number).take(limit).cloned().collect()
            }
            Begin::After(number) => wanted.filter(|e| e.number > number).take(limit).cloned().collect(),
        };
        ready(Ok(found)).boxed()
    }

    fn measurements<'a>(
        &'a self,
        query: &'a MeasurementQuery,
    ) -> BoxFuture<'a, Result<Measured, StoreError>> {
        let rows = lock(&self.rows);
        let fits = |(number, one): &&(i64, Measurement)| {
            one.application == query.application
                && query.release.as_ref().is_none_or(|release| one.release == *release)
                && query.cluster.as_ref().is_none_or(|cluster| one.cluster == *cluster)
                && query.before.is_none_or(|before| *number < before)
        };
        let mut wanted = rows.measurements.iter().rev().filter(fits);
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let found: Vec<_> = wanted.by_ref().take(limit).collect();
        let more = wanted.next().is_some();
        let next = found.last().filter(|_| more).map(|(number, _)| *number);
        let items = found.into_iter().map(|(_, one)| one.clone()).collect();
        ready(Ok(Measured { items, next })).boxed()
    }

    fn prune(&self, keep: Keep) -> BoxFuture<'_, Result<u64, StoreError>> {
        let rows = &mut *lock(&self.rows);
        let pruned = prune(&mut rows.events, keep, |entry| entry.event.at, |entry| size(&entry.event))
            + prune(
                &mut rows.measurements,
                keep,
                |(_, one)| one.at,
                |(_, one)| {
                    let body = serde_json::to_string(one).unwrap_or_default();
                    size_of_measurement(one, &body)
                },
            );
        ready(Ok(pruned)).boxed()
    }

    fn access_version(&self) -> BoxFuture<'_, Result<i64, StoreError>> {
        ready(Ok(lock(&self.rows).readers.version)).boxed()
    }

    fn readers(&self) -> BoxFuture<'_, Result<Readers, StoreError>> {
        ready(Ok(lock(&self.rows).readers.clone())).boxed()
    }

    fn change_access<'a>(
        &'a self,
        changes: &'a [AccessChange],
    ) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        let mut rows = lock(&self.rows);
        let changed = changes.iter().map(|change| rows.change_access(change)).collect();
        ready(Ok(changed)).boxed()
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        ready(Ok(())).boxed()
    }
}
