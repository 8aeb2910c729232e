//! What thousands of open event streams cost a hub, and how long it takes until all are told.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::json;
use shipper_core::api::WATCH;

use crate::crowd::{Crowd, ON};
use crate::figures::{Figures, say, spread, spread_row, table};
use crate::memory::resident;
use crate::wire::Wire;

/// How much to measure.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// Streams that are open at once
    #[arg(long, default_value_t = 5_000)]
    streams: usize,
    /// Applications, on ten clusters
    #[arg(long, default_value_t = 100)]
    applications: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { streams: 5_000, applications: 100 }
    }
}

/// What is listened to: that something changed, as programs hear it and as an open page does, and a list of a hundred applications.
const KINDS: [(&str, &str); 3] = [
    ("what changes, to programs", WATCH),
    ("what changes, to an open page", "/changes"),
    ("a list, page by page", "/api/v1/applications?limit=100&watch"),
];

/// Measures.
///
/// # Errors
/// The hub does not start, or a stream ends.
pub async fn run(args: Args, figures: &mut Figures) -> Result<()> {
    let open = fs::read_to_string("/proc/self/limits")?;
    let limit = open.lines().find(|line| line.starts_with("Max open files")).context("no limit")?;
    say(limit);
    let (mut sizes, mut times, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for (what, path) in KINDS {
        let Cost { before, after, each, told } = one(args, path).await?;
        let numbers = [before, after, each].map(|value| format!("{value:.1}"));
        sizes.push([vec![what.to_owned()], numbers.to_vec()].concat());
        let told = spread(&told);
        times.push(spread_row(what, &told));
        kept.push(json!({"what": what, "kilobytesEach": each, "toldMilliseconds": told}));
    }
    table(&["streams of", "hub before, MB", "hub with them, MB", "KB each"], &sizes);
    table(&["milliseconds from a report to all told", "streams", "p50", "p95", "max"], &times);
    figures.keep("streams", args.streams)?;
    figures.keep("kinds", kept)
}

/// What streams of a kind cost.
struct Cost {
    /// Megabytes of the hub without them, and with them.
    before: f64,
    after: f64,
    /// Kilobytes of each.
    each: f64,
    /// Milliseconds until each was told of a report.
    told: Vec<f64>,
}

/// Opens them at a hub of their own: what others leave with it would count for them.
async fn one(args: Args, path: &str) -> Result<Cost> {
    let crowd = Crowd::start(args.applications, (10, ON), &[]).await?;
    let mut speakers = crowd.report_all().await?;
    tokio::time::sleep(Duration::from_secs(15)).await;
    let before = resident(crowd.hub.pid())?.now;
    let mut streams = Vec::with_capacity(args.streams);
    for _ in 0..args.streams {
        let mut wire = Wire::connect(crowd.address).await?;
        let body = wire.open(path).await?;
        streams.push((wire, body));
    }
    // Each has told what is so, and a ping.
    let (_wires, bodies): (Vec<_>, Vec<_>) = streams.into_iter().unzip();
    let mut bodies = quiet(bodies).await?;
    let after = resident(crowd.hub.pid())?.now;
    let each = (after - before) * 1000.0 / args.streams as f64;

    let speaker = speakers.iter_mut().find(|one| !one.applications.is_empty()).context("nobody reports")?;
    let mut app = speaker.applications[0].clone();
    let mut told = Vec::new();
    for turn in 0..5 {
        app["releases"][0]["capacity"]["ready"] = json!(2 + turn % 2);
        let began = Instant::now();
        let tasks: Vec<_> = bodies
            .into_iter()
            .map(|mut body| {
                tokio::spawn(async move {
                    event(&mut body).await?;
                    Ok::<_, anyhow::Error>((body, began.elapsed().as_secs_f64() * 1000.0))
                })
            })
            .collect();
        speaker.report(std::slice::from_ref(&app)).await?;
        bodies = Vec::with_capacity(args.streams);
        for task in tasks {
            let (body, took) = task.await??;
            bodies.push(body);
            told.push(took);
        }
        bodies = quiet(bodies).await?;
    }
    Ok(Cost { before, after, each, told })
}

/// Reads whatever comes for longer than a stream is silent.
async fn quiet(bodies: Vec<Incoming>) -> Result<Vec<Incoming>> {
    let until = Instant::now() + Duration::from_secs(12);
    let tasks: Vec<_> = bodies
        .into_iter()
        .map(|mut body| {
            tokio::spawn(async move {
                while let Some(left) = until.checked_duration_since(Instant::now()) {
                    match tokio::time::timeout(left, body.frame()).await {
                        Ok(Some(Ok(_))) => {}
                        Ok(end) => anyhow::bail!("a stream ended: {end:?}"),
                        Err(_) => break,
                    }
                }
                Ok(body)
            })
        })
        .collect();
    let mut bodies = Vec::with_capacity(tasks.len());
    for task in tasks {
        bodies.push(task.await??);
    }
    Ok(bodies)
}

/// The next that is no ping.
async fn event(body: &mut Incoming) -> Result<()> {
    loop {
        let frame = body.frame().await.context("a stream ended")??;
        let data = frame.data_ref().map(|data| data.to_vec()).unwrap_or_default();
        ensure!(!data.is_empty(), "a frame without data");
        let begins = data.starts_with(b"event:") || data.starts_with(b"id:");
        if begins && !data.starts_with(b"event: ping") {
            return Ok(());
        }
    }
}
