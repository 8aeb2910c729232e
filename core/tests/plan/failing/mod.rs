//! Rules A1 to A3, A6, M9 and M12: clusters that fail, how many may, and what the hub does then.

mod budget;
mod deadline;
mod hubs;
mod restored;
mod rollback;

use crate::support::{World, broken, vanguard};
use jiff::SignedDuration;
use shipper_core::catalogue::Trouble;
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::intent::{MaxFailedClusters, OnFailure, StrategySpec};
use shipper_core::report::{AppReport, ObjectProblem};
use shipper_core::state::FailureKind;
use std::time::Duration;

/// Progress is written down once in each tenth of it: every minute.
const DEADLINE: Duration = Duration::from_secs(600);
/// What it takes at most until a cluster without progress is called failing.
const LATEST: i64 = 661;

fn strategy(on_failure: OnFailure, max_failed: u32) -> StrategySpec {
    let max_failed_clusters = MaxFailedClusters::Number(max_failed);
    StrategySpec { progress_deadline: DEADLINE, on_failure, max_failed_clusters, ..vanguard() }
}

/// v2 is at 50/50, all targets are written, nothing is reported on them yet.
fn at_half(on_failure: OnFailure, max_failed: u32) -> World {
    let mut world = World::at_v1();
    world.commit("v2", strategy(on_failure, max_failed));
    world.settle();
    world.promote("50/50");
    world.plan();
    world
}

/// Time passes, and the hub plans whenever it asked to be woken.
fn later(world: &mut World, seconds: i64) {
    let until = world.now + SignedDuration::from_secs(seconds);
    while let Some(at) = world.look().wake_at.filter(|at| *at <= until) {
        world.now = world.now.max(at);
        world.plan();
    }
    world.now = until;
    world.plan();
}

/// As [`later`], until no cluster can be without progress and not be called failing.
fn past_the_deadline(world: &mut World) {
    world.plan();
    later(world, LATEST);
}

/// The contender has this many pods available, of five.
fn partly(pods: u32) -> impl Fn(&mut AppReport) {
    move |report| {
        broken(report);
        let newest = report.releases.last_mut().unwrap();
        (newest.capacity.ready, newest.capacity.available) = (pods, pods);
    }
}

fn rejected(heals: bool) -> impl Fn(&mut AppReport) {
    move |report| {
        report.releases.last_mut().unwrap().installed = false;
        report.problems.push(ObjectProblem {
            object: "Deployment web/app".into(),
            heals,
            reason: if heals { Trouble::Quota } else { Trouble::Rejected },
            message: "spec.replicas: too many".into(),
        });
    }
}

fn failing(world: &World) -> Vec<String> {
    let clusters = world.look().status.clusters;
    clusters.iter().filter(|c| c.failing.is_some()).map(|c| c.cluster.to_string()).collect()
}

fn kind(world: &World, cluster: &str) -> FailureKind {
    world.contender().lagging[cluster].failing.as_ref().expect("a failing cluster").kind
}

fn achieved(world: &World) -> usize {
    world.contender().achieved.as_ref().expect("an achieved step").step
}

fn reason(world: &World) -> Option<Reason> {
    world.condition(ConditionType::ClustersHealthy).map(|(status, reason, _)| {
        assert_eq!(status, Status::False);
        reason
    })
}
