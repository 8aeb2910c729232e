//! A whole fleet for one test: a Git server with a fleet repository, a hub, and an agent for every cluster, all of
//! them real processes.
//!
//! The control planes are shared between tests, so each scene has a namespace, a repository and Leases of its own: no agent sees
//! what another scene does.
//!
//! - [`Scene`]: what runs, to kill, pause and restart
//! - [`daemons`](mod@daemons): how hubs and agents are started
//! - [`cable`]: how one agent is cut off from everybody
//! - [`common`](mod@common): what hubs have in common that share a database
//! - [`people`]: what people commit
//! - [`sight`]: what is in a cluster
//! - [`endpoints`]: who had traffic, at every moment
//! - [`traffic`]: how many had traffic over the whole fleet
//! - [`bounds`]: how many pods there were and how many of them had traffic, at every event [C2]
//! - [`recorder`]: everything that happened to some objects
//! - [`history`]: what the hub has decided, commit by commit
//! - [`hub`]: what the hub says

pub mod bounds;
pub mod cable;
mod common;
mod daemons;
pub mod endpoints;
pub mod history;
pub mod hub;
mod last_words;
mod patience;
pub mod people;
pub mod recorder;
pub mod sight;
pub mod traffic;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use self::cable::Cable;
use self::common::Common;
pub use self::common::WITNESS;
pub use self::daemons::token;
use crate::balancer::Balancer;
use crate::fleet::{self, Fleet};
use crate::git_repo::{BareRepo, Checkout};
use crate::git_server::GitServer;
use crate::process::Process;
use crate::report_way::{Fates, ReportWay};
use crate::scratch::Scratch;
use crate::ssh_server::SshServer;
use patience::Patience;

const REPOSITORY: &str = "fleet.git";
const STATE_REPOSITORY: &str = "state.git";
/// The branch that the hub writes.
pub const STATE_BRANCH: &str = "shipper/state";
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
    /// How many hubs there are on the repository. Agents reach more than one through a balancer, which begins with the first.
    pub hubs: usize,
    /// The hubs share a PostgreSQL of this scene's own.
    pub postgres: bool,
    /// By how many seconds the clocks of the agents are wrong, in the order of the clusters; those of the others are right.
    pub clocks: &'static [i64],
    /// What happens to reports on their way, if anything.
    pub reports: Option<Fates>,
    /// The number of a cluster whose agent can be cut off from hub and Git.
    pub cable: Option<usize>,
}

impl Options {
    /// One hub, one repository, over HTTP; clocks and reports as they should be.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self {
            name,
            state_repository: false,
            ssh: false,
            hubs: 1,
            postgres: false,
            clocks: &[],
            reports: None,
            cable: None,
        }
    }
}

/// One hub of a scene.
#[derive(Debug)]
pub struct Hub {
    /// Its process, with its name: `hub-1`. Its requests to the Git server begin with that name.
    pub process: Process,
    /// Where it listens.
    pub url: String,
    /// Where that is on 127.0.0.1.
    pub port: u16,
    /// Its copy of the repository, and its database unless it shares one.
    pub data: PathBuf,
}

/// A fleet that runs. It ends when dropped; if the test fails then, the ends of the logs are shown.
#[derive(Debug)]
pub struct Scene {
    /// The namespace of its applications, in all clusters.
    pub namespace: String,
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
    /// The way of the reports, where there is something on it.
    pub way: Option<ReportWay>,
    /// What one of the agents can be cut off by.
    pub cable: Option<Cable>,
    balancer: Option<Balancer>,
    common: Option<Common>,
    state_repository: bool,
    began: Instant,
    _patience: Patience,
    ssh: Option<SshServer>,
    scratch: Scratch,
    /// The clusters, shared with other scenes.
    pub fleet: Arc<Fleet>,
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
    pub async fn start_on(fleet: Arc<Fleet>, options: Options) -> Result<Self> {
        last_words::note();
        let namespace = fleet.namespace(options.name).await?;
        let scratch = Scratch::new(options.name)?;
        let git = GitServer::start()?;
        let files = people::first_files(&fleet);
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
            agents: Vec::new(),
            hubs: Vec::new(),
            desk,
            state,
            git,
            way: None,
            cable: None,
            balancer: None,
            common: if options.postgres { Some(Common::start()?) } else { None },
            state_repository: options.state_repository,
            began: Instant::now(),
            _patience: Patience::begin(options.name, scratch.path())?,
            ssh,
            scratch,
            fleet: fleet.clone(),
        };
        for number in 0..options.hubs {
            scene.add_hub(number).await?;
        }
        if options.hubs > 1 {
            scene.balancer = Some(Balancer::start(scene.hub().port)?);
        }
        if let Some(fates) = options.reports {
            scene.way = Some(ReportWay::start(&scene.hub().url, fates)?);
        }
        if let Some(number) = options.cable {
            scene.cable = Some(scene.lay_cable(fleet.clusters()[number].name())?);
        }
        let clocks = options.clocks.iter().copied().chain(std::iter::repeat(0));
        for (cluster, clock) in fleet.clusters().iter().zip(clocks) {
            let agent = scene.start_agent(&format!("agent-{}", cluster.name()), cluster, clock)?;
            scene.agents.push(agent);
        }
        Ok(scene)
    }

    /// The first hub.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.hubs[0]
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
