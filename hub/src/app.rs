//! Everything put together, as the binary, the demo and the tests run it: the store, the HTTP side, the loop.

use crate::access::AccessError;
use crate::clock::Clock;
use crate::config::{Config, Retention};
use crate::http::tokens::{Tokens, TokensError};
use crate::http::{router, serve};
use crate::pilot::{Pilot, PilotConfig, PilotControl};
use crate::render::charts::{ChartError, Charts};
use crate::render::{self, Renderer, charts};
use crate::shared::{Settings, Shared};
use crate::store::{AccessChange, DataDirectory, PostgresStore, SqliteStore, Store, StoreError};
use shipper_git::StoreError as RepositoryError;
use shipper_telemetry::trace::{TraceError, Traces};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// How often older entries are dropped.
const PRUNE: Duration = Duration::from_secs(3600);

/// Why the hub does not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The agents' tokens are no good.
    #[error("--agent-tokens: {0}")]
    Tokens(#[from] TokensError),
    /// The data directory or the database in it.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Who may read is not clear.
    #[error("{0}")]
    Access(#[from] AccessError),
    /// The address cannot be served.
    #[error("--listen {address}: {source}; choose an address of this machine and a free port")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The copies of the repositories.
    #[error("the copy of the repository in --data-dir cannot be opened: {0}")]
    Repository(#[from] RepositoryError),
    /// The cache of charts.
    #[error("the cache of charts in --data-dir cannot be opened: {0}")]
    Charts(#[from] ChartError),
    /// Where traces are to go.
    #[error(transparent)]
    Traces(#[from] TraceError),
    /// A part of the running hub ended.
    #[error("a part of the hub ended by itself; its log says which, and that is a bug")]
    Ended,
}

/// A hub that is ready to run. Its port is taken, so clients may connect as soon as it is built.
pub struct App {
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    retention: Retention,
    /// Where the database is elsewhere.
    _directory: Option<DataDirectory>,
    listener: TcpListener,
    address: SocketAddr,
    pilot: Pilot,
    traces: Traces,
}

impl App {
    /// Opens the store and the copies of the repositories, and takes the port. Talks to no Git server yet.
    ///
    /// # Errors
    /// A file, directory or port that cannot be used.
    pub async fn build(config: &Config) -> Result<Self, AppError> {
        let tokens = match &config.agent_tokens {
            Some(path) => Tokens::from_file(path)?,
            None => {
                tracing::warn!("no --agent-tokens: no agent may report to this hub");
                Tokens::none()
            }
        };
        let (store, directory): (Arc<dyn Store>, _) = match &config.database {
            Some(address) => {
                let directory = DataDirectory::hold(&config.data_dir)?;
                (Arc::new(PostgresStore::open(address).await?), Some(directory))
            }
            None => (Arc::new(SqliteStore::open(&config.data_dir).await?), None),
        };
        let settings = Settings {
            clock: Clock::system(),
            heartbeat: config.heartbeat,
            tokens,
            access: config.access.clone(),
            webhook_secret: config.webhook_secret.clone(),
            takeover: config.takeover.clone(),
        };
        let shared = Shared::start(store.clone(), settings).await?;
        let at = |source| AppError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(at)?;
        let address = listener.local_addr().map_err(at)?;
        let traces =
            Traces::start("shipper-hub", env!("CARGO_PKG_VERSION"), config.otlp_endpoint.as_deref(), [])?;
        let pilot = pilot(config, shared.clone(), traces.clone()).await?;
        Ok(Self {
            shared,
            store,
            retention: config.retention,
            _directory: directory,
            listener,
            address,
            pilot,
            traces,
        })
    }

    /// What the HTTP side and the loop share.
    pub fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// The address that is served, its port filled in.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What speaks to the loop.
    pub fn control(&self) -> PilotControl {
        self.pilot.control()
    }

    /// Runs until `shutdown` is there, then stops in order: no new connection, streams end, answers and a push in flight
    /// finish, what is queued is stored.
    ///
    /// # Errors
    /// A part of the hub ended by itself.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), AppError> {
        let stop = self.shared.stop.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve::serve(self.listener, router(self.shared.clone()), stop.clone()));
        tasks.spawn(self.pilot.run(stop.clone()));
        let (shared, retention, stopped) = (self.shared.clone(), self.retention, stop.clone());
        tasks.spawn(async move {
            let upkeep = async { futures::join!(shared.tokens.follow(), prune(&shared, retention)) };
            stopped.run_until_cancelled(upkeep).await;
        });
        tracing::info!(address = %self.address, "the hub serves");
        let outcome = tokio::select! {
            () = shutdown => {
                tracing::info!("the hub stops because it was asked to");
                Ok(())
            }
            ended = tasks.join_next() => {
                tracing::error!(error = ?ended, "a part of the hub ended by itself, so the hub stops");
                Err(AppError::Ended)
            }
        };
        stop.cancel();
        while tasks.join_next().await.is_some() {}
        self.shared.access.flush(&*self.store).await;
        self.shared.intake.flush().await;
        self.store.close().await;
        // Blocks while this runtime sends the last of them; that it is cut short is no error.
        let _ = tokio::task::spawn_blocking(move || self.traces.flush()).await;
        outcome
    }
}

async fn pilot(config: &Config, shared: Arc<Shared>, traces: Traces) -> Result<Pilot, AppError> {
    let directory = &config.data_dir;
    let renderer = Renderer::new(config.helm.clone(), render::Limits::default(), directory.join("render"));
    let charts = Charts::new(directory.join("charts"), charts::Limits::default())?;
    let told = PilotConfig { traces, ..PilotConfig::from(config) };
    let opened =
        tokio::task::spawn_blocking(move || Pilot::new(told, shared, Arc::new(renderer), Arc::new(charts)));
    match opened.await {
        Ok(pilot) => Ok(pilot?),
        Err(_) => Err(AppError::Ended),
    }
}

async fn prune(shared: &Shared, retention: Retention) {
    let mut ticks = tokio::time::interval(PRUNE);
    loop {
        ticks.tick().await;
        let Some(keep) = retention.at(shared.clock.now()) else { continue };
        if let Err(error) = shared.store.prune(keep).await {
            tracing::warn!(%error, "old entries of the timeline are not dropped; tried again in an hour");
        }
        let old = [AccessChange::Prune(shared.clock.now())];
        if let Err(error) = shared.store.change_access(&old).await {
            tracing::warn!(%error, "sessions that are over are not dropped; tried again in an hour");
        }
    }
}
