//! A hub, agents and simulated clusters in one process, in simulated time: tokio's clock is paused and leaps to the next
//! moment at which something is to happen, once everything that runs has come to rest. Git work runs on threads that may block,
//! which holds the clock.
//!
//! - [`Simulation`]: what runs, and what it says of itself; [`waiting`]: waiting for what is to come
//! - [`parts`]: how hub, agents and clusters are made, and how they begin; [`link`]: the ways between them without a socket
//! - [`contract`]: whatever the hub says on these ways is as its OpenAPI document says
//! - [`people`]: what people commit

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod contract;
mod link;
mod parts;
mod people;
mod waiting;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::json;
use shipper_agent::Status;
use shipper_core::AppKey;
use shipper_core::status::ApplicationStatus;
use shipper_hub::http::router;
use shipper_hub::shared::Shared;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::scene::sight::{Sight, look};
use crate::scratch::Scratch;

pub use self::parts::Begin;
use self::parts::{agent, cluster, hub};
pub use self::people::{APP, MANIFESTS, NAMESPACE, People};

/// How long a scene may take in real time: two seconds on an idle machine, and others may be at work on this one.
const REAL: Duration = Duration::from_secs(6);

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
        crate::init();
        let began = (Instant::now(), std::time::Instant::now());
        let scratch = Scratch::new("simulated").unwrap();
        let people = People::begin(&scratch.join("fleet.git"), &names);
        let mut tasks = JoinSet::new();
        let shared = hub(scratch.path(), &people, &names, &begin, &mut tasks).await;
        let (mut clusters, mut agents) = (Vec::new(), Vec::new());
        for (name, seed) in names.into_iter().zip(seed..) {
            let client = cluster(seed);
            let data = scratch.join(&name);
            let agent = agent((&name, client.clone(), seed), data, router(shared.clone()), &people, &begin);
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

    /// What is in each cluster.
    pub async fn sights(&self) -> Result<Vec<(&str, Sight)>> {
        let sights = self.clusters.iter().map(|(_, client)| look(client, NAMESPACE, APP));
        let sights = try_join_all(sights).await?;
        Ok(self.clusters.iter().map(|(name, _)| name.as_str()).zip(sights).collect())
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
