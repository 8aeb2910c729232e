//! Parts that the scenes share: the shop's first release, the way through the steps, what never may happen meanwhile.

use std::time::Instant;

use shipper_core::status::WaitingFor;
use shipper_tests::scene::endpoints::EndpointWatch;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::simulated::{APP, NAMESPACE, Simulation};

/// The first release, full on everywhere.
pub async fn first_release(fleet: &Simulation) -> String {
    fleet.people.add_application();
    fleet.pushed().await;
    let v1 = fleet.contender_after("").await;
    // There is no incumbent: staging is one pod without traffic.
    at_rest(fleet, &v1, 0, &Sight::of(&[(&v1, seen(1, 0))], None)).await;
    promote(fleet, &v1, "full on").await;
    at_rest(fleet, &v1, 2, &Sight::of(&[(&v1, seen(4, 4))], Some(&v1))).await;
    v1
}

/// From staging through 50/50 to full on.
pub async fn roll_out(fleet: &Simulation, old: &str, new: &str) {
    staging(fleet, old, new).await;
    half(fleet, old, new).await;
    promote(fleet, new, "full on").await;
    at_rest(fleet, new, 2, &Sight::of(&[(old, seen(0, 0)), (new, seen(4, 4))], Some(new))).await;
    let status = fleet.status().unwrap();
    let release = status.releases.iter().find(|release| release.name.as_str() == new).unwrap();
    assert!(release.complete.is_some(), "{release:?}");
}

/// The new release beside the whole old one, without traffic.
pub async fn staging(fleet: &Simulation, old: &str, new: &str) {
    at_rest(fleet, new, 0, &Sight::of(&[(old, seen(4, 4)), (new, seen(1, 0))], Some(old))).await;
}

/// On to half and half.
pub async fn half(fleet: &Simulation, old: &str, new: &str) {
    promote(fleet, new, "50/50").await;
    at_rest(fleet, new, 1, &Sight::of(&[(old, seen(2, 2)), (new, seen(2, 2))], None)).await;
}

/// The hub says that the step is achieved, and every cluster looks as it should.
async fn at_rest(fleet: &Simulation, release: &str, step: usize, expected: &Sight) {
    let state = if step == 2 { WaitingFor::None } else { WaitingFor::WaitingForCommand };
    fleet.wait_until(release, step, state).await;
    fleet.wait_for(expected).await;
    fleet.reached(&format!("step {step} of {release}: {expected}"));
}

/// Sends a release to a step.
pub async fn promote(fleet: &Simulation, release: &str, step: &str) {
    fleet.people.promote(release, step);
    fleet.pushed().await;
}

/// A watch on who has traffic, in every cluster.
pub struct Floor {
    since: Instant,
    watches: Vec<EndpointWatch>,
}

impl Floor {
    /// Watches from now on.
    pub async fn watch(fleet: &Simulation) -> Self {
        let since = Instant::now();
        let mut watches = Vec::new();
        for (_, client) in &fleet.clusters {
            watches.push(EndpointWatch::start(client, NAMESPACE, APP).await.unwrap());
        }
        Self { since, watches }
    }

    /// Never were fewer addresses ready than `floor`, in no cluster [C2].
    pub fn assert_held(&self, fleet: &Simulation, floor: usize) {
        for ((cluster, _), watch) in fleet.clusters.iter().zip(&self.watches) {
            let moments = watch.moments_since(self.since);
            assert!(!moments.is_empty(), "nothing was seen of {cluster}");
            let fewest = watch.fewest_since(self.since);
            assert!(fewest >= floor, "{cluster} had {fewest} ready addresses: {moments:?}");
        }
    }

    /// The watch of each cluster.
    pub fn watches(&self) -> &[EndpointWatch] {
        &self.watches
    }
}
