//! What is in a cluster: replicas, labels, selectors, endpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};

use super::Scene;
use crate::eventually::within;

pub(super) const APPLICATION: &str = "shipper.dev/application";
const RELEASE: &str = "shipper.dev/release";
const TRAFFIC: &str = "shipper.dev/traffic";

/// A release as it is in one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// `spec.replicas` of its Deployment.
    pub replicas: u32,
    /// Its pods that are ready, terminating ones aside.
    pub ready: u32,
    /// Its pods that carry the traffic label, terminating ones aside.
    pub labelled: u32,
    /// Its addresses that are ready in the Service's EndpointSlices.
    pub endpoints: u32,
}

/// A release with `replicas` ready pods of which `traffic` have traffic.
#[must_use]
pub fn seen(replicas: u32, traffic: u32) -> Seen {
    Seen { replicas, ready: replicas, labelled: traffic, endpoints: traffic }
}

/// An application as it is in one cluster. The Service has the application's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Every release of which there is a Deployment or a pod.
    pub releases: BTreeMap<String, Seen>,
    /// The release that the Service selects by label.
    pub corked: Option<String>,
}

impl Sight {
    /// What is expected: releases and the corked one.
    #[must_use]
    pub fn of(releases: &[(&str, Seen)], corked: Option<&str>) -> Self {
        Self {
            releases: releases.iter().map(|(name, seen)| ((*name).to_owned(), *seen)).collect(),
            corked: corked.map(str::to_owned),
        }
    }
}

impl Sight {
    /// Without the releases of which there is nothing but an empty Deployment.
    #[must_use]
    pub fn live(mut self) -> Self {
        self.releases.retain(|_, release| *release != seen(0, 0));
        self
    }
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (release, seen) in &self.releases {
            write!(
                f,
                "{release}: {} replicas, {} ready, {} labelled, {} endpoints; ",
                seen.replicas, seen.ready, seen.labelled, seen.endpoints
            )?;
        }
        write!(f, "corked: {}", self.corked.as_deref().unwrap_or("none"))
    }
}

/// Looks at an application.
///
/// # Errors
/// When the API server does not answer.
pub async fn look(client: &Client, namespace: &str, app: &str) -> Result<Sight> {
    let of_app = ListParams::default().labels(&format!("{APPLICATION}={app}"));
    let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={app}"));
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let (deployments, pods, slices, service) = futures::try_join!(
        deployments.list(&of_app),
        pods.list(&of_app),
        slices.list(&of_service),
        services.get_opt(app)
    )?;
    let listed: BTreeSet<String> = slices.iter().flat_map(ready_pods).collect();
    let mut releases: BTreeMap<String, Seen> = BTreeMap::new();
    for deployment in &deployments {
        let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        entry(&mut releases, deployment).replicas += u32::try_from(replicas)?;
    }
    for pod in &pods {
        let present = pod.metadata.deletion_timestamp.is_none();
        let seen = entry(&mut releases, pod);
        seen.ready += u32::from(present && is_ready(pod));
        seen.labelled += u32::from(present && pod.labels().get(TRAFFIC).is_some_and(|value| value == "true"));
        seen.endpoints += u32::from(listed.contains(&pod.name_any()));
    }
    let selector = service.and_then(|service| service.spec?.selector).unwrap_or_default();
    Ok(Sight { releases, corked: selector.get(RELEASE).cloned() })
}

fn entry<'a, K: ResourceExt>(releases: &'a mut BTreeMap<String, Seen>, object: &K) -> &'a mut Seen {
    let release = object.labels().get(RELEASE).cloned().unwrap_or_default();
    releases.entry(release).or_insert_with(|| seen(0, 0))
}

/// Whether the pod says that it is ready.
#[must_use]
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// The names of the pods that are ready in an EndpointSlice.
pub(super) fn ready_pods(slice: &EndpointSlice) -> impl Iterator<Item = String> + '_ {
    slice
        .endpoints
        .iter()
        .filter(|endpoint| {
            endpoint.conditions.as_ref().is_some_and(|conditions| conditions.ready == Some(true))
        })
        .filter_map(|endpoint| endpoint.target_ref.as_ref()?.name.clone())
}

impl Scene {
    /// A client for every cluster.
    ///
    /// # Errors
    /// When a kubeconfig cannot be used.
    pub async fn clients(&self) -> Result<Vec<Client>> {
        try_join_all(self.fleet.clusters().iter().map(|cluster| cluster.client())).await
    }

    /// Waits until an application is as expected in all clusters.
    ///
    /// # Errors
    /// When it is not so within `deadline`: what is seen in the clusters that differ.
    pub async fn wait_for(&self, app: &str, expected: &Sight, deadline: Duration) -> Result<()> {
        self.wait_for_sight(app, expected, deadline, |sight| sight).await
    }

    /// As [`Scene::wait_for`], whatever empty releases there are besides.
    ///
    /// # Errors
    /// As [`Scene::wait_for`].
    pub async fn wait_for_live(&self, app: &str, expected: &Sight, deadline: Duration) -> Result<()> {
        self.wait_for_sight(app, expected, deadline, Sight::live).await
    }

    async fn wait_for_sight(
        &self,
        app: &str,
        expected: &Sight,
        deadline: Duration,
        part: fn(Sight) -> Sight,
    ) -> Result<()> {
        let clients = self.clients().await?;
        within(deadline, async || {
            let sights =
                try_join_all(clients.iter().map(|client| look(client, &self.namespace, app))).await?;
            for (cluster, sight) in self.fleet.clusters().iter().zip(sights) {
                let sight = part(sight);
                ensure!(sight == *expected, "{} has {sight}; expected is {expected}", cluster.name());
            }
            anyhow::Ok(())
        })
        .await
        .map_err(|error| anyhow::anyhow!("not so within {deadline:?}: {error}"))
    }
}
