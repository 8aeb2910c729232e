//! Rules S1 to S5: where an application runs, and how it leaves.

mod choice;
mod leaving;
mod room;

use crate::support::{World, vanguard};
use serde_json::json;
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::intent::{Cluster, ClusterRequirements, ClusterSpec, Metadata};
use shipper_core::plan::ClusterInfo;
use shipper_core::status::DepartureStage;

fn cluster(name: &str, spec: serde_json::Value) -> ClusterInfo {
    let metadata = Metadata { name: name.to_owned(), ..Metadata::default() };
    let spec: ClusterSpec = serde_json::from_value(spec).unwrap();
    ClusterInfo { cluster: Cluster { metadata, spec } }
}

fn requirements(json: serde_json::Value) -> ClusterRequirements {
    serde_json::from_value(json).unwrap()
}

pub trait Placing {
    fn add(&mut self, name: &str, spec: serde_json::Value);
    fn require(&mut self, json: serde_json::Value);
    fn scheduler(&mut self, name: &str, change: impl FnOnce(&mut shipper_core::intent::Scheduler));
    fn drain(&mut self, name: &str, drain: bool);
    fn placed(&self) -> Vec<String>;
    fn scheduled(&self) -> (Status, Reason, String);
    fn departure(&self, name: &str) -> Option<(DepartureStage, String)>;
}

impl Placing for World {
    fn add(&mut self, name: &str, spec: serde_json::Value) {
        self.fleet.clusters.insert(name.into(), cluster(name, spec));
        self.commits += 1;
    }

    fn require(&mut self, json: serde_json::Value) {
        let intent = self.intent.as_mut().unwrap();
        intent.application.spec.template.cluster_requirements = Some(requirements(json));
        self.commits += 1;
    }

    fn scheduler(&mut self, name: &str, change: impl FnOnce(&mut shipper_core::intent::Scheduler)) {
        change(&mut self.fleet.clusters.get_mut(name).unwrap().cluster.spec.scheduler);
        self.commits += 1;
    }

    fn drain(&mut self, name: &str, drain: bool) {
        self.scheduler(name, |scheduler| scheduler.drain = drain);
    }

    /// The clusters that the record names, those that leave with a minus.
    fn placed(&self) -> Vec<String> {
        let placement = self.record.as_ref().and_then(|record| record.placement.clone()).unwrap_or_default();
        let placed = placement.clusters.iter().map(|(name, placed)| match placed.leaves {
            None => name.to_string(),
            Some(_) => format!("{name} waits"),
        });
        let leaving = placement.leaving.keys().map(|name| format!("{name} leaves"));
        let mut all: Vec<String> = placed.chain(leaving).collect();
        all.sort();
        all
    }

    fn scheduled(&self) -> (Status, Reason, String) {
        let status = self.look().status;
        let condition =
            status.conditions.iter().find(|c| c.kind == ConditionType::Scheduled).unwrap().clone();
        (condition.status, condition.reason, condition.message)
    }

    fn departure(&self, name: &str) -> Option<(DepartureStage, String)> {
        let status = self.look().status;
        let cluster = status.clusters.into_iter().find(|cluster| cluster.cluster.as_str() == name)?;
        cluster.departure.map(|departure| (departure.stage, departure.message))
    }
}

/// An application that is complete in one cluster of the region eu, of c1 to c3; and the name of that cluster.
fn in_one() -> (World, String) {
    in_some(1)
}

fn in_some(replicas: u32) -> (World, String) {
    let mut world = World::new();
    world.commit("v1", vanguard());
    world.require(json!({"regions": [{"name": "eu", "replicas": replicas}]}));
    world.settle();
    for step in ["50/50", "full on"] {
        world.promote(step);
        world.settle();
    }
    assert!(world.contender().complete.is_some());
    let first = world.placed()[0].clone();
    (world, first)
}
