//! A whole fleet in one process: Git over HTTP, a hub, and clusters with an agent each.
//!
//! Everything but the clusters is the real thing: the hub and the agents are those of the binaries, and speak to each other
//! and to the repository as they do in earnest. The clusters are simulated ([`Simulated`]), or whatever a program has
//! ([`Clusters`]).

mod agents;
mod clusters;
mod example;
mod hub;
mod repository;
mod signals;
mod story;
mod tour;

pub use clusters::{Clusters, Running, Simulated};
pub use example::FILES;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::terminal::{FAINT, Terminal};
use signals::Signals;

/// How to run the demo.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the hub listens; `None` = its usual address, or any free port.
    pub listen: Option<SocketAddr>,
    /// Where everything is kept; `None` = a directory that is removed at the end.
    pub data_dir: Option<PathBuf>,
    /// The `helm` program; `None` = the one in `PATH`. Without any, the example's chart is left out.
    pub helm: Option<PathBuf>,
    /// The `shipperctl` that the person is told to use; `None` = this program.
    pub program: Option<PathBuf>,
}

/// What the demo is made of, for whoever tells its story.
pub(crate) struct Fleet {
    pub(crate) kind: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) hub_url: String,
    pub(crate) repository_url: String,
    pub(crate) repository: PathBuf,
    /// Kubeconfig files by cluster, where there are any.
    pub(crate) kubeconfigs: Vec<(&'static str, PathBuf)>,
    /// The example's chart is rolled out too.
    pub(crate) charts: bool,
    pub(crate) shared: std::sync::Arc<shipper_hub::shared::Shared>,
    pub(crate) fresh: bool,
}

fn failed(step: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::Demo { step, reason: error.to_string() }
}

/// Runs until the process is asked to end (SIGINT, SIGTERM).
///
/// # Errors
/// When something cannot be started.
pub fn run(options: &Options, clusters: &mut dyn Clusters, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    // An error says that another caller installed it.
    let _ = rustls_provider();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed("start threads"))?;
    // From here on nothing is left behind, however early the person has enough.
    let mut signals = runtime.block_on(async { Signals::listen() }).map_err(failed("listen to signals"))?;
    let temporary = match &options.data_dir {
        Some(_) => None,
        None => Some(
            tempfile::Builder::new().prefix("shipper-demo-").tempdir().map_err(failed("make a directory"))?,
        ),
    };
    let directory = match (&options.data_dir, &temporary) {
        (Some(given), _) => given.clone(),
        (None, Some(temporary)) => temporary.path().to_owned(),
        (None, None) => PathBuf::from("."),
    };
    let outcome = runtime.block_on(serve(options, clusters, &directory, &mut signals, terminal));
    // Blocking calls under way are abandoned: nothing of this process outlives it.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    outcome
}

fn rustls_provider() -> Result<(), std::sync::Arc<rustls::crypto::CryptoProvider>> {
    rustls::crypto::aws_lc_rs::default_provider().install_default()
}

async fn serve(
    options: &Options,
    clusters: &mut dyn Clusters,
    directory: &Path,
    signals: &mut Signals,
    terminal: &mut Terminal<'_>,
) -> Result<(), Error> {
    let (kind, names) = (clusters.kind(), example::clusters().collect::<Vec<_>>());
    writeln!(terminal.err, "{FAINT}Starting {} {kind}.{FAINT:#}", names.len())?;
    let started = tokio::select! {
        started = clusters.start(&names) => started,
        () = signals.asked() => return Ok(()),
    };
    let started = started.map_err(|reason| Error::Demo { step: "start its clusters", reason })?;

    std::fs::create_dir_all(directory).map_err(failed("make its data directory"))?;
    let directory = &directory.canonicalize().map_err(failed("find its data directory"))?;
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();

    let helm = options.helm.clone().or_else(helm_in_path);
    let root = directory.join("git");
    let repository = root.join("fleet.git");
    let fresh = repository::ensure(&repository, helm.is_some())?;
    let listener = repository::listen(directory).await.map_err(failed("serve the repository"))?;
    let address = listener.local_addr().map_err(failed("serve the repository"))?;
    let (router, stopped) = (shipper_git_http::router(root), stop.clone());
    tasks.spawn(async move {
        let served = stopped.run_until_cancelled(async { axum::serve(listener, router).await });
        let _ = served.await;
    });

    let tokens = agents::tokens(&directory.join("tokens"))?;
    let paths = hub::Paths {
        repository: &repository,
        data_dir: &directory.join("hub"),
        tokens: &tokens.file,
        helm: helm.as_deref(),
    };
    let hub = hub::start(options.listen, &paths).await?;
    let hub_url = format!("http://{}", hub.address());
    let shared = hub.shared();
    let asked = stop.clone();
    tasks.spawn(async move {
        // How it ends is told by its log; the demo ends with it.
        let _ = hub.run(asked.clone().cancelled_owned()).await;
        asked.cancel();
    });

    let repository_url = format!("http://{address}/fleet.git");
    let kubeconfigs =
        names.iter().zip(&started).filter_map(|(name, it)| Some((*name, it.kubeconfig.clone()?)));
    let kubeconfigs = kubeconfigs.collect();
    let clients = names.into_iter().zip(started.into_iter().map(|running| running.client)).collect();
    for agent in agents::build(directory, &tokens, &hub_url, &repository_url, clients)? {
        let asked = stop.clone();
        tasks.spawn(async move { agent.run(asked.cancelled_owned()).await });
    }

    let program = options.program.clone().or_else(|| std::env::current_exe().ok());
    let program = program.unwrap_or_else(|| PathBuf::from("shipperctl"));
    let charts = helm.is_some();
    let fleet =
        Fleet { kind, program, hub_url, repository_url, repository, kubeconfigs, charts, shared, fresh };
    let told = tokio::select! {
        told = story::tell(&fleet, terminal) => told,
        () = signals.asked() => Ok(()),
        () = stop.cancelled() => Err(Error::Demo { step: "go on", reason: "the hub ended".to_owned() }),
    };
    writeln!(terminal.err, "\nStopping.")?;
    stop.cancel();
    while tasks.join_next().await.is_some() {}
    told
}

fn helm_in_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("helm")).find(|helm| helm.is_file())
}
