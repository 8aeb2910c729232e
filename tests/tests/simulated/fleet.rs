//! A hub, agents and simulated clusters in one process, in simulated time: tokio's clock is paused and leaps to the next
//! moment at which something is to happen, once everything that runs has come to rest. Git work runs on threads that may block,
//! which holds the clock.

#![allow(dead_code, reason = "two test programs use it, each some of it")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::Router;
use futures::future::try_join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, PostParams};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;
use shipper_agent::source::GitSource;
use shipper_agent::{App, Config, Status};
use shipper_core::AppKey;
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_git::RemoteConfig;
use shipper_hub::access::AccessSettings;
use shipper_hub::clock::Clock;
use shipper_hub::http::router;
use shipper_hub::http::tokens::Tokens;
use shipper_hub::pilot::{Pilot, PilotConfig};
use shipper_hub::render::charts::{self, Charts};
use shipper_hub::render::{Limits, Renderer};
use shipper_hub::shared::{Settings, Shared};
use shipper_hub::standing::Takeover;
use shipper_hub::store::MemoryStore;
use shipper_sim::{Cluster, Delay, Options};
use shipper_telemetry::fields::CLUSTER;
use shipper_telemetry::trace::Traces;
use shipper_tests::scene::STATE_BRANCH;
use shipper_tests::scene::hub::ensure_at;
use shipper_tests::scene::sight::{Sight, look};
use shipper_tests::scratch::Scratch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep};

use super::contract;
use super::link::{self, Link};
use super::people::{APP, NAMESPACE, People};

/// How long anything may take, in simulated time.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a scene may take in real time: two seconds on an idle machine, and others may be at work on this one.
const REAL: Duration = Duration::from_secs(6);
/// How often agents report at least.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often a condition is looked at, in simulated time.
const LOOK: Duration = Duration::from_millis(100);

/// How it begins.
pub struct Begin {
    /// What the clocks show.
    pub epoch: Timestamp,
    /// How often agents report at least.
    pub heartbeat: Duration,
    /// Where traces are sent.
    pub otlp: Option<String>,
}

impl Default for Begin {
    fn default() -> Self {
        Self { epoch: Options::default().epoch, heartbeat: HEARTBEAT, otlp: None }
    }
}

impl Begin {
    fn traces(&self, service: &'static str, cluster: &str) -> Traces {
        let Some(endpoint) = self.otlp.as_deref() else { return Traces::off() };
        Traces::start(service, "0", Some(endpoint), [(CLUSTER, cluster.to_owned())]).unwrap()
    }
}

/// Everything that runs. It ends when dropped.
pub struct Simulation {
    /// What people do.
    pub people: People,
    /// Names and clients of the clusters.
    pub clusters: Vec<(String, Client)>,
    /// What is to be seen of each cluster's agent, and what ends it.
    pub agents: Vec<(Status, AbortHandle)>,
    shared: Arc<Shared>,
    began: (Instant, std::time::Instant),
    _tasks: JoinSet<()>,
    _scratch: Scratch,
}

impl Simulation {
    /// Starts a hub and three clusters with an agent each, around a repository that names the clusters and nothing else.
    pub async fn start(seed: u64) -> Self {
        Self::start_with(seed, (1..=3).map(|number| format!("cluster-{number}")).collect()).await
    }

    /// As [`Simulation::start`], with clusters of these names.
    pub async fn start_with(seed: u64, names: Vec<String>) -> Self {
        Self::start_as(seed, names, Begin::default()).await
    }

