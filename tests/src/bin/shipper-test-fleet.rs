//! Starts the clusters that the end-to-end tests use, for looking around by hand: `shipper-test-fleet [CLUSTERS [real]]`,
//! with a real node each if asked.
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
    let real = std::env::args().nth(2).is_some_and(|argument| argument == "real");
    let options = if real { Options::with_real_node } else { Options::named };
    let fleet =
        Fleet::start((1..=count).map(|number| options(&format!("cluster-{number}"))).collect()).await?;
    for cluster in fleet.clusters() {
        let mut processes = vec![
            cluster.etcd(),
            cluster.api_server(),
            cluster.controller_manager(),
            cluster.scheduler(),
            cluster.kwok(),
        ];
        if let Ok(node) = cluster.real_node() {
            processes.extend([node.first_process(), &node.containerd, &node.kubelet, &node.kube_proxy]);
        }
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
