//! Everything that happened to some objects, with the moment at which a watch said so.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt, TryStreamExt};
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
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
    events: Arc<Mutex<Vec<Event<K>>>>,
    task: JoinHandle<()>,
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
        let first = listed.into_iter().map(|object| Event { at, object, gone: false }).collect();
        let events = Arc::new(Mutex::new(first));
        let seen = events.clone();
        let parameters = WatchParams::default().labels(labels);
        let task = tokio::spawn(async move {
            loop {
                if let Err(error) = follow(&api, &parameters, &mut version, &seen).await {
                    tracing::warn!("a recording watch: {error:#}");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        });
        Ok(Self { events, task })
    }

    /// Everything so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event<K>> {
        lock(&self.events).clone()
    }
}

impl<K> Drop for Recorder<K> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow<K>(
    api: &Api<K>,
    parameters: &WatchParams,
    version: &mut String,
    seen: &Mutex<Vec<Event<K>>>,
) -> Result<()>
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
        lock(seen).push(Event { at: Instant::now(), object, gone });
    }
    Ok(())
}

fn lock<K>(events: &Mutex<Vec<Event<K>>>) -> MutexGuard<'_, Vec<Event<K>>> {
    events.lock().unwrap_or_else(PoisonError::into_inner)
}
