//! The hub's time for one commit that touches one application, and for one report, by the size of the fleet. In this process, over a repository
//! on this machine; whatever is planned, every cluster of every application has reported.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde_json::json;
use shipper_core::plan::{AppInput, Room, plan};
use shipper_core::report::AppReport;
use shipper_core::state::Target;
use shipper_core::status::Liveness;
use shipper_core::{AppKey, ClusterName};
use shipper_git::{Oid, RemoteConfig, Store};
use shipper_hub::access::AccessSettings;
use shipper_hub::app::App;
use shipper_hub::config::{Author, Config, Poll, Retention};
use shipper_hub::fleet::{AppState, ChartPins, FleetView, resolve};
use shipper_hub::shared::Shared;
use shipper_hub::standing::Takeover;
use shipper_tests::git_repo::{BareRepo, Checkout};
use shipper_tests::scratch::Scratch;
use std::sync::Arc;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::figures::{Figures, say, spread, table};
use crate::memory::resident;
use crate::reports::{REPLICAS, met, short};

/// The branch of intent.
pub const MAIN: &str = "refs/heads/main";
/// The branch of state.
pub const STATE: &str = "refs/heads/shipper/state";
/// Applications in one namespace, so that folders stay of a size that Git hosts bear.
const IN_NAMESPACE: usize = 100;
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
}

