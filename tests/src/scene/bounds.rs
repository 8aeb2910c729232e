//! How many pods there were and how many of them had traffic, at every event [C2].
//!
//! Pods, EndpointSlices and Deployments come by three watches; their events are put into the order in which they happened by
//! the store's revision, so that every picture is one that the cluster has really been in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::Api;
use kube::{Client, ResourceExt};

use super::recorder::{Event, Recorder};
use super::sight::{APPLICATION, is_ready, ready_pods};

/// How many pictures an error shows up to the one that it is about.
const SHOWN: usize = 12;
/// What is told of a moment begins and ends so long before and after it: what a proxy may not have heard of, and a bit more.
const BEFORE: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_millis(500);

/// The cluster after an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// When the watch told of the event.
    pub at: Instant,
    /// What happened, to whom.
    pub what: String,
    /// Pods that are ready and ready in the Service's EndpointSlices, terminating ones aside.
    pub serving: usize,
    /// Pods, terminating and finished ones aside.
    pub pods: usize,
    /// `spec.replicas` over all Deployments.
    pub replicas: usize,
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, serving, pods, replicas, .. } = self;
        write!(f, "{serving} serving, {pods} pods, {replicas} replicas after {what}")
    }
}

/// Watches one application in one cluster until dropped.
#[derive(Debug)]
pub struct BoundsWatch {
    pods: Recorder<Pod>,
    slices: Recorder<EndpointSlice>,
    deployments: Recorder<Deployment>,
}

#[derive(Debug)]
enum Change {
    Pod(Box<Event<Pod>>),
    Slice(Box<Event<EndpointSlice>>),
    Deployment(Box<Event<Deployment>>),
}

impl BoundsWatch {
    /// Begins to watch an application, whose Service has its name.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn start(client: &Client, namespace: &str, app: &str) -> Result<Self> {
        let of_app = format!("{APPLICATION}={app}");
        let of_service = format!("kubernetes.io/service-name={app}");
        let (pods, slices, deployments) = futures::try_join!(
            Recorder::start(Api::namespaced(client.clone(), namespace), &of_app),
            Recorder::start(Api::namespaced(client.clone(), namespace), &of_service),
            Recorder::start(Api::namespaced(client.clone(), namespace), &of_app),
        )?;
        Ok(Self { pods, slices, deployments })
    }

    /// The cluster after the last event.
    ///
    /// # Errors
    /// When there is nothing of the application, or an event has no revision.
    pub fn now(&self) -> Result<Picture> {
        let (mut before, since) = self.all()?;
        since.into_iter().next_back().or_else(|| before.pop()).context("there is nothing yet")
    }

    /// The cluster after every event since it began to watch.
    ///
    /// # Errors
    /// When an event has no revision.
    pub fn pictures(&self) -> Result<Vec<Picture>> {
        Ok(self.all()?.1)
    }

    /// After every event, before all three watches had begun and since then.
    fn all(&self) -> Result<(Vec<Picture>, Vec<Picture>)> {
        let mut changes: Vec<(u64, Change)> = Vec::new();
        for event in self.pods.events() {
            changes.push((event.revision()?, Change::Pod(Box::new(event))));
        }
        for event in self.slices.events() {
            changes.push((event.revision()?, Change::Slice(Box::new(event))));
        }
        for event in self.deployments.events() {
            changes.push((event.revision()?, Change::Deployment(Box::new(event))));
        }
        changes.sort_by_key(|(revision, _)| *revision);
        // Until all three had begun, a part is missing.
        let begun = self.pods.listed().max(self.slices.listed()).max(self.deployments.listed());
        let mut cluster = Cluster::default();
        let (mut before, mut since) = (Vec::new(), Vec::new());
        for (revision, change) in changes {
            let (at, what) = cluster.apply(change)?;
            let pictures = if revision < begun { &mut before } else { &mut since };
            pictures.push(cluster.picture(at, what));
        }
        Ok((before, since))
    }

    /// Fails if there ever were fewer than `floor` pods with traffic, or more than `ceiling` pods or replicas. Returns how many
    /// pictures were judged.
    ///
    /// # Errors
    /// When it was so: what had happened until then.
    pub fn ensure_within(&self, floor: usize, ceiling: usize) -> Result<usize> {
        let pictures = self.pictures()?;
        for (number, picture) in pictures.iter().enumerate() {
            let within = picture.serving >= floor && picture.pods <= ceiling && picture.replicas <= ceiling;
            let shown = &pictures[number.saturating_sub(SHOWN)..=number];
            ensure!(
                within,
                "not at least {floor} serving and at most {ceiling} pods:\n{}",
                shown.iter().map(|picture| format!("{picture}\n")).collect::<String>()
            );
        }
        Ok(pictures.len())
    }
}

impl BoundsWatch {
    /// What happened about a moment, one line an event with the seconds from it: who was in the EndpointSlices, which pods were ready
    /// and which had been asked to end.
    #[must_use]
    pub fn around(&self, moment: Instant) -> String {
        let pictures = self.pictures().unwrap_or_default().into_iter();
        let near = pictures.filter(|Picture { at, .. }| *at + BEFORE >= moment && *at <= moment + AFTER);
        let line = |picture: Picture| {
            let Picture { at, .. } = picture;
            let after = at.saturating_duration_since(moment).as_secs_f64();
            let before = moment.saturating_duration_since(at).as_secs_f64();
            format!("{:+8.3} s: {picture}\n", after - before)
        };
        near.map(line).collect()
    }
}

#[derive(Debug, Default)]
struct Cluster {
    /// Those that are not terminating, and whether they are ready.
    pods: BTreeMap<String, bool>,
    /// The pods that are ready in each slice.
    slices: BTreeMap<String, BTreeSet<String>>,
    replicas: BTreeMap<String, usize>,
}

impl Cluster {
    fn apply(&mut self, change: Change) -> Result<(Instant, String)> {
        Ok(match change {
            Change::Pod(event) => {
                let name = event.object.name_any();
                let (ready, over) = (is_ready(&event.object), is_over(&event.object));
                let told = format!("pod {name}: {}", told(&event, if ready { "ready" } else { "not ready" }));
                if event.gone || over {
                    self.pods.remove(&name);
                } else {
                    self.pods.insert(name, ready);
                }
                (event.at, if over { format!("{told}, asked to end") } else { told })
            }
            Change::Slice(event) => {
                let name = event.object.name_any();
                let ready = if event.gone { BTreeSet::new() } else { ready_pods(&event.object).collect() };
                let told = told(&event, &format!("{ready:?}"));
                self.slices.insert(name.clone(), ready);
                (event.at, format!("slice {name}: {told}"))
            }
            Change::Deployment(event) => {
                let name = event.object.name_any();
                let replicas = event.object.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
                let told = format!("deployment {name}: {}", told(&event, &format!("{replicas} replicas")));
                self.replicas.insert(name, if event.gone { 0 } else { usize::try_from(replicas)? });
                (event.at, told)
            }
        })
    }

    fn picture(&self, at: Instant, what: String) -> Picture {
        let listed: BTreeSet<&String> = self.slices.values().flatten().collect();
        let serving = listed.into_iter().filter(|pod| self.pods.get(*pod) == Some(&true)).count();
        Picture { at, what, serving, pods: self.pods.len(), replicas: self.replicas.values().sum() }
    }
}

fn told<K>(event: &Event<K>, state: &str) -> String {
    if event.gone { "gone".to_owned() } else { state.to_owned() }
}

/// It is terminating, or has ended.
fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_some() || matches!(phase, Some("Failed" | "Succeeded"))
}
