//! What the tests share: a simulated cluster, a repository with a state branch, a hub that listens, and agents on them.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(unreachable_pub, reason = "compiled into each test binary")]

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use git2::{Oid, Repository, Signature};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use shipper_agent::hub::{HubError, HubLink};
use shipper_agent::source::GitSource;
use shipper_agent::{App, Config, Status};
use shipper_core::protocol::{Accepted, Session, SessionRequest, TargetEvent};
use shipper_core::report::{AppReport, Report};
use shipper_core::state::{FleetState, StateObject, Target};
use shipper_core::{AppKey, ReleaseName};
use shipper_git::RemoteConfig;
use shipper_sim::{Cluster, Options, Shared, WriteOptions, client, lock};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub const BRANCH: &str = "refs/heads/shipper/state";
pub const RELEASE: &str = "web-00000001-1";

pub fn app_key() -> AppKey {
    AppKey::new("shop", "web")
}

/// A bare repository in which the hub's part is played by [`Repo::commit`].
pub struct Repo {
    pub dir: TempDir,
    generation: Mutex<u64>,
}

impl Repo {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Repository::init_bare(dir.path().join("fleet.git")).unwrap();
        Self { dir, generation: Mutex::new(0) }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("fleet.git")
    }

    pub fn source(&self, name: &str) -> GitSource {
        let remote = RemoteConfig::new(self.path().to_str().unwrap().parse().unwrap());
        GitSource::open(&self.dir.path().join(name), remote, "shipper/state").unwrap()
    }

    /// The next state commit: puts files (`None` removes) on top of the branch.
    pub fn commit(&self, files: &[(&str, Option<&[u8]>)]) -> Oid {
        let generation = {
            let mut generation = self.generation.lock().unwrap();
            *generation += 1;
            *generation
        };
        self.commit_as(&FleetState { epoch: 1, generation, ..FleetState::default() }, files, true)
    }

    /// A commit with a state of its own; `descends`: from the branch as it is, else from nothing.
    pub fn commit_as(&self, state: &FleetState, files: &[(&str, Option<&[u8]>)], descends: bool) -> Oid {
        let repo = Repository::open_bare(self.path()).unwrap();
        let parent = repo.refname_to_id(BRANCH).ok().map(|oid| repo.find_commit(oid).unwrap());
        let empty = repo.find_tree(repo.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let base = parent.as_ref().map_or(empty, |parent| parent.tree().unwrap());
        let mut update = git2::build::TreeUpdateBuilder::new();
        let own = state.to_yaml().unwrap();
        for (path, content) in files.iter().copied().chain([("state.yaml", Some(own.as_slice()))]) {
            match content {
                Some(content) => {
                    update.upsert(path, repo.blob(content).unwrap(), git2::FileMode::Blob);
                }
                None => {
                    update.remove(path);
                }
            }
        }
        let tree = repo.find_tree(update.create_updated(&repo, &base).unwrap()).unwrap();
        let who = Signature::now("hub", "hub@example.com").unwrap();
        let parents: Vec<_> = parent.iter().filter(|_| descends).collect();
        let oid = repo.commit(None, &who, &who, "state", &tree, &parents).unwrap();
        repo.reference(BRANCH, oid, true, "hub").unwrap();
        oid
    }

    /// Writes the target of `shop/web` in the cluster `c1`, with the manifests of its first release.
    pub fn target(&self, generation: u64, capacity: u8, manifests: &str) -> Oid {
        let target = target(generation, capacity).to_yaml().unwrap();
        let release = format!("clusters/c1/shop/web/{RELEASE}.yaml");
        self.commit(&[
            ("clusters/c1/shop/web/target.yaml", Some(&target)),
            (&release, Some(manifests.as_bytes())),
        ])
    }
}

pub fn target(generation: u64, capacity: u8) -> Target {
    serde_json::from_value(json!({
        "application": "shop/web",
        "generation": generation,
        "settleSeconds": 1,
        "createNamespace": true,
        "releases": [{"name": RELEASE, "generation": 1, "capacity": capacity, "traffic": 100}],
    }))
    .unwrap()
}

/// A Deployment of `replicas`, a Service and a ConfigMap as the hub normalises them.
pub fn manifests(replicas: u32, greeting: &str) -> String {
    let marks = json!({
        "shipper.dev/application": "web", "shipper.dev/release": RELEASE, "app.kubernetes.io/managed-by": "shipper",
    });
    let pod = json!({"app": "web", "shipper.dev/application": "web", "shipper.dev/release": RELEASE});
    let objects = [
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("settings-{RELEASE}"), "namespace": "shop", "labels": marks},
            "data": {"greeting": greeting},
        }),
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {
                "name": "web", "namespace": "shop", "annotations": {"shipper.dev/traffic": "true"},
                "labels": {"shipper.dev/application": "web", "app.kubernetes.io/managed-by": "shipper"},
            },
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": RELEASE, "namespace": "shop", "labels": marks},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "web", "shipper.dev/release": RELEASE}},
                "template": {
                    "metadata": {"labels": pod},
                    "spec": {"containers": [{"name": "web", "image": "nginx:1"}]},
                },
            },
        }),
    ];
    objects.iter().map(|object| format!("---\n{object}\n")).collect()
}

/// A hub that remembers what it was told.
#[derive(Default)]
pub struct Hub {
    pub inner: Mutex<HubInner>,
}

#[derive(Default)]
pub struct HubInner {
    pub sessions: u64,
    /// What it was told when sessions were asked for, and those it sends away with these answers first.
    pub asked: Vec<SessionRequest>,
    pub sends_away: Vec<HubError>,
    pub reports: Vec<Report>,
    /// What the next calls answer instead of success, in order.
    pub failures: Vec<HubError>,
    pub applications: BTreeMap<AppKey, AppReport>,
    pub problems: Vec<String>,
    pub gone: Vec<AppKey>,
}

