//! A whole fleet for one test: a Git server with a fleet repository, a hub, and an agent for every cluster, all of
//! them real processes.
//!
//! The control planes are shared between tests, so each scene has a namespace, a repository and Leases of its own: no agent sees
//! what another scene does.
//!
//! - [`Scene`]: what runs, to kill, pause and restart
//! - [`people`]: what people commit
//! - [`sight`]: what is in a cluster
//! - [`endpoints`]: who had traffic, at every moment
//! - [`bounds`]: how many pods there were and how many of them had traffic, at every event [C2]
//! - [`recorder`]: everything that happened to some objects
//! - [`history`]: what the hub has decided, commit by commit
//! - [`hub`]: what the hub says

pub mod bounds;
pub mod endpoints;
pub mod history;
pub mod hub;
mod last_words;
pub mod people;
pub mod recorder;
pub mod sight;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cluster::Cluster;
use crate::daemon;
use crate::fleet::{self, Fleet};
use crate::git_repo::{BareRepo, Checkout};
use crate::git_server::{GitServer, Webhook};
use crate::ports;
use crate::process::{Process, Spec};
use crate::scratch::Scratch;
use crate::ssh_server::SshServer;

const REPOSITORY: &str = "fleet.git";
const STATE_REPOSITORY: &str = "state.git";
/// The branch that the hub writes.
pub const STATE_BRANCH: &str = "shipper/state";
const LOG: &str = "info,shipper_hub=debug,shipper_agent=debug";
const SHOWN_LINES: usize = 20;

/// What a scene is to be like.
#[derive(Debug, Clone)]
pub struct Options {
    /// Begins the namespace's name.
    pub name: &'static str,
    /// The state branch is in a repository of its own.
    pub state_repository: bool,
    /// Hub and agents reach the repositories over SSH.
    pub ssh: bool,
    /// How many hubs there are on the repository. The agents know the first one alone.
    pub hubs: usize,
}

impl Options {
    /// One hub, one repository, over HTTP.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self { name, state_repository: false, ssh: false, hubs: 1 }
    }
}

/// One hub of a scene.
#[derive(Debug)]
pub struct Hub {
    /// Its process, with its name: `hub-1`. Its requests to the Git server begin with that name.
    pub process: Process,
    /// Where it listens.
    pub url: String,
    /// Its database and its copy of the repository.
    pub data: PathBuf,
}

/// A fleet that runs. It ends when dropped; if the test fails then, the ends of the logs are shown.
#[derive(Debug)]
pub struct Scene {
    /// The namespace of its applications, in all clusters.
    pub namespace: String,
    /// The clusters, shared with other scenes.
    pub fleet: &'static Fleet,
    /// One agent for each of them, in the same order.
    pub agents: Vec<Process>,
    /// The hubs; mostly one.
    pub hubs: Vec<Hub>,
    /// A person's clone of the fleet repository.
    pub desk: Checkout,
    /// The repository with the state branch.
    pub state: BareRepo,
    /// The server of the repositories.
    pub git: GitServer,
    began: Instant,
    ssh: Option<SshServer>,
    scratch: Scratch,
}

