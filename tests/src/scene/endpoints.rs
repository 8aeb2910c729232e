//! Who had traffic, at every moment: a watch on EndpointSlices that misses no event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::{Client, ResourceExt};
use tokio::task::JoinHandle;

use super::sight::ready_pods;

/// Ready addresses by release, since some moment.
#[derive(Debug, Clone)]
pub struct Moment {
    /// Since when.
    pub at: Instant,
    /// How many of each release; releases are named as `<hash>-<iteration>`.
    pub ready: BTreeMap<String, usize>,
}

impl Moment {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.ready.values().sum()
    }

    /// Those of a release, by its whole name.
    #[must_use]
    pub fn of(&self, release: &str) -> usize {
        self.ready.get(&suffix(release)).copied().unwrap_or(0)
    }
}

/// Watches the EndpointSlices of a Service until dropped.
#[derive(Debug)]
pub struct EndpointWatch {
    moments: Arc<Mutex<Vec<Moment>>>,
    task: JoinHandle<()>,
}

impl EndpointWatch {
    /// Begins to watch; what is there already is the first moment.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn start(client: &Client, namespace: &str, service: &str) -> Result<Self> {
        let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
        let selector = format!("kubernetes.io/service-name={service}");
        let listed = slices.list(&ListParams::default().labels(&selector)).await?;
        let mut picture: BTreeMap<String, BTreeSet<String>> =
            listed.iter().map(|slice| (slice.name_any(), ready_pods(slice).collect())).collect();
        let moments = Arc::new(Mutex::new(vec![moment(&picture)]));
        let mut version = listed.metadata.resource_version.unwrap_or_default();
        let seen = moments.clone();
        let task = tokio::spawn(async move {
            let parameters = WatchParams::default().labels(&selector);
            loop {
                if let Err(error) = follow(&slices, &parameters, &mut version, &mut picture, &seen).await {
                    tracing::warn!("watch of EndpointSlices: {error:#}");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        });
        Ok(Self { moments, task })
    }

    /// Everything seen so far.
    #[must_use]
    pub fn moments(&self) -> Vec<Moment> {
        lock(&self.moments).clone()
    }

    /// The fewest ready addresses at any moment since `since`, the one in force then included.
    #[must_use]
    pub fn fewest_since(&self, since: Instant) -> usize {
        let moments = lock(&self.moments);
        let first = moments.partition_point(|moment| moment.at <= since).saturating_sub(1);
        moments[first..].iter().map(Moment::total).min().unwrap_or(0)
    }
}

impl Drop for EndpointWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(
    slices: &Api<EndpointSlice>,
    parameters: &WatchParams,
    version: &mut String,
    picture: &mut BTreeMap<String, BTreeSet<String>>,
    seen: &Mutex<Vec<Moment>>,
) -> Result<()> {
    let mut events = slices.watch(parameters, version).await?.boxed();
    while let Some(event) = events.try_next().await? {
        let slice = match event {
            WatchEvent::Added(slice) | WatchEvent::Modified(slice) => {
                picture.insert(slice.name_any(), ready_pods(&slice).collect());
                slice
            }
            WatchEvent::Deleted(slice) => {
                picture.remove(&slice.name_any());
                slice
            }
            WatchEvent::Bookmark(bookmark) => {
                *version = bookmark.metadata.resource_version;
                continue;
            }
            WatchEvent::Error(error) => return Err(anyhow::anyhow!("{error:?}")),
        };
        *version = slice.resource_version().unwrap_or_default();
        lock(seen).push(moment(picture));
    }
    Ok(())
}

fn moment(picture: &BTreeMap<String, BTreeSet<String>>) -> Moment {
    let pods: BTreeSet<&String> = picture.values().flatten().collect();
    let mut ready: BTreeMap<String, usize> = BTreeMap::new();
    for pod in pods {
        // <deployment>-<hash>-<iteration>-<ReplicaSet>-<pod>
        let deployment = pod.rsplitn(3, '-').nth(2).unwrap_or_default();
        *ready.entry(suffix(deployment)).or_default() += 1;
    }
    Moment { at: Instant::now(), ready }
}

/// `<hash>-<iteration>`, the end of the names of a release and of its objects.
fn suffix(name: &str) -> String {
    let mut parts = name.rsplitn(3, '-');
    let iteration = parts.next().unwrap_or_default();
    format!("{}-{iteration}", parts.next().unwrap_or_default())
}

fn lock(moments: &Mutex<Vec<Moment>>) -> MutexGuard<'_, Vec<Moment>> {
    moments.lock().unwrap_or_else(PoisonError::into_inner)
}
