//! The demo on real control planes: `cargo xtask demo --real`. The clusters are those of the end-to-end tests; everything
//! else, story included, is `shipperctl demo`.

use std::io::stderr;
use std::process::ExitCode;

use anyhow::Result;
use futures::future::BoxFuture;
use shipper_tests::cluster::Options;
use shipper_tests::fleet::Fleet;
use shipperctl::demo::{Clusters, Running};
use tracing_subscriber::EnvFilter;

/// Control planes, once they are started.
#[derive(Debug, Default)]
struct Real(Option<Fleet>);

impl Clusters for Real {
    fn kind(&self) -> &'static str {
        "real control planes (kwok plays nodes and pods)"
    }

    fn start<'a>(&'a mut self, names: &'a [&'static str]) -> BoxFuture<'a, Result<Vec<Running>, String>> {
        Box::pin(async move {
            let fleet = Fleet::start(names.iter().map(|name| Options::named(name)).collect());
            let fleet = fleet.await.map_err(|error| format!("{error:#}"))?;
            let running = running(&fleet).await.map_err(|error| format!("{error:#}"))?;
            self.0 = Some(fleet);
            Ok(running)
        })
    }
}

async fn running(fleet: &Fleet) -> Result<Vec<Running>> {
    let mut running = Vec::new();
    for cluster in fleet.clusters() {
        let mut config = cluster.config().await?;
        // The agent counts, paces and repeats its requests itself.
        config.default_retry = false;
        let kubeconfig = Some(cluster.kubeconfig_path().to_owned());
        running.push(Running { client: config.try_into()?, kubeconfig });
    }
    Ok(running)
}

fn main() -> ExitCode {
    // Only who asks for logs gets any: the terminal is for the story.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).init();
    shipperctl::demo_main(&mut Real::default(), |options| {
        // Where it cannot be had, the demo says so.
        options.helm = options.helm.take().or_else(|| shipper_toolchain::helm(&mut stderr()).ok());
        let beside = std::env::current_exe().map(|program| program.with_file_name("shipperctl"));
        options.program = beside.ok().filter(|program| program.is_file());
    })
}
