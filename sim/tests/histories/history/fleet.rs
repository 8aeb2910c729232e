//! What people commit about clusters and blocks, and clusters that are replaced.

use super::{Happening, History};
use crate::agent::Agent;
use crate::monitor::Monitor;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shipper_core::intent::{Cluster as IntentCluster, ClusterSpec, Metadata};
use shipper_core::plan::ClusterInfo;

impl History {
    pub(super) fn block(&mut self) {
        let added = self.blocking.toggle(&mut self.fleet, &mut self.rng);
        self.outcome.blocks += u64::from(added);
        self.say(|| format!("main: {:?}", self.blocking));
        self.wake_hubs();
    }

    /// Somebody drains a cluster, or takes that back.
    pub(super) fn drain(&mut self, i: usize) {
        let Some(info) = self.fleet.clusters.get_mut(&self.agents[i].name) else { return };
        let scheduler = &mut info.cluster.spec.scheduler;
        scheduler.drain = !scheduler.drain;
        let drained = scheduler.drain;
        self.outcome.drains += u64::from(drained);
        self.say(|| format!("main: c{} drain {drained}", i + 1));
        self.wake_hubs();
    }

    pub(super) fn cordon(&mut self, i: usize) {
        let Some(info) = self.fleet.clusters.get_mut(&self.agents[i].name) else { return };
        let scheduler = &mut info.cluster.spec.scheduler;
        scheduler.unschedulable = !scheduler.unschedulable;
        let cordoned = scheduler.unschedulable;
        self.outcome.cordons += u64::from(cordoned);
        self.say(|| format!("main: c{} cordon {cordoned}", i + 1));
        self.wake_hubs();
    }

    /// A cluster that was not in the fleet is now.
    pub(super) fn join(&mut self, i: usize) {
        let name = self.agents[i].name.clone();
        if self.fleet.clusters.contains_key(&name) {
            return;
        }
        let metadata = Metadata { name: name.to_string(), ..Metadata::default() };
        let spec = ClusterSpec { region: "eu".to_owned(), ..ClusterSpec::default() };
        self.fleet.clusters.insert(name, ClusterInfo { cluster: IntentCluster { metadata, spec } });
        self.say(|| format!("main: c{} is in the fleet", i + 1));
        self.wake_hubs();
    }

    /// [X5] A cluster is lost, and an empty one takes its place under the same name: nothing that was reported of the old one counts.
    pub(super) fn replace(&mut self, i: usize) {
        self.outcome.replaced += 1;
        self.clusters[i] =
            super::empty_cluster(&self.options, StdRng::seed_from_u64(self.rng.random()), self.now);
        let name = self.agents[i].name.clone();
        self.replaced.insert(name.clone());
        // What is decided on its way to Git was decided on the old one.
        if self.hubs.iter().all(|hub| hub.push.is_none()) {
            self.met.remove(&name);
            self.had.remove(&name);
            self.served.remove(&name);
        }
        let old = std::mem::replace(&mut self.agents[i], Agent::new(name.clone()));
        (self.agents[i].sees_git, self.agents[i].sees_hub) = (old.sees_git, old.sees_hub);
        self.monitors[i] = Monitor::default();
        // Its agent has another UID to show: the hub forgets what the old one said when it enrols.
        self.mail.retain(|(_, from, ..)| *from != i);
        self.hubs[0].forget(&name);
        self.say(|| format!("c{} is replaced by an empty cluster", i + 1));
        self.soon(50, Happening::Look(i));
        self.wake_hubs();
    }
}
