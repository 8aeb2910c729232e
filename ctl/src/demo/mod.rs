//! A whole fleet in one process: Git over HTTP, a hub, and simulated clusters with an agent each.
//!
//! Everything but the clusters is the real thing: the hub and the agents are those of the binaries, and speak to each other
//! and to the repository as they do in earnest.

mod clusters;
mod example;
mod hub;
mod repository;
mod story;
mod tour;

pub use example::FILES;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::terminal::Terminal;

/// How to run the demo.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the hub listens; `None` = its usual address, or any free port.
    pub listen: Option<SocketAddr>,
    /// Where everything is kept; `None` = a directory that is removed at the end.
    pub data_dir: Option<PathBuf>,
}

/// What the demo is made of, for whoever tells its story.
pub(crate) struct Fleet {
    pub(crate) hub_url: String,
    pub(crate) repository_url: String,
    pub(crate) repository: PathBuf,
    pub(crate) shared: std::sync::Arc<shipper_hub::shared::Shared>,
    pub(crate) fresh: bool,
}

fn failed(step: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::Demo { step, reason: error.to_string() }
}

/// Runs until the process is asked to end.
///
/// # Errors
/// When something cannot be started.
pub fn run(options: &Options, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    // An error says that another caller installed it.
    let _ = rustls_provider();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed("start threads"))?;
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
    let outcome = runtime.block_on(serve(options, &directory, terminal));
    // Blocking calls under way are abandoned: nothing of this process outlives it.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    outcome
}

fn rustls_provider() -> Result<(), std::sync::Arc<rustls::crypto::CryptoProvider>> {
    rustls::crypto::aws_lc_rs::default_provider().install_default()
}

async fn serve(options: &Options, directory: &Path, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    std::fs::create_dir_all(directory).map_err(failed("make its data directory"))?;
    let directory = &directory.canonicalize().map_err(failed("find its data directory"))?;
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();

    let root = directory.join("git");
    let repository = root.join("fleet.git");
    let fresh = repository::ensure(&repository)?;
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed("serve the repository"))?;
    let address = listener.local_addr().map_err(failed("serve the repository"))?;
    let (router, stopped) = (shipper_git_http::router(root), stop.clone());
    tasks.spawn(async move {
        let served = stopped.run_until_cancelled(async { axum::serve(listener, router).await });
        let _ = served.await;
    });

    let tokens = clusters::tokens(&directory.join("tokens"))?;
    let hub = hub::start(options.listen, &repository, &directory.join("hub"), &tokens.file).await?;
    let hub_url = format!("http://{}", hub.address());
    let shared = hub.shared();
    let asked = stop.clone();
    tasks.spawn(async move {
        // How it ends is told by its log; the demo ends with it.
        let _ = hub.run(asked.clone().cancelled_owned()).await;
        asked.cancel();
    });

    let repository_url = format!("http://{address}/fleet.git");
    for agent in clusters::start(directory, &tokens, &hub_url, &repository_url)? {
        let asked = stop.clone();
        tasks.spawn(async move { agent.run(asked.cancelled_owned()).await });
    }

    let fleet = Fleet { hub_url, repository_url, repository, shared, fresh };
    let told = tokio::select! {
        told = story::tell(&fleet, terminal) => told,
        () = interrupted() => Ok(()),
        () = stop.cancelled() => Err(Error::Demo { step: "go on", reason: "the hub ended".to_owned() }),
    };
    writeln!(terminal.err, "\nStopping.")?;
    stop.cancel();
    while tasks.join_next().await.is_some() {}
    told
}

/// Ctrl-C, or a polite kill.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
