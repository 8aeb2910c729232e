//! Starts an agent from its command line.

use anyhow::{Context, Result};
use clap::Parser;
use jiff::Timestamp;
use kube::config::{KubeConfigOptions, Kubeconfig};
use shipper_agent::args::Args;
use shipper_agent::hub::{HttpHub, HttpHubOptions};
use shipper_agent::identity::identity;
use shipper_agent::source::GitSource;
use shipper_agent::{App, Config, Polling};
use shipper_git::{Credentials, RemoteConfig, Secret};
use shipper_telemetry::fields::CLUSTER;
use shipper_telemetry::trace::Traces;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<()> {
    let args = Args::parse();
    shipper_telemetry::log::start(args.log_format);
    // Fails only where a provider is installed already, which is then the same one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // One thread does all; the repository is read on another. Fewer threads, less memory.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
    let result = runtime.block_on(run(args));
    // A fetch that is under way is not waited for; the object store bears being left at any moment.
    runtime.shutdown_background();
    result
}

async fn run(args: Args) -> Result<()> {
    std::fs::create_dir_all(&args.data_dir)
        .with_context(|| format!("cannot make the data directory {}", args.data_dir.display()))?;
    let source = GitSource::open(&args.data_dir.join("repository"), remote(&args)?, &args.branch)?;
    let hub = HttpHub::new(HttpHubOptions {
        url: args.hub.clone(),
        token_file: args.token_file.clone(),
        ca_file: args.hub_ca_file.clone(),
    })?;
    let (client, own_namespace) = client(&args).await?;
    let mut config = Config::new(&args.cluster, args.data_dir.clone(), Timestamp::now(), rand::random());
    config.polling = Polling::every(args.poll_interval);
    config.in_flight = args.in_flight.max(1);
    config.lease_namespace = args.lease_namespace.clone().unwrap_or(own_namespace);
    let attributes = [(CLUSTER, args.cluster.clone())];
    let traces =
        Traces::start("shipper-agent", env!("CARGO_PKG_VERSION"), args.otlp_endpoint.as_deref(), attributes)?;
    config.traces = traces.clone();
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| args.cluster.clone());
    config.identity = identity(&args.data_dir, &host, config.seed)
        .with_context(|| format!("cannot keep a name in the data directory {}", args.data_dir.display()))?;
    let app = App::build(config, client, Arc::new(hub), source);
    if let Some(address) = args.listen {
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        let router = app.status().router();
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "health and metrics are no longer served");
            }
        });
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    app.run(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
    .await;
    // Blocks while the last ones are sent by this very runtime.
    tokio::task::spawn_blocking(move || traces.flush()).await?;
    Ok(())
}

/// The client, and the namespace that is the agent's own.
async fn client(args: &Args) -> Result<(kube::Client, String)> {
    let (mut config, namespace) = match &args.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path)
                .with_context(|| format!("cannot read the kubeconfig {}", path.display()))?;
            let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
                .await
                .with_context(|| format!("the kubeconfig {} cannot be used", path.display()))?;
            (config, "kube-system".to_owned())
        }
        None => {
            let config = kube::Config::incluster()
                .context("not in a cluster; give --kubeconfig to act in one from outside")?;
            let namespace = config.default_namespace.clone();
            (config, namespace)
        }
    };
    // The agent counts, paces and repeats its requests itself.
    config.default_retry = false;
    Ok((kube::Client::try_from(config).context("no client for the API server can be made")?, namespace))
}

fn remote(args: &Args) -> Result<RemoteConfig> {
    let mut remote = RemoteConfig::new(args.repository.parse().context("--repository")?);
    if let Some(path) = &args.repository_token_file {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the repository's token from {}", path.display()))?;
        remote.credentials = match text.trim().split_once(':') {
            Some((user, password)) => {
                Credentials::Basic { user: user.to_owned(), password: Secret::new(password) }
            }
            // Git hosts take a token as the password of any user.
            None => Credentials::Basic { user: "git".to_owned(), password: Secret::new(text.trim()) },
        };
    }
    remote.ca_file.clone_from(&args.repository_ca_file);
    remote.ssh.identity_file.clone_from(&args.ssh_key_file);
    remote.ssh.known_hosts_file.clone_from(&args.ssh_known_hosts_file);
    Ok(remote)
}
