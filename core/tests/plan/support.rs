//! A fleet as the planner sees it: what is in Git, what was reported, what `main` says.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shipper_core::condition::{Condition, ConditionType, Reason, Status};
use shipper_core::few::Few;
use shipper_core::intent::{
    Application, ApplicationSpec, Cluster, ClusterSpec, Metadata, Rollback, Rollout, StepRef, StrategySpec,
    Template, TrafficMode,
};
use shipper_core::plan::{
    Absence, AppInput, AppPlan, ClusterInfo, Event, EventReason, Fleet, Intent, Resolved, Room, Variant,
    plan, why,
};
use shipper_core::report::{AppReport, Capacity, ReleaseReport, Remains, Traffic};
use shipper_core::resources::Resources;
use shipper_core::state::{AppRecord, Environment, PinnedSource, ReleaseRecord, Target};
use shipper_core::status::Liveness;
use shipper_core::why::Because;
use shipper_core::{AppKey, ClusterName, ReleaseName};
use std::collections::{BTreeMap, BTreeSet};

/// Everything one application's plan depends on, and the plans made so far.
#[derive(Clone)]
pub struct World {
    pub app: AppKey,
    pub now: Timestamp,
    pub fleet: Fleet,
    pub intent: Option<Intent>,
    pub absence: Option<Absence>,
    pub reading: Vec<Condition>,
    pub record: Option<AppRecord>,
    pub releases: Few<ReleaseName, ReleaseRecord>,
    pub targets: Few<ClusterName, Target>,
    pub reports: BTreeMap<ClusterName, AppReport>,
    pub liveness: BTreeMap<ClusterName, Liveness>,
    pub manifests: BTreeMap<Variant, Result<(), String>>,
    pub free: BTreeMap<ClusterName, Resources>,
    pub requests: BTreeMap<Variant, Resources>,
    /// What every version asks for; `None` = nobody counts.
    pub asked: Option<Resources>,
    pub events: Vec<String>,
    /// The same in full.
    pub happened: Vec<Event>,
    /// What was ever waited for, how clusters left, and that a release walked back.
    pub seen: BTreeSet<String>,
    pub commits: u32,
    /// Every event, with the decision that tells why.
    pub reasons: Vec<(EventReason, Because)>,
}

pub fn strategy(yaml: serde_json::Value) -> StrategySpec {
    serde_json::from_value(yaml).unwrap()
}

