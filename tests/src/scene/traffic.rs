//! How many pods of each application had traffic over the whole fleet, at every moment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::Result;
use futures::future::try_join_all;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::Api;

use super::Scene;
use super::recorder::Recorder;
use super::sight::ready_pods;

/// Belongs to every slice of a Service.
const SERVICE: &str = "kubernetes.io/service-name";

/// Watches the EndpointSlices of all Services of a scene, in all its clusters, until dropped.
#[derive(Debug)]
pub struct FleetTraffic {
    clusters: Vec<Recorder<EndpointSlice>>,
    since: Instant,
}

impl FleetTraffic {
    /// Begins to watch.
    ///
    /// # Errors
    /// When an API server does not answer.
    pub async fn watch(scene: &Scene) -> Result<Self> {
        let begin = |client| Recorder::start(Api::namespaced(client, &scene.namespace), SERVICE);
        let clusters = try_join_all(scene.clients().await?.into_iter().map(begin)).await?;
        Ok(Self { clusters, since: Instant::now() })
    }

    /// The fewest pods that were ready in a Service's EndpointSlices of all clusters together, at any moment since it began to watch.
    #[must_use]
    pub fn fewest(&self, service: &str) -> usize {
        let mut events: Vec<_> = Vec::new();
        for (cluster, slices) in self.clusters.iter().enumerate() {
            let of_service = slices
                .events()
                .into_iter()
                .filter(|event| event.object.labels().get(SERVICE).is_some_and(|name| name == service));
            events.extend(of_service.map(|event| (cluster, event)));
        }
        // What one cluster has told stays in its order.
        events.sort_by_key(|(_, event)| event.at);
        let mut slices: BTreeMap<(usize, String), BTreeSet<String>> = BTreeMap::new();
        let mut fewest = None;
        for (cluster, event) in events {
            if event.at > self.since {
                fewest.get_or_insert_with(|| serving(&slices));
            }
            let pods = if event.gone { BTreeSet::new() } else { ready_pods(&event.object).collect() };
            slices.insert((cluster, event.object.name_any()), pods);
            fewest = fewest.map(|fewest| fewest.min(serving(&slices)));
        }
        fewest.unwrap_or_else(|| serving(&slices))
    }
}

/// A pod may be in two slices of its Service for a moment.
fn serving(slices: &BTreeMap<(usize, String), BTreeSet<String>>) -> usize {
    let pods = slices.iter().flat_map(|((cluster, _), pods)| pods.iter().map(move |pod| (cluster, pod)));
    pods.collect::<BTreeSet<_>>().len()
}
