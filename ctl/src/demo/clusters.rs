//! Where the clusters of the demo come from: simulated ones here, and whatever else a program brings along.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{BoxFuture, ready};
use jiff::Timestamp;
use kube::Client;
use rand::SeedableRng;
use rand::rngs::StdRng;
use shipper_sim::{Cluster, Delay};

/// One cluster that runs.
#[derive(Clone)]
pub struct Running {
    /// Acts in it with all rights.
    pub client: Client,
    /// For a person who wants to look into it.
    pub kubeconfig: Option<PathBuf>,
}

/// Clusters for a fleet. They end when this is dropped.
pub trait Clusters {
    /// What they are, in the plural: `simulated clusters`.
    fn kind(&self) -> &'static str;

    /// Starts a cluster for each name, in this order. Called once, within the runtime that the clients are to live in.
    fn start<'a>(&'a mut self, names: &'a [&'static str]) -> BoxFuture<'a, Result<Vec<Running>, String>>;
}

/// Clusters within this process.
#[derive(Debug)]
pub struct Simulated;

impl Clusters for Simulated {
    fn kind(&self) -> &'static str {
        "simulated clusters"
    }

    fn start<'a>(&'a mut self, names: &'a [&'static str]) -> BoxFuture<'a, Result<Vec<Running>, String>> {
        let cluster = |_: &&str| {
            let model = Cluster::new(settings(), StdRng::seed_from_u64(rand::random()));
            Running { client: shipper_sim::client(&Arc::new(Mutex::new(model))), kubeconfig: None }
        };
        Box::pin(ready(Ok(names.iter().map(cluster).collect())))
    }
}

/// Quick enough to be fun, slow enough to be seen.
fn settings() -> shipper_sim::Options {
    let between = |low, high| Delay::Between(Duration::from_millis(low), Duration::from_millis(high));
    shipper_sim::Options {
        epoch: Timestamp::now(),
        schedule: between(50, 300),
        start: between(800, 2500),
        terminate: between(200, 900),
        ..shipper_sim::Options::default()
    }
}