/// staging 1/0, 50/50, full on.
pub fn vanguard() -> StrategySpec {
    strategy(json!({"steps": [
        {"name": "staging", "capacity": {"contender": 1, "incumbent": 100}, "traffic": {"contender": 0, "incumbent": 100}},
        {"name": "50/50", "capacity": {"contender": 50, "incumbent": 50}, "traffic": {"contender": 50, "incumbent": 50}},
        {"name": "full on", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
    ]}))
}

impl World {
    /// Three clusters c1 to c3; c1 is labelled `tier: vanguard`. Nothing is on `main`.
    pub fn new() -> Self {
        let mut fleet = Fleet::default();
        for name in ["c1", "c2", "c3"] {
            let mut metadata = Metadata { name: name.to_owned(), ..Metadata::default() };
            if name == "c1" {
                metadata.labels.insert("tier".to_owned(), "vanguard".to_owned());
            }
            let spec = ClusterSpec { region: "eu".to_owned(), ..ClusterSpec::default() };
            fleet.clusters.insert(name.into(), ClusterInfo { cluster: Cluster { metadata, spec } });
        }
        Self {
            app: AppKey::new("web", "app"),
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
            liveness: fleet.clusters.keys().map(|name| (name.clone(), Liveness::Online)).collect(),
            fleet,
            intent: None,
            absence: None,
            reading: Vec::new(),
            record: None,
            releases: Few::default(),
            targets: Few::default(),
            reports: BTreeMap::new(),
            manifests: BTreeMap::new(),
            free: BTreeMap::new(),
            requests: BTreeMap::new(),
            asked: None,
            events: Vec::new(),
            happened: Vec::new(),
            seen: BTreeSet::new(),
            commits: 0,
            reasons: Vec::new(),
        }
    }

    /// A world with the vanguard strategy on `main` at version `v1`, already complete.
    pub fn at_v1() -> Self {
        let mut world = Self::new();
        world.commit("v1", vanguard());
        world.settle();
        for step in ["50/50", "full on"] {
            world.promote(step);
            world.settle();
        }
        assert!(world.contender().complete.is_some(), "v1 is complete: {:?}", world.contender());
        world
    }

    /// As [`World::at_v1`], with v2 under way: this step of its strategy, [`vanguard`], is achieved.
    pub fn with_v2_at(step: &str) -> Self {
        let mut world = Self::at_v1();
        world.commit("v2", vanguard());
        world.settle();
        if step != "staging" {
            world.promote(step);
            world.settle();
        }
        world
    }

    /// Commits a version and rolls it out to the end.
    pub fn roll_out(&mut self, version: &str) {
        self.commit(version, vanguard());
        self.settle();
        self.promote("full on");
        self.settle();
    }

    /// Commits an environment and a strategy, leaving the rest of the file as it is.
    pub fn commit(&mut self, version: &str, strategy: StrategySpec) {
        let rollout = self.intent.as_ref().and_then(|intent| intent.application.spec.rollout.clone());
        let spec = ApplicationSpec {
            revision_history_limit: 2,
            template: Template::default(),
            rollout,
            restart: None,
            create_namespace: false,
            allow_cluster_scope: false,
            allow_secrets: false,
            traffic: TrafficMode::PodLabels,
            rollback: Rollback::AtOnce,
        };
        let metadata = Metadata {
            name: self.app.name.clone(),
            namespace: Some(self.app.namespace.clone()),
            ..Metadata::default()
        };
        let environment = Environment {
            chart: None,
            manifests: Some(PinnedSource { path: "apps/app".to_owned(), tree: version.to_owned() }),
            values: serde_json::Map::new(),
            overrides: Vec::new(),
            restart: None,
        };
        self.intent = Some(Intent {
            application: Application { metadata, spec },
            environment: Ok(Resolved { environment, written_chart: None }),
            strategy: Some(strategy),
        });
        self.commits += 1;
    }

    /// Commits the promotion of the contender.
    pub fn promote(&mut self, step: &str) {
        let release = self.contender().name.clone();
        self.order(release.as_str(), StepRef::Name(step.to_owned()));
    }

    pub fn order(&mut self, release: &str, target_step: StepRef) {
        let intent = self.intent.as_mut().unwrap();
        intent.application.spec.rollout = Some(Rollout::to_step(release, target_step));
        self.commits += 1;
    }

    /// Changes what `main` says to the rollout.
    pub fn rollout(&mut self, change: impl FnOnce(&mut Rollout)) {
        let spec = &mut self.intent.as_mut().unwrap().application.spec;
        change(spec.rollout.get_or_insert_default());
        self.commits += 1;
    }

    /// The reason and message of a condition, where there is one.
    pub fn condition(&self, kind: ConditionType) -> Option<(Status, Reason, String)> {
        let found = self.look().status.conditions.into_iter().find(|condition| condition.kind == kind)?;
        Some((found.status, found.reason, found.message))
    }

    /// Plans once without writing.
    pub fn look(&self) -> AppPlan {
        self.ask(plan)
    }

    /// Asks a planner.
    pub fn ask<T>(&self, planner: impl FnOnce(&AppInput<'_>) -> T) -> T {
        let source = format!("commit-{}", self.commits);
        planner(&AppInput {
            application: &self.app,
            now: self.now,
            source: &source,
            intent: self.intent.as_ref(),
            absence: self.absence.as_ref(),
            reading: &self.reading,
            fleet: &self.fleet,
            record: self.record.as_ref(),
            releases: &self.releases,
            targets: &self.targets,
            reports: &self.reports,
            liveness: &self.liveness,
            manifests: &self.manifests,
            room: Room { free: &self.free, requests: &self.requests },
        })
    }

    /// No release goes where the book's picture of its life has no way.
    fn follow_lives(&self, now: &BTreeMap<ReleaseName, ReleaseRecord>) {
        for (name, release) in now {
            let (before, phase) = (self.releases.get(name).map(ReleaseRecord::phase), release.phase());
            let may =
                before.map_or(phase.is_first(), |before| before == phase || before.leads_to(Some(phase)));
            assert!(may, "{name} went from {before:?} to {phase}");
        }
        let removed = self.intent.is_none();
        for (name, release) in self.releases.iter().filter(|(name, _)| !now.contains_key(*name)) {
            assert!(removed || release.phase().leads_to(None), "{name} is gone at {}", release.phase());
        }
    }

    /// Every event is told why.
    fn keep_reasons(&mut self, plan: &AppPlan) {
        if plan.events.is_empty() {
            return;
        }
        let told = self.ask(why).1;
        for event in &plan.events {
            let of = |because: &&Because| {
                because.decision == event.message && because.objects.contains(&event.release.to_string())
            };
            let because = told.decisions.iter().find(of).expect("an event is told why");
            self.reasons.push((event.reason, because.clone()));
        }
    }

    /// Plans, renders what is needed, and writes; returns whether anything differs from what stood in Git.
    pub fn plan(&mut self) -> bool {
        let mut plan = self.look();
        while !plan.renders.is_empty() {
            for need in &plan.renders {
                let variant = (need.release.name.clone(), need.variant.clone());
                self.requests.extend(self.asked.clone().map(|asked| (variant.clone(), asked)));
                self.manifests.insert(variant, Ok(()));
            }
            plan = self.look();
        }
        self.events.extend(plan.events.iter().map(|event| event.message.clone()));
        self.keep_reasons(&plan);
        self.happened.extend(plan.events);
        self.seen.insert(format!("{:?}", plan.status.waiting.state));
        let leaving = plan.status.clusters.iter().filter_map(|cluster| cluster.departure.as_ref());
        self.seen.extend(leaving.map(|departure| format!("{:?}", departure.stage)));
        let back = plan.releases.values().any(|r| r.position.step < r.position.from);
        self.seen.extend(back.then(|| "WalkedBack".to_owned()));
        self.follow_lives(&plan.releases);
        let targets: Few<ClusterName, Target> =
            plan.targets.into_iter().map(|(name, planned)| (name, planned.target)).collect();
        let releases = plan.releases.into();
        let changed = self.record != plan.record || self.releases != releases || self.targets != targets;
        (self.record, self.releases, self.targets) = (plan.record, releases, targets);
        self.now += SignedDuration::from_secs(1);
        changed
    }

    /// Every agent reports that its target is met.
    pub fn report_all(&mut self) {
        for name in self.targets.keys().cloned().collect::<Vec<_>>() {
            self.report(name.as_str(), |_| {});
        }
    }

    /// One agent reports that its target is met, but for what `change` says.
    pub fn report(&mut self, cluster: &str, change: impl FnOnce(&mut AppReport)) {
        let target = &self.targets[cluster];
        let mut report = met(target);
        change(&mut report);
        self.reports.insert(cluster.into(), report);
    }

    /// Plans and reports until nothing changes any more.
    pub fn settle(&mut self) {
        for _ in 0..50 {
            let changed = self.plan();
            self.report_all();
            if !changed && !self.plan() {
                return;
            }
        }
        panic!("the planner does not come to rest: {:#?}", self.look());
    }

    /// The commits that things of this kind name, oldest first; empty = the hub did it by itself, or a cluster.
    pub fn asked_by(&self, reason: EventReason) -> Vec<&str> {
        let of_kind = self.happened.iter().filter(|event| event.reason == reason);
        of_kind.map(|event| event.commit.as_deref().unwrap_or_default()).collect()
    }

    /// Plans a few times, where what agents report stays as it is.
    pub fn settle_without_rest(&mut self) {
        for _ in 0..3 {
            let now = self.now;
            self.plan();
            self.now = now;
        }
    }

    /// A block over everything.
    pub fn block(&mut self, name: &str) {
        let text = format!(
            "{{apiVersion: shipper.dev/v1alpha1, kind: RolloutBlock, metadata: {{name: {name}}}, \
             spec: {{message: frozen, author: {{type: user, name: ada}}}}}}"
        );
        let loaded = shipper_core::intent::load(&format!("blocks/{name}.yaml"), text.as_bytes());
        let Some(shipper_core::intent::Object::RolloutBlock(block)) = loaded.object else {
            panic!("{:?}", loaded.problems)
        };
        self.fleet.blocks.insert((None, name.to_owned()), block);
    }

    pub fn contender(&self) -> &ReleaseRecord {
        &self.releases[&self.look().status.contender.expect("a contender")]
    }

    pub fn incumbent(&self) -> Option<&ReleaseRecord> {
        self.look().status.incumbent.map(|name| &self.releases[&name])
    }

    /// What a cluster's target says, as `version capacity/traffic`, oldest release first; `-` for tombstones.
    pub fn target(&self, cluster: &str) -> Vec<String> {
        let Some(target) = self.targets.get(cluster) else { return Vec::new() };
        target
            .releases
            .iter()
            .map(|listed| {
                let version = self
                    .releases
                    .get(&listed.name)
                    .and_then(|r| r.environment.manifests.as_ref())
                    .map_or("?", |m| m.tree.as_str());
                match (listed.absent, listed.traffic) {
                    (true, _) => format!("{version} -"),
                    (false, Some(traffic)) => format!("{version} {}/{traffic}", listed.capacity),
                    (false, None) => format!("{version} {}", listed.capacity),
                }
            })
            .collect()
    }
}

/// The report of an agent that has done what its target says.
pub fn met(target: &Target) -> AppReport {
    let rendered = 10;
    AppReport {
        application: target.application.clone(),
        target_generation: target.generation,
        releases: target
            .releases
            .iter()
            .map(|listed| {
                let pods = (rendered * u32::from(listed.capacity)).div_ceil(100);
                let serving = if listed.traffic.unwrap_or(0) > 0 { pods } else { 0 };
                ReleaseReport {
                    name: listed.name.clone(),
                    present: !listed.absent,
                    installed: true,
                    capacity: Capacity {
                        rendered,
                        desired: pods,
                        replicas: pods,
                        pods,
                        ready: pods,
                        available: pods,
                        achieved: true,
                    },
                    traffic: listed.traffic.map(|_| Traffic {
                        wanted: serving,
                        ready: serving,
                        achieved: true,
                    }),
                    pods: Vec::new(),
                    autoscaled: BTreeMap::new(),
                }
            })
            .collect(),
        corked: None,
        remains: Some(remains(target)),
        unattended: false,
        analysis: None,
        problems: Vec::new(),
    }
}

/// What such an agent sees of it all: nothing any more where the target is a tombstone.
fn remains(target: &Target) -> Remains {
    let pods = |capacity: u8| (10 * u32::from(capacity)).div_ceil(100);
    Remains { ready_pods: target.releases.iter().map(|r| pods(r.capacity)).sum(), ..Remains::default() }
}

/// The contender's pods never get ready.
pub fn broken(report: &mut AppReport) {
    if let Some(newest) = report.releases.iter_mut().rev().find(|r| r.capacity.desired > 0) {
        newest.capacity.ready = 0;
        newest.capacity.available = 0;
        newest.capacity.achieved = false;
        if let Some(traffic) = newest.traffic.as_mut() {
            traffic.ready = 0;
            traffic.achieved = traffic.wanted == 0;
        }
        newest.pods.push(shipper_core::report::PodGroup {
            reason: "ImagePullBackOff".to_owned(),
            count: newest.capacity.desired,
            example: "app-1".to_owned(),
            message: "container web: no such image".to_owned(),
        });
    }
}