impl HubLink for Hub {
    fn open(&self, request: SessionRequest) -> BoxFuture<'_, Result<Session, HubError>> {
        Box::pin(async move {
            let mut inner = self.inner.lock().unwrap();
            inner.asked.push(request);
            if !inner.sends_away.is_empty() {
                return Err(inner.sends_away.remove(0));
            }
            inner.sessions += 1;
            Ok(Session { session: format!("s{}", inner.sessions), heartbeat_seconds: 30 })
        })
    }

    fn report(&self, report: Report) -> BoxFuture<'_, Result<Accepted, HubError>> {
        Box::pin(async move {
            let mut inner = self.inner.lock().unwrap();
            inner.reports.push(report.clone());
            if !inner.failures.is_empty() {
                return Err(inner.failures.remove(0));
            }
            inner
                .applications
                .extend(report.applications.into_iter().map(|app| (app.application.clone(), app)));
            inner.problems = report.problems;
            inner.gone.extend(report.gone);
            Ok(Accepted { sequence: report.sequence, commit: None })
        })
    }

    fn events(&self) -> BoxFuture<'_, Result<BoxStream<'static, Result<TargetEvent, HubError>>, HubError>> {
        Box::pin(async { Ok(futures::stream::pending().boxed()) })
    }
}

impl Hub {
    /// The newest report of `shop/web`, if it says that all is achieved.
    pub fn achieved(&self, generation: u64) -> bool {
        let inner = self.inner.lock().unwrap();
        inner.applications.get(&app_key()).is_some_and(|app| {
            app.target_generation == generation
                && app.problems.is_empty()
                && app.releases.iter().all(|release| {
                    release.installed
                        && release.capacity.achieved
                        && release.traffic.as_ref().is_none_or(|traffic| traffic.achieved)
                })
        })
    }

    pub fn problems(&self) -> Vec<String> {
        self.inner.lock().unwrap().problems.clone()
    }
}

/// An agent at work.
pub struct Agent {
    pub status: Status,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Agent {
    /// Ends it as SIGTERM does.
    pub async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.task.await.unwrap();
    }

    /// Ends it as SIGKILL does.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Cluster, repository and hub.
pub struct World {
    pub cluster: Shared,
    pub repo: Repo,
    pub hub: Arc<Hub>,
}

impl World {
    pub fn new() -> Self {
        let cluster = Cluster::new(Options::default(), StdRng::seed_from_u64(1));
        Self { cluster: Arc::new(Mutex::new(cluster)), repo: Repo::new(), hub: Arc::default() }
    }

    /// An agent whose data are in `name`.
    pub fn agent(&self, name: &str, seed: u64) -> Agent {
        self.agent_through(client(&self.cluster), name, seed)
    }

    /// An agent that reaches the cluster through this client.
    pub fn agent_through(&self, client: kube::Client, name: &str, seed: u64) -> Agent {
        let data = self.repo.dir.path().join(name);
        std::fs::create_dir_all(&data).unwrap();
        let source = self.repo.source(&format!("{name}/repository"));
        let now = lock(&self.cluster).timestamp();
        let config = Config::new("c1", data, now, seed);
        let app = App::build(config, client, Arc::clone(&self.hub) as Arc<dyn HubLink>, source);
        let status = app.status();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(app.run(async move {
            let _ = stopped.await;
        }));
        Agent { status, stop: Some(stop), task }
    }

    /// Waits, in simulated time, until it is so; says what is not so after two minutes.
    pub async fn until(&self, what: &str, mut so: impl FnMut() -> bool) -> Duration {
        let start = Instant::now();
        while !so() {
            assert!(
                start.elapsed() < Duration::from_secs(120),
                "not within two minutes: {what}; {}",
                self.describe()
            );
            sleep(Duration::from_millis(10)).await;
        }
        start.elapsed()
    }

    pub fn describe(&self) -> String {
        let requests = lock(&self.cluster).requests().clone();
        let inner = self.hub.inner.lock().unwrap();
        format!("{:#?}\n{requests:?}\n{:?}", inner.applications, inner.problems)
    }

    pub fn get(&self, api_version: &str, kind: &str, name: &str) -> Option<Value> {
        let cluster = lock(&self.cluster);
        let id = cluster.resource(api_version, kind).unwrap();
        cluster.peek(id, "shop", name).map(|object| (*object).clone())
    }

    /// Requests with these verbs so far, but for those of the Lease.
    pub fn requests(&self, verbs: &[&str]) -> u64 {
        let cluster = lock(&self.cluster);
        let counted = cluster
            .requests()
            .iter()
            .filter(|((verb, what), _)| verbs.contains(verb) && !what.contains("leases"));
        counted.map(|(_, count)| count).sum()
    }

    /// Another changes an object.
    pub fn patch(&self, api_version: &str, kind: &str, name: &str, change: Value) {
        let mut cluster = lock(&self.cluster);
        let id = cluster.resource(api_version, kind).unwrap();
        let patch = shipper_sim::Patch::Merge(change);
        let by = WriteOptions::by("someone");
        cluster.patch(id, ("shop", name), &patch, shipper_sim::Subresource::None, &by).unwrap();
    }

    /// Another deletes an object.
    pub fn delete(&self, api_version: &str, kind: &str, name: &str) {
        let mut cluster = lock(&self.cluster);
        let id = cluster.resource(api_version, kind).unwrap();
        cluster.delete(id, "shop", name, &shipper_sim::DeleteOptions::default()).unwrap();
    }
}

pub fn release() -> ReleaseName {
    ReleaseName::from(RELEASE)
}
