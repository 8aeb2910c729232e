//! One simulated cluster: store, controllers and clock, without any input or output of its own.
//!
//! The same model serves a client (driven by tokio's clock) and a harness that calls it directly, so nothing in
//! here waits, reads a clock or draws randomness other than from the generator it was given.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::controller::{Controllers, handle};
use crate::faults::{Faults, Requests};
use crate::options::Options;
use crate::queue::{Event, Queue};
use crate::resource::{Resource, ResourceId, ids};
use crate::store::{Change, ChangeKind, Key, Object, Store};

/// A simulated Kubernetes cluster.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) options: Options,
    pub(crate) now: Duration,
    pub(crate) rng: StdRng,
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) controllers: Controllers,
    pub(crate) wakers: BTreeMap<u64, Waker>,
    pub(crate) next_waker: u64,
    /// Raised whenever all open watches are to be cut.
    pub(crate) watch_epoch: u64,
    /// Next address to hand to a pod.
    pub(crate) next_pod_ip: u32,
    requests: Requests,
    /// Faults in force; change them at any time.
    pub faults: Faults,
}

impl Cluster {
    /// A cluster with its nodes and the usual namespaces, at time zero.
    pub fn new(options: Options, rng: StdRng) -> Self {
        let mut cluster = Self {
            store: Store::new(options.history),
            now: Duration::ZERO,
            rng,
            queue: Queue::default(),
            controllers: Controllers::default(),
            wakers: BTreeMap::new(),
            next_waker: 0,
            watch_epoch: 0,
            next_pod_ip: 1,
            requests: Requests::new(),
            faults: Faults::default(),
            options,
        };
        for name in ["kube-system", "default", "kube-public", "kube-node-lease"] {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            cluster.seed(ids::NAMESPACES, namespace);
        }
        for name in cluster.options.nodes.clone() {
            cluster.seed(
                ids::NODES,
                json!({
                    "apiVersion": "v1", "kind": "Node",
                    "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
                    "status": {
                        "capacity": {"cpu": "32", "memory": "256Gi", "pods": "1000"},
                        "allocatable": {"cpu": "32", "memory": "256Gi", "pods": "1000"},
                        "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
                    },
                }),
            );
        }
        cluster.seed(ids::SERVICES, json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "kubernetes", "namespace": "default"},
            "spec": {"clusterIP": "10.0.0.1", "ports": [{"name": "https", "port": 443, "targetPort": 6443}]},
        }));
        cluster.advance(Duration::ZERO);
        cluster
    }

    fn seed(&mut self, id: ResourceId, object: Value) {
        if let Err(error) = self.system_create(id, object) {
            tracing::error!(%error, "cannot create a built-in object");
        }
    }

    /// Simulated time since the cluster began.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The wall clock of the cluster.
    pub fn timestamp(&self) -> Timestamp {
        let since = i64::try_from(self.now.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(self.options.epoch.as_second().saturating_add(since)).unwrap_or(Timestamp::MAX)
    }

    /// The wall clock as objects carry it: RFC 3339, whole seconds.
    pub(crate) fn stamp(&self) -> String {
        self.timestamp().to_string()
    }

    /// The settings; delays may be changed while the cluster runs.
    pub fn options_mut(&mut self) -> &mut Options {
        &mut self.options
    }

    /// Lets everything happen that is due up to `to` (since the beginning). Time never goes back.
    pub fn advance(&mut self, to: Duration) {
        while let Some((at, event)) = self.queue.pop_until(to) {
            self.now = self.now.max(at);
            handle(self, event);
        }
        self.now = self.now.max(to);
    }

    /// When something will happen next; `None` when the cluster is at rest until a request comes.
    pub fn next_event(&self) -> Option<Duration> {
        self.queue.next_at().map(|at| at.max(self.now))
    }

    /// Goes from event to event until none is due before `limit`; returns the time reached.
    pub fn settle(&mut self, limit: Duration) -> Duration {
        while let Some(at) = self.next_event().filter(|at| *at <= limit) {
            self.advance(at);
        }
        self.now
    }

    /// Requests served so far, by verb and resource.
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Starts counting requests anew.
    pub fn reset_requests(&mut self) {
        self.requests.clear();
    }

    /// The newest resource version.
    pub fn version(&self) -> u64 {
        self.store.version
    }

    /// Forgets the history of changes: watches and continued lists from before now get 410.
    pub fn compact(&mut self) {
        self.store.compact();
        self.wake();
    }

    /// Cuts every open watch.
    pub fn drop_watches(&mut self) {
        self.watch_epoch += 1;
        self.wake();
    }

    /// The resource of an API version and kind.
    pub fn resource(&self, api_version: &str, kind: &str) -> Option<ResourceId> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.find(|r| r.group == group && r.version == version && r.kind == kind)
    }

    /// The resource of an API version and plural name.
    pub fn resource_by_plural(&self, api_version: &str, plural: &str) -> Option<ResourceId> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.find(|r| r.group == group && r.version == version && r.plural == plural)
    }

    fn find(&self, matches: impl Fn(&Resource) -> bool) -> Option<ResourceId> {
        self.store.resources.iter().position(|r| r.served && matches(r)).map(ResourceId)
    }

    /// What is known about a resource.
    pub fn describe(&self, id: ResourceId) -> Arc<Resource> {
        self.store.resources[id.0].clone()
    }

    /// The stored object, without counting as a request.
    pub fn peek(&self, id: ResourceId, namespace: &str, name: &str) -> Option<Object> {
        self.store.get(id, &Key::new(namespace, name)).cloned()
    }

    /// The stored objects of a namespace (or all), without counting as a request.
    pub fn peek_all<'a>(
        &'a self,
        id: ResourceId,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &'a Object> {
        self.store.tables[id.0].within(namespace).map(|(_, object)| object)
    }

    pub(crate) fn count(&mut self, verb: &'static str, resource: &Resource, subresource: &str) {
        let mut name = resource.qualified();
        if !subresource.is_empty() {
            name.push('/');
            name.push_str(subresource);
        }
        *self.requests.entry((verb, name)).or_default() += 1;
    }

    /// Calls the waker at the next change of anything; returns a handle for [`Cluster::unregister`].
    pub fn register(&mut self, handle: Option<u64>, waker: &Waker) -> u64 {
        let handle = handle.unwrap_or_else(|| {
            self.next_waker += 1;
            self.next_waker
        });
        self.wakers.insert(handle, waker.clone());
        handle
    }

    /// Forgets a waker.
    pub fn unregister(&mut self, handle: u64) {
        self.wakers.remove(&handle);
    }

    pub(crate) fn wake(&mut self) {
        for (_, waker) in std::mem::take(&mut self.wakers) {
            waker.wake();
        }
    }

    pub(crate) fn schedule(&mut self, after: Duration, event: Event) {
        self.queue.push(self.now + after, event);
        self.wake();
    }

    /// Stores a change, tells controllers and sleepers.
    pub(crate) fn commit(&mut self, id: ResourceId, kind: ChangeKind, mut object: Value) -> Object {
        self.store.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.store.version.to_string());
        let object = Arc::new(object);
        let change = self.store.record(id, kind, self.now, object.clone());
        self.notify(id, &change);
        self.wake();
        object
    }

    fn notify(&mut self, id: ResourceId, change: &Change) {
        crate::controller::observe(self, id, change);
    }

    /// A fresh UID.
    pub(crate) fn new_uid(&mut self) -> String {
        let bits: u128 = self.rng.random();
        let hex = format!("{bits:032x}");
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }

    /// Five characters as the server appends to `generateName`.
    pub(crate) fn new_suffix(&mut self) -> String {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..5).map(|_| char::from(ALPHABET[self.rng.random_range(0..ALPHABET.len())])).collect()
    }
}
