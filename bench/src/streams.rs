//! What thousands of open event streams cost a hub, and how long it takes until all are told.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::json;
use shipper_core::api::WATCH;

use crate::crowd::Crowd;
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

/// Measures.
///
/// # Errors
/// The hub does not start, or a stream ends.
pub async fn run(args: Args, figures: &mut Figures) -> Result<()> {
    let open = fs::read_to_string("/proc/self/limits")?;
    let limit = open.lines().find(|line| line.starts_with("Max open files")).context("no limit")?;
    say(limit);
    let crowd = Crowd::start(args.applications, 10, &[]).await?;
    let mut speakers = crowd.report_all().await?;
    tokio::time::sleep(Duration::from_secs(15)).await;
    let before = resident(crowd.hub.pid())?.now;
    let mut streams = Vec::with_capacity(args.streams);
    for _ in 0..args.streams {
        let mut wire = Wire::connect(crowd.address).await?;
        let body = wire.open(WATCH).await?;
        streams.push((wire, body));
    }
    // Each has told what is so, and a ping.
    let (wires, bodies): (Vec<_>, Vec<_>) = streams.into_iter().unzip();
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
    drop((wires, bodies));
    table(
        &["streams", "hub before, MB", "hub with them, MB", "KB each"],
        &[vec![
            args.streams.to_string(),
            format!("{before:.1}"),
            format!("{after:.1}"),
            format!("{each:.1}"),
        ]],
    );
    let told = spread(&told);
    table(
        &["milliseconds", "streams", "p50", "p95", "max"],
        &[spread_row("from a report to all told", &told)],
    );
    figures.keep("streams", args.streams)?;
    figures.keep("kilobytesEach", each)?;
    figures.keep("toldMilliseconds", told)
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
        if data.starts_with(b"event:") {
            return Ok(());
        }
    }
}
