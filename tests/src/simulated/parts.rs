//! What a simulation is made of: the hub, agents as their binary has them, and clusters.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use jiff::Timestamp;
use kube::Client;
use rand::SeedableRng;
use rand::rngs::StdRng;
use shipper_agent::source::GitSource;
use shipper_agent::{App, Config};
use shipper_git::RemoteConfig;
use shipper_hub::access::AccessSettings;
use shipper_hub::clock::Clock;
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
use tokio::task::JoinSet;

use super::link::Link;
use super::people::People;
use crate::scene::STATE_BRANCH;

/// How often agents report at least.
const HEARTBEAT: Duration = Duration::from_secs(10);

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

/// The hub as the binary has it, but for the socket and the database.
pub(super) async fn hub(
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
pub(super) fn cluster(seed: u64) -> Client {
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

/// The agent of a cluster, which keeps its data in `data` and asks this hub.
pub(super) fn agent(
    (name, client, seed): (&str, Client, u64),
    data: PathBuf,
    hub: Router,
    people: &People,
    begin: &Begin,
) -> App<GitSource> {
    std::fs::create_dir_all(&data).unwrap();
    let source = GitSource::open(&data.join("repository"), remote(people), STATE_BRANCH).unwrap();
    let mut config = Config::new(name, data, begin.epoch, seed);
    config.traces = begin.traces("shipper-agent", name);
    App::build(config, client, Arc::new(Link { router: hub, token: token(name) }), source)
}

fn remote(people: &People) -> RemoteConfig {
    RemoteConfig::new(people.path().to_str().unwrap().parse().unwrap())
}

fn token(cluster: &str) -> String {
    format!("the-token-of-{cluster}")
}
