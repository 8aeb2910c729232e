//! One cluster or several with an agent each, one Git server, one hub: real processes, as in the end-to-end tests, with logs in JSON.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use kube::Client;
use shipper_core::api::{ApplicationSummary, MAX_LIMIT, Page};
use shipper_core::protocol::{APPLICATIONS, HubStatus, STATUS, WEBHOOK};
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_tests::cluster::{Cluster, Options};
use shipper_tests::eventually::within;
use shipper_tests::git_repo::Checkout;
use shipper_tests::git_server::{GitServer, Webhook};
use shipper_tests::process::{Process, Spec};
use shipper_tests::scratch::Scratch;
use tokio::net::TcpListener;

/// The namespace of all applications.
pub const NAMESPACE: &str = "bench";
const REPOSITORY: &str = "fleet.git";
const START: Duration = Duration::from_secs(60);

/// What is to be different from the usual.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes {
    /// The API server writes down every request.
    pub audit: bool,
    /// The daemons log what they do, with times.
    pub trace: bool,
    /// Clusters beside the first.
    pub more: usize,
}

/// A cluster with its agent.
pub struct Site {
    /// The cluster.
    pub cluster: Cluster,
    /// A client of its API server.
    pub client: Client,
    /// Its agent.
    pub agent: Process,
    agent_url: String,
}

/// Everything that runs. It ends when dropped.
pub struct Rig {
    /// The cluster.
    pub cluster: Cluster,
    /// A client of its API server.
    pub client: Client,
    /// A person's clone.
    pub desk: Checkout,
    /// The hub.
    pub hub: Process,
    /// The agent.
    pub agent: Process,
    hub_url: String,
    agent_url: String,
    /// The clusters beside the first.
    pub more: Vec<Site>,
    /// Tells the hub of pushes.
    _git: GitServer,
    _scratch: Scratch,
}

impl Rig {
    /// Starts everything over an empty fleet of so many clusters, and waits until the agents act.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn start(wishes: Wishes) -> Result<Self> {
        let names: Vec<String> =
            (1..).take(wishes.more + 1).map(|number| format!("bench-{number}")).collect();
        let git = GitServer::start()?;
        let files: Vec<(String, String)> = names.iter().map(|name| cluster_file(name)).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, content)| (&**path, &**content)).collect();
        git.create_repo(REPOSITORY, &files)?;
        let url = git.url(REPOSITORY);
        let desk = Checkout::clone(&url)?;
        let scratch = Scratch::new("bench")?;
        let level = if wishes.trace { "info,shipper_hub=debug,shipper_agent=debug" } else { "info" };
        let hub_port = free_port().await?;
        let hub_url = format!("http://127.0.0.1:{hub_port}");
        git.set_webhook(Some(Webhook { url: format!("{hub_url}{WEBHOOK}"), secret: None }));
        let tokens: String = names.iter().map(|name| format!("{name}: {}\n", token(name))).collect();
        let hub = Spec::new("hub", binary("shipper-hub")?, scratch.path())
            .args(["--repository", &url, "--listen", &format!("127.0.0.1:{hub_port}")])
            .args(["--anonymous-read", "--log-format", "json", "--data-dir"])
            .arg(directory(&scratch, "hub")?)
            .arg("--agent-tokens")
            .arg(scratch.write("tokens.yaml", tokens)?)
            .env("RUST_LOG", level)
            .start()?;
        let mut sites = Vec::new();
        for name in &names {
            sites.push(Site::start(name, (&url, &hub_url), &scratch, wishes).await?);
        }
        let Site { cluster, client, agent, agent_url } = sites.remove(0);
        let rig = Self {
            cluster,
            client,
            desk,
            hub,
            agent,
            hub_url,
            agent_url,
            more: sites,
            _git: git,
            _scratch: scratch,
        };
        within(START, async || rig.check().await)
            .await
            .map_err(|error| anyhow!("hub and agents do not start: {error}"))?;
        Ok(rig)
    }

    /// Clients of all API servers, the first cluster's first.
    pub fn clients(&self) -> Vec<Client> {
        std::iter::once(&self.client).chain(self.more.iter().map(|site| &site.client)).cloned().collect()
    }

    async fn check(&self) -> Result<()> {
        self.hub.ensure_running()?;
        self.agent.ensure_running()?;
        self.more.iter().try_for_each(|site| site.agent.ensure_running())?;
        let status: HubStatus = reqwest::get(format!("{}{STATUS}", self.hub_url)).await?.json().await?;
        let heard = status.clusters.iter().filter(|cluster| cluster.last_report.is_some()).count();
        ensure!(heard == self.more.len() + 1, "{heard} clusters have reported");
        for url in std::iter::once(&self.agent_url).chain(self.more.iter().map(|site| &site.agent_url)) {
            let metrics = metrics_of(url).await?;
            for gauge in ["shipper_agent_acting", "shipper_agent_connected"] {
                let is =
                    metrics.iter().any(|(name, value)| name.split('{').next() == Some(gauge) && *value == 1);
                ensure!(is, "{gauge} is not 1 at {url}");
            }
        }
        Ok(())
    }

    /// Commits files and pushes.
    ///
    /// # Errors
    /// When git fails.
    pub fn push(&self, files: &[(String, String)], message: &str) -> Result<()> {
        for (path, content) in files {
            self.desk.write(path, content)?;
        }
        self.desk.commit(message)?;
        self.desk.push()
    }

    /// What the hub says of an application.
    ///
    /// # Errors
    /// When it does not answer, or does not know it.
    pub async fn status(&self, app: &str) -> Result<ApplicationStatus> {
        let url = format!("{}{APPLICATIONS}/{NAMESPACE}/{app}", self.hub_url);
        Ok(reqwest::get(url).await?.error_for_status()?.json().await?)
    }

    /// Waits until the contender of an application is achieved at a step and waits for the next order.
    ///
    /// # Errors
    /// When that takes longer than a minute.
    pub async fn settled(&self, app: &str, step: usize) -> Result<String> {
        within(START, async || {
            let status = self.status(app).await?;
            let contender = status.contender.as_ref().context("no contender")?;
            let at =
                status.releases.iter().find(|release| release.name == *contender).map(|release| release.step);
            ensure!(
                at == Some(step)
                    && matches!(status.waiting.state, WaitingFor::WaitingForCommand | WaitingFor::None),
                "at step {at:?}, waits for {:?}: {}",
                status.waiting.state,
                status.waiting.message
            );
            Ok(contender.to_string())
        })
        .await
        .map_err(|error| anyhow!("{app} does not settle at step {step}: {error}"))
    }

    /// Waits until every application waits for nothing.
    ///
    /// # Errors
    /// When that takes longer than `deadline`.
    pub async fn all_done(&self, count: usize, deadline: Duration) -> Result<()> {
        within(deadline, async || {
            let mut done = 0;
            let mut next = String::new();
            loop {
                let url = format!("{}{APPLICATIONS}?limit={MAX_LIMIT}{next}", self.hub_url);
                let page: Page<ApplicationSummary> =
                    reqwest::get(url).await?.error_for_status()?.json().await?;
                done += page.items.iter().filter(|one| one.waiting.state == WaitingFor::None).count();
                let Some(more) = page.next else { break };
                next = format!("&continue={more}");
            }
            ensure!(done == count, "{done} of {count} applications are done");
            Ok(())
        })
        .await
        .map_err(|error| anyhow!("not done within {deadline:?}: {error}"))
    }

    /// The agent's counters and gauges by name with labels.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn agent_metrics(&self) -> Result<BTreeMap<String, u64>> {
        metrics_of(&self.agent_url).await
    }

    /// The agent's requests to the API server so far, by verb.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn agent_calls(&self) -> Result<BTreeMap<String, u64>> {
        let metrics = self.agent_metrics().await?;
        let verb = |name: &str| {
            let labels = name.strip_prefix("shipper_agent_api_requests_total{")?;
            Some(labels.split_once("verb=\"")?.1.split_once('"')?.0.to_owned())
        };
        let mut calls = BTreeMap::new();
        for (verb, count) in metrics.iter().filter_map(|(name, count)| Some((verb(name)?, *count))) {
            *calls.entry(verb).or_default() += count;
        }
        Ok(calls)
    }
}

