//! Watching the cluster from outside: which object changed, and when.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::StreamExt;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, WatchEvent, WatchParams};
use kube::{Client, core::GroupVersionKind};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::rig::NAMESPACE;

/// Kinds by api version, kind and plural.
pub const DEPLOYMENT: [&str; 3] = ["apps/v1", "Deployment", "deployments"];
/// See [`DEPLOYMENT`].
pub const SERVICE: [&str; 3] = ["v1", "Service", "services"];
/// See [`DEPLOYMENT`].
pub const ACCOUNT: [&str; 3] = ["v1", "ServiceAccount", "serviceaccounts"];
/// See [`DEPLOYMENT`].
pub const INGRESS: [&str; 3] = ["networking.k8s.io/v1", "Ingress", "ingresses"];

/// An object was added or modified.
#[derive(Debug)]
pub struct Sighting {
    /// When it was seen, on the monotonic clock.
    pub at: Instant,
    /// As it is now.
    pub object: DynamicObject,
}

/// The objects of a kind in the applications' namespace.
///
/// # Errors
/// The api version is none.
pub fn api(client: &Client, [version, kind, plural]: [&str; 3]) -> Result<Api<DynamicObject>> {
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
    Ok(Api::namespaced_with(client.clone(), NAMESPACE, &resource))
}

/// Watches kinds from now on, until the receiver is dropped.
///
/// # Errors
/// The API server does not answer.
pub async fn watch(client: &Client, kinds: &[[&str; 3]]) -> Result<UnboundedReceiver<Sighting>> {
    let (sender, receiver) = unbounded_channel();
    for kind in kinds {
        let api = api(client, *kind)?;
        let list = api.list_metadata(&ListParams::default().limit(1)).await?;
        let version = list.metadata.resource_version.context("a list without a version")?;
        tokio::spawn(follow(api, version, sender.clone()));
    }
    Ok(receiver)
}

async fn follow(api: Api<DynamicObject>, mut version: String, sender: UnboundedSender<Sighting>) {
    while !sender.is_closed() {
        let Ok(stream) = api.watch(&WatchParams::default().timeout(280), &version).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let mut stream = stream.boxed();
        while let Some(Ok(event)) = stream.next().await {
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    let at = Instant::now();
                    version = object.metadata.resource_version.clone().unwrap_or(version);
                    if sender.send(Sighting { at, object }).is_err() {
                        return;
                    }
                }
                WatchEvent::Deleted(object) => {
                    version = object.metadata.resource_version.unwrap_or(version);
                }
                WatchEvent::Bookmark(bookmark) => version = bookmark.metadata.resource_version,
                WatchEvent::Error(_) => return,
            }
        }
    }
}

/// Waits for the first object that is as wanted.
///
/// # Errors
/// It is not seen within `deadline`.
pub async fn wait(
    sightings: &mut UnboundedReceiver<Sighting>,
    deadline: Duration,
    mut wanted: impl FnMut(&DynamicObject) -> bool,
) -> Result<Sighting> {
    let found = async {
        while let Some(sighting) = sightings.recv().await {
            if wanted(&sighting.object) {
                return Some(sighting);
            }
        }
        None
    };
    let found = tokio::time::timeout(deadline, found).await;
    found.with_context(|| format!("not seen within {deadline:?}"))?.context("the watch ended")
}
