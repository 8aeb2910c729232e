//! The controllers of a cluster, each seeing the store through a view of its own that may lag.

mod definition;
mod deployment;
mod endpoints;
mod garbage;
mod kubelet;
mod namespace;
mod replica_set;
mod rollout;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::cluster::Cluster;
use crate::object;
use crate::queue::Event;
use crate::resource::{ResourceId, ids};
use crate::store::{Change, ChangeKind, Key, Object};

pub(crate) use kubelet::PodStage;

/// Who works on changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Controller {
    Deployment,
    ReplicaSet,
    Kubelet,
    Endpoints,
    Namespace,
    Definition,
}

fn subscribers(id: ResourceId) -> &'static [Controller] {
    match id {
        ids::DEPLOYMENTS => &[Controller::Deployment],
        ids::REPLICA_SETS => &[Controller::Deployment, Controller::ReplicaSet],
        ids::PODS => &[Controller::ReplicaSet, Controller::Kubelet, Controller::Endpoints],
        ids::SERVICES | ids::ENDPOINT_SLICES => &[Controller::Endpoints],
        ids::NAMESPACES => &[Controller::Namespace],
        ids::DEFINITIONS => &[Controller::Definition],
        _ => &[],
    }
}

/// One resource as one controller sees it.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) objects: BTreeMap<Key, Object>,
    inbox: VecDeque<(Duration, ChangeKind, Key, Object)>,
    last_due: Duration,
}

/// State of all controllers.
#[derive(Debug, Default)]
pub(crate) struct Controllers {
    views: BTreeMap<(Controller, ResourceId), View>,
    dirty: BTreeMap<Controller, BTreeSet<Key>>,
    pub(crate) expectations: BTreeMap<Key, replica_set::Expectations>,
    /// Tries so far, and when the next is due.
    pub(crate) backoff: BTreeMap<Key, (u32, Duration)>,
}

impl Controllers {
    pub(crate) fn get(&self, controller: Controller, id: ResourceId, key: &Key) -> Option<&Object> {
        self.views.get(&(controller, id))?.objects.get(key)
    }

    /// Objects of a namespace in a controller's view.
    pub(crate) fn within(&self, controller: Controller, id: ResourceId, namespace: &str) -> Vec<Object> {
        let from = Key::new(namespace, "");
        let Some(view) = self.views.get(&(controller, id)) else { return Vec::new() };
        view.objects
            .range(from.clone()..)
            .take_while(|(key, _)| key.namespace == from.namespace)
            .map(|(_, object)| object.clone())
            .collect()
    }
}

/// Sends a stored change on its way to everybody who follows the resource.
pub(crate) fn observe(cluster: &mut Cluster, id: ResourceId, change: &Change) {
    for controller in subscribers(id) {
        let lag = cluster.options.controller_lag.draw(&mut cluster.rng);
        let view = cluster.controllers.views.entry((*controller, id)).or_default();
        let due = view.last_due.max(cluster.now + lag);
        view.last_due = due;
        view.inbox.push_back((due, change.kind, change.key.clone(), change.object.clone()));
        cluster.queue.push(due, Event::Deliver(*controller, id));
    }
    garbage::observe(cluster, id, change);
}

/// Lets one due event happen.
pub(crate) fn handle(cluster: &mut Cluster, event: Event) {
    match event {
        Event::Deliver(controller, id) => deliver(cluster, controller, id),
        Event::Work(controller) => {
            for key in cluster.controllers.dirty.remove(&controller).unwrap_or_default() {
                reconcile(cluster, controller, &key);
            }
        }
        Event::Requeue(controller, key) => mark(cluster, controller, [key]),
        Event::Pod(key, uid, stage) => kubelet::reach(cluster, &key, &uid, stage),
        Event::Collect(id, key) => garbage::collect(cluster, id, &key),
        Event::Orphaned(uid) => garbage::orphaned(cluster, &uid),
    }
}

fn mark(cluster: &mut Cluster, controller: Controller, keys: impl IntoIterator<Item = Key>) {
    let dirty = cluster.controllers.dirty.entry(controller).or_default();
    let idle = dirty.is_empty();
    dirty.extend(keys);
    if idle && !dirty.is_empty() {
        let now = cluster.now;
        cluster.queue.push(now, Event::Work(controller));
    }
}

fn deliver(cluster: &mut Cluster, controller: Controller, id: ResourceId) {
    let now = cluster.now;
    let mut keys = BTreeSet::new();
    while let Some(view) = cluster.controllers.views.get_mut(&(controller, id)) {
        if view.inbox.front().is_none_or(|(due, ..)| *due > now) {
            break;
        }
        let Some((_, kind, key, object)) = view.inbox.pop_front() else { break };
        let before = match kind {
            ChangeKind::Deleted => view.objects.remove(&key),
            _ => view.objects.insert(key.clone(), object.clone()),
        };
        if controller == Controller::ReplicaSet && id == ids::PODS {
            replica_set::fulfil(cluster, kind, &object);
        }
        keys.extend(concerned(cluster, controller, id, &key, &object));
        if let Some(before) = before {
            keys.extend(concerned(cluster, controller, id, &key, &before));
        }
    }
    mark(cluster, controller, keys);
}

/// Which objects a controller must look at after a change.
fn concerned(
    cluster: &Cluster,
    controller: Controller,
    id: ResourceId,
    key: &Key,
    object: &Object,
) -> Vec<Key> {
    let owner = |kind: &str| {
        object::controller_of(object)
            .filter(|o| o["kind"] == *kind)
            .and_then(|o| o["name"].as_str())
            .map(|name| Key::new(&key.namespace, name))
    };
    match (controller, id) {
        (Controller::Deployment, ids::REPLICA_SETS) => owner("Deployment").into_iter().collect(),
        (Controller::ReplicaSet, ids::PODS) => match owner("ReplicaSet") {
            Some(owner) => vec![owner],
            None => replica_set::adopters(cluster, key, object),
        },
        (Controller::Endpoints, ids::PODS) => {
            let services = cluster.controllers.within(controller, ids::SERVICES, &key.namespace);
            services.iter().map(|s| Key::of(s)).collect()
        }
        (Controller::Endpoints, ids::ENDPOINT_SLICES) => {
            let service = object::label(object, "kubernetes.io/service-name");
            if service.is_empty() { Vec::new() } else { vec![Key::new(&key.namespace, service)] }
        }
        _ => vec![key.clone()],
    }
}

fn reconcile(cluster: &mut Cluster, controller: Controller, key: &Key) {
    match controller {
        Controller::Deployment => deployment::reconcile(cluster, key),
        Controller::ReplicaSet => replica_set::reconcile(cluster, key),
        Controller::Kubelet => kubelet::reconcile(cluster, key),
        Controller::Endpoints => endpoints::reconcile(cluster, key),
        Controller::Namespace => namespace::reconcile(cluster, key),
        Controller::Definition => definition::reconcile(cluster, key),
    }
}

/// Looks at an object again after failures: 1 s, 2 s, 4 s … 30 s.
pub(crate) fn retry(cluster: &mut Cluster, controller: Controller, key: &Key) {
    let now = cluster.now;
    let (tries, due) = cluster.controllers.backoff.entry(key.clone()).or_default();
    // One try is enough to wait for, however often the object was looked at meanwhile.
    if *due > now {
        return;
    }
    let delay = Duration::from_secs((1u64 << (*tries).min(5)).min(30));
    *tries += 1;
    *due = now + delay;
    cluster.schedule(delay, Event::Requeue(controller, key.clone()));
}
