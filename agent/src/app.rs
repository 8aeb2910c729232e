//! One agent, put together from its parts. Nothing is global: any number of agents live in one process.

use crate::accept::Memory;
use crate::analysis::{self, Counts};
use crate::api::{Api, Kind, Kinds};
use crate::clock::Clock;
use crate::engine;
use crate::engine::execute::Executor;
use crate::engine::state::{State, group_kind};
use crate::fetcher::{self, Polling, Wake};
use crate::hub::HubLink;
use crate::lease::{Keeper, Leadership};
use crate::random::{Backoff, Random};
use crate::reporter::Reporter;
use crate::room;
use crate::source::Source;
use crate::status::Status;
use crate::targets::Targets;
use crate::watch::Watch;
use jiff::Timestamp;
use serde_json::Value;
use shipper_core::ClusterName;
use shipper_telemetry::trace::Traces;
use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::Instrument;

/// What an agent is to be.
#[derive(Clone, Debug)]
pub struct Config {
    /// The cluster it acts in; its directory on the state branch.
    pub cluster: ClusterName,
    /// Where the last accepted commit is kept.
    pub data_dir: PathBuf,
    /// How often the branch is looked at.
    pub polling: Polling,
    /// Namespace of the Lease.
    pub lease_namespace: String,
    /// Who holds the Lease: another one for every process that lives at the same time.
    pub identity: String,
    /// Writes to the API server that may be under way at once.
    pub in_flight: usize,
    /// The wall clock now.
    pub now: Timestamp,
    /// Seed of all jitter.
    pub seed: u64,
    /// Where is told what is done for each commit.
    pub traces: Traces,
}

impl Config {
    /// The defaults for a cluster; the seed, and with it the identity, must be random.
    pub fn new(cluster: &str, data_dir: PathBuf, now: Timestamp, seed: u64) -> Self {
        Self {
            cluster: ClusterName::from(cluster),
            data_dir,
            polling: Polling::every(Duration::from_secs(60)),
            lease_namespace: "kube-system".to_owned(),
            identity: format!("{cluster}-{seed:016x}"),
            in_flight: 16,
            now,
            seed,
            traces: Traces::off(),
        }
    }
}

/// An agent that is ready to run.
pub struct App<S> {
    config: Config,
    source: S,
    hub: Arc<dyn HubLink>,
    api: Api,
    random: Random,
    state: Arc<State>,
    leadership: Leadership,
    wake: Wake,
    samples: Arc<Counts>,
}

impl<S: Source> App<S> {
    /// Puts an agent together; talks to nobody. Must be called within the runtime that will run it.
    pub fn build(config: Config, client: kube::Client, hub: Arc<dyn HubLink>, source: S) -> Self {
        Self {
            api: Api::new(client, config.in_flight),
            random: Random::seeded(config.seed),
            state: Arc::new(State::new(Clock::starting_at(config.now)).tracing(config.traces.clone())),
            leadership: Leadership::new(),
            wake: Wake::default(),
            samples: Arc::default(),
            config,
            source,
            hub,
        }
    }

    /// What is to be seen from outside while it runs.
    pub fn status(&self) -> Status {
        Status {
            cluster: self.config.cluster.clone(),
            state: Arc::clone(&self.state),
            leadership: self.leadership.clone(),
            wake: self.wake.clone(),
            calls: Arc::clone(self.api.calls()),
            samples: Arc::clone(&self.samples),
        }
    }

