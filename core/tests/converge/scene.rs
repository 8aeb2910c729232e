//! Scenes of a cluster, at random: releases with their Deployments and pods, the Service by label or corked, its slices and its shadow, in
//! states that a rollout, a restart, people or lagging controllers may leave behind.

use crate::support::{Cluster, release};
use proptest::prelude::*;
use serde_json::{Value, json};
use shipper_core::converge::applyset_id;
use shipper_core::intent::Surge;
use shipper_core::labels;

/// Replicas that every release renders.
pub const RENDERED: u32 = 4;
/// Events that a scene has at most.
pub const MOST: usize = 24;

/// A cluster in the middle of something.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Oldest first.
    pub releases: Vec<Release>,
    pub service: Service,
    /// The headless Service that shows whether the selector may move to the traffic label is there.
    pub shadow: bool,
    pub surge: u32,
    /// Seconds since what is not young was seen.
    pub waited: i64,
}

/// One release of the target with what there is of it.
#[derive(Clone, Debug)]
pub struct Release {
    pub capacity: u8,
    pub traffic: u32,
    /// `spec.replicas`; `None` = there is no Deployment.
    pub replicas: Option<u32>,
    /// The Deployment controller has seen its spec.
    pub observed: bool,
    pub pods: Vec<Pod>,
}

/// One pod.
#[derive(Clone, Copy, Debug)]
pub struct Pod {
    pub ready: bool,
    pub labelled: bool,
    pub marked: bool,
    pub terminating: bool,
    /// Ready in a slice of the Service, whatever that selects by now.
    pub listed: bool,
    /// Ready in a slice of the shadow.
    pub shadowed: bool,
    /// It was first seen just now.
    pub young: bool,
}

/// The traffic Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Missing,
    ByLabel,
    /// It selects this release.
    Corked(usize),
}

fn pod() -> impl Strategy<Value = Pod> {
    let often = || prop_oneof![4 => Just(true), 1 => Just(false)];
    let seldom = || prop_oneof![1 => Just(true), 6 => Just(false)];
    (often(), any::<bool>(), any::<bool>(), seldom(), often(), often(), seldom()).prop_map(
        |(ready, labelled, marked, terminating, listed, shadowed, young)| Pod {
            ready,
            labelled,
            // Both at once is the work of people, and seldom.
            marked: marked && (!labelled || young),
            terminating,
            listed: listed && ready,
            shadowed: shadowed && ready && labelled,
            young,
        },
    )
}

fn releases() -> impl Strategy<Value = Release> {
    let capacity = prop_oneof![Just(0_u8), Just(25), Just(50), Just(75), Just(100)];
    let traffic = prop_oneof![2 => Just(0_u32), 3 => 1..100_u32];
    let replicas = prop_oneof![1 => Just(None), 9 => (0..6_u32).prop_map(Some)];
    let observed = prop_oneof![3 => Just(true), 1 => Just(false)];
    (capacity, traffic, replicas, observed, proptest::collection::vec(pod(), 0..6)).prop_map(
        |(capacity, traffic, replicas, observed, pods)| {
            let traffic = if capacity == 0 { 0 } else { traffic };
            Release { capacity, traffic, replicas, observed, pods }
        },
    )
}

pub fn scenes() -> impl Strategy<Value = Scene> {
    let service = prop_oneof![
        1 => Just(Service::Missing), 5 => Just(Service::ByLabel), 5 => (0..2_usize).prop_map(Service::Corked)
    ];
    let waited = prop_oneof![Just(0_i64), Just(1), Just(6), Just(20)];
    (proptest::collection::vec(releases(), 2..4), service, any::<bool>(), 1..4_u32, waited)
        .prop_map(|(releases, service, shadow, surge, waited)| Scene {
            releases,
            service,
            shadow,
            surge,
            waited,
        })
        .prop_filter("too many pods", |scene| scene.events().len() <= MOST)
}

/// Something that a watch tells.
#[derive(Clone, Copy, Debug)]
enum Event {
    Deployment(usize),
    Pod(usize, usize),
    Service,
    Slice,
    Shadow,
    ShadowSlice,
}

fn generation(index: usize) -> u64 {
    index as u64 + 1
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap()
}