impl Scene {
    /// Starts everything, with an empty fleet repository but for its clusters and the chart `charts/shop`.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn start(options: Options) -> Result<Self> {
        Self::start_on(fleet::shared().await?, options).await
    }

    /// As [`Scene::start`], on other clusters than those that all share.
    ///
    /// # Errors
    /// As [`Scene::start`].
    pub async fn start_on(fleet: &'static Fleet, options: Options) -> Result<Self> {
        last_words::note();
        let namespace = fleet.namespace(options.name).await?;
        let scratch = Scratch::new(options.name)?;
        let git = GitServer::start()?;
        let files = people::first_files(fleet);
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, content)| (path.as_str(), content.as_str())).collect();
        let mut state = git.create_repo(REPOSITORY, &files)?;
        if options.state_repository {
            state = git.create_repo(STATE_REPOSITORY, &[])?;
        }
        let ssh = if options.ssh { Some(SshServer::start(git.root()).await?) } else { None };
        let desk = Checkout::clone(&git.url(REPOSITORY))?;
        let mut scene = Self {
            namespace,
            fleet,
            agents: Vec::new(),
            hubs: Vec::new(),
            desk,
            state,
            git,
            began: Instant::now(),
            ssh,
            scratch,
        };
        for number in 0..options.hubs {
            scene.add_hub(number, options.state_repository).await?;
        }
        for cluster in fleet.clusters() {
            let agent = scene.agent(cluster, options.state_repository)?.start()?;
            scene.agents.push(agent);
        }
        Ok(scene)
    }

    /// The first hub.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.hubs[0]
    }

    async fn add_hub(&mut self, number: usize, state_repository: bool) -> Result<()> {
        let name = format!("hub-{}", number + 1);
        let data = self.directory(&name)?;
        let port = ports::free()?;
        let tokens: String = self
            .fleet
            .clusters()
            .iter()
            .map(|cluster| format!("{}: {}\n", cluster.name(), token(cluster)))
            .collect();
        let tokens = self.scratch.write("tokens.yaml", tokens)?;
        let helm = tokio::task::spawn_blocking(|| shipper_toolchain::helm(&mut std::io::stderr())).await??;
        // A way of its own to the same repositories, so that its requests can be told apart.
        std::os::unix::fs::symlink(self.git.root(), self.git.root().join(&name))?;
        let url = |repository: &str| self.url(&format!("{name}/{repository}"));
        let mut spec = Spec::new(&name, daemon::binary("shipper-hub")?, self.scratch.path())
            .args(["--repository", &url(REPOSITORY)])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--heartbeat", "2s"])
            .arg("--data-dir")
            .arg(&data)
            .arg("--agent-tokens")
            .arg(tokens)
            .arg("--helm")
            .arg(helm)
            .env("RUST_LOG", LOG)
            .env("NO_COLOR", "1");
        if state_repository {
            spec = spec.args(["--state-repository", &url(STATE_REPOSITORY)]);
        }
        let url = format!("http://127.0.0.1:{port}");
        if number == 0 {
            let url = format!("{url}/api/v1/webhook");
            self.git.set_webhook(Some(Webhook { url, secret: None }));
        }
        let process = self.with_key(spec).start()?;
        self.hubs.push(Hub { process, url, data });
        self.hubs[number].wait_until_serving().await
    }

    fn agent(&self, cluster: &Cluster, state_repository: bool) -> Result<Spec> {
        let name = format!("agent-{}", cluster.name());
        let repository = if state_repository { STATE_REPOSITORY } else { REPOSITORY };
        let token = self.scratch.write(&format!("token-{}", cluster.name()), token(cluster))?;
        let spec = Spec::new(&name, daemon::binary("shipper-agent")?, self.scratch.path())
            .args(["--repository", &self.url(repository), "--cluster", cluster.name()])
            .args(["--hub", &self.hub().url, "--lease-namespace", &self.namespace])
            .args(["--log-format", "text"])
            .arg("--token-file")
            .arg(token)
            .arg("--data-dir")
            .arg(self.directory(&name)?)
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig_path())
            .env("RUST_LOG", LOG)
            .env("NO_COLOR", "1");
        Ok(self.with_key(spec))
    }

    fn with_key(&self, spec: Spec) -> Spec {
        match &self.ssh {
            Some(ssh) => spec
                .arg("--ssh-key-file")
                .arg(ssh.private_key())
                .arg("--ssh-known-hosts-file")
                .arg(ssh.known_hosts()),
            None => spec,
        }
    }

    fn url(&self, repository: &str) -> String {
        match &self.ssh {
            Some(ssh) => ssh.url(repository),
            None => self.git.url(repository),
        }
    }

    fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.scratch.join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// Says what a test has reached, on standard error whether or not the test passes.
    pub fn reached(&self, what: &str) {
        let seconds = self.began.elapsed().as_secs_f32();
        let _ = writeln!(std::io::stderr(), "{}: {seconds:.1} s: {what}", self.namespace);
    }

    fn processes(&self) -> impl Iterator<Item = &Process> {
        self.hubs.iter().map(|hub| &hub.process).chain(&self.agents)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for process in self.processes() {
            let log = process.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
            tracing::error!("the log of {} ends:\n{tail}", process.name());
        }
        tracing::error!("{} failed: {}", self.namespace, last_words::last());
    }
}

/// How long hubs and agents take to come up on a busy machine.
pub const START: Duration = Duration::from_secs(60);

fn token(cluster: &Cluster) -> String {
    format!("the-token-of-{}", cluster.name())
}
