//! From the end of the push of a promotion to the object changed in the cluster, seen on a watch; beside a bare apply of such
//! an object, and beside the bare chain, sample by sample.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use kube::api::DynamicObject;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::spawn_blocking;

use crate::apps::{self, CLIMBER, CLIMBS};
use crate::bare;
use crate::chain::Chain;
use crate::figures::{Figures, Spread, say, spread, spread_row, table};
use crate::rig::{NAMESPACE, Rig, Wishes};
use crate::sight::{self, DEPLOYMENT, Sighting};
use crate::stages::{self, Log, STAGES};

const SOON: Duration = Duration::from_secs(30);
/// Between one measurement and the next, for what the last one stirred up.
const PAUSE: Duration = Duration::from_millis(200);
const BARE: &str = "bare";
/// Promotions before the first that counts.
const WARM_UP: usize = 2;

/// How much to measure.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// Promotions
    #[arg(long, default_value_t = 100)]
    samples: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { samples: 100 }
    }
}

/// One kind of measurement in milliseconds.
#[derive(Debug, Clone, Default)]
struct Samples {
    shipper: Vec<f64>,
    push: Vec<f64>,
    apply: Vec<f64>,
    program: Vec<f64>,
    library: Vec<f64>,
    library_parts: [Vec<f64>; 3],
    stages: Vec<Vec<f64>>,
}

/// Measures.
///
/// # Errors
/// Something does not start, or does not come to rest.
pub async fn run(args: Args, figures: &mut Figures) -> Result<()> {
    let rig = Rig::start(Wishes { trace: true, ..Wishes::default() }).await?;
    // Each in a repository of its own, so that each fetch brings one commit.
    let mut program = spawn_blocking(Chain::start).await??;
    let mut library = spawn_blocking(Chain::start).await??;
    let mut sightings = sight::watch(&rig.client, &[DEPLOYMENT]).await?;
    rig.push(&apps::climber(), "Add the climber")?;
    let release = rig.settled(CLIMBER, 0).await?;
    bare::apply(&rig.client, &bare_deployment(1)).await?;
    let (mut hub, mut agent) = (Log::follow(rig.hub.log_path())?, Log::follow(rig.agent.log_path())?);
    let mut samples = Samples { stages: vec![Vec::new(); STAGES.len() + 1], ..Samples::default() };
    for number in 0..args.samples + WARM_UP {
        let mut discarded = Samples { stages: vec![Vec::new(); STAGES.len() + 1], ..Samples::default() };
        let samples = if number < WARM_UP { &mut discarded } else { &mut samples };
        let step = number % CLIMBS + 1;
        if number > 0 && step == 1 {
            // Down again, which does not count: the agent first says which pod is to go, and waits for that to be known.
            rig.push(&[apps::climb(Some((&release, 0)))], "Walk back")?;
            rig.settled(CLIMBER, 0).await?;
        }
        let replicas = i64::try_from(number % 2)? + 1;
        rest().await;
        hub.news()?;
        agent.news()?;
        promote(&rig, &mut sightings, (&release, step), samples, (&mut hub, &mut agent)).await?;
        rig.settled(CLIMBER, step).await?;
        rest().await;
        samples.apply.push(milliseconds(bare_apply(&rig, &mut sightings, replicas).await?));
        tokio::time::sleep(PAUSE).await;
        let (returned, parts) = spawn_blocking(move || {
            let parts = program.order(number + 1).and_then(|()| program.by_program(number + 1));
            (program, parts)
        })
        .await?;
        program = returned;
        let patch = bare_apply(&rig, &mut sightings, 3 - replicas).await?;
        samples.program.push(milliseconds(parts?.sum() + patch));
        tokio::time::sleep(PAUSE).await;
        let (returned, parts) = spawn_blocking(move || {
            let parts = library.order(number + 1).and_then(|()| library.by_library(number + 1));
            (library, parts)
        })
        .await?;
        library = returned;
        let patch = bare_apply(&rig, &mut sightings, replicas).await?;
        let parts = parts?;
        samples.library.push(milliseconds(parts.sum() + patch));
        let each = [parts.fetch_main, parts.push, parts.fetch_state];
        samples.library_parts.iter_mut().zip(each).for_each(|(to, part)| to.push(milliseconds(part)));
        if number % 10 == 1 {
            say(&format!("{} of {} samples", (number + 1).saturating_sub(WARM_UP), args.samples));
        }
    }
    // A store must not be dropped where nothing may block.
    spawn_blocking(move || drop((program, library))).await?;
    show(&samples, figures)
}

