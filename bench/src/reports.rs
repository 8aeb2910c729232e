//! What agents say whose clusters have all that is asked of them, and what one says when a pod is lost.

use std::collections::BTreeMap;

use shipper_core::report::{AppReport, Capacity, ReleaseReport, Remains, Traffic};
use shipper_core::state::Target;

/// Replicas that every application of these benchmarks renders.
pub const REPLICAS: u32 = 3;

/// The report on a target that is met.
pub fn met(target: &Target) -> AppReport {
    let releases: Vec<ReleaseReport> = target
        .releases
        .iter()
        .map(|listed| {
            let pods = (REPLICAS * u32::from(listed.capacity)).div_ceil(100);
            let serving = if listed.traffic.unwrap_or(0) > 0 { pods } else { 0 };
            let (ready, available) = (pods, pods);
            let capacity = Capacity {
                rendered: REPLICAS,
                desired: pods,
                replicas: pods,
                pods,
                ready,
                available,
                achieved: true,
            };
            ReleaseReport {
                name: listed.name.clone(),
                present: !listed.absent,
                installed: true,
                capacity,
                traffic: listed.traffic.map(|_| Traffic { wanted: serving, ready: serving, achieved: true }),
                pods: Vec::new(),
                autoscaled: BTreeMap::new(),
            }
        })
        .collect();
    let ready_pods = releases.iter().map(|release| release.capacity.ready).sum();
    AppReport {
        application: target.application.clone(),
        target_generation: target.generation,
        releases,
        corked: None,
        unattended: false,
        remains: Some(Remains { ready_pods, ..Remains::default() }),
        problems: Vec::new(),
        analysis: None,
    }
}

/// The same, where the newest release has lost a pod.
pub fn short(target: &Target) -> AppReport {
    let mut report = met(target);
    if let Some(newest) = report.releases.last_mut() {
        let capacity = &mut newest.capacity;
        (capacity.ready, capacity.available) =
            (capacity.ready.saturating_sub(1), capacity.available.saturating_sub(1));
        capacity.achieved = false;
    }
    report
}
