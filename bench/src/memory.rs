//! Resident memory of the agent, as the kernel counts it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::apps;
use crate::figures::{Figures, table};
use crate::rig::{Rig, Wishes};

const SOON: Duration = Duration::from_secs(300);

/// How much to measure.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// Small applications of four objects
    #[arg(long, default_value_t = 250)]
    applications: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { applications: 250 }
    }
}

/// Resident memory of a process in megabytes (10^6 bytes).
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Resident {
    /// Now.
    pub now: f64,
    /// At most so far.
    pub most: f64,
}

/// Of a running process.
///
/// # Errors
/// There is no such process.
pub fn resident(pid: Option<u32>) -> Result<Resident> {
    let pid = pid.context("the process does not run")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Result<f64> {
        let line = status.lines().find(|line| line.starts_with(name)).context("no such field")?;
        let kib: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib * 1024.0 / 1e6)
    };
    Ok(Resident { now: field("VmRSS:")?, most: field("VmHWM:")? })
}

/// Measures.
///
/// # Errors
/// Something does not start, or does not come to rest.
pub async fn run(args: Args, figures: &mut Figures) -> Result<()> {
    let rig = Rig::start(Wishes::default()).await?;
    let mut found = Vec::new();
    let mut look = |what: String| -> Result<()> {
        found.push((what, resident(rig.agent.pid())?, resident(rig.hub.pid())?));
        Ok(())
    };
    tokio::time::sleep(Duration::from_secs(25)).await;
    look("idle, empty cluster, 25 s after the start".into())?;
    let count = args.applications;
    let add = |value: &str| -> Vec<(String, String)> {
        (0..count).flat_map(|number| apps::small(number, value)).collect()
    };
    rig.push(&add("a"), "Add small applications")?;
    rig.all_done(count, SOON).await?;
    tokio::time::sleep(Duration::from_secs(30)).await;
    look(format!("{} objects, 30 s after they were new", count * 4))?;
    rig.push(&add("b"), "Change small applications")?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    rig.all_done(count, SOON).await?;
    tokio::time::sleep(Duration::from_secs(30)).await;
    look(format!("{count} applications, 30 s after a change in all"))?;
    rig.agent.restart()?;
    tokio::time::sleep(Duration::from_secs(30)).await;
    look("the same, 30 s after a restart of the agent".into())?;
    let rows: Vec<_> = found
        .iter()
        .map(|(what, agent, hub)| {
            let numbers =
                [agent.now, agent.most, hub.now, hub.most].map(|megabytes| format!("{megabytes:.1}"));
            [vec![what.clone()], numbers.to_vec()].concat()
        })
        .collect();
    table(&["MB", "agent", "agent, most", "hub", "hub, most"], &rows);
    let kept: Vec<_> = found
        .iter()
        .map(|(what, agent, hub)| serde_json::json!({"what": what, "agent": agent, "hub": hub}))
        .collect();
    figures.keep("megabytes", kept)
}
