//! Statuses as the planner of the hub makes them, from the files of the demo and reports of its clusters.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use shipper_core::few::Few;
use shipper_core::intent::{Object, StrategySpec, load};
use shipper_core::plan::{AppInput, AppPlan, ClusterInfo, Fleet, Intent, Resolved, Room, Unresolved, plan};
use shipper_core::report::{AppReport, Capacity, PodGroup, ReleaseReport, Traffic};
use shipper_core::state::{
    AppRecord, Environment, PinnedSource, ReleaseRecord, StateObject as _, Target, paths,
};
use shipper_core::status::{ApplicationStatus, Liveness};
use shipper_core::{AppKey, ClusterName, ReleaseName};
use shipperctl::demo::FILES;

/// Rendered replicas of the application.
const REPLICAS: u32 = 4;

/// One application under a planner whose clock only goes when it is told to.
pub(crate) struct World {
    pub now: Timestamp,
    pub source: String,
    key: AppKey,
    fleet: Fleet,
    application: shipper_core::intent::Application,
    strategy: StrategySpec,
    tree: String,
    lacks: Option<String>,
    record: Option<AppRecord>,
    releases: Few<ReleaseName, ReleaseRecord>,
    targets: Few<ClusterName, Target>,
    reports: BTreeMap<ClusterName, AppReport>,
    liveness: BTreeMap<ClusterName, Liveness>,
}

impl World {
    /// The demo's application with nothing done yet.
    pub(crate) fn new(source: &str) -> Self {
        let (mut fleet, mut application, mut strategy) = (Fleet::default(), None, None);
        for (path, content) in
            FILES.iter().filter(|(path, _)| shipper_core::intent::kind_of_path(path).is_some())
        {
            match load(path, content.as_bytes()).object.unwrap() {
                Object::Cluster(cluster) => {
                    let name = ClusterName::from(cluster.metadata.name.clone());
                    fleet.clusters.insert(name, ClusterInfo { cluster });
                }
                Object::Application(found) => application = Some(found),
                Object::Strategy(found) if found.metadata.name == "careful" => strategy = Some(found.spec),
                Object::Strategy(_) | Object::RolloutBlock(_) => {}
            }
        }
        let liveness = fleet.clusters.keys().map(|name| (name.clone(), Liveness::Online)).collect();
        Self {
            now: "2026-11-22T10:00:00Z".parse().unwrap(),
            source: source.to_owned(),
            key: AppKey::new("web", "hello"),
            fleet,
            application: application.unwrap(),
            strategy: strategy.unwrap(),
            tree: "1111111111".to_owned(),
            lacks: None,
            record: None,
            releases: Few::default(),
            targets: Few::default(),
            reports: BTreeMap::new(),
            liveness,
        }
    }

    /// Another version of the manifests, committed as `source`.
    pub(crate) fn change(&mut self, tree: &str, source: &str) -> &mut Self {
        (self.tree, self.source) = (tree.to_owned(), source.to_owned());
        self
    }

    /// What `main` asks for is not there.
    pub(crate) fn lack(&mut self, message: &str) -> &mut Self {
        self.lacks = Some(message.to_owned());
        self
    }

    /// Orders the contender to a step.
    pub(crate) fn order(&mut self, step: &str) -> &mut Self {
        let release = self.status().contender.unwrap().to_string();
        let target_step = shipper_core::intent::StepRef::Name(step.to_owned());
        let rollout = serde_json::json!({"release": release, "targetStep": target_step});
        self.application.spec.rollout = Some(serde_json::from_value(rollout).unwrap());
        self
    }

    /// The strategy of the releases to come.
    pub(crate) fn strategy(&mut self, change: impl FnOnce(&mut StrategySpec)) -> &mut Self {
        change(&mut self.strategy);
        self
    }

    /// A cluster stops reporting.
    pub(crate) fn lose(&mut self, cluster: &str) -> &mut Self {
        self.liveness.insert(ClusterName::from(cluster), Liveness::Offline);
        self
    }

    /// Every cluster does what it is to do and says so, until nothing changes any more.
    pub(crate) fn settle(&mut self) -> &mut Self {
        for _ in 0..10 {
            self.status();
            self.report(|_, _| {});
            self.now += SignedDuration::from_secs(10);
        }
        self
    }

