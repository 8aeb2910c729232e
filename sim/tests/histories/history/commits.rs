//! What people commit.

use super::{Happening, History};
use crate::chart;
use rand::RngExt;
use serde_json::json;
use shipper_core::ReleaseName;
use shipper_core::intent::{
    Application, ApplicationSpec, ClusterRequirements, Metadata, Region, Rollback, Rollout, StepRef,
    StrategySpec, Template, TrafficMode,
};
use shipper_core::plan::{Intent, Resolved, roles};
use shipper_core::state::{Environment, PinnedSource, ReleaseRecord};
use std::time::Duration;

impl History {
    pub(super) fn contender(&self) -> Option<(ReleaseName, usize)> {
        let state = self.git.state.last()?;
        let release = roles(state.releases.values()).contender?;
        Some((release.name.clone(), release.position.step))
    }

    pub(super) fn wake_hubs(&mut self) {
        for hub in 0..self.hubs.len() {
            self.listen(hub);
            self.soon(300, Happening::Think(hub));
        }
        self.last_change = self.now;
    }

    pub(super) fn strategy(&mut self) -> StrategySpec {
        let surge = ["100%", "25%", "1%"][self.rng.random_range(0..3)];
        let approval = if self.rng.random_bool(0.3) { "auto" } else { "manual" };
        let mut gate = json!({"approval": approval});
        if self.rng.random_bool(0.3) {
            gate["soak"] = json!(["3s", "20s"][self.rng.random_range(0..2)]);
        }
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
        let mut strategy = json!({"surge": surge, "settle": settle, "steps": steps});
        // The others have the default of ten minutes, within which no scene sees anything fail.
        if self.rng.random_bool(0.6) {
            strategy["progressDeadline"] = json!(["20s", "40s", "90s"][self.rng.random_range(0..3)]);
            strategy["maxFailedClusters"] =
                [json!(0), json!(1), json!("50%")][self.rng.random_range(0..3)].clone();
            strategy["onFailure"] = json!(["hold", "rollback"][self.rng.random_range(0..2)]);
        }
        serde_json::from_value(strategy).expect("a valid strategy")
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
        let paused = |rollout: &Rollout| Rollout { adopt_strategy: None, ..rollout.clone() };
        let rollout = self
            .git
            .main
            .iter()
            .rev()
            .flatten()
            .next()
            .and_then(|intent| intent.application.spec.rollout.as_ref().map(paused));
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

    /// The environment of the incumbent comes back.
    pub(super) fn revert(&mut self) {
        let Some(state) = self.git.state.last() else { return };
        let Some(release) = roles(state.releases.values()).incumbent else { return };
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
        if self.rng.random_bool(0.5) {
            let soon = Duration::from_millis(self.rng.random_range(100..4000));
            self.at(self.now + soon, Happening::PutBack);
        }
    }

    /// The next step, sometimes the one after.
    pub(super) fn promote(&mut self, skip_gates: bool) {
        let Some((_, step)) = self.contender() else { return };
        let far = usize::from(self.rng.random_bool(0.15));
        self.outcome.gates_skipped += u64::from(skip_gates);
        self.order_with(step + 1 + far, skip_gates);
    }

    pub(super) fn walk_back(&mut self) {
        let Some((_, step)) = self.contender().filter(|(_, step)| *step > 0) else { return };
        self.outcome.walked_back += 1;
        let to = self.rng.random_range(0..step);
        self.order_with(to, false);
    }

    /// The file as it is on `main`, to be changed.
    fn change(&mut self, change: impl FnOnce(&mut Intent)) {
        let Some(mut intent) = self.git.main.last().cloned().flatten() else { return };
        change(&mut intent);
        self.git.main.push(Some(intent));
        self.wake_hubs();
    }

    fn order_with(&mut self, step: usize, skip_gates: bool) {
        let Some((release, _)) = self.contender() else { return };
        self.say(|| format!("main: {release} to step {step}"));
        let target_step = StepRef::Index(u32::try_from(step).unwrap_or(0));
        self.change(|intent| {
            let rollout = intent.application.spec.rollout.get_or_insert_default();
            *rollout = Rollout {
                paused: rollout.paused,
                skip_gates,
                ..Rollout::to_step(release.as_str(), target_step)
            };
        });
    }

    /// [M13] Somebody pauses the rollout, or lets it go on.
    pub(super) fn pause(&mut self) {
        let mut paused = false;
        self.change(|intent| {
            let rollout = intent.application.spec.rollout.get_or_insert_default();
            rollout.paused = !rollout.paused;
            paused = rollout.paused;
        });
        self.outcome.pauses += u64::from(paused);
        self.say(|| format!("main: paused {paused}"));
    }

    /// [R4] The strategy changes in the middle of a rollout, and the contender is told to go on with it.
    pub(super) fn adopt_strategy(&mut self) {
        let Some((release, _)) = self.contender() else { return };
        let strategy = self.strategy();
        self.say(|| format!("main: {release} goes on with {:?}", names(&strategy)));
        self.change(|intent| {
            let rollout = intent.application.spec.rollout.get_or_insert_default();
            // An order belongs to the release that it names.
            if rollout.release.as_deref() != Some(release.as_str()) {
                (rollout.release, rollout.target_step) = (Some(release.to_string()), None);
            }
            rollout.adopt_strategy = Some(strategy.version());
            intent.strategy = Some(strategy);
        });
    }

    /// [M11] An older environment is written again, with the name that its new release is to have and its last step in the same commit.
    pub(super) fn roll_back(&mut self) {
        let Some(state) = self.git.state.last().cloned() else { return };
        let roles = roles(state.releases.values());
        let older = |release: &&ReleaseRecord| {
            release.withdrawn.is_none()
                && Some(&release.name) != roles.contender.map(|contender| &contender.name)
        };
        let older: Vec<&ReleaseRecord> = state.releases.values().filter(older).collect();
        if older.is_empty() {
            return;
        }
        let release = older[self.rng.random_range(0..older.len())];
        let version = release.environment.manifests.as_ref().map(|m| m.tree.clone()).unwrap_or_default();
        let hash = release.environment.hash();
        let iterations = state.record.as_ref().map(|record| &record.iterations);
        let next = iterations.and_then(|all| all.get(&hash)).map_or(0, |last| last + 1);
        let strategy = release.strategy.clone();
        let last = u32::try_from(strategy.steps.len().saturating_sub(1)).unwrap_or(0);
        let by_steps = self.rng.random_bool(0.5);
        self.outcome.rolled_back += 1;
        self.commit(&version, strategy);
        self.change(|intent| {
            let paused = intent.application.spec.rollout.as_ref().is_some_and(|rollout| rollout.paused);
            let to = Rollout::to_step(format!("{}-{hash}-{next}", chart::app().name), StepRef::Index(last));
            intent.application.spec.rollout = Some(Rollout { paused, ..to });
            intent.application.spec.rollback = if by_steps { Rollback::Steps } else { Rollback::AtOnce };
        });
    }

    /// The file comes back as it was.
    pub(super) fn put_back(&mut self) {
        let last = self.git.main.iter().rev().flatten().next().cloned();
        if self.git.main.last().is_some_and(Option::is_none) {
            self.say(|| "main: the file is back".to_owned());
            self.git.main.push(last);
            self.wake_hubs();
        }
    }

    /// The file goes by mistake, or comes back.
    pub(super) fn absent(&mut self) {
        self.say(|| "main: the file is gone, or comes back".to_owned());
        self.outcome.absences += 1;
        let last = self.git.main.iter().rev().flatten().next().cloned();
        let gone = self.git.main.last().is_some_and(Option::is_none);
        self.git.main.push(if gone { last } else { None });
        self.wake_hubs();
    }
}

fn names(strategy: &StrategySpec) -> Vec<&str> {
    strategy.steps.iter().map(|step| step.name.as_str()).collect()
}
