//! Resident memory of the hub by the size of the fleet: the daemon itself, with every application placed and reported from three
//! clusters. What an application costs is the slope, so that what a hub has anyway does not count.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};
use shipper_core::ClusterName;
use shipper_core::protocol::{REPORTS, SESSIONS, Session};
use shipper_git::{RemoteConfig, Store};
use shipper_hub::fleet::FleetView;
use shipper_tests::eventually::within;
use shipper_tests::git_repo::BareRepo;
use shipper_tests::process::{Process, Spec};
use shipper_tests::scratch::Scratch;
use tokio::task::spawn_blocking;

use crate::figures::{Figures, table};
use crate::planning::{MAIN, STATE, fleet};
use crate::rig::{binary, free_port};

/// Everything is new once.
const SOON: Duration = Duration::from_secs(900);
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
    let scratch = Scratch::new("size")?;
    let remote = scratch.join("fleet.git");
    let files = fleet(count, clusters);
    let repository = remote.clone();
    spawn_blocking(move || {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, content)| (&**path, &**content)).collect();
        BareRepo::create(&repository, &files)
    })
    .await??;
    let tokens: String =
        (0..clusters).map(|number| format!("{0}: {1}\n", cluster(number), token(number))).collect();
    let url = format!("http://127.0.0.1:{}", free_port().await?);
    let data = scratch.join("hub");
    fs::create_dir_all(&data)?;
    let hub = Spec::new("hub", binary("shipper-hub")?, scratch.path())
        .arg("--repository")
        .arg(&remote)
        .args(["--listen", url.trim_start_matches("http://"), "--data-dir"])
        .arg(&data)
        .arg("--agent-tokens")
        .arg(scratch.write("tokens.yaml", tokens)?)
        .start()?;
    let reports = within(SOON, async || placed(&remote, &scratch.join("view"), count).await)
        .await
        .map_err(|error| anyhow!("the applications are not placed: {error}"))?;
    for number in 0..clusters {
        let cluster = cluster(number);
        let applications = reports.get(&ClusterName::from(&*cluster)).cloned().unwrap_or_default();
        report(&url, &cluster, &token(number), applications).await?;
    }
    tokio::time::sleep(REST).await;
    let new = held(&hub)?;
    hub.restart()?;
    tokio::time::sleep(REST).await;
    within(SOON, async || {
        let ready = reqwest::get(format!("{url}/readyz")).await?.status();
        ensure!(ready.is_success(), "{ready}");
        Ok::<(), anyhow::Error>(())
    })
    .await
    .map_err(|error| anyhow!("the hub is not ready: {error}"))?;
    Ok([("all new", new), ("restarted", held(&hub)?)])
}

fn cluster(number: usize) -> String {
    format!("cluster-{number:03}")
}

fn token(number: usize) -> String {
    format!("0123456789abcdef-{number:03}")
}

/// What every cluster is to report once all applications have their targets: that all is as asked for.
async fn placed(remote: &Path, directory: &Path, count: usize) -> Result<BTreeMap<ClusterName, Vec<Value>>> {
    let (url, directory): (String, PathBuf) = (remote.display().to_string(), directory.to_owned());
    spawn_blocking(move || {
        let config = RemoteConfig { shallow: false, ..RemoteConfig::new(url.parse()?) };
        let mut store = Store::open(&directory, config)?;
        let heads = store.fetch(&[MAIN, STATE])?;
        let state = heads.get(STATE).copied().flatten().context("there is no state branch yet")?;
        let mut view = FleetView::default();
        view.follow_state(&store, Some(state))?;
        let mut reports: BTreeMap<ClusterName, Vec<Value>> = BTreeMap::new();
        let mut whole = 0;
        for (app, state) in view.records().apps() {
            whole += usize::from(state.targets.len() == 3);
            for (cluster, target) in state.targets.iter() {
                let releases: Vec<Value> = target.releases.iter().map(|release| json!({
                    "name": release.name, "present": true, "installed": true,
                    "capacity": {"rendered": 3, "desired": 3, "replicas": 3, "pods": 3, "ready": 3, "available": 3, "achieved": true},
                    "traffic": {"wanted": 3, "ready": 3, "achieved": true},
                })).collect();
                reports.entry(cluster.clone()).or_default().push(json!({
                    "application": app, "targetGeneration": target.generation, "releases": releases,
                    "remains": {"readyPods": 3},
                }));
            }
        }
        ensure!(whole == count, "{whole} of {count} have three targets");
        Ok(reports)
    })
    .await?
}

/// One agent that says everything at once.
async fn report(url: &str, cluster: &str, token: &str, applications: Vec<Value>) -> Result<()> {
    let client = reqwest::Client::new();
    let uid = format!("uid-of-{cluster}");
    let post = async |path: &str, body: &Value| -> Result<reqwest::Response> {
        Ok(client
            .post(format!("{url}{path}"))
            .bearer_auth(token)
            .json(body)
            .send()
            .await?
            .error_for_status()?)
    };
    let body = json!({"cluster": cluster, "clusterUid": uid, "agentVersion": "bench"});
    let session: Session = post(SESSIONS, &body).await?.json().await?;
    for (number, applications) in applications.chunks(500).enumerate() {
        let body = json!({
            "session": session.session, "sequence": number + 1, "cluster": cluster, "clusterUid": uid, "agentVersion": "bench",
            "free": {"cpu": "100000", "memory": "100Ti", "pods": "100000"}, "applications": applications,
        });
        post(REPORTS, &body).await?;
    }
    Ok(())
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
