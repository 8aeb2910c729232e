//! The hub's time for one commit that touches one application, and for one report, by the size of the fleet. In this process, over a repository
//! on this machine; whatever is planned, every cluster of every application has reported.

mod alone;
mod fleet;

pub use fleet::fleet;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use shipper_git::RemoteConfig;
use shipper_hub::access::AccessSettings;
use shipper_hub::app::App;
use shipper_hub::config::{Author, Config, Poll, Retention};
use shipper_hub::shared::Shared;
use shipper_hub::standing::Takeover;
use shipper_tests::git_repo::{BareRepo, Checkout};
use shipper_tests::scratch::Scratch;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::figures::{Figures, spread, table};
use crate::memory::resident;
use fleet::touch;

/// The branch of intent.
pub const MAIN: &str = "refs/heads/main";
/// The branch of state.
pub const STATE: &str = "refs/heads/shipper/state";
/// Nothing new for so long, and so much longer for every cluster of every application: at rest. A push takes as long as what it holds.
const QUIET: Duration = Duration::from_millis(300);
const QUIET_EACH: Duration = Duration::from_micros(150);

/// How much to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Applications
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 10_000])]
    applications: Vec<usize>,
    /// Clusters
    #[arg(long, default_value_t = 100)]
    clusters: usize,
    /// Clusters that each application is placed on
    #[arg(long, default_value_t = 3)]
    on: usize,
    /// Commits that touch one application, and reports of one
    #[arg(long, default_value_t = 20)]
    samples: usize,
    /// How many of each application are planned when all are: copies in memory, where a repository with all of them would take hours to make
    #[arg(long, default_value_t = 1)]
    copies: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { applications: vec![1, 100, 10_000], clusters: 100, on: 3, samples: 20, copies: 1 }
    }
}

/// Measures.
///
/// # Errors
/// Git fails, or the hub does not start.
pub async fn run(args: &Args, figures: &mut Figures) -> Result<()> {
    let (mut rows, mut kept) = (Vec::new(), Vec::new());
    for &count in &args.applications {
        let found = one(count, args).await.with_context(|| format!("{count} applications"))?;
        rows.push(found.row(count));
        kept.push(found.json(count));
    }
    table(
        &[
            "applications",
            "read, ms",
            "plan, ms",
            "one report, ms (p50, p95)",
            "push to state commit, ms (p50, p95)",
            "read all, s",
            "plan all, s",
            "all new, s",
            "RSS, MB",
        ],
        &rows,
    );
    figures.keep("clusters", args.clusters)?;
    figures.keep("clustersOfEach", args.on)?;
    figures.keep("copies", args.copies)?;
    figures.keep("fleets", kept)
}

#[derive(Default)]
struct Found {
    /// Milliseconds, of one commit.
    read: Vec<f64>,
    plan: Vec<f64>,
    /// Milliseconds, of one report read and planned on.
    report: Vec<f64>,
    turn: Vec<f64>,
    /// Seconds, of everything.
    read_all: f64,
    plan_all: f64,
    all_new: f64,
    megabytes: f64,
}

impl Found {
    fn row(&self, count: usize) -> Vec<String> {
        let (turn, report) = (spread(&self.turn), spread(&self.report));
        vec![
            count.to_string(),
            format!("{:.2}", spread(&self.read).p50),
            format!("{:.2}", spread(&self.plan).p50),
            format!("{:.2}, {:.2}", report.p50, report.p95),
            format!("{:.1}, {:.1}", turn.p50, turn.p95),
            format!("{:.2}", self.read_all),
            format!("{:.2}", self.plan_all),
            format!("{:.1}", self.all_new),
            format!("{:.0}", self.megabytes),
        ]
    }

