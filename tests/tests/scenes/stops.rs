//! Stops the controllers of a cluster just after something has begun that needs them to end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::ResourceExt;
use kube::api::Api;
use shipper_core::labels;
use shipper_tests::cluster::Cluster;
use shipper_tests::scene::recorder::{Event, Recorder};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

/// Long enough for whoever does not wait for the controllers to be found out.
const HOLD: Duration = Duration::from_millis(2_500);

/// What has just begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// A pod was given the traffic label: it is not in the EndpointSlices yet.
    Labelled,
    /// The Service's selector moved: the EndpointSlices have not followed yet.
    Selected,
    /// The replicas of a Deployment were lowered: no pod is gone yet.
    Lowered,
}

impl Moment {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Labelled, Self::Selected, Self::Lowered];
}

/// Watches one application until dropped.
#[derive(Debug)]
pub struct Stops {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Those of which the next is a reason to stop.
    armed: Mutex<Vec<Moment>>,
    /// Every stop there was.
    stopped: Mutex<Vec<Moment>>,
}

impl Stops {
    /// Begins to watch an application, whose Service has its name; nothing is stopped before [`Stops::arm`].
    pub async fn begin(cluster: &Arc<Cluster>, namespace: &str, app: &str) -> Result<Self> {
        let client = cluster.client().await?;
        let of_app = format!("{}={app}", labels::APPLICATION);
        let pods: Recorder<Pod> =
            Recorder::start(Api::namespaced(client.clone(), namespace), &of_app).await?;
        let services: Recorder<Service> =
            Recorder::start(Api::namespaced(client.clone(), namespace), "").await?;
        let deployments: Recorder<Deployment> =
            Recorder::start(Api::namespaced(client, namespace), &of_app).await?;
        let shared = Arc::<Shared>::default();
        let (tell, told) = unbounded_channel();
        let mut tasks = JoinSet::new();
        let app = app.to_owned();
        tasks.spawn(changes(pods, tell.clone(), Moment::Labelled, |before: &Pod, after: &Pod| {
            !has_traffic(before) && has_traffic(after)
        }));
        tasks.spawn(changes(services, tell.clone(), Moment::Selected, move |before: &Service, after| {
            after.name_any() == app && selector(before) != selector(after)
        }));
        tasks.spawn(changes(deployments, tell, Moment::Lowered, |before: &Deployment, after| {
            replicas(after) < replicas(before)
        }));
        tasks.spawn(stop(cluster.clone(), told, shared.clone()));
        Ok(Self { shared, _tasks: tasks })
    }

    /// The next moment of each sort is a reason to stop, once.
    pub fn arm(&self) {
        *self.shared.armed.lock().unwrap_or_else(PoisonError::into_inner) = Moment::ALL.to_vec();
    }

    /// Every stop there was.
    pub fn end(self) -> Vec<Moment> {
        self.shared.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn changes<K>(
    recorder: Recorder<K>,
    tell: UnboundedSender<(Moment, Instant)>,
    moment: Moment,
    is_moment: impl Fn(&K, &K) -> bool + Send,
) where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
{
    let mut before: BTreeMap<String, K> = BTreeMap::new();
    for number in 0.. {
        let Event { at, object, gone } = recorder.event(number).await;
        let last = before.insert(object.name_any(), object.clone());
        if !gone && last.is_some_and(|last| is_moment(&last, &object)) && tell.send((moment, at)).is_err() {
            return;
        }
    }
}

async fn stop(cluster: Arc<Cluster>, mut told: UnboundedReceiver<(Moment, Instant)>, shared: Arc<Shared>) {
    let mut resumed = Instant::now();
    while let Some((moment, at)) = told.recv().await {
        // What happened while they were stopped is no news.
        let due = at > resumed && {
            let mut armed = shared.armed.lock().unwrap_or_else(PoisonError::into_inner);
            let count = armed.len();
            armed.retain(|armed| *armed != moment);
            armed.len() < count
        };
        if due {
            cluster.controller_manager().pause().unwrap();
            tokio::time::sleep(HOLD).await;
            cluster.controller_manager().resume().unwrap();
            resumed = Instant::now();
            shared.stopped.lock().unwrap_or_else(PoisonError::into_inner).push(moment);
        }
    }
}

fn has_traffic(pod: &Pod) -> bool {
    pod.labels().get(labels::TRAFFIC).is_some_and(|value| value == "true")
}

fn selector(service: &Service) -> Option<&BTreeMap<String, String>> {
    service.spec.as_ref()?.selector.as_ref()
}

fn replicas(deployment: &Deployment) -> Option<i32> {
    deployment.spec.as_ref()?.replicas
}
