//! From the last pod of a step ready in the last cluster to the next step's target pushed, and in force everywhere, where the gate is
//! `approval: auto` and every step moves traffic.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use kube::api::DynamicObject;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::apps::{self, ANNOTATION, CLIMBS, GOES_UP};
use crate::figures::{Figures, spread, spread_row, table};
use crate::rig::{Rig, Wishes};
use crate::sight::{self, DEPLOYMENT, Sighting};
use crate::stages::Log;

/// A step takes as long as a pod takes to start, and more on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// How much to measure.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// Rollouts
    #[arg(long, default_value_t = 2)]
    rollouts: usize,
    /// Clusters that each step has to be achieved in
    #[arg(long, default_value_t = 3)]
    clusters: usize,
    /// Steps to measure of each, at most fifty
    #[arg(long, default_value_t = CLIMBS)]
    steps: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { rollouts: 2, clusters: 3, steps: CLIMBS }
    }
}

/// Measures.
///
/// # Errors
/// Something does not start, or does not come to rest.
pub async fn run(args: Args, figures: &mut Figures) -> Result<()> {
    let (mut pushed, mut changed) = (Vec::new(), Vec::new());
    for number in 0..args.rollouts {
        let more = args.clusters.saturating_sub(1);
        let rig = Rig::start(Wishes { trace: true, more, ..Wishes::default() }).await?;
        rig.push(&apps::foot(), "Add what is there before")?;
        rig.all_done(1, SOON).await?;
        let mut sightings = Vec::new();
        for client in rig.clients() {
            sightings.push(sight::watch(&client, &[DEPLOYMENT]).await?);
        }
        let mut hub = Log::follow(rig.hub.log_path())?;
        let (began, wall) = (Instant::now(), SystemTime::now());
        rig.push(&apps::escalator(), "Begin to climb")?;
        let mut ready_at: Vec<Instant> = Vec::new();
        for step in 0..args.steps.min(CLIMBS) {
            let ready = last(&mut sightings, "/status/availableReplicas", step)
                .await
                .with_context(|| format!("step {step} of rollout {number}"))?;
            ready_at.push(ready);
            let next = last(&mut sightings, "/spec/replicas", step + 1)
                .await
                .with_context(|| format!("the order to step {} of rollout {number}", step + 1))?;
            changed.push(next.saturating_duration_since(ready).as_secs_f64() * 1000.0);
        }
        let pushes: Vec<SystemTime> =
            hub.news()?.into_iter().filter(|(_, said)| said == "pushed").map(|(at, _)| at).collect();
        for ready in ready_at {
            let ready = wall + ready.saturating_duration_since(began);
            if let Some(after) = pushes.iter().find(|at| **at >= ready) {
                pushed.push(after.duration_since(ready)?.as_secs_f64() * 1000.0);
            }
        }
    }
    let (pushed, changed) = (spread(&pushed), spread(&changed));
    table(
        &["milliseconds", "n", "p50", "p95", "max"],
        &[
            spread_row("last pod ready to next target pushed", &pushed),
            spread_row("last pod ready to object changed", &changed),
        ],
    );
    figures.keep("clusters", args.clusters)?;
    figures.keep("readyToTargetPushed", &pushed)?;
    figures.keep("readyToObjectChanged", &changed)
}

/// When a number of the climbing Deployment was above this in the last of the clusters.
async fn last(clusters: &mut [UnboundedReceiver<Sighting>], path: &str, above: usize) -> Result<Instant> {
    let mut last = None;
    for sightings in clusters {
        let seen = sight::wait(sightings, SOON, |object| number_at(object, path) > above).await?;
        last = last.max(Some(seen.at));
    }
    last.context("there are no clusters")
}

fn number_at(object: &DynamicObject, path: &str) -> usize {
    let climbs = object.metadata.annotations.as_ref().and_then(|all| all.get(ANNOTATION));
    if climbs.is_none_or(|value| value != GOES_UP) {
        return 0;
    }
    let number = object.data.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    usize::try_from(number).unwrap_or(usize::MAX)
}