    fn json(&self, count: usize) -> serde_json::Value {
        json!({
            "applications": count,
            "readMilliseconds": spread(&self.read),
            "planMilliseconds": spread(&self.plan),
            "oneReportMilliseconds": spread(&self.report),
            "pushToStateCommitMilliseconds": spread(&self.turn),
            "readAllSeconds": self.read_all,
            "planAllSeconds": self.plan_all,
            "allNewSeconds": self.all_new,
            "processMegabytes": self.megabytes,
        })
    }
}

async fn one(count: usize, args: &Args) -> Result<Found> {
    let scratch = Scratch::new("planning")?;
    let remote = scratch.join("fleet.git");
    let files = fleet(count, (args.clusters, args.on));
    let repo = spawn_blocking({
        let remote = remote.clone();
        move || {
            let files: Vec<(&str, &str)> =
                files.iter().map(|(path, content)| (&**path, &**content)).collect();
            BareRepo::create(&remote, &files)
        }
    })
    .await??;
    let desk = Checkout::clone(&remote.display().to_string())?;
    let mut found = Found::default();

    let began = Instant::now();
    let hub = App::build(&config(&remote, &scratch.join("hub"))?).await?;
    let shared = hub.shared();
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { hub.run(stop.cancelled_owned()).await }
    });
    found.all_new = at_rest(&shared, (count, args.on)).await?.saturating_duration_since(began).as_secs_f64();
    for number in 0..args.samples {
        let app = format!("app-{:05}", number * 7919 % count);
        tokio::time::sleep(Duration::from_millis(rand::random_range(200..500))).await;
        let mut commits = shared.commits.subscribe();
        commits.mark_unchanged();
        let key = touch(&desk, &app, (number, args.on))?;
        let pushed = Instant::now();
        // The first commit after a push of one application is about it.
        commits.changed().await?;
        found.turn.push(pushed.elapsed().as_secs_f64() * 1000.0);
        ensure!(shared.statuses.get(&key).is_some(), "the hub does not know {key}");
        at_rest(&shared, (count, args.on)).await?;
    }
    found.megabytes = resident(Some(std::process::id()))?.now;
    stop.cancel();
    running.await??;

    let (mut found, desk) = alone::measure(found, &repo, desk, &scratch.join("view"), (count, args)).await?;
    drop(desk);
    found.read.sort_by(f64::total_cmp);
    Ok(found)
}

/// Returns when the state branch last moved, once all applications are known with their clusters and nothing moves any more.
async fn at_rest(shared: &Arc<Shared>, (count, on): (usize, usize)) -> Result<Instant> {
    let mut commits = shared.commits.subscribe();
    let mut last = Instant::now();
    let quiet = QUIET + QUIET_EACH * u32::try_from(count * on)?;
    let placed = || shared.statuses.list(None).iter().filter(|status| status.clusters.len() == on).count();
    loop {
        match tokio::time::timeout(quiet, commits.changed()).await {
            Ok(changed) => {
                changed?;
                last = Instant::now();
            }
            Err(_) if placed() == count && shared.commits.borrow().is_some() => {
                return Ok(last);
            }
            Err(_) if last.elapsed() > Duration::from_secs(300) => {
                anyhow::bail!("{} of {count} applications after five minutes of nothing", placed());
            }
            Err(_) => {}
        }
    }
}

fn config(remote: &Path, data_dir: &Path) -> Result<Config> {
    let repository =
        RemoteConfig { shallow: false, ..RemoteConfig::new(remote.display().to_string().parse()?) };
    Ok(Config {
        repository,
        state_repository: None,
        intent_branch: MAIN.to_owned(),
        state_branch: STATE.to_owned(),
        accept_history: None,
        poll: Poll { min: Duration::from_secs(30), max: Duration::from_secs(30) },
        heartbeat: Duration::from_secs(600),
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: data_dir.to_owned(),
        database: None,
        retention: Retention::default(),
        otlp_endpoint: None,
        agent_tokens: None,
        access: AccessSettings::open(),
        webhook_secret: None,
        helm: None,
        author: Author { name: "bench".into(), email: "bench@localhost".into() },
        takeover: Takeover::default(),
    })
}
