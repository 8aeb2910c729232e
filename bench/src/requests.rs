//! Requests of the agent to the API server: of a promotion, of a whole rollout, of idle minutes. Its own counters are
//! checked against the audit log.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::apps::{self, WALKER};
use crate::audit::{self, Calls};
use crate::figures::{Figures, table};
use crate::rig::{Rig, Wishes};

/// How the agent names itself to API servers.
const USER_AGENT: &str = "shipper-agent/";
const SOON: Duration = Duration::from_secs(180);

/// How much to measure.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// Small applications of four objects in the cluster
    #[arg(long, default_value_t = 100)]
    applications: usize,
    /// Idle minutes
    #[arg(long, default_value_t = 3)]
    minutes: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { applications: 100, minutes: 3 }
    }
}

struct Counter<'a> {
    rig: &'a Rig,
    calls: Calls,
    events: usize,
}

impl Counter<'_> {
    /// Requests since the last call: those that the agent counts, and those that the API server does, by verb and by what.
    async fn since(&mut self) -> Result<[Calls; 3]> {
        let now = self.rig.agent_calls().await?;
        let counted = audit::difference(&self.calls, &now);
        let (audited, events) = audit::calls(&self.rig.cluster, USER_AGENT, self.events)?;
        let about = audit::about(&self.rig.cluster, USER_AGENT, self.events)?;
        (self.calls, self.events) = (now, events);
        Ok([counted, audited, about])
    }
}

/// Measures.
///
/// # Errors
/// Something does not start, or does not come to rest.
pub async fn run(args: Args, figures: &mut Figures) -> Result<()> {
    let rig = Rig::start(Wishes { audit: true, trace: true, more: 0 }).await?;
    let mut counter = Counter { rig: &rig, calls: Calls::new(), events: 0 };
    let mut found: Vec<(String, [Calls; 3])> = Vec::new();
    found.push(("start, empty cluster".into(), counter.since().await?));

    rig.push(&apps::walker("1"), "Add the walker")?;
    let first = rig.settled(WALKER, 0).await?;
    quiet().await;
    found.push(("new application, 3 objects, step 1 of 3".into(), counter.since().await?));
    for (index, step) in [(1, "whole"), (2, "done")] {
        rig.push(&[apps::order(Some((&first, step)))], step)?;
        rig.settled(WALKER, index).await?;
        quiet().await;
        found.push((format!("promotion to {step}"), counter.since().await?));
    }
    rig.push(&apps::walker("2"), "The next release")?;
    let second = rig.settled(WALKER, 0).await?;
    ensure!(first != second, "no new release was made");
    quiet().await;
    found.push(("next release, 3 objects, step 1 of 3".into(), counter.since().await?));
    for (index, step) in [(1, "whole"), (2, "done")] {
        rig.push(&[apps::order(Some((&second, step)))], step)?;
        rig.settled(WALKER, index).await?;
        quiet().await;
        found.push((format!("promotion to {step}, incumbent to zero"), counter.since().await?));
    }
    let files: Vec<_> = (0..args.applications).flat_map(|number| apps::small(number, "a")).collect();
    rig.push(&files, "Add small applications")?;
    rig.all_done(args.applications + 1, SOON).await?;
    quiet().await;
    found.push((format!("{} new applications of 4 objects", args.applications), counter.since().await?));
    let files: Vec<_> = (0..args.applications).flat_map(|number| apps::small(number, "b")).collect();
    rig.push(&files, "Change small applications")?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    rig.all_done(args.applications + 1, SOON).await?;
    quiet().await;
    found
        .push((format!("a change in all {}: a new release each", args.applications), counter.since().await?));
    tokio::time::sleep(Duration::from_secs(60 * args.minutes)).await;
    found.push((format!("{} idle minutes", args.minutes), counter.since().await?));

    let rows: Vec<_> = found
        .iter()
        .map(|(what, [counted, audited, about])| {
            let same = if counted_same(counted, audited) { "same" } else { &*audit::line(audited) };
            vec![what.clone(), audit::line(counted), same.to_owned(), audit::line(about)]
        })
        .collect();
    table(&["", "agent counts", "audit log counts", "audit log by resource"], &rows);
    let kept: Vec<_> = found
        .iter()
        .map(|(what, [counted, audited, about])| serde_json::json!({"what": what, "agent": counted, "audit": audited, "about": about}))
        .collect();
    figures.keep("minutes", args.minutes)?;
    figures.keep("applications", args.applications)?;
    figures.keep("requests", kept)
}

/// The agent counts look-ups of kinds apart; to the API server these are reads.
fn counted_same(counted: &Calls, audited: &Calls) -> bool {
    let mut counted = counted.clone();
    let looked_up = counted.remove("discover").unwrap_or_default();
    if looked_up > 0 {
        *counted.entry("get".into()).or_default() += looked_up;
    }
    counted == *audited
}

/// Until what follows from a change has followed.
async fn quiet() {
    tokio::time::sleep(Duration::from_secs(8)).await;
}
