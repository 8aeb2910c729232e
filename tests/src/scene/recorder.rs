//! Everything that happened to some objects, with the moment at which a watch said so.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// An object as it was from some moment on.
#[derive(Debug, Clone)]
pub struct Event<K> {
    /// When the watch said so.
    pub at: Instant,
    /// The object; its last state where it is gone.
    pub object: K,
    /// It was deleted.
    pub gone: bool,
}

/// Watches objects until dropped. It misses no state that the API server has shown to anybody.
#[derive(Debug)]
pub struct Recorder<K> {
    listed: u64,
    seen: Arc<Seen<K>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Seen<K> {
    events: Mutex<Vec<Event<K>>>,
    more: Notify,
}

impl<K> Recorder<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    /// Begins to watch the objects that `labels` select (empty = all); what is there already are the first events.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn start(api: Api<K>, labels: &str) -> Result<Self> {
        let listed = api.list(&ListParams::default().labels(labels)).await?;
        let at = Instant::now();
        let mut version = listed.metadata.resource_version.clone().unwrap_or_default();
        let revision = version.parse().context("a list without a resourceVersion")?;
        let first = listed.into_iter().map(|object| Event { at, object, gone: false }).collect();
        let seen = Arc::new(Seen { events: Mutex::new(first), more: Notify::new() });
        let watched = seen.clone();
        let parameters = WatchParams::default().labels(labels);
        let task = tokio::spawn(async move {
            loop {
                if let Err(error) = follow(&api, &parameters, &mut version, &watched).await {
                    tracing::warn!("a recording watch: {error:#}");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        });
        Ok(Self { listed: revision, seen, task })
    }

    /// Everything so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event<K>> {
        self.seen.lock().clone()
    }

    /// Event number `index`, once there are so many.
    pub async fn event(&self, index: usize) -> Event<K> {
        loop {
            let more = self.seen.more.notified();
            if let Some(event) = self.seen.lock().get(index) {
                return event.clone();
            }
            more.await;
        }
    }

    /// How many there are so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.seen.lock().len()
    }

    /// The revision of the store at which it began to watch.
    #[must_use]
    pub fn listed(&self) -> u64 {
        self.listed
    }
}

impl<K> Drop for Recorder<K> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow<K>(api: &Api<K>, parameters: &WatchParams, version: &mut String, seen: &Seen<K>) -> Result<()>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let mut events = api.watch(parameters, version).await?.boxed();
    while let Some(event) = events.try_next().await? {
        let (object, gone) = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
            WatchEvent::Deleted(object) => (object, true),
            WatchEvent::Bookmark(bookmark) => {
                *version = bookmark.metadata.resource_version;
                continue;
            }
            WatchEvent::Error(error) => return Err(anyhow::anyhow!("{error:?}")),
        };
        *version = object.resource_version().unwrap_or_default();
        seen.lock().push(Event { at: Instant::now(), object, gone });
        seen.more.notify_waiters();
    }
    Ok(())
}

impl<K> Seen<K> {
    fn lock(&self) -> MutexGuard<'_, Vec<Event<K>>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Resource> Event<K> {
    /// The revision of the store that made the object so. One API server counts all its objects together, so that these
    /// give the order of events of different watches.
    ///
    /// # Errors
    /// When the object has none.
    pub fn revision(&self) -> Result<u64> {
        let version = self.object.meta().resource_version.as_deref();
        version.and_then(|version| version.parse().ok()).context("an object without a resourceVersion")
    }
}
