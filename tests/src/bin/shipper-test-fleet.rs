//! Starts the clusters that the end-to-end tests use, for looking around by hand: `shipper-test-fleet [CLUSTERS]`.
//!
//! It prints what runs and how to reach it, and keeps all of it alive until it ends itself.

use std::io::{Write, stdout};

use anyhow::{Context, Result};
use shipper_tests::cluster::Options;
use shipper_tests::fleet::Fleet;

#[tokio::main]
async fn main() -> Result<()> {
    let count: usize = match std::env::args().nth(1) {
        Some(argument) => {
            argument.parse().with_context(|| format!("not a number of clusters: {argument}"))?
        }
        None => 1,
    };
    let fleet =
        Fleet::start((1..=count).map(|number| Options::named(&format!("cluster-{number}"))).collect())
            .await?;
    for cluster in fleet.clusters() {
        let processes = [
            cluster.etcd(),
            cluster.api_server(),
            cluster.controller_manager(),
            cluster.scheduler(),
            cluster.kwok(),
        ];
        for process in processes {
            let pid = process.pid().with_context(|| format!("{} does not run", process.name()))?;
            writeln!(stdout(), "process {pid} {} {}", cluster.name(), process.name())?;
        }
        writeln!(stdout(), "kubeconfig {}", cluster.kubeconfig_path().display())?;
    }
    writeln!(stdout(), "ready; interrupt to end")?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}
