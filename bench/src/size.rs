//! Resident memory of the hub by the size of the fleet: the daemon itself, with every application placed and reported from three
//! clusters. What an application costs is the slope, so that what a hub has anyway does not count.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use shipper_tests::process::Process;

use crate::crowd::{Crowd, ON};
use crate::figures::{Figures, table};

/// For the last commit to come, and for the allocator to give back what it does not need.
const REST: Duration = Duration::from_secs(30);

/// How much to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Applications
    #[arg(long, value_delimiter = ',', default_values_t = [100, 2_500, 5_000, 10_000])]
    applications: Vec<usize>,
    /// Clusters, of which each application is placed on three
    #[arg(long, default_value_t = 100)]
    clusters: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { applications: vec![100, 2_500, 5_000, 10_000], clusters: 100 }
    }
}

/// What the kernel counts, in bytes.
#[derive(Debug, Clone, Copy, serde::Serialize)]
struct Held {
    /// Everything resident.
    resident: f64,
    /// Of it what is no page of a file: a pack that is mapped can be dropped at any time.
    anonymous: f64,
}

/// Measures.
///
/// # Errors
/// Something does not start, or does not come to rest.
pub async fn run(args: &Args, figures: &mut Figures) -> Result<()> {
    let (mut rows, mut kept) = (Vec::new(), Vec::new());
    let mut first = None;
    for &count in &args.applications {
        let found = one(count, args.clusters).await.with_context(|| format!("{count} applications"))?;
        let (least, base) = *first.get_or_insert((count, found));
        for ((what, held), (_, base)) in found.iter().zip(base) {
            let each = |now: f64, then: f64| match count - least {
                0 => String::new(),
                more => format!("{:.1}", (now - then) / more as f64 / 1e3),
            };
            rows.push(vec![
                count.to_string(),
                (*what).to_owned(),
                format!("{:.1}", held.resident / 1e6),
                format!("{:.1}", held.anonymous / 1e6),
                each(held.resident, base.resident),
                each(held.anonymous, base.anonymous),
            ]);
            kept.push(json!({"applications": count, "when": what, "bytes": held}));
        }
    }
    table(
        &["applications", "when", "resident, MB", "anonymous, MB", "KB each, resident", "KB each, anonymous"],
        &rows,
    );
    figures.keep("clusters", args.clusters)?;
    figures.keep("hubs", kept)
}

async fn one(count: usize, clusters: usize) -> Result<[(&'static str, Held); 2]> {
    let crowd = Crowd::start(count, (clusters, ON), &[]).await?;
    crowd.report_all().await?;
    tokio::time::sleep(REST).await;
    let new = held(&crowd.hub)?;
    crowd.hub.restart()?;
    tokio::time::sleep(REST).await;
    crowd.ready().await?;
    Ok([("all new", new), ("restarted", held(&crowd.hub)?)])
}

fn held(hub: &Process) -> Result<Held> {
    let pid = hub.pid().context("the hub does not run")?;
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let field = |name: &str| -> Result<f64> {
        let line = rollup.lines().find(|line| line.starts_with(name)).context("no such field")?;
        let kib: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib * 1024.0)
    };
    Ok(Held { resident: field("Rss:")?, anonymous: field("Anonymous:")? })
}