impl Site {
    /// Starts a cluster and its agent.
    async fn start(
        name: &str,
        (url, hub_url): (&str, &str),
        scratch: &Scratch,
        wishes: Wishes,
    ) -> Result<Self> {
        let cluster = Cluster::start(Options { audit: wishes.audit, ..Options::named(name) }).await?;
        cluster.create_namespace(NAMESPACE).await?;
        let client = cluster.client().await?;
        let port = free_port().await?;
        let level = if wishes.trace { "info,shipper_hub=debug,shipper_agent=debug" } else { "info" };
        let agent = Spec::new(&format!("agent-{name}"), binary("shipper-agent")?, scratch.path())
            .args(["--repository", url, "--cluster", name, "--hub", hub_url])
            .args(["--lease-namespace", NAMESPACE, "--listen", &format!("127.0.0.1:{port}")])
            .args(["--log-format", "json", "--token-file"])
            .arg(scratch.write(&format!("token-{name}"), token(name))?)
            .arg("--data-dir")
            .arg(directory(scratch, &format!("agent-{name}"))?)
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig_path())
            .env("RUST_LOG", level)
            .start()?;
        Ok(Self { cluster, client, agent, agent_url: format!("http://127.0.0.1:{port}") })
    }
}

async fn metrics_of(agent_url: &str) -> Result<BTreeMap<String, u64>> {
    let text = reqwest::get(format!("{agent_url}/metrics")).await?.text().await?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Ok(lines
        .filter_map(|line| line.rsplit_once(' '))
        .filter_map(|(k, v)| Some((k.to_owned(), v.parse().ok()?)))
        .collect())
}

fn cluster_file(name: &str) -> (String, String) {
    let file = format!(
        "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec: {{region: eu}}\n"
    );
    (format!("clusters/{name}.yaml"), file)
}

fn token(cluster: &str) -> String {
    format!("the-token-of-the-agent-of-{cluster}")
}

fn directory(scratch: &Scratch, name: &str) -> Result<PathBuf> {
    let path = scratch.join(name);
    fs::create_dir_all(&path)?;
    Ok(path)
}

/// A binary of this workspace: next to this program, or in `SHIPPER_BIN_DIR`.
///
/// # Errors
/// It was not built.
pub fn binary(name: &str) -> Result<PathBuf> {
    let directory = match std::env::var_os("SHIPPER_BIN_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => std::env::current_exe()?.parent().context("this program is nowhere")?.to_owned(),
    };
    let path = directory.join(name);
    ensure!(
        path.is_file(),
        "{} does not exist; run `cargo xtask bench`, or set SHIPPER_BIN_DIR",
        path.display()
    );
    Ok(path)
}

/// A port that was free a moment ago.
///
/// # Errors
/// None can be had.
pub async fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?.port())
}