    /// As [`Simulation::start_with`], in real time where tokio's clock is not paused.
    pub async fn start_as(seed: u64, names: Vec<String>, begin: Begin) -> Self {
        shipper_tests::init();
        let began = (Instant::now(), std::time::Instant::now());
        let scratch = Scratch::new("simulated").unwrap();
        let people = People::begin(&scratch.join("fleet.git"), &names);
        let mut tasks = JoinSet::new();
        let shared = hub(scratch.path(), &people, &names, &begin, &mut tasks).await;
        let (mut clusters, mut agents) = (Vec::new(), Vec::new());
        for (name, seed) in names.into_iter().zip(seed..) {
            let client = cluster(seed);
            let link = Link { router: router(shared.clone()), token: token(&name) };
            let data = scratch.join(&name);
            std::fs::create_dir_all(&data).unwrap();
            let source = GitSource::open(&data.join("repository"), remote(&people), STATE_BRANCH).unwrap();
            let mut config = Config::new(&name, data, begin.epoch, seed);
            config.traces = begin.traces("shipper-agent", &name);
            let agent = App::build(config, client.clone(), Arc::new(link), source);
            agents.push((agent.status(), tasks.spawn(agent.run(std::future::pending()))));
            clusters.push((name, client));
        }
        Self { people, clusters, agents, shared, began, _tasks: tasks, _scratch: scratch }
    }

    /// Tells the hub that something was pushed.
    pub async fn pushed(&self) {
        link::webhook(router(self.shared.clone())).await;
    }

    /// The HTTP side of the hub.
    pub fn hub(&self) -> Router {
        router(self.shared.clone())
    }

    /// What the hub says of the application.
    pub fn status(&self) -> Result<Arc<ApplicationStatus>> {
        self.status_of(&AppKey::new(NAMESPACE, APP))
    }

    /// What the hub says of an application.
    pub fn status_of(&self, app: &AppKey) -> Result<Arc<ApplicationStatus>> {
        self.shared.statuses.get(app).context("the hub does not know it")
    }

    /// Waits until the contender is another release than `before`, and returns its name.
    pub async fn contender_after(&self, before: &str) -> String {
        self.eventually(async || {
            let contender = self.status()?.contender.clone().context("there is no contender")?.to_string();
            ensure!(contender != before, "{contender} is still the contender");
            Ok(contender)
        })
        .await
    }

    /// Waits until the contender is at `step` and waits for `state`.
    pub async fn wait_until(&self, release: &str, step: usize, state: WaitingFor) -> Arc<ApplicationStatus> {
        self.eventually(async || {
            let status = self.status()?;
            ensure_at(&status, release, step, state)?;
            Ok(status)
        })
        .await
    }

    /// What is in each cluster.
    pub async fn sights(&self) -> Result<Vec<(&str, Sight)>> {
        let sights = self.clusters.iter().map(|(_, client)| look(client, NAMESPACE, APP));
        let sights = try_join_all(sights).await?;
        Ok(self.clusters.iter().map(|(name, _)| name.as_str()).zip(sights).collect())
    }

    /// Waits until the application is as expected in all clusters.
    pub async fn wait_for(&self, expected: &Sight) {
        self.eventually(async || {
            for (cluster, sight) in self.sights().await? {
                ensure!(sight == *expected, "{cluster} has {sight}; expected is {expected}");
            }
            Ok(())
        })
        .await;
    }

    /// Calls `check` until it succeeds, and returns what it returned; fails after a minute of simulated time.
    pub async fn eventually<T>(&self, check: impl AsyncFn() -> Result<T>) -> T {
        self.within(PATIENCE, check).await
    }

    /// As [`Simulation::eventually`], and fails after so much simulated time.
    pub async fn within<T>(&self, patience: Duration, check: impl AsyncFn() -> Result<T>) -> T {
        let end = Instant::now() + patience;
        loop {
            match check().await {
                Ok(found) => {
                    self.read_all().await;
                    return found;
                }
                Err(error) => {
                    assert!(Instant::now() < end, "{}: not within {patience:?}: {error:#}", self.times());
                }
            }
            sleep(LOOK).await;
        }
    }

    /// Whatever the hub says at this moment is as its OpenAPI document says.
    async fn read_all(&self) {
        let applications: Vec<AppKey> =
            self.shared.statuses.list(None).iter().map(|status| status.application.clone()).collect();
        let clusters: Vec<String> = self.clusters.iter().map(|(name, _)| name.clone()).collect();
        // A commit that adds a cluster is told of only once it is in force.
        let known = self.shared.status().clusters;
        let known = |name: &String| known.iter().any(|cluster| cluster.name.as_str() == name);
        let clusters: Vec<String> = clusters.into_iter().filter(known).collect();
        contract::read_all(&router(self.shared.clone()), &applications, &clusters).await;
    }

