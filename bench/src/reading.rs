//! What people wait for at a hub that is busy: the first page of applications, the page of the fleet and `shipperctl status`, while agents
//! report all the time. Beside each stands the least that the same way can take: a request that is answered with nothing, a program that
//! says its version; and how many reports the hub acknowledged meanwhile.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use shipper_core::protocol::APPLICATIONS;
use tokio::time::{MissedTickBehavior, interval};

use crate::crowd::{Crowd, ON, Speaker};
use crate::figures::{Figures, Spread, spread, table};
use crate::rig::binary;
use crate::wire::Wire;

/// How much to measure.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// Applications
    #[arg(long, default_value_t = 10_000)]
    applications: usize,
    /// Clusters
    #[arg(long, default_value_t = 100)]
    clusters: usize,
    /// Clusters that each application is placed on
    #[arg(long, default_value_t = ON)]
    on: usize,
    /// Reports that come in every second
    #[arg(long, default_value_t = 1_000)]
    reports: usize,
    /// Requests of each kind
    #[arg(long, default_value_t = 2_000)]
    samples: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { applications: 10_000, clusters: 100, on: ON, reports: 1_000, samples: 2_000 }
    }
}

/// Measures.
///
/// # Errors
/// The hub does not start, or does not answer.
pub async fn run(args: Args, figures: &mut Figures) -> Result<()> {
    let crowd = Crowd::start(args.applications, (args.clusters, args.on), &[]).await?;
    let mut speakers = crowd.report_all().await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let pace = Duration::from_secs_f64(args.clusters as f64 / args.reports as f64);
    speakers.retain(|speaker| !speaker.applications.is_empty());
    let acknowledged = Arc::new(AtomicU64::new(0));
    let speak = |speaker| tokio::spawn(speak(speaker, pace, acknowledged.clone()));
    let busy: Vec<_> = speakers.into_iter().map(speak).collect();
    tokio::time::sleep(Duration::from_secs(3)).await;

    let mut meanwhile = Meanwhile::from_now(&acknowledged);
    let mut wire = Wire::connect(crowd.address).await?;
    let list = format!("{APPLICATIONS}?limit=100");
    let mut rows = Vec::new();
    let mut kept = serde_json::Map::new();
    for (what, path) in
        [("nothing", "/healthz"), ("the first page of applications", &*list), ("the page of the fleet", "/")]
    {
        let (mut took, mut size) = (Vec::with_capacity(args.samples), 0);
        for _ in 0..args.samples {
            let began = Instant::now();
            size = wire.get(path).await?.len();
            took.push(began.elapsed().as_secs_f64() * 1000.0);
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        let (found, reports) = (spread(&took), meanwhile.rate());
        rows.push(row(what, &found, &format!("{:.1}", size as f64 / 1000.0), reports));
        kept.insert(
            what.to_owned(),
            json!({"milliseconds": found, "bytes": size, "reportsPerSecond": reports}),
        );
    }
    for (what, arguments) in
        [("shipperctl --version", &["--version"][..]), ("shipperctl status", &["status"])]
    {
        let (found, reports) = (spread(&program(arguments, &crowd)?), meanwhile.rate());
        rows.push(row(what, &found, "", reports));
        kept.insert(what.to_owned(), json!({"milliseconds": found, "reportsPerSecond": reports}));
    }
    for one in busy {
        ensure!(!one.is_finished(), "a cluster could not report: {:?}", one.await);
        one.abort();
    }
    table(&["milliseconds", "p50", "p95", "p99", "max", "KB", "reports a second meanwhile"], &rows);
    figures.keep("applications", args.applications)?;
    figures.keep("onClusters", args.on)?;
    figures.keep("reportsPerSecondMeant", args.reports)?;
    figures.keep("answers", kept)
}

fn row(what: &str, found: &Spread, size: &str, reports: f64) -> Vec<String> {
    let numbers = [found.p50, found.p95, found.p99, found.max].map(|value| format!("{value:.1}"));
    [vec![what.to_owned()], numbers.to_vec(), vec![size.to_owned(), format!("{reports:.0}")]].concat()
}

/// The reports that were acknowledged while something was measured.
struct Meanwhile<'a> {
    acknowledged: &'a AtomicU64,
    before: u64,
    began: Instant,
}

impl<'a> Meanwhile<'a> {
    fn from_now(acknowledged: &'a AtomicU64) -> Self {
        Self { acknowledged, before: acknowledged.load(Ordering::Relaxed), began: Instant::now() }
    }

    /// How many a second since it was last asked.
    fn rate(&mut self) -> f64 {
        let Self { before, began, acknowledged } = std::mem::replace(self, Self::from_now(self.acknowledged));
        let now = acknowledged.load(Ordering::Relaxed);
        now.saturating_sub(before) as f64 / began.elapsed().as_secs_f64()
    }
}

/// One application after the other loses a pod and gets it back. Reports that are late are made up for.
async fn speak(mut speaker: Speaker, pace: Duration, acknowledged: Arc<AtomicU64>) -> Result<()> {
    let mut tick = interval(pace);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut applications = std::mem::take(&mut speaker.applications);
    for turn in 0.. {
        tick.tick().await;
        let (round, number) = (turn / applications.len(), turn % applications.len());
        let app = &mut applications[number];
        for field in ["pods", "ready", "available"] {
            app["releases"][0]["capacity"][field] = json!(2 + round % 2);
        }
        speaker.report(std::slice::from_ref(app)).await?;
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// From the start to the end of a program, in milliseconds.
fn program(arguments: &[&str], crowd: &Crowd) -> Result<Vec<f64>> {
    let path = binary("shipperctl")?;
    let mut took = Vec::new();
    for _ in 0..50 {
        let began = Instant::now();
        let status = Command::new(&path)
            .args(arguments)
            .env("SHIPPER_HUB", format!("http://{}", crowd.address))
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "shipperctl {arguments:?}: {status}");
        took.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(took)
}
