//! A hub over a large fleet of which only the reports are there: applications, each placed on some of many clusters, and what their agents
//! would say. The hub is a real process; instead of agents, the program that measures speaks.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};
use shipper_core::ClusterName;
use shipper_core::protocol::{Accepted, REPORTS, SESSIONS, Session};
use shipper_git::{RemoteConfig, Store};
use shipper_hub::fleet::FleetView;
use shipper_tests::eventually::within;
use shipper_tests::git_repo::BareRepo;
use shipper_tests::process::{Process, Spec};
use shipper_tests::scratch::Scratch;
use tokio::task::spawn_blocking;

use crate::planning::{MAIN, STATE, fleet};
use crate::post::{Line, Post};
use crate::reports::met;
use crate::rig::{binary, free_port};
use crate::wire::Wire;

/// Everything is new once.
const SOON: Duration = Duration::from_secs(900);
/// Clusters that each application is placed on, where nothing else is said.
pub const ON: usize = 3;
/// Applications in one report, as an agent that begins says them.
const AT_ONCE: usize = 500;

/// A hub with its fleet. It ends when dropped.
pub struct Crowd {
    /// The hub.
    pub hub: Process,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it keeps its database.
    pub data: PathBuf,
    clusters: usize,
    /// What every cluster has to say of its applications: that all is as asked for.
    reports: BTreeMap<ClusterName, Vec<Value>>,
    _scratch: Scratch,
}

impl Crowd {
    /// Starts a hub over so many applications, among so many clusters and on so many of them, and waits until all are placed.
    ///
    /// # Errors
    /// It does not start, or does not come to rest.
    pub async fn start(applications: usize, (clusters, on): (usize, usize), flags: &[&str]) -> Result<Self> {
        let scratch = Scratch::new("crowd")?;
        let remote = scratch.join("fleet.git");
        let files = fleet(applications, (clusters, on));
        let repository = remote.clone();
        spawn_blocking(move || {
            let files: Vec<(&str, &str)> =
                files.iter().map(|(path, content)| (&**path, &**content)).collect();
            BareRepo::create(&repository, &files)
        })
        .await??;
        let tokens: String =
            (0..clusters).map(|number| format!("{}: {}\n", cluster(number), token(number))).collect();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port().await?));
        let data = scratch.join("hub");
        fs::create_dir_all(&data)?;
        let hub = Spec::new("hub", binary("shipper-hub")?, scratch.path())
            .arg("--repository")
            .arg(&remote)
            .args(["--listen", &address.to_string(), "--data-dir"])
            .arg(&data)
            .arg("--anonymous-read")
            .arg("--agent-tokens")
            .arg(scratch.write("tokens.yaml", tokens)?)
            .args(flags)
            .start()?;
        let reports = within(SOON, async || placed(&remote, &scratch.join("view"), (applications, on)).await)
            .await
            .map_err(|error| anyhow!("the applications are not placed: {error}"))?;
        let crowd = Self { hub, address, data, clusters, reports, _scratch: scratch };
        crowd.ready().await?;
        Ok(crowd)
    }

    /// Waits until the hub is ready.
    ///
    /// # Errors
    /// It does not become so.
    pub async fn ready(&self) -> Result<()> {
        let url = format!("http://{}/readyz", self.address);
        within(SOON, async || {
            let ready = reqwest::get(&url).await?.status();
            ensure!(ready.is_success(), "{ready}");
            Ok::<(), anyhow::Error>(())
        })
        .await
        .map_err(|error| anyhow!("the hub is not ready: {error}"))
    }

    /// Every cluster, with an open session and everything reported once.
    ///
    /// # Errors
    /// The hub takes no report.
    pub async fn report_all(&self) -> Result<Vec<Speaker>> {
        let mut speakers = Vec::with_capacity(self.clusters);
        for number in 0..self.clusters {
            let mut speaker = Speaker::open(self.address, number).await?;
            let all = self.reports.get(&speaker.cluster).map(Vec::as_slice).unwrap_or_default();
            for some in all.chunks(AT_ONCE) {
                speaker.report(some).await?;
            }
            speaker.applications = all.to_vec();
            speakers.push(speaker);
        }
        Ok(speakers)
    }
}