/// The name of a pod.
pub fn name(of: usize, pod: usize) -> String {
    format!("app-{}-{pod}", generation(of))
}

impl Scene {
    fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        for (of, release) in self.releases.iter().enumerate() {
            events.extend(release.replicas.map(|_| Event::Deployment(of)));
            events.extend((0..release.pods.len()).map(|pod| Event::Pod(of, pod)));
        }
        if self.service != Service::Missing {
            events.extend([Event::Service, Event::Slice]);
        }
        if self.shadow {
            events.extend([Event::Shadow, Event::ShadowSlice]);
        }
        events
    }

    /// The cluster, told of in this order.
    pub fn told(&self, order: &[usize]) -> Cluster {
        let mut cluster = Cluster::new();
        cluster.target.surge = Surge::Pods(self.surge);
        for release in &self.releases {
            cluster.release(release.capacity, release.traffic, Some(RENDERED), None);
        }
        let events = self.events();
        let told: Vec<Event> = order.iter().filter_map(|place| events.get(*place)).copied().collect();
        let young =
            |event: &&Event| matches!(event, Event::Pod(of, pod) if self.releases[*of].pods[*pod].young);
        told.iter().filter(|event| !young(event)).for_each(|event| self.tell(&mut cluster, *event));
        cluster.pass(self.waited);
        told.iter().filter(young).for_each(|event| self.tell(&mut cluster, *event));
        cluster
    }

    /// The cluster.
    pub fn cluster(&self) -> Cluster {
        self.told(&(0..MOST).collect::<Vec<_>>())
    }

    fn tell(&self, cluster: &mut Cluster, event: Event) {
        match event {
            Event::Deployment(of) => {
                let release = &self.releases[of];
                let there = release.pods.iter().filter(|pod| !pod.terminating);
                let ready = number(there.clone().filter(|pod| pod.ready).count());
                let status = (release.observed, number(there.count()), ready);
                cluster.workload(generation(of), release.replicas.unwrap_or(0), &[], status);
            }
            Event::Pod(of, number) => cluster.see(self.releases[of].pods[number].object(of, &name(of, number))),
            Event::Service => {
                let selector = match self.service {
                    Service::Corked(of) => {
                        json!({"app": "app", labels::APPLICATION: "app", labels::RELEASE: release(generation(of))})
                    }
                    _ => json!({labels::APPLICATION: "app", labels::TRAFFIC: "true"}),
                };
                cluster.applied(self.lead(), "Service", &[], |object| object["spec"]["selector"] = selector);
            }
            Event::Slice => cluster.endpoints("app", &format!("Service-{}", self.lead()), &self.names(|pod| pod.listed)),
            Event::Shadow => cluster.see(json!({"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": "app-shadow", "namespace": "web", "uid": "shadow",
                    "labels": {labels::APPLYSET_PART_OF: applyset_id(&cluster.app)}},
                "spec": {"clusterIP": "None", "selector": {labels::APPLICATION: "app", labels::TRAFFIC: "true"}}})),
            Event::ShadowSlice => cluster.endpoints("app-shadow", "shadow", &self.names(|pod| pod.shadowed)),
        }
    }

    /// The release whose Service is applied.
    fn lead(&self) -> u64 {
        match self.service {
            Service::Corked(of) => generation(of),
            _ => 1,
        }
    }

    fn names(&self, which: impl Fn(&Pod) -> bool) -> Vec<String> {
        let pods = self.releases.iter().enumerate().flat_map(|(of, release)| {
            release.pods.iter().enumerate().map(move |(number, pod)| (name(of, number), pod))
        });
        pods.filter(|(_, pod)| which(pod)).map(|(name, _)| name).collect()
    }
}

impl Pod {
    fn object(&self, of: usize, name: &str) -> Value {
        let release = release(generation(of));
        let mut marks = json!({"app": "app", labels::APPLICATION: "app", labels::RELEASE: release});
        let mut metadata = json!({"name": name, "namespace": "web", "uid": name});
        if self.labelled {
            marks[labels::TRAFFIC] = json!("true");
        }
        if self.marked {
            metadata["annotations"] = json!({labels::DELETION_COST: "-1"});
        }
        if self.terminating {
            metadata["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        metadata["labels"] = marks;
        let ready = if self.ready { "True" } else { "False" };
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}})
    }
}
