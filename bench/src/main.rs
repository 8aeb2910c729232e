//! `cargo xtask bench`: what Shipper costs, measured against a floor in the same run. No test depends on a figure.
//!
//! Each benchmark prints its figures as a table and writes them to `target/bench/<name>.json`; `docs/benchmarks.md` says
//! what they mean. Daemons, control planes and Git servers are real processes ([`rig`]).

mod advance;
mod apps;
mod audit;
mod bare;
mod chain;
mod crowd;
mod figures;
mod intake;
mod latency;
mod machine;
mod memory;
mod planning;
mod post;
mod reading;
mod reports;
mod requests;
mod rig;
mod rows;
mod sight;
mod size;
mod stages;
mod streams;
mod throughput;
mod wire;

use anyhow::Result;
use clap::{Parser, Subcommand};
use figures::Figures;
use tracing_subscriber::EnvFilter;

/// That of the daemons, parts of which run in this process.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures Shipper against a floor in the same run
#[derive(Debug, Parser)]
#[command(name = "shipper-bench")]
struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// From the end of a push to the object changed in the cluster
    Latency(latency::Args),
    /// From the last pod of a step ready to the next step's target pushed
    Advance(advance::Args),
    /// Requests to the API server, of a rollout and of idle minutes
    Requests(requests::Args),
    /// Resident memory of the agent
    Memory(memory::Args),
    /// Many small applications, all new in one push, then all changed
    Throughput(throughput::Args),
    /// The hub's time for one commit, by the size of the fleet
    Planning(planning::Args),
    /// Resident memory of the hub, by the size of the fleet
    Size(size::Args),
    /// Reports taken in over HTTP, and whether one is lost when the hub is killed
    Intake(intake::Args),
    /// What people wait for at a hub that is busy: lists, pages, shipperctl
    Reading(reading::Args),
    /// Thousands of open event streams
    Streams(streams::Args),
}

fn main() -> Result<()> {
    let what = Args::parse().what;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(What::Intake(_)) = what {
        // More threads that all have something to do would only take the cores from the hub.
        runtime.worker_threads(1);
    }
    runtime.enable_all().build()?.block_on(run(what))
}

async fn run(what: Option<What>) -> Result<()> {
    // Before the harness does: what it says of servers that are not up yet is of no interest here.
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error,kube_client=off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    shipper_tests::init();
    match what {
        Some(what) => one(what).await,
        None => {
            one(What::Latency(latency::Args::default())).await?;
            one(What::Advance(advance::Args::default())).await?;
            one(What::Requests(requests::Args::default())).await?;
            one(What::Memory(memory::Args::default())).await?;
            one(What::Throughput(throughput::Args::default())).await?;
            one(What::Planning(planning::Args::default())).await?;
            one(What::Size(size::Args::default())).await?;
            one(What::Intake(intake::Args::default())).await?;
            one(What::Reading(reading::Args::default())).await?;
            one(What::Streams(streams::Args::default())).await
        }
    }
}

async fn one(what: What) -> Result<()> {
    let mut figures = Figures::begin(match &what {
        What::Latency(_) => "latency",
        What::Advance(_) => "advance",
        What::Requests(_) => "requests",
        What::Memory(_) => "memory",
        What::Throughput(_) => "throughput",
        What::Planning(_) => "planning",
        What::Size(_) => "size",
        What::Intake(_) => "intake",
        What::Reading(_) => "reading",
        What::Streams(_) => "streams",
    });
    match what {
        What::Latency(args) => latency::run(args, &mut figures).await,
        What::Advance(args) => advance::run(args, &mut figures).await,
        What::Requests(args) => requests::run(args, &mut figures).await,
        What::Memory(args) => memory::run(args, &mut figures).await,
        What::Throughput(args) => throughput::run(args, &mut figures).await,
        What::Planning(args) => planning::run(&args, &mut figures).await,
        What::Size(args) => size::run(&args, &mut figures).await,
        What::Intake(args) => intake::run(args, &mut figures).await,
        What::Reading(args) => reading::run(args, &mut figures).await,
        What::Streams(args) => streams::run(args, &mut figures).await,
    }?;
    figures.end()
}
