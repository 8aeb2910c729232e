//! What people commit.

use super::{Happening, History};
use crate::chart;
use rand::RngExt;
use serde_json::json;
use shipper_core::ReleaseName;
use shipper_core::intent::{
    Application, ApplicationSpec, Cluster as IntentCluster, ClusterRequirements, ClusterSpec, Metadata,
    Region, Rollback, Rollout, StepRef, StrategySpec, Template, TrafficMode,
};
use shipper_core::plan::{ClusterInfo, Intent, Resolved, roles};
use shipper_core::state::{Environment, PinnedSource};

impl History {
    pub(super) fn contender(&self) -> Option<(ReleaseName, usize)> {
        let state = self.git.state.last()?;
        let name = roles(state.releases.values()).contender?;
        let step = state.releases[&name].position.step;
        Some((name, step))
    }

    pub(super) fn wake_hubs(&mut self) {
        for hub in 0..self.hubs.len() {
            self.soon(300, Happening::Think(hub));
        }
        self.last_change = self.now;
    }

    pub(super) fn strategy(&mut self) -> StrategySpec {
        let surge = ["100%", "25%", "1%"][self.rng.random_range(0..3)];
        let approval = if self.rng.random_bool(0.3) { "auto" } else { "manual" };
        let gate = json!({"approval": approval});
        let settle = ["0s", "1s", "5s"][self.rng.random_range(0..3)];
        let steps = match self.rng.random_range(0..4) {
            0 => {
                json!([{"name": "full on", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}}])
            }
            1 => json!([
                {"name": "staging", "capacity": {"contender": 20, "incumbent": 100}, "traffic": {"contender": 0, "incumbent": 100}, "gate": gate},
                {"name": "canary", "clusters": {"names": ["c1"]}, "capacity": {"contender": 40, "incumbent": 60}, "traffic": {"contender": 40, "incumbent": 60}, "gate": gate},
                {"name": "full on", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
            ]),
            2 => json!([
                {"name": "capacity", "capacity": {"contender": 100}, "gate": gate},
                {"name": "traffic", "traffic": {"contender": 100, "incumbent": 0}, "gate": gate},
                {"name": "end", "capacity": {"incumbent": 0}},
            ]),
            _ => json!([
                {"name": "staging", "capacity": {"contender": 1, "incumbent": 100}, "traffic": {"contender": 0, "incumbent": 100}, "gate": gate},
                {"name": "50/50", "capacity": {"contender": 50, "incumbent": 50}, "traffic": {"contender": 50, "incumbent": 50}, "gate": gate},
                {"name": "full on", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
            ]),
        };
        serde_json::from_value(json!({"surge": surge, "settle": settle, "steps": steps}))
            .expect("a valid strategy")
    }

    pub(super) fn commit_version(&mut self) {
        self.versions += 1;
        let broken = if self.versions > 1 && self.rng.random_bool(0.15) { "broken" } else { "image" };
        let version = format!("{broken}-v{}", self.versions);
        let strategy = self.strategy();
        self.commit(&version, strategy);
    }

    pub(super) fn commit(&mut self, version: &str, strategy: StrategySpec) {
        self.say(|| {
            format!(
                "main: {version} {:?} surge {}",
                strategy.steps.iter().map(|s| &s.name).collect::<Vec<_>>(),
                strategy.surge
            )
        });
        let app = chart::app();
        let rollout = self
            .git
            .main
            .iter()
            .rev()
            .flatten()
            .next()
            .and_then(|intent| intent.application.spec.rollout.clone());
        let spec = ApplicationSpec {
            revision_history_limit: 2,
            template: Template {
                cluster_requirements: self.replicas.map(|replicas| ClusterRequirements {
                    regions: vec![Region {
                        name: "eu".to_owned(),
                        replicas: u32::try_from(replicas).unwrap_or(1),
                    }],
                    ..ClusterRequirements::default()
                }),
                ..Template::default()
            },
            rollout,
            restart: None,
            create_namespace: false,
            allow_cluster_scope: false,
            allow_secrets: false,
            traffic: TrafficMode::PodLabels,
            rollback: Rollback::AtOnce,
        };
        let metadata = Metadata {
            name: app.name.clone(),
            namespace: Some(app.namespace.clone()),
            ..Metadata::default()
        };
        let manifests = Some(PinnedSource { path: "apps/app".to_owned(), tree: version.to_owned() });
        let environment = Environment {
            chart: None,
            manifests,
            values: serde_json::Map::new(),
            overrides: Vec::new(),
            restart: None,
        };
        self.git.main.push(Some(Intent {
            application: Application { metadata, spec },
            environment: Ok(Resolved { environment, written_chart: None }),
            strategy: Some(strategy),
        }));
        self.wake_hubs();
    }

    pub(super) fn order(&mut self, step: usize) {
        let Some((release, _)) = self.contender() else { return };
        let Some(mut intent) = self.git.main.last().cloned().flatten() else { return };
        self.say(|| format!("main: {release} to step {step}"));
        let target_step = StepRef::Index(u32::try_from(step).unwrap_or(0));
        intent.application.spec.rollout = Some(Rollout::to_step(release.as_str(), target_step));
        self.git.main.push(Some(intent));
        self.wake_hubs();
    }

    /// The environment of the incumbent comes back.
    pub(super) fn revert(&mut self) {
        let Some(state) = self.git.state.last() else { return };
        let Some(incumbent) = roles(state.releases.values()).incumbent else { return };
        let release = &state.releases[&incumbent];
        let version = release.environment.manifests.as_ref().map(|m| m.tree.clone()).unwrap_or_default();
        let strategy = release.strategy.clone();
        self.commit(&version, strategy);
    }

    /// Somebody removes the application on purpose, and mostly puts it back later, perhaps before it is gone.
    pub(super) fn remove(&mut self) {
        if self.git.main.last().is_none_or(Option::is_none) {
            return;
        }
        self.say(|| "main: the file is removed, and the message confirms it".to_owned());
        self.outcome.removals += 1;
        self.git.main.push(None);
        self.git.confirmed.insert(self.git.main.len() - 1);
        self.wake_hubs();
    }

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
}
