//! Waiting for what is to come, in simulated time.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use shipper_core::AppKey;
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_hub::http::router;
use tokio::time::{Instant, sleep};

use super::{Simulation, contract};
use crate::scene::hub::ensure_at;
use crate::scene::sight::Sight;

/// How long anything may take, in simulated time.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a condition is looked at, in simulated time.
const LOOK: Duration = Duration::from_millis(100);

impl Simulation {
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
}
