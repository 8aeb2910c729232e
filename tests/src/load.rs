//! A steady load on the address of a Service, from within the network of a real node, or through a [`front`] before several clusters.
//!
//! Half of the callers make a connection for every request, the other half keep theirs as long as the server lets them. No
//! request is ever tried again: whatever a caller would notice is in the [log](Load::lost).

pub mod front;
mod request;
pub mod shares;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use k8s_openapi::api::core::v1::Service;
use kube::api::Api;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::cluster::Cluster;
use crate::eventually::within;
use crate::real_node::Inside;
use front::{Front, address_of};
use request::Caller;

/// Callers of each of the two sorts.
const CALLERS: usize = 5;
/// From one request of a caller to its next.
const PERIOD: Duration = Duration::from_millis(40);

const START: Duration = Duration::from_secs(60);

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// When the request was begun.
    pub at: Instant,
    /// How long it took.
    pub took: Duration,
    /// Over a connection that had carried requests before.
    pub kept: bool,
    /// The version of the server.
    pub version: String,
    /// Its pod.
    pub pod: String,
}

/// A request that was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// When the request was begun.
    pub at: Instant,
    /// How long it took until it was given up.
    pub took: Duration,
    /// Over a connection that had carried requests before, to this pod.
    pub kept: Option<String>,
    /// What the caller saw.
    pub why: String,
}

#[derive(Debug, Default)]
struct Log {
    answers: Vec<Answer>,
    lost: Vec<Lost>,
}

/// Callers that go on until this is dropped.
#[derive(Debug)]
pub struct Load {
    log: Arc<Mutex<Log>>,
    _callers: JoinSet<()>,
    /// Where the callers are, unless that is elsewhere.
    _inside: Option<Inside>,
}

impl Load {
    /// Begins to call a Service of a cluster with a real node, at its first port, once somebody answers there.
    ///
    /// # Errors
    /// When there is no such Service or node, or nobody answers within a minute.
    pub async fn start(cluster: &Cluster, namespace: &str, service: &str) -> Result<Self> {
        let service: Service = Api::namespaced(cluster.client().await?, namespace).get(service).await?;
        let inside = cluster.real_node()?.enter()?;
        let load = Self::begin(address_of(&service)?, inside.handle()).await?;
        Ok(Self { _inside: Some(inside), ..load })
    }

    /// Begins to call clusters through what is before them, once somebody answers there. It ends with that.
    ///
    /// # Errors
    /// When nobody answers within a minute.
    pub async fn through(front: &Front) -> Result<Self> {
        Self::begin(front.address(), front.handle().context("it has ended")?).await
    }

    async fn begin(address: SocketAddr, place: &Handle) -> Result<Self> {
        // Not before the proxy has heard of the Service are its requests promised anything.
        let first = place.spawn(first_answer(address));
        first.await?.map_err(|error| anyhow!("nobody answers at {address}: {error}"))?;
        let (log, mut callers) = (Arc::<Mutex<Log>>::default(), JoinSet::new());
        for number in 0..2 * CALLERS {
            let caller = Caller::new(address, number % 2 == 1);
            callers.spawn_on(call(caller, log.clone()), place);
        }
        Ok(Self { log, _callers: callers, _inside: None })
    }

    /// What was answered so far, in the order of the answers.
    #[must_use]
    pub fn answers(&self) -> Vec<Answer> {
        lock(&self.log).answers.clone()
    }

    /// How many requests were answered so far.
    #[must_use]
    pub fn answered(&self) -> usize {
        lock(&self.log).answers.len()
    }

    /// What was not.
    #[must_use]
    pub fn lost(&self) -> Vec<Lost> {
        lock(&self.log).lost.clone()
    }
}

async fn first_answer(address: SocketAddr) -> Result<(), String> {
    within(START, async || Caller::new(address, false).call().await.map(drop)).await
}

async fn call(mut caller: Caller, log: Arc<Mutex<Log>>) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let at = Instant::now();
        let kept = caller.connected_to();
        let called = caller.call().await;
        let took = at.elapsed();
        let mut log = lock(&log);
        match called {
            Ok((version, pod)) => {
                log.answers.push(Answer { at, took, kept: kept.is_some(), version, pod });
            }
            Err(error) => log.lost.push(Lost { at, took, kept, why: format!("{error:#}") }),
        }
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}
