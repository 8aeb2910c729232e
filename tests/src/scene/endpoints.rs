//! Who had traffic, at every moment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::Result;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::Api;
use kube::{Client, ResourceExt};

use super::recorder::Recorder;
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
    slices: Recorder<EndpointSlice>,
}

impl EndpointWatch {
    /// Begins to watch; what is there already is the first moment.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn start(client: &Client, namespace: &str, service: &str) -> Result<Self> {
        let api = Api::namespaced(client.clone(), namespace);
        let slices = Recorder::start(api, &format!("kubernetes.io/service-name={service}")).await?;
        Ok(Self { slices })
    }

    /// Everything seen so far.
    #[must_use]
    pub fn moments(&self) -> Vec<Moment> {
        let mut picture: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let moment = |event: super::recorder::Event<EndpointSlice>| {
            let pods = if event.gone { BTreeSet::new() } else { ready_pods(&event.object).collect() };
            picture.insert(event.object.name_any(), pods);
            moment(event.at, &picture)
        };
        self.slices.events().into_iter().map(moment).collect()
    }

    /// The moments since `since`, the one in force then included.
    #[must_use]
    pub fn moments_since(&self, since: Instant) -> Vec<Moment> {
        let mut moments = self.moments();
        let first = moments.partition_point(|moment| moment.at <= since).saturating_sub(1);
        moments.split_off(first)
    }

    /// The fewest ready addresses at any moment since `since`.
    #[must_use]
    pub fn fewest_since(&self, since: Instant) -> usize {
        self.moments_since(since).iter().map(Moment::total).min().unwrap_or(0)
    }
}

fn moment(at: Instant, picture: &BTreeMap<String, BTreeSet<String>>) -> Moment {
    let pods: BTreeSet<&String> = picture.values().flatten().collect();
    let mut ready: BTreeMap<String, usize> = BTreeMap::new();
    for pod in pods {
        // <deployment>-<hash>-<iteration>-<ReplicaSet>-<pod>
        let deployment = pod.rsplitn(3, '-').nth(2).unwrap_or_default();
        *ready.entry(suffix(deployment)).or_default() += 1;
    }
    Moment { at, ready }
}

/// `<hash>-<iteration>`, the end of the names of a release and of its objects.
fn suffix(name: &str) -> String {
    let mut parts = name.rsplitn(3, '-');
    let iteration = parts.next().unwrap_or_default();
    format!("{}-{iteration}", parts.next().unwrap_or_default())
}