    /// Commits what an example of the book holds, and makes the namespace of its application in every cluster, as whoever runs these
    /// does. Nobody is told of the commit yet.
    pub async fn begin_example(&self, name: &str, namespace: &str) {
        for (_, client) in &self.clusters {
            let namespaces: Api<Namespace> = Api::all(client.clone());
            let namespace = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
            namespaces.create(&PostParams::default(), &namespace).await.unwrap();
        }
        self.people.add_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name));
    }

    /// The release, once the hub says that it is complete.
    pub async fn complete(&self, app: &AppKey, before: &str, patience: Duration) -> String {
        self.within(patience, async || {
            let status = self.status_of(app)?;
            let contender = status.contender.clone().context("no contender")?.to_string();
            let release = status.releases.iter().find(|release| release.name.as_str() == contender);
            let complete = release.is_some_and(|release| release.complete.is_some());
            ensure!(contender != before && complete, "{contender} waits: {:?}", status.waiting);
            Ok(contender)
        })
        .await
    }

    /// Says what a scene has reached, on standard error whether or not the test passes.
    pub fn reached(&self, what: &str) {
        let _ = writeln!(std::io::stderr(), "{}: {what}", self.times());
    }

    /// Ends a scene, which must not have waited in real time.
    pub fn end(self) {
        assert!(self.began.1.elapsed() < REAL, "{}", self.times());
        self.reached("the end");
    }

    fn times(&self) -> String {
        let (simulated, real) = (self.began.0.elapsed().as_secs_f32(), self.began.1.elapsed().as_secs_f32());
        format!("after {simulated:.1} simulated and {real:.2} real seconds")
    }
}

/// The hub as the binary has it, but for the socket and the database.
async fn hub(
    directory: &Path,
    people: &People,
    clusters: &[String],
    begin: &Begin,
    tasks: &mut JoinSet<()>,
) -> Arc<Shared> {
    let tokens: BTreeMap<_, _> = clusters.iter().map(|name| (name.clone(), token(name))).collect();
    let settings = Settings {
        clock: Clock::starting_at(begin.epoch),
        heartbeat: begin.heartbeat,
        tokens: Tokens::fixed(tokens).unwrap(),
        access: AccessSettings::open(),
        webhook_secret: None,
        takeover: Takeover::default(),
    };
    let shared = Shared::start(Arc::new(MemoryStore::default()), settings).await.unwrap();
    let renderer = Arc::new(Renderer::new(None, Limits::default(), directory.join("render")));
    let charts = Arc::new(Charts::new(directory.join("charts"), charts::Limits::default()).unwrap());
    let (mut config, told) = (PilotConfig::new(directory.join("hub"), remote(people)), shared.clone());
    config.traces = begin.traces("shipper-hub", "");
    let opened = tokio::task::spawn_blocking(move || Pilot::new(config, told, renderer, charts));
    tasks.spawn(opened.await.unwrap().unwrap().run(shared.stop.clone()));
    shared
}

/// A cluster that is quick, but lags and wavers as real ones do.
fn cluster(seed: u64) -> Client {
    let between = |low, high| Delay::Between(Duration::from_millis(low), Duration::from_millis(high));
    let options = Options {
        schedule: between(5, 50),
        start: between(200, 1500),
        terminate: between(50, 500),
        controller_lag: between(0, 50),
        watch_lag: between(0, 100),
        ..Options::default()
    };
    shipper_sim::client(&Arc::new(Mutex::new(Cluster::new(options, StdRng::seed_from_u64(seed)))))
}

fn remote(people: &People) -> RemoteConfig {
    RemoteConfig::new(people.path().to_str().unwrap().parse().unwrap())
}

fn token(cluster: &str) -> String {
    format!("the-token-of-{cluster}")
}