    /// Every cluster that is online reports on its target, after `trouble` had its way with the report.
    pub(crate) fn report(&mut self, trouble: impl Fn(&str, &mut ReleaseReport)) -> &mut Self {
        for (name, target) in self.targets.iter() {
            if self.liveness[name] != Liveness::Online {
                continue;
            }
            let weight: u32 = target.releases.iter().filter_map(|release| release.traffic).sum();
            let total: u32 =
                target.releases.iter().map(|r| (REPLICAS * u32::from(r.capacity)).div_ceil(100)).sum();
            let mut releases = Vec::new();
            for wanted in &target.releases {
                let pods = (REPLICAS * u32::from(wanted.capacity)).div_ceil(100);
                let share = wanted.traffic.map(|own| (total * own).div_ceil(weight.max(1)).min(pods));
                let mut report = ReleaseReport {
                    name: wanted.name.clone(),
                    present: !wanted.absent && pods > 0,
                    installed: !wanted.absent,
                    capacity: Capacity {
                        rendered: REPLICAS,
                        desired: pods,
                        replicas: pods,
                        pods,
                        ready: pods,
                        available: pods,
                        achieved: true,
                    },
                    traffic: share.map(|wanted| Traffic { wanted, ready: wanted, achieved: true }),
                    pods: Vec::new(),
                    autoscaled: BTreeMap::new(),
                };
                trouble(name.as_str(), &mut report);
                releases.push(report);
            }
            let report = AppReport {
                application: self.key.clone(),
                target_generation: target.generation,
                releases,
                corked: None,
                remains: None,
                unattended: false,
                analysis: None,
                problems: Vec::new(),
            };
            self.reports.insert(name.clone(), report);
        }
        self
    }

    /// Plans, keeps what is to be written, and says what people are told.
    pub(crate) fn status(&mut self) -> ApplicationStatus {
        let mut manifests = BTreeMap::new();
        loop {
            let done = self.plan(&manifests);
            if done.renders.is_empty() {
                self.record = done.record;
                self.releases = done.releases.into();
                self.targets =
                    done.targets.into_iter().map(|(name, planned)| (name, planned.target)).collect();
                return done.status;
            }
            manifests
                .extend(done.renders.into_iter().map(|need| ((need.release.name, need.variant), Ok(()))));
        }
    }

    /// The records as of the last plan.
    pub(crate) fn records(&self) -> (AppRecord, Vec<ReleaseRecord>) {
        (self.record.clone().unwrap(), self.releases.values().cloned().collect())
    }

    /// The files of the hub's branch, as of the last plan.
    pub(crate) fn record_files(&self) -> Vec<(String, String)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let record = self.record.as_ref().map(|record| text(record.to_yaml().unwrap()));
        let record = record.map(|record| (paths::app_record(&self.key), record));
        let release = |(name, release): (&ReleaseName, &ReleaseRecord)| {
            (paths::release_record(&self.key, name), text(release.to_yaml().unwrap()))
        };
        record.into_iter().chain(self.releases.iter().map(release)).collect()
    }

    /// Why it is as it is, as of the last plan.
    pub(crate) fn why(&self) -> shipper_core::why::Why {
        self.ask(&BTreeMap::new(), shipper_core::plan::why).1
    }

    fn plan(&self, manifests: &BTreeMap<shipper_core::plan::Variant, Result<(), String>>) -> AppPlan {
        self.ask(manifests, plan)
    }

    fn ask<T>(
        &self,
        manifests: &BTreeMap<shipper_core::plan::Variant, Result<(), String>>,
        planner: impl FnOnce(&AppInput<'_>) -> T,
    ) -> T {
        let environment = Environment {
            chart: None,
            manifests: Some(PinnedSource { path: "apps/hello".to_owned(), tree: self.tree.clone() }),
            values: serde_json::Map::new(),
            overrides: Vec::new(),
            restart: None,
        };
        let intent = Intent {
            application: self.application.clone(),
            environment: match self.lacks.clone() {
                Some(message) => Err(Unresolved { message, looking: false }),
                None => Ok(Resolved { environment, written_chart: None }),
            },
            strategy: Some(self.strategy.clone()),
        };
        let known = self.releases.keys().map(|name| ((name.clone(), None), Ok(())));
        let manifests = manifests.clone().into_iter().chain(known).collect();
        planner(&AppInput {
            application: &self.key,
            now: self.now,
            source: &self.source,
            intent: Some(&intent),
            absence: None,
            reading: &[],
            fleet: &self.fleet,
            record: self.record.as_ref(),
            releases: &self.releases,
            targets: &self.targets,
            reports: &self.reports,
            liveness: &self.liveness,
            manifests: &manifests,
            room: Room::default(),
        })
    }
}

/// Pods of the contender cannot pull their image.
pub(crate) fn broken_image(release: &str) -> impl Fn(&str, &mut ReleaseReport) {
    move |_, report| {
        if report.name.as_str() == release && report.capacity.desired > 0 {
            let count = report.capacity.desired;
            report.capacity.available = 0;
            report.capacity.ready = 0;
            report.capacity.achieved = false;
            report.pods.push(PodGroup {
                reason: "ImagePullBackOff".to_owned(),
                count,
                example: "hello-7f9c-x2x4k".to_owned(),
                message: "Back-off pulling image \"example.com/hello:broken\"".to_owned(),
            });
        }
    }
}