/// A sample of Shipper.
async fn promote(
    rig: &Rig,
    sightings: &mut UnboundedReceiver<Sighting>,
    (release, step): (&str, usize),
    samples: &mut Samples,
    (hub, agent): (&mut Log<'_>, &mut Log<'_>),
) -> Result<()> {
    let (path, content) = apps::climb(Some((release, step)));
    rig.desk.write(&path, &content)?;
    rig.desk.commit(&format!("Promote to {step}"))?;
    while sightings.try_recv().is_ok() {}
    let begun = Instant::now();
    rig.desk.push()?;
    let (pushed, wall) = (Instant::now(), SystemTime::now());
    let seen = sight::wait(sightings, SOON, |object| {
        name(object).starts_with(CLIMBER) && replicas(object) == Some(step + 1)
    })
    .await
    .with_context(|| format!("the promotion to {step}"))?;
    // Written before the answer of the agent's request is.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let lengths = stages::lengths(wall, &hub.news()?, &agent.news()?);
    for (to, length) in samples.stages.iter_mut().zip(&lengths) {
        to.extend(length.map(milliseconds));
    }
    samples.push.push(milliseconds(pushed - begun));
    samples.shipper.push(milliseconds(seen.at.saturating_duration_since(pushed)));
    Ok(())
}

/// From the request to the sight of the object changed.
async fn bare_apply(
    rig: &Rig,
    sightings: &mut UnboundedReceiver<Sighting>,
    replicas: i64,
) -> Result<Duration> {
    // As warm as an agent that looks at something else meanwhile.
    while sightings.try_recv().is_ok() {}
    let object = bare_deployment(replicas);
    let value = object["metadata"]["annotations"][apps::ANNOTATION].as_str().unwrap_or_default().to_owned();
    let began = Instant::now();
    bare::apply(&rig.client, &object).await?;
    let seen = sight::wait(sightings, SOON, |object| {
        name(object) == BARE
            && object.metadata.annotations.as_ref().and_then(|a| a.get(apps::ANNOTATION)) == Some(&value)
    })
    .await?;
    Ok(seen.at.saturating_duration_since(began))
}

fn bare_deployment(replicas: i64) -> Value {
    let value = format!("{:016x}", rand::random::<u64>());
    let mut object = apps::deployment(BARE, 0, &value);
    object["metadata"]["namespace"] = json!(NAMESPACE);
    object["spec"]["replicas"] = json!(replicas);
    object
}

fn name(object: &DynamicObject) -> &str {
    object.metadata.name.as_deref().unwrap_or_default()
}

fn replicas(object: &DynamicObject) -> Option<usize> {
    object.data.pointer("/spec/replicas").and_then(Value::as_u64)?.try_into().ok()
}

/// A random pause, so that samples fall anywhere between the timers of everybody.
async fn rest() {
    tokio::time::sleep(Duration::from_millis(rand::random_range(500..1500))).await;
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[derive(Serialize)]
struct Stage {
    stage: &'static str,
    milliseconds: Spread,
}

fn show(samples: &Samples, figures: &mut Figures) -> Result<()> {
    let shipper = spread(&samples.shipper);
    let (program, library) = (spread(&samples.program), spread(&samples.library));
    let apply = spread(&samples.apply);
    table(
        &["milliseconds", "n", "p50", "p95", "max"],
        &[
            spread_row("the push itself", &spread(&samples.push)),
            spread_row("Shipper: end of push to object changed", &shipper),
            spread_row("bare server-side apply", &apply),
            spread_row("bare chain by the git program", &program),
            spread_row("bare chain by libgit2", &library),
        ],
    );
    let floor = program.p50.min(library.p50);
    say(&format!(
        "ratio to the faster bare chain: p50 {:.2}, p95 {:.2}",
        shipper.p50 / floor,
        shipper.p95 / program.p95.min(library.p95)
    ));
    let stages: Vec<Stage> = STAGES
        .iter()
        .zip(&samples.stages)
        .map(|((_, _, stage), lengths)| Stage { stage, milliseconds: spread(lengths) })
        .collect();
    let rows: Vec<_> = stages.iter().map(|stage| spread_row(stage.stage, &stage.milliseconds)).collect();
    table(&["stage, milliseconds", "n", "p50", "p95", "max"], &rows);
    let parts: Vec<Spread> = samples.library_parts.iter().map(|part| spread(part)).collect();
    let names = ["fetch main and state", "commit and push", "fetch state"];
    let rows: Vec<_> = names.iter().zip(&parts).map(|(name, part)| spread_row(name, part)).collect();
    table(&["bare chain by libgit2, milliseconds", "n", "p50", "p95", "max"], &rows);
    figures.keep("push", spread(&samples.push))?;
    figures.keep("shipper", &shipper)?;
    figures.keep("bareApply", &apply)?;
    figures.keep("bareChainByProgram", &program)?;
    figures.keep("bareChainByLibgit2", &library)?;
    figures.keep("ratioToFasterChain", shipper.p50 / floor)?;
    figures.keep("stages", &stages)?;
    figures.keep("chainParts", &parts)?;
    figures.keep("samples", &samples.shipper)
}