impl Default for Args {
    fn default() -> Self {
        Self { applications: vec![1, 100, 10_000], clusters: 100, on: 3, samples: 20 }
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

    let (mut found, desk) =
        in_process(found, &repo, desk, &scratch.join("view"), (count, args.on, args.samples)).await?;
    drop(desk);
    found.read.sort_by(f64::total_cmp);
    Ok(found)
}

/// The same commits read and planned alone, without the loop around.
async fn in_process(
    mut found: Found,
    repo: &BareRepo,
    desk: Checkout,
    directory: &Path,
    (count, on, samples): (usize, usize, usize),
) -> Result<(Found, Checkout)> {
    let url = repo.path().display().to_string();
    let directory = directory.to_owned();
    spawn_blocking(move || {
        let mut store =
            Store::open(&directory, RemoteConfig { shallow: false, ..RemoteConfig::new(url.parse()?) })?;
        let (main, state) = heads(&mut store)?;
        let mut view = FleetView::default();
        let began = Instant::now();
        view.follow_main(&store, main)?;
        view.follow_state(&store, Some(state))?;
        found.read_all = began.elapsed().as_secs_f64();
        let all = view.applications();
        ensure!(all.len() == count, "{} of {count} applications were read", all.len());
        let mut heard = Heard::all(&view, on)?;
        let began = Instant::now();
        all.iter().for_each(|app| heard.plan(&view, app));
        found.plan_all = began.elapsed().as_secs_f64();
        for number in 0..samples {
            let app = format!("app-{:05}", number * 104_729 % count);
            let key = AppKey::new(namespace(&app), app);
            // A pod is lost in one of its clusters, and is back in the next report.
            for said in [short, met] {
                let (cluster, report) = heard.of(&view, &key, number, said)?;
                let began = Instant::now();
                heard.hear(&key, cluster, serde_json::from_slice(&report)?);
                heard.plan(&view, &key);
                found.report.push(began.elapsed().as_secs_f64() * 1000.0);
            }
        }
        for number in 0..samples {
            let app = format!("app-{:05}", number * 104_729 % count);
            touch(&desk, &app, (samples + number, on))?;
            let (main, _) = heads(&mut store)?;
            let began = Instant::now();
            let dirty = view.follow_main(&store, main)?;
            found.read.push(began.elapsed().as_secs_f64() * 1000.0);
            ensure!(dirty.len() == 1, "{} applications are concerned", dirty.len());
            let began = Instant::now();
            dirty.iter().for_each(|app| heard.plan(&view, app));
            found.plan.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        Ok((found, desk))
    })
    .await?
}

fn heads(store: &mut Store) -> Result<(Oid, Oid)> {
    let heads = store.fetch(&[MAIN, STATE])?;
    let head = |name: &str| heads.get(name).copied().flatten().with_context(|| format!("there is no {name}"));
    Ok((head(MAIN)?, head(STATE)?))
}

/// What every cluster has reported of every application.
struct Heard {
    reports: BTreeMap<AppKey, BTreeMap<ClusterName, AppReport>>,
    liveness: BTreeMap<ClusterName, Liveness>,
}

impl Heard {
    /// That all is as asked for, everywhere.
    fn all(view: &FleetView, on: usize) -> Result<Self> {
        let mut reports: BTreeMap<AppKey, BTreeMap<ClusterName, AppReport>> = BTreeMap::new();
        for (app, state) in view.records().apps() {
            ensure!(state.targets.len() == on, "{app} has {} of {on} targets", state.targets.len());
            let said = state.targets.iter().map(|(cluster, target)| (cluster.clone(), met(target)));
            reports.insert(app.clone(), said.collect());
        }
        let clusters = view.objects().fleet().clusters.keys();
        let liveness = clusters.map(|cluster| (cluster.clone(), Liveness::Online)).collect();
        Ok(Self { reports, liveness })
    }

    /// What one of its clusters says of an application, as it comes over the wire.
    fn of(
        &self,
        view: &FleetView,
        app: &AppKey,
        number: usize,
        said: fn(&Target) -> AppReport,
    ) -> Result<(ClusterName, Vec<u8>)> {
        let state = view.records().app(app).with_context(|| format!("{app} has no records"))?;
        let targets = &state.targets;
        let (cluster, target) = targets
            .iter()
            .nth(number % targets.len().max(1))
            .with_context(|| format!("{app} has no target"))?;
        Ok((cluster.clone(), serde_json::to_vec(&said(target))?))
    }

    fn hear(&mut self, app: &AppKey, cluster: ClusterName, report: AppReport) {
        self.reports.entry(app.clone()).or_default().insert(cluster, report);
    }

    fn plan(&self, view: &FleetView, app: &AppKey) {
        let nothing = AppState::default();
        let state = view.records().app(app).unwrap_or(&nothing);
        let intent = resolve(view, app, &ChartPins::default());
        let silent = BTreeMap::new();
        let plan = plan(&AppInput {
            application: app,
            now: Timestamp::now(),
            source: "0123456789012345678901234567890123456789",
            intent: intent.as_ref(),
            absence: None,
            reading: &view.reading(app),
            fleet: view.objects().fleet(),
            record: state.record.as_ref(),
            releases: &state.releases,
            targets: &state.targets,
            reports: self.reports.get(app).unwrap_or(&silent),
            liveness: &self.liveness,
            manifests: &state.manifests.keys().map(|variant| (variant.clone(), Ok(()))).collect(),
            room: Room::default(),
        });
        std::hint::black_box(plan);
    }
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

fn namespace(app: &str) -> String {
    let number: usize = app.trim_start_matches("app-").parse().unwrap_or_default();
    format!("team-{:03}", number / IN_NAMESPACE)
}

fn application(app: &str, restart: usize, on: usize) -> (String, String) {
    let namespace = namespace(app);
    let file = format!(
        "apiVersion: shipper.dev/v1alpha1
kind: Application
metadata: {{name: {app}, namespace: {namespace}}}
spec:
  restart: \"{restart}\"
  template:
    manifests: {{path: manifests}}
    clusterRequirements: {{regions: [{{name: eu, replicas: {on}}}]}}
"
    );
    (format!("applications/{namespace}/{app}.yaml"), file)
}

/// The files of `main`: small applications of a Deployment and a Service, all from the same manifests, on so many clusters, and each on so many of
/// those.
pub fn fleet(count: usize, (clusters, on): (usize, usize)) -> Vec<(String, String)> {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "main"},
        "spec": {"selector": {"app": "main"}, "ports": [{"port": 80}]},
    });
    let objects = format!("{}\n---\n{service}\n", crate::apps::deployment("main", REPLICAS, "a"));
    let clusters = (0..clusters).map(|number| {
        let file = format!(
            "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: cluster-{number:03}}}\nspec: {{region: eu}}\n"
        );
        (format!("clusters/cluster-{number:03}.yaml"), file)
    });
    let applications = (0..count).map(|number| application(&format!("app-{number:05}"), 0, on));
    std::iter::once(("manifests/objects.yaml".to_owned(), objects))
        .chain(clusters)
        .chain(applications)
        .collect()
}

/// Somebody asks for a restart of one application.
fn touch(desk: &Checkout, app: &str, (number, on): (usize, usize)) -> Result<AppKey> {
    let (path, content) = application(app, number + 1, on);
    desk.write(&path, &content)?;
    desk.git(["add", &path])?;
    desk.git(["commit", "--quiet", "--message", &format!("Restart {app}")])?;
    desk.push()?;
    if number == 0 {
        say(&format!("commits that touch one application: {path} and others"));
    }
    Ok(AppKey::new(namespace(app), app))
}