/// Who reports for a cluster, over a connection that stays open.
pub struct Speaker {
    /// The cluster.
    pub cluster: ClusterName,
    /// What it has to say of its applications.
    pub applications: Vec<Value>,
    /// The number of the last report that the hub acknowledged.
    pub acknowledged: u64,
    address: SocketAddr,
    session: String,
    authorization: String,
    line: Line,
}

impl Speaker {
    /// Opens a session.
    ///
    /// # Errors
    /// The hub does not let it.
    pub async fn open(address: SocketAddr, number: usize) -> Result<Self> {
        let cluster = cluster(number);
        let authorization = format!("Bearer {}", token(number));
        let mut wire = Wire::connect(address).await?;
        let body =
            json!({"cluster": cluster, "clusterUid": format!("uid-of-{cluster}"), "agentVersion": "bench"});
        let answer = wire.post(SESSIONS, &authorization, serde_json::to_vec(&body)?).await?;
        let Session { session, .. } = serde_json::from_slice(&answer)?;
        Ok(Self {
            cluster: ClusterName::from(&*cluster),
            applications: Vec::new(),
            acknowledged: 0,
            address,
            session,
            authorization,
            line: Line::connect(address).await?,
        })
    }

    /// Says something of applications; returns once the hub acknowledged it.
    ///
    /// # Errors
    /// It does not.
    pub async fn report(&mut self, applications: &[Value]) -> Result<()> {
        let mut report = self.prepare(applications);
        self.send(&mut report).await
    }

    /// The same, with a report that was put together before.
    ///
    /// # Errors
    /// The hub does not acknowledge it.
    pub async fn send(&mut self, report: &mut Post) -> Result<()> {
        let number = self.acknowledged + 1;
        self.say(number, report).await?;
        self.acknowledged = number;
        Ok(())
    }

    /// A report that says something of applications, to be sent any number of times.
    pub fn prepare(&self, applications: &[Value]) -> Post {
        let fields = json!({
            "session": self.session, "cluster": self.cluster, "clusterUid": format!("uid-of-{}", self.cluster),
            "agentVersion": "bench", "free": {"cpu": "100000", "memory": "100Ti", "pods": "100000"}, "applications": applications,
        })
        .to_string();
        let fields = fields.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
        Post::new(REPORTS, self.address, &self.authorization, "sequence", fields)
    }

    /// Goes on over a new connection, in the same session, and asks which report is the newest that the hub has.
    ///
    /// # Errors
    /// The hub does not answer, or does not know the session any more.
    pub async fn newest(&mut self) -> Result<u64> {
        self.line = Line::connect(self.address).await?;
        // One that was stored long ago changes nothing and is answered with what is there.
        let mut nothing = self.prepare(&[]);
        self.say(1, &mut nothing).await
    }

    async fn say(&mut self, number: u64, report: &mut Post) -> Result<u64> {
        let answer = self.line.send(report, number).await?;
        let Accepted { sequence, .. } = serde_json::from_slice(answer)?;
        Ok(sequence)
    }
}

fn cluster(number: usize) -> String {
    format!("cluster-{number:03}")
}

fn token(number: usize) -> String {
    format!("0123456789abcdef-{number:03}")
}

/// What every cluster is to report once all applications have their targets: that all is as asked for.
async fn placed(
    remote: &Path,
    directory: &Path,
    (count, on): (usize, usize),
) -> Result<BTreeMap<ClusterName, Vec<Value>>> {
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
        for (_, state) in view.records().apps() {
            whole += usize::from(state.targets.len() == on);
            for (cluster, target) in state.targets.iter() {
                reports.entry(cluster.clone()).or_default().push(serde_json::to_value(met(target))?);
            }
        }
        ensure!(whole == count, "{whole} of {count} have all their targets");
        Ok(reports)
    })
    .await?
}