    /// Runs until `shutdown` is ready, then gives the Lease back.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        // What every line of this agent has in common.
        let around = tracing::info_span!("agent", cluster = %self.config.cluster);
        self.run_parts(shutdown).instrument(around).await;
    }

    async fn run_parts(self, shutdown: impl Future<Output = ()>) {
        let Self { config, source, hub, api, random, state, leadership, wake, samples } = self;
        let kinds = Kinds::new(api.clone());
        let mut keeper = Keeper::new(
            api.clone(),
            Arc::clone(&state),
            leadership.clone(),
            random.clone(),
            config.lease_namespace.clone(),
            config.identity.clone(),
        );
        let executor =
            Executor::new(api.clone(), kinds.clone(), Arc::clone(&state), leadership.clone(), random.clone());
        let targets = Targets::new(config.cluster.clone(), Memory::in_dir(&config.data_dir));
        let mut parts = JoinSet::new();
        parts.spawn(
            fetcher::run(source, targets, Arc::clone(&state), wake.clone(), config.polling, random.clone())
                .in_current_span(),
        );
        parts.spawn(fetcher::listen(Arc::clone(&hub), wake.clone(), random.clone()).in_current_span());
        for (api_version, kind) in room::WATCHED {
            let watch = Watch {
                api: api.clone(),
                kinds: kinds.clone(),
                sink: Arc::clone(&state.room) as _,
                metrics: Arc::clone(&state.metrics),
                random: random.clone(),
                id: group_kind(api_version, kind),
                api_version: Some(api_version.to_owned()),
            };
            parts.spawn(watch.run().in_current_span());
        }
        parts.spawn(watches(api.clone(), kinds, Arc::clone(&state), random.clone()).in_current_span());
        parts.spawn(
            analysis::run(api.clone(), Arc::clone(&state), leadership.clone(), samples).in_current_span(),
        );
        parts.spawn(engine::run(Arc::clone(&state), executor, leadership.clone()).in_current_span());
        parts.spawn({
            let (cluster, fetch) = (config.cluster.clone(), Arc::clone(&wake.fetch));
            let reports = async move {
                let uid = cluster_uid(&api, &state, &random).await;
                let calls = Arc::clone(api.calls());
                Reporter::new(hub, state, leadership, calls, random, (cluster, uid), fetch).run().await;
            };
            reports.in_current_span()
        });
        tokio::select! {
            () = keeper.run() => {}
            Some(ended) = parts.join_next() => tracing::error!(error = ?ended, "a part of the agent ended; stopping"),
            () = shutdown => tracing::info!("stopping"),
        }
        // Nothing may be written any more when the Lease is given back.
        parts.shutdown().await;
        keeper.release().await;
    }
}

/// Keeps a watch for every kind that a target needs. Without targets nothing is watched.
async fn watches(api: Api, kinds: Kinds, state: Arc<State>, random: Random) {
    let mut running = JoinSet::new();
    let mut started = BTreeSet::new();
    loop {
        for (id, api_version) in state.kinds_to_watch() {
            if started.insert(id.clone()) {
                let watch = Watch {
                    api: api.clone(),
                    kinds: kinds.clone(),
                    sink: Arc::clone(&state) as _,
                    metrics: Arc::clone(&state.metrics),
                    random: random.clone(),
                    id,
                    api_version,
                };
                running.spawn(watch.run().in_current_span());
            }
        }
        state.kinds.notified().await;
    }
}

/// The cluster's identity: the UID of its namespace `kube-system`, which lives as long as the cluster.
async fn cluster_uid(api: &Api, state: &State, random: &Random) -> String {
    let mut backoff = Backoff::new(random.clone(), Duration::from_secs(1), Duration::from_secs(30));
    let path =
        Kind::known("v1", "Namespace").map(|kind| kind.object(None, "kube-system")).unwrap_or_default();
    loop {
        match api.get("get", &path, "application/json").await {
            Ok(namespace) => {
                if let Some(uid) = namespace.pointer("/metadata/uid").and_then(Value::as_str) {
                    state.problem("cluster", None);
                    return uid.to_owned();
                }
                state.problem("cluster", Some("namespace kube-system has no UID".to_owned()));
            }
            Err(error) => {
                state.problem("cluster", Some(format!("the cluster's UID cannot be read: {error}")));
            }
        }
        sleep(backoff.pause()).await;
    }
}
