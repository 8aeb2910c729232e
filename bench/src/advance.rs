//! From the last pod of a step ready to the next step's target pushed, and in force, where the gate is `approval: auto`.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use kube::api::DynamicObject;
use serde_json::Value;

use crate::apps::{self, CLIMBER, CLIMBS};
use crate::figures::{Figures, spread, spread_row, table};
use crate::rig::{Rig, Wishes};
use crate::sight::{self, DEPLOYMENT};
use crate::stages::Log;

/// A step takes as long as a pod takes to start, and more on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// How much to measure.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// Rollouts of fifty steps each
    #[arg(long, default_value_t = 2)]
    rollouts: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { rollouts: 2 }
    }
}

/// Measures.
///
/// # Errors
/// Something does not start, or does not come to rest.
pub async fn run(args: Args, figures: &mut Figures) -> Result<()> {
    let (mut pushed, mut changed) = (Vec::new(), Vec::new());
    for number in 0..args.rollouts {
        let rig = Rig::start(Wishes { trace: true, ..Wishes::default() }).await?;
        let mut sightings = sight::watch(&rig.client, &[DEPLOYMENT]).await?;
        let mut hub = Log::follow(rig.hub.log_path())?;
        let (began, wall) = (Instant::now(), SystemTime::now());
        rig.push(&apps::escalator(), "Add the climber")?;
        let mut ready_at: Vec<Instant> = Vec::new();
        for step in 0..CLIMBS {
            let ready = sight::wait(&mut sightings, SOON, |object| {
                number_at(object, "/status/availableReplicas") > step
            })
            .await
            .with_context(|| format!("step {step} of rollout {number}"))?;
            ready_at.push(ready.at);
            let next =
                sight::wait(&mut sightings, SOON, |object| number_at(object, "/spec/replicas") > step + 1)
                    .await
                    .with_context(|| format!("the order to step {} of rollout {number}", step + 1))?;
            changed.push(next.at.saturating_duration_since(ready.at).as_secs_f64() * 1000.0);
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
    figures.keep("readyToTargetPushed", &pushed)?;
    figures.keep("readyToObjectChanged", &changed)
}

fn number_at(object: &DynamicObject, path: &str) -> usize {
    if !object.metadata.name.as_deref().unwrap_or_default().starts_with(CLIMBER) {
        return 0;
    }
    let number = object.data.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    usize::try_from(number).unwrap_or(usize::MAX)
}
